"""Folders for working: made by us, marked, removed by us, and reserved while they are in use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headstart.errors import OptionError
from headstart.outputs.failures import failed_writes
from headstart.outputs.locking import LOCKS, lock
from headstart.outputs.marks import MARK, is_marked, remove_marked

RESUMES = "run the same command again to go on where it stopped"
"""The note that an interrupt carries where something was kept to go on from."""

_TEXT = "Headstart made this folder for its own work and removes it when that is done.\n"


def own_folder(folder: Path, *, keep: bool = False) -> Path:
    """Make a folder for working and mark it as ours; return its path.

    Args:
        folder: what stands there of an earlier run of ours is emptied first. Its parents are made.
        keep: leave what an earlier run of ours left in it.

    Raises:
        OptionError: if something stands there that we did not make.
        OutputError: if it cannot be made.
    """
    with failed_writes(folder):
        check_own(folder)
        if not keep:
            remove_own(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(_TEXT, encoding="ascii")
    return folder


def check_own(folder: Path) -> None:
    """Refuse a place where `own_folder` would find something that we did not make.

    Raises:
        OptionError: it would.
    """
    if folder.is_symlink() or (folder.exists() and not is_marked(folder) and not _is_empty(folder)):
        raise OptionError(
            f"{str(folder)!r} is needed as a folder for working, and what stands there was not made for that. "
            "Move it away, or give --out another place."
        )


def remove_own(folder: Path, *, if_empty: bool = False) -> None:
    """Remove a folder that `own_folder` made, with all that is in it; nothing else is touched.

    Args:
        folder: what is not ours, or not there, stays as it is.
        if_empty: only if nothing but the mark is in it.
    """
    if not if_empty or (folder.is_dir() and [entry.name for entry in folder.iterdir()] == [MARK]):
        remove_marked(folder)


@contextmanager
def working_folder(folder: Path, busy: str) -> Iterator[Path]:
    """Reserve and mark a folder to keep things in from which a later try goes on.

    It is removed when the block ends well. After an error it stays, unless it is empty; if it stays after an
    interrupt, the interrupt gets the note `RESUMES`.

    Raises:
        OptionError: if another process has reserved it, or something stands there that we did not make.
        OutputError: if it cannot be made.
    """
    with locked(folder, busy):
        own_folder(folder, keep=True)
        try:
            yield folder
        except BaseException as error:
            remove_own(folder, if_empty=True)
            if isinstance(error, KeyboardInterrupt) and folder.exists():
                error.add_note(RESUMES)
            raise
        remove_own(folder)


@contextmanager
def locked(folder: Path, busy: str) -> Iterator[None]:
    """Reserve a folder for this process while the block lasts; it is made if need be, and removed if it stays empty.

    Args:
        folder: its parents are made.
        busy: what to say if another process has reserved it.

    Raises:
        OptionError: if another process has.
        OutputError: if the folder cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    with failed_writes(folder):
        folder.mkdir(parents=True, exist_ok=True)
        held = lock(folder)
    if LOCKS and held is None:
        raise OptionError(busy)
    try:
        yield
    finally:
        if held is not None:
            os.close(held)
        with suppress(OSError):
            for one in missing:
                one.rmdir()


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
