"""Columns and tables from any library, as Arrow; and what a column of texts must be.

Generous at the door: lists, NumPy, pandas, Polars and Arrow. Strict inside: texts are one contiguous
``pa.LargeStringArray``, nulls allowed, valid UTF-8.
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headstart.arrays import Array
from headstart.corpus.validating import decoded, sound
from headstart.errors import DataError

_MIN_ROWS_TO_JUDGE = 3
_FIRST_ROWS = 256
NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$"
"""A number as people write one. ``007`` is none: leading zeros belong to codes, which must keep them."""


def text_array(
    values: object, name: str = "text", where: str = "the data", counts: Counter[str] | None = None
) -> pa.LargeStringArray:
    """A column of texts as ``pa.LargeStringArray`` ``[rows]``; nulls stay null.

    Args:
        values: list, NumPy, pandas, Polars or Arrow column of strings, bytes or categories of strings.
        name: the column's name, for messages.
        where: the file or table, for messages.
        counts: ``n_bad_encoding`` grows by one for each cell whose bytes were no UTF-8.

    Raises:
        DataError: cells that are no strings; names the column, and the type or the first such row.
    """
    column = _one_chunk(arrow_column(values, name, where, kind="strings"))
    return as_texts(sound(column, name, where, Counter() if counts is None else counts), name, where, counts)


def as_texts(column: pa.Array, name: str, where: str, counts: Counter[str] | None = None) -> pa.LargeStringArray:
    """A sound Arrow column as `text_array` gives it, with the errors of that."""
    column = written_out(_one_chunk(column))
    if _is_bytes(column.type):
        return decoded(column, counts)
    if not (_is_string(column.type) or pa.types.is_null(column.type)):
        raise DataError(
            f"The text column {name!r} of {where} holds {column.type}, not texts. "
            f"Name the column that holds the texts, or turn its cells into strings first."
        )
    return column.cast(pa.large_string())


def written_out(column: pa.Array) -> pa.Array:
    """Cells of a dictionary, of runs, or of Arrow's own extensions as plain ones.

    Strings become large strings, for they may come to more than 2 GB.
    """
    if isinstance(column, pa.ChunkedArray):
        chunks = [written_out(chunk) for chunk in column.chunks]
        return pa.chunked_array(chunks) if chunks else column
    if pa.types.is_run_end_encoded(column.type):
        return pc.run_end_decode(column)
    if isinstance(column.type, pa.Bool8Type | pa.JsonType):
        return column.storage.cast(pa.bool_() if isinstance(column.type, pa.Bool8Type) else pa.large_string())
    if not pa.types.is_dictionary(column.type):
        return column
    words = column.dictionary
    if _is_string(words.type) or _is_bytes(words.type):
        words = words.cast(pa.large_string() if _is_string(words.type) else pa.large_binary())
    return words.take(column.indices)


def refuse_numbers(texts: pa.LargeStringArray, name: str, where: str) -> None:
    """Refuse a text column of a CSV file in which every cell is a number: surely the wrong column.

    Raises:
        DataError: three cells or more, and nothing but numbers.
    """
    for some in (texts[:_FIRST_ROWS], texts):  # the first tell enough of nearly every column
        cells = some.filter(pc.not_equal(some, ""))
        if not pc.all(pc.match_substring_regex(cells, NUMBER), min_count=0).as_py():
            return
    if len(cells) >= _MIN_ROWS_TO_JUDGE:
        raise DataError(
            f"The text column {name!r} of {where} holds nothing but numbers (the first is {cells[0].as_py()}). "
            f"Name the column that holds the texts."
        )


def arrow_column(values: Any, name: str, where: str, kind: str = "one kind of value") -> pa.Array:
    """Any library's column as an Arrow array or chunked array; NaN and NaT in objects become null.

    Raises:
        DataError: a single string, more than one dimension, or cells of mixed types (names the row).
    """
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        raise DataError(f"Column {name!r} of {where} is one {type(values).__name__}, not a column. Put it into a list.")
    if hasattr(values, "to_arrow"):  # Polars
        try:
            return values.to_arrow()
        except pa.ArrowInvalid:  # whole numbers of 128 bits
            values = values.to_list()
    if getattr(values, "ndim", 1) != 1:
        raise DataError(
            f"Column {name!r} of {where} has shape {values.shape}; expected one dimension. Pass one column."
        )
    if hasattr(values, "sparse"):  # pandas, where most cells are one value that is not stored
        values = np.asarray(values)
    if isinstance(values, np.ndarray):
        values = _with_arrow_type(values)
    elif not (isinstance(values, list) or hasattr(values, "__array__")):
        values = list(values)
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError) as error:
        raise DataError(_odd_cell(values, name, where, kind)) from error


def _with_arrow_type(values: Array) -> Array:
    """The same values in a type that Arrow has, where NumPy has one of its own."""
    if values.dtype.kind == "T":  # strings of any length
        return values.astype(object)
    if values.dtype == np.longdouble:
        return values.astype(np.float64)
    unit = np.datetime_data(values.dtype)[0] if values.dtype.kind in "mM" else ""
    if values.dtype.kind == "M" and unit in ("Y", "M", "W"):
        return values.astype("M8[D]")
    if unit in ("h", "m") or (values.dtype.kind == "m" and unit in ("W", "D")):
        return values.astype(f"{values.dtype.kind}8[s]")
    return values


def _odd_cell(values: Iterable[Any], name: str, where: str, kind: str) -> str:
    """Where the types of a column change, in a sentence."""
    first: Any = None
    for row, value in enumerate(values):
        if value is None or value != value:
            continue
        first = value if first is None else first
        if type(value) is not type(first) or (isinstance(value, str) and not _encodes(value)):
            found = f"row {row} (the first is row 0) holds {type(value).__name__} {ascii(value)[:40]}"
            return (
                f"Column {name!r} of {where} mixes types: {found} where {type(first).__name__} came before. "
                f"Give it {kind} only: convert or drop the odd cells."
            )
    found = getattr(values, "dtype", type(first).__name__)
    return f"Column {name!r} of {where} holds {found}, not {kind}. Convert its cells first."


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def is_table(value: object) -> bool:
    """Whether it is a table with named columns: Arrow, pandas, Polars (lazy too), or a dict of columns."""
    tables = (pa.Table, pa.RecordBatch, pa.RecordBatchReader, Mapping)
    return isinstance(value, tables) or hasattr(type(value), "columns")


def adopt(table: object) -> Any:
    """A table whose columns can be had by name: pandas, Polars, a dict of columns, or Arrow for any other.

    Raises:
        DataError: it is no table.
    """
    if not is_table(table):
        raise DataError(
            f"Something of type {type(table).__name__} came where a path, a table or a dict of columns was expected. "
            f'For a list of texts, pass {{"text": texts}}.'
        )
    if isinstance(table, pa.RecordBatch):
        return pa.Table.from_batches([table])
    if isinstance(table, Mapping) or type(table).__module__.split(".")[0] in ("pandas", "polars"):
        return table
    return pa.table(table)


def column_names(table: Any) -> list[str]:
    """The names of an adopted table's columns, as strings."""
    if isinstance(table, Mapping):
        return [str(name) for name in table]
    if isinstance(table, pa.Table):
        return list(table.column_names)
    names = table.collect_schema().names() if hasattr(table, "collect_schema") else table.columns
    return [str(name) for name in names]


