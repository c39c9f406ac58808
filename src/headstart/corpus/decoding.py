"""Bytes of a text file, whatever its encoding, as whole lines of UTF-8.

Nearly every file is UTF-8 already, so the common path only checks that and copies nothing. Files from
spreadsheets and old scrapers mix encodings: bytes that are no UTF-8 are read as Windows-1252, one by one,
so that the rest of their line stays right, and the lines are counted. A file that this would turn into gibberish
is refused: its encoding has to be named. UTF-16 and UTF-32 are recognised by their byte-order mark.
"""

import codecs
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from headstart.errors import DataError

CHUNK_BYTES = 2 << 20
"""How much is read at a time; a chunk grows beyond it only to hold one whole line."""
LONGEST_LINE = 64 << 20
"""A line, or an element of a JSON array, may have this many bytes."""

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
_CONTROLS = bytes({*range(32)} - {*b"\t\n\v\f\r\x1b"})
_ASCII_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123))
_NEWLINE, _RETURN = ord("\n"), ord("\r")
_PROBE_BYTES = 8192
_MAX_CONTROLS = 0.05
# In languages that Windows-1252 can write, at most a sixth of the letters are accented; in the bytes of Chinese,
# Japanese, Korean or Cyrillic text nearly all are beyond ASCII.
_MAX_ACCENTED = 0.4
_MIN_ACCENTED = 4
_EXPECTED = "Expected CSV, TSV, JSON lines, Parquet or Arrow"


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


def decoded_head(head: bytes, encoding: str | None) -> str:
    """The first bytes of a file as text without a mark, as far as they are any."""
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    return head.decode(encoding or marked, "ignore").removeprefix("\ufeff")


def utf8_chunks(
    stream: BinaryIO, name: str, counts: Counter[str], encoding: str | None = None, *, after: bytes = b"\n"
) -> Iterator[bytes]:
    """Whole lines of ``stream`` as UTF-8 without a mark, about ``CHUNK_BYTES`` at a time.

    ``counts["n_bad_encoding"]`` grows by one for each line that was repaired.

    Args:
        stream: the bytes.
        name: what messages call them.
        counts: grows while reading.
        encoding: what the bytes are in; None takes UTF-8, or what their mark says.
        after: the ASCII character after which chunks are cut; where it is no line end, lines may be of any length.

    Raises:
        DataError: the file is binary, is not in its encoding, or has a line longer than ``LONGEST_LINE``; with
            file and line.
    """
    for chunk, n_lines in _whole_lines(_transcoded(stream, name, encoding), name, after):
        _refuse_binary(chunk, name, n_lines)
        yield chunk if chunk.isascii() or _is_utf8(chunk) else _repaired(chunk, name, n_lines, counts)


def count_lines(chunk: bytes) -> int:
    """How many line ends a chunk of whole lines has; they are ``\\n``, ``\\r\\n`` or, in an old file, ``\\r``."""
    values = np.frombuffer(chunk, np.uint8)  # NumPy counts four times as fast as bytes.count
    return int(np.count_nonzero(values == _NEWLINE) or np.count_nonzero(values == _RETURN))


def _is_utf8(chunk: bytes) -> bool:
    """Look without making a string: Arrow does it four times as fast as ``bytes.decode``."""
    try:
        offsets = pa.py_buffer(np.array([0, len(chunk)], np.int64))
        pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(chunk)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def refuse_binary(head: bytes, name: str) -> None:
    """Refuse the beginning of a file that is no text, before more of it is waited for.

    Raises:
        DataError: it holds zero bytes without being UTF-16 or UTF-32, or mostly control characters.
    """
    if not head.startswith(tuple(mark for mark, _ in _MARKS)):
        _refuse_binary(head, name, 0)


def _transcoded(stream: BinaryIO, name: str, encoding: str | None) -> Iterator[bytes]:
    """Blocks of the stream, its mark removed, as UTF-8 if it was in a known other encoding."""
    block = stream.read(max(CHUNK_BYTES, len(codecs.BOM_UTF32_LE)))
    mark, marked = next(((mark, name) for mark, name in _MARKS if block.startswith(mark)), (b"", "utf-8"))
    if encoding is None and marked == "utf-8":
        yield block[len(mark) :]
        while block := stream.read(CHUNK_BYTES):
            yield block
        return
    if encoding is not None and marked == "utf-8":
        block = block[len(mark) :]
    decoder = codecs.getincrementaldecoder(encoding or marked)()
    n_lines = 0
    try:
        first = True
        while block:
            text = decoder.decode(block)
            yield (text.removeprefix("\ufeff") if first else text).encode("utf-8")
            n_lines += text.count("\n")
            first = False
            block = stream.read(CHUNK_BYTES)
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        if encoding is None:
            raise DataError(
                f"{name} starts with the mark of {marked.upper()} but does not hold it throughout ({error}). "
                f"Save the file again as UTF-8."
            ) from error
        raise DataError(
            f"{name}, about line {n_lines + _lines_before(error)}, is not {encoding} ({error.args[-1]}). "
            f"Name another encoding with --encoding (encoding= in Python), or save the file again as UTF-8."
        ) from error


