"""Token ids to n-grams: count those of a corpus, find those that are listed.

An n-gram of up to three ids is one number: ids of 21 bits each, the last id lowest, so that numbers of
short n-grams are smaller than those of longer ones. Ids below 2 (padding, unknown) are in no n-gram. A list
of n-grams is sorted by number; a hash table with linear probing finds places in it.

Rows are ragged: ``values`` int32, row ``r`` is ``values[offsets[r]:offsets[r + 1]]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Array, Floats, Ids, Places
from headstart.errors import DataError
from headstart.kernels import workers
from headstart.kernels.compiling import compiled
from headstart.kernels.llvm import Value
from headstart.spill import looked_at

ID_BITS = 21
LONGEST = 3
_FIRST_WORD = 2
_EMPTY = 0
Given = tuple[Ids, Places, Ids, int]

_ROWS = 1 << 15
_LEAST_ROWS = 32  # fewer are done before another thread has woken up


class _Table(NamedTuple):
    """A table of n-grams and what is known of each, all of one length, a power of two."""

    keys: Array
    rows_with: Array
    positives_with: Array
    last_row: Array


class _Listed(NamedTuple):
    """A table of listed n-grams, the place of each in its list, and the ids in the longest of them."""

    keys: Places
    slots: Ids
    longest: int


@compiled(part=True)
def _place(key: Value, mask: int) -> Value:
    """Mix a key's bits (the finaliser of MurmurHash3) into a place of a table of ``mask + 1`` slots."""
    mixed = np.uint64(key)
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    mixed ^= mixed >> np.uint64(33)
    return np.int64(mixed & np.uint64(mask))


