"""What the recurrent networks share: word vectors, an encoder, pooled states, dense blocks, an output."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from headstart.layers.dense import DenseBlock, xavier
from headstart.layers.embedding import TokenEmbedding
from headstart.layers.pooling import Pooling
from headstart.layers.stack import MOST_LAYERS, RecurrentStack
from headstart.layers.stages import Stage, StageGraph

__all__ = ["recurrent_net"]


def recurrent_net(
    embedding: TokenEmbedding,
    encoder: RecurrentStack,
    *,
    n_outputs: int,
    pooling: Sequence[str],
    pooled_dropout: float,
    dense: Sequence[int],
    activation: str,
    batch_norm: bool,
    dropout: float,
) -> StageGraph:
    """Build embedding -> encoder -> pooled -> dense0 -> dense1 ... -> output.

    Args:
        embedding: the word vectors.
        encoder: reads them; gives a state a token.
        n_outputs: logits a row.
        pooling: which of ``last``, ``mean``, ``max`` of the states to put side by side.
        pooled_dropout: share of the pooled states set to zero.
        dense: sizes of the dense blocks.
        activation: of the dense blocks; see `headstart.layers.ACTIVATIONS`.
        batch_norm: whether the dense blocks normalise over the batch.
        dropout: after each dense block.
    """
    if len(tuple(dense)) > MOST_LAYERS:
        raise ValueError(f"a network has at most {MOST_LAYERS} dense blocks")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}; it has to be between 0 and 1")
    states = encoder.output_size
    source, size = "pooled", len(tuple(pooling)) * states
    table = {
        "embedding": Stage(embedding, ("ids",), ("rows", "tokens", embedding.size)),
        "encoder": Stage(encoder, ("embedding", "lengths"), ("rows", "tokens", states)),
        "pooled": Stage(
            Pooling(pooling, bidirectional=encoder.bidirectional, dropout=pooled_dropout),
            ("encoder", "lengths"),
            ("rows", size),
        ),
    }
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
