"""Operators that make fewer values of many: sums, means, extremes, norms, and places of the largest."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from headstart.nets.mxnet.attributes import Attributes
from headstart.nets.mxnet.operators.base import Call, Kernel, Operator
from headstart.nets.mxnet.operators.elementwise import TYPES, cast

Reduce = Callable[[Tensor, list[int], bool], Tensor]


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


def _without_nan(x: Tensor, instead: float) -> Tensor:
    return torch.where(torch.isnan(x), instead, x)


def _never_scalar(x: Tensor) -> Tensor:
    """MXNet's classic arrays have one axis or more."""
    return x if x.dim() else x.reshape(1)


def _reduction(function: Reduce) -> Operator:
    def _build(attributes: Attributes) -> Kernel:
        attributes.expects(1)
        axes, keep = attributes.axes(), attributes.flag("keepdims", False)
        exclude = attributes.flag("exclude", False)

        def _run(_call: Call, x: Tensor) -> Tensor:
            named = [range(x.dim())[axis] for axis in axes or ()]
            if len(set(named)) != len(named):
                attributes.fail(f"its axes {axes} name one axis twice")
            chosen = [axis for axis in range(x.dim()) if (axis in named) != exclude] if named else list(range(x.dim()))
            return _never_scalar(function(x, chosen, keep)) if chosen else x

        return _run

    return Operator(_build)


def _norm(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    order, axes = attributes.integer("ord", 2, low=1, high=2), attributes.axes()
    keep = attributes.flag("keepdims", False)
    if attributes.text("out_dtype", "None") != "None":
        attributes.fail("its option 'out_dtype' is not covered")
    return lambda _call, x: _never_scalar(torch.linalg.vector_norm(x, order, axes, keep))


def _place(function: Callable[..., Tensor]) -> Operator:
    def _build(attributes: Attributes) -> Kernel:
        attributes.expects(1)
        axis, keep = attributes.optional_integer("axis"), attributes.flag("keepdims", False)

        def _run(call: Call, x: Tensor) -> Tensor:
            return _never_scalar(function(x, axis, keep).to(call.dtype))

        return _run

    return Operator(_build)


def _sort(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    axis, ascending = attributes.optional_integer("axis", -1), attributes.flag("is_ascend", True)
    places = attributes.node.op == "argsort"
    dtype = TYPES[attributes.choice("dtype", tuple(TYPES), "float32")] if places else None

    def _run(call: Call, x: Tensor) -> Tensor:
        x, along = (x.reshape(-1), 0) if axis is None else (x, axis)
        values, order = x.sort(dim=along, descending=not ascending, stable=True)
        return cast(order, dtype, call) if places else values

    return _run


def _topk(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    axis, k = attributes.optional_integer("axis", -1), attributes.integer("k", 1, low=1)
    kind = attributes.choice("ret_typ", ("value", "indices", "both"), "indices")
    ascending = attributes.flag("is_ascend", False)
    dtype = TYPES[attributes.choice("dtype", tuple(TYPES), "float32")]

    def _run(call: Call, x: Tensor) -> tuple[Tensor, ...]:
        x, along = (x.reshape(-1), 0) if axis is None else (x, axis)
        values, order = x.topk(k, dim=along, largest=not ascending)
        both = values, cast(order, dtype, call)
        return {"value": both[:1], "indices": both[1:], "both": both}[kind]

    return _run


def _topk_outputs(attributes: Attributes) -> tuple[str, ...]:
    return ("output0", "output1") if attributes.text("ret_typ", "indices") == "both" else ("output",)


def _cumulative(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    axis = attributes.optional_integer("axis")
    if attributes.text("dtype", "None") not in ("None", "float32"):
        attributes.fail("its option 'dtype' is covered for float32 only")
    return lambda _call, x: x.reshape(-1).cumsum(0) if axis is None else x.cumsum(axis)


OPERATORS: dict[str, Operator] = {
    "sum": _reduction(lambda x, axes, keep: x.sum(axes, keepdim=keep)),
    "mean": _reduction(lambda x, axes, keep: x.mean(axes, keepdim=keep)),
    "max": _reduction(lambda x, axes, keep: x.amax(axes, keepdim=keep)),
    "min": _reduction(lambda x, axes, keep: x.amin(axes, keepdim=keep)),
    "prod": _reduction(_product),
    "nansum": _reduction(lambda x, axes, keep: _without_nan(x, 0.0).sum(axes, keepdim=keep)),
    "nanprod": _reduction(lambda x, axes, keep: _product(_without_nan(x, 1.0), axes, keep)),
    "norm": Operator(_norm),
    "argmax": _place(torch.argmax),
    "argmin": _place(torch.argmin),
    "sort": Operator(_sort),
    "argsort": Operator(_sort),
    "topk": Operator(_topk, outputs=_topk_outputs),
    "_np_cumsum": Operator(_cumulative),
}
