"""What stands around every route: the token, security headers, time and status counted and logged."""

from __future__ import annotations

import hmac
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headstart.plain import Json
from headstart.serve.logs import log
from headstart.serve.metrics import Metrics

OPEN = ("/", "/page.css", "/page.js", "/page.svg", "/health", "/ready", "/openapi.json")
"""Paths that need no token: they hold no text and no model."""

_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
     b"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)  # fmt: skip
_UNAUTHORIZED = b'{"error":"This server wants a token: send the header Authorization: Bearer TOKEN."}'


class Guard:
    """ASGI middleware; a route may add facts to the log under ``scope["headstart"]``."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, token: str | None) -> None:
        self._app, self._metrics = app, metrics
        self._wanted = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = perf_counter(), 0
        facts: Json = {}
        scope["headstart"] = facts

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            if self._admits(scope):
                await self._app(scope, receive, guarded)
            else:
                await _refuse(guarded)
        finally:
            seconds = perf_counter() - start
            route = facts.pop("route", "other")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            log("request", method=scope["method"], route=route, status=status, ms=round(1000 * seconds, 2), **facts)

    def _admits(self, scope: Scope) -> bool:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if self._wanted is None or path in OPEN:
            return True
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return hmac.compare_digest(given, self._wanted)


async def _refuse(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"www-authenticate", b"Bearer"),
        (b"connection", b"close"),
        (b"content-length", str(len(_UNAUTHORIZED)).encode()),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": _UNAUTHORIZED})
