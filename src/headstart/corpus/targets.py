"""A column of labels of any kind as targets: what kind of answer it asks for, told from its values and stated.

What a column says is not always sure: 1 to 5 may be stars, numbers or codes. Such a guess comes with a sentence that says
how to overrule it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headstart.arrays import Array, Doubles, Flags
from headstart.corpus.columns import arrow_column, distinct, written_out
from headstart.corpus.labels import (
    MISSING_LABELS,
    encode_labels,
    label_name,
    label_values,
    listed,
    mapped_names,
    name_order,
)
from headstart.errors import DataError, OptionError, unknown_name
from headstart.tasks import TASKS, Task

AUTO = "auto"
"""The task is told from the values."""

_CLASSES = "classes"
"""As scikit-learn's classifiers take labels: binary or multi-class by their number, whole numbers or not."""

_LARGEST = 1e100
"""A number to learn is not larger: squares of larger ones, which R2 sums, are infinite."""

_MOST_STEPS = 20
"""A column with more different numbers than this is one of numbers, and not of classes."""


@dataclass(frozen=True)
class Labelling:
    """How label values become targets.

    Attributes:
        task: a kind of `headstart.tasks.TASKS`; ``"auto"`` tells it from the values, ``"classes"`` takes binary or multi-class by
            their number. A `Task` is a model's, and the labels have to be among its own.
        order: names of ordered classes, the lowest first, in a list or as in ``"bad<ok<good"``.
        delimiter: what parts several labels in one cell.
        label_map, positive, names, missing: as `headstart.corpus.encode_labels` takes them.
        base: the task of a model that is carried over: where both ask for the same classes its order holds, else the
            labels' own.
    """

    task: str | Task = AUTO
    order: str | Sequence[Any] | None = None
    delimiter: str | None = None
    label_map: Mapping[Any, Any] | None = None
    positive: Any = None
    names: Sequence[str] | None = None
    base: Task | None = None
    missing: Collection[str] = MISSING_LABELS

    def __post_init__(self) -> None:
        if isinstance(self.task, str) and self.task not in (AUTO, _CLASSES, *TASKS):
            raise unknown_name("task", self.task, (AUTO, *TASKS))
        if self.kind not in (AUTO, _CLASSES):
            self._refuse_order(self.kind)
        if self.delimiter == "" or (self.delimiter is not None and self.kind not in (AUTO, _CLASSES, "multilabel")):
            raise OptionError(
                f"A delimiter of labels, {self.delimiter!r}, came with the task {self.kind}; what parts several labels in one cell "
                "goes with multilabel alone, and is one character or more. Leave one out."
            )

    @property
    def kind(self) -> str:
        """The kind of the task that is asked for, or ``"auto"``."""
        return self.task.kind if isinstance(self.task, Task) else self.task

    @property
    def known_names(self) -> Sequence[str] | None:
        """The names that the labels have to be among; None where they bring their own."""
        return (self.task.names or None) if isinstance(self.task, Task) else self.names or None

    def _refuse_order(self, kind: str) -> None:
        if self.order is not None and kind != "ordinal":
            raise OptionError(
                f"An order of the labels came with the task {kind}; it goes with ordinal alone. Leave one out."
            )

    def refuse(self, kind: str) -> None:
        """Refuse options that mean nothing to a kind of task.

        Raises:
            OptionError: names the option and the kind.
        """
        self._refuse_order(kind)
        if self.positive is not None and kind not in ("binary", "multiclass"):
            raise OptionError(
                f"A positive label was named ({self.positive!r}), and the task is {kind}; only one of two classes is positive. "
                "Drop --positive (positive=)."
            )
        if self.label_map and kind == "regression":
            raise OptionError(
                "A label map came, which renames labels, and the task is regression, whose numbers have no names. "
                "Drop --label-map (label_map=), or name another --task."
            )


