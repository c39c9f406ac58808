"""Vectors on disk, so that a large encoder reads a text once.

One SQLite file in a folder: the option, ``HEADSTART_CACHE``, or the user's own cache folder; ``"off"`` keeps nothing.
What it holds can be computed anew, so no fault of it stops any work: a damaged file is thrown away, a damaged vector
is left out, and where the file cannot be used or others may write to its folder, a warning says so and all is computed.
Several processes may use one file: SQLite's locks see to that. It never grows beyond its bound: the oldest vectors make
room. A kept vector may differ in its last bits from one computed with other texts, as from batch to batch.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np

from headstart.arrays import Floats

MOST_BYTES = 4 * 2**30
"""A cache's largest size on disk."""

_FILE = "vectors-1.sqlite3"  # the number is that of the layout
_AT_A_TIME = 500  # keys in one question: below SQLite's oldest limit
_KEPT = 0.75  # of the bound, when the oldest vectors are dropped
_PATIENCE = 30.0  # seconds to wait for another process's lock
_CHECK = 8  # bytes of the digest in front of a vector
# What SQLite says of locks, full disks and missing permissions; anything else that it says is damage.
_OF_THE_SYSTEM = (
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM,
)  # fmt: skip
_Found = TypeVar("_Found")
Vector = Floats


def cache_folder(option: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the folder of the cache, or None where nothing is to be kept.

    Args:
        option: a folder, ``"off"``, or None for ``HEADSTART_CACHE`` and, without that, the user's own cache folder.
    """
    chosen = os.fspath(option) if option is not None else os.environ.get("HEADSTART_CACHE", "")
    if chosen.strip().lower() in ("off", "none", "0"):
        return None
    return Path(chosen).expanduser() if chosen.strip() else _users_own() / "headstart"


def _users_own() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def text_keys(model: bytes, texts: Iterable[str]) -> list[bytes]:
    """Return a key a text, of 16 bytes.

    Args:
        model: digest of all else that decides a vector, at most 64 bytes.
        texts: strings; lone surrogates count as they are.
    """
    digests = (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=model[:64]) for text in texts)
    return [digest.digest() for digest in digests]


class VectorCache:
    """Vectors by key in one file.

    Args:
        folder: where the file lies; made if need be, for this user alone.
        most_bytes: the file's largest size.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self.path = folder / _FILE
        self.most_bytes = most_bytes
        self._usable = True

    def get(self, keys: Sequence[bytes], size: int) -> dict[bytes, Vector]:
        """Return the vectors that are there, each float32 [size]; damaged ones and those of another size are not."""
        return self._tried(lambda: self._read(keys, size), {}) if self.path.exists() else {}

    def put(self, vectors: Mapping[bytes, Vector]) -> None:
        """Keep vectors, each float32 [size]; the oldest make room for them."""
        if vectors:
            self._tried(lambda: self._write(vectors), None)

    def _tried(self, work: Callable[[], _Found], otherwise: _Found) -> _Found:
        """Do it; again with a new file where the old one is damaged, and not at all where there can be none."""
        for attempt in (1, 2) if self._usable else ():
            try:
                return work()
            except Exception as error:  # of damage, SQLite and its driver may raise anything
                if attempt == 1 and not _is_of_the_system(error) and self._thrown_away():
                    continue
                self._usable = False
                warnings.warn(
                    f"the cache {str(self.path)!r} cannot be used ({error}); all vectors are computed anew. "
                    "Set HEADSTART_CACHE to another folder, or to off.",
                    RuntimeWarning,
                    stacklevel=4,
                )
                break
        return otherwise

    def _thrown_away(self) -> bool:
        with suppress(OSError):
            for name in (f"{_FILE}-journal", _FILE):
                self.path.with_name(name).unlink(missing_ok=True)
            return True
        return False

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_own(self.path.parent)
        with suppress(FileExistsError):  # made here, since SQLite would let everybody read it
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if not stat.S_ISREG(self.path.lstat().st_mode):
            raise OSError("it is not a plain file")
        if self.path.stat().st_mode & 0o077:
            self.path.chmod(0o600)
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA trusted_schema = OFF")
            yield connection

    def _read(self, keys: Sequence[bytes], size: int) -> dict[bytes, Vector]:
        with self._opened() as connection:
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'vectors' AND type = 'table'"
            ).fetchone():
                return {}
            held = _values(connection, list(dict.fromkeys(keys)), 4 * size)
        found = {
            key: np.frombuffer(value, "<f4").astype(np.float32) for key, value in held.items() if len(value) == 4 * size
        }
        return {key: vector for key, vector in found.items() if np.isfinite(vector).all()}

    def _write(self, vectors: Mapping[bytes, Vector]) -> None:
        values = {key: np.ascontiguousarray(vector, "<f4").tobytes() for key, vector in vectors.items()}
        columns = "id INTEGER PRIMARY KEY, key BLOB UNIQUE NOT NULL, value BLOB NOT NULL"
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")  # undone where it is not committed
            connection.execute(f"CREATE TABLE IF NOT EXISTS vectors ({columns})")
            rows = ((key, _digest(key, value) + value) for key, value in values.items())
            connection.executemany("INSERT OR REPLACE INTO vectors (key, value) VALUES (?, ?)", rows)
            if _values(connection, list(values), max(map(len, values.values()))) != values:
                raise ValueError("what was just written is not found in it")
            self._make_room(connection)
            connection.execute("COMMIT")

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Drop the oldest vectors while the file is too large; their pages are used again."""
        names = ("page_count", "freelist_count", "page_size")
        pages, free, page = (int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in names)
        used = (pages - free) * page
        if used > self.most_bytes:
            (n_rows,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
            n_dropped = max(1, round(n_rows * (1 - _KEPT * self.most_bytes / used)))
            oldest = "SELECT id FROM vectors ORDER BY id LIMIT ?"
            connection.execute(f"DELETE FROM vectors WHERE id IN ({oldest})", (n_dropped,))


def _check_own(folder: Path) -> None:
    """Raise `OSError` for a folder that another user may write to, where the system tells."""
    if hasattr(os, "getuid"):
        found = folder.stat()
        if found.st_uid not in (0, os.getuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise OSError(f"others may write to the folder: chmod 700 {folder}")


def _is_of_the_system(error: Exception) -> bool:
    """Tell whether the fault lies outside the file: a lock, a full disk, permissions."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", _OF_THE_SYSTEM[0]) & 0xFF in _OF_THE_SYSTEM
    return isinstance(error, OSError)


def _values(connection: sqlite3.Connection, keys: Sequence[bytes], most: int) -> dict[bytes, bytes]:
    """Return what is kept under those keys and is as it was written, values of at most so many bytes."""
    found = {}
    for start in range(0, len(keys), _AT_A_TIME):
        some = keys[start : start + _AT_A_TIME]
        marks = ", ".join("?" * len(some))
        query = f"SELECT key, value FROM vectors WHERE key IN ({marks}) AND length(value) <= {_CHECK + most}"
        for key, value in connection.execute(query, some):
            if isinstance(key, bytes) and isinstance(value, bytes) and value[:_CHECK] == _digest(key, value[_CHECK:]):
                found[key] = value[_CHECK:]
    return found


def _digest(key: bytes, values: bytes) -> bytes:
    return hashlib.blake2b(values, digest_size=_CHECK, key=key).digest()
