"""Vectors on disk, so that a large encoder reads a text once.

One SQLite file in a folder: the option, ``HEADSTART_CACHE``, or the user's own cache folder; ``"off"`` keeps nothing.
What it holds can be computed anew, so no fault of it stops any work: a damaged file is thrown away, a damaged vector
is left out, and where the file cannot be used at all, a warning says so and all is computed. Several processes may
use one file: SQLite's locks see to that. It never grows beyond its bound: the oldest vectors make room. A vector that
was kept may differ in its last bits from one computed beside other texts, as the same text does from batch to batch.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_BYTES", "VectorCache", "cache_folder", "text_keys"]

MOST_BYTES = 4 * 2**30
"""A cache's largest size on disk."""

_FILE = "vectors-1.sqlite3"  # the number is that of the layout
_OFF = ("off", "none", "0")
_AT_A_TIME = 500  # keys in one question: below SQLite's oldest limit
_KEPT = 0.75  # of the bound, when the oldest vectors are dropped
_PATIENCE = 30.0  # seconds to wait for another process's lock
_CHECK = 8  # bytes of the digest in front of a vector
_Found = TypeVar("_Found")


def cache_folder(option: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the folder of the cache, or None where nothing is to be kept.

    Args:
        option: a folder, ``"off"``, or None for ``HEADSTART_CACHE`` and, without that, the user's own cache folder.
    """
    chosen = os.fspath(option) if option is not None else os.environ.get("HEADSTART_CACHE", "")
    if chosen.strip().lower() in _OFF:
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
    return [
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=model[:64]).digest()
        for text in texts
    ]


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

    def get(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors that are there, each float32 [size]."""
        if not self.path.exists():
            return {}
        return self._tried(lambda: self._read(keys), {})

    def put(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Keep vectors, each float32 [size]; the oldest make room for them."""
        if vectors:
            self._tried(lambda: self._write(vectors), None)

    def _tried(self, work: Callable[[], _Found], otherwise: _Found) -> _Found:
        """Do it; again with a new file where the old one is damaged, and not at all where there can be none."""
        for attempt in (1, 2):
            if not self._usable:
                break
            try:
                return work()
            except (sqlite3.OperationalError, OSError) as error:  # locked for long, a full disk, no permission
                self._give_up(error)
            except sqlite3.DatabaseError as error:  # damaged
                if attempt == 2 or not self._thrown_away():
                    self._give_up(error)
        return otherwise

    def _give_up(self, error: Exception) -> None:
        self._usable = False
        warnings.warn(
            f"the cache {str(self.path)!r} cannot be used ({error}); all vectors are computed anew. "
            "Set HEADSTART_CACHE to another folder, or to off.",
            RuntimeWarning,
            stacklevel=4,
        )

    def _thrown_away(self) -> bool:
        with suppress(OSError):
            for name in (f"{_FILE}-journal", _FILE):
                self.path.with_name(name).unlink(missing_ok=True)
            return True
        return False

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            yield connection

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        found = {}
        with self._opened() as connection:
            if not _has_table(connection):
                return {}
            asked = list(dict.fromkeys(keys))
            for start in range(0, len(asked), _AT_A_TIME):
                some = asked[start : start + _AT_A_TIME]
                marks = ", ".join("?" * len(some))
                rows = connection.execute(f"SELECT key, value FROM vectors WHERE key IN ({marks})", some)
                found.update({key: vector for key, value in rows if (vector := _unpacked(key, value)) is not None})
        return found

    def _write(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (id INTEGER PRIMARY KEY, key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)"
                )
                rows = ((key, _packed(key, vector)) for key, vector in vectors.items())
                connection.executemany("INSERT OR REPLACE INTO vectors (key, value) VALUES (?, ?)", rows)
                self._make_room(connection)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Drop the oldest vectors while the file is too large; their pages are used again."""
        used = _bytes_used(connection)
        if used <= self.most_bytes:
            return
        (n_rows,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
        n_dropped = max(1, round(n_rows * (1 - _KEPT * self.most_bytes / used)))
        connection.execute("DELETE FROM vectors WHERE id IN (SELECT id FROM vectors ORDER BY id LIMIT ?)", (n_dropped,))


def _has_table(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'vectors'").fetchone() is not None


def _bytes_used(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _packed(key: bytes, vector: NDArray[np.float32]) -> bytes:
    values = np.ascontiguousarray(vector, "<f4").tobytes()
    return _digest(key, values) + values


def _unpacked(key: bytes, value: Any) -> NDArray[np.float32] | None:
    """Return a vector, or None where its bytes are not those that were kept."""
    if not isinstance(value, bytes) or len(value) % 4 or value[:_CHECK] != _digest(key, value[_CHECK:]):
        return None
    return np.frombuffer(value, "<f4", offset=_CHECK).astype(np.float32)


def _digest(key: bytes, values: bytes) -> bytes:
    return hashlib.blake2b(values, digest_size=_CHECK, key=key).digest()
