"""JSON lines: one object a line, each field one type throughout; every fault named with its line."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from headstart.corpus.decoding import utf8_chunks
from headstart.corpus.opening import DataFile, Opened
from headstart.corpus.request import Request
from headstart.errors import DataError

_KINDS = {list: "array", str: "string", int: "number", float: "number", bool: "truth value", type(None): "null"}


class _Line(NamedTuple):
    number: int
    row: dict[str, Any]


def json_tables(opened: Opened, file: DataFile, request: Request) -> Iterator[pa.Table]:
    """The objects of each few megabytes of lines as a table; a field that a line leaves out is null.

    The columns are those of the first table; a field that comes up later is added when all are wanted.

    Raises:
        DataError: a line that is no object, or a field whose type changes; with file and line.
    """
    # The standard library's parser and not Arrow's: that one turns strings that look like dates into dates,
    # refuses objects longer than a block, and does not say the line.
    number = 1
    present: dict[str, None] = {}
    for chunk in utf8_chunks(opened.stream, file.name, request.counts):
        texts = enumerate(chunk.decode("utf-8").split("\n"), number)
        lines = [_Line(at, _object(text, file.name, at)) for at, text in texts if text and not text.isspace()]
        number += chunk.count(b"\n")
        if lines:
            present.update((name, None) for line in lines for name in line.row)
            names = request.select(list(present), file.name)
            yield pa.table({name: _column(lines, name, file.name) for name in names})


def _object(text: str, file: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{file}, line {number}, is not a JSON object ({error}); it starts with {text[:40]!a}. "
            f'Expected one object a line, such as {{"text": "..."}}.'
        ) from error
    if not isinstance(row, dict):
        raise DataError(
            f"{file}, line {number}, holds a JSON {_KINDS[type(row)]}, not an object. "
            f'Expected one object a line, such as {{"text": "..."}}; for an array, jq -c ".[]" writes it as lines.'
        )
    return row


def _column(lines: list[_Line], name: str, file: str) -> Any:
    try:
        return pa.array([line.row.get(name) for line in lines])
    except (pa.ArrowException, UnicodeError, OverflowError) as error:
        raise DataError(_fault(lines, name, file)) from error


def _fault(lines: list[_Line], name: str, file: str) -> str:
    """Where a field changes its type or holds what no column can hold, in a sentence."""
    before: Any = None
    for number, row in lines:
        value = row.get(name)
        if value is None:
            continue
        before = value if before is None else before
        kind, kind_before = (_KINDS.get(type(cell), "object") for cell in (value, before))
        if kind != kind_before:
            return (
                f"{file}, line {number}: {name!r} holds a {kind} ({ascii(value)[:40]}) where the lines before hold "
                f"a {kind_before}. Give the field one type throughout."
            )
        if not _holdable(value):
            return (
                f"{file}, line {number}: {name!r} holds {ascii(value)[:60]}, which no column can hold. "
                f"Repair that line: half an emoji is no text, and a whole number must fit 64 bits."
            )
    return f"{file}, lines {lines[0].number} to {lines[-1].number}: {name!r} cannot become a column. Repair the field."


def _holdable(value: Any) -> bool:
    try:
        pa.array([value])
    except (pa.ArrowException, UnicodeError, OverflowError):
        return False
    return True
