"""Tabular columns as numbers and categories, the same for a row in any company, format or spelling."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headstart.corpus.column_types import as_type, holds_numbers, numeral, type_of
from headstart.errors import ArtifactError, DataError, near_names
from headstart.plain import Facts, Json
from headstart.records import Name, Number, Record, Whole, Word, decoded

NULL = "(null)"
"""The category that stands for a missing value."""

_KINDS = {"number": "number", "date": "number", "category": "category", "truth": "category", "text": "words"}
_KEPT_CHARACTERS = (
    1 << 16
)  # of the values of one column, and sixteen times as many of all columns: a manifest is bounded
_MICROSECONDS_A_DAY = 86_400e6
_DAYS_A_YEAR = 365.25
_WORD = re.compile(r"\w+")
_TRUTHS = {"true": 1.0, "false": 0.0}


class Imposed(NamedTuple):
    """Columns as the types that were learnt have them.

    Attributes:
        table: number columns as float64, dates as timestamps, truth values as bool, all else as large_string; null is missing.
        counts: by column ``n_null``, ``n_unreadable`` (cells that are no value of the type, and now null) and, of
            categories whose values are all known, ``n_unseen`` (cells with a value that no training row had).
    """

    table: pa.Table
    counts: dict[str, dict[str, int]]


class LearntColumn(Record, frozen=True, dict=True):
    """What is known of a column since training; models of format 1.0 hold none.

    Attributes:
        type: one of `headstart.corpus.column_types.COLUMN_TYPES`.
        values: of a category, the values met, commonest first, as many as are kept.
        n_values: how many there were.
        from_numbers: whether a category was learnt from numbers, so that ``1.0`` is the value ``1``.
    """

    type: Name
    values: tuple[Word, ...] = ()
    n_values: Whole = 0
    from_numbers: bool = False

    def matched(self, cells: Any, *, by_number: bool) -> tuple[Any, int]:
        """Return a category's cells by the spelling that was learnt, and how many hold a value never met.

        Args:
            cells: large_string [rows].
            by_number: whether these were numbers, which have lost the spelling ``1.10`` and match it as 1.1.
        """
        unseen = pc.and_not(pc.is_valid(cells), pc.is_in(cells, pa.array(self.values, pa.large_string())))
        others = pc.unique(cells.filter(unseen)).to_pylist()
        numbers = {one: _number(one) for one in others if by_number or self.from_numbers or one in _TRUTHS}
        known = {one: self._by_number[n] for one, n in numbers.items() if n is not None and n in self._by_number}
        if known:
            places = pc.index_in(cells, pa.array(list(known), pa.large_string()))
            cells = pc.coalesce(pa.array(list(known.values()), pa.large_string()).take(places), cells)
            unseen = pc.and_(unseen, pc.is_null(places))
        return cells, pc.sum(unseen).as_py() or 0

    @cached_property
    def _by_number(self) -> dict[float, str]:
        found: dict[float, str] = {}
        for value in sorted(self.values, key=_TRUTHS.__contains__):  # numerals before truth values
            number = _number(value)
            if number is not None:
                found.setdefault(number, value)
        return found


class StoredColumns(Record, frozen=True):
    """A `ColumnEncoder` as a model stores it: ``kinds`` has an order, so it is a list."""

    kinds: tuple[tuple[Name, Literal["number", "category", "words"]], ...]
    categories: dict[Name, tuple[Word, ...]]
    means: dict[Name, Number]
    learnt: dict[Name, LearntColumn] | None = None


@dataclass(frozen=True)
class ColumnEncoder:
    """Turns chosen columns of a table into numbers and categories, the same way at every prediction.

    Each column has one of the types of `headstart.corpus.column_types`, told in training. Numbers and dates are numbers
    (days since 1970), a null is NaN; categories and truth values are categories, a null is ``(null)``; of a
    text column, the commonest words are read, each of them 1 where it stands. A category never seen in training is
    no error.

    Attributes:
        kinds: column name -> ``"number"``, ``"category"`` or ``"words"``, in the order of fitting.
        categories: for each category column, the values seen at least twice in training, commonest first, at most
            `max_categories`; these get an indicator in `indicators`. For a column of texts, such words.
        means: for each number column, the training mean that stands in for a null in `indicators`.
        learnt: types and values; None in a model of format 1.0, which knows `kinds` alone: strings are then read as numbers
            or as they are written, dates as seconds, and values never met are not counted.
    """

    kinds: Mapping[str, str]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    means: Mapping[str, float] = field(default_factory=dict)
    learnt: Mapping[str, LearntColumn] | None = None

    @classmethod
    def fit(
        cls,
        table: pa.Table,
        names: Sequence[str],
        *,
        types: Mapping[str, str] | None = None,
        max_categories: int = 100,
    ) -> ColumnEncoder:
        """Learn types, categories and means from the training rows of `table`.

        Args:
            table: the training rows.
            names: the columns to read.
            types: those that are not to be told from the rows.
            max_categories: most indicators of a column.

        Raises:
            DataError: if a column is missing, or holds lists or other things that are no single value.
        """
        room = min(_KEPT_CHARACTERS, 16 * _KEPT_CHARACTERS // max(len(names), 1))
        learnt, categories, means = {}, {}, {}
        for name in names:
            column = _column(table, name)
            kind = (types or {}).get(name) or type_of(table, name)
            values = as_type(column, kind, name).values
            learnt[name] = LearntColumn(kind)
            if _KINDS[kind] == "number":
                means[name] = pc.mean(_days(values) if kind == "date" else values).as_py() or 0.0
                continue
            if kind == "text":
                counts = Counter(word for text in values.drop_null().to_pylist() for word in _words(text))
            else:
                counts = Counter(_as_texts(values))
            common = _commonest(counts)
            categories[name] = tuple(value for value in common if counts[value] >= 2)[:max_categories]
            if kind == "category":
                met = [value for value in common if value != NULL]
                learnt[name] = LearntColumn(
                    kind, _fitting(met, room), len(met), holds_numbers(_value_type(column.type))
                )
        kinds = {name: _KINDS[column.type] for name, column in learnt.items()}
        return cls(kinds, categories, means, learnt)

    @property
    def types(self) -> dict[str, str]:
        """Each column's type; ``number`` or ``category`` where only that is known."""
        return {name: kind if self.learnt is None else self.learnt[name].type for name, kind in self.kinds.items()}

    @property
    def number_names(self) -> tuple[str, ...]:
        """Columns that are numbers."""
        return self._named("number")

    @property
    def category_names(self) -> tuple[str, ...]:
        """Columns that are categories."""
        return self._named("category")

    @property
    def n_numbers(self) -> int:
        """How many numbers a row becomes in `numbers`."""
        return len(self.number_names) + sum(len(self.categories[name]) for name in self._named("words"))

    @property
    def n_indicators(self) -> int:
        """How many numbers a row becomes in `indicators`."""
        return 2 * len(self.number_names) + sum(map(len, self.categories.values()))

    def _named(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name, found in self.kinds.items() if found == kind)

    def impose(self, table: pa.Table) -> Imposed:
        """Return the columns of any table of such rows as the types that were learnt, and what was met on the way.

        What is imposed once stays as it is when it is imposed again.

        Raises:
            DataError: if a column is missing, or holds lists or other things that are no single value.
        """
        columns, counts = {}, {}
        for name, kind in self.kinds.items():
            column = _column(table, name)
            if self.learnt is None:
                columns[name], n_lost = _as_in_format_1_0(column, kind, name)
                counts[name] = {"n_null": columns[name].null_count - n_lost, "n_unreadable": n_lost}
                continue
            learnt = self.learnt[name]
            values, n_lost = as_type(column, learnt.type, name)
            counts[name] = {"n_null": values.null_count - n_lost, "n_unreadable": n_lost}
            if learnt.type == "category":
                source = _value_type(column.type)
                as_numbers = holds_numbers(source) or pa.types.is_boolean(source)
                values, n_unseen = learnt.matched(values, by_number=as_numbers)
                if len(learnt.values) == learnt.n_values:
                    counts[name]["n_unseen"] = n_unseen
            columns[name] = values
        return Imposed(pa.table(columns), counts)

    def numbers(self, table: pa.Table) -> NDArray[np.float32]:
        """Return number columns and words of text columns, float32 [rows, n_numbers]; nulls are NaN."""
        imposed = self.impose(table).table
        parts = [_as_floats(imposed.column(name))[:, None] for name in self.number_names]
        parts += [self._word_indicators(imposed, name) for name in self._named("words")]
        return np.concatenate(parts, axis=1) if parts else np.zeros((table.num_rows, 0), np.float32)

    def texts(self, table: pa.Table) -> NDArray[np.object_]:
        """Return the category columns as strings, object [rows, categories]; nulls are ``(null)``."""
        imposed = self.impose(table).table
        parts = [np.array(_as_texts(imposed.column(name)), dtype=object) for name in self.category_names]
        return np.stack(parts, axis=1) if parts else np.zeros((table.num_rows, 0), object)

    def indicators(self, table: pa.Table) -> NDArray[np.float32]:
        """Return what a linear model reads, float32 [rows, n_indicators].

        Numbers come with nulls filled by the mean and an indicator of the null, dates as years since their mean; categories
        as one indicator a value, texts as one a word. A value without an indicator is all zeros.
        """
        imposed = self.impose(table).table
        parts: list[NDArray[np.float32]] = []
        for name in self.number_names:
            values, mean = _as_floats(imposed.column(name)), np.float32(self.means[name])
            missing = ~np.isfinite(values)
            values = np.where(missing, mean, values)
            if self.types[name] == "date":
                values = (values - mean) / np.float32(_DAYS_A_YEAR)
            parts += [values[:, None], missing[:, None].astype(np.float32)]
        for name in self.category_names:
            texts = np.array(_as_texts(imposed.column(name)), dtype=object)[:, None]
            parts.append((texts == np.array(self.categories[name], object)[None]).astype(np.float32))
        parts += [self._word_indicators(imposed, name) for name in self._named("words")]
        return np.concatenate(parts, axis=1) if parts else np.zeros((table.num_rows, 0), np.float32)

    def _word_indicators(self, imposed: pa.Table, name: str) -> NDArray[np.float32]:
        places = {word: place for place, word in enumerate(self.categories[name])}
        found = np.zeros((imposed.num_rows, len(places)), np.float32)
        for row, text in enumerate(imposed.column(name).to_pylist()):
            found[row, [places[word] for word in _words(text or "") if word in places]] = 1
        return found

    def config(self) -> Json:
        """Return what `from_config` needs, JSON-able."""
        config: Json = {
            "kinds": [[name, kind] for name, kind in self.kinds.items()],
            "categories": {name: list(values) for name, values in self.categories.items()},
            "means": dict(self.means),
        }
        if self.learnt is not None:
            config["learnt"] = {name: column.to_json() for name, column in self.learnt.items()}
        return config

    @classmethod
    def from_config(cls, config: Facts) -> ColumnEncoder:
        """Build the encoder again.

        Raises:
            ArtifactError: if `config` is not what `config` gave.
        """
        return cls.of(decoded(StoredColumns, config, "the columns that this model reads"))

    @classmethod
    def of(cls, stored: StoredColumns) -> ColumnEncoder:
        """Build the encoder again; see `from_config`."""
        kinds: dict[str, str] = dict(stored.kinds)
        learnt = stored.learnt
        self = cls(kinds, stored.categories, stored.means, learnt)
        listed = {*self.category_names, *self._named("words")}
        fits = set(self.categories) == listed and set(self.means) == set(self.number_names)
        if learnt is None:
            fits = fits and "words" not in kinds.values()
        else:
            fits = fits and kinds == {name: _KINDS.get(column.type) for name, column in learnt.items()}
        if not fits or len(kinds) < len(stored.kinds):
            raise ArtifactError(
                "the column settings of this model do not fit one another; copy the model again or train it anew."
            )
        return self


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        near = near_names(name, table.column_names)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise DataError(
            f"the column {name!r} is not in the data, which has {', '.join(table.column_names) or 'no columns'}{hint}"
        )
    return table.column(name)


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _as_in_format_1_0(column: pa.ChunkedArray, kind: str, name: str) -> tuple[Any, int]:
    """Return a column as models of format 1.0 read it: moments are seconds, strings are as they stand."""
    source = _value_type(column.type)
    if kind == "number":
        if pa.types.is_date(source) or pa.types.is_timestamp(source):
            column = column.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
        return as_type(column, "number", name)
    as_type(column, kind, name)  # refuses lists and the like
    texts = pa.chunked_array(column).combine_chunks().cast(pa.large_string())
    lowered = pc.utf8_lower(texts)
    texts = pc.if_else(pc.is_in(lowered, pa.array(["true", "false"], pa.large_string())), lowered, texts)
    blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
    return pc.if_else(blank, pa.scalar(None, pa.large_string()), texts), 0


