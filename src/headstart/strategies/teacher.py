"""A model that labels texts for another one to learn from: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural
Network", 2015 (arXiv:1503.02531). Its probabilities stand in for labels, so that what it is unsure of is learnt as that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from headstart.arrays import Array, Doubles, Floats
from headstart.corpus import Corpus
from headstart.errors import DataError, OptionError
from headstart.evaluation import sigmoid
from headstart.fitting.calibration import rule_of_goals
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.predictor.class_labels import stored_classes
from headstart.tasks import Rule, Task


def check_teacher(model: Predictor) -> None:
    """Refuse a model that reads other than texts alone: what it says is asked and kept by the text.

    Raises:
        OptionError: says what it reads.
    """
    if model.reads_kind != "text" or model.columns:
        read = (
            f"the columns {', '.join(model.columns)} too"
            if model.reads_kind == "text"
            else f"rows of the kind {model.reads_kind!r}"
        )
        raise OptionError(
            f"this model reads {read}, and distil teaches networks of texts by texts alone; train one on your rows."
        )


@dataclass(frozen=True)
class Teacher:
    """What a model says of texts; each is scored once.

    Attributes:
        model: the teacher.
        device: where it computes.

    Raises:
        OptionError: it reads other than texts.
    """

    model: Predictor
    device: str = "cpu"
    _logits: dict[str | None, Array] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_teacher(self.model)

    @property
    def task(self) -> Task:
        """The kind of its answers, and of its student's."""
        return self.model.answers

    def logits(self, corpus: Corpus) -> Doubles:
        """Return its logits of texts [rows], or [rows, outputs]."""
        texts = corpus.texts.to_pylist()
        first = {text: row for row, text in reversed(list(enumerate(texts))) if text not in self._logits}
        if first:
            rows = corpus.take(np.array([*first.values()]))
            found = self.model.score(replace(rows, labels=None), device=self.device).logits
            self._logits.update(zip(first, found, strict=True))
        return np.array([self._logits[text] for text in texts], np.float64)

    def labelled(self, corpus: Corpus) -> Corpus:
        """Return texts with its decisions for labels.

        Raises:
            DataError: it says the same of all of them.
        """
        sure = self.model.with_rule(abstain_below=None)
        labels = sure.decide(sure.probabilities(self.logits(corpus)))
        if len(corpus) and (labels == labels[0]).all():
            raise DataError(
                f"the model says the same of all {len(corpus):,} texts, so there is nothing to learn from them; give texts of which it "
                "says different things."
            )
        task, values = self.task, tuple(stored_classes(self.model).values)
        return replace(corpus, labels=labels, label_names=task.names, label_values=values, kind=task.kind)

    def goals(self, corpus: Corpus, task: Task) -> Floats:
        """Return what a student's outputs learn of texts: probabilities, float32 [rows], or [rows, outputs]; of numbers, these."""
        if task.kind == "regression":
            return task.goals(np.asarray(self.labelled(corpus).labels))
        logits = self.logits(corpus)
        if task.kind == "ordinal":
            return sigmoid(self.model.rule.calibrated(logits)).astype(np.float32)
        return self.model.probabilities(logits).astype(np.float32)

    def rule(self, task: Task, logits: Doubles, corpus: Corpus) -> Rule | None:
        """Return what makes its probabilities of a student's logits; None where its decisions have to serve."""
        if task.kind not in ("binary", "multiclass", "multilabel"):
            return None
        return rule_of_goals(logits, self.goals(corpus, task), link=task.link)

    @property
    def training(self) -> Json:
        """Options of the student's `Trainer`: labels that are none of two classes have no AUC, and nothing is to be smoothed."""
        return {"task": None, "monitor": "valid_loss", "label_smoothing": 0.0}
