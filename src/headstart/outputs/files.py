"""One file, written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headstart.outputs.failures import failed_writes
from headstart.outputs.folders import flush_folder
from headstart.outputs.places import check_file
from headstart.outputs.staging import staged


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of a file to write, with the same name; at the end of the block it takes the place of `path`.

    A reader sees the old file or the new one, never a part. After an error, or killed at any moment, `path` is as it
    was; what a killed writer left is removed by the next. A file that is replaced keeps its permissions.

    Raises:
        OptionError: if `path` is no place for a file; see `check_file`.
        OutputError: if it cannot be written: a full disk, no permission. Errors of a library that writes the file are
            told likewise.
    """
    target = Path(path)
    check_file(target)
    with failed_writes(target), staged(target) as folder:
        unfinished = folder / target.name
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, unfinished)
        unfinished.replace(target)
        with suppress(OSError):  # The move is made; what fails here cannot undo it.
            flush_folder(target.parent)
