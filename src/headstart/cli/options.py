"""Options that commands share, and what they mean."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headstart.cli import console

if TYPE_CHECKING:
    from headstart.corpus import Corpus

__all__ = [
    "UNNAMED",
    "Cache",
    "Columns",
    "Config",
    "Data",
    "DataOptions",
    "Device",
    "Group",
    "Json",
    "Label",
    "LabelMap",
    "Layer",
    "Model",
    "NLabels",
    "Out",
    "Positive",
    "Report",
    "Seed",
    "Set",
    "Splits",
    "Test",
    "Text",
    "Unlabelled",
    "Valid",
    "Where",
    "comparison_options",
    "estimator_options",
    "label_facts",
    "read_labelled",
    "read_splits",
    "read_unlabelled",
]  # fmt: skip

Data = Annotated[
    str, typer.Argument(help="CSV, TSV, JSON lines, Parquet or Arrow; a file, a folder or a URL.", show_default=False)
]
Model = Annotated[Path, typer.Argument(help="The folder of a trained model.", show_default=False)]
Text = Annotated[str, typer.Option("--text", metavar="COL", help="The column of texts.")]
UNNAMED = "label"
"""The column of labels where ``--label`` names none."""
Label = Annotated[str, typer.Option("--label", metavar="COL", help="The column of labels.")]
Cache = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="DIR|off",
        help="Where outputs of a large imported encoder are kept.",
        show_default="HEADSTART_CACHE, or your own cache folder",
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", metavar="COL=VALUE", help="Keep only rows with this value; repeatable.", show_default=False
    ),
]
LabelMap = Annotated[
    str | None, typer.Option("--label-map", metavar="A=x,B=y", help="Rename label values.", show_default=False)
]
Positive = Annotated[
    str | None, typer.Option("--positive", metavar="VALUE", help="The positive label.", show_default=False)
]
Valid = Annotated[
    str | None,
    typer.Option(
        "--valid", metavar="DATA|FRACTION", help="Rows to stop early on; else a tenth is held out.", show_default=False
    ),
]
Test = Annotated[
    str | None,
    typer.Option("--test", metavar="DATA|FRACTION", help="Rows to measure on at the end.", show_default=False),
]
Group = Annotated[
    str | None,
    typer.Option(
        "--group", metavar="COL", help="Rows with equal values stay on one side of a split.", show_default=False
    ),
]
NLabels = Annotated[
    int | None,
    typer.Option("--n-labels", metavar="N", help="Use only N labels in all, drawn at random.", show_default=False),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Decides all that is random.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:1.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE.toml", help="Options of the Python classes.", show_default=False),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One such option; repeatable.", show_default=False),
]
Columns = Annotated[
    str | None,
    typer.Option("--columns", metavar="A,B", help="Tabular columns to read beside the text.", show_default=False),
]
Layer = Annotated[
    str | None,
    typer.Option("--layer", metavar="NAME", help="A layer, as `headstart layers` lists them.", show_default=False),
]
Unlabelled = Annotated[
    str | None,
    typer.Option(
        "--unlabelled", metavar="DATA", help="Further texts, without labels, to learn words from.", show_default=False
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="PATH", help="Where to write.", show_default=False)]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE.html", help="Also write a page about the run.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, to stdout.")]


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


def column_list(columns: str | None) -> tuple[str, ...]:
    """Return ``"A,B"`` as ``("A", "B")``."""
    return tuple(name.strip() for name in (columns or "").split(",") if name.strip())


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


def estimator_options(config: Path | None, settings: Sequence[str] | None) -> dict[str, Any]:
    """Return options of `TextClassifier` from a TOML file and from ``KEY=VALUE``, the latter first.

    A key is an option of `TextClassifier`, of the network or of `Trainer`; the last two also as
    ``net_options.KEY`` and ``trainer_options.KEY``.
    """
    found: dict[str, Any] = {}
    for key, value in _given(config, settings):
        parts = value.items() if key in ("net_options", "trainer_options") and isinstance(value, Mapping) else None
        for name, item in parts or [(None, value)]:
            _place(found, key if name is None else f"{key}.{name}", item)
    return found


def comparison_options(config: Path | None, settings: Sequence[str] | None) -> dict[str, Any]:
    """Return options of `headstart.comparison.compare` from a TOML file and from ``KEY=VALUE``, the latter first."""
    from headstart.comparison import compare
    from headstart.errors import unknown_name
    from headstart.options import check_types

    known = ("budgets", "seeds", "cheap_seeds", "candidates", "random_state", "n_jobs", "cache", "device")
    found: dict[str, Any] = {}
    for key, value in _given(config, settings):
        if key not in known:
            raise unknown_name("option", key, known)
        found[key] = value
    check_types(compare, found)
    return found


def _given(config: Path | None, settings: Sequence[str] | None) -> list[tuple[str, Any]]:
    """Return what a file and ``KEY=VALUE`` say, in that order."""
    from headstart.errors import OptionError

    given: dict[str, Any] = {}
    if config is not None:
        try:
            given = tomllib.loads(config.read_text(encoding="utf-8"))
        except OSError as error:
            raise OptionError(f"--config {config}: {error.strerror}; pass the path of a TOML file.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise OptionError(f"--config {config} is no TOML: {error}; write lines such as epochs = 3.") from error
    found = list(given.items())
    for setting in settings or ():
        key, separator, text = setting.partition("=")
        if not separator:
            raise OptionError(f"--set {setting!r} has no '='; write KEY=VALUE, for example --set epochs=3.")
        found.append((key.strip(), _value(text.strip())))
    return found


def label_facts(names: Sequence[str]) -> dict[str, Any]:
    """Return what the labels mean, for the JSON."""
    return {"names": list(names), "positive": names[-1] if len(names) == 2 else None}


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


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return {"none": None, "null": None}.get(text.lower(), text)


def _place(found: dict[str, Any], key: str, value: Any) -> None:
    """Put one option where `TextClassifier` expects it."""
    import inspect

    from headstart.errors import unknown_name
    from headstart.estimators import TextClassifier
    from headstart.nets import NETS, net_options
    from headstart.train import Trainer

    own = set(TextClassifier().get_params()) - {"events"}
    of_nets = {option for name in NETS for option in net_options(name)}
    of_trainer = set(inspect.signature(Trainer).parameters) - {
        "net",
        "events",
        "phases",
        "device",
        "random_state",
        "checkpoint",
    }
    group, _, name = key.rpartition(".")
    if group in ("net_options", "trainer_options"):
        found.setdefault(group, {})[name] = value
    elif key in own:
        found[key] = value
    elif key in of_nets:
        found.setdefault("net_options", {})[key] = value
    elif key in of_trainer:
        found.setdefault("trainer_options", {})[key] = value
    else:
        raise unknown_name("option", key, sorted(own | of_nets | of_trainer))


def with_columns(options: DataOptions, columns: Sequence[str]) -> DataOptions:
    """Return the options with further columns to read."""
    return replace(options, columns=tuple(dict.fromkeys((*options.columns, *columns))))
