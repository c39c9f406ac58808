"""Sums of weighted counts: rows of few entries, each row brought to length one first."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.arrays import Array, Doubles, Floats, Places
from headstart.kernels.compiling import compiled


@compiled(part=True)
def _length(places: Places, counts: Doubles, factors: Doubles, start: int, stop: int) -> Any:
    squares = 0.0
    for k in range(start, stop):
        value = counts[k] * factors[places[k]]
        squares += value * value
    return np.sqrt(squares) if squares > 0.0 else 1.0


@compiled
def _weigh(places: Places, counts: Doubles, ends: Places, factors: Doubles, weights: Doubles, sums: Doubles) -> None:
    for row in range(len(ends) - 1):
        length, total = _length(places, counts, factors, ends[row], ends[row + 1]), 0.0
        for k in range(ends[row], ends[row + 1]):
            total += counts[k] * factors[places[k]] / length * weights[places[k]]
        sums[row] += total


@compiled
def _weigh_outputs(
    places: Places, counts: Doubles, ends: Places, factors: Doubles, weights: Floats, sums: Doubles
) -> None:
    total = np.zeros(weights.shape[1], np.float32)
    for row in range(len(ends) - 1):
        length = _length(places, counts, factors, ends[row], ends[row + 1])
        total[:] = 0.0
        for k in range(ends[row], ends[row + 1]):
            value = np.float32(counts[k] * factors[places[k]] / length)
            for j in range(len(total)):
                total[j] += value * weights[places[k], j]
        for j in range(len(total)):
            sums[row, j] += total[j]


def weigh(places: Places, counts: Doubles, ends: Places, factors: Doubles, weights: Array, sums: Doubles) -> None:
    """Add to `sums` [rows] each row's counts times `factors`, brought to length one, times `weights`.

    The same bits as scikit-learn's ``TfidfTransformer`` and a product of SciPy give, entry after entry.

    Args:
        places: of the entries of all rows, int64 [entries], row after row.
        counts: of the entries, float64 [entries].
        ends: where each row ends among them, int64 [rows + 1] beginning with 0.
        factors: by place, float64 [size].
        weights: by place, [size or more].
        sums: written, float64 [rows].
    """
    _weigh(places, counts, ends, np.ascontiguousarray(factors), np.ascontiguousarray(weights, np.float64), sums)


def weigh_outputs(
    places: Places, counts: Doubles, ends: Places, factors: Doubles, weights: Array, sums: Doubles
) -> None:
    """Do what `weigh` does for `weights` [size or more, outputs] and `sums` [rows, outputs], products in float32."""
    _weigh_outputs(places, counts, ends, np.ascontiguousarray(factors), np.ascontiguousarray(weights, np.float32), sums)
