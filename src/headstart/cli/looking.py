"""Commands that look inside a model: `layers`, `inspect`, `map`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headstart.cli import console, reading
from headstart.cli import options as opt

if TYPE_CHECKING:
    from headstart.report import MapFigure

__all__ = ["register"]


def layers(
    model: opt.Model,
    match: Annotated[
        str | None,
        typer.Option("--match", metavar="PATTERN", help="Show what a freezing pattern selects.", show_default=False),
    ] = None,
    as_json: opt.Json = False,
) -> None:
    """List a model's layers, the shapes of their outputs, and its parameters."""
    from headstart.estimators import load
    from headstart.features import layer_table
    from headstart.freezing import selected_parameters
    from headstart.predictor.scorers import net_arrays

    predictor = load(model).predictor_
    outputs = layer_table(predictor)
    parameters: list[dict[str, Any]] = [
        {"parameter": name, "shape": list(array.shape), "size": int(array.size)}
        for name, array in net_arrays(predictor.net).items()
    ]
    result = {
        "layers": outputs,
        "parameters": parameters,
        "n_parameters": sum(row["parameters"] for row in outputs),
    }
    if match is not None:
        chosen = set(selected_parameters(predictor.net, match))
        for row in parameters:
            row["selected"] = row["parameter"] in chosen
        result["selected"] = [row["parameter"] for row in parameters if row["selected"]]
    tables = [console.table([_for_reading(row) for row in rows]) for rows in (outputs, parameters)]
    lines = [*tables[0], "", *tables[1], "", f"{result['n_parameters']:,} parameters"]
    console.emit(result, as_json=as_json, lines=lines)


def inspect(model: opt.Model, as_json: opt.Json = False) -> None:
    """Tell all about a saved model without loading its weights."""
    from headstart.artifact import check_description
    from headstart.artifact import inspect as inspect_artifact

    found = inspect_artifact(model)
    check_description(found["model"])
    console.emit(found, as_json=as_json, lines=_summary(found))


def map_(
    model: opt.Model,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help=".html, .png, .svg or .pdf", show_default=False)],
    words: Annotated[
        str | None,
        typer.Option("--words", metavar="W1,W2|FILE", help="These words, or one a line.", show_default=False),
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", help="The N words that matter most.", show_default="100")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="DATA", help="Texts instead of words.", show_default=False)
    ] = None,
    layer: opt.Layer = None,
    dimensions: Annotated[int, typer.Option("--dimensions", help="2; maps of three were dropped.", hidden=True)] = 2,
    perplexity: Annotated[
        float | None, typer.Option("--perplexity", help="About how many neighbours count.", show_default="30, or fewer")
    ] = None,
    iterations: Annotated[int, typer.Option("--iterations", help="Steps of t-SNE.")] = 750,
    text: opt.Text = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="COL", help="Colour texts by this label.", show_default="by score")
    ] = None,
    where: opt.Where = None,
    label_map: opt.LabelMap = None,
    n_rows: Annotated[int, typer.Option("--n-rows", help="Draw at most so many texts.")] = 2000,
    seed: opt.Seed = 0,
    threads: opt.Threads = None,
    as_json: opt.Json = False,
    files: opt.Files = None,
) -> None:
    """Draw a t-SNE map of a model's words, or of texts, at any layer."""
    from headstart.cli.mapping import text_map, word_map
    from headstart.errors import OptionError
    from headstart.outputs import check_file

    if sum(option is not None for option in (words, top, data)) > 1:
        raise OptionError("--words, --top and --data exclude one another; give one of them.")
    if out.suffix not in (".html", ".png", ".svg", ".pdf"):
        raise OptionError(f"--out is {out.name!r}; a map is written to a file that ends in .html, .png, .svg or .pdf.")
    check_file(out, (opt.model_files(model), data, words), option="--out")
    how = {"n_components": dimensions, "perplexity": perplexity, "n_iter": iterations, "random_state": seed}
    if data is not None:
        options = reading.DataOptions(text, label, where or (), label_map, files=files)
        figure, facts = text_map(model, options, data, layer=layer or "pooled", n_rows=n_rows, seed=seed, how=how)
    else:
        figure, facts = word_map(model, words, top or 100, layer=layer or "embedding", how=how)
    _write_map(figure, out)
    vote = facts.get("neighbour_vote_auc")
    told = "" if vote is None else f"; AUC of a vote of neighbours {vote:.3f}"
    console.emit({"out": str(out), **facts}, as_json=as_json, lines=[f"{facts['n']:,} points in {out}{told}"])


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(layers)
    app.command("inspect")(inspect)
    app.command("map")(opt.reads_files(map_))


