"""What ``--config``, ``--set`` and other options mean, once their text is read."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headstart.corpus import parse_column_types
from headstart.errors import OptionError, unknown_name
from headstart.estimators import TextClassifier
from headstart.nets import NETS, net_options
from headstart.plain import Json
from headstart.train import Trainer


def estimator_options(config: Path | None, settings: Sequence[str] | None) -> Json:
    """Return options of `TextClassifier` from a TOML file and from ``KEY=VALUE``, the latter first.

    A key is an option of `TextClassifier`, of the network or of `Trainer`; the last two also as
    ``net_options.KEY`` and ``trainer_options.KEY``.
    """
    found: Json = {}
    for key, value in given_options(config, settings):
        parts = value.items() if key in ("net_options", "trainer_options") and isinstance(value, Mapping) else None
        for name, item in parts or [(None, value)]:
            _place(found, key if name is None else f"{key}.{name}", item)
    return found


def column_types(text: str | None) -> dict[str, str] | None:
    """Return what ``--column-types`` says."""
    return None if text is None else parse_column_types(text)


def given_options(config: Path | None, settings: Sequence[str] | None) -> list[tuple[str, Any]]:
    """Return what a TOML file and ``KEY=VALUE`` say, in that order."""
    given: Json = {}
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


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return {"none": None, "null": None}.get(text.lower(), text)


_NOT_SET = {
    "TextClassifier": {"self", "encoder", "events", "order", "task", "teacher"},
    "Trainer": {"self", "net", "events", "phases", "device", "random_state", "checkpoint"},
}


def settable(owner: type) -> tuple[str, ...]:
    """Return the arguments of a class that ``--set`` takes; a trainer's others are the classifier's."""
    return tuple(name for name in inspect.signature(owner).parameters if name not in _NOT_SET[owner.__name__])


def _place(found: Json, key: str, value: Any) -> None:
    """Put one option where `TextClassifier` expects it."""
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
