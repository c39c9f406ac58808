"""Work on this machine: in this process, or in one process a core."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Iterator, Sequence

from headstart.children import Child
from headstart.executors.work import ONE_THREAD, Work, opened_by_name, result_of
from headstart.plain import Json


class Here:
    """Does one item after the other in this process."""

    width = 1

    def run(self, work: Work, items: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
        """Do all items, in their order."""
        do = work.opened or opened_by_name(work.target, work.reads, work.writes, work.arguments)
        for item in items:
            yield item, do(item)


class Cores:
    """Does items in `n` processes with a thread each; in this one if there is but one process or item.

    The processes are of our own making (see `headstart.children`): joblib's, tried in its place, run what lies in the current
    folder, and outlive a parent that is killed.

    Args:
        n: processes.
    """

    def __init__(self, n: int) -> None:
        self.width = max(1, n)

    def run(self, work: Work, items: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
        """Do all items; begun in their order."""
        if min(self.width, len(items)) < 2:
            yield from Here().run(work, items)
            return
        todo: queue.SimpleQueue[Json] = queue.SimpleQueue()
        answers: queue.SimpleQueue[tuple[Json | None, Json]] = queue.SimpleQueue()
        for item in items:
            todo.put(item)
        folders = [None if folder is None else str(folder.absolute()) for folder in (work.reads, work.writes)]
        spec = json.dumps([work.target, *folders, dict(work.arguments)])
        processes = [
            Child("headstart.executors.process:serve", spec, variables=ONE_THREAD)
            for _ in range(min(self.width, len(items)))
        ]
        stopped = threading.Event()
        threads = [
            threading.Thread(target=_feed, args=(process, todo, answers, stopped), daemon=True) for process in processes
        ]
        n_left = len(items)
        try:
            for thread in threads:
                thread.start()
            while n_left:
                done, answered = answers.get()
                result = result_of(done, answered)
                n_left -= 1
                yield done or {}, result
        finally:
            stopped.set()
            _end(processes, threads, kill=n_left > 0)


def _feed(
    process: Child,
    todo: queue.SimpleQueue[Json],
    answers: queue.SimpleQueue[tuple[Json | None, Json]],
    stopped: threading.Event,
) -> None:
    item: Json | None = None
    try:
        while not stopped.is_set():
            try:
                item = todo.get_nowait()
            except queue.Empty:
                return
            line = process.ask(json.dumps(item))
            if not line:
                answers.put((item, {"error": f"the process ended with code {process.wait()}"}))
                return
            answers.put((item, json.loads(line)))
    except (OSError, ValueError) as error:
        answers.put((item, {"error": f"the process cannot be reached: {error}"}))


def _end(processes: Sequence[Child], threads: Sequence[threading.Thread], *, kill: bool) -> None:
    for process in processes:
        if kill:
            process.kill()
        with contextlib.suppress(OSError):  # it may be gone, with something for it still in the pipe
            if process.stdin is not None:
                process.stdin.close()
    for process, thread in zip(processes, threads, strict=True):
        process.wait()
        thread.join(timeout=5)
        if process.stdout is not None:
            process.stdout.close()
