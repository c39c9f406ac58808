"""Logistic regression by coordinates of its dual: a sweep over the rows, each solved exactly, in one compiled loop.

The loss of a row is ``max over p of p z + H(p) - t z``, H being the entropy, so the best weights are
``C * sum of (t - p) x`` for the best probabilities p, one a row. A sweep visits every row once, finds its best p with
the others held, and moves the weights along: Yu, Huang and Lin, "Dual coordinate descent methods for logistic
regression and maximum entropy models", Machine Learning 85, 2011. Each row is read twice a sweep, nothing else is
kept, and some twenty sweeps settle what a quasi-Newton method wants a hundred passes for.

Of several outputs a row has a p for each. They are found together: one by one where each output is a label by itself, and
under the constraint that they sum to 1 where the outputs are classes of which one is right.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headstart.arrays import Doubles, Floats, Places
from headstart.kernels.compiling import compiled

_MOST_STEPS = 30
_FREE_STEPS = 8
"""Newton's steps that may end on a bound: where the curvature is large, from there they can go to and fro for ever."""
_CLOSE = 1e-7
_SMALL = 1e-9
"""A probability that moves by less moves no weight."""


class WeighedRows(NamedTuple):
    """Rows of few values.

    Attributes:
        ends: of each row among places and values, beginning with 0 [rows + 1].
        places: which weight, or which weights, a value belongs to [values].
        values: float32 [values].
        squares: of each row, the sum of its squared values and of the intercept's 1 [rows].
    """

    ends: Places
    places: Places
    values: Floats
    squares: Doubles


@compiled(part=True)
def _probability(logit: float) -> float:
    if logit >= 0:
        return float(1.0 / (1.0 + np.exp(-logit)))
    grown = np.exp(logit)
    return float(grown / (1.0 + grown))


@compiled(part=True)
def _best(logit: float, before: float, curvature: float, free_steps: int) -> float:
    """Solve ``u = logit - curvature * (sigmoid(u) - before)`` for u, by Newton's method between bounds; sigmoid(u)."""
    low, high = logit - curvature * (1.0 - before), logit + curvature * before
    u = min(max(logit, low), high)
    for number in range(_MOST_STEPS):
        p = _probability(u)
        error = u - logit + curvature * (p - before)
        if error > 0:
            high = u
        else:
            low = u
        step = error / (1.0 + curvature * p * (1.0 - p))
        after = u - step
        if after < low or after > high or (number >= free_steps and not low < after < high):
            after = 0.5 * (low + high)
        if abs(after - u) < _CLOSE:
            return float(_probability(after))
        u = after
    return float(_probability(u))


@compiled
def sweep(rows: WeighedRows, order: Places, penalties: Doubles, weights: Floats, p: Doubles) -> float:
    """Visit rows in an order, move their ``p`` and the ``weights``, and return how far all ``p`` moved together.

    Args:
        rows: what the weights are learnt of.
        order: rows to visit.
        penalties: C of each row, float64: C times what the row counts for [rows].
        weights: float32, the last one the intercept; changed.
        p: of each row, beginning at its target where all weights begin at zero; changed.
    """
    ends, places, values, squares = rows
    moved = 0.0
    last = len(weights) - 1
    for row in order:
        begin, end = ends[row], ends[row + 1]
        logit = np.float64(weights[last])
        for k in range(begin, end):
            logit += values[k] * weights[places[k]]
        before = p[row]
        after = _best(logit, before, penalties[row] * squares[row], _MOST_STEPS)
        change = np.float32(penalties[row] * (before - after))
        if change != 0.0:
            for k in range(begin, end):
                weights[places[k]] += change * values[k]
            weights[last] += change
            p[row] = after
            moved += abs(after - before)
    return moved


@compiled(part=True)
def _log_sum(logits: Doubles) -> float:
    largest = logits[0]
    for k in range(1, len(logits)):
        largest = max(largest, logits[k])
    total = 0.0
    for k in range(len(logits)):
        total += np.exp(logits[k] - largest)
    return float(largest + np.log(total))


@compiled(part=True)
def _log_probability(total: float, curvature: float) -> float:
    """Solve ``t + curvature * exp(t) = total`` for t of at most 0: Newton's method from the right never passes the solution."""
    t = min(total, 0.0)
    for _ in range(_MOST_STEPS):
        p = np.exp(t)
        step = (t + curvature * p - total) / (1.0 + curvature * p)
        t -= step
        if abs(step) < _CLOSE:
            break
    return float(t)


