"""A network over series of any length.

    series -> block0 -> block1 -> block2 -> pooled -> output

Convolutions of several widths side by side: Ismail Fawaz et al., "InceptionTime", 2020, smaller. What lies behind a series' end
is zero before each convolution, has no part in the statistics of batch normalisation, and is not pooled; so a series has the
same output alone as in any batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.layers import Stage, StageGraph, pool
from headstart.layers.columns import COLUMN_FIELDS, column_stages

_WIDTHS = (9, 19, 39)
_MOST_BLOCKS = 64


class _Block(nn.Module):
    """Convolutions of three widths, and the maximum of three steps, behind a narrow one; added to what came in."""

    def __init__(self, n_inputs: int, n_filters: int) -> None:
        super().__init__()
        self.narrow = nn.Conv1d(n_inputs, n_filters, 1, bias=False)
        self.wide = nn.ModuleList(
            nn.Conv1d(n_filters, n_filters, width, padding="same", bias=False) for width in _WIDTHS
        )
        self.highest = nn.Conv1d(n_inputs, n_filters, 1, bias=False)
        self.shortcut = nn.Conv1d(n_inputs, 4 * n_filters, 1, bias=False)
        self.norm = nn.BatchNorm1d(4 * n_filters)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Map [rows, steps, n_inputs] to [rows, steps, 4 * n_filters]; zeros behind each row's steps."""
        real = torch.arange(states.shape[1], device=states.device) < lengths[:, None]  # [rows, steps]
        inputs = states.transpose(1, 2)  # [rows, channels, steps]
        narrow = self.narrow(inputs)
        peaks = functional.max_pool1d(inputs.masked_fill(~real[:, None], -1e30), 3, stride=1, padding=1)
        peaks = peaks * real[:, None]  # else -1e30 would stay behind the end
        found = torch.cat([*(conv(narrow) for conv in self.wide), self.highest(peaks)], dim=1) + self.shortcut(inputs)
        steps = found.transpose(1, 2)
        values = torch.zeros_like(steps)
        if real.any():
            values[real] = functional.relu(self.norm(steps[real]))
        return values


class _MaskedPool(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return mean and maximum over each row's steps, [rows, 2 * size]."""
        pooled: Tensor = self.dropout(torch.cat([pool(states, lengths, kind) for kind in ("mean", "max")], dim=1))
        return pooled


def inception(
    n_words: int = 0,
    *,
    n_outputs: int = 1,
    channels: int = 1,
    n_filters: int = 16,
    n_blocks: int = 3,
    dropout: float = 0.2,
    n_numbers: int = 0,
    n_categories: Sequence[int] = (),
) -> StageGraph:
    """Build the network.

    Args:
        n_words: not looked at; there are no words.
        n_outputs: logits a row; 1 for two classes.
        channels: of a series.
        n_filters: of each of the four parts of a block.
        n_blocks: blocks one upon the other.
        dropout: share of the pooled values set to zero.
        n_numbers: tabular columns of numbers next to the series.
        n_categories: values of each tabular column of categories.
    """
    if not 0 < n_blocks <= _MOST_BLOCKS:
        raise ValueError(f"a network has 1 to {_MOST_BLOCKS} blocks")
    table, source, size = {}, "series", channels
    for place in range(n_blocks):
        table[f"block{place}"] = Stage(_Block(size, n_filters), (source, "lengths"), ("rows", "tokens", 4 * n_filters))
        source, size = f"block{place}", 4 * n_filters
    table["pooled"] = Stage(_MaskedPool(dropout), (source, "lengths"), ("rows", 2 * size))
    more, source, size = column_stages("pooled", 2 * size, n_numbers, n_categories)
    table |= more
    table["output"] = Stage(nn.Linear(size, n_outputs), (source,), ("rows", n_outputs))
    return StageGraph(table, fields=("series", *COLUMN_FIELDS))
