"""``headstart.json``: what the model is, and what the other files of its folder have to be.

The envelope (``content_hash``, ``format``, ``written_by``) stays the same in every format version, so that
an old Headstart can still say which newer one is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from headstart import __version__
from headstart.artifact import documents
from headstart.artifact.faults import damaged, shortened
from headstart.artifact.format1 import converted
from headstart.artifact.tensors import TensorEntry, total_bytes
from headstart.errors import ArtifactError
from headstart.plain import Facts, Json
from headstart.records import Record, Text, Whole, decoded

FORMAT = 2
MANIFEST = "headstart.json"
RUN = "run.json"
WORDS = "vocabulary.txt"

_TENSORS = ".safetensors"
_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_FileName = Annotated[str, Meta(max_length=100, pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)+\Z")]


class FileEntry(Record, frozen=True):
    """What a file has to be.

    Attributes:
        n_bytes: its size.
        sha256: of its bytes, in hex.
        tensors: what is in it, if it is a safetensors file.
        words: how many strings are in it, if it is a list of words.
    """

    n_bytes: Whole = msgspec.field(name="bytes")
    sha256: _Digest
    tensors: Annotated[dict[Text, TensorEntry], Meta(max_length=100_000)] | None = None
    words: Whole | None = None

    def check(self, name: str) -> None:
        """Raise `ArtifactError` unless a file called `name` can be so."""
        if (self.tensors is not None) != name.endswith(_TENSORS) or (self.words is not None) != (name == WORDS):
            raise ArtifactError(f"it describes {name} as another kind of file than its name says")
        if self.tensors is not None:
            for key, tensor in self.tensors.items():
                tensor.check(f"{name}.{shortened(key)}")
            if (size := total_bytes(self.tensors)) != self.n_bytes:
                raise ArtifactError(f"the tensors of {name} take {size:,} bytes and it says {self.n_bytes:,}")


class _Body(Record, frozen=True):
    """The manifest but for its digest."""

    files: Annotated[dict[_FileName, FileEntry], Meta(max_length=1000)]
    format: Annotated[int, Meta(ge=1, le=FORMAT)]
    model: dict[str, Any]
    written_by: Annotated[str, Meta(max_length=100)]


class _Run(Record, frozen=True):
    """``run.json`` but for its digest."""

    model: _Digest
    run: dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """The parsed ``headstart.json``.

    Attributes:
        model: see `Parts.model`.
        files: every other file but ``run.json``, by name.
        written_by: the version of Headstart that wrote it.
        content_hash: of ``headstart.json``, and through it of every file in `files`.
        format: that it was written in.
        minor: of a model of format 1 the number behind the point, 0 to 3.
    """

    model: Json
    files: dict[str, FileEntry] = field(default_factory=dict)
    written_by: str = ""
    content_hash: str = ""
    format: int = FORMAT
    minor: int = 0

    def to_bytes(self) -> tuple[bytes, str]:
        """Return the file and the content hash."""
        files = {name: entry.to_json() for name, entry in self.files.items()}
        body = {"files": files, "format": FORMAT, "model": self.model, "written_by": self.written_by or __version__}
        return documents.seal("content_hash", body)

    @classmethod
    def from_bytes(cls, raw: bytes, path: Path) -> Manifest:
        """Return the manifest in `raw`; `path` is for messages.

        Raises:
            ArtifactError: if it was changed, is of a newer format, or describes what cannot be.
        """
        body, content_hash = documents.unseal(raw, "content_hash", path)
        _check_format(body, path)
        try:
            known = decoded(_Body, body, path.stem)
            for name in known.files.keys() & {MANIFEST, RUN}:
                raise ArtifactError(f"it lists {name} among the files that it vouches for")
            for name, entry in known.files.items():
                entry.check(name)
        except ArtifactError as error:
            raise damaged(path, f"does not describe a model ({error})") from error
        model, minor = (known.model, 0) if known.format == FORMAT else converted(known.model)
        return cls(model, known.files, known.written_by, content_hash, known.format, minor)


def _check_format(body: Json, path: Path) -> None:
    if type(body.get("format")) is int and body["format"] > FORMAT:
        raise ArtifactError(
            f"the model {str(path.parent)!r} was written by headstart {shortened(body.get('written_by'))[1:-1]} "
            f"in format {body['format']}, and this is headstart {__version__}, which reads formats up to {FORMAT}. "
            "Install a newer headstart to read it."
        )


def check_file_name(name: str) -> None:
    """Raise `ArtifactError` unless a model may hold a file called `name`."""
    decoded(_FileName, name, f"the name of a model's file, {shortened(name)}")
    if name in (MANIFEST, RUN):
        raise ArtifactError(f"{name} is written by Headstart itself; give your file another name.")


def run_bytes(run: Facts, content_hash: str) -> bytes:
    """Return the file ``run.json`` of the model with that content hash."""
    return documents.seal("digest", {"model": content_hash, "run": run})[0]


def read_run(raw: bytes, content_hash: str, path: Path) -> Json:
    """Return what `run_bytes` put in; `path` is for messages.

    Raises:
        ArtifactError: if it was changed, or belongs to another model.
    """
    body, _ = documents.unseal(raw, "digest", path)
    try:
        known = decoded(_Run, body, path.stem)
    except ArtifactError as error:
        raise damaged(path, f"does not describe a training run ({error})") from error
    if known.model != content_hash:
        raise damaged(
            path, f"belongs to another model ({known.model[:12]}…) than the folder holds ({content_hash[:12]}…)"
        )
    return known.run
