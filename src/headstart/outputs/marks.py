"""How folders that this package makes for its own work are told from all others, and how they are removed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

MARK = ".headstart"
"""The file that marks a folder as made by this package for its own work."""
PARTIAL = ".partial"
"""The end of the name of a folder in which an output is made."""
FORMER = "former"
"""In such a folder: what stood at the target, on its way to being removed."""

_STAGING = re.compile(r"\..+\.[0-9a-f]{8}\.partial", re.DOTALL)
_LONGEST = 200  # bytes of a name to which a beginning and an end are added; file systems take 255


def is_staging_name(name: str) -> bool:
    """Tell whether a folder is called as those are in which outputs are made."""
    return _STAGING.fullmatch(name) is not None


def stem_of(target: Path) -> str:
    """Return what stands for a target in the names of what is made for it: its name, or a digest of a very long one."""
    name = os.fsencode(target.name)
    return target.name if len(name) <= _LONGEST else hashlib.sha256(name).hexdigest()[:32]


def is_marked(folder: Path) -> bool:
    """Tell whether a folder, and no link to one, holds the mark."""
    return not folder.is_symlink() and (folder / MARK).is_file()


def remove_marked(folder: Path) -> None:
    """Remove a marked folder as far as the system lets us; the mark goes last, so that a killed removal goes on later."""
    if not is_marked(folder):
        return
    with suppress(OSError):
        for entry in folder.iterdir():
            if entry.name == MARK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()
        if [entry.name for entry in folder.iterdir()] == [MARK]:
            (folder / MARK).unlink()
            folder.rmdir()