class Targets(NamedTuple):
    """Labels as targets.

    Attributes:
        kind: of the task.
        codes: class codes int64 [rows]; 0 and 1, int8 [rows, labels], of multilabel; numbers, float64 [rows], of regression.
        names: of classes or labels, in the order of the codes.
        values: what the data hold for each name.
        held: whether the row has a label [rows].
        note: a sentence where the guess of the task could be wrong, or where labels and base share only some; else empty.
    """

    kind: str
    codes: Array
    names: tuple[str, ...]
    values: tuple[Any, ...]
    held: Flags
    note: str = ""


def parse_order(order: str | Sequence[Any]) -> tuple[str, ...]:
    """Return ``"bad<ok<good"``, ``"bad,ok,good"`` or a list as names of classes.

    Raises:
        OptionError: fewer than two, or one of them twice.
    """
    if isinstance(order, str):
        order = order.split("<") if "<" in order else next(csv.reader([order], skipinitialspace=True), [])
    names = [label_name(value) for value in order]
    if None in names or len(set(names)) != len(names) or len(names) < 2:
        shown = "<".join(map(str, order))
        raise OptionError(f"The order {shown!r} cannot be read; name each class once, the lowest first: bad<ok<good.")
    return tuple(str(name) for name in names)


def encode_targets(values: object, how: Labelling) -> Targets:
    """Return a column of labels as targets.

    Args:
        values: a column of numbers, truth values, strings or lists [rows]; or several columns of 0 and 1 by the names of
            their labels, as a table or a dict.
        how: what is known of it.

    Raises:
        DataError: values that do not fit the task, or the model.
        OptionError: an option that means nothing to the task.
    """
    if isinstance(values, pa.Table | Mapping):
        return _of_columns(values, how)
    column = written_out(arrow_column(values, "label", "the data"))
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    cells = _as_lists(column, how)
    if cells is not None:
        return _of_lists(cells, how)
    kind, note = _told(column, how) if how.kind in (AUTO, _CLASSES) else (how.kind, "")
    if kind == "regression":
        how.refuse(kind)
        numbers = _numbers(column, how.missing)
        return Targets(kind, numbers, (), (), ~np.isnan(numbers), note)
    return _of_classes(column, kind, note, how)


def _told(column: pa.Array, how: Labelling) -> tuple[str, str]:
    """Return what kind of task a column of single values asks for, and a sentence if that could be wrong."""
    if how.order is not None:
        return "ordinal", ""
    present = _present(column, how)
    if len(present) <= 2 or how.names:
        return ("binary" if len(how.names or present) <= 2 else "multiclass"), ""
    base, types = how.base, pa.types
    if base is not None and base.kind == "ordinal" and set(present) <= set(base.names):
        return "ordinal", ""
    is_number = types.is_integer(column.type) or types.is_floating(column.type) or types.is_decimal(column.type)
    what = f"{len(present)} different values"
    if how.kind == AUTO and not how.label_map and not is_number:
        _refuse_infinite(present)
    if how.label_map or not is_number:
        return "multiclass", _doubt_of_names(present, what, len(column))
    numbers = np.array([float(name) for name in present])
    if how.kind == AUTO and not np.isfinite(numbers).all():
        return "regression", ""  # which says the row
    whole = bool((numbers == np.round(numbers)).all())
    shown = f"{what}, {'whole ' if whole else ''}numbers from {present[0]} to {present[-1]},"
    if how.kind == _CLASSES:
        return "multiclass", f"{shown} are taken as classes without an order; task='ordinal' overrules" if whole else ""
    if not whole or len(present) > _MOST_STEPS:
        sure = not whole and len(present) > _MOST_STEPS
        return (
            "regression",
            "" if sure else f"{shown} are taken as numbers (regression); --task multiclass (task=) overrules",
        )
    if numbers[-1] - numbers[0] == len(present) - 1:
        return (
            "ordinal",
            f"{shown} are taken as ordered classes (ordinal); --task regression or multiclass (task=) overrules",
        )
    return (
        "multiclass",
        f"{shown} are taken as classes without an order; --task ordinal or regression (task=) overrules",
    )


