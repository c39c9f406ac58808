"""Several processes that serve: workers that share a socket and are started again when they die."""

from __future__ import annotations

import json
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from time import monotonic, sleep
from types import FrameType
from typing import Any

from prometheus_client import multiprocess

from headstart.children import Child
from headstart.errors import OptionError
from headstart.plain import Json
from headstart.serve.logs import log
from headstart.serve.setup import GRACE, METRICS_FOLDER, TOKEN, Setup

_TICK = 0.1
_SHORT_LIFE = 30
_MOST_DEATHS = 5


class _Worker:
    """A child that serves, and what it said."""

    def __init__(self, settings: str, variables: dict[str, str], listener: socket.socket) -> None:
        self.child = Child("headstart.serve.running:work", settings, variables=variables, pass_fds=(listener.fileno(),))
        self.born, self.is_ready, self.must_reload = monotonic(), False, False

    def first_line(self) -> Json:
        """Return what it says first, once it does; nothing if it ends before."""
        line = self.child.stdout.readline() if self.child.stdout is not None else b""
        self.is_ready = bool(line)
        found: Json = json.loads(line or b"{}")
        return found

    def check(self) -> None:
        """Notice that it became ready, and let it have the reload that came meanwhile."""
        pipe = self.child.stdout
        if not self.is_ready and pipe is not None and select.select([pipe], [], [], 0)[0]:
            self.first_line()
            if self.must_reload:
                self.tell(signal.SIGHUP)

    def tell(self, number: int) -> None:
        """Send a signal; one that has it reload waits until it can."""
        if number == signal.SIGHUP and not self.is_ready:
            self.must_reload = True
            return
        with suppress(ProcessLookupError):
            self.child.send_signal(number)

    def end(self, seconds: float) -> None:
        """Wait for its end, and kill it when that does not come."""
        try:
            self.child.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                pipe.close()


class _Supervisor:
    """Workers, and what signals told."""

    def __init__(self, setup: Setup, listener: socket.socket, n_workers: int) -> None:
        self._folder = tempfile.mkdtemp(prefix="headstart-metrics-")
        rest = asdict(setup)
        token = rest.pop("token")
        settings = {
            "limits": rest.pop("limits"),
            "models": rest.pop("models"),
            "setup": rest,
            "listener": listener.fileno(),
        }
        self._settings, self._listener = json.dumps(settings), listener
        n_threads = os.environ.get("HEADSTART_THREADS") or str(max(1, len(os.sched_getaffinity(0)) // n_workers))
        self._variables = {
            METRICS_FOLDER: self._folder,
            "HEADSTART_THREADS": n_threads,
            **({TOKEN: token} if token else {}),
        }
        self.ended_by, self._deaths = 0, 0
        self._workers = [self._start() for _ in range(n_workers)]

    def _start(self) -> _Worker:
        return _Worker(self._settings, self._variables, self._listener)

    def first_lines(self) -> list[str]:
        """Wait until every worker is ready, and return the versions of the models.

        Raises:
            OptionError: what a worker could not serve.
        """
        versions: list[str] = []
        for worker in self._workers:
            said = worker.first_line()
            if "ready" not in said:
                raise OptionError(said.get("error", "a worker ended before it was ready; what it wrote stands above."))
            versions = said["ready"]
        return versions

    def watch(self) -> None:
        """Start workers that died again, until a signal ends it.

        Raises:
            OptionError: if they die again and again.
        """
        while not self.ended_by:
            for place, worker in enumerate(self._workers):
                if worker.child.poll() is None:
                    worker.check()
                else:
                    self._replace(place, worker)
            sleep(_TICK)

    def _replace(self, place: int, worker: _Worker) -> None:
        log("worker died", level=logging.ERROR, pid=worker.child.pid, code=worker.child.returncode)
        self._deaths = self._deaths + 1 if monotonic() - worker.born < _SHORT_LIFE else 0
        if self._deaths > _MOST_DEATHS * len(self._workers):
            raise OptionError("workers die again and again soon after their start; the log says of what.")
        worker.end(0)
        multiprocess.mark_process_dead(worker.child.pid, self._folder)  # type: ignore[no-untyped-call]
        self._workers[place] = self._start()

    def tell(self, number: int) -> None:
        """Send a signal to every worker."""
        for worker in self._workers:
            worker.tell(number)

    def close(self) -> None:
        """End all workers: those that are still busy after a grace are killed."""
        self.tell(signal.SIGTERM)
        end = monotonic() + GRACE + 5
        for worker in self._workers:
            worker.end(end - monotonic())
        shutil.rmtree(self._folder, ignore_errors=True)


def supervise(setup: Setup, listener: socket.socket, n_workers: int, ready: Callable[[list[str]], None]) -> int:
    """Serve with several workers until a signal ends it, and return that signal's number.

    The arguments are those of `headstart.serve.running.serve_here`, as are the signals; a worker that dies is started again.

    Raises:
        OptionError: a model that cannot be served, or workers that do not live.
    """
    supervisor = _Supervisor(setup, listener, n_workers)

    def stop(number: int, frame: FrameType | None) -> None:
        supervisor.ended_by = supervisor.ended_by or number

    handlers: dict[int, Any] = {signal.SIGINT: stop, signal.SIGTERM: stop}
    former: dict[int, Any] = {}
    try:
        versions = supervisor.first_lines()
        handlers[signal.SIGHUP] = lambda number, frame: supervisor.tell(number)
        former = {one: signal.signal(one, handler) for one, handler in handlers.items()}
        ready(versions)
        supervisor.watch()
        return supervisor.ended_by
    finally:
        supervisor.close()
        for one, handler in former.items():
            signal.signal(one, handler)
        log("stopped")
