"""Bytes of a text file, whatever its encoding, as whole lines of UTF-8.

Nearly every file is UTF-8 already, so the common path only checks that and copies nothing. Files from
spreadsheets and old scrapers mix encodings: bytes that are no UTF-8 are read as Windows-1252, one by one,
so that the rest of their line stays right, and the lines are counted. UTF-16 and UTF-32 are recognised by
their byte-order mark.
"""

import codecs
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from headstart.errors import DataError

CHUNK_BYTES = 2 << 20
"""How much is read at a time; a chunk grows beyond it only to hold one whole line."""

BAD_ENCODING = "n_bad_encoding"
"""The count of lines (in a table: cells) that held bytes which are no UTF-8."""

# UTF-32's mark starts with UTF-16's: the longer ones come first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HANDLER = "headstart.windows-1252"
_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1b")
_PROBE_BYTES = 8192
_MAX_CONTROLS = 0.05


def _windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Read the bytes that stopped the UTF-8 decoder as Windows-1252; its five gaps as Latin-1."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(_decode_byte(byte) for byte in bad), error.end


def _decode_byte(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


codecs.register_error(_HANDLER, _windows_1252)


def decode_or_repair(data: bytes) -> tuple[str, bool]:
    """Decode UTF-8; bytes that are none become Windows-1252. Says whether any were."""
    try:
        return data.decode("utf-8"), False
    except UnicodeDecodeError:
        return data.decode("utf-8", _HANDLER), True


def utf8_chunks(stream: BinaryIO, name: str, counts: Counter[str]) -> Iterator[bytes]:
    """Whole lines of ``stream`` as UTF-8 without a mark, about ``CHUNK_BYTES`` at a time.

    ``counts["n_bad_encoding"]`` grows by one for each line that was repaired.

    Raises:
        DataError: the file is binary, or its UTF-16 or UTF-32 is damaged; with file and line.
    """
    n_lines = 0
    for chunk in _whole_lines(_transcoded(stream, name)):
        _refuse_binary(chunk, name, n_lines)
        n_lines += chunk.count(b"\n")
        yield _repaired(chunk, counts)


def _transcoded(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Blocks of the stream, its mark removed and UTF-16 or UTF-32 turned into UTF-8."""
    block = stream.read(CHUNK_BYTES)
    mark, encoding = next(((mark, name) for mark, name in _MARKS if block.startswith(mark)), (b"", "utf-8"))
    if encoding == "utf-8":
        yield block[len(mark) :]
        while block := stream.read(CHUNK_BYTES):
            yield block
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block:
            yield decoder.decode(block).encode("utf-8")
            block = stream.read(CHUNK_BYTES)
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise DataError(
            f"{name} starts with the mark of {encoding.upper()} but does not hold it throughout ({error}). "
            f"Save the file again as UTF-8."
        ) from error


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, cut after line ends only."""
    pending: list[bytes] = []
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if not cut:
            pending.append(block)
            continue
        yield b"".join((*pending, block[:cut]))
        pending = [block[cut:]]
    if rest := b"".join(pending):
        yield rest


def _refuse_binary(chunk: bytes, name: str, n_lines_before: int) -> None:
    position = chunk.find(b"\0")
    if position >= 0:
        line = n_lines_before + chunk.count(b"\n", 0, position) + 1
        raise DataError(
            f"{name}, line {line}, holds a zero byte: the file looks binary, or is UTF-16 without its mark. "
            f"Expected CSV, TSV, JSON lines, Parquet or Arrow; save the text as UTF-8."
        )
    if n_lines_before:
        return
    probe = chunk[:_PROBE_BYTES]
    n_controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in probe)
    if n_controls > _MAX_CONTROLS * len(probe):
        raise DataError(
            f"{name} looks binary: {n_controls} of its first {len(probe)} bytes are control characters. "
            f"Expected CSV, TSV, JSON lines, Parquet or Arrow."
        )


def _repaired(chunk: bytes, counts: Counter[str]) -> bytes:
    """The chunk itself when it is UTF-8; else each bad line repaired and counted."""
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError:
        lines = [decode_or_repair(line) for line in chunk.splitlines(keepends=True)]
        counts[BAD_ENCODING] += sum(bad for _, bad in lines)
        return "".join(line for line, _ in lines).encode("utf-8")
    return chunk


class ChunkFile(io.RawIOBase):
    """A readable file over chunks of bytes, for parsers that want a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill as much of ``buffer`` as the rest of a chunk does; 0 at the end."""
        if not self._rest:
            self._rest = memoryview(next((chunk for chunk in self._chunks if chunk), b""))
        n = min(len(buffer), len(self._rest))
        memoryview(buffer).cast("B")[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n
