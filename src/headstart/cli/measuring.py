"""What several commands measure of a model on rows, and the warnings that follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from headstart.cli import console
from headstart.corpus import Corpus
from headstart.estimators import TextEstimator
from headstart.predictor import Predictor
from headstart.predictor.counting import quality_sentences

__all__ = ["measured", "warn_of_quality"]


def measured(model: TextEstimator, corpus: Corpus) -> dict[str, Any]:
    """Return the metrics of a model on labelled rows, and data-quality counts."""
    predictor, scores = model.predictor_, model.score_rows(corpus)
    learnt_from = predictor.learnt_from
    return {
        **predictor.answers.measure(np.asarray(corpus.labels), scores.probabilities, predictor.rule),
        **scores.counts,
        "n_seen_in_training": None if learnt_from is None else learnt_from.overlap(corpus.texts).n,
    }


def warn_of_quality(counts: Mapping[str, Any], predictor: Predictor, *, of: str = "") -> None:
    """Say what the counts of rows tell of them; `of` names the rows."""
    for sentence in quality_sentences(counts, {} if predictor.encoder is None else predictor.encoder.types):
        console.warn(f"{of}: {sentence}" if of else sentence)