def _days(moments: Any) -> Any:
    return pc.divide(moments.cast(pa.int64()).cast(pa.float64(), safe=False), _MICROSECONDS_A_DAY)


def _as_floats(column: Any) -> NDArray[np.float32]:
    """Return an imposed number column as float32 [rows]; nulls, and what is too large, are NaN."""
    column = _days(column) if pa.types.is_timestamp(column.type) else column
    with np.errstate(over="ignore"):
        values = column.fill_null(np.nan).to_numpy().astype(np.float32)
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def _as_texts(column: Any) -> list[str]:
    """Return an imposed category column as strings; nulls are ``(null)``."""
    texts: list[str] = column.cast(pa.large_string()).fill_null(NULL).to_pylist()
    return texts


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _number(written: str) -> float | None:
    """Return the number that a value is, truth values as 1 and 0; None for any other value."""
    return _TRUTHS.get(written, numeral(written))


def _commonest(counts: Counter[str]) -> list[str]:
    """Return what was counted, commonest first, equals by code points."""
    return sorted(counts, key=lambda value: (-counts[value], value))


def _fitting(values: Sequence[str], room: int) -> tuple[str, ...]:
    """Return as many of the first values as have `room` characters in all."""
    ends = np.cumsum([len(value) + 4 for value in values])
    return tuple(values[: int(np.searchsorted(ends, room, side="right"))])
