"""Operators that multiply by a matrix or look vectors up: dense layers, embeddings, dot products."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from headstart.nets.mxnet.attributes import Attributes
from headstart.nets.mxnet.operators.base import Call, Kernel, Operator
from headstart.nets.mxnet.operators.elementwise import TYPES, cast


def _fully_connected(attributes: Attributes) -> Kernel:
    n_outputs = attributes.integer("num_hidden", low=1)
    no_bias, flatten = attributes.flag("no_bias", False), attributes.flag("flatten", True)
    attributes.expects(2 if no_bias else 3)

    def _run(_call: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if weight.shape[0] != n_outputs:
            attributes.fail(f"its weight has the shape {tuple(weight.shape)}; expected ({n_outputs}, inputs)")
        return functional.linear(x.flatten(1) if flatten else x, weight, bias)

    return _run


def _embedding(attributes: Attributes) -> Kernel:
    attributes.expects(2)
    n_words, size = attributes.integer("input_dim", low=1), attributes.integer("output_dim", low=1)
    attributes.choice("dtype", ("float32", "float16", "float64", "bfloat16"), "float32")

    def _run(_call: Call, index: Tensor, weight: Tensor) -> Tensor:
        if tuple(weight.shape) != (n_words, size):
            attributes.fail(f"its weight has the shape {tuple(weight.shape)}; expected ({n_words}, {size})")
        return functional.embedding(whole(index).clamp(0, n_words - 1), weight)  # fractions are cut off first

    return _run


def whole(index: Tensor) -> Tensor:
    """Return `index` as int64, fractions cut off."""
    return index.to(torch.int64)


def _dot(attributes: Attributes) -> Kernel:
    attributes.expects(2)
    transpose_left, transpose_right = attributes.flag("transpose_a", False), attributes.flag("transpose_b", False)

    def _run(_call: Call, left: Tensor, right: Tensor) -> Tensor:
        if (transpose_left and left.dim() > 2) or (transpose_right and right.dim() > 2):
            attributes.fail("it transposes an array of more than two axes, which is not covered")
        left = left.t() if transpose_left else left
        right = right.t() if transpose_right else right
        product: Tensor = torch.tensordot(left, right, dims=1)
        return product if product.dim() else product.reshape(1)

    return _run


def _batch_dot(attributes: Attributes) -> Kernel:
    attributes.expects(2)
    transpose_left, transpose_right = attributes.flag("transpose_a", False), attributes.flag("transpose_b", False)

    def _run(_call: Call, left: Tensor, right: Tensor) -> Tensor:
        left = left.transpose(-1, -2) if transpose_left else left
        right = right.transpose(-1, -2) if transpose_right else right
        return torch.matmul(left, right)

    return _run


def _take(attributes: Attributes) -> Kernel:
    attributes.expects(2)
    axis = attributes.integer("axis", 0, low=-32, high=32)
    mode = attributes.choice("mode", ("clip", "wrap"), "clip")

    def _run(_call: Call, x: Tensor, index: Tensor) -> Tensor:
        n = x.shape[axis]
        place = whole(index).clamp(0, n - 1) if mode == "clip" else whole(index).remainder(n)
        start = axis % x.dim()
        taken = x.index_select(start, place.reshape(-1))
        return taken.reshape(*x.shape[:start], *index.shape, *x.shape[start + 1 :])

    return _run


def _pick(attributes: Attributes) -> Kernel:
    attributes.expects(2)
    axis = attributes.integer("axis", -1, low=-32, high=32)
    keep = attributes.flag("keepdims", False)
    mode = attributes.choice("mode", ("clip", "wrap"), "clip")

    def _run(_call: Call, x: Tensor, index: Tensor) -> Tensor:
        n = x.shape[axis]
        place = whole(index).clamp(0, n - 1) if mode == "clip" else whole(index).remainder(n)
        if place.dim() < x.dim():
            place = place.unsqueeze(axis)
        picked = x.gather(axis, place)
        return picked if keep else picked.squeeze(axis)

    return _run


def _one_hot(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    depth = attributes.integer("depth", low=1)
    on, off = attributes.real("on_value", 1.0), attributes.real("off_value", 0.0)
    dtype = TYPES[attributes.choice("dtype", tuple(TYPES), "float32")]

    def _run(call: Call, index: Tensor) -> Tensor:
        hot = whole(index).unsqueeze(-1) == torch.arange(depth, device=index.device)
        return cast(hot.to(call.dtype) * (on - off) + off, dtype, call)

    return _run


def _where(attributes: Attributes) -> Kernel:
    attributes.expects(3)

    def _run(_call: Call, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
        if condition.dim() == 1 and x.dim() > 1:  # one condition a row
            condition = condition.reshape(-1, *(1,) * (x.dim() - 1))
        return torch.where(condition != 0, x, y)

    return _run


def _gather_nd(attributes: Attributes) -> Kernel:
    attributes.expects(2)

    def _run(_call: Call, x: Tensor, index: Tensor) -> Tensor:
        places = [place.clamp(0, x.shape[i] - 1) for i, place in enumerate(whole(index).unbind(0))]
        return x[tuple(places)]

    return _run


OPERATORS: dict[str, Operator] = {
    "FullyConnected": Operator(_fully_connected),
    "Embedding": Operator(_embedding),
    "_contrib_SparseEmbedding": Operator(_embedding),
    "dot": Operator(_dot),
    "batch_dot": Operator(_batch_dot),
    "take": Operator(_take),
    "pick": Operator(_pick),
    "one_hot": Operator(_one_hot),
    "where": Operator(_where),
    "gather_nd": Operator(_gather_nd),
}
