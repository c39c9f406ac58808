"""A process that serves, on uvicorn."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from headstart.errors import HeadstartError
from headstart.kernels.workers import threads, wanted_threads
from headstart.plain import Json
from headstart.serve.asgi import application
from headstart.serve.catalog import Models
from headstart.serve.limits import Limits, Refusal
from headstart.serve.logs import log, log_as_json
from headstart.serve.protocol import protocol
from headstart.serve.served import Served
from headstart.serve.setup import GRACE, TOKEN, Setup

_IDLE = 75


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it is ready, reloads on SIGHUP, and hands the signal that ended it to its caller."""

    ended_by = 0

    def __init__(self, config: uvicorn.Config, app: Any, ready: Callable[[], None], watch: float) -> None:
        super().__init__(config)
        self._server, self._ready, self._watch = app.state.server, ready, watch
        self._tasks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if hasattr(signal, "SIGHUP"):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._begin, self._reload)
        if self._watch:
            self._begin(self._watch_folders)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._server.is_stopping = True
        for task in self._tasks:
            task.cancel()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        former = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in former.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.ended_by = self.ended_by or sig
        super().handle_exit(sig, frame)

    def _begin(self, work: Callable[[], Any]) -> None:
        task = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload(self) -> None:
        with suppress(Refusal):  # the log has it
            await self._server.reload_changed()

    async def _watch_folders(self) -> None:
        while True:
            await asyncio.sleep(self._watch)
            if await asyncio.to_thread(self._server.models.changed):
                await self._reload()


def serve_here(
    setup: Setup,
    listener: socket.socket,
    ready: Callable[[list[str]], None],
    on_reload: Callable[[], None] | None = None,
) -> int:
    """Serve in this process until a signal ends it, and return that signal's number.

    SIGTERM and SIGINT end it once what was begun is answered; SIGHUP has models read again whose folders hold others.

    Args:
        setup: what is served.
        listener: see `bound`.
        ready: is called with the versions of the models as soon as requests are answered.
        on_reload: see `headstart.serve.application`.

    Raises:
        HeadstartError: a model that cannot be served.
    """
    models, limits = Models([Served.load(name, Path(path), setup.engine) for name, path in setup.models]), setup.limits
    app = application(models, limits=limits, token=setup.token, log_texts=setup.log_texts, on_reload=on_reload)
    config = uvicorn.Config(
        app,
        http=protocol(limits.seconds, limits.connections),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=GRACE,
    )
    gc.collect()
    gc.freeze()  # models and modules stay: looking through them again and again held requests up
    server = _Server(config, app, lambda: ready([one.version for one in models]), setup.watch)
    server.run(sockets=[listener])
    log("stopped")
    return server.ended_by


def work(settings: str) -> None:
    """Serve as a worker: the function that a child of `serve` runs; its first line says that it is ready, or why not."""
    given = json.loads(settings)
    limits = Limits(**given.pop("limits"))
    token = os.environ.pop(TOKEN, None)
    setup = Setup(limits=limits, token=token, models=tuple(map(tuple, given.pop("models"))), **given["setup"])
    listener = socket.socket(fileno=given["listener"])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it can reload: what it reads now is new enough
    log_as_json()
    try:
        with threads(wanted_threads() or 1):
            serve_here(setup, listener, _say_ready, lambda: os.kill(os.getppid(), signal.SIGHUP))
    except HeadstartError as error:
        _say({"error": str(error)})
        sys.exit(2)


def _say(line: Json) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _say_ready(versions: list[str]) -> None:
    _say({"ready": versions})
