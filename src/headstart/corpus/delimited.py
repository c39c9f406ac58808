"""CSV and TSV by Arrow's parser; what it refuses is looked up again, slowly, to name the line."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import pyarrow as pa

from headstart.corpus.decoding import CHUNK_BYTES, ChunkFile, utf8_chunks
from headstart.corpus.opening import DataFile, Opened
from headstart.corpus.request import Request
from headstart.errors import DataError

BLOCK_BYTES = 16 << 20
"""Arrow parses in blocks of this size and reads a few of them ahead; no row may be longer."""

_DELIMITERS = {".tsv": "\t", ".tab": "\t"}
_HEADER_BYTES = 1 << 20


class _Header(NamedTuple):
    delimiter: str
    names: list[str]


def csv_tables(opened: Opened, file: DataFile, request: Request) -> Iterator[pa.Table]:
    """Blocks of rows, every cell the string that stands there: types are inferred later, over whole columns.

    An empty cell is an empty string, and so is a null: CSV cannot tell them apart.

    Raises:
        DataError: a row with too few or too many cells, a quotation mark never closed; with file and line.
    """
    import pyarrow.csv as arrow_csv

    chunks = utf8_chunks(opened.stream, file.name, request.counts)
    first = next(chunks)
    header = _header(first, file)
    names = request.select(header.names, file.name)
    ragged = _RaggedRows()
    try:
        reader = arrow_csv.open_csv(
            _as_file(first, chunks),
            arrow_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            arrow_csv.ParseOptions(delimiter=header.delimiter, newlines_in_values=True, invalid_row_handler=ragged),
            arrow_csv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.large_string())),
        )
        for batch in reader:
            yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid as error:
        raise DataError(_fault(error, ragged.rows, file, header)) from error


def _as_file(first: bytes, rest: Iterator[bytes]) -> Any:
    """The chunks as a file for Arrow, which wants a line end after the header even when nothing follows."""
    if not first.endswith((b"\n", b"\r")):
        first += b"\n"
    return pa.PythonFile(io.BufferedReader(ChunkFile(chain([first], rest)), CHUNK_BYTES), "r")


class _RaggedRows:
    """Keeps the rows that Arrow refuses; refusing the first ends the parse."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def __call__(self, row: Any) -> str:
        self.rows.append(row)
        return "error"


def _header(chunk: bytes, file: DataFile) -> _Header:
    text = chunk[:_HEADER_BYTES].decode("utf-8", "ignore").lstrip("\r\n")
    delimiter = _DELIMITERS.get(file.suffix) or _likely_delimiter(re.split(r"[\r\n]", text, maxsplit=1)[0])
    try:
        return _Header(delimiter, next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)))
    except csv.Error as error:
        raise DataError(
            f"{file.name}, line 1, is no list of column names ({error}). Give the file a first line that names them."
        ) from error


def _likely_delimiter(header: str) -> str:
    """The comma, unless there is none and another mark cuts the column names: spreadsheets write semicolons."""
    return next((mark for mark in ",\t;|" if mark in header), ",")


def _fault(error: Exception, ragged: list[Any], file: DataFile, header: _Header) -> str:
    """What is wrong with the file, and at which line."""
    if "straddling" in str(error):
        return (
            f"{file.name} holds a row longer than {BLOCK_BYTES >> 20} MB, which mostly means a quotation mark "
            f"that is never closed. Close it, or write the file as Parquet or JSON lines."
        )
    if not ragged:
        reason = str(error).splitlines()[0].rstrip(".")
        return f"{file.name} cannot be read as CSV: {reason}. Check its quotation marks and delimiters."
    row = ragged[0]
    cells = "1 cell" if row.actual_columns == 1 else f"{row.actual_columns} cells"
    remedy = (
        "A quotation mark opened there seems never to be closed: close it."
        if "\n" in row.text
        else f"Put quotation marks around cells that hold {header.delimiter!r}, or complete the line."
    )
    return (
        f"{file.name}, line {_line_of(row.text, file)}, holds {cells} where the header names {len(header.names)} "
        f"columns: {row.text[:60]!a}. {remedy}"
    )


def _line_of(row: str, file: DataFile) -> int:
    """The number of the line at which a row's text begins."""
    sought = re.split(r"[\r\n]", row, maxsplit=1)[0].encode()
    with file.open() as opened:
        chunks = utf8_chunks(opened.stream, file.name, Counter())
        lines = chain.from_iterable(chunk.splitlines() for chunk in chunks)
        return next((number for number, line in enumerate(lines, 1) if line == sought), 0)