def _refuse_infinite(present: Sequence[str]) -> None:
    """Refuse infinity among strings that are all numbers, as a text file holds it: it would make a class of each number."""
    try:
        odd = [name for name in present if not np.isfinite(float(name))]
    except ValueError:
        return
    if odd:
        raise DataError(
            f"The label column holds {listed(odd)} among numbers, and a number to learn has to be finite. Drop such rows with "
            "--where, put a finite number there, or take --task multiclass (task=) if they are names."
        )


def _doubt_of_names(present: Sequence[str], what: str, n_rows: int) -> str:
    """Return why names may be no classes of their own: numbers, parts put together, or as many as rows."""
    if all(isinstance(name_order(name)[0], int) and name_order(name)[0] == 0 for name in present):
        return f"{what}, strings that are all numbers, are taken as classes without an order; --task ordinal or regression overrules"
    for delimiter in ";|,":
        parts = {part.strip() for name in present for part in name.split(delimiter)}
        if len(parts) < len(present):
            return (
                f"{what} are taken as classes, and {len(parts)} parts between {delimiter!r} make them all up; if these are labels "
                f"of their own, say --label-delimiter '{delimiter}' (label_delimiter=)"
            )
    if len(present) > max(_MOST_STEPS, n_rows / 2):
        return (
            f"{what} in {n_rows} rows are taken as classes; if that is not the column of labels, name it with --label"
        )
    return ""


def _present(column: pa.Array, how: Labelling) -> tuple[str, ...]:
    """Return the names that occur, renamed and sorted."""
    found = [label_name(value) for value in distinct(column, "label", "the data")[1]]
    known = {label_name(value) for value in (*(how.label_map or ()), *(how.known_names or ()))}
    mapped = mapped_names(
        [None if name in how.missing and name not in known else name for name in found], how.label_map
    )
    return tuple(sorted({name for name in mapped if name is not None}, key=name_order))


def _of_classes(column: pa.Array, kind: str, note: str, how: Labelling) -> Targets:
    how.refuse(kind)
    names: Sequence[str] | None = how.known_names
    if names is None:
        present = _present(column, how)
        if kind == "binary" and len(present) > 2:
            raise DataError(
                f"The task is binary, and the labels hold {len(present)} values: {listed(present)}. Join them into two with "
                "--label-map (label_map=), keep two with --where, or take --task multiclass."
            )
        if kind == "ordinal":
            names = _ordered(present, how)
        names, told = _of_base(kind, names, present, how)
        note = "; ".join(filter(None, (note, told)))
    codes, found = encode_labels(
        column, label_map=how.label_map, positive=how.positive, names=names, missing=how.missing
    )
    values = found if how.label_map else label_values(column, found)
    return Targets(kind, codes, found, values, codes >= 0, note)


def _ordered(present: Sequence[str], how: Labelling) -> tuple[str, ...] | None:
    """Return the classes, the lowest first; None where the base's order holds."""
    if how.order is not None:
        order = parse_order(how.order)
        if unknown := sorted(set(present) - set(order), key=name_order):
            raise DataError(
                f"The labels hold {listed(unknown)}, which the order {'<'.join(order)} does not name; add them to it, or drop "
                "their rows with --where."
            )
        return order
    if how.base is not None and how.base.kind == "ordinal" and set(present) <= set(how.base.names):
        return None
    if any(name_order(name)[0] for name in present):
        raise DataError(
            f"The task is ordinal, and the labels {listed(present)} do not say which is the lowest; give their order, as in "
            f'--order "bad<ok<good" (order=).'
        )
    return tuple(present)


