"""A network over tabular columns.

    numbers, missing, codes -> embedding -> block0 -> block1 -> pooled -> output

Embedded columns into a small residual network: Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data", NeurIPS
2021, found that such a network is hard to beat by larger ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from headstart.layers import Stage, StageGraph
from headstart.layers.columns import COLUMN_FIELDS, ColumnEmbedding

_MOST_BLOCKS = 64


class _Block(nn.Module):
    def __init__(self, size: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.wide, self.narrow = nn.Linear(size, 2 * size), nn.Linear(2 * size, size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor) -> Tensor:
        """Map [rows, size] to [rows, size]."""
        inner = functional.relu(self.wide(self.norm(values)))
        added: Tensor = values + self.narrow(self.dropout(inner))
        return added


class _Narrow(nn.Module):
    def __init__(self, n_inputs: int, size: int, dropout: float) -> None:
        super().__init__()
        self.dropout, self.linear = nn.Dropout(dropout), nn.Linear(n_inputs, size)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map [rows, n_inputs] to [rows, size]."""
        values: Tensor = self.linear(self.dropout(vectors))
        return values


class _End(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)

    def forward(self, values: Tensor) -> Tensor:
        """Map [rows, size] to [rows, size]."""
        return functional.relu(self.norm(values))


def mlp(
    n_words: int = 0,
    *,
    n_outputs: int = 1,
    n_numbers: int = 0,
    n_categories: Sequence[int] = (),
    embedding_size: int = 12,
    size: int = 96,
    n_blocks: int = 2,
    dropout: float = 0.2,
) -> StageGraph:
    """Build the network.

    Args:
        n_words: not looked at; there are no words.
        n_outputs: logits a row; 1 for two classes.
        n_numbers: columns of numbers.
        n_categories: values of each category column.
        embedding_size: size of a column's vector.
        size: of the residual stream.
        n_blocks: residual blocks.
        dropout: share of values set to zero within each.
    """
    if not 0 < n_blocks <= _MOST_BLOCKS:
        raise ValueError(f"a network has 1 to {_MOST_BLOCKS} blocks")
    embedding = ColumnEmbedding(n_numbers, tuple(n_categories), embedding_size)
    table = {
        "embedding": Stage(embedding, COLUMN_FIELDS, ("rows", embedding.output_size)),
        "narrow": Stage(_Narrow(embedding.output_size, size, dropout / 2), ("embedding",), ("rows", size)),
    }
    source = "narrow"
    for place in range(n_blocks):
        table[f"block{place}"] = Stage(_Block(size, dropout), (source,), ("rows", size))
        source = f"block{place}"
    table["pooled"] = Stage(_End(size), (source,), ("rows", size))
    table["output"] = Stage(nn.Linear(size, n_outputs), ("pooled",), ("rows", n_outputs))
    return StageGraph(table, fields=COLUMN_FIELDS)