def _write_map(figure: MapFigure, out: Path) -> None:
    if out.suffix == ".html":
        from headstart.report import Page

        Page(figure.title).figure(figure).write(out)
    else:
        figure.save(out)


def _for_reading(row: dict[str, Any]) -> dict[str, Any]:
    shown = {**row, "shape": "[" + ", ".join(map(str, row["shape"])) + "]"}
    return shown | ({"selected": "yes" if row["selected"] else ""} if "selected" in row else {})


def _learnt_from(info: dict[str, Any]) -> str:
    """Return how many rows, and how many guesses of its own, a model has learnt from."""
    guessed = info.get("n_self_trained") or info.get("n_guessed")
    return f"{info.get('n_train', '-')}" + (f", and its own guesses about {guessed:,} texts" if guessed else "")


def _network(net: dict[str, Any]) -> str:
    # An imported graph stands among its options as one long string, which --json shows.
    short = [f"{name} {value}" for name, value in net["options"].items() if len(str(value)) <= 60]
    return f"{net['name'] or 'own module'} ({net['n_words']:,} words{''.join(f', {option}' for option in short)})"


_LACKING = (
    "what format 1.1 has: types of columns, one form for letters with accents, hashes of the training texts; "
    "it scores as it always did, and a model that is trained or transferred anew has them"
)


def _typed_columns(model: dict[str, Any]) -> list[str]:
    """Return each column with its type, and how many values a category has."""
    columns = model["scorer"].get("head", {}).get("columns") or {}
    learnt, kinds = columns.get("learnt", {}), dict(columns.get("kinds", []))
    found = []
    for name in model.get("columns", []):
        known = learnt.get(name, {})
        values = f", {known['n_values']:,} values" if "n_values" in known else ""
        found.append(f"{name} ({known.get('type', kinds.get(name))}{values})")
    return found


def _summary(found: dict[str, Any]) -> list[str]:
    model, info = found["model"], found["model"].get("info", {})
    names = model.get("labels", [])
    text = model.get("text", {})
    net = model.get("scorer", {}).get("net") or {}
    steps = [step["kind"] for step in (text.get("steps") or {}).get("steps", [])]
    lines = {
        "model": f"{found['path']} ({model.get('kind')}, strategy {info.get('strategy', '-')})",
        "labels": f"{', '.join(names)} (positive: {names[-1]})" if names else "-",
        "text steps": " > ".join(steps) or "none: reads bare texts",
        "longest text": f"{text.get('max_tokens') or 'no limit'} tokens, the {text.get('clip')} is kept",
        "text column": text.get("column", "-"),
        "columns": ", ".join(_typed_columns(model)) or "none",
        "network": _network(net) if net else "none",
        "training rows": _learnt_from(info),
        "size": f"{found['bytes'] / 2**20:.1f} MiB, {found['values']:,} numbers",
        "written by": f"headstart {found['written_by']}, format {found['format']}.{model.get('minor', 0)}",
        "content hash": found["content_hash"],
    }
    if not model.get("minor"):
        lines["lacks"] = _LACKING
    for part in ("valid", "test"):
        if info.get(part):
            shown = {name: info[part].get(name) for name in ("auc", "accuracy", "log_loss")}
            lines[part] = ", ".join(f"{name} {value:.4f}" for name, value in shown.items() if value is not None)
    width = max(map(len, lines))
    return [f"{name.ljust(width)}  {value}" for name, value in lines.items()]
