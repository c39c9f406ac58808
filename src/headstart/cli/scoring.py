"""Commands that score: `evaluate`, `predict`, `embed`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headstart.cli import console, reading
from headstart.cli import options as opt

if TYPE_CHECKING:
    from headstart.corpus import FileOptions
    from headstart.predictor import Predictor

__all__ = ["register"]


def evaluate(
    model: opt.Model,
    data: opt.Data,
    text: opt.Text = None,
    label: opt.Label = "label",
    where: opt.Where = None,
    label_map: opt.LabelMap = None,
    positive: opt.Positive = None,
    threshold: opt.Threshold = None,
    device: opt.Device = "auto",
    threads: opt.Threads = None,
    as_json: opt.Json = False,
    files: opt.Files = None,
) -> None:
    """Measure a model on labelled texts."""
    from headstart.cli.learning import evaluated
    from headstart.estimators import load
    from headstart.evaluation.binary import imbalance_warning

    loaded = load(model).set_params(device=device)
    if threshold is not None:
        loaded.predictor_ = replace(loaded.predictor_, threshold=threshold)
    predictor = loaded.predictor_
    options = reading.DataOptions(
        text, label, where or (), label_map, positive,
        columns=predictor.columns, files=files, otherwise=(predictor.text, "text"),
    )  # fmt: skip
    corpus = reading.read_labelled(options, data, predictor.label_names)
    result = {
        **evaluated(loaded, corpus),
        "labels": opt.label_facts(predictor.label_names),
        "counts": corpus.counts,
    }
    _warn(result, predictor)
    if sentence := imbalance_warning(result):
        console.warn(sentence)
    shown = {name: value for name, value in result.items() if isinstance(value, int | float)}
    rows = [{"metric": name, "value": value} for name, value in shown.items()]
    console.emit(result, as_json=as_json, lines=console.table(rows))


def predict(
    model: opt.Model,
    data: opt.Data,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            help=".csv, .tsv, .jsonl (also .gz), .parquet or .feather; - for standard output, as --format says.",
            show_default=False,
        ),
    ],
    text: opt.Text = None,
    where: opt.Where = None,
    keep: Annotated[
        str | None,
        typer.Option("--keep", metavar="A,B", help="Columns of the data to write beside.", show_default=False),
    ] = None,
    spreadsheet_safe: Annotated[
        bool, typer.Option("--spreadsheet-safe", help="Put ' before cells that a spreadsheet would calculate.")
    ] = False,
    threshold: opt.Threshold = None,
    device: opt.Device = "auto",
    threads: opt.Threads = None,
    as_json: opt.Json = False,
    files: opt.Files = None,
) -> None:
    """Score texts of any number into a file: the prediction and the probability of each label."""
    from headstart.bulk import STDOUT, predict_file
    from headstart.corpus import parse_where, source_name
    from headstart.errors import OptionError
    from headstart.estimators import load
    from headstart.outputs import check_file

    to_stdout = str(out) == STDOUT
    if to_stdout and as_json:
        raise OptionError("--out - and --json both write to standard output; give one of them.")
    if not to_stdout:
        check_file(out, (opt.model_files(model), data), option="--out")
    files, format_ = _formats(files, data, to_stdout=to_stdout)
    predictor = load(model).predictor_
    if threshold is not None:
        predictor = replace(predictor, threshold=threshold)
    with console.track("rows", None) as bar:
        counts = predict_file(
            predictor,
            reading.as_source(data),
            out,
            text=text,
            where=parse_where(where) if where else None,
            files=files,
            format=format_,
            keep=opt.column_list(keep),
            spreadsheet_safe=spreadsheet_safe,
            device=device,
            progress=bar.advance,
        )
    _warn(counts, predictor)
    if counts.get("n_formulas") and not spreadsheet_safe:
        console.warn(
            f"{counts['n_formulas']:,} cells of {out} begin as a formula does, and a spreadsheet that opens the file will "
            "calculate them; --spreadsheet-safe puts ' before each"
        )
    reading.tell_counts(source_name(data), counts["reading"])
    if n_lost := counts.get("n_not_finite"):
        console.warn(f"{n_lost:,} kept numbers are NaN or infinite and became null, since JSON has neither")
    line = f"{counts['n']:,} rows scored into {'standard output' if to_stdout else out}"
    if to_stdout:
        console.note(line)
    else:
        result = {"out": str(out), "labels": opt.label_facts(predictor.label_names), **counts}
        console.emit(result, as_json=as_json, lines=[line])


def _formats(files: FileOptions, data: Sequence[str], *, to_stdout: bool) -> tuple[FileOptions, str | None]:
    """Return how to read, and what to write to standard output: ``--format`` says what ``-`` is, be it one or both."""
    return (replace(files, format=None) if to_stdout and "-" not in data else files), files.format


def embed(
    model: opt.Model,
    data: opt.Data,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.parquet", help="Where to write.", show_default=False)],
    layer: Annotated[str, typer.Option("--layer", metavar="NAME", help="See `headstart layers`.")] = "pooled",
    pooling: Annotated[
        str, typer.Option("--pooling", help="Of a layer with an output a token: mean, max or last.")
    ] = "mean",
    text: opt.Text = None,
    where: opt.Where = None,
    device: opt.Device = "auto",
    cache: opt.Cache = None,
    threads: opt.Threads = None,
    as_json: opt.Json = False,
    files: opt.Files = None,
) -> None:
    """Write a layer's output for every text to a Parquet file, one list of numbers a row."""
    from headstart.bulk import embed_file
    from headstart.corpus import parse_where, source_name
    from headstart.estimators import load
    from headstart.outputs import check_file

    check_file(out, (opt.model_files(model), data), option="--out")
    with console.track("rows", None) as bar:
        result = embed_file(
            load(model).predictor_,
            reading.as_source(data),
            out,
            layer=layer,
            pooling=pooling,
            text=text,
            where=parse_where(where) if where else None,
            files=files,
            device=device,
            cache=cache,
            progress=bar.advance,
        )
    reading.tell_counts(source_name(data), result["reading"])
    shown: dict[str, Any] = {"out": str(out), "layer": layer, **result}
    line = f"{result['n']:,} vectors of size {result['size']} from {layer} in {out}"
    console.emit(shown, as_json=as_json, lines=[line])


def _warn(counts: Mapping[str, Any], predictor: Predictor) -> None:
    """Say what the counts of scored rows tell of them."""
    from headstart.predictor.counting import quality_sentences

    for sentence in quality_sentences(counts, {} if predictor.encoder is None else predictor.encoder.types):
        console.warn(sentence)


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (evaluate, predict, embed):
        app.command()(opt.reads_files(command))
