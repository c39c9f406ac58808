"""Writing a page or a picture whole or not at all."""

import os
import threading
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file beside its place and move it there, making folders on the way.

    A reader sees the old file or the new one, never a part, also when the program is stopped.
    Raises OSError where the folder cannot be written.
    """
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        draft.write_bytes(content)
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)
    return place
