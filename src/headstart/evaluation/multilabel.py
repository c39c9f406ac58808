"""How good the probabilities of several labels are, of which any number may be right.

Targets are 0 and 1 [rows, labels]; scores are margins [rows, labels], 0 or more where a label is predicted.
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import Array, Doubles
from headstart.evaluation.metric import Metric, constant


def _micro_f1(targets: Array, margins: Doubles) -> tuple[float, Doubles]:
    """F1 of all decisions together; its influence by the delta method for a ratio of two means."""
    predicted, true = margins >= 0, np.asarray(targets) > 0
    hits, either = 2.0 * (predicted & true).sum(1), predicted.sum(1) + true.sum(1).astype(np.float64)
    total, n = float(either.sum()), len(either)
    if total == 0:
        return 0.0, np.zeros(n)
    value = float(hits.sum()) / total
    return value, (hits - value * either) / total * np.sqrt(n / max(1, n - 1))


def _macro_f1(targets: Array, margins: Doubles) -> tuple[float, Doubles]:
    """The mean F1 of the labels that have rows."""
    predicted, true = margins >= 0, np.asarray(targets) > 0
    there, n = true.any(0), len(true)
    if not there.any():
        return 0.0, np.zeros(n)
    predicted, true = predicted[:, there], true[:, there]
    either = predicted.sum(0) + true.sum(0)
    f1 = 2 * (predicted & true).sum(0) / either
    moved = ((2 * (predicted & true) - f1 * (predicted.astype(np.float64) + true)) / either).mean(1)
    return float(f1.mean()), moved * np.sqrt(n / max(1, n - 1))


def _macro_average_precision(targets: Array, margins: Doubles) -> tuple[float, Doubles]:
    """The mean average precision of the labels that have rows."""
    true = np.asarray(targets) > 0
    labels, n = np.flatnonzero(true.any(0)), len(true)
    total, moved = 0.0, np.zeros(n)
    for label in labels:
        value, influence = _average_precision(true[:, label], margins[:, label])
        total, moved = total + value, moved + influence
    return total / max(1, len(labels)), moved / max(1, len(labels))


def _average_precision(true: Array, scores: Doubles) -> tuple[float, Doubles]:
    """The mean precision at the true rows' scores, nothing interpolated, and its influence by the delta method.

    A row moves it by its own precision, by the number of true rows, and by the precision at every true row below it.
    """
    levels, level = np.unique(-scores, return_inverse=True)  # 0 is the highest score; equal ones share a level
    n_levels, n = len(levels), len(scores)
    n_true = np.bincount(level, true, n_levels)
    above = np.cumsum(np.bincount(level, minlength=n_levels))  # rows at or above a level
    precision = np.cumsum(n_true) / above
    value = float(n_true @ precision / n_true.sum())
    below = np.cumsum((n_true / above)[::-1])[::-1]  # over the true rows at or below a level
    precision_below = np.cumsum((n_true * precision / above)[::-1])[::-1]
    moved = true * (precision[level] - value) + true * below[level] - precision_below[level]
    return value, moved / n_true.sum() * np.sqrt(n / max(1, n - 1))


def _best_set(targets: Array) -> Doubles:
    """The labels that give the highest micro F1 if predicted for every row: the commonest, as many as pay."""
    counts = (np.asarray(targets) > 0).sum(0)
    order = np.argsort(-counts, kind="stable")
    f1 = 2 * np.cumsum(counts[order]) / (len(targets) * np.arange(1, len(counts) + 1) + max(1, counts.sum()))
    margins = np.full(len(counts), -1.0)
    margins[order[: int(f1.argmax()) + 1]] = 1.0
    return constant(targets, margins)


def _all_labels(targets: Array) -> Doubles:
    return constant(targets, np.ones(np.shape(targets)[1]))


MICRO_F1 = Metric("micro_f1", _micro_f1, _best_set, title="micro F1")

METRICS = {
    metric.name: metric
    for metric in (
        MICRO_F1,
        Metric("macro_f1", _macro_f1, _all_labels, needs="every label", title="macro F1"),
        Metric(
            "macro_average_precision",
            _macro_average_precision,
            _all_labels,
            needs="every label",
            title="macro average precision",
        ),
    )
}
"""Metrics of several labels by name."""
