"""``Corpus``: texts with their labels and columns, held in Arrow."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headstart.corpus.filters import RowFilter, Where
from headstart.corpus.targets import Labelling, encode_targets
from headstart.corpus.text_hashes import row_hashes
from headstart.errors import DataError
from headstart.notebook import Shown
from headstart.plain import Json
from headstart.spill import GrowingTexts, looked_at, slices, text_slices
from headstart.tasks import TASKS, Task

_ROWS_TAKEN = 4096


@dataclass(frozen=True, repr=False)
class Corpus(Shown):
    """Texts, and what is known of each.

    Args:
        texts: ``pa.LargeStringArray`` ``[rows]``, nulls allowed.
        labels: class codes, int64 ``[rows]``; 0 and 1, int8 ``[rows, labels]``, of several labels a row; numbers, float64
            ``[rows]``; or None.
        label_names: each code's name; of two classes the positive one is code 1. None of numbers.
        label_values: each name's value as the data held it (int, bool, string).
        columns: the other columns, ``[rows]``.
        source: where the rows came from, for messages.
        text_name: what the text column was called; several that became one text in one string, ``"title,body"``.
        label_column: what the label column was called; several in one string, ``"angry,happy"``.
        label_note: a sentence where what the labels were taken for could be wrong.
        reading: what was counted while reading; see ``counts``.
        weights: how much each row counts in training, float64 ``[rows]``, zero or more; None counts all alike.
        kind: of the labels, by its name in `headstart.tasks.TASKS`; empty for classes without an order, two or more.
        input: what the rows are: ``"text"``, ``"series"``, ``"image"`` or ``"columns"``. Where they are no texts, `texts` holds a
            line for each that says what it is, by which equal rows are equal; see `headstart.corpus.other_rows`.
        reads: which of `columns` hold what the rows are; none of texts.
        first: the number of the first row in the source, for messages; 0 of rows that were drawn.
    """

    texts: pa.LargeStringArray
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    label_values: tuple[Any, ...] = ()
    columns: pa.Table = field(default_factory=lambda: pa.table({}))
    source: str = "the data"
    text_name: str = "text"
    label_column: str | None = None
    label_note: str = ""
    reading: Mapping[str, int] = field(default_factory=dict)
    weights: np.ndarray | None = None
    kind: str = ""
    input: str = "text"
    reads: tuple[str, ...] = ()
    first: int = 0

    @property
    def task(self) -> Task | None:
        """The kind of answers that the labels ask for; None without labels."""
        if self.labels is None:
            return None
        return TASKS[self.kind or ("binary" if len(self.label_names) <= 2 else "multiclass")](self.label_names)

    def __len__(self) -> int:
        return len(self.texts)

    def summary(self) -> Json:
        """Return what ``repr`` and notebooks show."""
        return {
            "rows": f"{len(self):,}",
            "labels": self._labels_in_words(),
            "columns": ", ".join(self.columns.column_names) or None,
            "weights": None if self.weights is None else "yes",
            "source": self.source,
        }

    def _labels_in_words(self) -> str | None:
        """How many rows each label has, or what the task is where these are too many to list."""
        if self.labels is None or self.task is None:
            return None
        if not self.label_names or len(self.label_names) > 12:
            return self.task.said()
        codes = self.labels.nonzero()[1] if self.labels.ndim > 1 else self.labels
        sizes = np.bincount(codes, minlength=len(self.label_names))
        return ", ".join(f"{name}: {size:,}" for name, size in zip(self.label_names, sizes, strict=True))

    @property
    def strata(self) -> np.ndarray | None:
        """Codes ``[rows]`` by which rows are drawn and divided in equal proportions; None without labels."""
        return None if self.task is None or self.labels is None else self.task.strata(self.labels)

    @cached_property
    def counts(self) -> dict[str, int]:
        """What these rows hold, and what reading them met; JSON-ready.

        Of these rows: ``n_rows``, ``n_null_texts``, ``n_empty_texts`` (nothing but white space),
        ``n_duplicates`` (texts that stand earlier too). Of the source: ``n_rows_read``, ``n_filtered_out``,
        ``n_null_labels_dropped``, ``n_bad_encoding`` (lines or cells repaired), and, where there are any,
        ``n_cells_over_lines`` (texts of several lines in a file that holds nothing else).
        """
        met = ("n_rows_read", "n_filtered_out", "n_null_labels_dropped", "n_bad_encoding")
        found = row_hashes(self.texts)
        held = found[found > 0]
        return {
            "n_rows": len(self),
            "n_null_texts": self.texts.null_count,
            "n_empty_texts": sum(pc.sum(blank(some)).as_py() or 0 for some in text_slices(self.texts)),
            "n_duplicates": len(held) - len(np.unique(held)),
            **{name: int(self.reading.get(name, 0)) for name in met},
            **({"n_cells_over_lines": n} if (n := self.reading.get("n_cells_over_lines")) else {}),
        }

    def with_labels(self, values: object, *, column: str | None = None, **how: Any) -> "Corpus":
        """The corpus with these labels; rows whose label is missing are dropped and counted.

        Args:
            values: one label a row, a list of labels a row, or a table of 0/1 columns, each called as its label; see
                ``headstart.corpus.targets.encode_targets``.
            column: what the label column is called, for messages.
            how: fields of ``headstart.corpus.targets.Labelling``: ``task``, ``order``, ``delimiter``, ``label_map``, ``positive``,
                ``names``, ``base``, ``missing``.

        Raises:
            DataError: another number of labels than of rows, no label at all, or labels that do not fit.
            OptionError: an option that means nothing to the task of these labels.
        """
        found = encode_targets(values, Labelling(**how))
        what = "The labels" if column is None else f"The label column {column!r}"
        if len(found.codes) != len(self):
            raise DataError(
                f"{len(found.codes)} labels came for {len(self)} texts of {self.source}. Pass one label a text."
            )
        if not found.held.any():
            raise DataError(f"{what} of {self.source}: all {len(self)} are missing. Name another column, or none.")
        labelled = replace(
            self,
            labels=found.codes,
            label_names=found.names,
            label_values=found.values,
            label_column=column,
            label_note=found.note and f"{what[0].lower()}{what[1:]}: {found.note}",
            kind=found.kind,
            reading={**self.reading, "n_null_labels_dropped": int((~found.held).sum())},
        )
        return labelled if found.held.all() else labelled.take(found.held)

    def take(self, rows: object) -> "Corpus":
        """The corpus of these rows, in this order.

        Args:
            rows: positions int ``[n]`` or a mask bool ``[rows]``.
        """
        chosen = np.asarray(rows)
        chosen = chosen.nonzero()[0] if chosen.dtype == bool else chosen.astype(np.int64)
        indices = pa.array(chosen)
        labels = None if self.labels is None else self.labels[chosen]
        columns = self.columns.take(indices) if self.columns.num_columns else self.columns
        weights = None if self.weights is None else self.weights[chosen]
        texts = _texts_at(self.texts, chosen)
        return replace(self, texts=texts, labels=labels, columns=columns, weights=weights, first=0)

    def slice(self, start: int, length: int) -> "Corpus":
        """At most `length` rows from `start` on, without copying them."""
        rows = np.s_[start : start + length]
        return replace(
            self,
            texts=self.texts[rows],
            labels=None if self.labels is None else self.labels[rows],
            weights=None if self.weights is None else self.weights[rows],
            columns=self.columns.slice(start, length) if self.columns.num_columns else self.columns,
            first=self.first + start,
        )

    def weighted_by(self, name: str) -> "Corpus":
        """The corpus with the numbers of a kept column for weights.

        Raises:
            DataError: cells that are missing, no numbers, or below zero; names the first such row.
        """
        column = self.column(name)
        try:
            numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowException as error:
            raise DataError(
                f"The weight column {name!r} of {self.source} holds {column.type} values that are no numbers ({error}). "
                f"Name a column of numbers."
            ) from error
        bad = ~(np.isfinite(numbers) & (numbers >= 0))
        if bad.any():
            row = int(bad.argmax())
            raise DataError(
                f"The weight column {name!r} of {self.source} holds {column[row].as_py()} in row {row} (the first is 0); "
                f"expected a number of 0 or more in every row."
            )
        return replace(self, weights=numbers)

    def where(self, conditions: Where) -> "Corpus":
        """The rows whose columns hold these values.

        Args:
            conditions: column -> value or list of values, for example ``{"split": "train"}``.

        Raises:
            DataError: a column that was not kept, or no row that passes.
        """
        row_filter = RowFilter(conditions, self.source)
        mask = row_filter.mask(self.columns)
        if not mask.any():
            row_filter.apply(self.columns)
            row_filter.check()
        return self.take(mask)

    def column(self, name: str) -> pa.Array:
        """One of ``columns`` as an Arrow array.

        Raises:
            DataError: it was not kept.
        """
        if name not in self.columns.column_names:
            kept = ", ".join(map(repr, self.columns.column_names)) or "none"
            raise DataError(
                f"{self.source} was read without the column {name!r}; kept were: {kept}. Ask for it in columns=."
            )
        return self.columns.column(name).combine_chunks()

    def frame(self) -> pa.Table:
        """Texts and columns as one table, as ``TextClassifier`` takes it."""
        return (
            self.columns.add_column(0, self.text_name, self.texts) if self.columns.num_columns else self._texts_table()
        )

    def _texts_table(self) -> pa.Table:
        return pa.table({self.text_name: self.texts})


def _texts_at(texts: pa.LargeStringArray, rows: np.ndarray) -> pa.LargeStringArray:
    """These rows of Arrow texts, in this order, as a copy."""
    found = GrowingTexts()
    for some in slices(rows, _ROWS_TAKEN * rows.itemsize):
        taken = texts.take(pa.array(rows[some]))
        found.append(taken)
        looked_at(taken.nbytes)
    return found.finish()


def blank(texts: pa.LargeStringArray) -> pa.Array:
    """Which texts are empty or white space only; null where the text is."""
    return pc.equal(pc.utf8_trim_whitespace(texts), "")
