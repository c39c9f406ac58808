"""How good the probabilities of several classes are, of which one is right.

Targets are class codes [rows], scores are probabilities [rows, classes].
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import Array, Doubles
from headstart.evaluation.binary import auc_influence
from headstart.evaluation.classes import mean_f1, one_hot
from headstart.evaluation.metric import Metric, constant, mean_of_rows


def _shares(targets: Array) -> Doubles:
    """Everybody's probabilities: the classes' shares of the rows."""
    return constant(targets, np.bincount(targets) / len(targets))


def _commonest(targets: Array) -> Doubles:
    """The commonest class, for sure."""
    counts = np.bincount(targets)
    return constant(targets, one_hot(int(counts.argmax()), len(counts)))


def _log_losses(targets: Array, probabilities: Doubles) -> Doubles:
    least = np.finfo(probabilities.dtype).eps
    of_true = probabilities[np.arange(len(targets)), targets]
    return np.asarray(-np.log(np.clip(of_true, least, 1 - least).astype(np.float64)))


def _macro_auc(targets: Array, probabilities: Doubles) -> tuple[float, Doubles]:
    """Mean AUC of each class against the rest, over the classes that have rows; one class alone is worth one half."""
    classes = np.unique(targets)
    if len(classes) < 2:
        return 0.5, np.zeros(len(targets))
    total, moved = 0.0, np.zeros(len(targets))
    for code in classes:
        value, influence = auc_influence((targets == code).astype(np.int64), probabilities[:, code])
        total, moved = total + value, moved + influence
    return total / len(classes), moved / len(classes)


ACCURACY = Metric("accuracy", mean_of_rows(lambda targets, p: p.argmax(1) == targets), _commonest)

METRICS = {
    metric.name: metric
    for metric in (
        ACCURACY,
        Metric("macro_auc", _macro_auc, _shares, takes="probabilities", needs="every label", title="macro AUC"),
        Metric("macro_f1", lambda y, p: mean_f1(y, p.argmax(1)), _commonest, needs="every label", title="macro F1"),
        Metric(
            "log_loss",
            mean_of_rows(_log_losses),
            _shares,
            higher_is_better=False,
            between_0_and_1=False,
            takes="probabilities",
        ),
    )
}
"""Metrics of several classes by name. Macro AUC is that of each class against the rest."""
