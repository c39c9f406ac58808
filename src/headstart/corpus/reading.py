"""``read`` and ``scan``: from a file, folder, address or table in memory to texts, labels and columns."""

import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headstart.corpus.columns import adopt, column_names, refuse_numbers, select, text_array
from headstart.corpus.dataset import Corpus, blank
from headstart.corpus.filters import RowFilter, Where
from headstart.corpus.formats import Batch, read_batches
from headstart.corpus.opening import find_files
from headstart.corpus.request import Request
from headstart.corpus.schemas import as_schema, common_schema
from headstart.errors import DataError

BATCH_ROWS = 8192


def read(
    source: Any,
    *,
    text: str = "text",
    label: str | None = None,
    where: Where | None = None,
    label_map: Mapping[Any, Any] | None = None,
    positive: Any = None,
    label_names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> Corpus:
    """Read texts, and labels when a column is named, into memory.

    Args:
        source: a CSV, TSV, JSON-lines, Parquet or Arrow file, plain or compressed; a folder of such files; an
            fsspec address; or a pandas, Polars or Arrow table or a dict of columns.
        text: the column of texts.
        label: the column of labels; rows without one are dropped and counted.
        where: rows to keep: column -> value or list of values.
        label_map, positive, label_names: as ``encode_labels`` takes them (there ``names``).
        columns: which of the remaining columns to keep; None keeps all, ``()`` none.

    Returns:
        A ``Corpus`` whose ``counts`` say what was met: nulls, empty texts, repaired encodings, dropped rows.

    Raises:
        DataError: anything that cannot be used, with file, line or column, and what to do.

    >>> corpus = read({"text": ["good", "bad", None], "label": [1, 0, 1]}, label="label")
    >>> corpus.label_names, corpus.labels, corpus.counts["n_null_texts"]
    (('0', '1'), array([1, 0, 1]), 1)
    """
    if label in (columns or ()):
        raise DataError(
            f"The column {label!r} was named as the label and among the columns. Leave it out of the columns."
        )
    if text == label:
        raise DataError(f"The column {text!r} was named as both the text and the label. Name two different columns.")
    scanner = Scan(source, text=text, label=label, where=where, columns=columns)
    table = scanner.table()
    corpus = Corpus(
        texts=table.column(text).combine_chunks(),
        columns=table.drop_columns([text] if label is None else [text, label]),
        source=scanner.name,
        text_name=text,
        reading=dict(scanner.counts),
    )
    if label is None:
        return corpus
    return corpus.with_labels(
        table.column(label), column=label, label_map=label_map, positive=positive, names=label_names
    )


def scan(
    source: Any,
    *,
    text: str = "text",
    where: Where | None = None,
    columns: Sequence[str] | None = (),
    batch_rows: int = BATCH_ROWS,
) -> "Scan":
    """Read the rows of a source in order and in bounded memory, with the checks of ``read``.

    Iterate over the result to get ``pa.Table`` batches of at most ``batch_rows`` rows: the text column
    (large_string) and ``columns``, typed as ``read`` would type them. For columns of CSV and JSON lines that
    takes a first pass over the whole file, since a type shows only after the last row.

    Raises:
        DataError: as ``read``, some of it only when the faulty row is reached.
    """
    return Scan(source, text=text, where=where, columns=columns, batch_rows=batch_rows)


class Scan:
    """Batches of a source in the order of its rows; ``counts`` grows as they are read.

    Each iteration starts again at the first row, with fresh counts.
    """

    def __init__(
        self,
        source: Any,
        *,
        text: str,
        label: str | None = None,
        where: Where | None = None,
        columns: Sequence[str] | None = (),
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._is_path = isinstance(source, (str, os.PathLike))
        self.name = os.fspath(source) if self._is_path else f"the {type(source).__name__}"
        self.counts: Counter[str] = Counter()
        self._source = source if self._is_path else adopt(source)
        self._text, self._where, self._batch_rows = text, where, batch_rows
        self._needed = (text,) if label is None else (text, label)
        self._wanted = None if columns is None else tuple(columns)
        self._text_only = self._wanted == () and label is None

    def __iter__(self) -> Iterator[pa.Table]:
        batches = self._batches()
        first = next(batches)
        ready: Iterable[Batch] = chain([first], batches)
        if first.steady or self._text_only:  # one pass, so that a pipe can be scanned too
            schema = self._schema([first])
        else:
            batches.close()
            schema, ready = self._schema(self._batches()), self._batches()
        for batch in ready:
            yield as_schema(batch.table, schema, where=self.name)

    def table(self) -> pa.Table:
        """All rows at once."""
        batches = list(self._batches())
        schema = self._schema(batches)
        return pa.concat_tables([as_schema(batch.table, schema, where=self.name) for batch in batches])

    def _schema(self, batches: Iterable[Batch]) -> pa.Schema:
        first = next(batches := iter(batches))
        tables = (batch.table for batch in chain([first], batches))
        return common_schema(tables, typed=first.typed, text=self._text, where=self.name)

    def _batches(self) -> Generator[Batch, None, None]:
        """The rows that pass the filter, their texts checked and counted."""
        self.counts.clear()
        row_filter = RowFilter(self._where, self.name)
        for batch in self._raw_batches(row_filter.columns):
            table = row_filter.apply(batch.table)
            self.counts["n_rows_read"] += batch.table.num_rows
            self.counts["n_filtered_out"] = row_filter.n_dropped
            if table.num_rows:
                yield batch._replace(table=self._checked(table, batch.typed))
        if not self.counts["n_rows_read"]:
            raise DataError(f"{self.name} has column names but no row. Give at least one row of data.")
        row_filter.check()

    def _raw_batches(self, filter_columns: Sequence[str]) -> Iterator[Batch]:
        needed = (*self._needed, *filter_columns)
        request = Request(needed, self._wanted, self._batch_rows, self.counts)
        if self._is_path:
            for file in find_files(self._source):
                yield from read_batches(file, request)
            return
        names = request.select(column_names(self._source), self.name)
        table = select(self._source, names, self.name)
        for start in range(0, table.num_rows, self._batch_rows):
            yield Batch(table.slice(start, self._batch_rows), typed=True, steady=True)

    def _checked(self, table: pa.Table, typed: bool) -> pa.Table:
        """The batch without columns that only the filter needed; its texts as large_string, counted."""
        name = self._text
        texts = text_array(table.column(name), name, self.name, self.counts)
        if not typed and not self.counts["n_rows"]:
            refuse_numbers(texts, name, self.name)
        self.counts["n_rows"] += len(texts)
        self.counts["n_null_texts"] += texts.null_count
        self.counts["n_empty_texts"] += int(pc.sum(blank(texts)).as_py() or 0)
        if self._wanted is not None:
            table = table.select(list(dict.fromkeys((*self._needed, *self._wanted))))
        return table.set_column(table.column_names.index(name), name, texts)
