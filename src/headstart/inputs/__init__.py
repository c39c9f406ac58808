"""What a model reads of every row: texts, series, images or tabular columns, or several of these.

An `Input` encodes rows for a network and is stored with the model. A `headstart.predictor.Predictor` has its inputs by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.errors import unknown_name
from headstart.inputs.columns import ColumnInput
from headstart.inputs.encoder import EncoderInput
from headstart.inputs.images import ImageInput
from headstart.inputs.protocol import Encoded, Input, Inputs
from headstart.inputs.series import SeriesInput
from headstart.inputs.text import TextInput, Words
from headstart.plain import Facts, Json

INPUTS: Json = {"series": SeriesInput, "image": ImageInput, "columns": ColumnInput}
"""What can be read next to texts, or in their place, by the kind of the rows. A kind of one's own is an entry more, whose class
has ``fit(corpus)`` and ``from_config(config)`` and what `Input` says; see docs/adapt.md."""

_LARGE_ROWS = 16
"""So many times fewer rows are encoded at a time where they are large."""


def fit_inputs(corpus: Corpus, columns: Sequence[str] = (), types: Mapping[str, str] | None = None) -> Inputs:
    """Return inputs fitted on training rows that are no texts, and on tabular columns next to them.

    Raises:
        DataError: rows that hold none of what they are said to be.
        OptionError: there is no such kind of rows.
    """
    if corpus.input not in INPUTS:
        raise unknown_name("kind of rows", corpus.input, INPUTS)
    if corpus.input == "columns":
        return {"columns": ColumnInput.fit(corpus, corpus.reads, types)}
    found = {corpus.input: INPUTS[corpus.input].fit(corpus)}
    return {**found, "columns": ColumnInput.fit(corpus, columns, types)} if columns else found


def kind_of(inputs: Inputs) -> str:
    """Return what rows a model reads, by the name of their kind."""
    return next((kind for kind in inputs if kind != "columns"), "columns" if inputs else "text")


def net_options_of(inputs: Inputs) -> Json:
    """Return what a network has to know of its inputs, as options of a network."""
    return {name: value for one in inputs.values() for name, value in one.net_options().items()}


def written_inputs(inputs: Inputs) -> Json:
    """Return what is stored of inputs that are no texts, by kind; nothing of columns that a head reads next to other rows."""
    rows = kind_of(inputs)
    return {kind: one.config() for kind, one in inputs.items() if kind != "text" and (one.fields or kind == rows)}


def stored_inputs(stored: Mapping[str, Facts]) -> dict[str, Input]:
    """Build inputs again from what `written_inputs` gave.

    Raises:
        ArtifactError: it does not fit.
        OptionError: a kind of rows that is not known here.
    """
    for kind in stored:
        if kind not in INPUTS:
            raise unknown_name("kind of rows", kind, INPUTS)
    return {kind: INPUTS[kind].from_config(config) for kind, config in stored.items()}


def chunk_rows(inputs: Inputs, most: int) -> int:
    """Return how many rows are encoded at a time: fewer of images."""
    return max(1, most // _LARGE_ROWS) if "image" in inputs else most


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
