"""What kind of answer a model gives, and everything that follows from it.

Two ideas keep the five kinds small. *A kind of one output* (binary, ordinal, numbers) learns a target between 0 and 1, its
`goals`, by one logit: whatever can learn the probability of a label can learn these too (fractional logistic regression:
Papke and Wooldridge, Journal of Applied Econometrics 11:619-632, 1996). What a logit means, in classes or in the target's
unit, is fitted on rows that were not learnt from, and stands in the `Rule`. *A kind of several outputs* (multi-class,
multi-label) has a logit a class or a label, and a goal of 0 or 1 for each.

Shapes: targets are class codes int64 [rows], 0 and 1 int8 [rows, labels], or numbers float64 [rows]. Logits and goals are
[rows] of one output, [rows, outputs] of several. Probabilities are [rows] (of a binary task's second label), [rows, classes],
or the predicted numbers [rows].
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from headstart.arrays import Array, Doubles, Flags, Floats, Places, Strings
from headstart.errors import unknown_name
from headstart.evaluation.classes import class_figures, confusion
from headstart.evaluation.figures import figures
from headstart.evaluation.metric import Metric
from headstart.plain import Facts, Json
from headstart.records import Fraction, Number, Record

_MOST_NAMED = 12


_Numbers = tuple[Number, ...]


class Rule(Record, frozen=True):
    """How logits become probabilities and decisions: what was fitted on rows that were not learnt from.

    Attributes:
        calibration: slope and intercept put on a logit before it becomes a probability.
        threshold: probability from which a label is predicted.
        factors: of several labels, on the logit of each; empty where `calibration` holds for all.
        offsets: of several labels, added to each scaled logit; of several classes, added to each logit; of ordered classes
            the cuts between them [classes - 1], ascending.
        thresholds: probability from which each of several labels is predicted; empty where `threshold` holds for all. Of
            ordered classes the expected code from which the next one is predicted [classes - 1], ascending; empty for medians.
        inputs: where the map from a probability to a number has its knots, ascending.
        values: the numbers there.
        coverage: of the conformal sets or intervals that the model gives, such as .9; None where it gives none.
        quantile: of the conformity scores at that coverage.
        costs: of predicting each class where each is true, the true ones row after row [classes * classes]; empty where every
            mistake costs the same.
        abstain_below: no class is predicted where its probability lies below this; None where one always is.
    """

    calibration: tuple[Number, Number] = (1.0, 0.0)
    threshold: Fraction = 0.5
    factors: _Numbers = ()
    offsets: _Numbers = ()
    thresholds: _Numbers = ()
    inputs: _Numbers = ()
    values: _Numbers = ()
    coverage: Fraction | None = None
    quantile: Number | None = None
    costs: _Numbers = ()
    abstain_below: Fraction | None = None

    def calibrated(self, logits: Doubles) -> Doubles:
        """Return slope times logits plus intercept."""
        slope, intercept = self.calibration
        with np.errstate(over="ignore"):
            found: Doubles = slope * logits + intercept
        return found

    def cheapest(self, probabilities: Doubles) -> Places:
        """Return the class whose expected cost is the least, of probabilities [rows, classes]: codes [rows]."""
        n_classes = probabilities.shape[1]
        found: Places = (probabilities @ np.reshape(self.costs, (n_classes, n_classes))).argmin(1)
        return found


PLAIN = Rule()
"""Logits as they are, and a threshold of one half."""


@dataclass(frozen=True)
class Task(ABC):
    """A kind of answer.

    Attributes:
        names: of classes or labels, in the order of their codes; none for numbers.
        kind: as ``--task`` calls it.
        primary: what stops training, ranks strategies and decides a verdict; see `scores` for what it takes.
        metrics: all that are measured, by name, the primary one first.
        link: what makes probabilities of logits, and so the loss: ``"sigmoid"``, each output by itself, or ``"softmax"``.
    """

    names: tuple[str, ...] = ()

    kind: ClassVar[str]
    primary: ClassVar[Metric]
    metrics: ClassVar[Mapping[str, Metric]]
    link: ClassVar[Literal["sigmoid", "softmax"]] = "sigmoid"

    @property
    def n_outputs(self) -> int:
        """Logits a row."""
        return 1

    def metric(self, name: str | None) -> Metric:
        """Return one of `metrics` by its name; the primary one for None.

        Raises:
            OptionError: there is none of this name.
        """
        if name is not None and name not in self.metrics:
            raise unknown_name(f"metric of {self.said()} called", name, self.metrics)
        return self.primary if name is None else self.metrics[name]

    @abstractmethod
    def goals(self, targets: Array) -> Floats:
        """Return what the outputs learn, between 0 and 1: float32 [rows], or [rows, outputs] of several."""

    def targets(self, labels: Floats) -> Array:
        """Return the targets behind what a network is given to learn [rows] or [rows, labels]: goals, or of several classes
        their codes; of goals that are no target's own, such as pseudo-labels, the nearest.
        """
        return np.rint(labels).astype(np.int64)

    @abstractmethod
    def probabilities(self, logits: Doubles, rule: Rule) -> Doubles:
        """Return probabilities (or numbers) of logits; see the module's text for shapes."""

    @abstractmethod
    def decide(self, probabilities: Doubles, rule: Rule) -> Array:
        """Return decisions as targets are given: class codes, 0 and 1 a label, or numbers."""

    def measure(self, targets: Array, probabilities: Doubles, rule: Rule = PLAIN) -> Json:
        """Return every figure by name, JSON-able; see `headstart.evaluation.figures.figures`, and of a binary task
        `headstart.evaluation.evaluate_scores`.

        Raises:
            DataError: no rows, unequal lengths, or what is no finite number.
        """

        def taken(metric: Metric) -> Doubles:
            return self.taken(metric, probabilities, probabilities, rule)

        return figures(self.metrics, targets, taken, self.names)

    def details(self, targets: Array, probabilities: Doubles, rule: Rule = PLAIN) -> Json:
        """Return what is told next to the figures, JSON-able: ``classes`` (precision, recall, F1 and support of each) and
        ``confusion``, see `headstart.evaluation.classes`.
        """
        true, said = (np.asarray(codes, np.int64) for codes in (targets, self.decide(probabilities, rule)))
        return {
            "classes": class_figures(true, said, self.names),
            "confusion": confusion(true, said, self.names),
        }

    @abstractmethod
    def strata(self, targets: Array) -> Places:
        """Return codes [rows] by which rows are drawn and divided in equal proportions."""

    def taken(self, metric: Metric, logits: Doubles, probabilities: Doubles, rule: Rule) -> Doubles:
        """Return what one of `metrics` takes."""
        if metric.takes == "decisions":
            return np.asarray(self.decide(probabilities, rule), np.float64)
        return probabilities if metric.takes == "probabilities" else self.scores(logits, probabilities, rule)

    def scores(self, logits: Doubles, probabilities: Doubles, rule: Rule) -> Doubles:
        """Return what `primary` takes: the probabilities, unless the kind says otherwise."""
        return probabilities

    def misfits(self, probabilities: Doubles) -> Doubles:
        """Return how badly each class or label fits a row [rows, classes]: the conformity scores of `sets`, the less the better."""
        return np.asarray(1 - probabilities)

    def misfit(self, probabilities: Doubles, targets: Array) -> Doubles:
        """Return how badly the truth fits each row [rows]; of several labels, that which fits worst."""
        return np.asarray(self.misfits(probabilities)[np.arange(len(targets)), np.asarray(targets)])

    def sets(self, probabilities: Doubles, rule: Rule) -> Array:
        """Return which classes or labels the conformal set of each row holds, bool [rows, classes]; an interval of numbers.

        A set may be empty, where no class fits a row as well as the truth fits others.
        """
        return np.asarray(self.misfits(probabilities) <= (np.inf if rule.quantile is None else rule.quantile))

    def columns(self, probabilities: Doubles, rule: Rule) -> dict[str, Array]:
        """Return what ``predict`` writes, by column: ``prediction``, ``probability_NAME`` of each class or label, and
        ``label_set``, lists of names, of a model that gives conformal sets.
        """
        each = {f"probability_{name}": probabilities[:, i] for i, name in enumerate(self.names)}
        return {"prediction": self.predicted(probabilities, rule), **each, **self.label_sets(probabilities, rule)}

    def label_sets(self, probabilities: Doubles, rule: Rule) -> dict[str, Array]:
        """Return the names in each row's conformal set as the column ``label_set``; no column of a model that gives none."""
        if rule.quantile is None:
            return {}
        found = np.empty(len(probabilities), dtype=object)
        found[:] = [[self.names[i] for i in np.flatnonzero(row)] for row in self.sets(probabilities, rule)]
        return {"label_set": found}

    def abstains(self, probabilities: Doubles, rule: Rule) -> Flags:
        """Return where the predicted class is less likely than `Rule.abstain_below` [rows]; a set or a number never abstains."""
        found = np.zeros(len(probabilities), bool)
        decisions = self.decide(probabilities, rule)
        if rule.abstain_below is None or decisions.dtype.kind != "i" or decisions.ndim > 1:
            return found
        both = probabilities if probabilities.ndim > 1 else np.stack([1 - probabilities, probabilities], axis=1)
        found[:] = both[np.arange(len(both)), decisions] < rule.abstain_below
        return found

    def predicted(self, probabilities: Doubles, rule: Rule) -> Array:
        """Return what is predicted of each row as the user calls it (see `named`); None where the rule abstains [rows]."""
        found = self.named(self.decide(probabilities, rule))
        if (unsure := self.abstains(probabilities, rule)).any():
            found[unsure] = None
        return found

    def named(self, decisions: Array) -> Array:
        """Return decisions as the user calls them: names [rows], lists of names [rows], or numbers [rows]."""
        names: Strings = np.array(self.names, dtype=object)
        found: Array = names[decisions]
        return found

    def to_json(self) -> Json:
        """Return what rebuilds the task, JSON-able."""
        return {"kind": self.kind, "names": list(self.names)}

    @classmethod
    def from_json(cls, stored: Facts) -> Task:
        """Build the task again from what `to_json` gave."""
        return cls(tuple(map(str, stored["names"])))

    def said(self) -> str:
        """Return the task in a few words, for people."""
        return f"{self.kind}, {len(self.names)} classes{self._first_names()}"

    def _first_names(self) -> str:
        more = f" and {len(self.names) - _MOST_NAMED} more" if len(self.names) > _MOST_NAMED else ""
        return f": {', '.join(self.names[:_MOST_NAMED])}{more}" if self.names else ""
