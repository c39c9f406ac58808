"""Columns that decide the label by themselves: mostly they repeat it, or are known only after it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import lgamma, log
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.corpus.column_types import as_type, type_of
from headstart.corpus.columns import distinct

_LEAST_SHARE = 0.95  # of the rows that guessing the commonest label gets wrong
_LEAST_BITS = 20.0  # one in a million columns of noise


class DecidingColumn(NamedTuple):
    """A column from which nearly all labels can be told.

    Attributes:
        name: its name.
        accuracy: the share of the rows whose label it tells.
    """

    name: str
    accuracy: float

    @property
    def sentence(self) -> str:
        """What to say of it."""
        return (
            f"column {self.name!r} alone tells {self.accuracy:.1%} of the labels; if it repeats the label, or is known only "
            "after it, what is measured with it will not hold: leave it out"
        )


class _Told(NamedTuple):
    """How a column tells labels: rows that it gets wrong, and the bits that it takes to write down how."""

    errors: int
    bits: float


def deciding_columns(
    table: pa.Table, names: Sequence[str], labels: Array, types: Mapping[str, str] | None = None
) -> list[DecidingColumn]:
    """Return the columns that alone decide all labels or nearly all.

    A value tells the commonest label of the *other* rows that have it, so a column of ids, which are all different, tells
    nothing. Numbers and dates may also tell it by their order: a threshold, or a few. A column counts if it
    leaves at most a twentieth of what guessing the commonest label leaves, and if one of pure chance would come so far
    less than once in a million: what it tells, in bits, is held against what the rule takes to write down.

    Args:
        table: labelled rows.
        names: the columns to look at.
        labels: class codes [rows].
        types: of the columns; those not named are told from the rows.
    """
    codes = np.unique(labels, return_inverse=True)[1]
    n, sizes = len(codes), np.bincount(codes) if len(codes) else np.zeros(1)
    guessed_wrong = n - int(sizes.max())
    in_labels = (lgamma(n + 1) - sum(lgamma(size + 1) for size in sizes)) / log(2)
    found = []
    for name in names:
        if not guessed_wrong:
            break
        column = table.column(name)
        kind = (types or {}).get(name) or type_of(table, name)
        values = as_type(column, kind, name).values
        told = [_by_value(distinct(values, name, "the data")[0], codes)]
        if kind in ("number", "date"):
            told.append(_by_order(values.cast(pa.int64()) if kind == "date" else values, codes))
        for errors, bits in told:
            if errors <= (1 - _LEAST_SHARE) * guessed_wrong and in_labels - bits >= _LEAST_BITS:
                found.append(DecidingColumn(name, 1 - errors / n))
                break
    return found


def _by_value(values: NDArray[np.int64], codes: NDArray[np.int64]) -> _Told:
    """Tell a row's label by the other rows with its value."""
    n, n_classes = len(codes), int(codes.max()) + 1
    counts = np.zeros((int(values.max()) + 1, n_classes), np.int64)
    np.add.at(counts, (values, codes), 1)
    errors = 0
    for label in range(n_classes):
        others = counts.copy()
        others[:, label] -= 1
        rest = np.delete(others, label, axis=1).max(1, initial=0)
        errors += int(counts[others[:, label] <= rest, label].sum())
    several = int((counts.sum(1) > 1).sum())
    return _Told(errors, several * np.log2(n_classes) + errors * np.log2(n))


def _by_order(values: Any, codes: NDArray[np.int64]) -> _Told:
    """Tell labels by stretches of the sorted values, each of which has one label; missing values are a stretch of their own."""
    n, n_classes = len(codes), int(codes.max()) + 1
    numbers = np.asarray(values.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False))
    counts = np.zeros((len(np.unique(numbers)), n_classes), np.int64)
    np.add.at(counts, (np.unique(numbers, return_inverse=True)[1], codes), 1)
    missing = int(np.isnan(numbers).any())
    best = counts[: len(counts) - missing].argmax(1)
    changes = int((best[1:] != best[:-1]).sum())
    # What a threshold a class cannot do has to be written down as errors have.
    errors = n - int(counts.max(1).sum()) + max(0, changes - (n_classes - 1))
    return _Told(errors, (changes + 1 + missing) * np.log2(max(n, 2)) + errors * np.log2(max(n, 2)))
