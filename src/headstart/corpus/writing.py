"""Tables into files of each format, batch after batch, with every cell as it stands.

What a format cannot hold is refused before the first row is written: `TableWriter.check` tries a batch's types.
"""

import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import PurePath
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from headstart.corpus.columns import written_out
from headstart.corpus.file_options import FileOptions
from headstart.corpus.json_rows import JSON_CELLS, written
from headstart.corpus.validating import pieces
from headstart.errors import DataError, unknown_name

_SUFFIXES = {
    ".parquet": "parquet", ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl",
    ".pq": "parquet", ".tab": "tsv", ".ndjson": "jsonl", ".feather": "arrow", ".arrow": "arrow",
}  # fmt: skip
_CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
_TEXT_FORMATS = ("csv", "tsv", "jsonl")
_PIECE_ROWS = 16_384


class OutputForm(NamedTuple):
    """How a file is written: its format and, for text, the codec that compresses it."""

    format: str
    codec: str | None = None

    @property
    def has_types(self) -> bool:
        """Whether columns have types there."""
        return self.format not in _TEXT_FORMATS


def output_form(name: str, format: str | None = None) -> OutputForm:
    """How a file of this name is written; `format` says it where the name is that of standard output.

    Raises:
        OptionError: an ending that says nothing; lists those that do.
    """
    if format is not None:
        known = FileOptions(format).format
        return OutputForm("jsonl" if known == "json" else str(known))
    path = PurePath(name.lower())
    codec = _CODECS.get(path.suffix)
    suffix = path.with_suffix("").suffix if codec else path.suffix
    found = _SUFFIXES.get(suffix)
    if found is None or (codec is not None and found not in _TEXT_FORMATS):
        known_names = [*_SUFFIXES, ".csv.gz", ".tsv.gz", ".jsonl.gz"]
        raise unknown_name("file format", path.suffix or path.name, known_names)
    return OutputForm(found, codec)


