"""From what the user typed to open files: local paths, folders, fsspec URLs; compressed or not."""

import bz2
import difflib
import gzip
import io
import lzma
import os
import posixpath
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa

from headstart.corpus.decoding import ChunkFile
from headstart.errors import DataError

TEXT_SUFFIXES = {".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json"}
TABLE_SUFFIXES = {".parquet", ".pq", ".arrow", ".feather", ".ipc", ".arrows"}
_COMPRESSED_SUFFIXES = {".gz", ".bz2", ".xz", ".zst", ".lz4"}

FORMATS_READ = "CSV, TSV, JSON lines, Parquet and Arrow or Feather, plain or as .gz, .bz2, .xz, .zst, .lz4"

_HEAD_BYTES = 4096
_BLOCK_BYTES = 1 << 20


@dataclass
class Opened:
    """An open file.

    Args:
        stream: its bytes after decompression.
        seekable: whether jumping in it is cheap.
    """

    stream: io.BufferedReader
    seekable: bool

    def head(self) -> bytes:
        """Its first bytes, left where they are."""
        return self.stream.peek(_HEAD_BYTES)[:_HEAD_BYTES]

    def random_access(self) -> Any:
        """An Arrow file to jump about in; what cannot jump is read into memory first."""
        return pa.PythonFile(self.stream, "r") if self.seekable else pa.BufferReader(self.stream.read())


@dataclass(frozen=True)
class DataFile:
    """One file that holds rows.

    Args:
        name: what messages call it, as the user wrote it.
        opener: opens its raw bytes.
    """

    name: str
    opener: Callable[[], Any]

    @property
    def suffix(self) -> str:
        """The lower-case ending that tells the format: ``reviews.csv.gz`` gives ``.csv``."""
        path = PurePath(self.name.lower())
        return (path.with_suffix("") if path.suffix in _COMPRESSED_SUFFIXES else path).suffix

    @contextmanager
    def open(self) -> Iterator[Opened]:
        """Its bytes after decompression, which its first bytes tell and not its name.

        Raises:
            DataError: it cannot be opened, or is cut or damaged while it is read.
        """
        try:
            with self.opener() as raw:
                yield _decompressed(raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw))
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise DataError(
                f"{self.name} cannot be read: {(str(error) or type(error).__name__).splitlines()[0]}. "
                f"Check that the file is whole (was its copy cut short?) and that you may read it."
            ) from error


def _decompressed(raw: io.BufferedReader) -> Opened:
    head = raw.peek(_HEAD_BYTES)
    for magic, decompress in _DECOMPRESSORS.items():
        if head.startswith(magic):
            return Opened(io.BufferedReader(decompress(raw)), seekable=False)
    return Opened(raw, raw.seekable())


def _by_arrow(codec: str) -> Callable[[io.BufferedReader], io.RawIOBase]:
    """A decompressor that the standard library lacks."""

    def decompress(raw: io.BufferedReader) -> io.RawIOBase:
        stream = pa.CompressedInputStream(pa.PythonFile(raw, "r"), codec)
        return ChunkFile(iter(lambda: stream.read(_BLOCK_BYTES), b""))

    return decompress


_DECOMPRESSORS: dict[bytes, Callable[[io.BufferedReader], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _by_arrow("zstd"),
    b"\x04\x22\x4d\x18": _by_arrow("lz4"),
}


def find_files(path: str | os.PathLike[str]) -> list[DataFile]:
    """The data files that a path, folder or fsspec URL stands for, in order of name.

    Raises:
        DataError: nothing is there, or a folder holds no data file.
    """
    text = os.fspath(path)
    return _find_remote(text) if "://" in text else _find_local(Path(text).expanduser(), text)


def _find_local(path: Path, name: str) -> list[DataFile]:
    if path.is_dir():
        inside = sorted(entry for entry in path.iterdir() if entry.is_file())
        return [_local_file(entry, str(entry)) for entry in _data_files(inside, name)]
    if not path.exists():
        siblings = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else None
        raise DataError(_missing(name, path.name, str(path.parent), siblings))
    return [_local_file(path, name)]


def _local_file(path: Path, name: str) -> DataFile:
    return DataFile(name, lambda: path.open("rb"))


def _find_remote(url: str) -> list[DataFile]:
    import fsspec  # slow to import, and few need it

    try:
        system, path = fsspec.core.url_to_fs(url)
        if system.isdir(path):
            inside = [Path(entry) for entry in sorted(system.ls(path, detail=False)) if system.isfile(entry)]
            scheme = url.split("://", 1)[0]
            chosen = [entry.as_posix() for entry in _data_files(inside, url)]
            return [_remote_file(system, entry, f"{scheme}://{entry.lstrip('/')}") for entry in chosen]
        if not system.exists(path):
            raise DataError(
                _missing(url, posixpath.basename(path), posixpath.dirname(path), _remote_names(system, path))
            )
    except DataError:
        raise
    except (ImportError, ValueError, OSError) as error:
        raise DataError(
            f"{url} cannot be opened: {error}. Check the address and that its driver is installed."
        ) from error
    return [_remote_file(system, path, url)]


def _remote_file(system: Any, path: str, name: str) -> DataFile:
    return DataFile(name, lambda: system.open(path, "rb"))


def _remote_names(system: Any, path: str) -> list[str] | None:
    try:
        return [posixpath.basename(entry) for entry in system.ls(posixpath.dirname(path), detail=False)]
    except (OSError, NotImplementedError):  # an address whose neighbours cannot be listed
        return None


def _data_files(entries: list[Path], folder: str) -> list[Path]:
    """Those of a folder's files that hold rows; all must be of one kind."""
    visible = [entry for entry in entries if not entry.name.startswith((".", "_"))]
    kinds = {entry: DataFile(entry.name, entry.open).suffix for entry in visible}
    chosen = [entry for entry in visible if kinds[entry] in TEXT_SUFFIXES | TABLE_SUFFIXES]
    found = sorted({kinds[entry] for entry in chosen})
    if not chosen:
        raise DataError(f"The folder {folder} holds no data file. Name a file, or a folder of: {FORMATS_READ}.")
    if len(found) > 1:
        raise DataError(
            f"The folder {folder} holds files of several kinds ({', '.join(found)}). "
            f"Name one file, or keep one kind in the folder."
        )
    return chosen


def _missing(name: str, leaf: str, folder: str, siblings: list[str] | None) -> str:
    if siblings is None:
        return f"There is no file {name}, nor a folder {folder} that could hold it. Check the path."
    near = difflib.get_close_matches(leaf, siblings, n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Check its spelling and the folder you are in."
    return f"There is no file {name}. {hint}"
