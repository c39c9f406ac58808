"""What a tabular column is, told once from the training rows, and the same value however a file writes it.

==============  ===========================================  ===================================================
type            told in training from                        read from anything else
==============  ===========================================  ===================================================
``number``      numbers, decimals, times of day, durations;  ``1,234.5`` (a point for the fraction, commas between
                numerals of a text file; times and           groups of three), truth values as 1 and 0, times
                durations in strings                         and durations in seconds (`written_times`)
``date``        dates and timestamps; ISO dates in strings   ISO dates and timestamps; with a zone, the moment in UTC
``truth``       truth values; ``true`` and ``false``, or     ``true t yes y on 1`` and ``false f no n off 0``,
                another such pair, in strings                in any case
``text``        strings of several words, most of them       any value, as it is written
                different
``category``    any other strings                            any value, as it is written
==============  ===========================================  ===================================================

A cell of a text file is known only as it is written, so such columns are marked as *raw* (`as_raw`), and numerals in them
are numbers. Strings of a typed source (pandas, Polars, Parquet, Arrow, JSON) that look like numbers were
made strings by somebody, and are categories. ``007`` is a code in either.

What cannot be read as its column's type is missing, and counted. Blank cells are missing in every column; in columns of
numbers, dates and truth values so are ``NA``, ``null`` and their like, which a category may be called.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headstart.corpus.columns import NUMBER, written_out
from headstart.corpus.written_times import microseconds_since_1970, seconds_of
from headstart.errors import DataError, OptionError, unknown_name

COLUMN_TYPES = ("number", "category", "truth", "date", "text")

_RAW = {b"headstart.cells": b"raw"}
_MISSING = ("", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none")
_TRUTHS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off"), False),
}
_PAIRS = ({"true"}, {"false"}, {"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"}, {"on", "off"})
_NUMERAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_GROUPED = r"^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$"
_LEAST_TEXTS, _LEAST_WORDS = 10, 3.0


class Typed(NamedTuple):
    """A column as its type has it.

    Attributes:
        values: float64 (``number``), timestamp in microseconds (``date``), bool (``truth``), or large_string, Arrow [rows].
        n_unreadable: cells that hold something that is no value of the type; they are null in `values`.
    """

    values: pa.Array
    n_unreadable: int = 0


def as_raw(field: pa.Field) -> pa.Field:
    """Mark a field of strings as cells of a text file, of which nobody knows more than how they are written."""
    return field.with_metadata({**(field.metadata or {}), **_RAW})


def is_raw(field: pa.Field) -> bool:
    """Tell whether a field was marked by `as_raw`."""
    return _RAW.items() <= (field.metadata or {}).items()


def parse_column_types(text: str) -> dict[str, str]:
    """Return ``"price=number,version=category"`` of ``--column-types`` as a dict.

    Raises:
        OptionError: a part that is not ``COLUMN=TYPE``, or a type that there is not.
    """
    found: dict[str, str] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []) or [""]:
        name, equals, kind = (piece.strip() for piece in part.rpartition("="))
        if not (name and equals and kind) or name in found:
            raise OptionError(
                f"--column-types {text!r} cannot be read at {part!r}. Write each column once with its type, such as "
                f"price=number,version=category; types are {', '.join(COLUMN_TYPES)}."
            )
        found[name] = kind
    return found


def check_column_types(given: Mapping[str, str], columns: Sequence[str]) -> None:
    """Refuse types that there are not, and columns that are not read.

    Raises:
        OptionError: names the first such type or column.
    """
    for name, kind in given.items():
        if kind not in COLUMN_TYPES:
            raise unknown_name("column type", kind, COLUMN_TYPES)
        if name not in columns:
            raise OptionError(
                f"a type was given for the column {name!r}, and the columns that are read are "
                f"{', '.join(columns) or 'none'}; name it among the columns too (--columns, columns=)."
            )


def tell_type(column: pa.Array, *, raw: bool = False, name: str = "column") -> str:
    """Return which of `COLUMN_TYPES` a column of training rows is (the table above says by what).

    Args:
        column: Arrow array or chunked array [rows].
        raw: whether its strings are cells of a text file.
        name: for messages.

    Raises:
        DataError: it holds lists or other things that are no single value.
    """
    column = _plain(column, name)
    if pa.types.is_boolean(column.type):
        return "truth"
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return "date"
    if holds_numbers(column.type):
        return "number"
    cells = _present(column)
    if not len(cells):
        return "category"
    if raw and pc.all(pc.match_substring_regex(cells, f"({NUMBER})|({_GROUPED})")).as_py():
        return "number"
    distinct = pc.unique(cells)
    written = distinct.to_pylist()
    if {value.casefold() for value in written[:20]} in _PAIRS and len(written) <= 20:
        return "truth"
    if all(seconds_of(value) is not None for value in written):
        return "number"
    if all(microseconds_since_1970(value) is not None for value in written):
        return "date"
    return "text" if _reads_as_text(cells, len(written)) else "category"


def type_of(table: pa.Table, name: str) -> str:
    """Return what `tell_type` tells of a column of a table, whose field says whether its cells are raw.

    Raises:
        DataError: it holds lists or other things that are no single value.
    """
    return tell_type(table.column(name), raw=is_raw(table.schema.field(name)), name=name)


def _reads_as_text(cells: pa.Array, n_distinct: int) -> bool:
    words = pc.add(pc.count_substring_regex(cells, r"\s+"), 1)
    return len(cells) >= _LEAST_TEXTS and 2 * n_distinct > len(cells) and pc.mean(words).as_py() >= _LEAST_WORDS


def as_type(column: pa.Array, kind: str, name: str = "column") -> Typed:
    """Return a column from anywhere as values of a type; a column that already is stays what it is.

    Args:
        column: Arrow array or chunked array [rows].
        kind: one of `COLUMN_TYPES`.
        name: for messages.

    Raises:
        DataError: it holds lists or other things that are no single value.
    """
    return _READERS[kind](_plain(column, name))


def holds_numbers(kind: pa.DataType) -> bool:
    """Tell whether an Arrow type is one of numbers (times of day and durations are numbers of seconds)."""
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_time(kind)
        or types.is_duration(kind)
    )


def numeral(written: str) -> float | None:
    """Return the number that a string is, written with a point and digits alone or as a time; None for any other string."""
    return float(written) if re.match(_NUMERAL, written, re.ASCII) else seconds_of(written)


def _plain(column: pa.Array, name: str) -> pa.Array:
    """Return one array of numbers, moments, truth values, nulls or large_string."""
    array = written_out(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)
    kind, types = array.type, pa.types
    if types.is_binary(kind) or types.is_large_binary(kind) or str(kind) in ("string", "large_string", "string_view"):
        try:
            return array.cast(pa.large_string())
        except pa.ArrowInvalid as error:
            raise DataError(
                f"the column {name!r} holds bytes that are no UTF-8; decode them, or leave the column out."
            ) from error
    known = (types.is_boolean, types.is_null, types.is_date, types.is_timestamp, holds_numbers)
    if not any(is_one(kind) for is_one in known):
        raise DataError(
            f"the column {name!r} holds values of type {kind}; expected numbers, dates, strings or truth values. "
            "Leave it out or convert it."
        )
    return array


def _present(column: pa.Array) -> pa.Array:
    """Return the cells of a column of strings that are not missing, trimmed."""
    if pa.types.is_null(column.type):
        return pa.array([], pa.large_string())
    cells = pc.utf8_trim_whitespace(column)
    return cells.filter(pc.invert(_is_missing(cells)))


def _is_missing(cells: pa.Array) -> pa.Array:
    marks = pa.array(_MISSING, pa.large_string())
    return pc.or_(pc.is_null(cells), pc.is_in(pc.utf8_lower(cells), marks))


def _numbers(column: pa.Array) -> Typed:
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_decimal(kind):
        # A decimal goes by its digits, so that it is the number that a text file would give.
        return _finite(*_parsed(column.cast(pa.large_string())))
    if pa.types.is_boolean(kind):
        return Typed(column.cast(pa.int8()).cast(pa.float64()))
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        units = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        whole = column.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64()).cast(pa.int64())
        return Typed(pc.divide(whole.cast(pa.float64(), safe=False), float(units)))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _unreadable(column, pa.float64())
    return _finite(column.cast(pa.float64(), safe=False), 0)


def _parsed(column: pa.Array) -> tuple[pa.Array, int]:
    """Return strings as numbers, float64 [rows], and how many are neither numbers nor missing."""
    cells = pc.utf8_trim_whitespace(column)
    grouped = pc.fill_null(pc.match_substring_regex(cells, _GROUPED), False)
    if pc.any(grouped).as_py():
        cells = pc.if_else(grouped, pc.replace_substring(cells, ",", ""), cells)
    numeral = pc.fill_null(pc.match_substring_regex(cells, _NUMERAL), False)
    values = pc.if_else(numeral, cells, pa.scalar(None, cells.type)).cast(pa.float64())
    if pc.all(numeral).as_py():
        return values, 0
    others = _translated(pc.if_else(numeral, pa.scalar(None, cells.type), cells), _word_as_number, pa.float64())
    return pc.coalesce(values, others.values), others.n_unreadable


def _word_as_number(written: str) -> float | None:
    truths = {"true": 1.0, "false": 0.0}
    return truths.get(written.lower(), seconds_of(written))


def _finite(values: pa.Array, n_unreadable: int) -> Typed:
    """Return numbers with those that are infinite unreadable, and those that are none missing."""
    finite = pc.is_finite(values)
    if pc.all(finite).as_py() is not False:
        return Typed(values, n_unreadable)
    n_infinite = pc.sum(pc.is_inf(values)).as_py() or 0
    return Typed(pc.if_else(finite, values, pa.scalar(None, values.type)), n_unreadable + n_infinite)


def _dates(column: pa.Array) -> Typed:
    moments = pa.timestamp("us")
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return Typed(column.cast(moments, safe=False))
    if not pa.types.is_large_string(column.type):
        return _unreadable(column, moments)
    found = _translated(column, microseconds_since_1970, pa.int64())
    return found._replace(values=found.values.cast(moments))


def _truths(column: pa.Array) -> Typed:
    if pa.types.is_boolean(column.type):
        return Typed(column)
    if pa.types.is_large_string(column.type):
        return _translated(column, _truth, pa.bool_())
    numbers, n_unreadable = _numbers(column)
    known = pc.is_in(numbers, pa.array([0.0, 1.0]))
    n_other = len(numbers) - numbers.null_count - (pc.sum(known).as_py() or 0)
    return Typed(pc.if_else(known, pc.equal(numbers, 1.0), pa.scalar(None, pa.bool_())), n_unreadable + n_other)


def _truth(written: str) -> bool | None:
    word = written.casefold()
    if word in _TRUTHS:
        return _TRUTHS[word]
    number = numeral(word)
    return bool(number) if number in (0, 1) else None


def _translated(column: pa.Array, meaning: Callable[[str], object], kind: pa.DataType) -> Typed:
    """Return strings by what each distinct one of them, trimmed, means; None is no value of the type."""
    cells = pc.utf8_trim_whitespace(column)
    meanings = {written: meaning(written) for written in pc.unique(cells).drop_null().to_pylist()}
    places = pc.index_in(cells, pa.array(list(meanings), cells.type))
    values = pa.array(list(meanings.values()), kind).take(places)
    return Typed(values, pc.sum(pc.and_not(pc.is_null(values), _is_missing(cells))).as_py() or 0)


def _strings(column: pa.Array) -> Typed:
    """Return what is written in each cell: trimmed, letters composed, truth values in lower case; blank cells are null."""
    kind = column.type
    null = pa.scalar(None, pa.large_string())
    if pa.types.is_null(kind):
        return Typed(column.cast(pa.large_string()))
    if pa.types.is_timestamp(kind):
        cells = column.cast(pa.timestamp("us"), safe=False).cast(pa.large_string())
        cells = pc.replace_substring_regex(cells, r"( 00:00:00)?\.?0*$", "")
    elif pa.types.is_duration(kind):
        cells = _numbers(column).values.cast(pa.large_string())
    else:
        cells = column.cast(pa.large_string())
    if pa.types.is_time(kind):
        cells = pc.replace_substring_regex(cells, r"\.0*$|(\.[0-9]*[1-9])0+$", r"\1")
    if pa.types.is_floating(kind):
        cells = pc.if_else(pc.is_finite(column), cells, null)
    cells = pc.utf8_normalize(pc.utf8_trim_whitespace(cells), form="NFC")
    lowered = pc.utf8_lower(cells)
    is_truth = pc.is_in(lowered, pa.array(["true", "false"], pa.large_string()))
    cells = pc.if_else(is_truth, lowered, cells)
    return Typed(pc.if_else(pc.equal(cells, ""), null, cells))


def _unreadable(column: pa.Array, kind: pa.DataType) -> Typed:
    return Typed(pa.nulls(len(column), kind), len(column) - column.null_count)


_READERS = {"number": _numbers, "date": _dates, "truth": _truths, "category": _strings, "text": _strings}
