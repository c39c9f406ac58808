"""Texts in any container in, Arrow strings out, piece by piece; and the way back.

Everything downstream sees ``pa.LargeStringArray`` pieces of bounded size and never asks what the
texts came in. A cell that is no string is refused with its row; nulls (None, NaN, ``pd.NA``,
``NaT``) stay nulls; lone surrogates, which are not Unicode text, become U+FFFD and are counted.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headstart.arrays import Array
from headstart.errors import DataError
from headstart.spill import looked_at

PIECE_ROWS = 4096
PIECE_BYTES = 1 << 20

_ACCEPTED = "a list, a NumPy array, or a pandas, Polars or Arrow column (or one-column frame) of strings"
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_BYTES = np.zeros(0, np.uint8)
_NO_ROWS = np.zeros(1, np.int64)


@dataclass(frozen=True, eq=False)
class TextColumn:
    """One column of texts, whatever it came in.

    Attributes:
        source: the container as it was given.
        cells: the same cells as an Arrow chunked array, or as a sequence of Python objects.
    """

    source: Any
    cells: "pa.ChunkedArray | Sequence[Any]"

    def __len__(self) -> int:
        return len(self.cells)

    def pieces(self) -> Iterator[tuple["pa.LargeStringArray", int]]:
        """Consecutive rows as (large_string array, rows whose lone surrogates were replaced).

        A piece has at most ``PIECE_ROWS`` rows, and of several rows at most ``PIECE_BYTES`` bytes.

        Raises:
            DataError: a cell is not a string, or Arrow data are not valid UTF-8.
        """
        if isinstance(self.cells, pa.ChunkedArray):
            for part in _slices(self.cells):
                yield from ((piece, 0) for piece in _cut(part))
                looked_at(part.nbytes)
            return
        for start in range(0, len(self.cells), PIECE_ROWS):
            array, n_replaced = _from_objects(self.cells[start : start + PIECE_ROWS], start)
            for part in _cut(array):
                yield part, n_replaced
                n_replaced = 0

    def like_source(self, texts: "pa.ChunkedArray") -> Any:
        """New texts, one a row, in the kind of container that the old ones came in.

        Frames, columns and Arrow arrays keep their kind, name and index; lists, tuples and NumPy arrays
        become NumPy object arrays of the same shape.
        """
        source = self.source
        if isinstance(source, pa.ChunkedArray):
            return texts
        if isinstance(source, pa.Array):
            return texts.combine_chunks()
        if isinstance(source, pa.Table | pa.RecordBatch):
            table = pa.table({source.schema.names[0]: texts.combine_chunks()})
            return table if isinstance(source, pa.Table) else table.to_batches()[0] if len(table) else source
        if _is(source, "polars", "Series"):
            return sys.modules["polars"].Series(source.name, texts)
        if _is(source, "polars", "DataFrame"):
            return sys.modules["polars"].DataFrame({source.columns[0]: texts})
        if _is(source, "pandas", "Series", "Index"):
            return _series(source, texts)
        if _is(source, "pandas", "DataFrame"):
            return _series(source.iloc[:, 0], texts).to_frame()
        return objects(texts).reshape(source.shape if isinstance(source, np.ndarray) else -1)


def text_column(texts: object) -> TextColumn:
    """Open any container of texts.

    Raises:
        DataError: it is a single string, has several columns, or is of a kind not known here.
    """
    return TextColumn(texts, _cells(texts))


def arrow_strings(texts: Sequence[str]) -> "pa.LargeStringArray":
    """Python strings as Arrow's. By hand, because ``pa.array`` imports pandas where it is installed (0.2 s)."""
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return pa.LargeStringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def bytes_and_offsets(texts: "pa.LargeStringArray") -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The UTF-8 bytes of an array, and where each text begins and the last one ends, [rows + 1].

    Both are views that cannot be written to: Numba compiles anew for arrays that can.
    """
    _, offsets, data = texts.buffers()
    stop = texts.offset + len(texts) + 1  # the buffer may be longer, by any number of bytes
    bounds = np.frombuffer(offsets, np.int64, count=stop)[texts.offset :] if len(texts) else _NO_ROWS
    return readonly(np.frombuffer(data, np.uint8) if data else _NO_BYTES), readonly(bounds)


def readonly(array: Array) -> Array:
    """A view that cannot be written to."""
    view = array.view()
    view.setflags(write=False)
    return view


def _cells(texts: Any) -> "pa.ChunkedArray | Sequence[Any]":
    if isinstance(texts, str | bytes):
        raise DataError(
            f"Expected many texts, got a single {type(texts).__name__} ({texts[:40]!r}). Put it into a list: [text]."
        )
    if isinstance(texts, np.ndarray):
        return _from_numpy(texts)
    if _is(texts, "pandas", "DataFrame"):
        return _cells(texts.iloc[:, _only_column(list(texts.columns))])
    if _is(texts, "pandas", "Series", "Index"):
        return _from_pandas(texts)
    if isinstance(texts, pa.Table | pa.RecordBatch):
        return _chunked(texts.column(_only_column(texts.schema.names)))
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        return _chunked(texts)
    if _is(texts, "polars", "DataFrame"):
        return _cells(texts.to_series(_only_column(texts.columns)))
    if hasattr(texts, "__arrow_c_stream__"):
        return _chunked(pa.chunked_array(texts))
    if isinstance(texts, Sequence):
        return texts
    raise DataError(f"Expected {_ACCEPTED}, got a {type(texts).__name__}. Make it one of these, list(texts) say.")


def _from_numpy(texts: Any) -> Any:
    if isinstance(texts, np.ma.MaskedArray):
        mask, texts = np.ma.getmaskarray(texts), np.array(np.ma.getdata(texts), dtype=object)
        texts[mask] = None
    if texts.ndim == 2 and texts.shape[1] == 1:
        texts = texts[:, 0]
    if texts.ndim != 1:
        raise DataError(
            f"Expected one column of texts, got a NumPy array of shape {texts.shape}. Choose the column with the texts."
        )
    return texts.astype(object) if texts.dtype.kind == "T" else texts


def _from_pandas(texts: Any) -> Any:
    pandas = sys.modules["pandas"]
    if isinstance(texts.array, pandas.arrays.ArrowExtensionArray | pandas.Categorical):
        return _chunked(pa.array(texts.array, from_pandas=True))
    return texts.to_numpy(dtype=object)


def _only_column(names: list[str]) -> int:
    if len(names) != 1:
        raise DataError(
            f"Expected a frame with one column of texts, got {len(names)} columns: {names[:8]}. "
            f"Choose the one with the texts, as in frame[['text']]."
        )
    return 0


def _chunked(array: "pa.Array") -> "pa.ChunkedArray":
    """The same as a chunked array, its type checked once."""
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if not is_text and array.null_count != len(array):
        raise DataError(
            f"Expected a column of strings, got a column of type {array.type}. "
            f"Cast it to strings first if its values are meant as texts."
        )
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _slices(column: "pa.ChunkedArray") -> "Iterator[pa.LargeStringArray]":
    """An Arrow column of any kind of strings as large strings, ``PIECE_ROWS`` at a time."""
    for chunk in column.chunks:
        words = _from_arrow(_valid(chunk).dictionary) if pa.types.is_dictionary(chunk.type) else None
        for start in range(0, len(chunk), PIECE_ROWS):
            part = chunk.slice(start, PIECE_ROWS)
            yield _from_arrow(part) if words is None else words.take(part.indices)


def _from_arrow(texts: "pa.Array") -> "pa.LargeStringArray":
    return texts if pa.types.is_large_string(_valid(texts).type) else texts.cast(pa.large_string())


def _valid(array: "pa.Array") -> "pa.Array":
    """The array itself, once all of it is known to be sound: from here on its offsets and its UTF-8 are trusted."""
    try:
        array.validate(full=True)
    except pa.ArrowException as fault:
        raise DataError(
            f"A column of Arrow strings is damaged or not UTF-8 ({fault}). Read its file again with the right encoding."
        ) from fault
    return array


def _from_objects(cells: Sequence[Any], first_row: int) -> tuple["pa.LargeStringArray", int]:
    """Python cells as (large_string array, rows whose lone surrogates were replaced)."""
    try:
        if {*map(type, cells)} <= {str}:
            return arrow_strings(cells), 0
        # Arrow knows all nulls but NumPy's own NaN among Python objects.
        array = pa.array([None if isinstance(c, np.floating) and _is_null(c) else c for c in cells], from_pandas=True)
    except UnicodeEncodeError:
        whole = [_without_surrogates(cell) for cell in cells]
        return _from_objects(whole, first_row)[0], sum(new is not old for new, old in zip(whole, cells, strict=True))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        array = None
    if array is None or not (pa.types.is_string(array.type) or array.null_count == len(array)):
        raise _not_a_string(cells, first_row)
    if isinstance(array, pa.ChunkedArray):  # Arrow cuts where a 32-bit offset would overflow
        return array.cast(pa.large_string()).combine_chunks(), 0
    return array.cast(pa.large_string()) if array.null_count < len(array) else pa.nulls(
        len(array), pa.large_string()
    ), 0


def _without_surrogates(cell: object) -> Any:
    """Surrogate pairs become the character they mean, lone ones U+FFFD; other cells stay the same object."""
    if not isinstance(cell, str) or not _SURROGATE.search(cell):
        return cell
    return cell.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _not_a_string(cells: Sequence[Any], first_row: int) -> DataError:
    for row, cell in enumerate(cells, first_row):
        if not isinstance(cell, str) and not _is_null(cell):
            return DataError(
                f"Row {row} of the texts (the first is 0) is a {type(cell).__name__}, not a string: {cell!r:.60}. "
                f"Turn the cells of this column into strings; a missing text may be None."
            )
    return DataError(f"The texts from row {first_row} on cannot be read as strings. Expected {_ACCEPTED}.")


def _is_null(cell: object) -> bool:
    if isinstance(cell, np.floating):
        return bool(np.isnan(cell))
    try:
        return bool(pa.array([cell], from_pandas=True).null_count)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False


def _cut(array: "pa.LargeStringArray") -> Iterator["pa.LargeStringArray"]:
    """Slices of at most ``PIECE_BYTES`` each, but at least a row."""
    _, offsets = bytes_and_offsets(array)
    start = 0
    while start < len(array):
        stop = int(np.searchsorted(offsets, offsets[start] + PIECE_BYTES, side="right")) - 1
        stop = max(stop, start + 1)
        yield array.slice(start, stop - start)
        start = stop


def _series(source: Any, texts: "pa.ChunkedArray") -> Any:
    """A pandas Series with the index, the name and, where it holds only strings, the dtype of the old one."""
    pandas = sys.modules["pandas"]
    is_text = isinstance(source.dtype, pandas.StringDtype | pandas.ArrowDtype)
    values = source.dtype.__from_arrow__(texts) if is_text else objects(texts)
    if isinstance(source, pandas.Index):
        return pandas.Index(values, name=source.name, dtype=None if is_text else object)
    return pandas.Series(values, index=source.index, name=source.name, dtype=None if is_text else object)


def objects(texts: "pa.ChunkedArray") -> Any:
    """NumPy object array of str and None."""
    values = np.empty(len(texts), object)
    values[:] = texts.to_pylist()
    return values


def _is(thing: object, package: str, *names: str) -> bool:
    """Whether a thing is of one of these classes, without importing the package for it."""
    module = sys.modules.get(package)
    return module is not None and isinstance(thing, tuple(getattr(module, name) for name in names))
