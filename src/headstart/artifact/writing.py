"""`Parts` -> a model's folder, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from headstart.artifact import documents
from headstart.artifact.files import read_small
from headstart.artifact.manifest import MANIFEST, RUN, WORDS, FileEntry, Manifest, check_file_name, read_run, run_bytes
from headstart.artifact.parts import Parts
from headstart.artifact.reading import other_files, read_manifest
from headstart.artifact.tensors import entries_of, raw_bytes
from headstart.artifact.words import words_to_bytes
from headstart.errors import ArtifactError
from headstart.outputs import failed_writes, replaced
from headstart.plain import Facts, Json

_LEFT_BY_FILE_MANAGERS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def write(path: str | os.PathLike[str], parts: Parts, *, force: bool = True) -> str:
    """Write a model's folder and return its content hash (SHA-256 in hex).

    The same parts give the same bytes, ``run.json`` aside. Killed at any moment, or on a disk that fills,
    the path holds the model that was there before or none, never half of one; what a killed writer left
    next to it is removed by the next.

    Args:
        path: the folder. One that holds a model, or nothing, is replaced; parents are made.
        parts: what to store.
        force: whether to replace a model of any content. Without it, only one of the same content or of the same run
            (see `check_target`; here the run is ``parts.run["digest"]``) is.

    Raises:
        ArtifactError: if a value cannot be stored, if something stands at `path` that may not be replaced, or if the
            system refuses (disk full, no permission). What was there stays.
    """
    model, run = documents.plain(parts.model, "model"), documents.plain(documents.repaired(parts.run), "run")
    files = list(_files(parts))
    new: Json = {"run": run.get("digest")}
    with failed_writes(path, "the model", error=ArtifactError):
        target = check_target(path)
        target.parent.mkdir(parents=True, exist_ok=True)

        def check() -> None:
            _check_replaceable(target, new, force=force or "content" not in new)

        with replaced(target, check) as folder:
            entries = {name: _write_file(folder / name, pieces, about) for name, pieces, about in files}
            manifest, content_hash = Manifest(model, entries).to_bytes()
            _write_file(folder / RUN, [run_bytes(run, content_hash)])
            _write_file(folder / MANIFEST, [manifest])
            new["content"] = content_hash
    return content_hash


def content_hash(parts: Parts) -> str:
    """Return the content hash that `write` would return, without writing."""
    entries = {name: _entry(pieces, about) for name, pieces, about in _files(parts)}
    return Manifest(documents.plain(parts.model, "model"), entries).to_bytes()[1]


def check_target(path: str | os.PathLike[str], *, force: bool = True, run: str | None = None) -> Path:
    """Return where `write` would put the model, links followed; call it before hours of training.

    Args:
        path: the folder.
        force: as for `write`.
        run: digest of all that decides the run whose model is to be written there.

    Raises:
        ArtifactError: if a file, or a folder with anything but a model in it, stands there; without `force` also if
            it is a model of another run.
    """
    target = Path(path).resolve()
    _check_replaceable(target, {"run": run}, force=force)
    return target


def _check_replaceable(target: Path, new: Facts, *, force: bool) -> None:
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
        manifest = read_manifest(target)
        others = other_files(target, manifest)
    except ArtifactError as error:
        raise ArtifactError(
            f"{str(target)!r} is not empty and holds no model that can be read, so it is not replaced. "
            f"Choose another folder, or delete it if you no longer need it ({error})"
        ) from error
    others = [name for name in others if name not in _LEFT_BY_FILE_MANAGERS]
    if others:
        raise ArtifactError(
            f"{str(target)!r} holds {', '.join(map(repr, others[:5]))} next to its model, and would lose it. "
            "Move that elsewhere, or choose another folder for the model."
        )
    if not force and manifest.content_hash != new.get("content"):
        _check_run(target, manifest, new["run"])


def _check_run(target: Path, manifest: Manifest, run: str | None) -> None:
    """Refuse to replace the model of another run than that with the digest `run`."""
    try:
        known = read_run(read_small(target / RUN, documents.MAX_BYTES), manifest.content_hash, target / RUN).get(
            "digest"
        )
    except ArtifactError:
        known = None
    if known is None or known != run:
        labels = ", ".join(map(str, manifest.model.get("labels") or ())) or "none"
        raise ArtifactError(
            f"{str(target)!r} holds another model (labels: {labels}; content {manifest.content_hash[:12]}), and it is not "
            "replaced. Choose another folder, or add --force (force=True) to replace it."
        )


def _files(parts: Parts) -> Iterator[tuple[str, Iterable[Any], Json]]:
    """Yield each file's name, its bytes in pieces, and what the manifest says of it next to size and hash."""
    for stem, arrays in sorted(parts.tensors.items()):
        table = entries_of(arrays, stem)
        yield _named(f"{stem}.safetensors"), raw_bytes(arrays, table), {"tensors": table}
    if parts.words is not None:
        yield WORDS, [words_to_bytes(parts.words)], {"words": len(parts.words)}
    for name, blob in sorted(parts.blobs.items()):
        if _named(name).endswith((".safetensors", WORDS)):
            raise ArtifactError(f"the blob {name} has a name that is kept for tensors or words; give it another.")
        yield name, [blob], {}


def _named(name: str) -> str:
    check_file_name(name)
    return name


def _write_file(path: Path, pieces: Iterable[Any], about: Json | None = None) -> FileEntry:
    with path.open("xb") as file:
        entry = _entry(pieces, about, file.write)
        file.flush()
        os.fsync(file.fileno())
    return entry


def _entry(
    pieces: Iterable[Any], about: Json | None = None, write_piece: Callable[[Any], Any] | None = None
) -> FileEntry:
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        if write_piece is not None:
            write_piece(piece)
        digest.update(piece)
        size += len(piece)
    return FileEntry(size, digest.hexdigest(), **(about or {}))
