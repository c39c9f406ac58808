"""A new folder in the place of an old one, in one move or not at all.

The new folder is filled beside the target under another name (``.imdb.3f2a.partial``), flushed to the
disk, and then moves in:

- where nothing (or an empty folder) stands, by one rename;
- where a model stands, by exchanging the two names in one step (Linux ``renameat2``), so that at every
  moment one whole model stands there; where the system cannot exchange, by two renames: the old one
  goes to ``.imdb.3f2a.former`` first. Killed exactly between the two, none stands at the target; the
  next `replaced` puts the former one back, and `read` says where it is.

A writer holds a lock on its folder, which the system lets go of when it dies; so leftovers of the dead
are told from the work of the living, whatever their process ids, and the next writer removes them.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import random
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if os.name == "posix":
    import fcntl

__all__ = ["FORMER", "PARTIAL", "flush_folder", "replaced"]

PARTIAL, FORMER = ".partial", ".former"

_LOCKS = os.name == "posix"  # without them (Windows) leftovers stay until somebody deletes them
_ATTEMPTS = 50
_LONGEST_WAIT = 0.02  # seconds
_CURRENT_FOLDER = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE


@contextmanager
def replaced(target: Path, check: Callable[[], None]) -> Iterator[Path]:
    """Give an empty folder to fill; at the end of the block it takes the place of `target`.

    After an error in the block, or a failure to move in, `target` is as it was.

    Args:
        target: absolute, its parent exists.
        check: is called before anything, and again right before `target` is moved away, and raises if
            what stands there may not be replaced.

    Raises:
        OSError: if the file system refuses.
    """
    _clear_leftovers(target)
    check()
    folder, lock = _begin(target)
    try:
        yield folder
        flush_folder(folder)
        _move_in(folder, target, check)
        with suppress(OSError):  # The move is made; what fails here cannot undo it.
            flush_folder(target.parent)
    finally:
        # If it was exchanged, the name belongs to the old model now; if it never moved in, to what was begun.
        shutil.rmtree(folder, ignore_errors=True)
        if target.exists():
            shutil.rmtree(_former(folder), ignore_errors=True)
        if lock is not None:
            os.close(lock)


def flush_folder(folder: Path) -> None:
    """Have the system put a folder's list of names on the disk."""
    if os.name == "nt":  # pragma: no cover - folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _begin(target: Path) -> tuple[Path, int | None]:
    for _ in range(_ATTEMPTS):
        folder = target.parent / f".{target.name}.{secrets.token_hex(4)}{PARTIAL}"
        folder.mkdir()
        try:
            lock = _locked(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        # Between the two lines above another writer may have taken the folder for a dead one's.
        if not _LOCKS or (lock is not None and _still_there(folder, lock)):
            return folder, lock
        if lock is not None:
            os.close(lock)
    raise OSError(errno.EBUSY, "another process removes every new folder", str(target.parent))


def _locked(folder: Path) -> int | None:
    """Return a descriptor that holds the lock on `folder`; None if another process holds it, or it is gone."""
    if not _LOCKS:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _still_there(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(folder.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _clear_leftovers(target: Path) -> None:
    for leftover in sorted(target.parent.glob(f".{glob.escape(target.name)}.*")):
        if leftover.suffix not in (PARTIAL, FORMER) or leftover.is_symlink() or not leftover.is_dir():
            continue
        lock = _locked(leftover)
        if lock is None:
            continue
        try:
            if leftover.suffix == FORMER and not target.exists():
                with suppress(OSError):
                    leftover.rename(target)
            else:
                shutil.rmtree(leftover, ignore_errors=True)
        finally:
            os.close(lock)


def _move_in(folder: Path, target: Path, check: Callable[[], None]) -> None:
    for _ in range(_ATTEMPTS):
        check()
        try:
            if not target.exists() or not any(target.iterdir()):
                folder.rename(target)
            elif not _exchange(folder, target):
                _move_in_two_steps(folder, target)
        except OSError as error:
            # Another writer came or went between the look and the move: look again.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT) or not folder.exists():
                raise
            time.sleep(random.uniform(0, _LONGEST_WAIT))
        else:
            return
    raise OSError(errno.EBUSY, "other processes replace it without end", str(target))


def _exchange(folder: Path, target: Path) -> bool:
    """Exchange the two names in one step; False if this system or file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    if rename is None:
        return False
    names = os.fsencode(folder), os.fsencode(target)
    if rename(_CURRENT_FOLDER, names[0], _CURRENT_FOLDER, names[1], _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(target))


def _move_in_two_steps(folder: Path, target: Path) -> None:
    former = _former(folder)
    shutil.rmtree(former, ignore_errors=True)  # Of an attempt before this, overtaken by what stands there now.
    try:
        target.rename(former)
        folder.rename(target)
    except BaseException:
        if not target.exists():
            former.rename(target)
        raise


def _former(folder: Path) -> Path:
    return folder.with_suffix(FORMER)
