"""What several commands measure of a model on rows, and the warnings that follow."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.cli import console
from headstart.corpus import Corpus
from headstart.evaluation.binary import imbalance_warning
from headstart.evaluation.figures import below_chance
from headstart.plain import Facts, Json
from headstart.predictor import Predictor
from headstart.predictor.counting import quality_sentences
from headstart.tasks import Task


def measured(predictor: Predictor, corpus: Corpus, device: Any, *, details: bool = False) -> Json:
    """Return the metrics of a model on labelled rows, and data-quality counts; see `headstart.tasks.Task.details` for those."""
    scores = predictor.score(corpus, device=device)
    task, learnt_from = predictor.answers, predictor.learnt_from
    given = np.asarray(corpus.labels), scores.probabilities, predictor.rule
    abstained = {}
    if predictor.rule.abstain_below is not None:
        abstained["n_abstained"] = int(task.abstains(scores.probabilities, predictor.rule).sum())
    return {
        **task.measure(*given),
        **scores.counts,
        **abstained,
        **(task.details(*given) if details else {}),
        "n_seen_in_training": None if learnt_from is None else learnt_from.overlap(corpus.texts).n,
    }


def chance_sentence(found: Facts, task: Task) -> str | None:
    """Return a sentence where what was measured is no better than one answer for all rows."""
    return imbalance_warning(found) if task.kind == "binary" else below_chance(task.primary, found)


def warn_of_quality(counts: Facts, predictor: Predictor, *, of: str = "") -> None:
    """Say what the counts of rows tell of them; `of` names the rows."""
    for sentence in quality_sentences(counts, {} if predictor.encoder is None else predictor.encoder.types):
        console.warn(f"{of}: {sentence}" if of else sentence)
