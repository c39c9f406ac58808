"""Fields: what a data set holds of every row next to token ids, as arrays or as rows of different lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import Array, Places
from headstart.errors import DataError


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of steps, as many as each row has: row ``i`` is ``values[offsets[i]:offsets[i + 1]]``.

    Attributes:
        values: [steps, ...], all rows' steps one after another.
        offsets: int64 [rows + 1], from 0 to the number of steps, never falling.

    Raises:
        DataError: the offsets do not fit the values.
    """

    values: Array
    offsets: Places

    def __post_init__(self) -> None:
        ends = self.offsets
        if ends.size == 0 or ends[0] != 0 or ends[-1] != len(self.values) or (ends[1:] < ends[:-1]).any():
            raise DataError(
                f"rows of different lengths need offsets from 0 to the number of steps ({len(self.values)}) that never fall; "
                "these do not. Build them with Ragged.of(rows)."
            )

    @classmethod
    def of(cls, rows: Sequence[Array], like: Array) -> Ragged:
        """Return one array [steps, ...] a row as one value; `like` [0, ...] says shape and type where there is no row."""
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        return cls(np.concatenate([like, *rows]).astype(like.dtype, copy=False), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Places:
        """Steps of each row, int64 [rows]."""
        lengths: Places = np.diff(self.offsets)
        return lengths


Field = Array | Ragged
"""Of every row a value of one shape, [rows, ...], or any number of steps."""


def taken(field: Field, rows: Places) -> Field:
    """Return the chosen rows of a field."""
    if not isinstance(field, Ragged):
        return field[rows]
    return Ragged.of([field.values[field.offsets[row] : field.offsets[row + 1]] for row in rows], field.values[:0])


def padded(field: Field, rows: Places) -> Array:
    """Return the chosen rows as one array, [rows, ...] or [rows, longest, ...] with zeros behind each row's steps."""
    if not isinstance(field, Ragged):
        return field[rows]
    lengths = field.offsets[rows + 1] - field.offsets[rows]
    position = np.arange(max(1, int(lengths.max(initial=0))))
    real = position < lengths[:, None]  # [rows, steps]
    found = np.zeros((*real.shape, *field.values.shape[1:]), field.values.dtype)
    found[real] = field.values[(field.offsets[rows][:, None] + position)[real]]
    return found


def sizes(field: Field) -> Places:
    """Return how many places each row takes: its steps, or the height times width of an image, int64 [rows]."""
    if isinstance(field, Ragged):
        return field.lengths
    return np.full(len(field), int(np.prod(field.shape[2:])) if field.ndim > 2 else 1, np.int64)


def blank(field: Field) -> Field:
    """Return one row of nothing in the shape of a field's rows."""
    if isinstance(field, Ragged):
        return Ragged(field.values[:0], np.zeros(2, np.int64))
    return np.zeros((1, *field.shape[1:]), field.dtype)
