"""A small network over images.

    pixels -> scaled -> moved -> stem -> block0 -> block1 -> block2 -> pooled -> output

He et al., "Deep Residual Learning for Image Recognition", 2016, in small, with group normalisation (Wu and He, 2018), which
knows no batch. `moved` shifts, turns and scales images a little, in training alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.layers import Stage, StageGraph
from headstart.layers.columns import COLUMN_FIELDS, column_stages
from headstart.layers.pooling import PlaceMean

_GROUP = 8
_MOST_BLOCKS = 16


class Scaled(nn.Module):
    """Points from 0 to 255 as numbers about 0."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Map uint8 to float32, both [rows, channels, height, width]."""
        return (pixels.float() - 127.5) / 64.0


class Moved(nn.Module):
    """Shifts, turns and scales each image by chance; in training alone."""

    def __init__(self, amount: float, *, flip: bool) -> None:
        super().__init__()
        self.amount, self.flip = amount, flip

    def forward(self, images: Tensor) -> Tensor:
        """Map [rows, channels, height, width] to the same shape."""
        if not self.training or not (self.amount or self.flip):
            return images
        draws = torch.rand(5, len(images), device=images.device) * 2 - 1
        turn, scale = draws[0] * self.amount * math.pi / 2, 1 + draws[1] * self.amount
        mirror = torch.where(draws[4] < 0, -1.0, 1.0) if self.flip else torch.ones_like(turn)
        cos, sin = torch.cos(turn) * scale, torch.sin(turn) * scale
        shift = draws[2:4] * 2 * self.amount
        moves = torch.stack([cos * mirror, -sin, shift[0], sin * mirror, cos, shift[1]], dim=1).view(-1, 2, 3)
        grid = functional.affine_grid(moves, list(images.shape), align_corners=False)
        return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


class _Stem(nn.Module):
    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, size, 3, padding=1, bias=False), nn.GroupNorm(size // _GROUP, size)

    def forward(self, images: Tensor) -> Tensor:
        """Map [rows, channels, height, width] to [rows, size, height, width]."""
        return functional.relu(self.norm(self.conv(images)))


class _Block(nn.Module):
    """Two convolutions, the first of which halves height and width, added to what came in."""

    def __init__(self, n_inputs: int, size: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(n_inputs, size, 3, stride=2, padding=1, bias=False)
        self.second = nn.Conv2d(size, size, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.GroupNorm(size // _GROUP, size) for _ in range(2))
        self.shortcut = nn.Conv2d(n_inputs, size, 1, stride=2, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """Map [rows, n_inputs, height, width] to [rows, size, height / 2, width / 2]."""
        inner = functional.relu(self.norms[0](self.first(values)))
        return functional.relu(self.norms[1](self.second(inner)) + self.shortcut(values))


def resnet(
    n_words: int = 0,
    *,
    n_outputs: int = 1,
    channels: int = 3,
    sizes: Sequence[int] = (32, 64, 96),
    dropout: float = 0.2,
    moved: float = 0.08,
    flip: bool = False,
    n_numbers: int = 0,
    n_categories: Sequence[int] = (),
) -> StageGraph:
    """Build the network.

    Args:
        n_words: not looked at; there are no words.
        n_outputs: logits a row; 1 for two classes.
        channels: 3 of colours, 1 of grey.
        sizes: channels behind each block, multiples of 8; the stem has half of the first.
        dropout: share of the pooled values set to zero.
        moved: how far images are shifted and scaled in training, as a share of their size, and turned, of a right angle.
        flip: whether half of them are mirrored in training, which turns letters into others.
        n_numbers: tabular columns of numbers next to the image.
        n_categories: values of each tabular column of categories.
    """
    if not 0 < len(tuple(sizes)) <= _MOST_BLOCKS or any(size % _GROUP or size < 2 * _GROUP for size in sizes):
        raise ValueError(
            f"sizes are {list(sizes)}; expected 1 to {_MOST_BLOCKS} multiples of {_GROUP} from {2 * _GROUP} on"
        )
    size = max(_GROUP, sizes[0] // 2 // _GROUP * _GROUP)
    table = {
        "scaled": Stage(Scaled(), ("pixels",), ("rows", channels, "height", "width")),
        "moved": Stage(Moved(moved, flip=flip), ("scaled",), ("rows", channels, "height", "width")),
        "stem": Stage(_Stem(channels, size), ("moved",), ("rows", size, "height", "width")),
    }
    source = "stem"
    for place, wider in enumerate(sizes):
        table[f"block{place}"] = Stage(_Block(size, wider), (source,), ("rows", wider, "height", "width"))
        source, size = f"block{place}", wider
    table["pooled"] = Stage(PlaceMean(dropout), (source,), ("rows", size))
    more, source, size = column_stages("pooled", size, n_numbers, n_categories)
    table |= more
    table["output"] = Stage(nn.Linear(size, n_outputs), (source,), ("rows", n_outputs))
    return StageGraph(table, fields=("pixels", *COLUMN_FIELDS))
