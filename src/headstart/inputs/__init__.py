"""What a model reads of every row: texts, and columns next to them.

An `Input` encodes rows for a network and is stored with the model. A `headstart.predictor.Predictor` has its inputs by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.inputs.columns import ColumnInput
from headstart.inputs.protocol import Encoded, Input, Inputs
from headstart.inputs.text import TextInput, Words

__all__ = [
    "ColumnInput",
    "Encoded",
    "Input",
    "Inputs",
    "TextInput",
    "Words",
    "column_input_of",
    "encode_rows",
    "reads",
    "text_input_of",
]


def reads(columns: Sequence[str] = (), **text: Any) -> Inputs:
    """Return inputs for texts, with the options of a `TextInput`, and for columns where some are named."""
    of_text = TextInput(**text)
    return {"text": of_text, "columns": ColumnInput(tuple(columns))} if columns else {"text": of_text}


def text_input_of(inputs: Inputs) -> TextInput:
    """Return how texts are read; of a model that reads none, an input that reads nothing."""
    found = inputs.get("text")
    return found if isinstance(found, TextInput) else TextInput()


def column_input_of(inputs: Inputs) -> ColumnInput | None:
    """Return which tabular columns are read; None of none."""
    found = inputs.get("columns")
    return found if isinstance(found, ColumnInput) else None


def encode_rows(inputs: Inputs, corpus: Corpus) -> Encoded:
    """Return rows as a network reads them, by all inputs that it reads."""
    found = [one.encode(corpus) for one in inputs.values() if one.fields]
    if len(found) == 1:
        return found[0]
    fields = {name: value for one in found for name, value in one.examples.fields.items()}
    with_ids = [replace(one.examples, fields=fields) for one in found if len(one.examples.ids)]
    counts = {name: value for one in found for name, value in one.counts.items()}
    return Encoded((with_ids or [Examples(fields=fields)])[0], counts)
