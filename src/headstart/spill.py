"""Arrays in temporary files where they are large, so that memory need not grow with the rows.

What is appended to a `Growing` array stays in memory up to `LARGE` bytes. Beyond that it goes to a file without a name in the
temporary folder (``TMPDIR`` names another), and comes back as an array that is mapped: the system reads a page of it when it
is looked at. Whoever has looked at much says so (`looked_at`), and then the pages are given back; looked at again they are read
again, from the system's own cache as long as it has room. A file goes with the last array over it.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

import numpy as np
import pyarrow as pa

from headstart.arrays import Array
from headstart.outputs import failed_writes

LARGE = 1 << 26
"""Bytes from which on an array stands in a file."""
_GIVEN_BACK = 1 << 25
"""Bytes that may be looked at before their pages are given back."""
_TEXTS = 4096
_MAPS: WeakSet[mmap.mmap] = WeakSet()
_seen = 0


def looked_at(n_bytes: int) -> None:
    """Note that so much of mapped arrays was looked at; from time to time their pages are given back."""
    global _seen
    if not _MAPS:
        return
    _seen += n_bytes
    if _seen >= _GIVEN_BACK and hasattr(mmap, "MADV_DONTNEED"):
        _seen = 0
        for found in list(_MAPS):
            found.madvise(mmap.MADV_DONTNEED)


def slices(values: Array, n_bytes: int = _GIVEN_BACK) -> Iterator[slice]:
    """Yield slices of at most `n_bytes` over an array's first axis, in order; each is given back when the next is asked for."""
    step = max(1, n_bytes * len(values) // max(values.nbytes, 1))
    for start in range(0, len(values), step):
        yield slice(start, start + step)
        looked_at(n_bytes)


def text_slices(texts: pa.LargeStringArray) -> Iterator[Any]:
    """Yield Arrow texts some thousands at a time, in order; each piece is given back when the next is asked for."""
    for start in range(0, len(texts), _TEXTS):
        piece = texts[start : start + _TEXTS]
        yield piece
        looked_at(piece.nbytes)


class Growing:
    """A one-dimensional array that grows at its end, in memory or in a file.

    Args:
        dtype: of its values.

    Attributes:
        size: values so far.
    """

    def __init__(self, dtype: type[np.generic]) -> None:
        self.size = 0
        self._dtype = np.dtype(dtype)
        self._parts: list[Array] = []
        self._file: Any = None

    def append(self, values: Array, *, fixed: bool = False) -> None:
        """Append values.

        Args:
            values: of any length.
            fixed: nobody changes them later, so that they are kept as they are until they are joined; else they are copied.

        Raises:
            OutputError: the temporary folder is full, or nobody may write there.
        """
        self.size += len(values)
        if self._file is None:
            self._parts.append((np.asarray if fixed else np.array)(values, self._dtype))
            if self.size * self._dtype.itemsize < LARGE:
                return
            values = self._joined()
        folder = tempfile.gettempdir()
        with failed_writes(folder, "what does not fit into memory", after="Set TMPDIR to a folder with more room."):
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - it lives as long as its maps
            unwritten = np.ascontiguousarray(values, self._dtype).data.cast("B")
            while unwritten:
                unwritten = unwritten[self._file.write(unwritten) :]

    def finish(self) -> Array:
        """Return the whole."""
        if self._file is None:
            return self._joined()
        with self._file as file:
            found = mmap.mmap(file.fileno(), 0)
        _MAPS.add(found)
        return np.frombuffer(found, self._dtype)

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def _joined(self) -> Array:
        parts, self._parts = self._parts, []
        return np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else np.empty(0, self._dtype)


class GrowingTexts:
    """Arrow texts that grow at their end, in memory or in files."""

    def __init__(self) -> None:
        self._bytes, self._ends, self._there = Growing(np.uint8), Growing(np.int64), Growing(np.bool_)
        self._ends.append(np.zeros(1, np.int64))
        self._n_null = 0

    def append(self, texts: pa.LargeStringArray) -> None:
        """Append a ``pa.LargeStringArray``, which nobody changes later."""
        if not len(texts):
            return
        _, offsets, data = texts.buffers()
        ends = np.frombuffer(offsets, np.int64, texts.offset + len(texts) + 1)[texts.offset :]
        self._ends.append(ends[1:] + (self._bytes.size - ends[0]), fixed=True)
        if ends[-1] > ends[0]:
            self._bytes.append(np.frombuffer(data, np.uint8)[ends[0] : ends[-1]], fixed=True)
        self._n_null += texts.null_count
        self._there.append(texts.is_valid().to_numpy(zero_copy_only=False), fixed=True)

    def finish(self) -> Any:
        """Return all of them as one ``pa.LargeStringArray``."""
        there = pa.array(self._there.finish()).buffers()[1] if self._n_null else None
        ends, data = pa.py_buffer(self._ends.finish()), pa.py_buffer(self._bytes.finish())
        return pa.LargeStringArray.from_buffers(self._ends.size - 1, ends, data, there, self._n_null)
