"""A folder next to an output, in which it is made before it takes its place.

It is called ``.imdb.3f2a90bc.partial``, holds a marker file, and is gone at the end. Its writer holds a lock on the
marker, which the system lets go of when the writer dies; so the next writer of the same output tells leftovers of the
dead from the work of the living, and removes them. Nothing without the marker is touched.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headstart.outputs.locking import LOCKS, lock
from headstart.outputs.marks import FORMER, MARK, PARTIAL, is_marked, is_staging_name, remove_marked, stem_of

_ATTEMPTS = 50
TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
"""What the system says of a move to where another folder stands."""


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Give an empty folder next to `target`; it and what is in it are removed at the end of the block.

    Args:
        target: absolute, or relative to the current folder; its parent exists.

    Raises:
        OSError: if the file system refuses.
    """
    _clear_leftovers(target)
    folder, held = _begin(target)
    try:
        yield folder
    finally:
        put_back(folder / FORMER, target)
        remove_marked(folder)
        if held is not None:
            os.close(held)


def former_of(target: Path) -> Path | None:
    """Return what stood at `target` before a writer died in the act of replacing it, if it is still there."""
    start = f".{glob.escape(stem_of(target))}.*"
    found = [
        path for path in sorted(target.parent.glob(f"{start}{PARTIAL}/{FORMER}")) if is_staging_name(path.parent.name)
    ]
    return next(iter(found or sorted(target.parent.glob(f"{start}.{FORMER}"))), None)  # the second as 0.1 called it


def put_back(former: Path, target: Path) -> None:
    """Put what stood at `target` back, unless something stands there again.

    Raises:
        OSError: if the file system refuses.
    """
    if not former.exists() or os.path.lexists(target):
        return
    try:
        former.rename(target)
    except OSError as error:
        if error.errno not in TAKEN:  # Another writer came between the look and the move.
            raise


def _begin(target: Path) -> tuple[Path, int | None]:
    for _ in range(_ATTEMPTS):
        folder = target.parent / f".{stem_of(target)}.{secrets.token_hex(4)}{PARTIAL}"
        folder.mkdir()
        held, begun = None, False
        try:
            mark = folder / MARK
            mark.touch()
            held = lock(mark)
            # Between the lines above another writer may have taken the folder for a dead one's.
            begun = not LOCKS or (held is not None and _still_there(mark, held))
        except FileNotFoundError:
            begun = False
        finally:
            if not begun:
                shutil.rmtree(folder, ignore_errors=True)
                if held is not None:
                    os.close(held)
        if begun:
            return folder, held
    raise OSError(errno.EBUSY, "another process removes every new folder", str(target.parent))


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _clear_leftovers(target: Path) -> None:
    for leftover in sorted(target.parent.glob(f".{glob.escape(stem_of(target))}.*{PARTIAL}")):
        if is_staging_name(leftover.name) and leftover.is_dir() and not leftover.is_symlink():
            with suppress(OSError):
                _clear(leftover, target)


def _clear(leftover: Path, target: Path) -> None:
    if not is_marked(leftover):
        leftover.rmdir()  # if it is empty: of a writer that died, or is about to mark it and then begins anew
        return
    held = lock(leftover / MARK)
    if held is None:
        return
    try:
        put_back(leftover / FORMER, target)
        remove_marked(leftover)
    finally:
        os.close(held)
