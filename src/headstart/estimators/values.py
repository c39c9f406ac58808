"""Values of options and labels between Python, NumPy and what a model file can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headstart.corpus import Corpus
from headstart.errors import OptionError, unknown_name
from headstart.plain import Facts
from headstart.predictor import Predictor
from headstart.predictor.class_labels import Classes, stored_classes
from headstart.train import Phase


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


def classes_of(predictor: Predictor, train: Corpus) -> Classes:
    """Return the labels as the training rows' own values, and as the model's where the rows have none."""
    known = stored_classes(predictor)
    values = dict(zip(train.label_names, train.label_values, strict=False))
    held = [values.get(name, name) for name in known.names]
    if len({type(value) for value in held}) > 1 and not set(known.names) <= set(values):
        return known  # rows of one label say nothing of the other's type
    return Classes(known.names, tuple(held)) if values else known


def to_python(value: Any) -> Any:
    """Return NumPy's numbers as Python's, which a stored model can hold, also inside lists and dicts."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {name: to_python(item) for name, item in value.items()}
    return type(value)(map(to_python, value)) if type(value) in (list, tuple) else value


def plain(value: object) -> Any:
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


def names_read(predictor: Predictor) -> list[str]:
    """Return the names of the columns that a model reads: of its rows, and of what stands next to them."""
    rows = predictor.row_columns
    own = [predictor.text] if isinstance(rows, str) else list(predictor.inputs[predictor.reads_kind].names)
    return list(dict.fromkeys((*own, *predictor.columns)))
