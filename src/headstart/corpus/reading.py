"""``read`` and ``scan``: from files, addresses, pipes or a table in memory to texts, labels and columns."""

import glob
import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import chain
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headstart.corpus.columns import adopt, as_texts, column_names, refuse_numbers, select
from headstart.corpus.dataset import Corpus, blank
from headstart.corpus.file_options import FileOptions
from headstart.corpus.filters import RowFilter, Where
from headstart.corpus.finding import find_files, is_source, source_name
from headstart.corpus.formats import Batch, read_batches, table_batches
from headstart.corpus.opening import STDIN, DataFile
from headstart.corpus.other_rows import ROW, OtherColumns
from headstart.corpus.request import Request, TextColumns, joined_name, joined_texts
from headstart.corpus.schemas import as_schema, common_schema, gathered_schema
from headstart.corpus.targets import AUTO
from headstart.errors import DataError
from headstart.spill import GrowingTexts
from headstart.tasks import Task

BATCH_ROWS = 8192


def read(
    source: object,
    *,
    text: str | Sequence[str] | TextColumns = "text",
    label: str | Sequence[str] | None = None,
    where: Where | None = None,
    task: str | Task = AUTO,
    order: str | Sequence[Any] | None = None,
    label_delimiter: str | None = None,
    label_map: Mapping[Any, Any] | None = None,
    positive: object = None,
    label_names: Sequence[str] | None = None,
    base: Task | None = None,
    columns: Sequence[str] | None = None,
    as_written: Sequence[str] = (),
    needs_label: bool = True,
    format: str | None = None,
    delimiter: str | None = None,
    quoting: str | int = "auto",
    encoding: str | None = None,
) -> Corpus:
    """Read texts, and labels when a column is named, into memory.

    Args:
        source: a CSV, TSV, JSON-lines, JSON-array, Parquet or Arrow file, plain or compressed; a folder of such files,
            in which folders such as ``year=2024`` are partitions and become columns; a pattern such as ``"rows/*.csv"``;
            an fsspec address; ``"-"`` for standard input; a list of these; or a pandas, Polars or Arrow table or a dict
            of columns.
        text: the column of texts; several, in a list or in one string (``"title,body"``), become one text, a line each.
        label: the column of labels; rows without one are dropped and counted. Of several each holds 0 and 1, and says
            whether the label that it is called by is there.
        where: rows to keep: column -> value or list of values.
        task: ``"binary"``, ``"multiclass"``, ``"multilabel"``, ``"ordinal"`` or ``"regression"``; ``"auto"`` tells it from the labels.
        order: names of ordered classes, the lowest first: a list, or ``"bad<ok<good"``.
        label_delimiter: what parts several labels in one cell.
        label_map, positive, label_names, base: as ``headstart.corpus.targets.Labelling`` takes them (there ``names``).
        columns: which of the remaining columns to keep; None keeps all, ``()`` none.
        as_written: columns of CSV and TSV whose cells stay the strings that are written there, whatever they look like;
            null where nothing is written.
        needs_label: False reads texts alone where there is no column called `label`.
        format: ``"csv"``, ``"tsv"``, ``"jsonl"``, ``"json"``, ``"parquet"`` or ``"arrow"``; None lets the file tell.
        delimiter: what parts the cells of a line; None lets the file tell.
        quoting: ``"minimal"`` if quotation marks enclose cells, ``"none"`` if they are part of the texts (or a word or
            constant of the csv module); ``"auto"`` tells TSV of either kind apart and refuses what may be neither.
        encoding: of text files; None takes UTF-8, UTF-16 or UTF-32 with a mark, and repairs single Windows-1252 letters.

    Returns:
        A ``Corpus`` whose ``counts`` say what was met: nulls, empty texts, repaired encodings, dropped rows.

    Raises:
        DataError: anything that cannot be used, with file, line or column, and what to do.
        OptionError: a format, delimiter, way of quoting or encoding that is none.

    >>> corpus = read({"text": ["good", "bad", None], "label": [1, 0, 1]}, label="label")
    >>> corpus.label_names, corpus.labels, corpus.counts["n_null_texts"]
    (('0', '1'), array([1, 0, 1]), 1)
    """
    labels = () if label is None else (label,) if isinstance(label, str) else tuple(dict.fromkeys(label))
    if both := [name for name in labels if name in (columns or ())]:
        raise DataError(
            f"The column {both[0]!r} was named as the label and among the columns. Leave it out of the columns."
        )
    scanner = Scan(
        source,
        text=text,
        labels=labels,
        needs_label=needs_label,
        where=where,
        columns=columns,
        options=FileOptions(format, delimiter, quoting, encoding),
    )
    texts, table = scanner.read(as_written)
    there = [name for name in labels if name in table.column_names]
    corpus = Corpus(
        texts=texts,
        columns=table.drop_columns(there) if there else table,
        source=scanner.name,
        text_name=scanner.text_name,
        reading=dict(scanner.counts),
        input=scanner.kind,
        reads=scanner.reads,
    )
    if not there or len(there) < len(labels):
        return corpus
    return corpus.with_labels(
        table.column(labels[0]) if len(labels) == 1 else table.select(labels),
        column=joined_name(labels),
        task=task,
        order=order,
        delimiter=label_delimiter,
        label_map=label_map,
        positive=positive,
        names=label_names,
        base=base,
    )


