"""Rows as commands read them: with labels or without, parted into training, validation and test rows, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.cli import console
from headstart.cli.arguments import UNNAMED, Labelled, Reads, Trains
from headstart.cli.row_kinds import rows_read
from headstart.corpus import (
    Corpus,
    FileOptions,
    OtherColumns,
    Source,
    TextColumns,
    describe_labels,
    duplicates,
    parse_label_map,
    parse_where,
    read,
    split,
    subset,
)
from headstart.corpus.targets import AUTO
from headstart.errors import OptionError
from headstart.plain import Facts, Json
from headstart.tasks import Task

if TYPE_CHECKING:
    from headstart.predictor import Predictor

_TOLD = {
    "n_null_texts": "null texts",
    "n_empty_texts": "empty texts",
    "n_null_labels_dropped": "rows left out because their label is missing",
    "n_filtered_out": "rows left out by --where",
    "n_cells_over_lines": "texts of several lines in quotation marks, each one row (--quoting none makes each line one)",
}


@dataclass(frozen=True)
class DataOptions:
    """How a command reads its rows: the one place for all commands.

    Args:
        text: the column of texts, or several in one string; None takes the first of `otherwise` that is there.
        label: the column of labels, or several of 0 and 1.
        where, order, label_delimiter, label_map, positive, group: as the options of these names.
        task: as ``--task``, or a model's own, among whose labels these have to be.
        base: the task of a model that is carried over, see `headstart.corpus.targets.Labelling`.
        columns: tabular columns to keep; of text files as they are written, for a model tells their types.
        files: how files are read.
        weight: the column of row weights.
        otherwise: names of the text column where none is given, such as that of a model.
        rows: the columns that hold what the rows are, where they are no texts.
    """

    text: str | None = None
    label: str | Sequence[str] | None = None
    where: Sequence[str] = ()
    label_map: str | None = None
    positive: str | None = None
    columns: tuple[str, ...] = ()
    group: str | None = None
    files: FileOptions | None = None
    otherwise: tuple[str, ...] = ("text",)
    weight: str | None = None
    task: str | Task = AUTO
    order: str | None = None
    label_delimiter: str | None = None
    base: Task | None = None
    rows: OtherColumns | None = None

    def of(self, task: Task | None) -> DataOptions:
        """Return how rows are read whose labels have to be those of a model or of other rows.

        Raises:
            OptionError: another task was asked for.
        """
        if task is None:
            return self
        if self.task not in (AUTO, task.kind) and not isinstance(self.task, Task):
            raise OptionError(
                f"--task is {self.task}, and the model's task is {task.kind} ({task.said()}). Leave --task out."
            )
        return replace(self, task=task, order=None, base=None)

    def read(self, source: str | Sequence[str], *, needs_label: bool = True) -> Corpus:
        """Read `source`."""
        others = [name for name in (self.group, self.weight) if name and name not in self.columns]
        kept = tuple(dict.fromkeys((*self.columns, *others)))
        corpus = read(
            as_source(source),
            text=self.rows or TextColumns(self.text, self.otherwise),
            label=self.label,
            where=parse_where(self.where) if self.where else None,
            task=self.task,
            order=self.order,
            label_delimiter=self.label_delimiter,
            label_map=parse_label_map(self.label_map) if self.label_map else None,
            positive=self.positive,
            base=self.base,
            columns=kept,
            as_written=self.columns,
            needs_label=needs_label,
            **({} if self.files is None else vars(self.files)),
        )
        return corpus if self.weight is None else corpus.weighted_by(self.weight)


def label_facts(task: Task | None, note: str = "") -> Json:
    """Return what the labels mean and of what task they are, for the JSON; `note` says where that could be wrong."""
    names = [] if task is None else list(task.names)
    told = {} if task is None else {"kind": task.kind, "names": names, "said": task.said(), "note": note or None}
    positive = names[1] if task is not None and task.kind == "binary" and len(names) == 2 else None
    return {"labels": {"names": names, "positive": positive}, "task": told}


def model_files(model: Path) -> Path | None:
    """Return a model's folder as an input that no output may touch; None if it is none, which reading it will say."""
    return model if (model / "headstart.json").exists() else None