@compiled
def _count(
    values: Ids, offsets: Places, positive: Ids, longest: int, table: _Table, first_row: int, n_used: int
) -> int:
    """Count in how many rows from the first on each n-gram stands; return the row before which the table is too full."""
    keys, rows_with, positives_with, last_row = table
    mask = len(keys) - 1
    most = len(keys) - len(keys) // 4
    for row in range(first_row, len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        if n_used + (end - begin) * longest > most:
            return row
        for i in range(begin, end):
            key = np.int64(0)
            for j in range(i, min(i + longest, end)):
                if values[j] < _FIRST_WORD:
                    break
                key = (key << ID_BITS) | np.int64(values[j])
                at = _place(key, mask)
                while keys[at] != key and keys[at] != _EMPTY:
                    at = (at + 1) & mask
                if keys[at] == _EMPTY:
                    keys[at] = key
                    n_used += 1
                if last_row[at] != row + 1:
                    last_row[at] = row + 1
                    rows_with[at] += 1
                    positives_with[at] += positive[row]
    return len(offsets) - 1


@compiled
def _put(given: Places, keys: Places, places: Places) -> None:
    """Put n-grams into an empty table, and write where each has gone."""
    mask = len(keys) - 1
    for n in range(len(given)):
        at = _place(given[n], mask)
        while keys[at] != _EMPTY:
            at = (at + 1) & mask
        keys[at] = given[n]
        places[n] = at


@compiled
def _find(values: Ids, offsets: Places, listed: _Listed, seen: Places, found: Ids, ends: Places) -> int:
    """Write the listed n-grams of each row, each once, in the order in which they first stand there."""
    keys, slots, longest = listed
    mask = len(keys) - 1
    n = 0
    for row in range(len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        first = n
        for i in range(begin, end):
            key = np.int64(0)
            for j in range(i, min(i + longest, end)):
                if values[j] < _FIRST_WORD:
                    break
                key = (key << ID_BITS) | np.int64(values[j])
                at = _place(key, mask)
                while keys[at] != key and keys[at] != _EMPTY:
                    at = (at + 1) & mask
                if keys[at] == _EMPTY:
                    continue
                slot = slots[at]
                if seen[slot] < first or seen[slot] >= n or found[seen[slot]] != slot:
                    seen[slot] = n
                    found[n] = slot
                    n += 1
        ends[row + 1] = n
    return n


@compiled
def _sum(values: Ids, offsets: Places, listed: _Listed, scale: Floats, weight: Floats, sums: Floats) -> None:
    """Add up scale times weight over the listed n-grams of each row, each once, over their length.

    Looking up goes step by step for a whole row, since a read from the table waits for memory: asked for one after
    another, with no branch on what came in between, they wait together. Which n-grams a row has had is kept in a table
    that is as small as the row; one as long as the list would have to be cleared, page by page, for every batch.
    """
    keys, slots, longest = listed
    mask = len(keys) - 1
    most = 1
    for row in range(len(sums)):
        most = max(most, (offsets[row + 1] - offsets[row]) * longest)
    wanted, met, places = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    size = 16
    while size < 2 * most:
        size *= 2
    had = np.full(size, -1, np.int64)
    for row in range(len(sums)):
        end = offsets[row + 1]
        n = 0
        for i in range(offsets[row], end):
            key = np.int64(0)
            for j in range(i, min(i + longest, end)):
                if values[j] < _FIRST_WORD:
                    break
                key = (key << ID_BITS) | np.int64(values[j])
                at = _place(key, mask)
                wanted[n], places[n], met[n] = key, at, keys[at]
                n += 1
        n_listed = 0
        for k in range(n):
            at, found = places[k], met[k]
            while found != wanted[k] and found != _EMPTY:
                at = (at + 1) & mask
                found = keys[at]
            places[n_listed] = at
            n_listed += found == wanted[k]
        for k in range(n_listed):
            places[k] = slots[places[k]]
        n = 0
        for k in range(n_listed):
            at = places[k] & (size - 1)
            while had[at] != -1 and had[at] != places[k]:
                at = (at + 1) & (size - 1)
            if had[at] == -1:
                had[at] = places[k]
                places[n], met[n] = places[k], at
                n += 1
        total, squares = 0.0, 0.0
        for k in range(n):
            had[met[k]] = -1
            total += scale[places[k]] * weight[places[k]]
            squares += scale[places[k]] * scale[places[k]]
        sums[row] = total / max(np.sqrt(squares), 1e-12)


@compiled
def _weigh(found: Ids, ends: Places, scale: Floats, weight: Floats, sums: Floats) -> None:
    """Add up scale times weight [listed, outputs] over what was found in each row, in its order, over their length."""
    for row in range(len(ends) - 1):
        squares = np.float32(0.0)
        for k in range(ends[row], ends[row + 1]):
            squares += scale[found[k]] * scale[found[k]]
        norm = max(np.sqrt(squares), np.float32(1e-12))
        for k in range(ends[row], ends[row + 1]):
            factor = scale[found[k]] / norm
            for j in range(weight.shape[1]):
                sums[row, j] += factor * weight[found[k], j]


def count_ngrams(
    values: NDArray[np.int32],
    offsets: NDArray[np.int64],
    positive: NDArray[np.bool_],
    longest: int,
    *,
    least_rows: Sequence[int] = (1, 1, 1),
    most_slots: int = 1 << 25,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Count the n-grams of up to `longest` ids over rows.

    Memory is bounded: where the table of n-grams would need more than `most_slots` places (at 20 bytes), the rarest are
    forgotten and counting goes on, after Manku and Motwani, "Approximate Frequency Counts over Data Streams", VLDB 2002. Each
    time one row more is asked of an n-gram to stay, so the n-th time takes at most n off the count of any.

    Args:
        values, offsets: ragged rows of ids.
        positive: which rows are [rows].
        longest: ids in the longest n-gram.
        least_rows: in how many rows an n-gram of 1, 2, 3 ids must stand to be returned.
        most_slots: places of the largest table.

    Returns:
        The n-grams [n] ascending; in how many rows each stands [n]; in how many positive rows [n].
    """
    n_rows = len(offsets) - 1
    ones = positive.astype(np.int32)
    size = min(_table_size(min(len(values) * longest, 1 << 22)), most_slots)
    table = _Counts(size)
    n_done = 0
    for start in range(0, n_rows, _ROWS):
        stop = min(start + _ROWS, n_rows)
        given: Given = (values, offsets[: stop + 1], ones, longest)
        n_done = table.count(given, n_done)
        while n_done < stop:
            if size < most_slots:
                size = min(4 * size, most_slots)
                table.move(size)
            while 2 * table.n_used > size:
                table.move(size, least=table.least + 1)
            before, n_done = n_done, table.count(given, n_done)
            if n_done == before and size == most_slots:
                raise DataError(
                    f"a text of {offsets[n_done + 1] - offsets[n_done]:,} tokens has more n-grams than fit a table of "
                    f"{size:,} places; cut the texts with max_tokens."
                )
        looked_at(4 * int(offsets[stop] - offsets[start]))
    keys, rows_with, positives_with, _ = table.arrays
    used = np.flatnonzero(rows_with >= max(min(least_rows), 1))
    used = used[rows_with[used] >= np.array(least_rows)[ngram_lengths(keys[used]) - 1]]
    used = used[np.argsort(keys[used], kind="stable")]
    return keys[used], rows_with[used].astype(np.int64), positives_with[used].astype(np.int64)


def ngram_lengths(ngrams: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many ids each n-gram has [n]."""
    return 1 + (ngrams >= 1 << ID_BITS).astype(np.int64) + (ngrams >= 1 << 2 * ID_BITS)


class _Counts:
    """A table of n-grams with their counts.

    Args:
        size: places, a power of two.
        least: in how many rows an n-gram must have stood to be in it.
    """

    def __init__(self, size: int, least: int = 1) -> None:
        self.least = least
        self.arrays: list[Array] = [np.zeros(size, kind) for kind in (np.int64, np.int32, np.int32, np.int32)]

    @property
    def n_used(self) -> int:
        return int(np.count_nonzero(self.arrays[0]))

    def count(self, given: Given, first_row: int) -> int:
        """Count the rows from the first on, and return the row before which the table is too full."""
        return int(_count(*given, _Table(*self.arrays), first_row, self.n_used))

    def move(self, size: int, least: int = 0) -> None:
        """Move the n-grams that stand in `least` rows or more into a table of another size."""
        kept = (self.arrays[0] != _EMPTY) & (self.arrays[1] >= least)
        keys, *others = (array[kept] for array in self.arrays)
        kinds = [array.dtype for array in self.arrays]
        self.arrays = []  # so that both tables are never there at once
        self.arrays = [np.zeros(size, kind) for kind in kinds]
        self.least = max(self.least, least)
        places = np.empty(len(keys), np.int64)
        _put(keys, self.arrays[0], places)
        for old, new in zip(others, self.arrays[1:], strict=True):
            new[places] = old


class NgramTable:
    """A list of n-grams that can be looked up.

    Args:
        listed: n-grams [n], ascending, as `count_ngrams` gives them.
        longest: ids in the longest of them.
    """

    def __init__(self, listed: NDArray[np.int64], longest: int) -> None:
        self.n = len(listed)
        self.longest = longest
        size = _table_size(self.n)
        self.listed = _Listed(np.zeros(size, np.int64), np.zeros(size, np.int32), longest)
        places = np.empty(self.n, np.int64)
        _put(np.ascontiguousarray(listed), self.listed.keys, places)
        self.listed.slots[places] = np.arange(self.n, dtype=np.int32)


def find_ngrams(
    table: NgramTable, values: NDArray[np.int32], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Find the listed n-grams of each row, each once.

    Returns:
        Places in the list, int32 [found], row after row; and where each row ends among them,
        int64 [rows + 1] beginning with 0.
    """
    found = np.empty(len(values) * table.longest, np.int32)
    ends = np.zeros(len(offsets), np.int64)
    # What this holds from before does no harm: a place counts only if `found` points back at it.
    seen = np.zeros(max(table.n, 1), np.int64)
    n = _find(values, offsets, table.listed, seen, found, ends)
    return found[:n], ends


def sum_ngrams(
    table: NgramTable,
    values: NDArray[np.int32],
    offsets: NDArray[np.int64],
    scale: NDArray[np.float32],
    weight: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return each row's sum of scale times weight over its listed n-grams, each once, float32 [rows].

    The scales of a row are brought to length 1 first; `scale` and `weight` are [listed].
    """
    sums = np.zeros(len(offsets) - 1, np.float32)

    def work(cut: slice) -> None:
        _sum(values, offsets[cut.start : cut.stop + 1], table.listed, scale, weight, sums[cut])

    workers.run([partial(work, cut) for cut in workers.shares(len(sums), workers.n_threads(), _LEAST_ROWS)])
    return sums


def weigh_ngrams(
    table: NgramTable,
    values: NDArray[np.int32],
    offsets: NDArray[np.int64],
    scale: NDArray[np.float32],
    weight: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return what `sum_ngrams` does for weights [listed, outputs], float32 [rows, outputs]."""
    found, ends = find_ngrams(table, values, offsets)
    sums = np.zeros((len(offsets) - 1, weight.shape[1]), np.float32)
    _weigh(found, ends, scale, weight, sums)
    return sums


def _table_size(n: int) -> int:
    """Return a power of two that leaves a table of `n` entries at most half full."""
    return 1 << max(10, int(np.ceil(np.log2(max(n, 1) * 2))))
