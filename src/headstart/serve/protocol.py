"""uvicorn's protocol with bounds on what comes before a request: its head in time and size, and connections in number."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_BYTES = 1 << 16


def _answer(status: str, sentence: str, more: str = "") -> bytes:
    body = f'{{"error": "{sentence}"}}'
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{more}\r\n"
    return (head + body).encode()


_SLOW = _answer("408 Request Timeout", "The head of the request did not arrive in time; send it faster.")
_LONG = _answer(
    "431 Request Header Fields Too Large", "The head of the request is larger than 64 KiB; send fewer headers."
)
_FULL = _answer("503 Service Unavailable", "There are too many connections; come again.", "retry-after: 1\r\n")


def protocol(seconds: float, connections: int) -> type[HttpToolsProtocol]:
    """Return a protocol that gives a request's head `seconds` to arrive, and takes so many connections at a time."""

    class Bounded(HttpToolsProtocol):
        _timer: asyncio.TimerHandle | None = None
        _n_head = 0
        _in_head = True

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > connections:
                self._end(_FULL)
            else:
                self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._in_head:
                self._n_head += len(data)
                if self._n_head > _HEAD_BYTES:
                    self._end(_LONG)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._in_head, self._n_head = True, 0
            self._wait()

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._stop()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def send_400_response(self, msg: str) -> None:
            self._end(_answer("400 Bad Request", msg))

        def _wait(self) -> None:
            self._stop()
            self._timer = self.loop.call_later(seconds, self._end, _SLOW)

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _end(self, answer: bytes) -> None:
            self._stop()
            transport: Any = self.transport
            if not transport.is_closing():
                transport.write(answer)
                transport.close()

    return Bounded
