"""Values of options and labels between Python, NumPy and what a model file can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.corpus import Corpus
from headstart.errors import OptionError, unknown_name
from headstart.predictor import Predictor
from headstart.train import Phase

__all__ = ["as_array", "classes_of", "phases_of", "plain", "typed_classes", "without_numpy"]


def phases_of(phases: Sequence[Phase | Mapping[str, Any]] | None) -> tuple[Phase, ...] | None:
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


def classes_of(names: Sequence[str], train: Corpus) -> NDArray[Any]:
    """Return the labels as the training rows' own values, in the order of their names [2]."""
    values = dict(zip(train.label_names, train.label_values, strict=False))
    return as_array([values.get(name, name) for name in names])


def typed_classes(predictor: Predictor) -> NDArray[Any]:
    """Return a loaded model's labels in the type that they had in training [2]."""
    kinds = predictor.info.get("label_types", [])
    names = list(predictor.label_names)
    if kinds and all(kind == "int" for kind in kinds):
        return np.array([int(name) for name in names])
    if kinds and all(kind == "float" for kind in kinds):
        return np.array([float(name) for name in names])
    if kinds and all(kind == "bool" for kind in kinds):
        return np.array([name == "True" for name in names])
    return as_array(names)


def as_array(values: list[Any]) -> NDArray[Any]:
    """Return values as an array that keeps numbers numbers and strings strings."""
    array = np.array(values)
    return (
        array
        if array.dtype.kind in "biuf" or all(isinstance(v, str) for v in values)
        else np.array(values, dtype=object)
    )


def without_numpy(value: Any) -> Any:
    """Return NumPy's numbers as Python's, which a stored model can hold, also inside lists and dicts."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {name: without_numpy(item) for name, item in value.items()}
    return type(value)(map(without_numpy, value)) if type(value) in (list, tuple) else value


def plain(value: Any) -> Any:
    """Return a JSON-able form of a constructor argument, or raise."""
    value = without_numpy(value)
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
