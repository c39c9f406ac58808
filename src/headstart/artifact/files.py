"""Opening what lies in a model's folder without being led astray by it."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from headstart.artifact.faults import damaged
from headstart.artifact.manifest import FileEntry

_CHUNK = 1024 * 1024
# No link is followed out of the folder, and a named pipe does not keep us waiting for a writer.
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a plain file for reading, without a buffer.

    Raises:
        ArtifactError: if it is missing, a link, no plain file, or cannot be read.
    """
    if path.is_symlink():
        raise damaged(path, "is a link, and a model holds its files itself (copy a folder of links with: cp -rL)")
    try:
        with os.fdopen(os.open(path, _FLAGS), "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise damaged(path, "is not a plain file")
            yield file
    except FileNotFoundError as error:
        raise damaged(path, "is missing") from error
    except OSError as error:
        raise damaged(path, f"cannot be read: {error.strerror or error}") from error


def read_small(path: Path, most: int) -> bytes:
    """Return a file of at most `most` bytes.

    Raises:
        ArtifactError: if it cannot be read or is larger.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise damaged(path, f"holds {size:,} bytes, and at most {most:,} are read")
        raw = bytearray()
        while chunk := file.read(_CHUNK):
            raw += chunk
            if len(raw) > most:
                raise damaged(path, "grew while it was read")
        return bytes(raw)


def read_checked(path: Path, entry: FileEntry, head: bytes = b"", *, mapped: bool = False) -> NDArray[np.uint8]:
    """Return a file's bytes, uint8 [entry.n_bytes], writable, once size, beginning and digest are right.

    Size and beginning are compared before room for the whole is taken. The bytes that were hashed are the
    bytes that are returned; with `mapped` they are the file's own pages, see `read`.

    Args:
        path: the file.
        entry: what it has to be.
        head: what it has to begin with.
        mapped: whether to map it, private and copied on write, in place of reading it.

    Raises:
        ArtifactError: if it differs in anything.
    """
    with opened(path) as file:
        size = check_size(path, file, entry)
        if _read_into(file, bytearray(len(head))) != head:
            raise damaged(path, "begins with another header than it was written with")
        file.seek(0)
        values = _mapped(file, size) if mapped and size else np.empty(size, np.uint8)
        digest = hashlib.sha256()
        for start in range(0, size, _CHUNK):
            chunk = values[start : start + _CHUNK].data
            if not mapped and len(_read_into(file, chunk)) < len(chunk):
                raise damaged(path, "was cut short while it was read")
            digest.update(chunk)
        if digest.hexdigest() != entry.sha256:
            raise damaged(
                path, f"was changed: its SHA-256 is {digest.hexdigest()[:12]}… and {entry.sha256[:12]}… was written"
            )
        return values


def check_size(path: Path, file: BinaryIO, entry: FileEntry) -> int:
    """Return the size of an open file, or raise `ArtifactError` if it is not the one in `entry`."""
    size = os.fstat(file.fileno()).st_size
    if size != entry.n_bytes:
        raise damaged(path, f"holds {size:,} bytes where {entry.n_bytes:,} were written")
    return size


def _read_into(file: BinaryIO, room: Any) -> Any:
    view, done = memoryview(room), 0
    while done < len(view):
        count = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            break
        done += count
    return view[:done]


def _mapped(file: BinaryIO, size: int) -> NDArray[np.uint8]:
    return np.frombuffer(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY), np.uint8)
