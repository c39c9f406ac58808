"""Writing a page or a picture whole or not at all."""

import os
from pathlib import Path

from headstart.outputs import atomic_write, failed_writes


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file in one move, making folders on the way; see `headstart.outputs.atomic_write`.

    Raises:
        OptionError, OutputError: if it is no place for a file, or cannot be written.
    """
    place = Path(path)
    with failed_writes(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(place) as unfinished:
        unfinished.write_bytes(content)
    return place