def scan(
    source: object,
    *,
    text: str | Sequence[str] | TextColumns = "text",
    where: Where | None = None,
    columns: Sequence[str] | None = (),
    keep: Sequence[str] = (),
    keep_types: bool = False,
    batch_rows: int = BATCH_ROWS,
    options: FileOptions | None = None,
) -> "Scan":
    """Read the rows of a source in order and in bounded memory, with the checks of ``read``.

    Iterate over the result to get ``pa.Table`` batches of at most ``batch_rows`` rows: the texts (large_string) and
    ``columns``, typed as ``read`` would type them. For columns of text formats that takes a first pass over the whole
    file, since a type shows only after the last row. `Scan.rows` gives the cells as they stand, in one pass.

    Args:
        source, text, where, columns: as ``read`` takes them; or one file of several (a `headstart.corpus.opening.DataFile`), of
            which no row need be there or pass the filter.
        keep: columns to hand through as they are written, with `Scan.rows`.
        keep_types: whether the kept columns of JSON get types instead, the same in every batch.
        batch_rows: the most rows in a batch.
        options: how to read the files.

    Raises:
        DataError: as ``read``, some of it only when the faulty row is reached.
    """
    return Scan(
        source,
        text=text,
        where=where,
        columns=columns,
        keep=keep,
        keep_types=keep_types,
        batch_rows=batch_rows,
        options=options or FileOptions(),
    )


class Rows(NamedTuple):
    """Some rows of a source: ``texts`` as ``pa.LargeStringArray``, ``columns`` and ``kept`` as tables, all ``[rows]``; `first` is the
    number of the first of them.
    """

    texts: pa.LargeStringArray
    columns: pa.Table
    kept: pa.Table
    first: int = 0


