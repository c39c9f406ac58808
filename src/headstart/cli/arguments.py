"""What commands take: each option once, and the groups of options that several commands share.

A group is a dataclass; the options of a command inherit from it (see `headstart.cli.commands`). Nothing heavy is
imported here, nor are annotations left as strings: both would make ``--help`` slow or wrong.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from headstart.kernels.workers import threads

__all__ = [
    "UNNAMED",
    "Cache",
    "ColumnTypes",
    "Columns",
    "Command",
    "Data",
    "Device",
    "Force",
    "Json",
    "LabelMap",
    "Labelled",
    "Layer",
    "Learns",
    "Model",
    "Out",
    "Reads",
    "Seed",
    "Source",
    "Test",
    "Threshold",
    "Trains",
]

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
Out = Annotated[Path, typer.Option("--out", metavar="PATH", help="Where to write.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Replace a model of another run at --out.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Decides all that is random.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:1.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, to stdout.")]
LabelMap = Annotated[
    str | None, typer.Option("--label-map", metavar="A=x,B=y", help="Rename label values.", show_default=False)
]
Test = Annotated[
    str | None,
    typer.Option("--test", metavar="DATA|FRACTION", help="Rows to measure on at the end.", show_default=False),
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
Cache = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="DIR|off",
        help="Where outputs of a large imported encoder are kept.",
        show_default="HEADSTART_CACHE, or your own cache folder",
    ),
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
Source = Annotated[
    str | None, typer.Option("--source", metavar="DATA", help="The base's own labelled texts.", show_default=False)
]
Layer = Annotated[
    str | None,
    typer.Option("--layer", metavar="NAME", help="A layer, as `headstart layers` lists them.", show_default=False),
]


def _use_threads(context: typer.Context, n: int | None) -> int | None:
    if n is not None:
        context.with_resource(threads(n))
    return n


@dataclass(frozen=True, kw_only=True)
class Command:
    """What nearly every command takes."""

    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            metavar="N",
            callback=_use_threads,
            show_default=False,
            help="Compute with N threads (or set HEADSTART_THREADS). Another number may change last digits.",
        ),
    ] = None
    as_json: Json = False


@dataclass(frozen=True, kw_only=True)
class Reads(Command):
    """How rows are read."""

    text: Annotated[
        str | None,
        typer.Option(
            "--text",
            metavar="COL",
            help="The column of texts; several, as in title,body, become one text.",
            show_default="the model's own, or text",
        ),
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", metavar="COL=VALUE", help="Keep only rows with this value; repeatable.", show_default=False
        ),
    ] = None
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="What the data are, or what - is: csv, tsv, jsonl, parquet or arrow.",
            show_default=False,
        ),
    ] = None
    delimiter: Annotated[
        str | None,
        typer.Option(
            "--delimiter",
            metavar="CHARACTER",
            help="What parts the cells of CSV: a character, or tab.",
            show_default=False,
        ),
    ] = None
    quoting: Annotated[
        str,
        typer.Option(
            "--quoting", metavar="HOW", help="Quotation marks in CSV: minimal, if they enclose cells, or none."
        ),
    ] = "auto"
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding",
            metavar="NAME",
            help="Of text files, such as cp1252, gb18030 or utf-16-le.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Labelled(Reads):
    """How labelled rows are read."""

    label: Annotated[str | None, typer.Option("--label", metavar="COL", help="The column of labels.")] = UNNAMED
    label_map: LabelMap = None
    positive: Annotated[
        str | None, typer.Option("--positive", metavar="VALUE", help="The positive label.", show_default=False)
    ] = None


@dataclass(frozen=True, kw_only=True)
class Learns(Labelled):
    """What commands that learn from rows take."""

    data: Data
    out: Out
    test: Test = None
    group: Annotated[
        str | None,
        typer.Option(
            "--group", metavar="COL", help="Rows with equal values stay on one side of a split.", show_default=False
        ),
    ] = None
    n_labels: Annotated[
        int | None,
        typer.Option("--n-labels", metavar="N", help="Use only N labels in all, drawn at random.", show_default=False),
    ] = None
    seed: Seed = 0
    device: Device = "auto"
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE.toml", help="Options of the Python classes.", show_default=False),
    ] = None
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One such option; repeatable.", show_default=False),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Trains(Learns):
    """What commands that train one model take."""

    valid: Annotated[
        str | None,
        typer.Option(
            "--valid",
            metavar="DATA|FRACTION",
            help="Rows to stop early on; else a tenth is held out.",
            show_default=False,
        ),
    ] = None
    weight: Annotated[
        str | None,
        typer.Option("--weight", metavar="COL", help="What each row counts for in training.", show_default=False),
    ] = None
    threshold: Threshold = None
    unlabelled: Annotated[
        str | None,
        typer.Option(
            "--unlabelled",
            metavar="DATA",
            help="Further texts, without labels, to learn words from; of many, blend guesses the labels.",
            show_default=False,
        ),
    ] = None
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.html", help="Also write a page about the run.", show_default=False),
    ] = None
    force: Force = False
