"""EfficientNet-Lite, which others trained over photographs.

    pixels -> scaled -> stem -> stage0 -> ... -> stage6 -> top -> pooled (-> output)

Tan and Le, "EfficientNet", 2019, in the form its authors cut for small devices: no squeeze-and-excitation, ReLU6. Batch
normalisation is folded into the convolutions in front of it, so an image has the same output alone as in any batch, in training too.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor, nn
from torch.nn import functional

from headstart.layers import Stage, StageGraph, with_output
from headstart.layers.pooling import PlaceMean
from headstart.plain import Options
from headstart.records import Record, decoded

STAGES = ((3, 1, 1), (3, 2, 6), (5, 2, 6), (3, 2, 6), (5, 1, 6), (5, 2, 6), (3, 1, 6))
"""Of each stage: width of its kernels, stride of its first block, and how many times wider a block is inside."""


class _Options(Record, frozen=True):
    """Channels of stem, stages and what stands behind them; blocks of each stage; and what fine-tuning adds."""

    widths: Annotated[tuple[Annotated[int, Meta(ge=1, le=8192)], ...], Meta(min_length=9, max_length=9)]
    depths: Annotated[tuple[Annotated[int, Meta(ge=1, le=64)], ...], Meta(min_length=7, max_length=7)]
    n_outputs: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    dropout: Annotated[float, Meta(ge=0, le=0.95)] = 0.0


class _Scaled(nn.Module):
    """Points from 0 to 255 as numbers about 0."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Map uint8 to float32, both [rows, channels, height, width]."""
        return (pixels.float() - 127.0) / 128.0


class _Conv(nn.Module):
    """A convolution whose outputs are as many as its inputs divided by the stride, rounded up; zeros stand around the image."""

    def __init__(self, n_inputs: int, size: int, width: int, stride: int = 1, *, each: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_inputs, size, width, stride, groups=n_inputs if each else 1)
        self.width, self.stride = width, stride

    def forward(self, values: Tensor) -> Tensor:
        """Map [rows, n_inputs, height, width] to [rows, size, height / stride, width / stride]."""
        around = []
        for length in (values.shape[3], values.shape[2]):
            total = max(0, (-(-length // self.stride) - 1) * self.stride + self.width - length)
            around += [total // 2, total - total // 2]
        found: Tensor = self.conv(functional.pad(values, around))
        return found


class _Block(nn.Module):
    """Wider, a convolution of each channel alone, narrower again; added to what came in where the shape is the same."""

    def __init__(self, n_inputs: int, size: int, width: int, stride: int, times: int) -> None:
        super().__init__()
        self.wide = _Conv(n_inputs, times * n_inputs, 1) if times > 1 else None
        self.each = _Conv(times * n_inputs, times * n_inputs, width, stride, each=True)
        self.narrow = _Conv(times * n_inputs, size, 1)
        self.added = stride == 1 and n_inputs == size

    def forward(self, values: Tensor) -> Tensor:
        """Map [rows, n_inputs, height, width] to [rows, size, height / stride, width / stride]."""
        inner = values if self.wide is None else functional.relu6(self.wide(values))
        found: Tensor = self.narrow(functional.relu6(self.each(inner)))
        return values + found if self.added else found


class _Rectified(_Conv):
    """A convolution, and no value below 0 or above 6."""

    def forward(self, values: Tensor) -> Tensor:
        """Map [rows, n_inputs, height, width] to [rows, size, height / stride, width / stride]."""
        return functional.relu6(super().forward(values))


def efficientnet(n_words: int, options: Options) -> StageGraph:
    """Build the network from options, its weights not yet those of anybody: ``widths`` of stem, stages and head, ``depths`` of stages.

    Raises:
        ArtifactError: an option is missing, unknown or out of bounds.
    """
    known = decoded(_Options, options, "the network's options")
    stem, *sizes, head = known.widths

    def shape(size: int) -> tuple[int | str, ...]:
        return ("rows", size, "height", "width")

    table = {
        "scaled": Stage(_Scaled(), ("pixels",), shape(3)),
        "stem": Stage(_Rectified(3, stem, 3, 2), ("scaled",), shape(stem)),
    }
    source, before = "stem", stem
    for place, (size, depth) in enumerate(zip(sizes, known.depths, strict=True)):
        width, stride, times = STAGES[place]
        blocks = [_Block(size if i else before, size, width, 1 if i else stride, times) for i in range(depth)]
        table[f"stage{place}"] = Stage(nn.Sequential(*blocks), (source,), shape(size))
        source, before = f"stage{place}", size
    table["top"] = Stage(_Rectified(before, head, 1), (source,), shape(head))
    table["pooled"] = Stage(PlaceMean(known.dropout), ("top",), ("rows", head))
    return StageGraph(with_output(table, options), fields=("pixels",))