def _of_base(
    kind: str, names: Sequence[str] | None, present: Sequence[str], how: Labelling
) -> tuple[Sequence[str] | None, str]:
    """Return the names in the base's order where it asks for the same, else as they came, and what is shared and what is new."""
    base = how.base
    if base is None or not base.names:
        return names, ""
    shared, both = set(present) & set(base.names), base.kind == kind
    if both and kind in ("binary", "ordinal") and (kind == "binary" or names is None):
        return base.names, ""
    if both and kind != "ordinal" and shared == set(present) == set(base.names):
        return base.names, ""
    if kind not in ("multiclass", "multilabel") or base.kind not in ("multiclass", "multilabel"):
        return names, ""
    new = sorted(set(present) - shared, key=name_order)
    if not new:
        return names, f"all {len(present)} labels are the base's too, which has {len(base.names)}"
    return (
        names,
        f"{len(shared)} of the {len(present)} labels are the base's too, matched by name; new are {listed(new)}",
    )


def _numbers(column: pa.Array, missing: Collection[str]) -> Doubles:
    """Return a column as numbers float64 [rows], NaN where one is missing."""
    rows, held = distinct(column, "label", "the data")
    found = np.full(len(held), np.nan)
    for place, value in enumerate(held):
        name = label_name(value)
        if name is None or name in missing:
            continue
        try:
            found[place] = float(value)
        except (ValueError, TypeError):
            raise DataError(
                f"The task is regression, and the label column holds {name!r:.80} in row {int((rows == place).argmax())} (the first is "
                "0), which is no number. Name another column, drop such rows with --where, or name another --task."
            ) from None
        if not abs(found[place]) <= _LARGEST:
            has_to = "lie within 1e100 of 0" if np.isfinite(found[place]) else "be finite"
            raise DataError(
                f"The label column holds {name} in row {int((rows == place).argmax())} (the first is 0), and a number to learn has to "
                f"{has_to}. Drop such rows, or put {'a smaller' if np.isfinite(found[place]) else 'a finite'} number there."
            )
    return found[rows] if len(held) else np.zeros(0)


def _as_lists(column: pa.Array, how: Labelling) -> pa.ListArray | None:
    """Return a column of several labels a cell as one of lists; None if each cell holds one value."""
    types = pa.types
    nested = types.is_list(column.type) or types.is_large_list(column.type) or types.is_fixed_size_list(column.type)
    strings = types.is_string(column.type) or types.is_large_string(column.type) or types.is_string_view(column.type)
    if nested and how.kind not in (AUTO, _CLASSES, "multilabel"):
        raise DataError(
            f"The label column holds lists, several labels a row, and the task is {how.kind}. Take --task multilabel, or name "
            "another column."
        )
    if how.delimiter is not None:
        if not strings and column.null_count < len(column):
            raise DataError(
                f"The label column holds {column.type}, and --label-delimiter {how.delimiter!r} parts strings. Leave it out."
            )
        if _json_lists(column, how) is not None:
            raise DataError(
                f"The label column holds lists as JSON has them, such as {column.drop_null()[0]}, which --label-delimiter "
                f"{how.delimiter!r} would cut apart. Leave it out."
            )
        return pc.split_pattern(_null_where_missing(column, how), how.delimiter)
    if nested or how.kind not in (AUTO, _CLASSES, "multilabel"):
        return column if nested else None
    if strings and (cells := _json_lists(column, how)) is not None:
        return cells
    if how.kind != "multilabel":
        return None
    if isinstance(how.task, Task) and strings:
        return pc.split_pattern(_null_where_missing(column, how), "\0")  # each cell is a label
    raise DataError(
        "The task is multilabel, and the label column holds one value a row. Take a column of lists, say what parts the labels in "
        "a cell with --label-delimiter ';' (label_delimiter=), or give --label once for each 0/1 column."
    )


def _null_where_missing(column: pa.Array, how: Labelling) -> pa.LargeStringArray:
    column = column.cast(pa.large_string())
    given = pc.is_in(pc.utf8_trim_whitespace(column), pa.array(sorted(how.missing), pa.large_string()))
    return pc.if_else(given, pa.scalar(None, pa.large_string()), column)


