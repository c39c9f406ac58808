"""The command `options`: every key that ``--set`` and ``--config`` take, read off signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from headstart.cli import console
from headstart.cli.commands import Options
from headstart.cli.settings import settable
from headstart.estimators import TextClassifier
from headstart.nets import NETS, net_options
from headstart.plain import Json
from headstart.train import Trainer


def options(given: Options) -> None:
    """List every option that ``--set`` takes."""
    rows = _described(TextClassifier, "classifier", settable(TextClassifier))
    rows += _described(Trainer, "trainer", settable(Trainer))
    for name in NETS if given.net is None else [given.net]:
        keys = tuple(net_options(name))
        rows += _described(NETS[name], f"network {name}", keys)
    lines: list[str] = []
    for group in dict.fromkeys(row["of"] for row in rows):
        lines.append(f"{group}:")
        for row in rows:
            if row["of"] == group:
                lines += [f"  {row['key']} = {row['default']}  ({row['type']})", f"      {row['meaning']}"]
    console.emit({"options": rows}, as_json=given.as_json, lines=lines)


def _described(owner: Callable[..., Any], group: str, keys: tuple[str, ...]) -> list[Json]:
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


def _default(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(list(value) if isinstance(value, tuple) else value)


def _type(annotation: object) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return str(text).replace("None", "none").replace("RandomState", "int")
