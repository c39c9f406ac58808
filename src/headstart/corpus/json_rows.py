"""JSON: one object a line, or an array of objects; each field one type throughout; every fault named with its place."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from json.encoder import encode_basestring
from typing import Any, NamedTuple

import pyarrow as pa

from headstart.corpus.decoding import LONGEST_LINE, decoded_head, utf8_chunks
from headstart.corpus.opening import DataFile, Opened
from headstart.corpus.request import Request
from headstart.errors import DataError
from headstart.plain import Json

JSON_CELLS = {b"headstart.cells": b"json"}
"""The metadata of a column whose cells are JSON as it is written in the file, numbers to the digit."""

_KINDS = {
    list: "an array", str: "a string", int: "a number", float: "a number", bool: "a truth value", type(None): "null"
}  # fmt: skip
_EXPECTED = 'Expected one object a line, such as {"text": "..."}, or an array of objects'
_BLANK = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORDS = {None: "null", True: "true", False: "false"}
_MOST_DIGITS = 400
_LONGEST_PARTIAL = 12  # characters: of what may be cut at the end of a block, "\\ud83d\\ude00" is the longest


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class _Row(NamedTuple):
    """An object and its place, such as ``line 3``."""

    place: str
    row: Json


class JsonTables(NamedTuple):
    """Rows of a file: the columns with types of their own, and those that are kept as they are written."""

    table: pa.Table
    kept: pa.Table | None


def json_tables(opened: Opened, file: DataFile, request: Request) -> Iterator[JsonTables]:
    """The objects of each few megabytes as a table; a field that an object leaves out is null.

    The columns are those of the first table; a field that comes up later is added when all are wanted. For one that is
    named and not in the first table, the file is looked through once more; a pipe, which cannot be, is refused.

    Raises:
        DataError: a row that is no object or names a field twice, or a field whose type changes; with file and place.
    """
    # The standard library's parser and not Arrow's: that one turns strings that look like dates into dates,
    # refuses objects longer than a block, and does not say the line.
    keep_numbers: Json = {"parse_int": _Number, "parse_float": _Number} if request.kept else {}
    decoder = json.JSONDecoder(object_pairs_hook=_unique, **keep_numbers)
    present: dict[str, None] = {}
    for rows in _rows(opened, file, request.options.encoding, decoder, request.counts):
        present.update((name, None) for row in rows for name in row.row)
        if file.again and request.lacks(present):
            with file.open() as again:
                for more in _rows(again, file, request.options.encoding, decoder, Counter()):
                    present.update((name, None) for row in more for name in row.row)
                    if not request.lacks(present):
                        break
        names = [name for name in request.select(list(present), file.name) if name in request.with_types]
        kept = None
        if request.kept:
            kept = _kept(rows, file, request)
            rows = [_Row(place, {name: _plain(row.get(name)) for name in names}) for place, row in rows]
        yield JsonTables(pa.table({name: _column(rows, name, file.name) for name in names}), kept)


# --- objects -----------------------------------------------------------------------------------------


def _rows(
    opened: Opened, file: DataFile, encoding: str | None, decoder: json.JSONDecoder, counts: Counter[str]
) -> Iterator[list[_Row]]:
    """The objects of each chunk of a file that was just opened."""
    is_array = decoded_head(opened.head(), encoding).lstrip().startswith("[")
    chunks = utf8_chunks(opened.stream, file.name, counts, encoding, after=b"}" if is_array else b"\n")
    return (_elements if is_array else _lines)(chunks, decoder, file.name)


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice!r} stands there twice")
    return row


def _lines(chunks: Iterator[bytes], decoder: json.JSONDecoder, file: str) -> Iterator[list[_Row]]:
    """The rows of each chunk of lines; blank ones hold none."""
    number = 1
    for chunk in chunks:
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.decode("utf-8").split("\n")
        rows = [
            _Row(place := f"line {at}", _object(text, decoder, f"{file}, {place}"))
            for at, text in enumerate(lines, number)
            if text.strip()
        ]
        number += len(lines) - 1
        if rows:
            yield rows


def _object(text: str, decoder: json.JSONDecoder, place: str) -> Json:
    try:
        value = decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise DataError(_no_object(place, error, text)) from error
    return _checked(value, place)


def _no_object(place: str, error: Exception, text: str) -> str:
    return f"{place}, is not a JSON object ({error}); it starts with {text[:40]!a}. {_EXPECTED}."


def _checked(value: object, place: str) -> Json:
    if not isinstance(value, dict):
        kind = "a number" if isinstance(value, _Number) else _KINDS[type(value)]
        raise DataError(
            f"{place}, holds a JSON {kind.removeprefix('an ').removeprefix('a ')}, not an object. {_EXPECTED}."
        )
    return value


def _elements(chunks: Iterator[bytes], decoder: json.JSONDecoder, file: str) -> Iterator[list[_Row]]:
    """The objects of an array, as many at a time as a chunk ends."""
    text, at, line, number = "", 0, 1, 0
    expected = "["  # or "value", ",", and nothing once the array is closed
    too_short = 0
    for chunk in chain(chunks, [None]):
        last = chunk is None
        text, at = text[at:] + ("" if chunk is None else chunk.decode("utf-8")), 0
        if len(text) < too_short and not last:
            continue
        rows: list[_Row] = []
        while (start := _skip_blanks(text, at)) < len(text):
            line += text.count("\n", at, start)
            at, mark = start, text[start]
            place = f"{file}, element {number + 1} of the array (line {line})"
            if mark == expected and mark in "[,":
                expected, at = "value", at + 1
            elif mark == "]" and expected in ("value", ",") and (expected == "," or not number):
                expected, at = "", at + 1
            elif expected != "value":
                what = (
                    f"holds {mark!a} where {expected!r} was expected"
                    if expected
                    else "goes on after its array is closed"
                )
                raise DataError(f"{file}, line {line}, {what}. {_EXPECTED}.")
            else:
                try:
                    value, end = decoder.raw_decode(text, at)
                except json.JSONDecodeError as error:
                    cut = error.msg.startswith("Unterminated") or error.pos >= len(text) - _LONGEST_PARTIAL
                    if last or not cut:
                        raise DataError(_no_object(place, error, text[at:])) from error
                    break
                except (ValueError, RecursionError) as error:
                    raise DataError(_no_object(place, error, text[at:])) from error
                number += 1
                rows.append(_Row(place.removeprefix(f"{file}, "), _checked(value, place)))
                line += text.count("\n", at, end)
                expected, at = ",", end
        if len(text) - at > LONGEST_LINE:
            raise DataError(f"{file}, line {line}, holds an element of more than {LONGEST_LINE >> 20} MB. {_EXPECTED}.")
        too_short = 2 * (len(text) - at)  # or a long element would be read anew with every chunk
        if rows:
            yield rows
    if expected:
        raise DataError(f"{file} ends in the middle of its array, after {number:,} rows. Check that the file is whole.")


def _skip_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()


# --- columns -----------------------------------------------------------------------------------------


def _plain(value: object) -> Any:
    """A value with its numbers as numbers."""
    if isinstance(value, _Number):
        is_whole = value.lstrip("-").isdecimal() and len(value) < _MOST_DIGITS
        return int(value) if is_whole else float(value)
    if isinstance(value, dict):
        return {name: _plain(cell) for name, cell in value.items()}
    return [_plain(cell) for cell in value] if isinstance(value, list) else value


def _kept(rows: list[_Row], file: DataFile, request: Request) -> pa.Table:
    """The kept columns as JSON, numbers to the digit; a null cell where a row has null or nothing."""
    kind = pa.large_string()
    fields = [pa.field(name, kind, metadata=JSON_CELLS) for name in request.kept]
    columns = []
    for name in request.kept:
        values = [row.row.get(name, file.partition.get(name)) for row in rows]
        columns.append(pa.array([None if cell is None else written(cell, request.counts) for cell in values], kind))
    return pa.table(columns, schema=pa.schema(fields))


def written(value: object, counts: Counter[str]) -> str:
    """A value as JSON; NaN and infinity, which JSON has not, become null and are counted as ``n_not_finite``."""
    if isinstance(value, _Number):
        return value
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float) and not math.isfinite(value):
        counts["n_not_finite"] += 1
        return "null"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_string(str(name))}: {written(cell, counts)}" for name, cell in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(written(cell, counts) for cell in value) + "]"
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    return repr(value) if isinstance(value, (int, float)) else _string(str(value))


def _string(text: str) -> str:
    # Half an emoji cannot be written as UTF-8: it stays the escape that it was.
    return json.dumps(text) if _SURROGATE.search(text) else encode_basestring(text)


def _column(rows: list[_Row], name: str, file: str) -> Any:
    try:
        return pa.array([row.row.get(name) for row in rows])
    except (pa.ArrowException, UnicodeError, OverflowError) as error:
        raise DataError(_fault(rows, name, file)) from error


def _fault(rows: list[_Row], name: str, file: str) -> str:
    """Where a field changes its type or holds what no column can hold, in a sentence."""
    before: Any = None
    for place, row in rows:
        value = row.get(name)
        if value is None:
            continue
        before = value if before is None else before
        kind, kind_before = (_KINDS.get(type(cell), "an object") for cell in (value, before))
        if kind != kind_before:
            return (
                f"{file}, {place}: {name!r} holds {kind} ({ascii(value)[:40]}) where the rows before hold "
                f"{kind_before}. Give the field one type throughout, or leave it out of the columns."
            )
        if not _holdable(value):
            return (
                f"{file}, {place}: {name!r} holds {ascii(value)[:60]}, which no column can hold. Repair that row, "
                f"or leave the column out: half an emoji is no text, and a whole number must fit 64 bits."
            )
    return f"{file}, {rows[0].place} to {rows[-1].place}: {name!r} cannot become a column. Repair the field."


def _holdable(value: object) -> bool:
    try:
        pa.array([value])
    except (pa.ArrowException, UnicodeError, OverflowError):
        return False
    return True
