"""``headstart.json``: what the model is, and what the other files of its folder have to be.

The envelope (``content_hash``, ``format``, ``written_by``) stays the same in every format version, so that
an old Headstart can still say which newer one is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from headstart import __version__
from headstart.artifact import documents
from headstart.artifact.faults import damaged, shortened
from headstart.artifact.schema import anything, integer, mapping, record, sequence, text
from headstart.artifact.tensors import DTYPES, MAX_DIMENSIONS, TensorEntry, total_bytes
from headstart.errors import ArtifactError
from headstart.plain import Facts, Json

FORMAT = 1
MINOR = 3
"""The number behind the point: what it adds is optional, and a model that uses any of it says so."""
MANIFEST = "headstart.json"
RUN = "run.json"
WORDS = "vocabulary.txt"

_TENSORS = ".safetensors"
_MOST_BYTES = 2**53  # whole numbers up to here are exact in every JSON reader
_DIGEST = text(longest=64, pattern="[0-9a-f]{64}")
_FILE_NAME = text(longest=100, pattern=r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)+")
_TENSOR = record(dtype=text(choices=DTYPES), shape=sequence(integer(0, _MOST_BYTES), longest=MAX_DIMENSIONS))
_FILE = record(
    {"tensors": mapping(_TENSOR, keys=text(users_own=True), most=100_000), "words": integer(0, _MOST_BYTES)},
    bytes=integer(0, _MOST_BYTES),
    sha256=_DIGEST,
)
_BODY = record(
    files=mapping(_FILE, keys=_FILE_NAME, most=1000),
    format=integer(1, 2**31),
    model=mapping(anything),
    written_by=text(longest=100),
)
_ENVELOPE = record({"files": anything, "model": anything}, format=integer(1, 2**31), written_by=text(longest=100))
_RUN_BODY = record(model=_DIGEST, run=mapping(anything, most=documents.MAX_COMMAS))


@dataclass(frozen=True)
class FileEntry:
    """What a file has to be.

    Attributes:
        n_bytes: its size.
        sha256: of its bytes, in hex.
        tensors: what is in it, if it is a safetensors file.
        n_words: strings in it, if it is a list of words.
    """

    n_bytes: int
    sha256: str
    tensors: dict[str, TensorEntry] | None = None
    n_words: int | None = None

    def to_json(self) -> Json:
        """Return it as it stands in the manifest."""
        entry: Json = {"bytes": self.n_bytes, "sha256": self.sha256}
        if self.tensors is not None:
            entry["tensors"] = {name: {"dtype": t.dtype, "shape": list(t.shape)} for name, t in self.tensors.items()}
        if self.n_words is not None:
            entry["words"] = self.n_words
        return entry

    @classmethod
    def from_json(cls, name: str, entry: Facts) -> FileEntry:
        """Return the entry of the file called `name`, checked against itself.

        Raises:
            ArtifactError: if the file cannot hold what the manifest says.
        """
        tensors = None
        if ("tensors" in entry) != name.endswith(_TENSORS) or ("words" in entry) != (name == WORDS):
            raise ArtifactError(f"it describes {name} as another kind of file than its name says")
        if "tensors" in entry:
            tensors = {
                key: TensorEntry(value["dtype"], tuple(value["shape"])) for key, value in entry["tensors"].items()
            }
            for key, tensor in tensors.items():
                tensor.check(f"{name}.{shortened(key)}")
            if total_bytes(tensors) != entry["bytes"]:
                raise ArtifactError(
                    f"the tensors of {name} take {total_bytes(tensors):,} bytes and it says {entry['bytes']:,}"
                )
        return cls(entry["bytes"], entry["sha256"], tensors, entry.get("words"))


@dataclass(frozen=True)
class Manifest:
    """The parsed ``headstart.json``.

    Attributes:
        model: see `Parts.model`.
        files: every other file but ``run.json``, by name.
        written_by: the version of Headstart that wrote it.
        content_hash: of ``headstart.json``, and through it of every file in `files`.
    """

    model: Json
    files: dict[str, FileEntry] = field(default_factory=dict)
    written_by: str = ""
    content_hash: str = ""

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
        try:
            _check_format(body, path)
            _BODY(body, path.stem)
            for name in {name for name in body["files"] if name in (MANIFEST, RUN)}:
                raise ArtifactError(f"it lists {name} among the files that it vouches for")
            files = {name: FileEntry.from_json(name, entry) for name, entry in body["files"].items()}
        except NewerFormatError:
            raise
        except ArtifactError as error:
            raise damaged(path, f"does not describe a model ({error})") from error
        return cls(body["model"], files, body["written_by"], content_hash)


class NewerFormatError(ArtifactError):
    """Written by a Headstart that is newer than this one. The model is fine."""


def _check_format(body: Json, path: Path) -> None:
    if type(body.get("format")) is int and body["format"] > FORMAT:
        raise NewerFormatError(
            f"the model {str(path.parent)!r} was written by headstart {shortened(body.get('written_by'))[1:-1]} "
            f"in format {body['format']}, and this is headstart {__version__}, which reads formats up to {FORMAT}. "
            "Install a newer headstart to read it."
        )


def check_file_name(name: str) -> None:
    """Raise `ArtifactError` unless a model may hold a file called `name`."""
    _FILE_NAME(name, "the name of a model's file")
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
        _RUN_BODY(body, path.stem)
    except ArtifactError as error:
        raise damaged(path, f"does not describe a training run ({error})") from error
    if body["model"] != content_hash:
        raise damaged(
            path, f"belongs to another model ({body['model'][:12]}…) than the folder holds ({content_hash[:12]}…)"
        )
    return dict(body["run"])
