"""Options that commands share, and what they mean."""

from __future__ import annotations

import functools
import inspect
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "UNNAMED",
    "Cache",
    "ColumnTypes",
    "Columns",
    "Config",
    "Data",
    "Device",
    "Files",
    "Force",
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
    "Source",
    "Test",
    "Text",
    "Threshold",
    "Unlabelled",
    "Valid",
    "Weight",
    "Where",
    "comparison_options",
    "estimator_options",
    "label_facts",
    "model_files",
    "reads_files",
    "settable",
]  # fmt: skip

Data = Annotated[
    list[str],
    typer.Argument(
        help="CSV, TSV, JSON, Parquet or Arrow: files, a folder, a pattern, an address, or - for standard input.",
        show_default=False,
    ),
]
Model = Annotated[Path, typer.Argument(help="The folder of a trained model.", show_default=False)]
Text = Annotated[
    str | None,
    typer.Option(
        "--text",
        metavar="COL",
        help="The column of texts; several, as in title,body, become one text.",
        show_default="the model's own, or text",
    ),
]
Files = Any
"""What `reads_files` hands to a command: a `headstart.corpus.FileOptions`."""
_FILE_OPTIONS: dict[str, tuple[str, str, str, Any]] = {
    "format": ("--format", "NAME", "What the data are, or what - is: csv, tsv, jsonl, parquet or arrow.", None),
    "delimiter": ("--delimiter", "CHARACTER", "What parts the cells of CSV: a character, or tab.", None),
    "quoting": ("--quoting", "HOW", "Quotation marks in CSV: minimal, if they enclose cells, or none.", "auto"),
    "encoding": ("--encoding", "NAME", "Of text files, such as cp1252, gb18030 or utf-16-le.", None),
}
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
Weight = Annotated[
    str | None,
    typer.Option("--weight", metavar="COL", help="What each row counts for in training.", show_default=False),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="P",
        min=0,
        max=1,
        help="Predict the positive label from this probability on.",
        show_default="0.5, or the model's own",
    ),
]
NLabels = Annotated[
    int | None,
    typer.Option("--n-labels", metavar="N", help="Use only N labels in all, drawn at random.", show_default=False),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Decides all that is random.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:1.")]


def _use_threads(context: typer.Context, n: int | None) -> int | None:
    from headstart.kernels.workers import threads

    if n is not None:
        context.with_resource(threads(n))
    return n


Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", metavar="N", callback=_use_threads, show_default=False,
        help="Compute with N threads (or set HEADSTART_THREADS). Another number may change last digits.",
    ),
]  # fmt: skip
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE.toml", help="Options of the Python classes.", show_default=False),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One such option; repeatable.", show_default=False),
]
Source = Annotated[
    str | None, typer.Option("--source", metavar="DATA", help="The base's own labelled texts.", show_default=False)
]
Columns = Annotated[
    str | None,
    typer.Option("--columns", metavar="A,B", help="Tabular columns to read beside the text.", show_default=False),
]
ColumnTypes = Annotated[
    str | None,
    typer.Option(
        "--column-types",
        metavar="A=TYPE,B=TYPE",
        help="What a column is: number, category, truth, date or text; else it is told from the rows.",
        show_default=False,
    ),
]
Layer = Annotated[
    str | None,
    typer.Option("--layer", metavar="NAME", help="A layer, as `headstart layers` lists them.", show_default=False),
]
Unlabelled = Annotated[
    str | None,
    typer.Option(
        "--unlabelled",
        metavar="DATA",
        help="Further texts, without labels, to learn words from; of many, blend guesses the labels.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="PATH", help="Where to write.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Replace a model of another run at --out.")]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE.html", help="Also write a page about the run.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, to stdout.")]


def reads_files(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how its files are read; they reach it in one, as `files`."""
    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[
                str | None, typer.Option(flag, metavar=metavar, help=help_, show_default=default is not None)
            ],
        )
        for name, (flag, metavar, help_, default) in _FILE_OPTIONS.items()
    ]

    @functools.wraps(command)
    def with_files(**given: Any) -> None:
        from headstart.corpus import FileOptions

        files = FileOptions(**{name: given.pop(name) for name in _FILE_OPTIONS})
        command(**given, files=files)

    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in signature.parameters.values()
        if parameter.name != "files"
    ]
    with_files.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    with_files.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
    return with_files


def column_list(columns: str | None) -> tuple[str, ...]:
    """Return ``"A,B"`` as ``("A", "B")``."""
    return tuple(name.strip() for name in (columns or "").split(",") if name.strip())


def column_types(text: str | None) -> dict[str, str] | None:
    """Return ``"A=TYPE,B=TYPE"`` as a dict; None where none came."""
    from headstart.corpus import parse_column_types

    return None if text is None else parse_column_types(text)


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


def model_files(model: Path) -> Path | None:
    """Return a model's folder as an input that no output may touch; None if it is none, which reading it will say."""
    return model if (model / "headstart.json").exists() else None


def label_facts(names: Sequence[str]) -> dict[str, Any]:
    """Return what the labels mean, for the JSON."""
    return {"names": list(names), "positive": names[-1] if len(names) == 2 else None}


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return {"none": None, "null": None}.get(text.lower(), text)


_NOT_SET = {
    "TextClassifier": {"self", "events"},
    "Trainer": {"self", "net", "events", "phases", "device", "random_state", "checkpoint"},
}


def settable(owner: type) -> tuple[str, ...]:
    """Return the arguments of a class that ``--set`` takes; a trainer's others are the classifier's."""
    return tuple(name for name in inspect.signature(owner).parameters if name not in _NOT_SET[owner.__name__])


def _place(found: dict[str, Any], key: str, value: Any) -> None:
    """Put one option where `TextClassifier` expects it."""
    from headstart.errors import unknown_name
    from headstart.estimators import TextClassifier
    from headstart.nets import NETS, net_options
    from headstart.train import Trainer

    own, of_trainer = set(settable(TextClassifier)), set(settable(Trainer))
    of_nets = {option for name in NETS for option in net_options(name)}
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