@compiled(part=True)
def _best_of_classes(logits: Doubles, before: Floats, curvature: float, t: Doubles, p: Doubles) -> None:
    """Find the best probabilities of one row's classes, which sum to 1, and leave them in `p`.

    They solve ``log p + curvature p = logit + curvature before - s`` for the s at which they sum to 1. Newton's method on
    their logarithms `t` and s together begins at the softmax of the logits, which is the solution where nothing moves any more.

    Args:
        logits: of the classes [outputs]; changed.
        before: their probabilities [outputs].
        curvature: of the row.
        t: room for as many numbers.
        p: likewise.
    """
    n = len(logits)
    s = _log_sum(logits)
    for k in range(n):
        t[k] = logits[k] - s
        p[k] = np.exp(t[k])
        logits[k] += curvature * before[k]
    largest = logits[0]
    for k in range(1, n):
        largest = max(largest, logits[k])
    low, high = largest - curvature, _log_sum(logits)  # no p is above 1, and none above what it is without curvature
    moved = np.inf
    for _ in range(_MOST_STEPS):
        mass, weighted, slope = 0.0, 0.0, 0.0
        for k in range(n):
            part = p[k] / (1.0 + curvature * p[k])
            mass += p[k]
            weighted += part * (logits[k] - s - t[k] - curvature * p[k])
            slope += part
        s = min(max(s + (mass + weighted - 1.0) / slope, low), high)
        moved = 0.0
        for k in range(n):
            step = (logits[k] - s - t[k] - curvature * p[k]) / (1.0 + curvature * p[k])
            t[k] = min(t[k] + step, 0.0)
            after = np.exp(t[k])
            moved += abs(after - p[k])
            p[k] = after
        if moved < _CLOSE:
            break
    while moved >= _CLOSE and high - low > _CLOSE:  # far from the solution both together may go to and fro
        s = 0.5 * (low + high)
        mass = 0.0
        for k in range(n):
            p[k] = np.exp(_log_probability(logits[k] - s, curvature))
            mass += p[k]
        if mass > 1.0:
            low = s
        else:
            high = s
    mass = 0.0
    for k in range(n):
        mass += p[k]
    for k in range(n):
        p[k] /= mass


@compiled
def sweep_outputs(
    rows: WeighedRows, order: Places, penalties: Doubles, offset: Floats, classes: bool, weights: Floats, p: Floats
) -> float:
    """Do as `sweep` does for several outputs at once.

    Args:
        rows: what the weights are learnt of.
        order: rows to visit.
        penalties: C of each row [rows].
        offset: what is added to the logits [rows, outputs]; no rows for nothing.
        classes: whether one output is right, and not any number of them.
        weights: float32 [size + 1, outputs], the last ones the intercepts; changed.
        p: of each row, beginning at its targets where all weights begin at zero, float32 [rows, outputs]; changed.

    Returns:
        Half of how far all p moved together.
    """
    ends, places, values, squares = rows
    moved = 0.0
    last, n = weights.shape[0] - 1, weights.shape[1]
    logits, room, best, change = np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.float32)
    for row in order:
        begin, end = ends[row], ends[row + 1]
        for k in range(n):
            change[k] = weights[last, k]
        for i in range(begin, end):
            place, value = places[i], values[i]
            for k in range(n):
                change[k] += value * weights[place, k]
        for k in range(n):
            logits[k] = change[k]
        if len(offset):
            for k in range(n):
                logits[k] += offset[row, k]
        curvature = penalties[row] * squares[row]
        if classes:
            _best_of_classes(logits, p[row], curvature, room, best)
        else:
            for k in range(n):
                best[k] = _best(logits[k], np.float64(p[row, k]), curvature, _FREE_STEPS)
        largest = 0.0
        for k in range(n):
            apart = p[row, k] - best[k]
            largest = max(largest, abs(apart))
            moved += 0.5 * abs(apart)
            change[k] = np.float32(penalties[row] * apart)
        if largest < _SMALL:
            continue
        for i in range(begin, end):
            place, value = places[i], values[i]
            for k in range(n):
                weights[place, k] += change[k] * value
        for k in range(n):
            weights[last, k] += change[k]
            p[row, k] = best[k]
    return moved
