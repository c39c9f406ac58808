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

_MOST_THREADS = 16  # beyond this a text network's batches are too small to share out
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_limits = threading.local()
_forked = False  # whether this process was forked from one that had loaded this module


def n_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def wanted_threads() -> int | None:
    """Return how many threads the user asked for: by `threads`, or by ``HEADSTART_THREADS``; None for no wish.

    Raises:
        OptionError: the variable holds no number from 1 up.
    """
    told = os.environ.get("HEADSTART_THREADS", "")
    if told and not (told.isdecimal() and int(told) > 0):
        raise OptionError(f"HEADSTART_THREADS is {told!r}; expected a number of threads from 1 up, such as 2.")
    return int(told) if told else None


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Compute with ``n`` threads inside the ``with`` block: compiled loops, torch, BLAS, and processes started in it.

    What is set for that holds for the whole process, and is put back at the end of the block. Another number of threads
    may give other last digits, and with them another content hash of what is trained.

    Raises:
        OptionError: if ``n`` is less than 1.
    """
    _check(n)
    before = {name: os.environ.get(name) for name in ("HEADSTART_THREADS", "OMP_NUM_THREADS")}
    torch: Any = sys.modules.get("torch")
    of_torch = None if torch is None else torch.get_num_threads()
    pools: Any = None
    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits

        pools = threadpool_limits(n)
    os.environ.update(dict.fromkeys(before, str(n)))
    try:
        if torch is not None:
            torch.set_num_threads(1 if _forked else n)
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        if pools is not None:
            pools.restore_original_limits()
        if torch is not None:
            torch.set_num_threads(of_torch)


def n_threads() -> int:
    """Return how many threads kernels called from this thread may use, at most 16.

    `limit_threads` decides; otherwise `wanted_threads`; otherwise ``OMP_NUM_THREADS``, where set; otherwise the
    processors that this process may run on.
    """
    limit: int | None = getattr(_limits, "n", None)
    if limit is not None:
        return limit
    of_openmp = os.environ.get("OMP_NUM_THREADS", "")
    usable = int(of_openmp) if of_openmp.isdecimal() and int(of_openmp) > 0 else n_cores()
    return min(wanted_threads() or usable, _MOST_THREADS)


@contextmanager
def limit_threads(n: int) -> Iterator[None]:
    """Let kernels called from this thread use ``n`` threads inside the ``with`` block.

    Raises:
        OptionError: if ``n`` is less than 1.
    """
    _check(n)
    before: int | None = getattr(_limits, "n", None)
    _limits.n = n
    try:
        yield
    finally:
        _limits.n = before


def _check(n: int) -> None:
    if n < 1:
        raise OptionError(f"{n} threads cannot do any work. Give a number of threads from 1 up, such as 2.")


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
    global _pool, _lock, _forked
    _pool, _lock, _forked = None, threading.Lock(), True
    limit: Any = getattr(sys.modules.get("torch"), "set_num_threads", None)
    if limit is not None:
        limit(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
