"""Open data files: plain or compressed, on disk, at an address or through a pipe; nothing unpacks without a limit."""

import bz2
import gzip
import io
import lzma
import stat
import sys
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa

from headstart.corpus.decoding import ChunkFile
from headstart.errors import DataError

COMPRESSED_SUFFIXES = {".gz", ".bz2", ".xz", ".zst", ".lz4"}
FORMATS_READ = "CSV, TSV, JSON lines, JSON arrays, Parquet and Arrow or Feather, plain or as .gz, .bz2, .xz, .zst, .lz4"

STDIN = "-"
"""The path that stands for standard input."""

FREE_BYTES = 256 << 20
"""A compressed file may unpack to this much, whatever its size; what a gigabyte of zeros packs into is no data."""
LARGEST_RATIO = 200
"""Beyond `FREE_BYTES`, a file may unpack to this many times its own size. Text packs three to twenty times."""

_HEAD_BYTES = 4096
_BLOCK_BYTES = 1 << 20
_STDIN_READ: "weakref.WeakSet[Any]" = weakref.WeakSet()


@dataclass
class Opened:
    """An open file.

    Args:
        stream: its bytes after decompression.
        seekable: whether jumping in it is cheap.
        name: what messages call it.
        closing: closes what was opened on the way.
    """

    stream: io.BufferedReader
    seekable: bool
    name: str
    closing: ExitStack

    def head(self) -> bytes:
        """Its first bytes, left where they are."""
        return self.stream.peek(_HEAD_BYTES)[:_HEAD_BYTES]

    def random_access(self) -> Any:
        """An Arrow file to jump about in; what cannot jump is copied to the temporary folder first."""
        if self.seekable:
            return pa.PythonFile(self.stream, "r")
        return pa.PythonFile(self.closing.enter_context(_copied(self.stream, self.name)), "r")


@dataclass(frozen=True)
class DataFile:
    """One file that holds rows.

    Args:
        name: what messages call it, as the user wrote it.
        opener: opens its raw bytes.
        format: the format that it is said to be in; None where the file tells.
        partition: columns that its folders name, as in ``year=2024/``, and their values; None stands for a null.
        again: whether it can be opened a second time, which a pipe cannot.
        rows: of Parquet, the first row to read and the one after the last; None for all.
    """

    name: str
    opener: Callable[[], Any]
    format: str | None = None
    partition: dict[str, str | None] = field(default_factory=dict)
    again: bool = True
    rows: tuple[int, int] | None = None

    @property
    def suffix(self) -> str:
        """The lower-case ending that tells the format: ``reviews.csv.gz`` gives ``.csv``."""
        path = PurePath(self.name.lower())
        return (path.with_suffix("") if path.suffix in COMPRESSED_SUFFIXES else path).suffix

    @contextmanager
    def open(self) -> Iterator[Opened]:
        """Its bytes after decompression, which its first bytes tell and not its name.

        Raises:
            DataError: it cannot be opened, is cut or damaged while it is read, or unpacks to far too much.
        """
        try:
            with ExitStack() as closing:
                raw = closing.enter_context(self.opener())
                yield _decompressed(
                    raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw), self.name, closing
                )
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise DataError(
                f"{self.name} cannot be read: {(str(error) or type(error).__name__).splitlines()[0].rstrip('.')}. "
                f"Check that the file is whole (was its copy cut short?) and that you may read it."
            ) from error

    @contextmanager
    def reopenable(self) -> Iterator["DataFile"]:
        """The file itself, or a copy of what a pipe gives, which can be opened again and again."""
        if self.again:
            yield self
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows"
            with self.opener() as stream, path.open("wb") as copy:
                _copy(stream, copy, self.name)
            yield DataFile(self.name, lambda: path.open("rb"), self.format, self.partition)


def local_file(path: Path, name: str, format: str | None = None) -> DataFile:
    """A file on disk, or a pipe.

    Raises:
        DataError: it is a device or a socket.
        OSError: it cannot be looked at.
    """
    mode = path.stat().st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        what = "a socket" if stat.S_ISSOCK(mode) else "a device, which may never end"
        raise DataError(
            f"{name} is {what}, not a file of rows. Name a file, a folder, a pipe, or - for standard input."
        )
    return DataFile(name, lambda: path.open("rb"), format, again=not stat.S_ISFIFO(mode))


def standard_input(format: str | None = None) -> DataFile:
    """The rows that come through standard input.

    Raises:
        DataError: there is none, or it was read before.
    """
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise DataError("Standard input is closed, so - holds no rows. Pipe the rows in, or name a file.")
    if stream in _STDIN_READ:
        raise DataError("Standard input was named twice, and can be read only once. Write its rows to a file first.")
    _STDIN_READ.add(stream)
    return DataFile("standard input", lambda: io.BufferedReader(_Rewound(stream)), format, again=False)


@contextmanager
def _copied(stream: object, name: str) -> Iterator[Any]:
    """A copy of the rest of a stream in the temporary folder, at its beginning; gone afterwards."""
    with tempfile.TemporaryFile() as copy:
        _copy(stream, copy, name)
        copy.seek(0)
        yield copy


def _copy(stream: Any, copy: Any, name: str) -> None:
    while block := stream.read(_BLOCK_BYTES):
        try:
            copy.write(block)
        except OSError as error:
            raise DataError(
                f"{name} cannot be read in place and has to be copied into {tempfile.gettempdir()}, which failed: "
                f"{error.strerror}. Make room there, set TMPDIR to another folder, or unpack the file yourself."
            ) from error


class _Rewound(io.RawIOBase):
    """Reads a stream that stays open when this is closed."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._stream.read1(len(view))
        view[: len(data)] = data
        return len(data)


class _Counted(io.RawIOBase):
    """Counts the bytes that are read from a file."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.n_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        n = int(self._file.readinto(buffer) or 0)
        self.n_read += n
        return n


class _Unpacked(io.RawIOBase):
    """What a decompressor gives, as long as it stays in proportion to what went in."""

    def __init__(self, stream: Any, packed: _Counted, name: str) -> None:
        self._stream, self._packed, self._name = stream, packed, name
        self._n_out = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        n = self._stream.readinto(buffer) or 0
        self._n_out += n
        if self._n_out > FREE_BYTES and self._n_out > LARGEST_RATIO * self._packed.n_read:
            raise DataError(
                f"{self._name} unpacks to more than {LARGEST_RATIO} times its size ({self._n_out >> 20:,} MB so far), "
                f"as no table does that people write. Unpack it yourself and pass the plain file if it is right."
            )
        return int(n)


def _decompressed(raw: io.BufferedReader, name: str, closing: ExitStack) -> Opened:
    head = raw.peek(_HEAD_BYTES)
    for magic, decompress in _DECOMPRESSORS.items():
        if head.startswith(magic):
            packed = _Counted(raw)
            unpacked = _Unpacked(decompress(io.BufferedReader(packed, _BLOCK_BYTES)), packed, name)
            return Opened(io.BufferedReader(unpacked, _BLOCK_BYTES), False, name, closing)
    return Opened(raw, raw.seekable(), name, closing)


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
