"""Files of each format as Arrow tables, batch after batch, in the order of their rows.

Binary formats are told by their first bytes, text formats by the file's ending and, failing that, by its
first character. Each reader takes only the columns it is asked for and holds a few megabytes at a time.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from headstart.corpus.delimited import csv_tables
from headstart.corpus.json_lines import json_tables
from headstart.corpus.opening import FORMATS_READ, DataFile, Opened
from headstart.corpus.request import Request
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


class Batch(NamedTuple):
    """Rows of a file.

    ``typed`` is False when every cell is a string because the format knows no types; ``steady`` when every
    batch is sure to have the same types.
    """

    table: pa.Table
    typed: bool
    steady: bool


def read_batches(file: DataFile, request: Request) -> Iterator[Batch]:
    """The file's rows in order, in batches of at most ``request.batch_rows``.

    Raises:
        DataError: the file cannot be read as any format; with file, and line where it has lines.
    """
    with file.open() as opened:
        reader = _reader_for(opened.head(), file)
        try:
            for table in reader.tables(opened, file, request):
                for start in range(0, table.num_rows, request.batch_rows):
                    yield Batch(table.slice(start, request.batch_rows), reader.typed, reader.steady)
        except pa.ArrowException as error:
            raise DataError(
                f"{file.name} is damaged or not what its name says: {str(error).splitlines()[0].rstrip('.')}. "
                f"What can be read: {FORMATS_READ}."
            ) from error


class _Reader(NamedTuple):
    tables: Callable[[Opened, DataFile, Request], Iterator[pa.Table]]
    typed: bool
    steady: bool


def _reader_for(head: bytes, file: DataFile) -> _Reader:
    """What reads a file that begins so."""
    if not head.strip(_BLANKS):
        raise DataError(
            f"{file.name} is empty or begins with nothing but blanks. Expected a data file: {FORMATS_READ}."
        )
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise DataError(f"{file.name} is {what}. What can be read: {FORMATS_READ}.")
    if head.startswith(b"PAR1"):
        return _Reader(_parquet_tables, typed=True, steady=True)
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return _Reader(_arrow_tables, typed=True, steady=True)
    looks_json = head.lstrip(_BLANKS).startswith(b"{") and file.suffix not in _DELIMITED
    if looks_json or file.suffix in _JSON:
        return _Reader(json_tables, typed=True, steady=False)
    return _Reader(csv_tables, typed=False, steady=False)


def _parquet_tables(opened: Opened, file: DataFile, request: Request) -> Iterator[pa.Table]:
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(opened.random_access())
    names = request.select(parquet.schema_arrow.names, file.name)
    for batch in parquet.iter_batches(batch_size=request.batch_rows, columns=names):
        yield pa.Table.from_batches([batch]).select(names)


def _arrow_tables(opened: Opened, file: DataFile, request: Request) -> Iterator[pa.Table]:
    is_file = opened.head().startswith(b"ARROW1")
    source = opened.random_access()
    reader: Any = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
    batches: Iterable[Any] = (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_file else reader
    names = request.select(reader.schema.names, file.name)
    for batch in batches:
        yield pa.Table.from_batches([batch]).select(names)
