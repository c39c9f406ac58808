"""One class a command: what it takes, and, as its docstring, what ``--help`` says that it does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from headstart.cli import arguments as args


@dataclass(frozen=True, kw_only=True)
class Train(args.Trains):
    """Train a base network on labelled texts and write it to a folder.

    A run that was interrupted goes on where it stopped when the same command is given again.
    """

    net: Annotated[
        str | None, args.option("--net", "NAME", "The network.", shown="blend; of other rows mlp, inception or resnet")
    ] = None
    columns: args.Columns = None
    column_types: args.ColumnTypes = None
    epochs: Annotated[int | None, args.option("--epochs", "N", "Passes over the rows.")] = None
    workers: Annotated[
        int,
        args.option(
            "--workers", "N", "Processes that train, on as many GPUs or on the processors.", shown=True, min=1, max=256
        ),
    ] = 1
    encoder: Annotated[
        Path | None,
        args.option("--with", "ENCODER", "An imported encoder that the network blend reads next to the words."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Transfer(args.Trains):
    """Transfer a trained model to other texts by one strategy and write the new model to a folder."""

    model: args.Model
    strategy: Annotated[
        str, args.option("--strategy", "NAME", "One of those that compare runs, such as features or tfidf.", shown=True)
    ] = "fine-tune"
    columns: args.Columns = None
    column_types: args.ColumnTypes = None
    layer: args.Layer = None
    freeze: Annotated[str | None, args.option("--freeze", "PATTERN", "What stands still in fine-tuning.")] = None
    source: args.Source = None
    cache: args.Cache = None


@dataclass(frozen=True, kw_only=True)
class Compare(args.Learns):
    """Compare all ways of using a model on other texts, and of doing without it, at several label budgets.

    Writes rows.jsonl, verdict.json, report.html and the model to ship into a folder. A comparison that was stopped
    goes on when the same command is given again.
    """

    model: args.Model
    data: Annotated[
        list[str],
        typer.Argument(help="The data; with --data further models.", show_default=False, default_factory=list),
    ]
    columns: args.Columns = None
    column_types: args.ColumnTypes = None
    budgets: Annotated[
        str | None, args.option("--budgets", "100,500,all", "Numbers of labels to compare at.", shown="50 to all")
    ] = None
    seeds: Annotated[int, args.option("--seeds", "N", "Draws of the training rows at each budget.", shown=True)] = 5
    cheap_seeds: Annotated[
        int | None,
        args.option("--cheap-seeds", "N", "Draws at 500 labels and fewer of what is no network.", shown="as --seeds"),
    ] = None
    data_after: Annotated[
        list[str] | None,
        args.option("--data", "DATA", "The data, where several models came: compare A B --data DATA; repeatable."),
    ] = None
    candidates: Annotated[
        str | None,
        args.option(
            "--candidates",
            "A,B",
            "Only these strategies; 'all' among them stands for all.",
            shown="all",
        ),
    ] = None
    metric: Annotated[
        str | None,
        args.option(
            "--metric", "NAME", "What decides the verdict and stops training: accuracy, mae ...", shown="the task's own"
        ),
    ] = None
    source: args.Source = None
    source_text: Annotated[
        str | None, args.option("--source-text", "COL", "Its column of texts.", shown="the model's own, or text")
    ] = None
    source_label: Annotated[str, args.option("--source-label", "COL", "Its column of labels.", shown=True)] = "label"
    n_jobs: Annotated[int | None, args.option("--jobs", "N", "Processes.", shown="one a core")] = None
    ray: args.Ray = None
    cache: args.Cache = None
    valid: Annotated[str | None, typer.Option("--valid", metavar="DATA|FRACTION", hidden=True)] = None


@dataclass(frozen=True, kw_only=True)
class Distil(args.Labelled):
    """Teach a fast network what a model says of texts without labels, and write it to a folder.

    Prints what is kept of the model's quality and how much faster the network is.
    """

    model: args.Model
    out: args.Out
    unlabelled: Annotated[
        list[str],
        args.option("--unlabelled", "DATA", "Texts like those that it will read, the more the better; repeatable."),
    ]
    net: Annotated[str, args.option("--net", "NAME", "The network that learns: fast, blend, gru.", shown=True)] = "fast"
    epochs: Annotated[int | None, args.option("--epochs", "N", "Passes over the texts.")] = None
    test: Annotated[str | None, args.option("--test", "DATA", "Labelled rows to measure both on.")] = None
    seed: args.Seed = 0
    device: args.Device = "auto"
    force: args.Force = False


@dataclass(frozen=True, kw_only=True)
class Evaluate(args.Labelled):
    """Measure a model on labelled texts."""

    model: args.Model
    data: args.Data
    threshold: args.Threshold = None
    costs: args.Costs = None
    abstain_below: args.AbstainBelow = None
    device: args.Device = "auto"
    engine: args.Engine = "auto"


@dataclass(frozen=True, kw_only=True)
class Predict(args.Reads):
    """Score texts of any number into a file: the prediction and the probability of each label."""

    model: args.Model
    data: args.Data
    out: Annotated[
        str,
        args.option(
            "--out",
            "FILE",
            ".csv, .tsv, .jsonl (also .gz), .parquet or .feather; - for standard output, as --format says; with --ray a folder.",
        ),
    ]
    keep: Annotated[
        str | None, args.option("--keep", "A,B", "Columns of the data to write next to the predictions.")
    ] = None
    spreadsheet_safe: Annotated[
        bool, typer.Option("--spreadsheet-safe", help="Put ' before cells that a spreadsheet would calculate.")
    ] = False
    threshold: args.Threshold = None
    costs: args.Costs = None
    abstain_below: args.AbstainBelow = None
    stamp: Annotated[
        bool, typer.Option("--stamp", help="Also write the model's hash and the time, as model_hash and scored_at.")
    ] = False
    device: args.Device = "auto"
    engine: args.Engine = "auto"
    ray: args.Ray = None


@dataclass(frozen=True, kw_only=True)
class Drift(args.Labelled):
    """Tell whether texts have moved away from what a model knows; no label of theirs is looked at.

    Ends with exit code 3 where a threshold is passed.
    """

    model: args.Model
    data: args.Data
    reference: Annotated[
        str | None,
        args.option(
            "--reference",
            "DATA",
            "Texts to compare with, labelled or not; --where is not for them.",
            shown="figures stored in the model",
        ),
    ] = None
    max_unknown: Annotated[
        float, args.option("--max-unknown", "P", "Most that the rate of unknown tokens may rise.", shown=True, min=0)
    ] = 0.05
    max_words: Annotated[
        float, args.option("--max-words", "BITS", "Most that words may be distributed otherwise.", shown=True, min=0)
    ] = 0.1
    max_length: Annotated[
        float, args.option("--max-length", "RATIO", "Most that texts may be longer or shorter.", shown=True, min=1)
    ] = 2.0
    max_scores: Annotated[
        float, args.option("--max-scores", "D", "Most that scores may be distributed otherwise.", shown=True, min=0)
    ] = 0.1
    max_accuracy: Annotated[
        float, args.option("--max-accuracy", "P", "Most that the estimated accuracy may fall.", shown=True, min=0)
    ] = 0.05
    device: args.Device = "auto"
    engine: args.Engine = "auto"


@dataclass(frozen=True, kw_only=True)
class Serve(args.Command):
    """Answer requests with models: JSON, streams of JSON lines, and a page to try them.

    SIGTERM ends it once what was begun is answered; SIGHUP has it read models that were replaced. Set HEADSTART_TOKEN,
    or give --token-file, to want a bearer token.
    """

    models: Annotated[
        list[str],
        typer.Argument(help="Folders of trained models, or NAME=FOLDER.", metavar="MODEL...", show_default=False),
    ]
    host: Annotated[
        str, args.option("--host", "ADDRESS", "Where to listen; 0.0.0.0 for all of this machine's.", shown=True)
    ] = "127.0.0.1"
    port: Annotated[
        int, args.option("--port", "N", "The port; 0 for any that is free.", shown=True, min=0, max=65535)
    ] = 8000
    workers: Annotated[int, args.option("--workers", "N", "Processes.", shown=True, min=1, max=256)] = 1
    token_file: Annotated[
        Path | None, args.option("--token-file", "FILE", "A file that holds the token that requests must bring.")
    ] = None
    watch: Annotated[
        float,
        args.option("--watch", "SECONDS", "Look this often whether a model was replaced, and take the new one.", min=0),
    ] = 0.0
    log_texts: Annotated[bool, typer.Option("--log-texts", help="Write the rows into the log too.")] = False
    max_body: Annotated[
        int, args.option("--max-body", "BYTES", "Largest request.", shown="8 MiB", min=1, max=1 << 30)
    ] = 8 << 20
    max_rows: Annotated[int, args.option("--max-rows", "N", "Most rows of a request.", shown=True, min=1)] = 10_000
    max_characters: Annotated[
        int, args.option("--max-characters", "N", "Longest text.", shown=True, min=1, max=100_000_000)
    ] = 100_000
    max_seconds: Annotated[
        float,
        args.option("--max-seconds", "S", "For a request to arrive, and to be scored.", shown=True, min=0.1, max=3600),
    ] = 30.0
    max_waiting: Annotated[
        int, args.option("--max-waiting", "N", "Rows that may wait to be scored.", shown=True, min=1)
    ] = 20_000
    batch_rows: Annotated[
        int, args.option("--batch-rows", "N", "Most rows that are scored at once.", shown=True, min=1, max=16_384)
    ] = 64
    batch_wait: Annotated[
        float,
        args.option("--batch-wait", "MS", "Most that a batch waits for further rows.", shown=True, min=0, max=1000),
    ] = 2.0
    engine: args.Engine = "auto"


@dataclass(frozen=True, kw_only=True)
class Embed(args.Reads):
    """Write a layer's output for every text to a Parquet file, one list of numbers a row."""

    model: args.Model
    data: args.Data
    out: Annotated[str, args.option("--out", "FILE.parquet", "Where to write; with --ray a folder.")]
    layer: Annotated[str, args.option("--layer", "NAME", "See `headstart layers`.", shown=True)] = "pooled"
    pooling: Annotated[str, typer.Option("--pooling", help="Of a layer with an output a token: mean, max or last.")] = (
        "mean"
    )
    device: args.Device = "auto"
    engine: args.Engine = "auto"
    cache: args.Cache = None
    ray: args.Ray = None


