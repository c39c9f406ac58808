"""Large buffers that are used again: a fresh one costs more to map and clear than to fill.

A training step needs some ten arrays of 5 to 30 MB. The system hands out such memory page by page, at
the first touch of each, and takes it back at once when it is freed: measured, a third of the step.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["borrow", "release_all"]

_MOST_FREE = 24  # buffers kept for reuse
_LEAST = 1 << 16  # values of the smallest buffer: 256 KB
_lock = threading.Lock()
_free: list[NDArray[np.float32]] = []


class _Lease:
    """Owns a buffer for as long as an array over it lives."""

    __slots__ = ("__array_interface__", "_buffer")

    def __init__(self, n: int) -> None:
        self._buffer = _find(n)
        self.__array_interface__: dict[str, Any] = self._buffer[:n].__array_interface__

    def __del__(self) -> None:
        buffer = getattr(self, "_buffer", None)
        if buffer is not None:
            _give_back(buffer)


def borrow(*shape: int) -> NDArray[np.float32]:
    """Return a contiguous float32 array of ``shape``, beginning on a 64-byte border, its values arbitrary.

    It is the caller's alone. When it and all views and tensors of it are gone, the memory is used again.
    """
    return np.asarray(_Lease(int(np.prod(shape)))).reshape(shape)


def release_all() -> None:
    """Hand all memory that is not borrowed back to the system."""
    with _lock:
        _free.clear()


def _find(n: int) -> NDArray[np.float32]:
    with _lock:
        fitting = [i for i, buffer in enumerate(_free) if len(buffer) >= n]
        if fitting:
            return _free.pop(min(fitting, key=lambda i: len(_free[i])))
    # A power of two, so that batches of many lengths share few sizes. Pages never touched cost nothing.
    size = 1 << max(n - 1, _LEAST - 1).bit_length()
    raw = np.empty(size + 16, np.float32)
    start = (-raw.ctypes.data // 4) % 16
    return raw[start : start + size]


def _give_back(buffer: NDArray[np.float32]) -> None:
    # The garbage collector calls this at any moment, also inside `_find`: it must not wait for the lock.
    if _lock.acquire(blocking=False):
        try:
            _free.append(buffer)
            if len(_free) > _MOST_FREE:
                _free.pop(min(range(len(_free)), key=lambda i: len(_free[i])))
        finally:
            _lock.release()


def _forget() -> None:
    """Start afresh in a forked child, which may have been made while the lock was held."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
