"""Convolution and pooling over one, two or three axes, channels second."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from headstart.nets.mxnet.attributes import Attributes
from headstart.nets.mxnet.operators.base import Call, Kernel, Operator

_LAYOUTS = {1: ("None", "NCW"), 2: ("None", "NCHW"), 3: ("None", "NCDHW")}


def _kernel_sizes(attributes: Attributes) -> tuple[int, ...]:
    sizes = attributes.shape("kernel")
    if len(sizes) not in _LAYOUTS or min(sizes) < 1:
        attributes.fail(f"its option 'kernel' is {sizes}; expected one, two or three sizes from 1 up")
    attributes.choice("layout", _LAYOUTS[len(sizes)], "None")
    return sizes


def _convolution(attributes: Attributes) -> Kernel:
    sizes = _kernel_sizes(attributes)
    n, n_filters = len(sizes), attributes.integer("num_filter", low=1)
    stride, dilate = attributes.per_axis("stride", n, 1, low=1), attributes.per_axis("dilate", n, 1, low=1)
    pad, n_groups = attributes.per_axis("pad", n, 0), attributes.integer("num_group", 1, low=1)
    no_bias = attributes.flag("no_bias", False)
    attributes.expects(2 if no_bias else 3)

    def _run(_call: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        _check_weight(attributes, x, weight, (n_filters, x.shape[1] // n_groups, *sizes))
        return torch.convolution(x, weight, bias, stride, pad, dilate, False, [0] * n, n_groups)

    return _run


def _deconvolution(attributes: Attributes) -> Kernel:
    sizes = _kernel_sizes(attributes)
    n, n_filters = len(sizes), attributes.integer("num_filter", low=1)
    stride, dilate = attributes.per_axis("stride", n, 1, low=1), attributes.per_axis("dilate", n, 1, low=1)
    pad, adjust = attributes.per_axis("pad", n, 0), attributes.per_axis("adj", n, 0)
    n_groups, no_bias = attributes.integer("num_group", 1, low=1), attributes.flag("no_bias", True)
    attributes.expects(2 if no_bias else 3)
    if attributes.shape("target_shape", ()):
        attributes.fail("its option 'target_shape' is not covered; only 'pad' and 'adj' are")

    def _run(_call: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        _check_weight(attributes, x, weight, (x.shape[1], n_filters // n_groups, *sizes))
        return torch.convolution(x, weight, bias, stride, pad, dilate, True, adjust, n_groups)

    return _run


def _check_weight(attributes: Attributes, x: Tensor, weight: Tensor, expected: tuple[int, ...]) -> None:
    if tuple(weight.shape) != expected or x.dim() != len(expected):
        attributes.fail(
            f"its data has the shape {tuple(x.shape)} and its weight {tuple(weight.shape)}; "
            f"expected {len(expected)} axes and the weight {expected}"
        )


def _pooling(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    kind = attributes.choice("pool_type", ("max", "avg", "sum", "lp"), "max")
    power = attributes.optional_integer("p_value") or 2
    whole = attributes.flag("global_pool", False)
    ceil = attributes.choice("pooling_convention", ("valid", "full"), "valid") == "full"
    count_padding = attributes.text("count_include_pad", "None") == "None" or attributes.flag("count_include_pad", True)
    attributes.choice("layout", ("None", "NCW", "NCHW", "NCDHW"), "None")
    sizes = attributes.shape("kernel", ())
    n = len(sizes)
    stride, pad = attributes.per_axis("stride", n, 1, low=1), attributes.per_axis("pad", n, 0)
    if whole:
        return lambda _call, x: _pool_all(x, kind, power)
    if not 1 <= n <= 3 or any(size <= edge or size < 1 for size, edge in zip(sizes, pad, strict=True)):
        attributes.fail(f"its kernel is {sizes} and its pad {pad}; expected one to three sizes, each above its pad")

    def _run(_call: Call, x: Tensor) -> Tensor:
        if x.dim() != n + 2:
            attributes.fail(f"its data has the shape {tuple(x.shape)}; expected {n + 2} axes: rows, channels, then {n}")
        return _Window(sizes, stride, pad, ceil).pool(x, kind, power, count_padding)

    return _run


def _pool_all(x: Tensor, kind: str, power: int) -> Tensor:
    axes = tuple(range(2, x.dim()))
    if kind == "max":
        return x.amax(axes, keepdim=True)
    if kind == "lp":
        return _root(_powered(x, power).sum(axes, keepdim=True), power)
    return x.mean(axes, keepdim=True) if kind == "avg" else x.sum(axes, keepdim=True)


def _powered(x: Tensor, power: int) -> Tensor:
    return x.abs() if power == 1 else x.pow(power)


def _root(x: Tensor, power: int) -> Tensor:
    return x if power == 1 else x.pow(1.0 / power)


class _Window:
    """A window that moves over the last axes of an array."""

    def __init__(self, sizes: Sequence[int], stride: Sequence[int], pad: Sequence[int], ceil: bool) -> None:
        self.sizes, self.stride, self.pad, self.ceil = sizes, stride, pad, ceil

    def pool(self, x: Tensor, kind: str, power: int, count_padding: bool) -> Tensor:
        """Pool `x` [rows, channels, ...]."""
        if kind == "max":
            function: Callable[..., Tensor] = (
                functional.max_pool1d, functional.max_pool2d, functional.max_pool3d
            )[len(self.sizes) - 1]  # fmt: skip
            return function(self._padded(x, torch.finfo(x.dtype).min), self.sizes, self.stride)
        if kind == "lp":
            return _root(self._sums(_powered(x, power), 0.0), power)
        sums = self._sums(x, 0.0)
        if kind == "sum":
            return sums
        # A window that lies beyond the data altogether gives 0.
        return sums / self._sums(torch.ones_like(x[:1, :1]), float(count_padding)).clamp_min(1.0)

    def _sums(self, x: Tensor, edge: float) -> Tensor:
        """Sum every window. `edge` fills the padding that the options ask for; what a last window lacks is 0."""
        n = len(self.sizes)
        function: Callable[..., Tensor] = (
            functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d
        )[n - 1]  # fmt: skip
        return function(self._padded(x, 0.0, edge), self.sizes, self.stride) * math.prod(self.sizes)

    def _padded(self, x: Tensor, beyond: float, edge: float | None = None) -> Tensor:
        """Pad `x` on both sides, and beyond that on the right, as far as the last window reaches."""
        both = [side for pad in reversed(self.pad) for side in (pad, pad)]
        right = [side for i in reversed(range(len(self.sizes))) for side in (0, self._overhang(x.shape[2 + i], i))]
        x = functional.pad(x, both, value=beyond if edge is None else edge) if any(both) else x
        return functional.pad(x, right, value=beyond) if any(right) else x

    def _overhang(self, length: int, i: int) -> int:
        span = length + 2 * self.pad[i] - self.sizes[i]
        return -span % self.stride[i] if self.ceil and span >= 0 else 0


OPERATORS: dict[str, Operator] = {
    "Convolution": Operator(_convolution),
    "Deconvolution": Operator(_deconvolution),
    "Pooling": Operator(_pooling),
}
