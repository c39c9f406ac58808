"""Large buffers that are used again: a fresh one costs more to map and clear than to fill.

A training step needs some ten arrays of 5 to 30 MB. The system hands out such memory page by page, at
the first touch of each, and takes it back at once when it is freed: measured, a third of the step.
"""

from __future__ import annotations

import math
import os
import threading

import numpy as np
from numpy.typing import NDArray

from headstart.plain import Json

_MOST_FREE = 16  # buffers of one size kept for reuse
_SMALLEST, _LARGEST = 10, 40  # sizes are powers of two of this many values: 4 KB and up
_lock = threading.Lock()
_free: list[list[NDArray[np.float32]]] = [[] for _ in range(_LARGEST + 1)]


class _Lease:
    """Owns a buffer for as long as an array over it lives."""

    __slots__ = ("__array_interface__", "_buffer")

    def __init__(self, n: int) -> None:
        self._buffer = _find(n)
        self.__array_interface__: Json = self._buffer[:n].__array_interface__

    def __del__(self) -> None:
        buffer = getattr(self, "_buffer", None)
        if buffer is not None:
            _give_back(buffer)


def borrow(*shape: int) -> NDArray[np.float32]:
    """Return a contiguous float32 array of ``shape``, beginning on a 64-byte border, its values arbitrary.

    It is the caller's alone. When it and all views and tensors of it are gone, the memory is used again.
    """
    return np.asarray(_Lease(math.prod(shape))).reshape(shape)


def release_all() -> None:
    """Hand all memory that is not borrowed back to the system."""
    with _lock:
        for buffers in _free:
            buffers.clear()


def _find(n: int) -> NDArray[np.float32]:
    # Powers of two, so that batches of many lengths share few sizes. Pages never touched cost nothing.
    power = max((n - 1).bit_length(), _SMALLEST)
    with _lock:
        for buffers in _free[power:]:
            if buffers:
                return buffers.pop()
    raw = np.empty((1 << power) + 16, np.float32)
    start = (-raw.ctypes.data // 4) % 16
    return raw[start : start + (1 << power)]


def _give_back(buffer: NDArray[np.float32]) -> None:
    # The garbage collector calls this at any moment, also inside `_find`: it must not wait for the lock.
    if _lock.acquire(blocking=False):
        try:
            buffers = _free[len(buffer).bit_length() - 1]
            if len(buffers) < _MOST_FREE:
                buffers.append(buffer)
        finally:
            _lock.release()


def _forget() -> None:
    """Start afresh in a forked child, which may have been made while the lock was held."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
