"""The network of the MXNet/Gluon tutorial, computed as it computes it, its mistakes included.

    ids -> embedding -> encoder -> pooled -> dense0 -> dense1 -> dense2 -> output

Kept so that its figures can be reproduced, and improved upon with open eyes:

* The recurrent layer gets no lengths. Its backward half starts in the padding, so a text's score depends
  on how long its batch mates are (up to .46 of a logit on IMDB).
* One state is pooled: the one at the last true token. Its backward half has read only padding and a word.
* The padding id has a vector that is trained like any word's.

Here the padding id is no real word and unknown words have an id of their own, which the tutorial's
vocabulary lacks; nothing else differs. Gluon's initial values and batch normalisation equal torch's here.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from headstart.layers import DenseBlock, Stage, StageGraph, xavier

_MOST_BLOCKS = 64  # beyond any use; a damaged file may ask for a million


class _PaddedGRU(nn.Module):
    """A bidirectional GRU over the whole padded rectangle."""

    def __init__(self, n_inputs: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(n_inputs, hidden_size, batch_first=True, bidirectional=True)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map [rows, tokens, n_inputs] to [rows, tokens, 2 * hidden_size]."""
        states: Tensor = self.rnn(vectors)[0]
        return states


class _StateAtEnd(nn.Module):
    """Takes both directions' state at each row's last true token, as MXNet's ``SequenceLast`` does."""

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Map [rows, tokens, size] to [rows, size]; an empty text takes its first padding state."""
        last = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, states.shape[2])
        return states.gather(1, last)[:, 0]


def tutorial(
    n_words: int,
    *,
    n_outputs: int = 1,
    embedding_size: int = 64,
    hidden_size: int = 50,
    dense: Sequence[int] = (100, 100, 10),
    dropout: float = 0.2,
) -> StageGraph:
    """Build the network; the defaults are the tutorial's own.

    Args:
        n_words: rows of the embedding, padding and unknown included.
        n_outputs: logits a row; 1 for two classes.
        embedding_size: size of a word's vector.
        hidden_size: size of a recurrent state, of each direction.
        dense: sizes of the dense blocks.
        dropout: after each dense block.
    """
    if len(tuple(dense)) > _MOST_BLOCKS:
        raise ValueError(f"a network has at most {_MOST_BLOCKS} dense blocks")
    table = {
        "embedding": Stage(nn.Embedding(n_words, embedding_size), ("ids",), ("rows", "tokens", embedding_size)),
        "encoder": Stage(_PaddedGRU(embedding_size, hidden_size), ("embedding",), ("rows", "tokens", 2 * hidden_size)),
        "pooled": Stage(_StateAtEnd(), ("encoder", "lengths"), ("rows", 2 * hidden_size)),
    }
    source, size = "pooled", 2 * hidden_size
    for i, width in enumerate(dense):
        table[f"dense{i}"] = Stage(DenseBlock(size, width, dropout=dropout), (source,), ("rows", width))
        source, size = f"dense{i}", width
    table["output"] = Stage(nn.Linear(size, n_outputs), (source,), ("rows", n_outputs))
    net = StageGraph(table, sees_padding=True)
    xavier(net)
    return net
