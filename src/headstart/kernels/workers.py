"""Threads that the compiled loops share.

Kernels release the interpreter's lock, so plain Python threads run them side by side: no OpenMP, whose
workers spin after each call and slow down whatever comes next, and no Numba thread pool, which aborts
the process when two threads enter it. The threads are made on first use and sleep when idle.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from headstart.errors import OptionError

__all__ = ["limit_threads", "n_threads", "run", "shares"]

_MOST_THREADS = 16  # beyond this a text network's batches are too small to share out
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_limits = threading.local()


def n_threads() -> int:
    """Return how many threads kernels called from this thread may use.

    `limit_threads` decides; otherwise ``OMP_NUM_THREADS``, where set; otherwise the processors that
    this process may run on, at most 16.
    """
    limit: int | None = getattr(_limits, "n", None)
    if limit is not None:
        return limit
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return min(int(wanted), _MOST_THREADS)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_THREADS)


@contextmanager
def limit_threads(n: int) -> Iterator[None]:
    """Let kernels called from this thread use ``n`` threads inside the ``with`` block.

    Raises:
        OptionError: if ``n`` is less than 1.
    """
    if n < 1:
        raise OptionError(f"{n} threads cannot do any work. Give a number of threads from 1 up, such as 2.")
    before: int | None = getattr(_limits, "n", None)
    _limits.n = n
    try:
        yield
    finally:
        _limits.n = before


def run(tasks: Sequence[Callable[[], object]], most: int | None = None) -> None:
    """Run independent tasks on up to ``most`` threads (None: `n_threads`), this one included; wait for all.

    A task may run tasks itself.

    An error in a task is raised here after the others have ended.
    """
    helpers = min(n_threads() if most is None else most, len(tasks)) - 1
    if helpers < 1:
        for task in tasks:
            task()
        return
    waiting = list(reversed(tasks))

    def work() -> None:
        while True:
            try:
                task = waiting.pop()  # one step under the interpreter's lock
            except IndexError:
                return
            task()

    others = [_threads().submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        # A helper that has not begun by now is not waited for: there is nothing left for it to do.
        errors = [None if other.cancel() else other.exception() for other in others]
    for error in errors:
        if error is not None:
            raise error


def shares(n: int, n_parts: int, least: int = 1) -> list[slice]:
    """Cut ``range(n)`` into at most ``n_parts`` slices of near equal size, none below ``least`` items."""
    n_parts = max(1, min(n_parts, n // max(least, 1)))
    edges = [n * part // n_parts for part in range(n_parts + 1)]
    return [slice(low, high) for low, high in pairwise(edges)]


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="headstart-kernel")
        return _pool


def _start_afresh() -> None:
    """Go on in a forked child, where the threads of the parent are gone: our own, and those of torch.

    Torch's OpenMP would wait for ever for its workers. With one thread it asks for none.
    """
    global _pool, _lock
    _pool, _lock = None, threading.Lock()
    limit: Any = getattr(sys.modules.get("torch"), "set_num_threads", None)
    if limit is not None:
        limit(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
