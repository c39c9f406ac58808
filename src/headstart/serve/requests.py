"""Bodies of requests: bounded in size, rows and time, and made rows of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import ClientDisconnect, Request

from headstart.plain import Json
from headstart.serve.limits import Limits, Refusal

_CLOSE = {"Connection": "close"}  # or the rest of what was refused would have to be read


class Held:
    """Counts the bytes of bodies that are being received or scored."""

    def __init__(self, limits: Limits) -> None:
        self._most, self._now = limits.held_bytes, 0

    @contextmanager
    def room(self) -> Iterator[Any]:
        """Give a function that adds bytes, which are given back when the block ends."""
        mine = 0

        def add(n: int) -> None:
            nonlocal mine
            if self._now + n > self._most:
                raise Refusal(
                    503,
                    "The server holds as much of other requests as it may; send it again.",
                    {"Retry-After": "1", **_CLOSE},
                )
            mine, self._now = mine + n, self._now + n

        try:
            yield add
        finally:
            self._now -= mine


def content_type(request: Request) -> str:
    """Return the media type of a body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def body_of(request: Request, limits: Limits, add: Any) -> bytes:
    """Return the whole body.

    Raises:
        Refusal: it is too large, or did not arrive in time.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.body_bytes:
        raise _too_large(limits)
    pieces, size = [], 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for piece in request.stream():
                size += len(piece)
                if size > limits.body_bytes:
                    raise _too_large(limits)
                add(len(piece))
                pieces.append(piece)
    except TimeoutError:
        raise Refusal(
            408, f"The request did not arrive within {limits.seconds:g} seconds; send it faster.", _CLOSE
        ) from None
    except ClientDisconnect:
        raise Refusal(400, "The client went away before its request had arrived.", _CLOSE) from None
    return b"".join(pieces)


def _too_large(limits: Limits) -> Refusal:
    return Refusal(
        413,
        f"The request is larger than {limits.body_bytes:,} bytes; send it in pieces, or as a stream of JSON lines.",
        _CLOSE,
    )


def parsed(raw: bytes) -> Any:
    """Return JSON as a value.

    Raises:
        Refusal: it is none.
    """
    try:
        return json.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise Refusal(400, f"The request is not UTF-8 (at byte {error.start}); send JSON in UTF-8.") from error
    except RecursionError as error:
        raise Refusal(400, "The request is nested too deeply; send rows with plain values.") from error
    except ValueError as error:
        raise Refusal(400, f'The request is not JSON ({error}); send {{"text": "..."}}.') from error


def rows_of(value: object, limits: Limits) -> tuple[list[Json], bool]:
    """Return the rows of a request, and whether they came as a batch: ``{"rows": [...]}``, or one row.

    Raises:
        Refusal: it is something else.
    """
    if not isinstance(value, dict):
        raise Refusal(
            422, 'An object was expected: one row, such as {"text": "..."}, or several, {"rows": [{"text": "..."}]}.'
        )
    if "rows" not in value:
        return [value], False
    rows = value["rows"]
    if not isinstance(rows, list) or not rows:
        raise Refusal(422, '"rows" has to be a list with at least one row, such as [{"text": "..."}].')
    if len(rows) > limits.rows:
        raise Refusal(
            422,
            f"The request has {len(rows):,} rows, and at most {limits.rows:,} are taken; send it in pieces, or as JSON lines.",
        )
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise Refusal(422, f'Row {number} is no object; expected one such as {{"text": "..."}}.')
    return rows, True


async def lines_of(request: Request, limits: Limits) -> AsyncIterator[list[bytes]]:
    """Yield the lines of a body as they arrive, as many at a time as are scored at once.

    Raises:
        Refusal: a line that is too long, or a pause that is.
    """
    rest = b""
    stream = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(limits.seconds):
                piece = await anext(stream, None)
        except TimeoutError:
            raise Refusal(408, f"No line came for {limits.seconds:g} seconds, so the stream was ended.") from None
        except ClientDisconnect:
            return
        if piece is None:
            break
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > limits.line_bytes or any(len(line) > limits.line_bytes for line in lines):
            raise Refusal(413, f"A line is longer than {limits.line_bytes:,} bytes; cut its text.")
        for start in range(0, len(lines), limits.batch_rows):
            yield lines[start : start + limits.batch_rows]
    if rest:
        yield [rest]
