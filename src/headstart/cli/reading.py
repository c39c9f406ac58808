"""Rows as commands read them: with labels or without, parted into training, validation and test rows, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headstart.cli import console
from headstart.cli.options import UNNAMED

if TYPE_CHECKING:
    from headstart.corpus import Corpus

__all__ = [
    "DataOptions",
    "Splits",
    "is_share",
    "read_labelled",
    "read_perhaps_labelled",
    "read_splits",
    "read_unlabelled",
]


@dataclass(frozen=True)
class DataOptions:
    """How a command reads its rows."""

    text: str
    label: str | None = None
    where: Sequence[str] = ()
    label_map: str | None = None
    positive: str | None = None
    columns: tuple[str, ...] = ()
    group: str | None = None

    def read(self, source: str, names: Sequence[str] | None = None) -> Corpus:
        """Read `source`; labels are put in the order of `names` where these are given."""
        from headstart.corpus import parse_label_map, parse_where, read

        kept = (*self.columns, *((self.group,) if self.group and self.group not in self.columns else ()))
        return read(
            source,
            text=self.text,
            label=self.label,
            where=parse_where(self.where) if self.where else None,
            label_map=parse_label_map(self.label_map) if self.label_map else None,
            positive=self.positive,
            label_names=names,
            columns=kept,
        )


@dataclass(frozen=True)
class Splits:
    """The rows of a command that trains, and what was counted about them."""

    train: Corpus
    valid: Corpus | None
    test: Corpus | None
    counts: dict[str, Any]


def read_labelled(options: DataOptions, source: str, names: Sequence[str] | None = None) -> Corpus:
    """Read rows with labels, and say what the labels mean."""
    from headstart.corpus import describe_labels

    corpus = options.read(source, names)
    console.note(f"{source}: {len(corpus):,} rows, labels {describe_labels(corpus.label_names)}")
    for name, count in corpus.counts.items():
        if count and name in ("n_null_texts", "n_null_labels_dropped", "n_bad_encoding", "n_empty_texts"):
            console.note(f"  {name.removeprefix('n_').replace('_', ' ')}: {count:,}")
    return corpus


def read_perhaps_labelled(options: DataOptions, source: str, names: Sequence[str] | None = None) -> Corpus:
    """Read rows with labels, or the texts alone where there is no column of labels and none was named."""
    from headstart.corpus import read
    from headstart.errors import DataError

    if options.label is None:
        console.note(f"{source}: only the texts are read, whatever labels stand there")
        return options.read(source)
    try:
        return read_labelled(options, source, names)
    except DataError:
        named = options.label != UNNAMED
        if named or options.label in read(source, text=options.text).columns.column_names:
            raise
    console.note(f"{source} has no column {options.label!r}: only the texts are read")
    return replace(options, label=None).read(source)


def read_splits(
    options: DataOptions,
    source: str,
    *,
    valid: str | None,
    test: str | None,
    n_labels: int | None,
    seed: int,
    names: Sequence[str] | None = None,
    needs_labels: bool = True,
) -> Splits:
    """Read training, validation and test rows as ``--valid``, ``--test`` and ``--n-labels`` say.

    A fraction of the data is split off at random, stratified: the test rows first, then the validation
    rows from the rest. ``--n-labels`` counts labels of both training and held-out validation rows.
    """
    from headstart.corpus import split, subset
    from headstart.errors import OptionError

    train = (read_labelled if needs_labels else read_perhaps_labelled)(options, source, names)
    if train.labels is None:
        return _without_labels(options, train, valid=valid, test=test, n_labels=n_labels, names=names)
    names = train.label_names
    test_rows = valid_rows = None
    if test is not None:
        share = _fraction("--test", test)
        if share is None:
            test_rows = read_labelled(options, test, names)
        else:
            rest, held = split(train, share, groups=options.group, random_state=seed)
            train, test_rows = train.take(rest), train.take(held)
    if n_labels is not None:
        if not 2 <= n_labels <= len(train):
            raise OptionError(
                f"--n-labels is {n_labels}, and there are {len(train):,} training rows; give a number from 2 to {len(train)}."
            )
        # Rows, not whole groups: fifty labels of one hotel would say little of the others.
        train = train.take(subset(_labels(train), n_labels, random_state=seed))
    if valid is not None:
        share = _fraction("--valid", valid)
        if share is None:
            valid_rows = read_labelled(options, valid, names)
        elif share > 0:
            rest, held = split(train, share, groups=options.group, random_state=seed)
            train, valid_rows = train.take(rest), train.take(held)
    return Splits(train, valid_rows, test_rows, _counts(train, valid_rows, test_rows))


def _without_labels(
    options: DataOptions,
    train: Corpus,
    *,
    valid: str | None,
    test: str | None,
    n_labels: int | None,
    names: Sequence[str] | None,
) -> Splits:
    """Return texts alone, and what labelled rows came to measure on in a file of their own."""
    from headstart.errors import OptionError

    shares = [test is not None and _fraction("--test", test) is not None, valid is not None, n_labels is not None]
    for option, given in zip(("--test with a share of the rows", "--valid", "--n-labels"), shares, strict=True):
        if given:
            raise OptionError(
                f"{option} came, and these rows have no labels in a column {options.label!r}; "
                "name that column with --label, or pass labelled rows to measure on as a file with --test."
            )
    held = None if test is None else read_labelled(replace(options, label=options.label or UNNAMED), test, names)
    return Splits(train, None, held, _counts(train, None, held))


def read_unlabelled(source: str | None, text: str, splits: Splits) -> Corpus | None:
    """Read texts whose labels, if they have any, are not looked at; and say which of them are measured on."""
    if source is None:
        return None
    from headstart.corpus import duplicates, read

    corpus = read(source, text=text, columns=())
    splits.counts["unlabelled"] = dict(corpus.counts)
    console.note(f"{source}: {len(corpus):,} texts without labels")
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
    from headstart.errors import OptionError

    try:
        share = float(text)
    except ValueError:
        return None
    if not 0 <= share < 1:
        raise OptionError(
            f"{option} is {text}; expected a share of the rows below 1, such as 0.2, or the path of a file."
        )
    return share


def _labels(corpus: Corpus) -> Any:
    return corpus.labels


def _counts(train: Corpus, valid: Corpus | None, test: Corpus | None) -> dict[str, Any]:
    from headstart.corpus import duplicates

    counts: dict[str, Any] = {"train": train.counts}
    for name, part in (("valid", valid), ("test", test)):
        if part is not None:
            shared = duplicates(train.texts, part.texts)
            counts[name] = {**part.counts, "n_duplicates_of_train": int(shared.n)}
            if shared.n:
                console.warn(f"{shared.n:,} of the {len(part):,} {name} texts also stand in the training rows")
    return counts
