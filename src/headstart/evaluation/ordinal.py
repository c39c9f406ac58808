"""How good the probabilities of ordered classes are.

Targets are class codes [rows], scores are probabilities [rows, classes]. What is measured is the median class.
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import Array, Doubles, Places
from headstart.evaluation.classes import one_hot
from headstart.evaluation.metric import Metric, constant, mean_of_groups, mean_of_rows


def median_class(probabilities: Doubles) -> Places:
    """Return the class at which half of the probability is reached [rows]: no other is nearer on average."""
    found: Places = (np.cumsum(probabilities, axis=1)[:, :-1] < 0.5).sum(1)
    return found


def _quadratic_kappa(targets: Array, probabilities: Doubles) -> tuple[float, Doubles]:
    """Cohen's kappa with quadratic weights (Psychological Bulletin 70:213-220, 1968), of the median class.

    One less the mean squared distance over the one of independent pairs; its influence by the delta method.
    """
    said, true = median_class(probabilities).astype(np.float64), np.asarray(targets, np.float64)
    n, of_said, of_true = len(true), float(said.mean()), float(true.mean())
    apart = (said - true) ** 2
    expected = float((said**2).mean() + (true**2).mean() - 2 * of_said * of_true)
    if expected == 0:
        return 0.0, np.zeros(n)
    distance = float(apart.mean())
    moved = said**2 + true**2 - 2 * (said * of_true + true * of_said) + 2 * of_said * of_true - expected
    influence = -(apart - distance) / expected + distance / expected**2 * moved
    return 1 - distance / expected, influence / np.sqrt(n * max(1, n - 1))


def _macro_mae(targets: Array, probabilities: Doubles) -> tuple[float, Doubles]:
    """How many classes off the median class is, averaged over the true classes that have rows."""
    apart = np.abs(median_class(probabilities) - targets).astype(np.float64)
    return mean_of_groups(apart, np.asarray(targets, np.int64), int(np.max(targets)) + 1)


def _commonest(targets: Array) -> Doubles:
    counts = np.bincount(targets)
    return constant(targets, one_hot(int(counts.argmax()), len(counts)))


def _middle(targets: Array) -> Doubles:
    """The median of the classes that have rows, each counted once."""
    there = np.unique(targets)
    return constant(targets, one_hot(int(there[(len(there) - 1) // 2]), int(there[-1]) + 1))


KAPPA = Metric(
    "kappa",
    _quadratic_kappa,
    _commonest,
    negligible=0.02,
    between_0_and_1=False,
    needs="two values",
    title="quadratic kappa",
)

_MACRO_MAE = Metric(
    "macro_mae",
    _macro_mae,
    _middle,
    higher_is_better=False,
    negligible=0.02,
    between_0_and_1=False,
    in_units=True,
    needs="every label",
    title="macro MAE",
)

_ACCURACY = Metric("accuracy", mean_of_rows(lambda targets, p: median_class(p) == targets), _commonest)

METRICS = {metric.name: metric for metric in (KAPPA, _ACCURACY, _MACRO_MAE)}
"""Metrics of ordered classes by name; the macro MAE is in classes."""
