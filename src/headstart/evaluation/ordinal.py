"""How good the probabilities of ordered classes are.

Targets are class codes [rows], scores are probabilities [rows, classes].
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import Array, Doubles, Places
from headstart.evaluation.metric import Metric

__all__ = ["KAPPA", "median_class"]


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


KAPPA = Metric("kappa", _quadratic_kappa, chance_level=0.0, between_0_and_1=False)
"""Quadratic weighted kappa."""