def column_list(text: str | None) -> tuple[str, ...]:
    """Return ``"A,B"`` as ``("A", "B")``."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def file_options(options: Reads) -> FileOptions:
    """Return how a command reads files."""
    return FileOptions(options.format, options.delimiter, options.quoting, options.encoding)


def split_options(options: Trains) -> SplitOptions:
    """Return how a command parts its rows."""
    return SplitOptions(options.valid, options.test, options.n_labels, options.seed)


def data_options(options: Labelled, base: Predictor | None = None, **others: Any) -> DataOptions:
    """Return how a command reads labelled rows; `base` knows where texts stand if none says, `others` are further fields."""
    columns, label = others.get("columns", ()), options.label or [UNNAMED]
    but = [*label, *(name for name in (others.get("group"), others.get("weight")) if name)]
    data = getattr(options, "data", None)
    rows = None if data is None else rows_read(options, as_source(data), base, columns, but)
    if rows is not None and rows.kind == "columns":
        others["columns"] = ()
    own = {
        "text": options.text,
        "label": options.label or UNNAMED,
        "where": options.where or (),
        "task": options.task,
        "order": options.order,
        "label_delimiter": options.label_delimiter,
        "label_map": options.label_map,
        "positive": options.positive,
        "files": file_options(options),
        "otherwise": ("text",) if base is None else (base.text, "text"),
        "rows": rows,
    }
    return DataOptions(**{**own, **others})


def as_source(data: str | Sequence[str]) -> Source:
    """Return the arguments of a command that name data: the one, or all."""
    return data if isinstance(data, str) else data[0] if len(data) == 1 else tuple(data)


@dataclass(frozen=True)
class SplitOptions:
    """What is split off or drawn from the rows: the options ``--valid``, ``--test``, ``--n-labels`` and ``--seed``."""

    valid: str | None = None
    test: str | None = None
    n_labels: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Splits:
    """The rows of a command that trains, and what was counted about them."""

    train: Corpus
    valid: Corpus | None
    test: Corpus | None
    counts: Json


def read_labelled(options: DataOptions, source: str | Sequence[str]) -> Corpus:
    """Read rows with labels, and say what the labels mean."""
    corpus = options.read(source)
    _tell_labels(corpus)
    return corpus


def read_perhaps_labelled(options: DataOptions, source: str | Sequence[str]) -> Corpus:
    """Read rows with labels, or the texts alone where there is no column of labels and none was named."""
    if options.label is None:
        corpus = options.read(source)
        console.note(f"{corpus.source}: only the texts are read, whatever labels stand there")
    else:
        corpus = options.read(source, needs_label=options.label != UNNAMED)
        if corpus.labels is not None:
            _tell_labels(corpus)
            return corpus
        console.note(f"{corpus.source} has no column {options.label!r}: only the texts are read")
    tell_counts(corpus.source, corpus.counts)
    return corpus


def _tell_labels(corpus: Corpus) -> None:
    task = corpus.task
    two = task is None or task.kind == "binary"
    one = len(corpus.label_names) == 1
    told = (
        f"{'one label' if one else 'labels'} {describe_labels(corpus.label_names)}"
        if two or task is None
        else task.said()
    )
    console.note(f"{corpus.source}: {len(corpus):,} rows, {told}")
    if corpus.label_note:
        console.note(f"  {corpus.label_note}")
    tell_counts(corpus.source, corpus.counts)


def tell_counts(source: str, counts: Facts) -> None:
    """Say what was met in reading that a person should know of: rows left out, texts that are none."""
    for name, words in _TOLD.items():
        if counts.get(name):
            console.note(f"  {words}: {counts[name]:,}")
    if n_bad := counts.get("n_bad_encoding"):
        console.warn(
            f"{n_bad:,} lines or cells of {source} are not UTF-8 and were read as Windows-1252; "
            "if letters look wrong, name the encoding with --encoding, such as gb18030 or latin-1"
        )


def read_splits(
    options: DataOptions,
    source: str | Sequence[str],
    how: SplitOptions,
    *,
    needs_labels: bool = True,
) -> Splits:
    """Read training, validation and test rows as ``--valid``, ``--test`` and ``--n-labels`` say.

    A fraction of the data is split off at random, stratified: the test rows first, then the validation
    rows from the rest. ``--n-labels`` counts labels of both training and held-out validation rows.
    """
    train = (read_labelled if needs_labels else read_perhaps_labelled)(options, source)
    if train.labels is None:
        return _without_labels(options, train, how)
    alike = options.of(train.task)
    test_rows = valid_rows = None
    if how.test is not None:
        share = _fraction("--test", how.test)
        if share is None:
            test_rows = read_labelled(replace(alike, weight=None), how.test)  # each counts once there
        else:
            rest, held = split(train, share, groups=options.group, random_state=how.seed)
            train, test_rows = train.take(rest), train.take(held)
    if how.n_labels is not None:
        if not 2 <= how.n_labels <= len(train):
            raise OptionError(
                f"--n-labels is {how.n_labels}, and there are {len(train):,} training rows; "
                f"give a number from 2 to {len(train)}."
            )
        # Rows, not whole groups: fifty labels of one hotel would say little of the others.
        train = train.take(subset(np.asarray(train.strata), how.n_labels, random_state=how.seed))
    if how.valid is not None:
        share = _fraction("--valid", how.valid)
        if share is None:
            valid_rows = read_labelled(alike, how.valid)
        elif share > 0:
            rest, held = split(train, share, groups=options.group, random_state=how.seed)
            train, valid_rows = train.take(rest), train.take(held)
    return Splits(train, valid_rows, test_rows, _counts(train, valid_rows, test_rows))


def _without_labels(options: DataOptions, train: Corpus, how: SplitOptions) -> Splits:
    """Return texts alone, and what labelled rows came to measure on in a file of their own."""
    shares = [is_share(how.test), how.valid is not None, how.n_labels is not None]
    for option, given in zip(("--test with a share of the rows", "--valid", "--n-labels"), shares, strict=True):
        if given:
            raise OptionError(
                f"{option} came, and these rows have no labels in a column {options.label!r}; "
                "name that column with --label, or pass labelled rows to measure on as a file with --test."
            )
    labelled = replace(options, label=options.label or UNNAMED)
    held = None if how.test is None else read_labelled(labelled, how.test)
    return Splits(train, None, held, _counts(train, None, held))


def read_unlabelled(options: DataOptions, source: str | None, splits: Splits) -> Corpus | None:
    """Read texts whose labels, if they have any, are not looked at; and say which of them are measured on."""
    if source is None:
        return None
    corpus = DataOptions(options.text, files=options.files, otherwise=options.otherwise).read(source)
    splits.counts["unlabelled"] = dict(corpus.counts)
    console.note(f"{source}: {len(corpus):,} texts without labels")
    tell_counts(source, corpus.counts)
    for name, part in (("valid", splits.valid), ("test", splits.test)):
        shared = 0 if part is None else int(duplicates(corpus.texts, part.texts).n)
        splits.counts["unlabelled"][f"n_{name}_texts_among_them"] = shared
        if shared:
            console.warn(
                f"{shared:,} of the {name} texts stand among them too: what is measured there is transductive, "
                "and says less about texts that are yet to come"
            )
    return corpus


def is_share(text: str | None) -> bool:
    """Tell whether an option names a share of the rows and not a file."""
    return text is not None and _fraction("the share", text) is not None


def _fraction(option: str, text: str) -> float | None:
    try:
        share = float(text)
    except ValueError:
        return None
    if not 0 <= share < 1:
        raise OptionError(
            f"{option} is {text}; expected a share of the rows below 1, such as 0.2, or the path of a file."
        )
    return share


def _counts(train: Corpus, valid: Corpus | None, test: Corpus | None) -> Json:
    counts: Json = {"train": train.counts}
    for name, part in (("valid", valid), ("test", test)):
        if part is not None:
            shared = duplicates(train.texts, part.texts)
            counts[name] = {**part.counts, "n_duplicates_of_train": int(shared.n)}
            if shared.n:
                console.warn(f"{shared.n:,} of the {len(part):,} {name} texts also stand in the training rows")
    return counts
