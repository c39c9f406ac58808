"""One class a command: what it takes, and, as its docstring, what ``--help`` says that it does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from headstart.cli import arguments as args

__all__ = [
    "Compare",
    "Demo",
    "Embed",
    "Evaluate",
    "ImportEncoder",
    "ImportMxnet",
    "ImportVectors",
    "Inspect",
    "Layers",
    "Map",
    "Options",
    "Predict",
    "Train",
    "Transfer",
]


@dataclass(frozen=True, kw_only=True)
class Train(args.Trains):
    """Train a base network on labelled texts and write it to a folder.

    A run that was interrupted goes on where it stopped when the same command is given again.
    """

    net: Annotated[str | None, typer.Option("--net", metavar="NAME", help="The network.", show_default="blend")] = None
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", help="Passes over the rows.", show_default=False)
    ] = None


@dataclass(frozen=True, kw_only=True)
class Transfer(args.Trains):
    """Carry a trained model to other texts by one strategy and write the new model to a folder."""

    model: args.Model
    strategy: Annotated[
        str,
        typer.Option("--strategy", metavar="NAME", help="One of those that compare runs, such as features or tfidf."),
    ] = "fine-tune"
    columns: args.Columns = None
    column_types: args.ColumnTypes = None
    layer: args.Layer = None
    freeze: Annotated[
        str | None,
        typer.Option("--freeze", metavar="PATTERN", help="What stands still in fine-tuning.", show_default=False),
    ] = None
    source: args.Source = None
    cache: args.Cache = None


@dataclass(frozen=True, kw_only=True)
class Compare(args.Learns):
    """Compare all ways of using a model on other texts, and of doing without it, at several label budgets.

    Writes rows.jsonl, verdict.json, report.html and the model to ship into a folder. A comparison that was stopped
    goes on when the same command is given again.
    """

    model: args.Model
    columns: args.Columns = None
    column_types: args.ColumnTypes = None
    budgets: Annotated[
        str | None,
        typer.Option(
            "--budgets", metavar="100,500,all", help="Numbers of labels to compare at.", show_default="50 to all"
        ),
    ] = None
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", help="Draws of the training rows at each budget.")] = 5
    cheap_seeds: Annotated[
        int | None,
        typer.Option(
            "--cheap-seeds",
            metavar="N",
            help="Draws at 500 labels and fewer of what is no network.",
            show_default="as --seeds",
        ),
    ] = None
    candidates: Annotated[
        str | None,
        typer.Option(
            "--candidates",
            metavar="A,B",
            help="Only these strategies; 'all' among them stands for those that run unnamed.",
            show_default="all",
        ),
    ] = None
    source: args.Source = None
    source_text: Annotated[
        str | None,
        typer.Option(
            "--source-text", metavar="COL", help="Its column of texts.", show_default="the model's own, or text"
        ),
    ] = None
    source_label: Annotated[str, typer.Option("--source-label", metavar="COL", help="Its column of labels.")] = "label"
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            metavar="COL",
            help="The column of labels; without any, only the gap is measured.",
            show_default="label",
        ),
    ] = None
    n_jobs: Annotated[int | None, typer.Option("--jobs", metavar="N", help="Processes.", show_default="one a core")] = (
        None
    )
    cache: args.Cache = None
    valid: Annotated[str | None, typer.Option("--valid", metavar="DATA|FRACTION", hidden=True)] = None


@dataclass(frozen=True, kw_only=True)
class Evaluate(args.Labelled):
    """Measure a model on labelled texts."""

    model: args.Model
    data: args.Data
    threshold: args.Threshold = None
    device: args.Device = "auto"


@dataclass(frozen=True, kw_only=True)
class Predict(args.Reads):
    """Score texts of any number into a file: the prediction and the probability of each label."""

    model: args.Model
    data: args.Data
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            help=".csv, .tsv, .jsonl (also .gz), .parquet or .feather; - for standard output, as --format says.",
            show_default=False,
        ),
    ]
    keep: Annotated[
        str | None,
        typer.Option("--keep", metavar="A,B", help="Columns of the data to write beside.", show_default=False),
    ] = None
    spreadsheet_safe: Annotated[
        bool, typer.Option("--spreadsheet-safe", help="Put ' before cells that a spreadsheet would calculate.")
    ] = False
    threshold: args.Threshold = None
    device: args.Device = "auto"


@dataclass(frozen=True, kw_only=True)
class Embed(args.Reads):
    """Write a layer's output for every text to a Parquet file, one list of numbers a row."""

    model: args.Model
    data: args.Data
    out: Annotated[Path, typer.Option("--out", metavar="FILE.parquet", help="Where to write.", show_default=False)]
    layer: Annotated[str, typer.Option("--layer", metavar="NAME", help="See `headstart layers`.")] = "pooled"
    pooling: Annotated[str, typer.Option("--pooling", help="Of a layer with an output a token: mean, max or last.")] = (
        "mean"
    )
    device: args.Device = "auto"
    cache: args.Cache = None


