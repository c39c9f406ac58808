"""Rows of token ids of different lengths, in two arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.arrays import Array
from headstart.errors import DataError
from headstart.spill import Growing, slices


@dataclass(frozen=True, eq=False)
class RaggedIds:
    """Token ids of many texts: row ``i`` is ``values[offsets[i]:offsets[i + 1]]``.

    Ids: 0 is padding (never in here), 1 is unknown, words count from 2. A million reviews take the
    four bytes a token that their ids take, and no Python object a row.

    Attributes:
        values: int32 [n_tokens], all rows' ids one after another.
        offsets: int64 [n_rows + 1], from 0 to n_tokens, never falling.

    Raises:
        DataError: the arrays have the wrong type or shape, or the offsets do not fit the values.

    >>> ids = RaggedIds.from_lists([[2, 3], [], [4]])
    >>> len(ids), ids[0].tolist(), ids.lengths.tolist(), ids.take([2, 0]).values.tolist()
    (3, [2, 3], [2, 0, 1], [4, 2, 3])
    """

    values: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        for name, array, dtype in (("values", self.values, np.int32), ("offsets", self.offsets, np.int64)):
            if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
                raise DataError(
                    f"RaggedIds needs {name} as a one-dimensional {np.dtype(dtype)} array, not {_described(array)}. "
                    f"Build one from plain lists with RaggedIds.from_lists."
                )
        if self.offsets.size == 0 or self.offsets[0] != 0 or self.offsets[-1] != self.values.size:
            raise DataError(
                f"RaggedIds needs offsets that begin with 0 and end with the number of values ({self.values.size}), "
                f"one more of them than rows; these {self.offsets.size} offsets do not."
            )
        if np.any(self.offsets[1:] < self.offsets[:-1]):
            raise DataError("RaggedIds needs offsets that never fall, because row i ends where row i + 1 begins.")

    @classmethod
    def from_lists(cls, rows: Iterable[Sequence[int] | Array]) -> "RaggedIds":
        """From one sequence of ids a row; for tests and small things."""
        arrays = [np.asarray(row, dtype=np.int32) for row in rows]
        values = np.concatenate([np.empty(0, np.int32), *arrays])
        return cls(values, _offsets_of(np.array([len(a) for a in arrays], dtype=np.int64)))

    @classmethod
    def concatenate(cls, parts: Sequence["RaggedIds"]) -> "RaggedIds":
        """The rows of all parts, one part after another."""
        values = Growing(np.int32)
        for part in parts:
            for some in slices(part.values):
                values.append(part.values[some])
        lengths = np.concatenate([np.empty(0, np.int64), *(part.lengths for part in parts)])
        return cls(values.finish(), _offsets_of(lengths))

    def __len__(self) -> int:
        return int(self.offsets.size - 1)

    def __getitem__(self, row: int) -> npt.NDArray[np.int32]:
        """Ids of one row: a view, int32 [length]. Negative rows count from the end."""
        row = range(len(self))[row]
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RaggedIds):
            return NotImplemented
        return np.array_equal(self.offsets, other.offsets) and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]  # arrays can change, so equal today is not equal tomorrow

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Ids in each row, int64 [n_rows]."""
        return np.diff(self.offsets)

    def counts(self, n_ids: int) -> npt.NDArray[np.int64]:
        """How often each of `n_ids` ids stands in the rows, int64 [n_ids]."""
        found = np.zeros(n_ids, np.int64)
        for some in slices(self.values):
            found += np.bincount(self.values[some], minlength=n_ids)
        return found

    def replaced(self, by: npt.NDArray[np.int32]) -> "RaggedIds":
        """The rows with every id replaced by what stands in its place in `by` [n_ids], as a copy."""
        values = Growing(np.int32)
        for some in slices(self.values):
            values.append(by[self.values[some]])
        return RaggedIds(values.finish(), self.offsets)

    def take(self, rows: Sequence[int] | Array) -> "RaggedIds":
        """The chosen rows in the chosen order, as a copy.

        Args:
            rows: [n] whole numbers from 0 (negative ones count from the end), or a mask of n_rows bools.

        Raises:
            DataError: a row does not exist.
        """
        chosen = self._row_numbers(rows)
        lengths = self.lengths[chosen]
        return self._ends_of(chosen, lengths, np.zeros_like(lengths))

    def ends(self, heads: npt.NDArray[np.int64], tails: npt.NDArray[np.int64]) -> "RaggedIds":
        """The first ``heads`` and the last ``tails`` ids of each row [n_rows each], as a copy.

        Raises:
            DataError: a number is below zero, or both are more than a row has.
        """
        lengths = self.lengths
        if (
            heads.shape != lengths.shape
            or tails.shape != lengths.shape
            or min(heads.min(initial=0), tails.min(initial=0), (lengths - heads - tails).min(initial=0)) < 0
        ):
            raise DataError(
                f"Heads and tails need one number for each of {len(self)} rows, from 0, and together at most the row's "
                "length; these do not fit."
            )
        return self._ends_of(np.arange(len(self)), heads, tails)

    def _ends_of(
        self, rows: npt.NDArray[np.int64], heads: npt.NDArray[np.int64], tails: npt.NDArray[np.int64]
    ) -> "RaggedIds":
        from headstart.kernels.ragged import both_ends

        return RaggedIds(*both_ends(self.values, self.offsets, rows, heads, tails))

    def skip(self, counts: npt.NDArray[np.int64]) -> "RaggedIds":
        """The rows without their first ids, `counts` [n_rows] of each row, as a copy.

        Raises:
            DataError: a row has fewer ids than are to be skipped, or a count is below zero.
        """
        lengths = self.lengths
        if counts.shape != lengths.shape or np.any(counts < 0) or np.any(counts > lengths):
            raise DataError(
                f"skip needs one count for each of {len(self)} rows, from 0 to the row's length; these do not fit."
            )
        return self.ends(np.zeros_like(lengths), lengths - counts)

    def _row_numbers(self, rows: Sequence[int] | Array) -> npt.NDArray[np.int64]:
        chosen = np.asarray(rows)
        if chosen.dtype == np.bool_ and chosen.shape == (len(self),):
            return np.flatnonzero(chosen)
        if chosen.size and (chosen.ndim != 1 or chosen.dtype.kind not in "iu"):
            raise DataError(f"take needs row numbers or a mask of {len(self)} bools, not {_described(chosen)}.")
        if chosen.size and not -len(self) <= int(chosen.min()) <= int(chosen.max()) < len(self):
            raise DataError(
                f"take was asked for row {chosen.max() if chosen.max() >= len(self) else chosen.min()}, "
                f"but there are {len(self)} rows, counted from 0. Check where these row numbers come from."
            )
        numbers: npt.NDArray[np.int64] = chosen.astype(np.int64).reshape(-1)
        return np.where(numbers < 0, numbers + len(self), numbers)


def _offsets_of(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    offsets = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _described(thing: object) -> str:
    if isinstance(thing, np.ndarray):
        return f"a {thing.dtype} array of shape {thing.shape}"
    return f"a {type(thing).__name__}"
