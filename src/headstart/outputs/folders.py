"""A new folder in the place of an old one, in one move or not at all.

The new folder is filled next to the target (see `headstart.outputs.staging`), flushed to the disk, and then moves in:

- where nothing (or an empty folder) stands, by one rename;
- where a model stands, by exchanging the two names in one step (Linux ``renameat2``), so that at every moment one
  whole model stands there; where the system cannot exchange, by two renames: the old one goes to
  ``.imdb.3f2a90bc.partial/former`` first. Killed exactly between the two, none stands at the target; the next
  writer puts the former one back, and reading says where it is.
"""

from __future__ import annotations

import ctypes
import errno
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headstart.outputs.marks import FORMER
from headstart.outputs.staging import TAKEN, put_back, staged

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
    with staged(target) as place:
        check()
        folder = place / "new"
        folder.mkdir()
        yield folder
        flush_folder(folder)
        _move_in(folder, target, check)
        with suppress(OSError):  # The move is made; what fails here cannot undo it.
            flush_folder(target.parent)


def flush_folder(folder: Path) -> None:
    """Have the system put a folder's list of names on the disk."""
    if os.name == "nt":  # pragma: no cover - folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
            if error.errno not in (*TAKEN, errno.ENOENT) or not folder.exists():
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
    former = folder.with_name(FORMER)
    shutil.rmtree(former, ignore_errors=True)  # Of an attempt before this, overtaken by what stands there now.
    try:
        target.rename(former)
        folder.rename(target)
    except BaseException:
        put_back(former, target)
        raise
    # From here on it would come back where another writer has just moved ours away.
    shutil.rmtree(former, ignore_errors=True)