def _json_lists(column: pa.Array, how: Labelling) -> pa.ListArray | None:
    """Return cells such as ``["a", "b"]``, as `predict` writes them to text files, as lists; None if they are none."""
    rows, held = distinct(column, "label", "the data")
    found: list[Any] = []
    for cell in held:
        text = None if cell is None or cell.strip() in how.missing else cell.strip()
        if text and not text.startswith("["):
            return None
        try:
            found.append(json.loads(text) if text else None)
        except (ValueError, RecursionError):
            return None
    if not any(isinstance(cell, list) for cell in found):
        return None
    strings = [cell and [None if value is None else str(value) for value in cell] for cell in found]
    return pa.array(strings, pa.list_(pa.large_string())).take(pa.array(rows))


def _of_lists(cells: pa.ListArray, how: Labelling) -> Targets:
    """Return lists of labels as 0 and 1; an empty list is an answer, and null is none."""
    how.refuse("multilabel")
    held = ~np.asarray(cells.is_null().to_numpy(zero_copy_only=False), bool)
    parents = pc.list_parent_indices(cells).to_numpy()
    inside = pc.list_flatten(cells)
    present = _present(inside, replace(how, missing=()))  # inside a list NA is a name like any other
    names, note = _of_base("multilabel", how.known_names, present, how)
    if not (names or present):
        raise DataError("No row has a label: all lists are empty or missing. Name another column, or none.")
    codes, order = encode_labels(inside, label_map=how.label_map, names=names, missing=())
    targets = np.zeros((len(cells), len(order)), np.int8)
    targets[parents[codes >= 0], codes[codes >= 0]] = 1
    values = order if how.label_map else label_values(inside, order)
    n_without = int((held & ~targets.any(1)).sum())
    without = f"rows with none of the labels, which is an answer: {n_without:,} (NA or null says that it is not known)"
    return Targets(
        "multilabel", targets, order, values, held, "; ".join(filter(None, (without if n_without else "", note)))
    )


def _of_columns(table: pa.Table, how: Labelling) -> Targets:
    """Return columns of 0 and 1, each named as its label, as targets."""
    how.refuse("multilabel")
    if how.kind not in (AUTO, _CLASSES, "multilabel"):
        raise OptionError(
            f"Several columns of labels came with the task {how.kind}; one 0/1 column a label is multilabel. Name one column."
        )
    names = tuple(map(str, table.column_names if isinstance(table, pa.Table) else table))
    columns = []
    for name in names:
        codes, found = encode_labels(table[name], missing=how.missing)
        truth = {"0": 0, "1": 1, "False": 0, "True": 1}
        if odd := [one for one in found if one not in truth]:
            raise DataError(
                f"The label column {name!r} holds {listed(odd)}; of several label columns each says with 0 or 1 whether its label is "
                "there. Name one --label, or columns of 0 and 1."
            )
        meant = np.array([*(truth[one] for one in found), -1], np.int8)
        columns.append(meant[codes])
    stacked = np.stack(columns, axis=1)
    renamed = [str(name) for name in mapped_names([label_name(name) or name for name in names], how.label_map)]
    if len(set(renamed)) < len(renamed):
        raise OptionError(
            f"The label map gives two of the label columns one name: {', '.join(renamed)}. Keep them apart."
        )
    order, note = _of_base("multilabel", how.known_names, renamed, how)
    order = tuple(order or renamed)
    if set(order) != set(renamed):
        raise DataError(
            f"The label columns are {listed(renamed)}, and those of the model are {listed(order)}. Give one column for each."
        )
    found_rows: Flags = np.all(stacked >= 0, axis=1)
    targets = np.maximum(stacked[:, [renamed.index(name) for name in order]], 0)
    return Targets("multilabel", targets, order, order, found_rows, note)
