"""Tabular columns beside a text: which are numbers, which are categories, and what nulls mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headstart.errors import ArtifactError, DataError, near_names

__all__ = ["ColumnEncoder"]

NULL = "(null)"
"""The category that stands for a missing value."""

_STRINGS = ("string", "large_string", "string_view")


@dataclass(frozen=True)
class ColumnEncoder:
    """Turns chosen columns of a table into numbers and categories, the same way at every prediction.

    Integer, float and time columns are numbers (a null is NaN); string and boolean columns are
    categories (a null or an empty string is the category ``(null)``). A category never seen in training is no error.

    Attributes:
        kinds: column name -> ``"number"`` or ``"category"``, in the order of fitting.
        categories: for each category column, the values seen at least twice in training, commonest
            first, at most `max_categories`; these get an indicator in `indicators`.
        means: for each number column, the training mean that stands in for a null in `indicators`.
    """

    kinds: Mapping[str, str]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    means: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def fit(cls, table: pa.Table, names: Sequence[str], *, max_categories: int = 100) -> ColumnEncoder:
        """Learn kinds, categories and means from the training rows of `table`.

        Raises:
            DataError: if a column is missing, or holds lists or other things that are no single value.
        """
        kinds = {name: _kind(name, _column(table, name).type) for name in names}
        self = cls(kinds)
        numbers, texts = self.numbers(table), self.texts(table)
        categories, means = {}, {}
        for i, name in enumerate(self.number_names):
            real = numbers[:, i][np.isfinite(numbers[:, i])]
            means[name] = float(real.mean()) if len(real) else 0.0
        for i, name in enumerate(self.category_names):
            values, counts = np.unique(texts[:, i].astype(str), return_counts=True)
            common = sorted((-int(n), str(v)) for v, n in zip(values, counts, strict=True) if n >= 2)
            categories[name] = tuple(value for _, value in common[:max_categories])
        return cls(kinds, categories, means)

    @property
    def number_names(self) -> tuple[str, ...]:
        """Columns that are numbers."""
        return tuple(name for name, kind in self.kinds.items() if kind == "number")

    @property
    def category_names(self) -> tuple[str, ...]:
        """Columns that are categories."""
        return tuple(name for name, kind in self.kinds.items() if kind == "category")

    def numbers(self, table: pa.Table) -> NDArray[np.float32]:
        """Return the number columns, float32 [rows, numbers]; nulls are NaN."""
        parts = [_as_numbers(name, _column(table, name)) for name in self.number_names]
        return np.stack(parts, axis=1) if parts else np.zeros((table.num_rows, 0), np.float32)

    def texts(self, table: pa.Table) -> NDArray[np.object_]:
        """Return the category columns as strings, object [rows, categories]; nulls are ``(null)``."""
        parts = [_as_texts(name, _column(table, name)) for name in self.category_names]
        return np.stack(parts, axis=1) if parts else np.zeros((table.num_rows, 0), object)

    def indicators(self, table: pa.Table) -> NDArray[np.float32]:
        """Return what a linear model reads, float32 [rows, size].

        Numbers come with nulls filled by the mean and an indicator of the null; categories as one
        indicator a value. A value without an indicator is all zeros.
        """
        parts: list[NDArray[np.float32]] = []
        numbers = self.numbers(table)
        for i, name in enumerate(self.number_names):
            missing = ~np.isfinite(numbers[:, i])
            parts += [
                np.where(missing, np.float32(self.means[name]), numbers[:, i])[:, None],
                missing[:, None].astype(np.float32),
            ]
        texts = self.texts(table)
        for i, name in enumerate(self.category_names):
            parts.append((texts[:, i : i + 1] == np.array(self.categories[name], object)[None]).astype(np.float32))
        return np.concatenate(parts, axis=1) if parts else np.zeros((table.num_rows, 0), np.float32)

    def config(self) -> dict[str, Any]:
        """Return what `from_config` needs, JSON-able."""
        return {
            "kinds": [[name, kind] for name, kind in self.kinds.items()],
            "categories": {name: list(values) for name, values in self.categories.items()},
            "means": dict(self.means),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ColumnEncoder:
        """Build the encoder again.

        Raises:
            ArtifactError: if `config` is not what `config` gave.
        """
        try:
            kinds = {str(name): str(kind) for name, kind in config["kinds"]}
            categories = {str(name): tuple(map(str, values)) for name, values in config["categories"].items()}
            means = {str(name): float(value) for name, value in config["means"].items()}
            self = cls(kinds, categories, means)
            complete = set(categories) == set(self.category_names) and set(means) == set(self.number_names)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(
                f"the column settings of this model cannot be read ({error!r}); copy the model again."
            ) from error
        once = len(kinds) == len(config["kinds"])
        if not complete or not once or set(kinds.values()) - {"number", "category"}:
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


def _kind(name: str, kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_temporal(kind)
    ):
        return "number"
    if pa.types.is_boolean(kind) or pa.types.is_null(kind) or str(kind) in _STRINGS:
        return "category"
    raise DataError(
        f"the column {name!r} holds values of type {kind}; expected numbers, times, strings or booleans. Leave it out or convert it."
    )


def _as_numbers(name: str, column: pa.ChunkedArray) -> NDArray[np.float32]:
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    try:
        values = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy()
    except pa.ArrowException as error:
        raise DataError(
            f"the column {name!r} held numbers in training and now holds {column.type} values that are none ({error}); "
            "pass the same kind of column, with nulls where a number is missing."
        ) from error
    return np.asarray(values, np.float32)


def _as_texts(name: str, column: pa.ChunkedArray) -> NDArray[np.object_]:
    try:
        texts = column.cast(pa.large_string())
    except pa.ArrowException as error:
        raise DataError(
            f"the column {name!r} held categories in training and now holds {column.type} values ({error}); "
            "pass the same kind of column, with nulls where a value is missing."
        ) from error
    # One file's true is the next one's True, and CSV has no nulls: there an empty cell is what is missing.
    lowered = pc.utf8_lower(texts)
    texts = pc.if_else(pc.is_in(lowered, pa.array(["true", "false"], pa.large_string())), lowered, texts)
    texts = pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), NULL, texts)
    return np.array(texts.fill_null(NULL).to_pylist(), dtype=object)
