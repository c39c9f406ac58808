"""What commands take: each option once, and the groups of options that several commands share.

A group is a dataclass; the options of a command inherit from it (see `headstart.cli.commands`). Nothing heavy is
imported here, nor are annotations left as strings: both would make ``--help`` slow or wrong.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from headstart.kernels.workers import threads


def option(flag: str, metavar: str, help: str, *, shown: str | bool = False, **others: Any) -> Any:
    """Return the declaration of an option; `shown` is what its help says of the default, True for the value itself."""
    return typer.Option(flag, metavar=metavar, help=help, show_default=shown, **others)


UNNAMED = "label"
"""The column of labels where ``--label`` names none."""

Data = Annotated[
    list[str],
    typer.Argument(
        help="CSV, TSV, JSON, Parquet or Arrow: files, a folder, a pattern, an address, or - for standard input.",
        show_default=False,
    ),
]
Model = Annotated[Path, typer.Argument(help="The folder of a trained model.", show_default=False)]
Out = Annotated[Path, option("--out", "PATH", "Where to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a model of another run at --out.")]
Seed = Annotated[int, option("--seed", "N", "Decides all that is random.", shown=True)]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:1.")]
Engine = Annotated[
    str,
    typer.Option("--engine", help="What runs the network: auto (the fastest that is exact), compiled, torch or onnx."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, to stdout.")]
LabelMap = Annotated[str | None, option("--label-map", "A=x,B=y", "Rename label values.")]
Test = Annotated[str | None, option("--test", "DATA|FRACTION", "Rows to measure on at the end.")]
Threshold = Annotated[
    float | None,
    option(
        "--threshold",
        "P",
        "Predict the positive label, or each of several a row, from this probability on.",
        shown="0.5, or the model's own",
        min=0,
        max=1,
    ),
]
Costs = Annotated[
    Path | None,
    option(
        "--costs",
        "FILE.csv",
        "What mistakes cost: a row a true label, a column a predicted one; the cheapest is predicted.",
    ),
]
AbstainBelow = Annotated[
    float | None,
    option("--abstain-below", "P", "Predict nothing where the label's probability is below this.", min=0, max=1),
]
Cache = Annotated[
    str | None,
    option(
        "--cache",
        "DIR|off",
        "Where outputs of a large imported encoder are kept.",
        shown="HEADSTART_CACHE, or your own cache folder",
    ),
]
Columns = Annotated[str | None, option("--columns", "A,B", "Tabular columns to read next to the text.")]
ColumnTypes = Annotated[
    str | None,
    option(
        "--column-types",
        "A=TYPE,B=TYPE",
        "What a column is: number, category, truth, date or text; else it is told from the rows.",
    ),
]
Ray = Annotated[
    str | None,
    option(
        "--ray",
        "ADDRESS",
        "Work on a Ray cluster: auto, or HOST:PORT of its head; local starts one on this machine.",
    ),
]
Source = Annotated[str | None, option("--source", "DATA", "The base's own labelled texts.")]
Layer = Annotated[str | None, option("--layer", "NAME", "A layer, as `headstart layers` lists them.")]


def _use_threads(context: typer.Context, n: int | None) -> int | None:
    if n is not None:
        context.with_resource(threads(n))
    return n


@dataclass(frozen=True, kw_only=True)
class Command:
    """What nearly every command takes."""

    threads: Annotated[
        int | None,
        option(
            "--threads",
            "N",
            "Compute with N threads (or set HEADSTART_THREADS). Another number may change last digits.",
            callback=_use_threads,
        ),
    ] = None
    as_json: Json = False


@dataclass(frozen=True, kw_only=True)
class Reads(Command):
    """How rows are read."""

    text: Annotated[
        str | None,
        option(
            "--text",
            "COL",
            "The column of texts; several, as in title,body, become one text.",
            shown="the model's own, or text",
        ),
    ] = None
    series: Annotated[
        str | None,
        option(
            "--series",
            "COL",
            "Read series, lists of numbers, from this column; of x,y each is a channel.",
            shown="the model's own",
        ),
    ] = None
    image: Annotated[
        str | None,
        option("--image", "COL", "Read images, paths or bytes, from this column.", shown="the model's own"),
    ] = None
    input: Annotated[
        str,
        option(
            "--input",
            "KIND",
            "What the rows are: text, series, image or columns; auto tells it from the column's type.",
            shown=True,
        ),
    ] = "auto"
    where: Annotated[
        list[str] | None, option("--where", "COL=VALUE", "Keep only rows with this value; repeatable.")
    ] = None
    format: Annotated[
        str | None, option("--format", "NAME", "What the data are, or what - is: csv, tsv, jsonl, parquet or arrow.")
    ] = None
    delimiter: Annotated[
        str | None, option("--delimiter", "CHARACTER", "What parts the cells of CSV: a character, or tab.")
    ] = None
    quoting: Annotated[
        str, option("--quoting", "HOW", "Quotation marks in CSV: minimal, if they enclose cells, or none.", shown=True)
    ] = "auto"
    encoding: Annotated[
        str | None, option("--encoding", "NAME", "Of text files, such as cp1252, gb18030 or utf-16-le.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Labelled(Reads):
    """How labelled rows are read."""

    label: Annotated[
        list[str] | None,
        option("--label", "COL", "The column of labels; repeatable, for one 0/1 column a label.", shown=UNNAMED),
    ] = None
    task: Annotated[
        str,
        option(
            "--task",
            "KIND",
            "binary, multiclass, multilabel, ordinal (stars) or regression (numbers); auto tells it from the labels.",
            shown=True,
        ),
    ] = "auto"
    label_delimiter: Annotated[
        str | None, option("--label-delimiter", "TEXT", "What parts several labels in one cell, such as ';'.")
    ] = None
    order: Annotated[str | None, option("--order", "A<B<C", "Ordered labels, the lowest first.")] = None
    label_map: LabelMap = None
    positive: Annotated[str | None, option("--positive", "VALUE", "The positive label.")] = None


@dataclass(frozen=True, kw_only=True)
class Learns(Labelled):
    """What commands that learn from rows take."""

    data: Data
    out: Out
    test: Test = None
    group: Annotated[str | None, option("--group", "COL", "Rows with equal values stay on one side of a split.")] = None
    n_labels: Annotated[int | None, option("--n-labels", "N", "Use only N labels in all, drawn at random.")] = None
    seed: Seed = 0
    device: Device = "auto"
    config: Annotated[Path | None, option("--config", "FILE.toml", "Options of the Python classes.")] = None
    set_: Annotated[list[str] | None, option("--set", "KEY=VALUE", "One such option; repeatable.")] = None


@dataclass(frozen=True, kw_only=True)
class Trains(Learns):
    """What commands that train one model take."""

    valid: Annotated[
        str | None, option("--valid", "DATA|FRACTION", "Rows to stop early on; else a tenth is held out.")
    ] = None
    weight: Annotated[str | None, option("--weight", "COL", "What each row counts for in training.")] = None
    threshold: Threshold = None
    costs: Costs = None
    abstain_below: AbstainBelow = None
    coverage: Annotated[
        float | None,
        option(
            "--coverage",
            "P",
            "Give sets or intervals that hold the truth in this fraction of rows, such as 0.9.",
            min=0,
            max=1,
        ),
    ] = None
    metric: Annotated[
        str | None,
        option("--metric", "NAME", "What stops training: accuracy, macro_f1, mae ...", shown="the task's own"),
    ] = None
    unlabelled: Annotated[
        str | None,
        option(
            "--unlabelled",
            "DATA",
            "Further texts, without labels, to learn words from; of many, blend learns pseudo-labels too.",
        ),
    ] = None
    card: Annotated[
        Path | None,
        option("--card", "FILE.toml", "What to say of the model: description, tags, licence, intended_use."),
    ] = None
    report: Annotated[Path | None, option("--report", "FILE.html", "Also write a page about the run.")] = None
    force: Force = False
