"""Operators that move values about, cut, join or repeat them, and those that make arrays from nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from headstart.nets.mxnet.attributes import Attributes
from headstart.nets.mxnet.operators.base import Call, Kernel, Operator, plain
from headstart.nets.mxnet.operators.elementwise import TYPES, cast


def reshaped(sizes: Sequence[int], codes: Sequence[int], reverse: bool = False) -> list[int]:
    """Return the shape that ``Reshape`` gives an array of shape `sizes`.

    A code above 0 is a size; 0 keeps a size; -1 is what is left; -2 keeps all further sizes; -3 multiplies two
    sizes; -4 splits one into the next two codes. With `reverse` all is read from the right.

    Raises:
        ValueError: if the codes do not fit the sizes.
    """
    left, todo = list(sizes)[::-1], list(codes)  # both read from their ends
    todo = todo if reverse else todo[::-1]
    left = left[::-1] if reverse else left
    made: list[int] = []
    open_at = None
    while todo:
        code = todo.pop()
        if code == -2:
            made += left[::-1]
            left = []
        elif code == -3:
            made.append(left.pop() * left.pop() if len(left) > 1 else _misfit(sizes, codes))
        elif code == -4:
            made += _split(left.pop() if left and len(todo) > 1 else _misfit(sizes, codes), todo.pop(), todo.pop())
        elif code == 0:
            made.append(left.pop() if left else _misfit(sizes, codes))
        else:
            if left:
                left.pop()
            if code == -1:
                open_at = len(made) if open_at is None else _misfit(sizes, codes)
            made.append(1 if code == -1 else code)
    if open_at is not None:
        made[open_at] = math.prod(sizes) // max(math.prod(made), 1)
    if math.prod(made) != math.prod(sizes) or min(made, default=0) < 0:
        _misfit(sizes, codes)
    return made[::-1] if reverse else made


def _misfit(sizes: Sequence[int], codes: Sequence[int]) -> int:
    raise ValueError(f"an array of shape {tuple(sizes)} cannot take the shape {tuple(codes)}")


def _split(size: int, first: int, second: int) -> list[int]:
    if first == -1 and second > 0:
        return [size // second, second]
    return [first, size // first if second == -1 and first > 0 else second]


def _reshape(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    codes, reverse = attributes.shape("shape"), attributes.flag("reverse", False)
    if any(code < -4 for code in codes):
        attributes.fail(f"its option 'shape' is {codes}; the codes covered are -4 to -1, 0 and sizes")
    if attributes.shape("target_shape", ()) or attributes.flag("keep_highest", False):
        attributes.fail("its options 'target_shape' and 'keep_highest' are of an old layout that is not covered")
    return lambda _call, x: x.reshape(reshaped(x.shape, codes, reverse))


def _reshape_like(attributes: Attributes) -> Kernel:
    attributes.expects(2)
    names = ("lhs_begin", "lhs_end", "rhs_begin", "rhs_end")
    left_begin, left_end, right_begin, right_end = (attributes.optional_integer(name) for name in names)

    def _run(_call: Call, x: Tensor, like: Tensor) -> Tensor:
        left, right = slice(left_begin, left_end), slice(right_begin, right_end)
        start, stop, _ = left.indices(x.dim())
        return x.reshape(*x.shape[:start], *like.shape[right], *x.shape[stop:])

    return _run


def _transpose(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    axes = attributes.shape("axes", ())
    return lambda _call, x: x.permute(axes or tuple(reversed(range(x.dim()))))


def _swap_axis(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    first, second = (attributes.integer(name, 0, low=-32, high=32) for name in ("dim1", "dim2"))
    return lambda _call, x: x.transpose(first, second)


def _expand_dims(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    axis = attributes.integer("axis", low=-32, high=32)
    return lambda _call, x: x.unsqueeze(axis)


def _squeeze(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    axes = attributes.axes()

    def _run(_call: Call, x: Tensor) -> Tensor:
        if any(x.shape[axis] != 1 for axis in axes or ()):
            attributes.fail(
                f"it removes the axes {axes} of an array of shape {tuple(x.shape)}; only axes of size 1 can go"
            )
        squeezed = x.squeeze() if axes is None else x.squeeze(axes)
        return squeezed if squeezed.dim() else squeezed.reshape(1)

    return _run


def _cut(x: Tensor, axis: int, begin: int | None, end: int | None, step: int | None = None) -> Tensor:
    """Cut an axis as Python would, also backwards, which torch itself cannot."""
    start, stop, stride = slice(begin, end, step).indices(x.shape[axis])
    n_kept = len(range(start, stop, stride))
    if stride == 1 or n_kept == 0:
        return x.narrow(axis, min(start, x.shape[axis]), n_kept)
    return x.index_select(axis, torch.arange(start, stop, stride, device=x.device))


def _slice(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    begin, end, step = attributes.sizes("begin"), attributes.sizes("end"), attributes.sizes("step", ())
    step = step or (None,) * len(begin)
    if not len(begin) == len(end) == len(step) or 0 in step:
        attributes.fail(f"its begin {begin}, end {end} and step {step} must be of one length, and no step may be 0")

    def _run(_call: Call, x: Tensor) -> Tensor:
        for axis, (first, last, stride) in enumerate(zip(begin, end, step, strict=True)):
            x = _cut(x, axis, first, last, stride)
        return x

    return _run


def _slice_axis(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    axis, begin = attributes.integer("axis", low=-32, high=32), attributes.integer("begin")
    end = attributes.optional_integer("end")
    return lambda _call, x: _cut(x, axis, begin, end)


def _slice_like(attributes: Attributes) -> Kernel:
    attributes.expects(2)
    axes = attributes.shape("axes", ())

    def _run(_call: Call, x: Tensor, like: Tensor) -> Tensor:
        for axis in axes or range(like.dim()):
            x = x.narrow(axis, 0, like.shape[axis])
        return x

    return _run


def _stack(attributes: Attributes) -> Kernel:
    attributes.expects(attributes.integer("num_args", attributes.n_inputs, low=1))
    axis = attributes.integer("axis", 0, low=-32, high=32)
    return lambda _call, *tensors: torch.stack(tensors, axis)


def _concat(attributes: Attributes) -> Kernel:
    attributes.expects(attributes.integer("num_args", attributes.n_inputs, low=1))
    axis = attributes.integer("dim", 1, low=-32, high=32)
    return lambda _call, *tensors: torch.cat(tensors, axis)


def _split_evenly(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    n_parts, axis = (
        attributes.integer("num_outputs", low=1, high=1_024),
        attributes.integer("axis", 1, low=-32, high=32),
    )
    squeeze = attributes.flag("squeeze_axis", False)

    def _run(_call: Call, x: Tensor) -> tuple[Tensor, ...]:
        if x.shape[axis] % n_parts:
            attributes.fail(f"it cuts axis {axis} of an array of shape {tuple(x.shape)} into {n_parts} equal parts")
        return _parts(x.tensor_split(n_parts, axis), axis, squeeze)

    return _run


def _split_at(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    n_parts, starts = attributes.integer("sections", 0, low=0, high=1_024), attributes.shape("indices")
    axis, squeeze = attributes.integer("axis", 1, low=-32, high=32), attributes.flag("squeeze_axis", False)

    def _run(_call: Call, x: Tensor) -> tuple[Tensor, ...]:
        return _parts(x.tensor_split(n_parts or list(starts[1:]), axis), axis, squeeze)

    return _run


def _parts(parts: Sequence[Tensor], axis: int, squeeze: bool) -> tuple[Tensor, ...]:
    return tuple(part.squeeze(axis) for part in parts) if squeeze else tuple(parts)


def _numbered(n_outputs: int) -> tuple[str, ...]:
    return ("output",) if n_outputs == 1 else tuple(f"output{i}" for i in range(n_outputs))


def _even_outputs(attributes: Attributes) -> tuple[str, ...]:
    return _numbered(attributes.integer("num_outputs", low=1, high=1_024))


def _cut_outputs(attributes: Attributes) -> tuple[str, ...]:
    return _numbered(attributes.integer("sections", 0, low=0, high=1_024) or max(len(attributes.shape("indices")), 1))


def _tile(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    times = attributes.shape("reps")
    return lambda _call, x: x.tile(times)


def _repeat(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    times, axis = attributes.integer("repeats", low=1), attributes.optional_integer("axis")

    def _run(_call: Call, x: Tensor) -> Tensor:
        x, along = (x.reshape(-1), 0) if axis is None else (x, range(x.dim())[axis])
        wider = x.unsqueeze(along + 1).expand(*x.shape[: along + 1], times, *x.shape[along + 1 :])
        return wider.reshape(*x.shape[:along], -1, *x.shape[along + 1 :])

    return _run


def _flip(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    axes = attributes.shape("axis")
    return lambda _call, x: x.flip(axes)


def _pad(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    modes = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}
    mode = modes[attributes.choice("mode", tuple(modes))]
    widths, value = attributes.shape("pad_width"), attributes.real("constant_value", 0.0)
    if len(widths) not in (8, 10) or any(widths[:4]) or min(widths) < 0:
        attributes.fail(f"its option 'pad_width' is {widths}; expected two widths an axis, 0 for rows and channels")
    sides = [side for i in reversed(range(4, len(widths), 2)) for side in widths[i : i + 2]]
    return lambda _call, x: functional.pad(x, sides, mode, value if mode == "constant" else None)


def _broadcast_to(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    shape = attributes.shape("shape")
    return lambda _call, x: x.expand([-1 if size == 0 else size for size in shape])


def _broadcast_axis(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    axes, sizes = attributes.shape("axis", ()), attributes.shape("size", ())

    def _run(_call: Call, x: Tensor) -> Tensor:
        wanted = list(x.shape)
        for axis, size in zip(axes, sizes, strict=True):
            wanted[axis] = size
        return x.expand(wanted)

    return _run


def _broadcast_like(attributes: Attributes) -> Kernel:
    attributes.expects(2)
    left, right = attributes.axes("lhs_axes"), attributes.axes("rhs_axes")

    def _run(_call: Call, x: Tensor, like: Tensor) -> Tensor:
        if left is None or right is None:
            return x.expand_as(like)
        wanted = list(x.shape)
        for axis, source in zip(left, right, strict=True):
            wanted[axis] = like.shape[source]
        return x.expand(wanted)

    return _run


def _filled(value: float | None) -> Operator:
    """An array of one value. A size of 0 is one that MXNet infers: the rows of the batch."""

    def _build(attributes: Attributes) -> Kernel:
        attributes.expects(0)
        shape = attributes.shape("shape", ())
        dtype = TYPES[attributes.choice("dtype", tuple(TYPES), "float32")]
        fill = attributes.real("value") if value is None else value
        if min(shape, default=0) < 0:
            attributes.fail(f"its option 'shape' is {shape}; expected sizes, 0 for the number of rows")

        def _run(call: Call) -> Tensor:
            sizes = [size or call.rows for size in shape]
            return torch.full(sizes, fill, dtype=dtype or call.dtype, device=call.device)

        return _run

    return Operator(_build)


def _arange(attributes: Attributes) -> Kernel:
    attributes.expects(0)
    start, step = attributes.real("start", 0.0), attributes.real("step", 1.0)
    stop, times = attributes.optional_real("stop"), attributes.integer("repeat", 1, low=1)
    dtype = TYPES[attributes.choice("dtype", tuple(TYPES), "float32")]
    if attributes.flag("infer_range", False):
        attributes.fail("its option 'infer_range' is True: a range whose end is inferred is not covered")
    start, stop = (0.0, start) if stop is None else (start, stop)
    if step == 0 or (stop - start) / step < 0:
        attributes.fail(f"its range from {start:g} to {stop:g} by {step:g} never ends")

    def _run(call: Call) -> Tensor:
        values = torch.arange(start, stop, step, dtype=call.dtype, device=call.device)
        return cast(values.repeat_interleave(times) if times > 1 else values, dtype, call)

    return _run


def _arange_like(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    start, step = attributes.real("start", 0.0), attributes.real("step", 1.0)
    times, axis = attributes.integer("repeat", 1, low=1), attributes.optional_integer("axis")

    def _run(_call: Call, x: Tensor) -> Tensor:
        shape = x.shape if axis is None else x.shape[axis : axis + 1 or None]
        place = torch.arange(math.prod(shape), dtype=x.dtype, device=x.device)
        return (start + step * torch.floor(place / times)).reshape(shape)

    return _run


def _up_sampling(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    attributes.skip("num_args", "num_filter", "multi_input_mode")
    scale = attributes.integer("scale", low=1, high=1_024)
    attributes.choice("sample_type", ("nearest",))
    return lambda _call, x: functional.interpolate(x, scale_factor=float(scale), mode="nearest")


OPERATORS: dict[str, Operator] = {
    "Reshape": Operator(_reshape),
    "reshape_like": Operator(_reshape_like),
    "Flatten": plain(lambda x: x.flatten(1)),
    "transpose": Operator(_transpose),
    "SwapAxis": Operator(_swap_axis),
    "expand_dims": Operator(_expand_dims),
    "squeeze": Operator(_squeeze),
    "slice": Operator(_slice),
    "slice_axis": Operator(_slice_axis),
    "slice_like": Operator(_slice_like),
    "stack": Operator(_stack),
    "Concat": Operator(_concat),
    "_rnn_param_concat": Operator(_concat),
    "SliceChannel": Operator(_split_evenly, outputs=_even_outputs),
    "_split_v2": Operator(_split_at, outputs=_cut_outputs),
    "tile": Operator(_tile),
    "repeat": Operator(_repeat),
    "reverse": Operator(_flip),
    "Pad": Operator(_pad),
    "broadcast_to": Operator(_broadcast_to),
    "broadcast_axis": Operator(_broadcast_axis),
    "broadcast_like": Operator(_broadcast_like),
    "_zeros": _filled(0.0),
    "_ones": _filled(1.0),
    "_full": _filled(None),
    "_arange": Operator(_arange),
    "_contrib_arange_like": Operator(_arange_like),
    "UpSampling": Operator(_up_sampling),
}
