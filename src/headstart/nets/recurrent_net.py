"""Recurrent networks over words, and the two that have a name.

    ids -> embedding -> encoder -> pooled -> dense0 -> dense1 ... -> output

``gru`` is the reference network. Unlike the tutorial's it gives the recurrent layer the true lengths, so that padding
is never read, and it pools every state instead of one (the tutorial's backward half carries nothing). ``fast`` is as
good at a tenth of its time: no matrix product stands between two states (see `headstart.layers.FastRecurrent`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

from torch import nn

from headstart.engines.options import MOST_LAYERS
from headstart.errors import OptionError
from headstart.layers import DenseBlock, FastRecurrent, Pooling, Recurrent, Stage, StageGraph, TokenEmbedding, xavier
from headstart.layers.columns import COLUMN_FIELDS, column_stages
from headstart.layers.stack import RecurrentStack
from headstart.plain import Json


def recurrent(
    n_words: int,
    *,
    n_outputs: int = 1,
    embedding_size: int = 64,
    hidden_size: int = 64,
    n_layers: int = 1,
    cell: Literal["gru", "lstm", "fast"] = "gru",
    window: Literal[1, 2] = 1,
    bidirectional: bool = True,
    pooling: Sequence[str] = ("mean", "max", "last"),
    pooled_dropout: float = 0.5,
    dense: Sequence[int] = (),
    activation: str = "relu",
    batch_norm: bool = True,
    dropout: float = 0.5,
    embedding_dropout: float = 0.2,
    word_dropout: float = 0.1,
    type_dropout: float = 0.3,
    n_numbers: int = 0,
    n_categories: Sequence[int] = (),
) -> StageGraph:
    """Build the network.

    Args:
        n_words: rows of the embedding, padding and unknown included.
        n_outputs: logits a row; 1 for two classes.
        embedding_size: size of a word's vector.
        hidden_size: size of a recurrent state, of each direction.
        n_layers: recurrent layers on top of one another.
        cell: ``"gru"``, ``"lstm"`` or ``"fast"``.
        window: words that a gate of a fast layer sees: 1, or 2 with the word before it.
        bidirectional: whether to read the text backward too.
        pooling: which of ``last``, ``mean``, ``max`` of the states to put side by side.
        pooled_dropout: share of the pooled states set to zero.
        dense: sizes of the dense blocks; none by default, which carried over better (docs/log.md).
        activation: of the dense blocks; see `headstart.layers.ACTIVATIONS`.
        batch_norm: whether the dense blocks normalise over the batch.
        dropout: after each dense block and between recurrent layers.
        embedding_dropout: share of each vector's values set to zero.
        word_dropout: share of the words replaced by the unknown word, so that its vector is trained.
        type_dropout: share of a batch's distinct words that are not seen at all.
        n_numbers: tabular columns of numbers next to the text.
        n_categories: values of each tabular column of categories.
    """
    if len(tuple(dense)) > MOST_LAYERS:
        raise ValueError(f"a network has at most {MOST_LAYERS} dense blocks")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}; it has to be between 0 and 1")
    if window != 1 and cell != "fast":
        raise OptionError(f"window={window} is for fast layers only, and the cell is {cell!r}; leave window out.")
    embedding = TokenEmbedding(
        n_words, embedding_size, dropout=embedding_dropout, word_dropout=word_dropout, type_dropout=type_dropout
    )
    between = dropout if n_layers > 1 else 0.0
    layers: Json = {"n_layers": n_layers, "bidirectional": bidirectional, "dropout": between}
    encoder: RecurrentStack = (
        FastRecurrent(embedding_size, hidden_size, window=window, **layers)
        if cell == "fast"
        else Recurrent(embedding_size, hidden_size, cell=cell, **layers)
    )
    states = encoder.output_size
    size = len(tuple(pooling)) * states
    pooled = Pooling(pooling, bidirectional=bidirectional, dropout=pooled_dropout)
    table = {
        "embedding": Stage(embedding, ("ids",), ("rows", "tokens", embedding_size)),
        "encoder": Stage(encoder, ("embedding", "lengths"), ("rows", "tokens", states)),
        "pooled": Stage(pooled, ("encoder", "lengths"), ("rows", size)),
    }
    more, source, size = column_stages("pooled", size, n_numbers, n_categories)
    table |= more
    for i, width in enumerate(dense):
        block = DenseBlock(size, width, activation=activation, dropout=dropout, batch_norm=batch_norm)
        table[f"dense{i}"] = Stage(block, (source,), ("rows", width))
        source, size = f"dense{i}", width
    table["output"] = Stage(nn.Linear(size, n_outputs), (source,), ("rows", n_outputs))
    net = StageGraph(table, fields=COLUMN_FIELDS if more else ())
    xavier(net)
    # Xavier's bound for a table of 40,000 words is .01: too small to begin to learn from.
    nn.init.uniform_(embedding.weight, -0.1, 0.1)
    embedding.reset_padding()
    return net


def _preset(hidden: str, **defaults: Any) -> Callable[..., StageGraph]:
    """Return `recurrent` with other defaults, and one option that its signature does not show."""
    preset = partial(recurrent, **defaults)
    signature = inspect.signature(preset)
    options = [option for name, option in signature.parameters.items() if name != hidden]
    preset.__signature__ = signature.replace(parameters=options)  # type: ignore[attr-defined]
    preset.__doc__ = recurrent.__doc__
    return preset


gru = _preset("window")
fast = _preset("cell", cell="fast", embedding_size=100, pooling=("mean", "max"), type_dropout=0.2)
