"""What goes where: results to stdout, progress and warnings to stderr. Every line is made printable here."""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

from headstart.cli.process import discard
from headstart.errors import HeadstartWarning, OutputError
from headstart.plain import Facts
from headstart.printing import printable

COMMAND: ContextVar[str] = ContextVar("COMMAND", default="headstart")
"""The command that is running, as it can be given again; `headstart.cli.app` sets it."""


def emit(result: Facts, *, as_json: bool, lines: Sequence[str]) -> None:
    """Print a command's result: one JSON object, or `lines` for a person."""
    if as_json:
        _write(json.dumps(_plain(result), allow_nan=False).replace("\x7f", "\\u007f"), sys.stdout)
    else:
        _print(lines, sys.stdout)


def note(message: str) -> None:
    """Tell a person something in passing."""
    _print([message], sys.stderr)


def warn(message: str) -> None:
    """Tell a person something that they should not miss."""
    note(f"warning: {message}")


def fail(message: str, code: int, *, as_json: bool) -> None:
    """Say why a command ends with the exit code `code`: a sentence on stderr, with `as_json` also an object on stdout."""
    note(f"headstart: {message}")
    if as_json:
        emit({"error": message, "code": code}, as_json=True, lines=())


@contextmanager
def printed_warnings() -> Iterator[None]:
    """Print Python's warnings as `warn` does, while the context lasts."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", HeadstartWarning)  # PYTHONWARNINGS=error is no reason to stop
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        yield


def _print(lines: Sequence[str], stream: TextIO | None) -> None:
    for line in lines:
        _write(printable(line), stream)


def _write(line: str, stream: TextIO | None) -> None:
    """Write a line to a stream that may be closed, lose its reader, or know only some characters.

    Raises:
        OutputError: if the standard output cannot be written, its disk being full.
    """
    if stream is None:
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream)
    except BrokenPipeError:
        discard(stream)
    except OSError as error:
        discard(stream)
        if stream is sys.stdout:  # nobody would read of a fault of the other
            raise OutputError(f"the standard output cannot be written: {error.strerror or error}.") from error


def table(rows: Sequence[Facts], columns: Sequence[str] | None = None) -> list[str]:
    """Return rows as lines of aligned plain text; columns that are empty throughout are left out."""
    names = [
        name for name in (columns or list(rows[0] if rows else ())) if any(row.get(name) is not None for row in rows)
    ]
    cells = [
        [printable(name.replace("_", " ")) for name in names],
        *([_cell(row.get(name)) for name in names] for row in rows),
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    numeric = [all(isinstance(row.get(name), int | float | None) for row in rows) for name in names]
    return [
        "  ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(line, widths, numeric, strict=True)).rstrip()
        for line in cells
    ]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else printable(value)


def _plain(value: object) -> Any:
    """Return a JSON-able copy: NumPy scalars as Python's, numbers that are none as null."""
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
