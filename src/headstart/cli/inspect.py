"""The command `inspect`: what a saved model says of itself."""

from __future__ import annotations

from headstart.artifact import inspect as inspect_artifact
from headstart.cli import console
from headstart.cli.commands import Inspect
from headstart.inputs import INPUTS, ImageInput, SeriesInput, stored_inputs
from headstart.plain import Json
from headstart.predictor.stored import decoded_model
from headstart.tasks import task_from_json


def inspect(options: Inspect) -> None:
    """Tell all about a saved model without loading its weights."""
    found = inspect_artifact(options.model)
    decoded_model(found["model"])
    console.emit(found, as_json=options.as_json, lines=_summary(found))


def _learnt_from(info: Json) -> str:
    """Return how many rows, and how many pseudo-labels of its own, a model has learnt from."""
    guessed = info.get("n_self_trained") or info.get("n_guessed")
    return f"{info.get('n_train', '-')}" + (f", and its own pseudo-labels of {guessed:,} texts" if guessed else "")


def _network(net: Json) -> str:
    # An imported graph stands among its options as one long string, which --json shows.
    short = [f"{name} {value}" for name, value in net.get("options", {}).items() if len(str(value)) <= 60]
    return f"{net['name'] or 'own module'} ({net['n_words']:,} words{''.join(f', {option}' for option in short)})"


_LACKING = (
    "what format 1.1 has: types of columns, one form for letters with accents, hashes of the training texts; "
    "it scores as it always did, and a model that is trained or transferred anew has them"
)


def _typed_columns(model: Json) -> list[str]:
    """Return each column with its type, and how many values a category has."""
    columns = model["scorer"].get("head", {}).get("columns") or {}
    learnt, kinds = columns.get("learnt", {}), dict(columns.get("kinds", []))
    found = []
    for name in model.get("columns", []):
        known = learnt.get(name, {})
        values = f", {known['n_values']:,} values" if "n_values" in known else ""
        found.append(f"{name} ({known.get('type', kinds.get(name))}{values})")
    return found


def _decisions(model: Json) -> str:
    """Return from which probability on a label is predicted, whether costs decide, and when nothing is predicted."""
    rule = model.get("rule", {})
    found = ["by costs"] if rule.get("costs") else [f"from a probability of {rule.get('threshold', 0.5):g} on"]
    if rule.get("thresholds"):
        found = ["from a probability of its own for each label on"]
    kind = (model.get("task") or {}).get("kind", "binary")
    if not rule.get("costs") and kind in ("multiclass", "ordinal", "regression"):
        found = [
            {
                "multiclass": "the likeliest class",
                "ordinal": "the expected class" if rule.get("thresholds") else "the median class",
                "regression": "the number",
            }[kind]
        ]
    if "abstain_below" in rule:
        found.append(f"nothing below {rule['abstain_below']:g}")
    if "coverage" in rule:
        found.append(f"sets or intervals that hold {100 * rule['coverage']:g}%")
    return ", ".join(found)


def _texts(text: Json, steps: list[str]) -> dict[str, str]:
    """Return how texts are read."""
    return {
        "text steps": " > ".join(steps) or "none: reads bare texts",
        "longest text": f"{text.get('max_tokens') or 'no limit'} tokens, the {text.get('clip')} is kept",
        "text column": text.get("column", "-"),
    }


def _inputs(inputs: Json) -> dict[str, str]:
    """Return what is read that is no text."""
    found = {}
    for one in stored_inputs({kind: config for kind, config in inputs.items() if kind in INPUTS}).values():
        if isinstance(one, SeriesInput):
            found["series"] = f"{one.column}: {len(one.means)} channels, {one.max_steps:,} steps at most"
        elif isinstance(one, ImageInput):
            colours = "colours" if one.channels == 3 else "grey"
            found["images"] = f"{one.column}: {one.height} x {one.width}, {colours}"
    return found


def _card(card: Json) -> dict[str, str]:
    """Return what people say of the model, part by part."""
    return {
        name.replace("_", " "): ", ".join(value) if isinstance(value, list) else value for name, value in card.items()
    }


def _summary(found: Json) -> list[str]:
    model, info = found["model"], found["model"].get("info", {})
    names = model.get("labels", [])
    text = model.get("text", {})
    net = model.get("scorer", {}).get("net") or {}
    steps = [step["kind"] for step in (text.get("steps") or {}).get("steps", [])]
    task = task_from_json({"kind": "binary", "names": names, **model.get("task", {})})
    version = f"1.{found['minor']}" if found["format"] == 1 else found["format"]
    said = task.said() if names or task.kind == "regression" else "-"
    lines = {
        "model": f"{found['path']} ({model.get('kind')}, strategy {info.get('strategy', '-')})",
        **_card(info.get("card", {})),
        "task": task.kind if names or task.kind == "regression" else "none: an encoder",
        "labels": f"{', '.join(names)} (positive: {names[-1]})" if len(names) == 2 and task.kind == "binary" else said,
        "decides": _decisions(model),
        **(_inputs(model["inputs"]) if model.get("inputs") and not steps else _texts(text, steps)),
        "columns": ", ".join(_typed_columns(model)) or "none",
        "network": _network(net) if net else "none",
        "training rows": _learnt_from(info),
        "size": f"{found['bytes'] / 2**20:.1f} MiB, {found['values']:,} numbers",
        "written by": f"headstart {found['written_by']}, format {version}",
        "content hash": found["content_hash"],
    }
    if version == "1.0":
        lines["lacks"] = _LACKING
    for part in ("valid", "test"):
        if info.get(part):
            figures = ("auc", "accuracy", "log_loss") if task.kind == "binary" else task.metrics
            shown = {name: info[part].get(name) for name in figures}
            lines[part] = ", ".join(f"{name} {value:.4f}" for name, value in shown.items() if value is not None)
    width = max(map(len, lines))
    return [f"{name.ljust(width)}  {value}" for name, value in lines.items()]