def select(table: Any, names: Sequence[str], where: str) -> pa.Table:
    """The named columns of an adopted table, as an Arrow table.

    Raises:
        DataError: a column that cannot be converted, or columns of unequal length.
    """
    if isinstance(table, pa.Table):
        return table.select(list(names))
    if hasattr(table, "collect"):  # a lazy Polars frame computes only these
        table = table.select(list(names)).collect()
    keys = {str(key): key for key in (table if isinstance(table, Mapping) else table.columns)}
    columns = [arrow_column(table[keys[name]], name, where) for name in names]
    lengths = {name: len(column) for name, column in zip(names, columns, strict=True)}
    if len(set(lengths.values())) > 1:
        raise DataError(f"The columns of {where} differ in length: {lengths}. Give each row a cell in every column.")
    return pa.table(dict(zip(names, columns, strict=True)))


def check_columns(wanted: Iterable[str], present: Sequence[str], where: str) -> None:
    """Refuse columns that are not there, naming those that are.

    Raises:
        DataError: a wanted column is missing, or stands there twice.
    """
    counts = Counter(present)
    for name in wanted:
        if not counts[name]:
            near = difflib.get_close_matches(name, present, n=1) or [
                other for other in present if other.casefold() == name.casefold()
            ]
            hint = f"Did you mean {near[0]!r}?" if near else "Name one of these."
            raise DataError(f"{where} has no column {name!r}. It has: {_listed(present)}. {hint}")
        if counts[name] > 1:
            raise DataError(f"{where} has {counts[name]} columns named {name!r}; rename all but one of them.")


def distinct(values: object, name: str, where: str) -> tuple[np.ndarray, list[Any]]:
    """A column's distinct values, null among them, and each row's position in that list: int64 ``[rows]``.

    Raises:
        DataError: cells that are lists or records.
    """
    column = written_out(_one_chunk(arrow_column(values, name, where)))
    if pa.types.is_nested(column.type):
        raise DataError(
            f"Column {name!r} of {where} holds {column.type}; expected numbers, truth values or strings. "
            f"Name another column, or take one value out of each cell."
        )
    encoded = column.dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary.to_pylist()


def _listed(names: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "none"


def _one_chunk(column: pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))
