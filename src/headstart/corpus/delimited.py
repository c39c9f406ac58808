"""CSV and TSV by Arrow's parser; what it refuses is looked up again, slowly, to name the line."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, groupby, islice
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv as arrow_csv

from headstart.corpus.decoding import CHUNK_BYTES, ChunkFile, count_lines, utf8_chunks
from headstart.corpus.opening import DataFile, Opened
from headstart.corpus.quoting import Part, Quoting
from headstart.corpus.request import Request
from headstart.errors import DataError

BLOCK_BYTES = 16 << 20
"""Arrow parses in blocks of this size and reads a few of them ahead; no row may be longer."""

_DELIMITERS = {".tsv": "\t", ".tab": "\t"}
_HEADER_BYTES = 1 << 20
_EXCEL_LINE = re.compile(r'"?sep=(.)"?(?:\r\n|\n|\r|$)', re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|$)")


class _Header(NamedTuple):
    """What the first lines say: the delimiter, the names of the columns, and over how many bytes and lines."""

    delimiter: str
    names: list[str]
    n_bytes: int
    n_lines: int


def csv_tables(opened: Opened, file: DataFile, request: Request) -> Iterator[pa.Table]:
    """Blocks of rows, every cell the string that stands there: types are inferred later, over whole columns.

    A cell without a single character is null; one with nothing between its quotation marks is an empty string. In
    a file of one column every line is a row, a blank one too.

    Raises:
        DataError: a row with too few or too many cells, a quotation mark never closed; with file and line.
    """
    chunks = utf8_chunks(opened.stream, file.name, request.counts, request.options.encoding)
    first = next(chunks)
    start = len(first) - len(first.lstrip(b"\r\n"))
    end = first.find(b"\n", start)
    over_lines = first.count(b'"', start, end if end >= 0 else len(first)) % 2
    while over_lines and first.count(b'"') % 2 and len(first) < _HEADER_BYTES and (more := next(chunks, b"")):
        first += more
    header = _header(first, file, request)
    names = request.select(header.names, file.name)
    returns = first[: header.n_bytes].endswith(b"\r\n")
    quoting = Quoting(
        file.name,
        header.delimiter,
        header.names,
        str(request.options.quoting),
        header.n_lines,
        returns=returns,
        counts=request.counts,
    )
    rows = chain([first[header.n_bytes :]], chunks)
    n_rows = 0
    # A file that says how it quotes only later is parsed in two runs.
    for quoted, parts in groupby(quoting.parts(rows), key=lambda part: part.quoted):
        ragged = _RaggedRows()
        try:
            for batch in _parsed(parts, quoted, header, names, ragged):
                n_rows += batch.num_rows
                yield pa.Table.from_batches([batch]).rename_columns(names)
        except pa.ArrowInvalid as error:
            raise DataError(_fault(error, ragged.rows, file, request, header, n_rows)) from error


def _parsed(parts: Iterator[Part], quoted: bool, header: _Header, names: list[str], ragged: "_RaggedRows") -> Any:
    """Arrow's reader over some parts of a file."""
    # Arrow gets a header of its own: it would take a mark of byte order off the first row, and wants one name a column.
    places = [str(place) for place in range(len(header.names))]
    wanted = [places[header.names.index(name)] for name in names]
    line = header.delimiter.join(places).encode() + b"\n"
    data = chain([line], (part.data for part in parts))
    return arrow_csv.open_csv(
        pa.PythonFile(io.BufferedReader(ChunkFile(data), CHUNK_BYTES), "r"),
        arrow_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        arrow_csv.ParseOptions(
            delimiter=header.delimiter,
            quote_char='"' if quoted else False,
            double_quote=quoted,
            newlines_in_values=quoted,
            ignore_empty_lines=len(header.names) > 1,
            invalid_row_handler=ragged,
        ),
        arrow_csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.large_string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


class _RaggedRows:
    """Keeps the rows that Arrow refuses; refusing the first ends the parse."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def __call__(self, row: object) -> str:
        self.rows.append(row)
        return "error"


def _header(chunk: bytes, file: DataFile, request: Request) -> _Header:
    text = chunk[:_HEADER_BYTES].decode("utf-8", "ignore")
    start = len(text) - len(text.lstrip("\r\n"))
    delimiter = request.options.delimiter
    if excel := _EXCEL_LINE.match(text, start):
        delimiter = delimiter or excel[1]
        start = excel.end()
    line = _LINE.match(text, start)
    first = line[0].rstrip("\r\n") if line else ""
    by_name = "\t" if file.format == "tsv" else _DELIMITERS.get(file.suffix)
    delimiter = delimiter or by_name or _likely_delimiter(first)
    end = start + len(line[0] if line else "")
    if request.options.quoting == "none":
        names = first.split(delimiter)
    else:
        names, end = _quoted_names(text, start, delimiter, file.name)
    begun = text[:end].encode()
    return _Header(delimiter, names, len(begun), count_lines(begun))


def _quoted_names(text: str, start: int, delimiter: str, name: str) -> tuple[list[str], int]:
    """The cells of the row that begins at `start`, and where the next one begins."""
    reader = csv.reader(_lines(text, start), delimiter=delimiter)
    try:
        names = next(reader, [""])
    except csv.Error as error:
        raise DataError(
            f"{name}, line 1, is no list of column names ({error}). Give the file a first line that names them."
        ) from error
    lines = list(islice(_lines(text, start), reader.line_num))
    counts = {line.count(delimiter) for line in lines}
    if len(lines) > 1 and text.find(delimiter, start) >= 0 and counts == {lines[0].count(delimiter)}:
        raise DataError(
            f"{name}, line 1, opens a quotation mark that is closed in line {len(lines)}, and each of these lines would "
            f"be a row of its own. Close it, or say --quoting none if quotation marks are part of the names."
        )
    return names, start + sum(map(len, lines))


def _lines(text: str, start: int) -> Iterator[str]:
    """The lines from a place on, with their ends."""
    while start < len(text) and (line := _LINE.match(text, start)):
        yield line[0]
        start = line.end()


def _likely_delimiter(header: str) -> str:
    """The mark that cuts the column names most often; of equals the comma first, then as spreadsheets write."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(",\t;|", key=bare.count)


def _fault(error: Exception, ragged: list[Any], file: DataFile, request: Request, header: _Header, n_rows: int) -> str:
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
    place = f"line {_line_of(row.text, file, request)}" if file.again else f"row {n_rows + (row.number or 2) - 1}"
    return (
        f"{file.name}, {place}, holds {cells} where the header names {len(header.names)} "
        f"columns: {row.text[:60]!a}. Put quotation marks around cells that hold {header.delimiter!r}, or complete "
        f"the line; if the cells are parted by another character, name it with --delimiter."
    )


def _line_of(row: str, file: DataFile, request: Request) -> int:
    """The number of the line at which a row's text begins."""
    sought = re.split(r"[\r\n]", row, maxsplit=1)[0].encode()
    with file.open() as opened:
        chunks = utf8_chunks(opened.stream, file.name, Counter(), request.options.encoding)
        lines = chain.from_iterable(chunk.splitlines() for chunk in chunks)
        return next((number for number, line in enumerate(lines, 1) if line == sought), 0)
