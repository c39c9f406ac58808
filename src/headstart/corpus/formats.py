"""Files of each format as Arrow tables, batch after batch, in the order of their rows.

Binary formats are told by their first bytes, text formats by what they are said to be, by the file's ending and,
failing that, by its first character. Each reader takes only the columns it is asked for and holds a few megabytes at
a time. What leaves here is sound: every batch was validated.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from headstart.corpus.column_types import as_raw
from headstart.corpus.decoding import decoded_head, refuse_binary
from headstart.corpus.delimited import csv_tables
from headstart.corpus.json_rows import JsonTables, json_tables
from headstart.corpus.opening import FORMATS_READ, DataFile, Opened
from headstart.corpus.request import Request
from headstart.corpus.validating import PIECE_BYTES, pieces, validated
from headstart.errors import DataError

_BLANKS = b"\xef\xbb\xbf \t\r\n"
_DELIMITED = {".csv", ".tsv", ".tab"}
_JSON = {".jsonl", ".ndjson", ".json"}
_PICKLE = "a pickle, which can run code when it is opened: write the table as Parquet"
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"%PDF": "a PDF: extract its texts into CSV or JSON lines",
    b"SQLite format 3": "a SQLite database: export the table to CSV or Parquet",
    b"FEA1": "an old Feather file (version 1): write it again with a current pyarrow or pandas",
    b"\x89HDF": "an HDF5 file: export the table to Parquet",
    b"\x93NUMPY": "a NumPy array: pass the array itself, or write the texts to CSV or Parquet",
    **{b"\x80" + bytes([protocol]) + b"\x95": _PICKLE for protocol in (4, 5)},
}
_PARQUET_ROWS = 1024
"""Parquet is decoded so many rows at a time: of a long text that stands in every row, a file holds only one."""


class Batch(NamedTuple):
    """Rows of a file.

    ``kept`` holds the columns to keep as they are written, where these differ from the table's. ``typed`` is False
    when every cell is a string because the format knows no types; ``steady`` when the file has one type a column.
    """

    table: pa.Table
    kept: pa.Table
    typed: bool
    steady: bool


def read_batches(file: DataFile, request: Request) -> Iterator[Batch]:
    """The file's rows in order, in batches of at most ``request.batch_rows``.

    Raises:
        DataError: the file cannot be read as any format; with file, and line where it has lines.
    """
    request.partition, request.folder = file.partition, Path(file.name).parent
    with file.open() as opened:
        reader = _reader_for(opened.head(), file, request)
        for rows in reader.tables(opened, file, request):
            table, kept = (rows.table, rows.kept) if isinstance(rows, JsonTables) else (rows, None)
            yield from _sound_batches(table, kept, reader, file.name, request)


def table_batches(table: pa.Table, where: str, request: Request) -> Iterator[Batch]:
    """The rows of a table in memory, in the same way."""
    names = request.select(table.column_names, where)
    yield from _sound_batches(table.select(names), None, _IN_MEMORY, where, request)


def _sound_batches(
    table: pa.Table, kept: pa.Table | None, reader: "_Reader", where: str, request: Request
) -> Iterator[Batch]:
    # What a file says of its columns next to their types is not ours.
    fields = [pa.field(field.name, field.type) for field in table.schema]
    columns = validated(table, where, request.counts)
    if not reader.typed:
        fields = [as_raw(field) for field in fields]
    for name, value in request.partition.items():
        if name in request.chosen and name not in table.column_names:
            fields.append(as_raw(pa.field(name, pa.large_string())))
            columns.append(pa.repeat(pa.scalar(value, pa.large_string()), table.num_rows))
    table = pa.table(columns, schema=pa.schema(fields))
    start = 0
    for piece in pieces(table, request.batch_rows):
        others = piece.select(list(request.kept)) if kept is None else kept.slice(start, len(piece))
        yield Batch(piece, others, reader.typed, reader.steady)
        start += len(piece)


class _Reader(NamedTuple):
    tables: Callable[[Opened, DataFile, Request], Iterator[Any]]
    typed: bool
    steady: bool


_IN_MEMORY = _Reader(lambda *_: iter(()), typed=True, steady=True)


def _reader_for(head: bytes, file: DataFile, request: Request) -> _Reader:
    """What reads a file that begins so."""
    if not head.strip(_BLANKS):
        once = "" if file.again else "; a pipe can be read only once"
        raise DataError(
            f"{file.name} is empty or begins with nothing but blanks{once}. Expected a data file: {FORMATS_READ}."
        )
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise DataError(f"{file.name} is {what}. What can be read: {FORMATS_READ}.")
    if head.startswith(b"PAR1"):
        return _Reader(_parquet_tables, typed=True, steady=True)
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return _Reader(_arrow_tables, typed=True, steady=True)
    if file.format in ("parquet", "arrow"):
        raise DataError(
            f"{file.name} is no {file.format} file: it begins with {head[:8]!r}. Check --format, or leave it out."
        )
    if request.options.encoding is None:
        refuse_binary(head, file.name)
    if file.format is not None:
        is_json = file.format in ("jsonl", "json")
    else:
        begins = decoded_head(head, request.options.encoding).lstrip()[:1]
        is_json = file.suffix in _JSON or (begins in ("{", "[") and file.suffix not in _DELIMITED)
    return _Reader(json_tables if is_json else csv_tables, typed=is_json, steady=False)


def _parquet_tables(opened: Opened, file: DataFile, request: Request) -> Iterator[pa.Table]:
    with _told(file):
        parquet = pq.ParquetFile(opened.random_access())
        names = request.select(parquet.schema_arrow.names, file.name)
        waiting: list[Any] = []
        start, skipped = 0, 0
        groups: list[int] | None = None
        if file.rows is not None:
            start, groups, skipped = _groups_with(parquet.metadata, *file.rows)
        for batch in _cut(
            parquet.iter_batches(batch_size=_PARQUET_ROWS, columns=names, row_groups=groups),
            skipped, file.rows and file.rows[1] - start, start, request.batch_rows,
        ):  # fmt: skip
            waiting.append(batch)
            start += len(batch)
            if start % request.batch_rows == 0 or sum(one.nbytes for one in waiting) >= PIECE_BYTES:
                yield pa.Table.from_batches(waiting).select(names)
                waiting = []
        if waiting:
            yield pa.Table.from_batches(waiting).select(names)


def _groups_with(metadata: Any, first: int, end: int) -> tuple[int, list[int], int]:
    """Return the first of some rows, the row groups that they stand in, and how many rows of these stand before it."""
    groups: list[int] = []
    place = skipped = 0
    for number in range(metadata.num_row_groups):
        n = metadata.row_group(number).num_rows
        if place < end and place + n > first:
            skipped = skipped if groups else first - place
            groups.append(number)
        place += n
    return first, groups, skipped


def _cut(batches: Iterable[Any], skipped: int, n: int | None, start: int, every: int) -> Iterator[Any]:
    """Yield batches without their first rows, up to `n` in all, cut where the number of a row is a multiple of `every`.

    So rows stand in the same company whether a file is read as a whole or in parts that begin at such a number.
    """
    for batch in batches:
        rest = batch.slice(skipped)
        skipped = max(0, skipped - len(batch))
        while len(rest) and n != 0:
            piece = rest.slice(0, min(every - start % every, len(rest) if n is None else n))
            rest, start = rest.slice(len(piece)), start + len(piece)
            n = None if n is None else n - len(piece)
            yield piece


def _arrow_tables(opened: Opened, file: DataFile, request: Request) -> Iterator[pa.Table]:
    with _told(file):
        batches: Iterable[Any]
        if opened.head().startswith(b"ARROW1"):
            reader = pa.ipc.open_file(opened.random_access())
            batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            batches = reader = pa.ipc.open_stream(pa.PythonFile(opened.stream, "r"))
        names = request.select(reader.schema.names, file.name)
        for batch in batches:
            yield pa.Table.from_batches([batch]).select(names)


@contextmanager
def _told(file: DataFile) -> Iterator[None]:
    """Whatever a reader raises over a damaged file, as one error; what the disk says stays as it is."""
    try:
        yield
    except (DataError, OSError):
        raise
    except Exception as error:  # Of a name that is no UTF-8, a size that is none, a type that is not known, ...
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise DataError(
            f"{file.name} is damaged or not what its name says: {reason[:300]}. What can be read: {FORMATS_READ}."
        ) from error
