"""`application`: a model, or several, as an ASGI application that also mounts in another."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from headstart.errors import HeadstartError
from headstart.plain import Facts, Json
from headstart.predictor import Predictor
from headstart.serve.batching import Batcher
from headstart.serve.catalog import Models
from headstart.serve.guard import Guard
from headstart.serve.limits import Limits, Refusal
from headstart.serve.logs import log
from headstart.serve.metrics import Metrics
from headstart.serve.requests import Held, body_of, content_type, lines_of, parsed, rows_of
from headstart.serve.schemas import JSON_LINES, document
from headstart.serve.served import Served, named_models

_Endpoint = Callable[[Request], Awaitable[Response | Json]]
_PAGE = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript", "page.svg": "image/svg+xml"}


def application(
    models: Predictor | Facts | Models | Any,
    *,
    limits: Limits | None = None,
    token: str | None = None,
    log_texts: bool = False,
    on_reload: Callable[[], None] | None = None,
) -> Starlette:
    """Return an ASGI application that serves models; it starts nothing, so it mounts in any other.

    ::

        site = FastAPI()  # or any other of ASGI
        site.mount("/sentiment", application(hs.load("imdb")))

    Args:
        models: a `Predictor`, a fitted classifier, or such things, or their folders, by name.
        limits: what is taken; see `Limits`.
        token: what every request but those for the page, ``/health`` and ``/ready`` has to bring. Without one, ``POST
            /reload`` is refused.
        log_texts: whether the log (``headstart.serve``) holds the rows.
        on_reload: is called when ``POST /reload`` was asked for, to tell other workers.

    Raises:
        ArtifactError, DataError, OptionError: models that cannot be served.
    """
    bounds = limits or Limits()
    served = models if isinstance(models, Models) else Models(named_models(models))
    server = _Server(served, bounds, log_texts, on_reload if token else None)
    app = Starlette(routes=_routes(server, reloads=token is not None))
    app.add_middleware(Guard, metrics=server.metrics, token=token)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _refused_by_framework)
    app.add_exception_handler(Exception, _failed)
    app.state.models, app.state.server = served, server
    return app


def _routes(server: _Server, *, reloads: bool) -> list[Route]:
    """Return every address; what is told of them at ``/openapi.json`` stands in `headstart.serve.schemas`."""
    described = document(server.models, server.limits, reloads=reloads)

    async def describe(request: Request) -> Json:
        return {**described, "servers": [{"url": request.scope.get("root_path") or "/"}]}

    given: list[tuple[str, str, _Endpoint]] = [
        ("POST", "/predict", server.predict),
        ("POST", "/models/{model}/predict", server.predict),
        ("GET", "/models", server.list_models),
        ("GET", "/models/{model}", server.tell_model),
        ("GET", "/health", _health),
        ("GET", "/ready", server.tell_ready),
        ("GET", "/metrics", server.tell_metrics),
        ("GET", "/openapi.json", describe),
        *([("POST", "/reload", server.reload)] if reloads else []),
        *(("GET", "/" if name == "page.html" else f"/{name}", _file(name, kind)) for name, kind in _PAGE.items()),
    ]
    return [Route(path, _answering(path, endpoint), methods=[method]) for method, path, endpoint in given]


def _answering(path: str, endpoint: _Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint of Starlette's: what is no response is sent as JSON."""

    async def answer(request: Request) -> Response:
        request.scope["headstart"]["route"] = path
        found = await endpoint(request)
        return found if isinstance(found, Response) else JSONResponse(found)

    return answer


