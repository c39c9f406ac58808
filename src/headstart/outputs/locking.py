"""A lock that the system lets go of when its holder dies."""

from __future__ import annotations

import os
from pathlib import Path

if os.name == "posix":
    import fcntl

LOCKS = os.name == "posix"  # without them (Windows) leftovers stay until somebody deletes them


def lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock on a file or folder; None if another holds it, or it is gone.

    A file system that knows no locks lets everybody have them.

    Raises:
        OSError: if it cannot be opened.
    """
    if not LOCKS:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:  # no locks here
        return descriptor
    return descriptor