@dataclass(frozen=True, kw_only=True)
class ExportOnnx(args.Labelled):
    """Write a model as a folder that ONNX Runtime scores texts with: a graph, a reader of texts, and a script.

    The folder is written only if it agrees with the model on a thousand texts, odd ones among them.
    """

    model: args.Model
    out: Annotated[Path, args.option("--out", "DIR", "The folder to write.")]
    layer: Annotated[
        list[str] | None, args.option("--layer", "NAME", "A layer whose output the graph gives as well; repeatable.")
    ] = None
    dtype: Annotated[
        str, args.option("--dtype", "TYPE", "float32; float16 and int8 are smaller, and score otherwise.", shown=True)
    ] = "float32"
    data: Annotated[
        str | None, args.option("--data", "DATA", "Labelled texts to measure on what float16 or int8 costs.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Layers:
    """List a model's layers, the shapes of their outputs, and its parameters."""

    model: args.Model
    match: Annotated[str | None, args.option("--match", "PATTERN", "Show what a freezing pattern selects.")] = None
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
    out: Annotated[Path, args.option("--out", "FILE", ".html, .png, .svg or .pdf")]
    words: Annotated[str | None, args.option("--words", "W1,W2|FILE", "These words, or one a line.")] = None
    top: Annotated[int | None, args.option("--top", "N", "The N words that matter most.", shown="100")] = None
    data: Annotated[str | None, args.option("--data", "DATA", "Texts instead of words.")] = None
    layer: args.Layer = None
    dimensions: Annotated[int, typer.Option("--dimensions", help="2; maps of three were dropped.", hidden=True)] = 2
    perplexity: Annotated[
        float | None, typer.Option("--perplexity", help="About how many neighbours count.", show_default="30, or fewer")
    ] = None
    iterations: Annotated[int, typer.Option("--iterations", help="Steps of t-SNE.")] = 750
    label: Annotated[str | None, args.option("--label", "COL", "Colour texts by this label.", shown="by score")] = None
    label_map: args.LabelMap = None
    n_rows: Annotated[int, typer.Option("--n-rows", help="Draw at most so many texts.")] = 2000
    seed: args.Seed = 0


@dataclass(frozen=True, kw_only=True)
class Warm:
    """Compile what prediction needs into a folder, to be baked into an image: then no process has to."""

    model: Annotated[
        Path | None, typer.Argument(metavar="[MODEL]", help="Only what this model needs.", show_default=False)
    ] = None
    to: Annotated[
        Path | None, args.option("--to", "DIR", "Where the machine code goes.", shown="the package's own")
    ] = None
    as_json: args.Json = False


@dataclass(frozen=True, kw_only=True)
class Options:
    """List every option that --set KEY=VALUE takes, with its default, its type and what it means."""

    net: Annotated[str | None, args.option("--net", "NAME", "Also the options of this network.")] = None
    as_json: args.Json = False


@dataclass(frozen=True, kw_only=True)
class Demo(args.Command):
    """Do the whole job on real data that comes with the install, and end with a report page."""

    out: Annotated[Path, args.option("--out", "DIR", "Where to write.", shown=True)] = Path("headstart-demo")
    n_source: Annotated[
        int | None, args.option("--n-source", "N", "Train on only N movie reviews.", shown="all 25,000")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ImportMxnet:
    """Read a network that Apache MXNet exported, without MXNet, and write it as a model."""

    prefix: Annotated[
        Path, typer.Argument(help="PREFIX of PREFIX-symbol.json and PREFIX-0000.params.", show_default=False)
    ]
    vocab: Annotated[Path, args.option("--vocab", "FILE", "Its words, in order of their indices.")]
    labels: Annotated[
        str,
        args.option("--labels", "A,B", "Of one score what a low and a high one mean, else the label of each output."),
    ]
    out: args.Out
    epoch: Annotated[
        int | None, args.option("--epoch", "N", "The number in the parameter file's name.", shown="the highest")
    ] = None
    max_tokens: Annotated[int | None, args.option("--max-tokens", "N", "Cut texts to N tokens.", shown="no limit")] = (
        None
    )
    parameters: Annotated[Path | None, args.option("--parameters", "FILE", "Another parameter file.")] = None
    expected: Annotated[
        Path | None, args.option("--expected", "FILE.npz", "MXNet's own outputs, to hold it against.")
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
        args.option("--max-tokens", "N", "Cut texts to N of the model's pieces.", shown="the model's own limit"),
    ] = None
    force: args.Force = False
    as_json: args.Json = False


@dataclass(frozen=True, kw_only=True)
class ImportImages:
    """Read EfficientNet-Lite, which others trained on photographs, and write it as a model to build on."""

    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A local file of its weights, NAME.pth.", show_default=False)
    ]
    out: args.Out
    size: Annotated[int, args.option("--size", "N", "Bring images to N x N points.", shown="224")] = 224
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
        args.option("--pooling", "A,B", "Of mean, cls, max, last; several lie side by side.", shown="the model's own"),
    ] = None
