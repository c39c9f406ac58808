"""The command `options`: every key that ``--set`` and ``--config`` take, read off signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any

import typer

from headstart.cli import console
from headstart.cli import options as opt

__all__ = ["register"]


def options(
    net: Annotated[
        str | None, typer.Option("--net", metavar="NAME", help="Also the options of this network.", show_default=False)
    ] = None,
    as_json: opt.Json = False,
) -> None:
    """List every option that --set KEY=VALUE takes, with its default, its type and what it means."""
    from headstart.estimators import TextClassifier
    from headstart.nets import NETS, net_options
    from headstart.train import Trainer

    rows = _described(TextClassifier, "classifier", opt.settable(TextClassifier))
    rows += _described(Trainer, "trainer", opt.settable(Trainer))
    for name in NETS if net is None else [net]:
        keys = tuple(net_options(name))
        rows += _described(NETS[name], f"network {name}", keys)
    lines: list[str] = []
    for group in dict.fromkeys(row["of"] for row in rows):
        lines.append(f"{group}:")
        for row in rows:
            if row["of"] == group:
                lines += [f"  {row['key']} = {row['default']}  ({row['type']})", f"      {row['meaning']}"]
    console.emit({"options": rows}, as_json=as_json, lines=lines)


def _described(owner: Callable[..., Any], group: str, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    meanings, parameters = _meanings(owner), inspect.signature(owner).parameters
    return [
        {
            "key": key,
            "of": group,
            "default": _default(parameters[key].default),
            "type": _type(parameters[key].annotation),
            "meaning": meanings.get(key, ""),
        }
        for key in keys
    ]


def _meanings(documented: Callable[..., Any]) -> dict[str, str]:
    """Return the first sentence of each argument in a docstring."""
    text = inspect.getdoc(documented) or ""
    section = re.search(r"^Args:\n((?: +.*\n?|\n)*)", text, re.M)
    found: dict[str, str] = {}
    for names, meaning in re.findall(
        r"^    ([\w, ]+): ((?:.*\n?(?:^ {8}.*\n?)*))", section.group(1) if section else "", re.M
    ):
        sentence = re.split(r"(?<=[.;:]) ", " ".join(meaning.replace("`", "").split()))[0]
        found |= {name.strip(): sentence.rstrip(".;:") for name in names.split(",")}
    return found


def _default(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(list(value) if isinstance(value, tuple) else value)


def _type(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return str(text).replace("None", "none").replace("RandomState", "int")


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(options)
