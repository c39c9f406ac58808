"""How good predicted numbers are. Targets and scores are numbers [rows]."""

from __future__ import annotations

import numpy as np

from headstart.arrays import Array, Doubles
from headstart.evaluation.metric import Metric, constant, mean_of_rows
from headstart.plain import Json

_SHARES = (5, 25, 50, 75, 95)


def _r2(targets: Array, predicted: Doubles) -> tuple[float, Doubles]:
    """One less the mean squared error over the targets' variance; its influence by the delta method."""
    n = len(targets)
    squared, around = (predicted - targets) ** 2, (targets - targets.mean()) ** 2
    error, variance = float(squared.mean()), float(around.mean())
    if variance == 0:
        return 0.0, np.zeros(n)
    moved = -(squared - error) / variance + error / variance**2 * (around - variance)
    return 1 - error / variance, moved / np.sqrt(n * max(1, n - 1))


def _spearman(targets: Array, predicted: Doubles) -> tuple[float, Doubles]:
    """The correlation of ranks, equal ones sharing theirs, and its influence by the delta method: a row moves it by its own
    ranks, and by what it moves the ranks of the rows above it by. Without two ranks it is 0.
    """
    n = len(targets)
    of_true, of_said = _Ranks(np.asarray(targets, np.float64)), _Ranks(np.asarray(predicted, np.float64))
    u, v = of_true.places, of_said.places
    together, of_u, of_v = float(np.mean(u * v)), float(np.mean(u * u)), float(np.mean(v * v))
    if of_u == 0 or of_v == 0:
        return 0.0, np.zeros(n)
    value = together / np.sqrt(of_u * of_v)
    moved = (u * v + of_true.above(v) + of_said.above(u)) / np.sqrt(of_u * of_v)
    moved -= value / 2 * ((u * u + 2 * of_true.above(u)) / of_u + (v * v + 2 * of_said.above(v)) / of_v)
    return float(value), (moved - moved.mean()) / np.sqrt(n * max(1, n - 1))


class _Ranks:
    """Ranks of numbers as places about zero, from -1/2 to 1/2: the share of rows below, half of the equal ones with it."""

    def __init__(self, numbers: Doubles) -> None:
        levels, self._level = np.unique(numbers, return_inverse=True)
        self._n_levels = len(levels)
        self.places: Doubles = self._middle(np.bincount(self._level).astype(np.float64)) - 0.5

    def above(self, values: Doubles) -> Doubles:
        """Return the share of the mean of values that stands at the rows above each row, half of the equal ones with it."""
        at = np.bincount(self._level, values, self._n_levels).astype(np.float64)
        found: Doubles = values.mean() - self._middle(at)
        return found

    def _middle(self, at: Doubles) -> Doubles:
        found: Doubles = ((np.cumsum(at) - at / 2) / len(self._level))[self._level]
        return found


def residual_figures(targets: Array, predicted: Doubles) -> Json:
    """Return the mean and the quantiles of what was predicted less what is true, by their percentage."""
    off = np.asarray(predicted, np.float64) - targets
    quantiles = {str(share): float(np.percentile(off, share)) for share in _SHARES}
    return {"mean": float(off.mean()), "rmse": float(np.sqrt(np.mean(off**2))), **quantiles}


MAE = Metric(
    "mae",
    mean_of_rows(lambda y, p: np.abs(p - y)),
    lambda y: constant(y, float(np.median(y))),
    higher_is_better=False,
    negligible=0.02,
    between_0_and_1=False,
    in_units=True,
    title="MAE",
)
"""Mean absolute error, in the target's own unit."""

_R2 = Metric(
    "r2",
    _r2,
    lambda y: constant(y, float(np.mean(y))),
    negligible=0.02,
    between_0_and_1=False,
    needs="two values",
    title="R²",
)

METRICS = {
    metric.name: metric
    for metric in (
        MAE,
        _R2,
        _R2._replace(name="spearman", influence=_spearman, title="rank correlation"),
    )
}
"""Metrics of numbers by name; the rank correlation is Spearman's."""