class TableWriter:
    """Writes tables of one schema to a binary stream, which it leaves open.

    Args:
        stream: where to write.
        form: how.
        look: is given each table of CSV or TSV, as it will be written, and may change it.

    Attributes:
        counts: ``n_not_finite``: numbers written as null to JSON, which has no NaN and no infinity.
    """

    def __init__(self, stream: BinaryIO, form: OutputForm, look: Callable[[pa.Table], pa.Table] | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._form, self._look = form, look
        self._sink: pa.NativeFile = pa.PythonFile(_LeftOpen(stream), "w")
        if form.codec is not None:
            self._sink = pa.CompressedOutputStream(self._sink, form.codec)
        self._writer: Any = None

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        self._sink.close()

    def check(self, table: pa.Table) -> None:
        """Refuse columns that the format cannot hold.

        Raises:
            DataError: names the column, its type and the formats that hold it.
        """
        for name in table.column_names:
            column = table.select([name]).slice(0, 1)
            try:
                with TableWriter(io.BytesIO(), self._form._replace(codec=None)) as trial:
                    trial.write(column)
            except (pa.ArrowException, TypeError, ValueError) as error:
                kind = column.schema.field(0).type
                others = "leave it out of --keep" + ("" if self._form.has_types else ", or write .parquet or .arrow")
                raise DataError(
                    f"The column {name!r} holds {kind}, which {self._form.format.upper()} cannot hold; {others}."
                ) from error

    def write(self, table: pa.Table) -> None:
        """Write some rows."""
        for piece in pieces(table, _PIECE_ROWS):
            _WRITERS[self._form.format](self, piece)

    def _typed(self, table: pa.Table, opened: Callable[[pa.Schema], Any]) -> None:
        plain = pa.table([_plain(column) for column in table.columns], names=table.column_names)
        if self._writer is None:
            self._writer = opened(plain.schema)
        self._writer.write_table(plain)

    def parquet(self, table: pa.Table) -> None:
        """Write to Parquet."""
        self._typed(table, lambda schema: pq.ParquetWriter(self._sink, schema, compression="zstd"))

    def arrow(self, table: pa.Table) -> None:
        """Write to Arrow's own format, of which Feather is another name."""
        self._typed(table, lambda schema: pa.ipc.new_file(self._sink, schema))

    def delimited(self, table: pa.Table, delimiter: str) -> None:
        """Write to CSV or TSV; a null is nothing, an empty string a pair of quotation marks."""
        columns = [_cells(table.column(place), field) for place, field in enumerate(table.schema)]
        plain = pa.table(columns, names=table.column_names)
        if self._look is not None:
            plain = self._look(plain)
        if self._writer is None:
            options = arrow_csv.WriteOptions(delimiter=delimiter)
            self._writer = arrow_csv.CSVWriter(self._sink, plain.schema, write_options=options)
        self._writer.write_table(plain)

    def json_lines(self, table: pa.Table) -> None:
        """Write an object a line."""
        names = [json.dumps(name, ensure_ascii=False) for name in table.column_names]
        columns = [self._json(table.column(place), field) for place, field in enumerate(table.schema)]
        pattern = "{" + ", ".join(f"{name.replace('%', '%%')}: %s" for name in names) + "}\n"
        self._sink.write("".join([pattern % row for row in zip(*columns, strict=True)]).encode("utf-8"))

    def _json(self, column: pa.Array, field: pa.Field) -> Sequence[str]:
        """A column's cells as JSON."""
        if _is_json(field):
            return ["null" if cell is None else cell for cell in column.to_pylist()]
        column = _plain(column)
        _check_readable(column.type)
        if pa.types.is_temporal(column.type) or pa.types.is_decimal(column.type):
            column = column.cast(pa.large_string())  # JSON has neither times nor digits beyond a float's
        return [written(cell, self.counts) for cell in column.to_pylist()]


class _LeftOpen(io.RawIOBase):
    """Passes on what is written, and closes nothing."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return int(self._stream.write(data))


_WRITERS: dict[str, Callable[[TableWriter, pa.Table], None]] = {
    "parquet": TableWriter.parquet,
    "arrow": TableWriter.arrow,
    "csv": lambda writer, table: writer.delimited(table, ","),
    "tsv": lambda writer, table: writer.delimited(table, "\t"),
    "jsonl": TableWriter.json_lines,
}


def _is_json(field: pa.Field) -> bool:
    return JSON_CELLS.items() <= (field.metadata or {}).items()


def _plain(column: pa.Array) -> pa.Array:
    """A column without dictionaries, views, runs and types of others' making, which not every writer knows."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type))
    if pa.types.is_run_end_encoded(kind):
        return _plain(pc.run_end_decode(column))
    if pa.types.is_dictionary(kind):
        return _plain(written_out(column))
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    return column.cast(pa.large_binary()) if pa.types.is_binary_view(kind) else column


def _check_readable(kind: pa.DataType) -> None:
    """Refuse what cannot be written as text that anybody would understand."""
    types = pa.types
    refused = (
        types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view,
        types.is_duration, types.is_interval, types.is_union,
    )  # fmt: skip
    if any(is_one(kind) for is_one in refused):
        raise TypeError(f"{kind} cannot be written as text")
    if types.is_nested(kind):
        for place in range(kind.num_fields):
            _check_readable(kind.field(place).type)


def _cells(column: pa.Array, field: pa.Field) -> pa.Array:
    """A column as CSV can hold it: lists, records and cells of JSON as JSON.

    Raises:
        TypeError: of a kind that has no text.
    """
    if _is_json(field):
        return pa.array([None if cell is None else _unwrapped(cell) for cell in column.to_pylist()], pa.large_string())
    column = _plain(column)
    _check_readable(column.type)
    if not pa.types.is_nested(column.type):
        return column
    ignored: Counter[str] = Counter()
    cells = [None if cell is None else written(cell, ignored) for cell in column.to_pylist()]
    return pa.array(cells, pa.large_string())


def _unwrapped(cell: str) -> str:
    """What a cell of JSON says: a string without its marks, anything else as it is written."""
    if not cell.startswith('"'):
        return cell
    text: str = json.loads(cell)
    return text.encode("utf-8", "replace").decode("utf-8")
