"""Lower-case, cut and look up in one pass over Arrow's bytes, on as many threads as asked.

The results are those of the text steps one after another, whatever the number of threads.
Needs neither scikit-learn nor torch.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headstart.arrays import Array
from headstart.errors import DataError
from headstart.kernels import tokens as kernel
from headstart.kernels import workers
from headstart.spill import Growing, looked_at
from headstart.text.columns import TextColumn, arrow_strings, bytes_and_offsets, readonly, text_column
from headstart.text.options import check_threads
from headstart.text.ragged import RaggedIds
from headstart.text.unicode_forms import normalized
from headstart.text.vocabulary import Lookup, merge_counts

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, eq=False)
class Encoded:
    """Token ids of some texts, and what a report should say about them.

    Attributes:
        ids: one row a text.
        n_null: texts that were null, and got the fill value.
        n_tokens: tokens in all.
        n_unknown: tokens that are not in the vocabulary (id 1).
        n_replaced: texts with lone surrogates, each read as U+FFFD.
    """

    ids: RaggedIds
    n_null: int
    n_tokens: int
    n_unknown: int
    n_replaced: int = 0


@dataclass(frozen=True, eq=False)
class FusedSteps:
    """The standard text steps as one function.

    Attributes:
        table: a definition's table (``compiled_table``), lower-casing included where it is wanted.
        fill_value: what a null text counts as; None refuses nulls.
        lookup: the vocabulary.
        form: the normalization form that texts are brought to first, or None.
    """

    table: npt.NDArray[np.uint32]
    fill_value: str | None
    lookup: Lookup
    form: str | None = None

    def encode(self, texts: object, n_threads: int | None = None) -> Encoded:
        """Ids of all texts (see ``headstart.text.encode``)."""
        column = text_column(texts)
        ends = np.zeros(len(column) + 1, np.int64)
        values = Growing(np.int32)
        totals = np.zeros(3, np.int64)  # nulls, unknown tokens, texts with replaced surrogates
        row = 0
        for piece_ids, piece_ends, counts in in_order(self._encode_piece, column.pieces(), threads(n_threads)):
            ends[row + 1 : row + 1 + piece_ends.size] = piece_ends + values.size
            row += piece_ends.size
            values.append(piece_ids)
            totals += counts
            looked_at(piece_ids.nbytes)
        n_null, n_unknown, n_replaced = (int(n) for n in totals)
        ids = RaggedIds(values.finish(), ends)
        return Encoded(ids, n_null, int(ids.values.size), n_unknown, n_replaced)

    def _encode_piece(
        self, piece: tuple["pa.LargeStringArray", int]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], tuple[int, int, int]]:
        texts, n_replaced = piece
        n_null = texts.null_count
        data, offsets, scratch = kernel_input(texts, self.fill_value, self.form)
        ids = np.empty(int(offsets[-1] - offsets[0]), np.int32)
        ends = np.empty(len(texts), np.int64)
        look = self.lookup  # unpickled it can be written to, in a worker of joblib it cannot: make it one kind
        words = readonly(look.slots), readonly(look.arena), readonly(look.starts)
        n_ids, n_unknown = kernel.encode_rows(data, offsets, self.table, *words, scratch, ids, ends)
        return ids[:n_ids], ends, (n_null, n_unknown, n_replaced)


def count_words(
    column: TextColumn,
    table: npt.NDArray[np.uint32],
    fill_value: str | None,
    n_threads: int | None = None,
    *,
    form: str | None = None,
) -> "pa.Table":
    """Every distinct token with its number: a table of ``word`` large_string and ``count`` int64, in no order."""
    parts = share(lambda pieces: _count_pieces(pieces, table, fill_value, form), column.pieces(), threads(n_threads))
    return merge_counts(parts)


def _count_pieces(
    pieces: Iterable[tuple["pa.LargeStringArray", int]],
    table: npt.NDArray[np.uint32],
    fill_value: str | None,
    form: str | None,
) -> "pa.Table":
    counter = _Counter()
    for texts, _ in pieces:
        counter.add(kernel_input(texts, fill_value, form), table)
    return counter.finish()


class _Counter:
    """The growing table of distinct words that one thread has seen."""

    def __init__(self, n_words: int = 1 << 12) -> None:
        self._slots = np.zeros(4 * n_words, np.uint64)
        self._arena = np.zeros(16 * n_words, np.uint8)
        self._starts = np.zeros(n_words + 1, np.int64)
        self._counts = np.zeros(n_words, np.int64)
        self._state = np.zeros(3, np.int64)

    def add(self, rows: tuple[Array, ...], table: npt.NDArray[np.uint32]) -> None:
        data, offsets, scratch = rows
        while not kernel.count_rows(
            data, offsets, table, scratch, self._slots, self._arena, self._starts, self._counts, self._state
        ):
            self._grow()

    def _grow(self) -> None:
        n_words = int(self._state[2])
        self._arena = np.concatenate([self._arena, np.zeros_like(self._arena)])
        if n_words == self._counts.size:
            self._starts = np.concatenate([self._starts, np.zeros(n_words, np.int64)])
            self._counts = np.concatenate([self._counts, np.zeros(n_words, np.int64)])
            self._slots = np.zeros(2 * self._slots.size, np.uint64)
            kernel.fill_slots(self._arena, self._starts[: n_words + 1], self._slots)

    def finish(self) -> "pa.Table":
        n_words = int(self._state[2])
        starts = self._starts[: n_words + 1]
        return pa.table({"word": _strings(self._arena[: starts[-1]], starts), "count": self._counts[:n_words]})


def split(column: TextColumn, table: npt.NDArray[np.uint32]) -> "pa.LargeListArray":
    """The tokens of every text, as strings.

    Raises:
        DataError: a text is null.
    """
    parts = [_split_piece(texts, table) for texts, _ in column.pieces()]
    return pa.concat_arrays(parts) if parts else pa.array([], pa.large_list(pa.large_string()))


def _split_piece(texts: "pa.LargeStringArray", table: npt.NDArray[np.uint32]) -> "pa.LargeListArray":
    data, offsets, scratch = kernel_input(texts, None, None)
    n_bytes = int(offsets[-1] - offsets[0])
    tokens, stops = np.empty(2 * n_bytes, np.uint8), np.empty(n_bytes + 1, np.int64)
    ends = np.zeros(len(texts) + 1, np.int64)
    n = kernel.split_rows(data, offsets, table, scratch, tokens, stops, ends[1:])
    lists = pa.Array.from_buffers(pa.int64(), ends.size, [None, pa.py_buffer(ends)])
    return pa.LargeListArray.from_arrays(lists, _strings(tokens[: stops[n]].copy(), stops[: n + 1].copy()))


def kernel_input(
    texts: "pa.LargeStringArray", fill_value: str | None, form: str | None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """(data, offsets, scratch) of a piece, its nulls filled, in a normalization form if one is named.

    Raises:
        DataError: a text is null and there is no fill value.
    """
    if texts.null_count:
        if fill_value is None:
            raise null_text()
        texts = pc.fill_null(texts, arrow_strings([fill_value])[0])
    if form is not None:
        texts = normalized(texts, form)
    data, offsets = bytes_and_offsets(texts)
    longest = int(np.diff(offsets).max()) if len(texts) else 0
    return data, offsets, np.empty(kernel.BYTE_ENTRIES + 3 * longest + 2 * kernel.PADDING, np.uint8)


def null_text() -> DataError:
    """What to raise for a null that nobody has filled."""
    return DataError(
        "A text is null, which cannot be cut into tokens. Put NullImputer() before this step, or leave such rows out."
    )


def threads(n_threads: int | None) -> int:
    """The number of threads to use: as many as this process has processors, unless said."""
    check_threads(n_threads)
    if n_threads is None:
        return workers.wanted_threads() or workers.n_cores()
    return int(n_threads)


def in_order(work: Callable[[_In], _Out], items: Iterable[_In], n_threads: int) -> Iterator[_Out]:
    """``map(work, items)`` on several threads, with a bounded number of results waiting."""
    items = iter(items)
    ahead = list(islice(items, 2))
    if n_threads == 1 or len(ahead) < 2:  # starting a thread takes longer than a few texts do
        yield from map(work, chain(ahead, items))
        return
    with ThreadPoolExecutor(n_threads) as pool:
        waiting: deque[Future[_Out]] = deque()
        for item in chain(ahead, items):
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def share(work: Callable[[Iterator[_In]], _Out], items: Iterator[_In], n_threads: int) -> list[_Out]:
    """Let ``n_threads`` workers draw from the same items until none are left -> their results."""
    ahead = list(islice(items, 2))
    shared = _Shared(chain(ahead, items))
    if n_threads == 1 or len(ahead) < 2:
        return [work(shared)]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(work, [shared] * n_threads))


class _Shared(Iterator[_In]):
    """An iterator that several threads may draw from."""

    def __init__(self, items: Iterator[_In]) -> None:
        self._items = items
        self._lock = threading.Lock()

    def __next__(self) -> _In:
        with self._lock:
            return next(self._items)


def _strings(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> "pa.LargeStringArray":
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))