class Scan:
    """Rows of a source in their order, as tables or as `rows`; ``counts`` grows as they are read.

    Each iteration starts again at the first row, with fresh counts.
    """

    def __init__(
        self,
        source: Any,
        *,
        text: str | Sequence[str] | TextColumns,
        labels: Sequence[str] = (),
        needs_label: bool = True,
        where: Where | None = None,
        columns: Sequence[str] | None = (),
        keep: Sequence[str] = (),
        keep_types: bool = False,
        batch_rows: int = BATCH_ROWS,
        options: FileOptions,
    ) -> None:
        self._is_part = isinstance(source, DataFile)
        self._is_path = self._is_part or (is_source(source) and not _is_list_of_texts(source))
        self.name = (
            source.name if self._is_part else source_name(source) if self._is_path else f"the {type(source).__name__}"
        )
        self.counts: Counter[str] = Counter()
        self._source = source if self._is_path else adopt(source)
        self._files: list[DataFile] | None = [source] if self._is_part else None
        self._text = text if isinstance(text, TextColumns) else TextColumns(text)
        self._labels, self._needs_label, self._where = tuple(labels), needs_label, where
        self._columns = None if columns is None else tuple(dict.fromkeys(columns))
        self._keep, self._keep_types = tuple(dict.fromkeys(keep)), keep_types
        self._batch_rows, self._options = batch_rows, options
        self._request: Request | None = None
        self.steady = False
        """Whether the first rows tell the types of columns, once `kept_schema` has looked."""

    @property
    def text_name(self) -> str:
        """The column of texts, or the columns in one string, once rows were read; `ROW` where rows are no texts."""
        if self.kind != "text":
            return ROW
        return joined_name(self._request.text_names) if self._request else self._text.name

    @property
    def kind(self) -> str:
        """What the rows are, by its name in `headstart.inputs.INPUTS`, or a kind of the user's own."""
        return self._text.kind

    @property
    def names_read(self) -> tuple[str, ...]:
        """The columns of texts, or of what else the rows are, once rows were read."""
        return self._request.text_names if self._request else ()

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that hold what the rows are, once rows were read; none of texts."""
        if self._request is None or not isinstance(self._text, OtherColumns):
            return ()
        return self._request.text_names[:1] if self.kind == "series" else self._request.text_names

    def __iter__(self) -> Iterator[pa.Table]:
        for rows in self._typed("columns") if self._columns != () else self.rows():
            yield rows.columns.add_column(0, self.text_name, rows.texts)

    def rows(self, kept: pa.Schema | None = None) -> Iterator[Rows]:
        """The rows, with the cells of each column as the format holds them; of CSV strings, null where nothing is.

        Kept columns come as they are written: those of JSON as JSON, to the digit (see
        `headstart.corpus.json_rows.JSON_CELLS`), or with types where `keep_types` asks for them. One pass does, so that
        a pipe can be read; for types a file is read twice, and a pipe copied to the temporary folder;
        with their types in `kept`, as `kept_schema` gives them, once will do.
        """
        if kept is not None:
            return (rows._replace(kept=as_schema(rows.kept, kept, where=self.name)) for rows in self._all_rows())
        if self._keep and self._keep_types:
            return self._typed("kept", as_written=self._keep)
        return self._all_rows()

    def kept_schema(self) -> pa.Schema:
        """The types of the kept columns, where `keep_types` asks for them: from the first rows if these tell, else from all.

        A column without a value has the type null. Names of the columns that are read are checked, whatever rows there are.
        """
        row_filter = RowFilter(self._where, self.name)
        batches = self._raw_batches(row_filter.columns)
        with closing(batches):
            looked_at: list[pa.Table] = []
            for batch in batches:
                kept = batch.table.select(list(self._keep)) if self._keep_types else batch.kept
                looked_at = [gathered_schema([*looked_at, kept], where=self.name, as_written=self._keep).empty_table()]
                self.steady = batch.steady or not batch.typed
                if self.steady:
                    break
        return looked_at[0].schema if looked_at else pa.schema([])

    def corpus(self, rows: Rows) -> Corpus:
        """Some of the rows as a corpus without labels."""
        columns, name = rows.columns, self.text_name
        return Corpus(rows.texts, columns=columns, text_name=name, input=self.kind, reads=self.reads, first=rows.first)

    def read(self, as_written: Sequence[str] = ()) -> tuple[Any, pa.Table]:
        """All texts, and the columns with one type each, the label's among them."""
        texts, found = GrowingTexts(), []
        for rows in self._all_rows():
            texts.append(rows.texts)
            found.append(rows.columns)
        as_written = (*as_written, *(self.reads if self.kind == "columns" else ()))
        schema = common_schema(found, where=self.name, as_written=as_written)
        table = pa.concat_tables([as_schema(columns, schema, where=self.name) for columns in found])
        return texts.finish(), table

    def _all_rows(self) -> Generator[Rows, None, None]:
        return (self._rows(batch) for batch in self._batches())

    def _typed(self, part: str, as_written: Sequence[str] = ()) -> Iterator[Rows]:
        """The rows, with the same types in every batch for the kept columns or the others."""
        with ExitStack() as copies:
            if self._is_path:
                self._files = [copies.enter_context(file.reopenable()) for file in self._found()]
            batches = self._batches()
            first = next(batches)
            looked_at: Iterable[Rows]
            ready: Iterable[Rows]
            if first.steady and len(self._files or ()) < 2:
                rows = self._rows(first)
                looked_at, ready = [rows], chain([rows], map(self._rows, batches))
            else:
                batches.close()
                looked_at, ready = self._all_rows(), self._all_rows()
            schema = common_schema((getattr(rows, part) for rows in looked_at), where=self.name, as_written=as_written)
            for rows in ready:
                yield rows._replace(**{part: as_schema(getattr(rows, part), schema, where=self.name)})

    def _found(self) -> list[DataFile]:
        if self._files is None:
            self._files = find_files(self._source, self._options.format)
        return self._files

    def _batches(self) -> Generator[Batch, None, None]:
        """The rows that pass the filter, counted."""
        self.counts.clear()
        row_filter = RowFilter(self._where, self.name)
        typed: bool | None = None
        for batch in self._raw_batches(row_filter.columns):
            if typed not in (None, batch.typed):
                raise DataError(
                    f"{self.name} mixes CSV files, whose cells have no types, with files of types. Read them apart."
                )
            typed = batch.typed
            self.counts["n_rows_read"] += batch.table.num_rows
            mask = row_filter.passing(batch.table)
            self.counts["n_filtered_out"] = row_filter.n_dropped
            if mask is not None:
                batch = batch._replace(table=batch.table.filter(mask), kept=batch.kept.filter(mask))
            if batch.table.num_rows:
                yield batch
        if self._is_part:
            return
        if not self.counts["n_rows_read"]:
            raise DataError(f"{self.name} has column names but no row. Give at least one row of data.")
        row_filter.check()

    def _raw_batches(self, filter_columns: Sequence[str]) -> Generator[Batch, None, None]:
        label_needed = self._labels if self._needs_label else ()
        kept = () if self._keep_types else self._keep
        self._request = request = Request(
            self._text,
            needed=(*label_needed, *filter_columns, *(self._keep if self._keep_types else ())),
            wanted=self._columns,
            kept=kept,
            labels=self._labels,
            options=self._options,
            batch_rows=self._batch_rows,
            counts=self.counts,
        )
        if self._is_path:
            for file in self._found():
                yield from read_batches(file, request)
            return
        names = request.select(column_names(self._source), self.name)
        yield from table_batches(select(self._source, names, self.name), self.name, request)

    def _rows(self, batch: Batch) -> Rows:
        """Texts checked and counted, and the columns that were asked for."""
        request = self._request
        names = () if request is None else request.text_names
        if both := [name for name in self._labels if name in names]:
            raise DataError(
                f"The column {both[0]!r} was named as both the {self.kind} and the label. Name two different columns."
            )
        table, part = batch.table, self._files[0].rows if self._is_part and self._files else None
        first = self.counts["n_rows"] + (part[0] if part else 0)
        if isinstance(self._text, OtherColumns) and request is not None:
            texts, own = self._text.brought_in(table, names, request.folder, self.name, first)
            for place, name in enumerate(own.column_names):
                table = table.set_column(table.column_names.index(name), own.schema.field(place), own.column(place))
        else:
            texts = joined_texts([as_texts(table.column(name), name, self.name, self.counts) for name in names])
        if not batch.typed and self.kind == "text":
            texts = texts.fill_null("") if texts.null_count else texts
            if not self.counts["n_rows"]:
                refuse_numbers(texts, joined_name(names), self.name)
        self.counts["n_rows"] += len(texts)
        self.counts["n_null_texts"] += texts.null_count
        self.counts["n_empty_texts"] += int(pc.sum(blank(texts)).as_py() or 0)
        there = batch.table.column_names
        asked = there if self._columns is None else self._columns
        labels = [name for name in self._labels if name in there]
        columns = [name for name in asked if self._columns is not None or name not in (*names, *labels)]
        columns = [*self.reads, *columns]
        kept = batch.table.select(list(self._keep)) if self._keep_types else batch.kept
        return Rows(texts, table.select(list(dict.fromkeys((*columns, *labels)))), kept, first)


def _is_list_of_texts(source: object) -> bool:
    """Whether a list of strings can hardly be one of files: nothing is there, and nothing looks like a path."""
    return isinstance(source, list) and not any(_looks_like_a_path(os.fsdecode(one)) for one in source)


def _looks_like_a_path(text: str) -> bool:
    if text == STDIN or "://" in text or os.sep in text or glob.has_magic(text):
        return True
    return len(text) < 256 and "\0" not in text and (os.path.splitext(text)[1] != "" or os.path.exists(text))  # noqa: PTH110, PTH122
