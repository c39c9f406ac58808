"""Arrow data that came from outside: every buffer is checked before anything else looks into it.

Arrow trusts what a file says of itself: an offset, an index or a view that points elsewhere crashes the process,
or copies what lies there into the output. Texts that are merely no UTF-8 are repaired instead of refused.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headstart.corpus.decoding import BAD_ENCODING, decode_or_repair
from headstart.errors import DataError

PIECE_BYTES = 128 << 20
"""Rows are handed on in pieces that take about this much at the most once dictionaries are written out."""


def validated(table: pa.Table, where: str, counts: Counter[str]) -> list[pa.ChunkedArray]:
    """The columns of a table, once all of it is known to be sound; bad UTF-8 in columns of strings is repaired and counted.

    Raises:
        DataError: a column whose buffers do not fit; names it.
    """
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        chunks = [sound(chunk, name, where, counts) for chunk in column.chunks]
        columns.append(pa.chunked_array(chunks, column.type))
    return columns


def sound(array: pa.Array, name: str, where: str, counts: Counter[str]) -> pa.Array:
    """An Arrow array, once it is known to be sound; strings repaired.

    Raises:
        DataError: its buffers do not fit.
    """
    try:
        array.validate(full=True)
    except pa.ArrowException as error:
        try:
            repaired = _repaired(array, counts)
            repaired.validate(full=True)
        except (pa.ArrowException, IndexError, ValueError):
            reason = str(error).splitlines()[0].rstrip(".")
            raise DataError(
                f"The column {name!r} of {where} is damaged: {reason}. Copy the file again, or write the table anew."
            ) from error
        return repaired
    return array


def _repaired(array: pa.Array, counts: Counter[str]) -> pa.Array:
    """Strings whose bytes are no UTF-8, repaired.

    Raises:
        pa.ArrowException, IndexError, ValueError: more is wrong with them.
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        words = _repaired(array.dictionary, counts)
        return pa.DictionaryArray.from_arrays(array.indices, words, ordered=kind.ordered)
    raw = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}.get(kind)
    if raw is None:
        raise ValueError(f"{kind} is no kind of strings")
    cells = array.view(raw)
    cells.validate(full=True)
    return decoded(cells, counts).cast(kind)


def decoded(cells: pa.Array, counts: Counter[str] | None) -> pa.Array:
    """Bytes as texts; those that are no UTF-8 repaired and counted."""
    pairs = [(None, False) if cell is None else decode_or_repair(cell) for cell in cells.to_pylist()]
    if counts is not None:
        counts[BAD_ENCODING] += sum(bad for _, bad in pairs)
    return pa.array([text for text, _ in pairs], pa.large_string())


def pieces(table: pa.Table, most_rows: int) -> Iterator[pa.Table]:
    """The rows in order, at most so many at a time, and fewer where they would take up much memory."""
    sizes = [size for size in map(_row_bytes, table.columns) if size is not None]
    ends = np.cumsum(np.sum(sizes, axis=0)) if sizes else np.zeros(table.num_rows, np.int64)
    start = 0
    while start < table.num_rows:
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + PIECE_BYTES, side="right")), start + 1)
        yield table.slice(start, min(stop, start + most_rows) - start)
        start = min(stop, start + most_rows)


def _row_bytes(column: pa.Array) -> NDArray[np.int64] | None:
    """How many bytes each cell takes as a plain string, int64 [rows]; None where that is no more than it takes now."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (_is_view(kind) or (kind is not column.type and _is_cells(kind))):
        return None
    return np.concatenate([np.zeros(0, np.int64), *(_cell_bytes(chunk) for chunk in column.chunks)])


def _cell_bytes(array: pa.Array) -> NDArray[np.int64]:
    if pa.types.is_dictionary(array.type):
        words = _cell_bytes(array.dictionary)
        indices = np.asarray(array.indices.fill_null(0), np.int64)
        return words[indices] if len(words) else np.zeros(len(array), np.int64)
    if _is_view(array.type):  # a view is 16 bytes, the first four its length
        if not len(array):
            return np.zeros(0, np.int64)
        n_views = array.offset + len(array)  # the buffer may be longer, by any number of bytes
        lengths = np.frombuffer(array.buffers()[1], np.int32, count=4 * n_views)[4 * array.offset :: 4]
        return np.where(array.is_valid().to_numpy(zero_copy_only=False), lengths, 0).astype(np.int64)  # a null's: any
    return np.asarray(pc.fill_null(pc.binary_length(array), 0), np.int64)


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(kind) or pa.types.is_binary_view(kind))


def _is_cells(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    )
