"""Copying parts of ragged rows, without an index of every value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Ids, Places
from headstart.kernels.compiling import compiled
from headstart.spill import Growing, looked_at

_ROWS = 1 << 14


@compiled
def _copy(values: Ids, offsets: Places, rows: Places, heads: Places, tails: Places, copied: Ids) -> None:
    at = 0
    for i in range(len(rows)):
        begin, end = offsets[rows[i]], offsets[rows[i] + 1]
        for k in range(begin, begin + heads[i]):
            copied[at] = values[k]
            at += 1
        for k in range(end - tails[i], end):
            copied[at] = values[k]
            at += 1


def both_ends(
    values: NDArray[np.int32],
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
    heads: NDArray[np.int64],
    tails: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Copy the first and the last values of chosen rows, as values and offsets.

    Args:
        values, offsets: ragged rows.
        rows: which of them, in which order [n]; must exist.
        heads, tails: how many values of each, at either end [n]; together at most the row's length.
    """
    ends = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(heads + tails, out=ends[1:])
    copied = Growing(np.int32)
    for start in range(0, max(len(rows), 1), _ROWS):
        some = slice(start, start + _ROWS)
        part = np.empty(ends[min(some.stop, len(rows))] - ends[start], np.int32)
        _copy(values, offsets, rows[some], heads[some], tails[some], part)
        copied.append(part)
        looked_at(2 * part.nbytes)
    return copied.finish(), ends