@dataclass(frozen=True, kw_only=True)
class Layers:
    """List a model's layers, the shapes of their outputs, and its parameters."""

    model: args.Model
    match: Annotated[
        str | None,
        typer.Option("--match", metavar="PATTERN", help="Show what a freezing pattern selects.", show_default=False),
    ] = None
    as_json: args.Json = False


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """Tell all about a saved model without loading its weights."""

    model: args.Model
    as_json: args.Json = False


@dataclass(frozen=True, kw_only=True)
class Map(args.Reads):
    """Draw a t-SNE map of a model's words, or of texts, at any layer."""

    model: args.Model
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help=".html, .png, .svg or .pdf", show_default=False)]
    words: Annotated[
        str | None,
        typer.Option("--words", metavar="W1,W2|FILE", help="These words, or one a line.", show_default=False),
    ] = None
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", help="The N words that matter most.", show_default="100")
    ] = None
    data: Annotated[
        str | None, typer.Option("--data", metavar="DATA", help="Texts instead of words.", show_default=False)
    ] = None
    layer: args.Layer = None
    dimensions: Annotated[int, typer.Option("--dimensions", help="2; maps of three were dropped.", hidden=True)] = 2
    perplexity: Annotated[
        float | None, typer.Option("--perplexity", help="About how many neighbours count.", show_default="30, or fewer")
    ] = None
    iterations: Annotated[int, typer.Option("--iterations", help="Steps of t-SNE.")] = 750
    label: Annotated[
        str | None, typer.Option("--label", metavar="COL", help="Colour texts by this label.", show_default="by score")
    ] = None
    label_map: args.LabelMap = None
    n_rows: Annotated[int, typer.Option("--n-rows", help="Draw at most so many texts.")] = 2000
    seed: args.Seed = 0


@dataclass(frozen=True, kw_only=True)
class Options:
    """List every option that --set KEY=VALUE takes, with its default, its type and what it means."""

    net: Annotated[
        str | None, typer.Option("--net", metavar="NAME", help="Also the options of this network.", show_default=False)
    ] = None
    as_json: args.Json = False


@dataclass(frozen=True, kw_only=True)
class Demo(args.Command):
    """Do the whole job on real data that comes with the install, and end with a report page."""

    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write.")] = Path("headstart-demo")
    n_source: Annotated[
        int | None,
        typer.Option("--n-source", metavar="N", help="Train on only N movie reviews.", show_default="all 25,000"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ImportMxnet:
    """Read a network that Apache MXNet exported, without MXNet, and write it as a model."""

    prefix: Annotated[
        Path, typer.Argument(help="PREFIX of PREFIX-symbol.json and PREFIX-0000.params.", show_default=False)
    ]
    vocab: Annotated[
        Path, typer.Option("--vocab", metavar="FILE", help="Its words, in order of their indices.", show_default=False)
    ]
    labels: Annotated[
        str, typer.Option("--labels", metavar="A,B", help="What a low and what a high score mean.", show_default=False)
    ]
    out: args.Out
    epoch: Annotated[
        int | None,
        typer.Option(
            "--epoch", metavar="N", help="The number in the parameter file's name.", show_default="the highest"
        ),
    ] = None
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="N", help="Cut texts to N tokens.", show_default="no limit")
    ] = None
    parameters: Annotated[
        Path | None, typer.Option("--parameters", metavar="FILE", help="Another parameter file.", show_default=False)
    ] = None
    expected: Annotated[
        Path | None,
        typer.Option(
            "--expected", metavar="FILE.npz", help="MXNet's own outputs, to hold it against.", show_default=False
        ),
    ] = None
    force: args.Force = False
    as_json: args.Json = False


@dataclass(frozen=True, kw_only=True)
class ImportVectors:
    """Read static vectors that model2vec made and write them as a model to build on."""

    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A local folder of model2vec.", show_default=False)]
    out: args.Out
    max_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-tokens",
            metavar="N",
            help="Cut texts to N of the model's pieces.",
            show_default="the model's own limit",
        ),
    ] = None
    force: args.Force = False
    as_json: args.Json = False


@dataclass(frozen=True, kw_only=True)
class ImportEncoder(ImportVectors):
    """Read an encoder that others trained (BERT and its kin) and write it as a model to build on."""

    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A local folder of transformers or sentence-transformers, as safetensors.",
            show_default=False,
        ),
    ]
    pooling: Annotated[
        str | None,
        typer.Option(
            "--pooling",
            metavar="A,B",
            help="Of mean, cls, max, last; several lie side by side.",
            show_default="the model's own",
        ),
    ] = None
