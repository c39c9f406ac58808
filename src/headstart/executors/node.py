"""What runs in a process of a cluster: a copy of what is read, the work opened once, one item after the other."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from headstart.errors import OutputError
from headstart.executors.work import answer, opened_by_name
from headstart.outputs import atomic_write
from headstart.outputs.locking import lock
from headstart.plain import Json

if TYPE_CHECKING:
    from ray import ObjectRef

    from headstart.arrays import Bytes

Answer = tuple[Json, dict[str, bytes]]
"""An item's result, and the files that were written for it by relative name."""
_SMALL = 1 << 16
_WHOLE = "whole"
_opened: dict[str, Callable[[Json], Json]] = {}
"""The work that this process has open, by its key; one at a time."""


def done(spec: Json, files: Mapping[str, object], item: Json) -> Answer:
    """Do an item.

    Args:
        spec: ``target``, ``arguments``, ``key``, and whether it ``writes``; see `headstart.executors.Work`.
        files: references to what is read, by relative name.
        item: as the work takes it.
    """
    written = _place(spec["key"]) / f"written-{os.getpid()}"
    answered = answer(lambda one: _open(spec, files, written)(one), item)
    found = {}
    if spec["writes"] and written.exists():
        found = {
            path.relative_to(written).as_posix(): path.read_bytes() for path in written.rglob("*") if path.is_file()
        }
        shutil.rmtree(written)
    return answered, found


def put_back(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files that came with a result to where they belong."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as unfinished:
            unfinished.write_bytes(content)


def forget(key: str) -> None:
    """Remove this machine's copy of what some work read."""
    shutil.rmtree(_place(key), ignore_errors=True)


def fingerprint(name: str) -> str:
    """Return what tells whether two machines see the same file under a name: its size, of a small one its digest."""
    try:
        if "://" in name:
            import fsspec

            system, path = fsspec.core.url_to_fs(name)
            return f"{system.info(path)['size']} bytes"
        path = Path(name)
        size = path.stat().st_size
        return f"{size} bytes" if size > _SMALL else hashlib.sha256(path.read_bytes()).hexdigest()
    except Exception as error:  # drivers of addresses raise what they like
        return f"not there ({type(error).__name__})"


def _open(spec: Json, files: Mapping[str, object], written: Path) -> Callable[[Json], Json]:
    if spec["key"] not in _opened:
        _opened.clear()
        reads = _copied(spec["key"], files)
        _opened[spec["key"]] = opened_by_name(
            spec["target"], reads, written if spec["writes"] else None, spec["arguments"]
        )
    return _opened[spec["key"]]


def _copied(key: str, files: Mapping[str, object]) -> Path:
    """Return this machine's copy of what is read; the first process to ask makes it, the others wait."""
    import ray

    place = _place(key)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.parent.stat().st_uid != os.getuid():
        raise OutputError(f"{place.parent} belongs to another user; remove it on this node, or set TMPDIR there.")
    while (held := lock(place)) is None:
        time.sleep(0.05)
    try:
        if not (place / _WHOLE).exists():
            for name, ref in files.items():
                path = place / "read" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                ray.get(cast("ObjectRef[Bytes]", ref)).tofile(path)
            (place / _WHOLE).touch()
    finally:
        os.close(held)
    return place / "read"


def _place(key: str) -> Path:
    return Path(tempfile.gettempdir()) / f"headstart-{os.getuid()}" / key