class _Stream(StreamingResponse):
    """A response that is written while the request is read; Starlette's own would take what is read for itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self.stream_response(send)


class _Server:
    """The routes, and what they share."""

    def __init__(self, models: Models, limits: Limits, log_texts: bool, on_reload: Callable[[], None] | None) -> None:
        self.models, self.limits, self.metrics = models, limits, Metrics()
        self.is_stopping = False
        self._log_texts, self._on_reload = log_texts, on_reload
        self._held, self._batcher = Held(limits), Batcher(limits, self.metrics)

    async def predict(self, request: Request) -> Response:
        name = request.path_params.get("model")
        return await self._answer(request, self.models.first if name is None else self.models.find(name))

    async def list_models(self, request: Request) -> Json:
        return {"models": [one.summary() for one in self.models]}

    async def tell_model(self, request: Request) -> Json:
        return self.models.find(request.path_params["model"]).summary()

    async def tell_ready(self, request: Request) -> Json:
        if self.is_stopping or self._batcher.is_full:
            raise Refusal.busy("The server is stopping." if self.is_stopping else "The queue is full.")
        return {"status": "ready", "models": [one.version for one in self.models]}

    async def tell_metrics(self, request: Request) -> Response:
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def reload(self, request: Request) -> Json:
        changed = await self.reload_changed()
        if self._on_reload is not None:
            self._on_reload()
        return {"reloaded": changed, "models": [one.version for one in self.models]}

    async def reload_changed(self) -> list[str]:
        """Read models whose folders hold others than before, in a thread, and return their versions."""
        try:
            changed = [one.version for one in await asyncio.to_thread(self.models.reload)]
        except HeadstartError as error:
            self.metrics.reloads.labels("refused").inc()
            log("reload refused", level=logging.ERROR, error=str(error))
            raise Refusal(409, f"The model stays as it was: {error}") from error
        self.metrics.reloads.labels("done").inc()
        log("reload", models=changed)
        return changed

    async def _answer(self, request: Request, served: Served) -> Response:
        headers = {"Headstart-Model": served.version.encode("ascii", "backslashreplace").decode()}
        kind = content_type(request)
        facts: Json = request.scope["headstart"]
        facts["model"] = served.version
        if kind in JSON_LINES:
            lines = self._answered_lines(request, served, facts)
            return _Stream(lines, media_type=kind, headers=headers)
        if kind != "application/json":
            raise Refusal(
                415,
                f"The content type is {kind[:80]!r}; send application/json, or JSON lines as {JSON_LINES[0]}.",
                {"Connection": "close"},
            )
        with self._held.room() as add:
            rows, is_batch = rows_of(parsed(await body_of(request, self.limits, add)), self.limits)
            corpus = served.corpus(rows, self.limits)
            self._note(facts, rows)
            answers = await self._batcher.answers(served, corpus)
        return Response(_written({"rows": answers} if is_batch else answers[0]), media_type=kind, headers=headers)

    def _note(self, facts: Json, rows: Sequence[Json]) -> None:
        facts["rows"] = facts.get("rows", 0) + len(rows)
        if self._log_texts:
            facts.setdefault("texts", []).extend(rows)

    async def _answered_lines(self, request: Request, served: Served, facts: Json) -> AsyncIterator[bytes]:
        n_read = 0
        try:
            async for lines in lines_of(request, self.limits):
                numbered = [(n, line) for n, line in enumerate(lines, n_read + 1) if line.strip()]
                n_read += len(lines)
                if numbered:
                    answers = await self._answers_of(numbered, served, facts)
                    yield b"".join(_written(answer) + b"\n" for answer in answers)
        except Refusal as refusal:
            yield _written({"error": str(refusal)}) + b"\n"

    async def _answers_of(self, lines: Sequence[tuple[int, bytes]], served: Served, facts: Json) -> list[Json]:
        """Return an answer for each line; of one that cannot be scored, why."""
        try:
            rows = [row for _, line in lines for row in _one_row(line, self.limits)]
            corpus = served.corpus(rows, self.limits)
            self._note(facts, rows)
            await self._room()
            return await self._batcher.answers(served, corpus)
        except Refusal as refusal:
            if len(lines) == 1:
                return [{"error": f"Line {lines[0][0]}: {refusal}"}]
            return [answer for one in lines for answer in await self._answers_of([one], served, facts)]

    async def _room(self) -> None:
        """Wait while the queue is full: a stream is read no faster than it is scored."""
        while self._batcher.is_full:
            await asyncio.sleep(0.05)


def _one_row(line: bytes, limits: Limits) -> list[Json]:
    rows, is_batch = rows_of(parsed(line), limits)
    if is_batch:
        raise Refusal(422, 'A line of a stream is one row, such as {"text": "..."}, and this one has "rows".')
    return rows


def _written(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")


async def _health(request: Request) -> Json:
    return {"status": "ok"}


def _file(name: str, kind: str) -> _Endpoint:
    raw = (files("headstart.serve") / "page" / name).read_bytes()

    async def give(request: Request) -> Response:
        return Response(raw, media_type=kind)

    return give


async def _refused(request: Request, error: Exception) -> Response:
    status, headers = (error.status, error.headers) if isinstance(error, Refusal) else (400, {})
    return JSONResponse({"error": str(error)}, status, headers)


async def _refused_by_framework(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    where = f"{request.method[:20]} {request.url.path[:80]}"
    what = {404: "there is no such address", 405: "this address takes another method"}.get(
        error.status_code, error.detail
    )
    return JSONResponse({"error": f"{where}: {what}; see /openapi.json."}, error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    log("fault", level=logging.ERROR, error=f"{type(error).__name__}: {error}")
    return JSONResponse({"error": "A fault of the server's own; its log has it. Please report it."}, 500)
