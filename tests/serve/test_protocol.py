"""What comes before a request is bounded: slow and long heads, garbage, and connections in number."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from headstart.serve.protocol import protocol


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def answered(*sent: bytes) -> list[bytes]:
    """What comes back on each of several connections that are open at once, until it is closed."""
    config = uvicorn.Config(app, http=protocol(0.3, 1), ws="none", lifespan="off", log_config=None, loop="asyncio")
    config.load()
    state = ServerState()
    listening = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg, union-attr]
        "127.0.0.1",
        0,
    )
    port = listening.sockets[0].getsockname()[1]
    connections = []
    for raw in sent:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        connections.append((reader, writer))
        await asyncio.sleep(0.05)
    found = [await asyncio.wait_for(reader.read(), 10) for reader, _ in connections]
    for _, writer in connections:
        writer.close()
    listening.close()
    return found


@pytest.mark.parametrize(
    ("raw", "status", "sentence"),
    [
        (b"", b"408", b"did not arrive in time"),
        (b"POST / HTTP/1.1\r\nx: 1", b"408", b"did not arrive in time"),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000, b"431", b"larger than 64 KiB"),
        (b"no HTTP\r\n\r\n", b"400", b"Invalid HTTP request"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", b"204", b""),
    ],
)
def test_heads_are_bounded(raw: bytes, status: bytes, sentence: bytes) -> None:
    (answer,) = asyncio.run(answered(raw))
    assert answer.startswith(b"HTTP/1.1 " + status) and sentence in answer


def test_a_connection_too_many_is_told_to_come_again() -> None:
    first, second = asyncio.run(answered(b"", b"GET / HTTP/1.1\r\n\r\n"))
    assert first.startswith(b"HTTP/1.1 408")
    assert second.startswith(b"HTTP/1.1 503") and b"retry-after: 1" in second
