"""`Parts` -> a model's folder, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from headstart.artifact import documents
from headstart.artifact.manifest import MANIFEST, RUN, WORDS, FileEntry, Manifest, check_file_name, run_bytes
from headstart.artifact.parts import Parts
from headstart.artifact.reading import other_files, read_manifest
from headstart.artifact.tensors import entries_of, raw_bytes
from headstart.artifact.words import words_to_bytes
from headstart.errors import ArtifactError
from headstart.outputs import failed_writes, replaced

__all__ = ["check_target", "write"]

_LEFT_BY_FILE_MANAGERS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def write(path: str | os.PathLike[str], parts: Parts) -> str:
    """Write a model's folder and return its content hash (SHA-256 in hex).

    The same parts give the same bytes, ``run.json`` aside. Killed at any moment, or on a disk that fills,
    the path holds the model that was there before or none, never half of one; what a killed writer left
    beside it is removed by the next.

    Args:
        path: the folder. One that holds a model, or nothing, is replaced; parents are made.
        parts: what to store.

    Raises:
        ArtifactError: if a value cannot be stored, if something that is no model stands at `path` (see
            `check_target`), or if the system refuses (disk full, no permission). What was there stays.
    """
    model, run = documents.plain(parts.model, "model"), documents.plain(documents.repaired(parts.run), "run")
    files = list(_files(parts))
    with failed_writes(path, "the model", error=ArtifactError):
        target = check_target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replaced(target, lambda: _check_replaceable(target)) as folder:
            entries = {name: _write_file(folder / name, pieces, about) for name, pieces, about in files}
            manifest, content_hash = Manifest(model, entries).to_bytes()
            _write_file(folder / RUN, [run_bytes(run, content_hash)])
            _write_file(folder / MANIFEST, [manifest])
    return content_hash


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return where `write` would put the model, links followed; call it before hours of training.

    Raises:
        ArtifactError: if a file, or a folder with anything but a model in it, stands there.
    """
    target = Path(path).resolve()
    _check_replaceable(target)
    return target


def _check_replaceable(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise ArtifactError(
            f"{str(target)!r} is a file, and a model is a folder. Choose another name, or move the file away."
        )
    if target.samefile(Path.cwd()):
        raise ArtifactError(
            f"{str(target)!r} is the current folder, which cannot be replaced. Give the name of a new folder in it."
        )
    if not any(target.iterdir()):
        return
    try:
        others = other_files(target, read_manifest(target))
    except ArtifactError as error:
        raise ArtifactError(
            f"{str(target)!r} is not empty and holds no model that can be read, so it is not replaced. "
            f"Choose another folder, or delete it if you no longer need it ({error})"
        ) from error
    others = [name for name in others if name not in _LEFT_BY_FILE_MANAGERS]
    if others:
        raise ArtifactError(
            f"{str(target)!r} holds {', '.join(map(repr, others[:5]))} beside its model, and would lose it. "
            "Move that elsewhere, or choose another folder for the model."
        )


def _files(parts: Parts) -> Iterator[tuple[str, Iterable[Any], dict[str, Any]]]:
    """Yield each file's name, its bytes in pieces, and what the manifest says of it beside size and hash."""
    for stem, arrays in sorted(parts.tensors.items()):
        table = entries_of(arrays, stem)
        yield _named(f"{stem}.safetensors"), raw_bytes(arrays, table), {"tensors": table}
    if parts.words is not None:
        yield WORDS, [words_to_bytes(parts.words)], {"n_words": len(parts.words)}
    for name, blob in sorted(parts.blobs.items()):
        if _named(name).endswith((".safetensors", WORDS)):
            raise ArtifactError(f"the blob {name} has a name that is kept for tensors or words; give it another.")
        yield name, [blob], {}


def _named(name: str) -> str:
    check_file_name(name)
    return name


def _write_file(path: Path, pieces: Iterable[Any], about: dict[str, Any] | None = None) -> FileEntry:
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return FileEntry(size, digest.hexdigest(), **(about or {}))
