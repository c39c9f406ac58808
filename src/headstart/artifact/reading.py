"""A model's folder -> `Parts`, every byte checked."""

from __future__ import annotations

import os
from pathlib import Path

from headstart.artifact import documents
from headstart.artifact.faults import damaged
from headstart.artifact.files import check_size, opened, read_checked, read_small
from headstart.artifact.manifest import MANIFEST, RUN, FileEntry, Manifest, read_run
from headstart.artifact.parts import Parts
from headstart.artifact.tensors import arrays_in, header
from headstart.artifact.words import words_from_bytes
from headstart.errors import ArtifactError, near_names
from headstart.outputs import former_of
from headstart.plain import Json

_ATTEMPTS = 3


def read(path: str | os.PathLike[str], *, mapped: bool = False) -> Parts:
    """Return what a model's folder holds, once all of it was found as it was written.

    The manifest is checked first, then each file's size and beginning, then its digest; only then is
    anything made of it, and no code in it is ever run. Files that the manifest does not list are left
    alone (`inspect` names them). If the model is replaced while it is read, reading begins again.

    Args:
        path: the folder.
        mapped: map the weights in place of reading them: private pages, copied when written to, so
            that processes that read one model share its memory. The price: a file that is changed *in
            place* under a running process (``cp`` over it; `write` never does that) changes its weights
            unseen or ends it, where a copy in memory stays as it was checked.

    Raises:
        ArtifactError: if the folder is missing, is no model, was damaged, or is of a newer format.
    """
    folder = Path(path)
    for attempt in range(1, _ATTEMPTS + 1):
        before = _identity(folder)
        try:
            return _read(folder, mapped)
        except ArtifactError:
            if attempt == _ATTEMPTS or before == _identity(folder):
                raise
    raise ArtifactError(
        f"the model {str(folder)!r} is being replaced again and again; read it when that is done."
    )  # pragma: no cover


def inspect(path: str | os.PathLike[str]) -> Json:
    """Return what the manifest and ``run.json`` say, without reading the weights.

    The two files' own digests and the sizes of all the others are checked; whether the others' bytes are
    still the same, `read` says.

    Returns:
        ``path``, ``format`` and ``minor`` (the number behind the point of format 1), ``written_by``, ``content_hash``, ``model`` (as
        format 2 describes it), ``run``; ``files``: for each its
        ``bytes``, ``sha256`` and ``tensors`` or ``words``; ``bytes`` and ``values`` (numbers in
        tensors) of all; ``other_files`` that are none of the model's.

    Raises:
        ArtifactError: as `read` does.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    for name, entry in manifest.files.items():
        _check_size(folder / name, entry)
    tensors = [tensor for entry in manifest.files.values() for tensor in (entry.tensors or {}).values()]
    return {
        "path": str(folder),
        "format": manifest.format,
        "minor": manifest.minor,
        "written_by": manifest.written_by,
        "content_hash": manifest.content_hash,
        "bytes": sum((folder / name).stat().st_size for name in (MANIFEST, RUN, *manifest.files)),
        "values": sum(tensor.n_values for tensor in tensors),
        "files": {name: entry.to_json() for name, entry in manifest.files.items()},
        "other_files": other_files(folder, manifest),
        "model": manifest.model,
        "run": _read_run(folder, manifest),
    }


def read_manifest(folder: Path) -> Manifest:
    """Return the checked manifest of the model in `folder`.

    Raises:
        ArtifactError: if there is none, or it was damaged or is of a newer format.
    """
    _check_folder(folder)
    path = folder / MANIFEST
    return Manifest.from_bytes(read_small(path, documents.MAX_BYTES), path)


def other_files(folder: Path, manifest: Manifest) -> list[str]:
    """Return the names in `folder` that are none of the model's, sorted."""
    return sorted({entry.name for entry in folder.iterdir()} - {MANIFEST, RUN, *manifest.files})


def _read(folder: Path, mapped: bool) -> Parts:
    manifest = read_manifest(folder)
    tensors, blobs, words = {}, {}, None
    for name, entry in manifest.files.items():
        path = folder / name
        try:
            if entry.tensors is not None:
                file = read_checked(path, entry, header(entry.tensors), mapped=mapped)
                tensors[path.stem] = arrays_in(file, entry.tensors, path)
            elif entry.words is not None:
                words = words_from_bytes(read_checked(path, entry), entry.words, path)
            else:
                blobs[name] = read_checked(path, entry).tobytes()
        except MemoryError as error:
            raise damaged(
                path, f"takes {entry.n_bytes:,} bytes, more than this machine's memory has room for"
            ) from error
    return Parts(manifest.model, tensors, words, blobs, _read_run(folder, manifest), manifest.content_hash)


def _read_run(folder: Path, manifest: Manifest) -> Json:
    path = folder / RUN
    return read_run(read_small(path, documents.MAX_BYTES), manifest.content_hash, path)


def _check_size(path: Path, entry: FileEntry) -> None:
    with opened(path) as file:
        check_size(path, file, entry)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _check_folder(folder: Path) -> None:
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except FileNotFoundError:
        raise ArtifactError(f"there is no model at {str(folder)!r}: {_missing(folder)}") from None
    except NotADirectoryError:
        raise ArtifactError(
            f"{str(folder)!r} is a file, and a model is a folder with {MANIFEST} in it. {_folder_of(folder)}"
        ) from None
    except OSError as error:
        raise ArtifactError(
            f"the folder {str(folder)!r} cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    if MANIFEST not in names:
        raise ArtifactError(
            f"the folder {str(folder)!r} is no model: it holds no {MANIFEST}. {_models_in(folder, names)}"
        )


def _missing(folder: Path) -> str:
    if former := former_of(folder):
        return f"a save was killed in the middle. The model before it is {str(former)!r}; rename it to {folder.name!r}."
    parent = folder.parent
    if not parent.is_dir():
        return f"the folder {str(parent)!r} does not exist either. Check the path for a slip."
    models = _models(parent)
    near = near_names(folder.name, models) or models[:5]
    if near:
        return f"did you mean {' or '.join(repr(str(parent / name)) for name in near)}?"
    return f"{str(parent.absolute())!r} holds no model either. Give the folder that `headstart train --out` wrote."


def _folder_of(file: Path) -> str:
    if (file.parent / MANIFEST).is_file():
        return f"Give the folder: {str(file.parent)!r}."
    return "Give the folder that `headstart train --out` wrote."


def _models_in(folder: Path, names: list[str]) -> str:
    models = _models(folder)[:5]
    if models:
        return f"It holds models, though; give one of them: {', '.join(repr(str(folder / name)) for name in models)}."
    holds = (
        f"It holds {', '.join(map(repr, names[:5]))}{' and more' if len(names) > 5 else ''}. "
        if names
        else "It is empty. "
    )
    return holds + "Give the folder that `headstart train --out` wrote."


def _models(folder: Path) -> list[str]:
    try:
        return sorted(
            entry.name for entry in folder.iterdir() if not entry.name.startswith(".") and (entry / MANIFEST).is_file()
        )
    except OSError:
        return []
