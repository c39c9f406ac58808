"""A network as good as `gru` at a tenth of its time: no matrix product stands between two states.

    ids -> embedding -> encoder -> pooled -> output

The encoder is `headstart.layers.FastRecurrent`; the rest is the reference network's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from headstart.layers import FastRecurrent, StageGraph, TokenEmbedding, recurrent_net

__all__ = ["fast"]


def fast(
    n_words: int,
    *,
    n_outputs: int = 1,
    embedding_size: int = 100,
    hidden_size: int = 64,
    n_layers: int = 1,
    window: Literal[1, 2] = 1,
    bidirectional: bool = True,
    pooling: Sequence[str] = ("mean", "max"),
    pooled_dropout: float = 0.5,
    dense: Sequence[int] = (),
    activation: str = "relu",
    batch_norm: bool = True,
    dropout: float = 0.5,
    embedding_dropout: float = 0.2,
    word_dropout: float = 0.1,
    type_dropout: float = 0.2,
) -> StageGraph:
    """Build the network.

    Args:
        n_words: rows of the embedding, padding and unknown included.
        n_outputs: logits a row; 1 for two classes.
        embedding_size: size of a word's vector.
        hidden_size: size of a recurrent state, of each direction.
        n_layers: recurrent layers on top of one another.
        window: words that a gate sees: 1, or 2 with the word before it.
        bidirectional: whether to read the text backward too.
        pooling: which of ``last``, ``mean``, ``max`` of the states to put side by side.
        pooled_dropout: share of the pooled states set to zero.
        dense: sizes of the dense blocks.
        activation: of the dense blocks; see `headstart.layers.ACTIVATIONS`.
        batch_norm: whether the dense blocks normalise over the batch.
        dropout: after each dense block and between recurrent layers.
        embedding_dropout: share of each vector's values set to zero.
        word_dropout: share of the words replaced by the unknown word, so that its vector is trained.
        type_dropout: share of a batch's distinct words that are not seen at all.
    """
    return recurrent_net(
        TokenEmbedding(
            n_words, embedding_size, dropout=embedding_dropout, word_dropout=word_dropout, type_dropout=type_dropout
        ),
        FastRecurrent(
            embedding_size,
            hidden_size,
            window=window,
            n_layers=n_layers,
            bidirectional=bidirectional,
            dropout=dropout if n_layers > 1 else 0.0,
        ),
        n_outputs=n_outputs,
        pooling=pooling,
        pooled_dropout=pooled_dropout,
        dense=dense,
        activation=activation,
        batch_norm=batch_norm,
        dropout=dropout,
    )
