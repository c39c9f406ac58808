"""Tabular columns as vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.layers.stages import Stage

COLUMN_FIELDS = ("numbers", "missing", "codes")
_BINS = 16
_BESIDE = 32


class ColumnEmbedding(nn.Module):
    """A vector for each column of a row, side by side.

    A number is encoded piecewise linearly over its quantiles (Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical
    Features in Tabular Deep Learning", NeurIPS 2022) with its standard score next to it; a missing one has a vector of its own,
    and so has each category.
    """

    def __init__(self, n_numbers: int, n_categories: Sequence[int], size: int) -> None:
        super().__init__()
        if n_numbers + len(n_categories) < 1:
            raise ValueError("a network of columns needs a column at least")
        self.weight = nn.Parameter(torch.randn(n_numbers, _BINS + 1, size) * (_BINS + 1) ** -0.5)
        self.bias = nn.Parameter(torch.zeros(n_numbers, size))
        self.absent = nn.Parameter(torch.zeros(n_numbers, size))
        self.categories = nn.Parameter(torch.randn(sum(n_categories), size) * 0.3)
        self._starts = [sum(n_categories[:place]) for place in range(len(n_categories))]
        self.output_size = (n_numbers + len(n_categories)) * size

    def forward(self, numbers: Tensor, missing: Tensor, codes: Tensor) -> Tensor:
        """Map numbers [rows, numbers, 2], missing [rows, numbers] and codes [rows, categories] to [rows, columns * size]."""
        places = torch.arange(_BINS, device=numbers.device)
        bins = (numbers[:, :, :1] * _BINS - places).clamp(0, 1)  # [rows, numbers, bins]
        inputs = torch.cat([bins, numbers[:, :, 1:]], dim=2)
        vectors = torch.einsum("rnb,nbs->rns", inputs, self.weight) + self.bias
        vectors = functional.relu(torch.where(missing[:, :, None] > 0, self.absent, vectors))
        if not self._starts:
            return vectors.flatten(1)
        starts = torch.tensor(self._starts, device=codes.device)
        named = functional.embedding(codes + starts, self.categories)  # [rows, categories, size]
        return torch.cat([vectors.flatten(1), named.flatten(1)], dim=1)


class _Beside(nn.Module):
    """Columns as one short vector, for what else a network reads."""

    def __init__(self, n_numbers: int, n_categories: Sequence[int]) -> None:
        super().__init__()
        self.embedding = ColumnEmbedding(n_numbers, n_categories, 8)
        self.narrow = nn.Linear(self.embedding.output_size, _BESIDE)

    def forward(self, numbers: Tensor, missing: Tensor, codes: Tensor) -> Tensor:
        """Return a vector a row [rows, 32]."""
        return functional.relu(self.narrow(self.embedding(numbers, missing, codes)))


class SideBySide(nn.Module):
    """Vectors of several stages, one behind the other."""

    def forward(self, *vectors: Tensor) -> Tensor:
        """Join [rows, size] each to [rows, sum of the sizes]."""
        return torch.cat(vectors, dim=1)


def column_stages(
    source: str, size: int, n_numbers: int, n_categories: Sequence[int]
) -> tuple[dict[str, Stage], str, int]:
    """Return the stages that put tabular columns next to a stage's vector, the name of the last, and its size.

    Args:
        source: the stage with one vector a row.
        size: of that vector.
        n_numbers: columns of numbers.
        n_categories: values of each category column; without a column there are no stages.
    """
    if not n_numbers and not n_categories:
        return {}, source, size
    stages = {
        "columns": Stage(_Beside(n_numbers, tuple(n_categories)), COLUMN_FIELDS, ("rows", _BESIDE)),
        "joined": Stage(SideBySide(), (source, "columns"), ("rows", size + _BESIDE)),
    }
    return stages, "joined", size + _BESIDE
