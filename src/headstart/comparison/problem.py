"""What is compared on: the labelled rows to draw budgets from, and the test rows that all are measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.corpus import Corpus, duplicates, require_two_classes, split, subset
from headstart.corpus.column_types import type_of
from headstart.corpus.splits import group_codes
from headstart.errors import DataError, OptionError
from headstart.heads import ColumnEncoder
from headstart.plain import Json
from headstart.predictor.counting import quality_sentences
from headstart.tasks import Task


@dataclass(frozen=True)
class Problem:
    """Rows, and what was counted about them.

    Attributes:
        pool: labelled rows to draw from.
        test: labelled rows to measure on.
        columns: tabular columns that candidates may read.
        group: the column whose equal values stay on one side, or None.
        doubled: which test rows' texts stand in the pool too, bool [test].
        counts: data-quality counts, by part; JSON-able.
        notes: sentences about what was decided on the way.
        column_types: of `columns`, told from all rows of the pool, so that every draw reads them alike.
    """

    pool: Corpus
    test: Corpus
    columns: tuple[str, ...] = ()
    group: str | None = None
    doubled: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    counts: Json = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    column_types: dict[str, str] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """The kind of answers that the labels ask for."""
        return asked_of(self.pool)

    def groups(self, part: Corpus) -> NDArray[np.int64] | None:
        """Return the group codes of `pool` or `test` [rows], or None."""
        return None if self.group is None else group_codes(part.column(self.group))

    def draw(self, budget: int, seed: int) -> NDArray[np.int64]:
        """Return the rows of the pool that a budget of so many labels holds, ascending [budget].

        Raises:
            DataError: they are all of one class.
        """
        labels = labels_of(self.pool)
        rows = subset(self.task.strata(labels), budget, groups=self.groups(self.pool), random_state=seed)
        if (labels[rows] == labels[rows[0]]).all():
            raise DataError(
                f"The draw of {budget:,} labels with seed {seed} holds rows of one class only, from which nothing can be "
                "learnt. Raise the smallest of the budgets, or leave out the group column, whose groups hold one class each."
            )
        return rows


def labels_of(corpus: Corpus) -> Array:
    """Return the targets of labelled rows; see `headstart.tasks` for their shape."""
    if corpus.labels is None:
        raise DataError(f"{corpus.source} came without labels; name the label column with --label, or pass labels.")
    return corpus.labels


def asked_of(corpus: Corpus) -> Task:
    """Return the kind of answers that labelled rows ask for; of numbers without their range."""
    labels_of(corpus)
    if corpus.task is None:
        raise ValueError("labels without a task")
    return corpus.task


def carries_source(task: Task, source: Corpus) -> bool:
    """Return whether what was learnt of the source's labels says something of a task's."""
    return task == asked_of(source)


def _require_variety(corpus: Corpus, where: str) -> None:
    """Refuse rows that all have one answer.

    Raises:
        DataError: says which.
    """
    labels, task = labels_of(corpus), asked_of(corpus)
    if task.kind in ("binary", "multiclass", "ordinal"):
        require_two_classes(labels, corpus.label_names, where)
    elif not len(labels) or (labels == labels[0]).all():
        raise DataError(
            f"All {len(labels):,} rows of {where} have the same target, from which nothing can be learnt or told. "
            "Check the label column and --where."
        )


def assemble(
    data: Corpus,
    test: Corpus | float | None,
    *,
    columns: Sequence[str] = (),
    column_types: Mapping[str, str] | None = None,
    group: str | None = None,
    source: Corpus | None = None,
    seed: int = 0,
) -> Problem:
    """Split the data where no test rows came, check both parts, and count what must not stay silent.

    Args:
        data: labelled rows.
        test: labelled rows to measure on, a share of `data` to hold out, or None for a fifth.
        columns: tabular columns that candidates may read.
        column_types: of those that are not to be told from the rows.
        group: a column whose equal values stay on one side of every split.
        source: the base's own training texts, to look for duplicates in.
        seed: of the split.

    Raises:
        DataError: a part holds one class only, the test rows other labels than the rest, or the group column one group.
    """
    notes = [data.label_note] if data.label_note else []
    _require_variety(data, data.source)
    if isinstance(test, Corpus):
        pool, held = data, replace(test, text_name=data.text_name)
        if asked_of(pool) != asked_of(held):
            raise DataError(
                f"The rows to draw from ask for another kind of answers ({asked_of(pool).said()}) than the test rows "
                f"({asked_of(held).said()}); expected the same labels in both. Name the task (--task), or mend the label columns."
            )
    else:
        share = 0.2 if test is None else test
        kept, out = split(data, share, groups=group, random_state=seed)
        pool, held = data.take(kept), data.take(out)
        told = "" if group is None else f", groups of {group} kept together"
        notes.append(f"{len(held):,} of the {len(data):,} rows ({share:.0%}) were held out as test rows{told}")
    for part, name in ((pool, "the rows to draw from"), (held, "the test rows")):
        _require_variety(part, name)
    doubled = duplicates(pool.texts, held.texts).in_b
    types = {name: (column_types or {}).get(name) or type_of(pool.columns, name) for name in columns}
    pool, held, met = _fitted_together(pool, held, types, group)
    notes += met
    shared = 0 if group is None else len(_values(pool, group) & _values(held, group))
    if shared:
        notes.append(
            f"{shared:,} values of {group} stand in the test rows and in the others, so groups are not kept apart"
        )
    counts = _counts(pool, held, doubled, source)
    return Problem(pool, held, tuple(columns), group, doubled, counts, tuple(notes), types)


def _fitted_together(
    pool: Corpus, held: Corpus, types: Mapping[str, str], group: str | None
) -> tuple[Corpus, Corpus, list[str]]:
    """Return both parts with columns of the same types, whatever the files that they come from, and what was met there.

    Numbers, dates and truth values become such. Categories and texts stay as they are where both parts hold them alike.
    """
    kinds = {**({} if group is None else {group: "category"}), **types}
    if not kinds:
        return pool, held, []
    encoder = ColumnEncoder.fit(pool.columns, list(kinds), types=kinds)
    apart = {name for name in kinds if pool.column(name).type != held.column(name).type}
    made, notes = [], []
    for part, where in ((pool, "the rows to draw from"), (held, "the test rows")):
        imposed, counts = encoder.impose(part.columns)
        table = part.columns
        for name, kind in kinds.items():
            if name in apart or kind in ("number", "date", "truth"):
                table = table.set_column(table.column_names.index(name), name, imposed.column(name))
        made.append(replace(part, columns=table))
        met = {"n": len(part), "columns": {name: counts[name] for name in types}}
        notes += [f"{where}: {sentence}" for sentence in quality_sentences(met, types)]
    return made[0], made[1], notes


def budget_list(budgets: Sequence[int | None] | None, n_rows: int) -> tuple[int, ...]:
    """Return the budgets as numbers of labels, ascending; None stands for all rows.

    Without `budgets`: 50, 100, 200, 500 ... as far as they lie below the rows there are, and all.

    Raises:
        OptionError: a budget below 4, or larger than the rows.
    """
    if budgets is None:
        steps = [n for power in (10, 100, 1000, 10_000) for n in (power, 2 * power, 5 * power)]
        budgets = [*(n for n in steps if 50 <= n <= 0.8 * n_rows), None]
    found = sorted({n_rows if budget is None else int(budget) for budget in budgets})
    if not found:
        raise OptionError("No label budget was named; expected numbers of labels such as 100, 500 and all. Name one.")
    if found[0] < 4:
        raise OptionError(
            f"A budget of {found[0]} labels cannot be divided into folds; expected 4 or more. Raise or drop that budget."
        )
    if found[-1] > n_rows:
        raise OptionError(
            f"A budget of {found[-1]:,} labels was asked for, and {n_rows:,} labelled rows are there to draw from "
            "(test rows are not drawn). Ask for fewer, or for 'all'."
        )
    return tuple(found)


def _values(corpus: Corpus, column: str) -> set[Any]:
    return set(corpus.column(column).to_pylist()) - {None}


def _counts(pool: Corpus, test: Corpus, doubled: NDArray[np.bool_], source: Corpus | None) -> Json:
    counts: Json = {"train": _balance(pool), "test": _balance(test)}
    counts["test"]["n_duplicates_of_train"] = int(doubled.sum())
    if source is not None:
        counts["source"] = dict(source.counts)
        for part in ("train", "test"):
            texts = (pool if part == "train" else test).texts
            counts[part]["n_duplicates_of_source"] = duplicates(source.texts, texts).n
    return counts


def _balance(corpus: Corpus) -> Json:
    if asked_of(corpus).kind != "binary":
        return dict(corpus.counts)
    return {**corpus.counts, "share_positive": float(np.mean(labels_of(corpus) == 1))}
