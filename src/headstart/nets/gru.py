"""The reference network: a bidirectional recurrent layer that knows where each text ends.

    ids -> embedding -> encoder -> pooled -> dense0 -> dense1 ... -> output

Unlike the tutorial's network it gives the recurrent layer the true lengths, so that padding is never
read, and it pools every state instead of one (ANCHORS: the tutorial's backward half carries nothing).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

from headstart.layers import DenseBlock, Pooling, Recurrent, Stage, StageGraph, TokenEmbedding, xavier

__all__ = ["gru"]

_MOST_LAYERS = 64  # beyond any use; a damaged file may ask for a million


def gru(
    n_words: int,
    *,
    n_outputs: int = 1,
    embedding_size: int = 64,
    hidden_size: int = 64,
    n_layers: int = 1,
    cell: Literal["gru", "lstm"] = "gru",
    bidirectional: bool = True,
    pooling: Sequence[str] = ("mean", "max"),
    dense: Sequence[int] = (),
    activation: str = "relu",
    batch_norm: bool = True,
    dropout: float = 0.5,
    embedding_dropout: float = 0.3,
    word_dropout: float = 0.1,
) -> StageGraph:
    """Build the network.

    Args:
        n_words: rows of the embedding, padding and unknown included.
        n_outputs: logits a row; 1 for two classes.
        embedding_size: size of a word's vector.
        hidden_size: size of a recurrent state, of each direction.
        n_layers: recurrent layers on top of one another.
        cell: ``"gru"`` or ``"lstm"``.
        bidirectional: whether to read the text backward too.
        pooling: which of ``last``, ``mean``, ``max`` of the states to put side by side.
        dense: sizes of the dense blocks; none by default, which carried over better (docs/log.md).
        activation: of the dense blocks; see `headstart.layers.ACTIVATIONS`.
        batch_norm: whether the dense blocks normalise over the batch.
        dropout: after each dense block and between recurrent layers.
        embedding_dropout: share of each vector's values set to zero.
        word_dropout: share of the words replaced by the unknown word, so that its vector is trained.
    """
    if not 1 <= n_layers <= _MOST_LAYERS or len(tuple(dense)) > _MOST_LAYERS:
        raise ValueError(f"a network has 1 to {_MOST_LAYERS} recurrent layers and at most {_MOST_LAYERS} dense blocks")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}; it has to be between 0 and 1")
    directions = 2 if bidirectional else 1
    states = directions * hidden_size
    embedding = TokenEmbedding(n_words, embedding_size, dropout=embedding_dropout, word_dropout=word_dropout)
    table = {
        "embedding": Stage(embedding, ("ids",), ("rows", "tokens", embedding_size)),
        "encoder": Stage(
            Recurrent(
                embedding_size,
                hidden_size,
                cell=cell,
                n_layers=n_layers,
                bidirectional=bidirectional,
                dropout=dropout if n_layers > 1 else 0.0,
            ),
            ("embedding", "lengths"),
            ("rows", "tokens", states),
        ),
        "pooled": Stage(
            Pooling(pooling, bidirectional=bidirectional),
            ("encoder", "lengths"),
            ("rows", len(tuple(pooling)) * states),
        ),
    }
    source, size = "pooled", len(tuple(pooling)) * states
    for i, width in enumerate(dense):
        block = DenseBlock(size, width, activation=activation, dropout=dropout, batch_norm=batch_norm)
        table[f"dense{i}"] = Stage(block, (source,), ("rows", width))
        source, size = f"dense{i}", width
    table["output"] = Stage(nn.Linear(size, n_outputs), (source,), ("rows", n_outputs))
    net = StageGraph(table)
    xavier(net)
    # Xavier's bound for a table of 40,000 words is .01: too small to begin to learn from.
    nn.init.uniform_(embedding.weight, -0.1, 0.1)
    embedding.reset_padding()
    return net
