"""Row filters: ``--where COL=VALUE`` on the command line, ``where={"split": "train"}`` in Python."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from headstart.corpus.columns import NUMBER, check_columns, distinct
from headstart.errors import DataError, OptionError
from headstart.plain import Facts

Where = Facts
"""Column name -> the value wanted, or a list of values any of which will do."""

_VALUES_SHOWN = 10
_TRUTHS = {"true", "false"}


def parse_where(conditions: Iterable[str]) -> dict[str, list[str]]:
    """``["split=train", "stars=5"]`` as ``{"split": ["train"], "stars": ["5"]}``.

    A column named twice takes rows with either value; different columns must all hold.

    Raises:
        OptionError: a condition without ``=`` or without a column.
    """
    where: dict[str, list[str]] = {}
    for condition in conditions:
        column, equals, value = condition.partition("=")
        if not (equals and column.strip()):
            raise OptionError(
                f"--where {condition!r} is not COL=VALUE. Write a column and the value to keep: split=train"
            )
        where.setdefault(column.strip(), []).append(value.strip())
    return where


class RowFilter:
    """Keeps the rows whose cells hold the wanted values, batch after batch, and remembers what it met.

    Cells compare by what they mean: ``"5"`` typed on the command line equals 5, 5.0 and ``"5"``; ``"true"``
    equals True; an empty value equals null.
    """

    def __init__(self, where: Where | None, name: str) -> None:
        self._wanted = {column: _as_list(value) for column, value in (where or {}).items()}
        self._name = name
        self._met: dict[str, dict[Any, None]] = {column: {} for column in self._wanted}
        self._n_read = 0
        self._n_kept = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it looks at."""
        return tuple(self._wanted)

    @property
    def n_dropped(self) -> int:
        """Rows dropped so far."""
        return self._n_read - self._n_kept

    def apply(self, table: pa.Table) -> pa.Table:
        """The rows of ``table`` that pass."""
        mask = self.passing(table)
        return table if mask is None else table.filter(mask)

    def passing(self, table: pa.Table) -> pa.Array | None:
        """Which rows pass, as an Arrow array of truth values; None where all do."""
        mask = self.mask(table) if self._wanted else np.ones(table.num_rows, bool)
        self._n_read += table.num_rows
        self._n_kept += int(mask.sum())
        return None if mask.all() else pa.array(mask)

    def mask(self, table: pa.Table) -> np.ndarray:
        """Which rows pass, bool ``[rows]``."""
        check_columns(self._wanted, table.column_names, self._name)
        keep = np.ones(table.num_rows, bool)
        for column, wanted in self._wanted.items():
            keep &= self._matches(column, table.column(column), wanted)
        return keep

    def _matches(self, name: str, column: pa.Array, wanted: Sequence[Any]) -> np.ndarray:
        # A filter column has few distinct values: each is compared once, in Python, by meaning.
        rows, values = distinct(column, name, self._name)
        met = self._met[name]
        met.update(dict.fromkeys(values[: max(0, _VALUES_SHOWN + 1 - len(met))]))
        passes = np.array([any(_same(value, target) for target in wanted) for value in values], bool)
        return np.asarray(passes[rows], bool)

    def check(self) -> None:
        """Refuse a filter that let nothing through.

        Raises:
            DataError: rows came and none passed; lists values that are there.
        """
        if self._n_kept or not self._wanted:
            return
        asked = " and ".join(f"{column}={' or '.join(map(str, wanted))}" for column, wanted in self._wanted.items())
        there = "; ".join(f"{column} holds {_listed(met)}" for column, met in self._met.items())
        raise DataError(
            f"No row of {self._name} ({self._n_read} rows) has {asked}. Choose among what is there: {there}."
        )


def _as_list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, set, frozenset, np.ndarray)) else [value]


def _listed(met: Mapping[Any, None]) -> str:
    shown = [str(value) for value in met][:_VALUES_SHOWN]
    return ", ".join(shown) + (", ..." if len(met) > _VALUES_SHOWN else "")


def _same(cell: Any, wanted: Any) -> bool:
    """Whether a cell means the value wanted, whichever of them is written as a string."""
    if cell is None or wanted is None:
        return cell is None and wanted in (None, "")
    if str(cell).casefold() in _TRUTHS:
        return str(cell).casefold() == str(wanted).casefold()
    if str(cell) == str(wanted):
        return True
    return _is_number(cell) and _is_number(wanted) and float(cell) == float(wanted)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) or re.fullmatch(NUMBER, str(value)) is not None
