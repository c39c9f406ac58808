"""Values of options and labels between Python, NumPy and what a model file can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headstart.arrays import Array, Places
from headstart.corpus import Corpus, label_name
from headstart.errors import OptionError, unknown_name
from headstart.plain import Facts
from headstart.predictor import Predictor, Provenance
from headstart.train import Phase

__all__ = ["INDICATOR", "Classes", "classes_of", "phases_of", "plain", "stored_classes", "to_python"]

INDICATOR = "indicator"
"""The type of labels that came as columns of 0 and 1."""


def phases_of(phases: Sequence[Phase | Facts] | None) -> tuple[Phase, ...] | None:
    """Return phases as such; a TOML file gives each as a table."""
    known = [field.name for field in fields(Phase)]
    found = []
    for phase in phases or ():
        if not isinstance(phase, Phase):
            for name in phase:
                if name not in known:
                    raise unknown_name("field of a phase called", name, known)
            phase = Phase(**{"epochs": 1, **phase})
        found.append(phase)
    return tuple(found) or None


@dataclass(frozen=True)
class Classes:
    """The label values behind a model's codes, as `y` held them.

    Attributes:
        names: what the model calls them, by code; none of an encoder.
        values: what `y` held, by code.
    """

    names: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def facts(self) -> Provenance:
        """What a stored model keeps of them: their types, and the values themselves where it calls them otherwise."""
        facts: Provenance = {"label_types": [type(value).__name__ for value in self.values]}
        renamed = [label_name(value) for value in self.values] != list(self.names)
        if renamed and all(isinstance(value, bool | int | float | str) for value in self.values):
            facts["label_values"] = list(self.values)
        return facts

    def in_order(self) -> tuple[Array, Places]:
        """Return the values by code, and the codes [classes]."""
        return as_array(list(self.values)), np.arange(len(self.values))

    def sorted(self) -> tuple[Array, Places]:
        """Return the values in ascending order, as scikit-learn has them, and the code of each [classes]."""
        values = as_array(list(self.values))
        try:
            codes = np.argsort(values, kind="stable")
        except TypeError:  # values of two types have no order
            codes = np.argsort(values.astype(str), kind="stable")
        return values[codes], codes


def classes_of(predictor: Predictor, train: Corpus) -> Classes:
    """Return the labels as the training rows' own values, and as the model's where the rows have none."""
    known = stored_classes(predictor)
    values = dict(zip(train.label_names, train.label_values, strict=False))
    held = [values.get(name, name) for name in known.names]
    if len({type(value) for value in held}) > 1 and not set(known.names) <= set(values):
        return known  # rows of one label say nothing of the other's type
    return Classes(known.names, tuple(held)) if values else known


def stored_classes(predictor: Predictor) -> Classes:
    """Return a loaded model's labels in the values and types that they had in training."""
    names = tuple(predictor.label_names)
    own = predictor.info.get("label_values")
    if own:
        return Classes(names, tuple(own))
    kinds = set(predictor.info.get("label_types", []))
    turn = _TYPES.get(next(iter(kinds)), str) if len(kinds) == 1 else str
    if kinds == {INDICATOR} and names == tuple(map(str, range(len(names)))):
        turn = int
    try:
        values = tuple(turn(name) for name in names)
    except ValueError:
        return Classes(names, names)
    return Classes(names, values if len(set(values)) == len(names) else names)


_TYPES: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": "True".__eq__}


def as_array(values: list[Any]) -> Array:
    """Return values as an array that keeps numbers numbers and strings strings."""
    array = np.array(values)
    return (
        array
        if array.dtype.kind in "biuf" or all(isinstance(v, str) for v in values)
        else np.array(values, dtype=object)
    )


def to_python(value: Any) -> Any:
    """Return NumPy's numbers as Python's, which a stored model can hold, also inside lists and dicts."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {name: to_python(item) for name, item in value.items()}
    return type(value)(map(to_python, value)) if type(value) in (list, tuple) else value


def plain(value: Any) -> Any:
    """Return a JSON-able form of a constructor argument, or raise."""
    value = to_python(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path | torch.device):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items() if not callable(item)}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    if callable(value):
        return None  # A function of the user's own, such as a loss: code is never stored.
    raise OptionError(
        f"the option value {value!r} cannot be stored with the model; use plain numbers, strings, lists or dicts."
    )
