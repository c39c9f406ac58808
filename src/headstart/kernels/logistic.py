"""Logistic regression by coordinates of its dual: a sweep over the rows, each solved exactly, in one compiled loop.

The loss of a row is ``max over p of p z + H(p) - t z``, H being the entropy, so the best weights are
``C * sum of (t - p) x`` for the best probabilities p, one a row. A sweep visits every row once, finds its best p with
the others held, and moves the weights along: Yu, Huang and Lin, "Dual coordinate descent methods for logistic
regression and maximum entropy models", Machine Learning 85, 2011. Each row is read twice a sweep, nothing else is
kept, and some twenty sweeps settle what a quasi-Newton method wants a hundred passes for.
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import Doubles, Floats, Places
from headstart.kernels.compiling import compiled

__all__ = ["sweep"]

_MOST_STEPS = 30
_CLOSE = 1e-7


@compiled(part=True)
def _probability(logit: float) -> float:
    if logit >= 0:
        return float(1.0 / (1.0 + np.exp(-logit)))
    grown = np.exp(logit)
    return float(grown / (1.0 + grown))


@compiled(part=True)
def _best(logit: float, before: float, curvature: float) -> float:
    """Solve ``u = logit - curvature * (sigmoid(u) - before)`` for u, by Newton's method between bounds; sigmoid(u)."""
    low, high = logit - curvature * (1.0 - before), logit + curvature * before
    u = min(max(logit, low), high)
    for _ in range(_MOST_STEPS):
        p = _probability(u)
        error = u - logit + curvature * (p - before)
        if error > 0:
            high = u
        else:
            low = u
        step = error / (1.0 + curvature * p * (1.0 - p))
        after = u - step
        if after < low or after > high:
            after = 0.5 * (low + high)
        if abs(after - u) < _CLOSE:
            return float(_probability(after))
        u = after
    return float(_probability(u))


@compiled
def sweep(
    ends: Places,
    places: Places,
    values: Floats,
    order: Places,
    squares: Doubles,
    penalties: Doubles,
    weights: Floats,
    p: Doubles,
) -> float:
    """Visit rows in an order, move their ``p`` and the ``weights``, and return how far all ``p`` moved together.

    Args:
        ends: of each row among places and values, beginning with 0 [rows + 1].
        places: which weight a value belongs to [values].
        values: float32 [values].
        order: rows to visit.
        squares: of each row, the sum of its squared values and of the intercept's 1 [rows].
        penalties: C of each row, float64: C times what the row counts for [rows].
        weights: float32, the last one the intercept; changed.
        p: of each row, beginning at its target where all weights begin at zero; changed.
    """
    moved = 0.0
    last = len(weights) - 1
    for row in order:
        begin, end = ends[row], ends[row + 1]
        logit = np.float64(weights[last])
        for k in range(begin, end):
            logit += values[k] * weights[places[k]]
        before = p[row]
        after = _best(logit, before, penalties[row] * squares[row])
        change = np.float32(penalties[row] * (before - after))
        if change != 0.0:
            for k in range(begin, end):
                weights[places[k]] += change * values[k]
            weights[last] += change
            p[row] = after
            moved += abs(after - before)
    return moved