def _lines_before(error: UnicodeError) -> int:
    if not isinstance(error, UnicodeDecodeError):
        return 1
    return 1 + error.object[: error.start].decode(error.encoding, "replace").count("\n")


def _whole_lines(blocks: Iterator[bytes], name: str, after: bytes) -> Iterator[tuple[bytes, int]]:
    """The same bytes, cut after line ends only, or after another character; with how many lines came before."""
    pending: list[bytes] = []
    n_pending = n_lines = 0
    for block in blocks:
        # A carriage return alone ends a line too, unless the line feed that belongs to it comes with the next block.
        cut = block.rfind(after) + 1 or block.rfind(b"\r", 0, max(len(block) - 1, 0)) + 1
        if not cut:
            pending.append(block)
            n_pending += len(block)
            if n_pending > LONGEST_LINE:
                raise DataError(
                    f"{name}, line {n_lines + 1}, is longer than {LONGEST_LINE >> 20} MB, which no row of a table is. "
                    f"Check that the file is text with line ends."
                )
            continue
        whole = b"".join((*pending, memoryview(block)[:cut]))
        yield whole, n_lines
        n_lines += count_lines(whole)
        pending = [block[cut:]]
        n_pending = len(pending[0])
    if rest := b"".join(pending):
        yield rest, n_lines


def _refuse_binary(chunk: bytes, name: str, n_lines_before: int) -> None:
    position = chunk.find(b"\0")
    if position >= 0:
        line = n_lines_before + chunk.count(b"\n", 0, position) + 1
        raise DataError(
            f"{name}, line {line}, holds a zero byte: the file looks binary, or is UTF-16 without its mark. "
            f"{_EXPECTED}; save the text as UTF-8, or name its encoding, such as --encoding utf-16-le."
        )
    if n_lines_before:
        return
    probe = chunk[:_PROBE_BYTES]
    n_controls = len(probe) - len(probe.translate(None, _CONTROLS))
    if n_controls > _MAX_CONTROLS * len(probe):
        raise DataError(
            f"{name} looks binary: {n_controls} of its first {len(probe)} bytes are control characters. {_EXPECTED}."
        )


def _repaired(chunk: bytes, name: str, n_lines_before: int, counts: Counter[str]) -> bytes:
    """The chunk itself when it is UTF-8; else each bad line repaired and counted.

    Raises:
        DataError: the lines are in another encoding than Windows-1252.
    """
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError as error:
        raw = chunk.splitlines(keepends=True)
        lines = [decode_or_repair(line) for line in raw]
        bad = [line for line, (_, repaired) in zip(raw, lines, strict=True) if repaired]
        counts[BAD_ENCODING] += len(bad)
        n_good = sum(not line.isascii() for line in raw) - len(bad)
        if len(bad) > n_good and _is_foreign(bad):
            line = n_lines_before + chunk.count(b"\n", 0, error.start) + 1
            raise DataError(
                f"{name} is not UTF-8: line {line} is the first of {counts[BAD_ENCODING]:,} lines so far whose bytes are no "
                "letters in it, and read as Windows-1252 nearly all letters would be accented. Name the encoding with "
                "--encoding (encoding= in Python), such as gb18030, big5, shift_jis, euc-kr or cp1251, or cp1252 if that is "
                "what it is."
            ) from error
        return "".join(line for line, _ in lines).encode("utf-8")
    return chunk


def _is_foreign(lines: list[bytes]) -> bool:
    """Whether most letters of these lines are beyond ASCII and no UTF-8."""
    joined = b"\n".join(lines)
    n_bad = len(joined) - len(joined.decode("utf-8", "ignore").encode())
    n_letters = len(joined) - len(joined.translate(None, _ASCII_LETTERS))
    return n_bad >= _MIN_ACCENTED and n_bad > _MAX_ACCENTED * (n_bad + n_letters)


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
