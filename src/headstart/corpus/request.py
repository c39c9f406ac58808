"""What a reader is asked to take from a file, and which of its columns are the texts."""

import csv
import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headstart.corpus.columns import check_columns
from headstart.corpus.file_options import FileOptions
from headstart.errors import DataError

_BETWEEN = "\n"
"""What stands between the texts of several columns where they become one."""


class TextColumns:
    """The column of texts, or several that become one text, told by the columns that a source has.

    Args:
        named: a column, or several: a list, or their names in one string, as in ``"title,body"``. A column
            that is called so as a whole goes first. None takes the first of `otherwise` that is there.
        otherwise: what to try, one after the other, where none is given.
    """

    kind = "text"

    def __init__(self, named: str | Sequence[str] | None, otherwise: Sequence[str] = ("text",)) -> None:
        candidates = otherwise if named is None else (named,)
        self._candidates = tuple(dict.fromkeys(one if isinstance(one, str) else tuple(one) for one in candidates))
        if () in self._candidates:
            raise DataError("No text column was named: the list is empty. Name at least one column of texts.")

    def resolve(self, present: Sequence[str], where: str) -> tuple[str, ...]:
        """The names of the columns, all of them present.

        Raises:
            DataError: a column is missing, or stands there twice.
        """
        for candidate in self._candidates:
            names = _names(candidate, present)
            if set(names) <= set(present):
                check_columns(names, present, where)
                return names
        check_columns(_names(self._candidates[0], present), present, where)
        raise DataError(f"{where} has no column of texts. Name it.")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the first candidate, if none is called so as a whole."""
        return _names(self._candidates[0], ())

    @property
    def name(self) -> str:
        """What the first candidate is called in one string."""
        return joined_name(self._candidates[0])


def _names(named: str | tuple[str, ...], present: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(named, str):
        return tuple(dict.fromkeys(named))
    if named in present:
        return (named,)
    parts = [part.strip() for part in next(csv.reader([named], skipinitialspace=True), [])]
    # One missing column is told as it was typed; several are told one by one.
    return tuple(dict.fromkeys(filter(None, parts))) if len(parts) > 1 else (named,)


def joined_name(names: str | Sequence[str]) -> str:
    """Several column names in one string, from which `TextColumns` gets them back."""
    if isinstance(names, str):
        return names
    if len(names) == 1:
        return names[0]
    return ",".join(f'"{name.replace(chr(34), chr(34) * 2)}"' if set(name) & set(',"') else name for name in names)


def joined_texts(columns: Sequence[Any]) -> Any:
    """Several columns of texts as one, a line each; what is null or empty adds no line, and null is where all are."""
    if len(columns) == 1:
        return columns[0]
    nothing, empty = (pa.scalar(value, pa.large_string()) for value in (None, ""))
    filled = [pc.if_else(pc.equal(column, empty), nothing, column) for column in columns]
    # Arrow drops a row of nulls alone where it should join nothing to an empty string.
    filled[0] = pc.if_else(_all_null(filled), empty, filled[0])
    joined = pc.binary_join_element_wise(*filled, pa.scalar(_BETWEEN, pa.large_string()), null_handling="skip")
    return pc.if_else(_all_null(columns), nothing, joined)


def _all_null(columns: Sequence[Any]) -> Any:
    return functools.reduce(pc.and_, (column.is_null() for column in columns))


@dataclass
class Request:
    """Which columns to take, how to read them, and what was met on the way.

    Args:
        text: the column or columns of texts.
        needed: further columns that must be there.
        wanted: columns to return as well; None for all.
        kept: columns to return as they are written in the file.
        labels: columns to return as well where they are there.
        options: how to read the files.
        batch_rows: the most rows in a batch.
        counts: grows while reading (``n_bad_encoding``).
        text_names: the columns of texts, once the first file has told.
        partition: columns that the folders of the file being read name, and their values.
        folder: of the file being read, from where paths in it go; None of a table in memory, or of what is no local file.
        with_types: the columns of this file that are asked for as values.
        chosen: these, and those that are asked for as they are written.
    """

    text: TextColumns
    needed: tuple[str, ...] = ()
    wanted: tuple[str, ...] | None = ()
    kept: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    options: FileOptions = field(default_factory=FileOptions)
    batch_rows: int = 8192
    counts: Counter[str] = field(default_factory=Counter)
    text_names: tuple[str, ...] = ()
    partition: Mapping[str, str | None] = field(default_factory=dict)
    folder: Path | None = None
    with_types: frozenset[str] = frozenset()
    chosen: frozenset[str] = frozenset()

    def select(self, present: Sequence[str], where: str) -> list[str]:
        """The columns to read of those that stand in a file itself, in its order.

        Raises:
            DataError: one of them is missing, or stands there twice.
        """
        everything = [*present, *(name for name in self.partition if name not in present)]
        if not self.text_names:
            self.text_names = self.text.resolve(everything, where)
        there = (name for name in self.labels if name in everything)
        wanted = everything if self.wanted is None else self.wanted
        with_types = (*self.text_names, *self.needed, *wanted, *there)
        asked = (*with_types, *self.kept)
        check_columns(asked, everything, where)
        self.with_types, self.chosen = frozenset(with_types), frozenset(asked)
        return [name for name in present if name in self.chosen]

    def lacks(self, present: Iterable[str]) -> bool:
        """Whether a column that was named is not among these."""
        return not {*self.needed, *(self.wanted or ()), *self.kept} <= {*present, *self.partition}
