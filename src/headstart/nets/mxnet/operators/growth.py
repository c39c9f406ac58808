"""How many values an operator is about to make, for those that can make more than they are given.

A damaged or hostile graph can ask for a terabyte in thirty characters (``"shape": "(9999999, 99999)"``). Before
a node runs, its entry here is asked, from the inputs' shapes and the options alone. An operator without an entry
gives at most as many values as its inputs hold together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from headstart.nets.mxnet.attributes import Attributes
from headstart.nets.mxnet.operators.base import Call

Sizes = Sequence[tuple[int, ...]]
"""Shapes of a node's inputs."""

Growth = Callable[[Attributes, Call, Sizes], int]


def _broadcast(_attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    n_axes = max(map(len, shapes))
    padded = [(1,) * (n_axes - len(shape)) + tuple(shape) for shape in shapes]
    return math.prod(max(sizes) for sizes in zip(*padded, strict=True))


def _matrix(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    """Every row of the first by every row or column of the second; sizes that are summed over go away."""
    left, right = shapes[0], shapes[1]
    shared = left[-2 if attributes.flag("transpose_a", False) else -1] if len(left) > 1 else left[0]
    batch = math.prod(left[:-2]) if attributes.node.op == "batch_dot" else 1
    return math.prod(left) * math.prod(right) // max(shared, 1) ** 2 // max(batch, 1)


def _fully_connected(_attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    x, weight = shapes[0], shapes[1]
    return math.prod(x) * weight[0] // max(math.prod(weight[1:]), 1)


def _looked_up(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    return math.prod(shapes[0]) * attributes.integer("output_dim")


def _taken(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    x, index = shapes
    return math.prod(x) // max(x[attributes.integer("axis", 0)], 1) * math.prod(index)


def _gathered(_attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    x, index = shapes
    return math.prod(index[1:]) * math.prod(x[index[0] :])


def _one_hot(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    return math.prod(shapes[0]) * attributes.integer("depth")


def _convolved(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    """The padded data laid out for the widest matrix product that a library may make of it."""
    x, window = shapes[0], attributes.shape("kernel")
    pad = attributes.shape("pad", ()) or (0,) * len(window)
    spread = math.prod(size + 2 * edge for size, edge in zip(x[2:], pad, strict=True))
    return x[0] * spread * max(attributes.integer("num_filter"), x[1] * math.prod(window))


def _deconvolved(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    x, window = shapes[0], attributes.shape("kernel")
    stride = attributes.shape("stride", ()) or (1,) * len(window)
    dilate = attributes.shape("dilate", ()) or (1,) * len(window)
    adjust = attributes.shape("adj", ()) or (0,) * len(window)
    sides = zip(x[2:], window, stride, dilate, adjust, strict=True)
    made = math.prod((size - 1) * step + wide * (k - 1) + 1 + more for size, k, step, wide, more in sides)
    return x[0] * max(attributes.integer("num_filter") * made, math.prod(shapes[1][1:]) * math.prod(x[2:]))


def _pooled(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    x, window = shapes[0], attributes.shape("kernel", ())
    if attributes.flag("global_pool", False):
        return math.prod(x)
    pad = attributes.shape("pad", ()) or (0,) * len(window)
    stride = attributes.shape("stride", ()) or (1,) * len(window)
    sides = zip(x[2:], pad, stride, strict=True)
    return x[0] * x[1] * math.prod(size + 2 * edge + step for size, edge, step in sides)


def _up_sampled(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    return math.prod(shapes[0]) * attributes.integer("scale") ** 2


def _tiled(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    return math.prod(shapes[0]) * math.prod(max(times, 1) for times in attributes.shape("reps"))


def _repeated(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    return math.prod(shapes[0]) * attributes.integer("repeats")


def _padded(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    widths = attributes.shape("pad_width")
    sides = zip(shapes[0], widths[::2], widths[1::2], strict=True)
    return math.prod(size + before + behind for size, before, behind in sides)


def _broadcast_to(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    return math.prod(max(size, 1) for size in attributes.shape("shape")) * math.prod(shapes[0])


def _broadcast_axis(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    return math.prod(max(size, 1) for size in attributes.shape("size", ())) * math.prod(shapes[0])


def _filled(attributes: Attributes, call: Call, _shapes: Sizes) -> int:
    return math.prod(size or call.rows for size in attributes.shape("shape", ()))


def _counted(attributes: Attributes, _call: Call, _shapes: Sizes) -> int:
    start, stop = attributes.real("start", 0.0), attributes.optional_real("stop")
    span = abs(start if stop is None else stop - start)
    return math.ceil(span / max(abs(attributes.real("step", 1.0)), 1e-12)) * attributes.integer("repeat", 1)


def _recurrent(attributes: Attributes, _call: Call, shapes: Sizes) -> int:
    gates = 4 * (2 if attributes.flag("bidirectional", False) else 1)
    return math.prod(shapes[0][:2]) * gates * attributes.integer("state_size")


_ARITHMETIC = ("add", "sub", "mul", "div", "mod", "power", "hypot", "maximum", "minimum")
_COMPARISON = ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")
_LOGIC = ("logical_and", "logical_or", "logical_xor")

GROWTH: dict[str, Growth] = {
    **{f"broadcast_{name}": _broadcast for name in (*_ARITHMETIC, *_COMPARISON, *_LOGIC)},
    **dict.fromkeys(("broadcast_like", "where", "add_n", "LeakyReLU"), _broadcast),
    **dict.fromkeys(("dot", "batch_dot"), _matrix),
    **dict.fromkeys(("Embedding", "_contrib_SparseEmbedding"), _looked_up),
    **dict.fromkeys(("_zeros", "_ones", "_full"), _filled),
    "FullyConnected": _fully_connected,
    "take": _taken,
    "gather_nd": _gathered,
    "one_hot": _one_hot,
    "Convolution": _convolved,
    "Deconvolution": _deconvolved,
    "Pooling": _pooled,
    "UpSampling": _up_sampled,
    "tile": _tiled,
    "repeat": _repeated,
    "Pad": _padded,
    "broadcast_to": _broadcast_to,
    "broadcast_axis": _broadcast_axis,
    "_arange": _counted,
    "RNN": _recurrent,
}
"""Values that a node will make or need on the way, by operator."""
