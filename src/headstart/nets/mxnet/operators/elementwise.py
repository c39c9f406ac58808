"""Operators that treat every value by itself: arithmetic, comparison, functions of one value."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from headstart.nets.mxnet.attributes import Attributes
from headstart.nets.mxnet.operators.base import Call, Kernel, Operator, plain

Binary = Callable[[Tensor, Tensor], Tensor]

TYPES = {
    "float16": None, "bfloat16": None, "float32": None, "float64": None,
    "int8": torch.int8, "uint8": torch.uint8, "int32": torch.int32, "int64": torch.int64, "bool": torch.bool,
}  # fmt: skip
"""Types by MXNet's name; None is the type in which the network runs: all floating types are run in one."""


def cast(tensor: Tensor, dtype: torch.dtype | None, call: Call) -> Tensor:
    """Return `tensor` as `dtype`, or in the network's floating type."""
    return tensor.to(call.dtype if dtype is None else dtype)


def _compared(compare: Binary) -> Binary:
    """MXNet gives 1 and 0 in the type of the left side, not true and false."""
    return lambda left, right: compare(left, right).to(left.dtype)


def _round_half_away(x: Tensor) -> Tensor:
    return torch.sign(x) * torch.floor(torch.abs(x) + 0.5)


def _round_half_down(x: Tensor) -> Tensor:
    return torch.ceil(x - 0.5)


def _cube_root(x: Tensor) -> Tensor:
    return torch.sign(x) * torch.abs(x).pow(1.0 / 3.0)


def _gamma(x: Tensor) -> Tensor:
    odd_below_zero = (x < 0) & (torch.floor(x).remainder(2) != 0)
    size = torch.exp(torch.lgamma(x))
    return torch.where(odd_below_zero, -size, size)


_UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "abs": torch.abs, "sign": torch.sign, "negative": torch.neg, "reciprocal": torch.reciprocal,
    "round": _round_half_away, "rint": _round_half_down, "ceil": torch.ceil, "floor": torch.floor,
    "trunc": torch.trunc, "fix": torch.trunc,
    "square": torch.square, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt,
    "cbrt": _cube_root, "rcbrt": lambda x: 1 / _cube_root(x),
    "exp": torch.exp, "expm1": torch.expm1,
    "log": torch.log, "log10": torch.log10, "log2": torch.log2, "log1p": torch.log1p,
    "sin": torch.sin, "cos": torch.cos, "tan": torch.tan,
    "arcsin": torch.arcsin, "arccos": torch.arccos, "arctan": torch.arctan,
    "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh,
    "arcsinh": torch.arcsinh, "arccosh": torch.arccosh, "arctanh": torch.arctanh,
    "degrees": torch.rad2deg, "radians": torch.deg2rad,
    "erf": torch.erf, "erfinv": torch.erfinv, "gamma": _gamma, "gammaln": torch.lgamma,
    "relu": torch.relu, "sigmoid": torch.sigmoid, "softsign": functional.softsign,
    "logical_not": lambda x: (x == 0).to(x.dtype),
    "_copy": lambda x: x, "make_loss": lambda x: x, "BlockGrad": lambda x: x.detach(),
    "zeros_like": torch.zeros_like, "ones_like": torch.ones_like,
    "_contrib_div_sqrt_dim": lambda x: x / x.shape[-1] ** 0.5,
}  # fmt: skip

_ARITHMETIC: dict[str, Binary] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div,
    "mod": torch.remainder, "power": torch.pow, "hypot": lambda x, y: torch.sqrt(x * x + y * y),
    "maximum": torch.maximum, "minimum": torch.minimum,
}  # fmt: skip

_COMPARISON: dict[str, Binary] = {
    "equal": _compared(torch.eq), "not_equal": _compared(torch.ne),
    "greater": _compared(torch.gt), "greater_equal": _compared(torch.ge),
    "lesser": _compared(torch.lt), "lesser_equal": _compared(torch.le),
    "logical_and": _compared(torch.logical_and), "logical_or": _compared(torch.logical_or),
    "logical_xor": _compared(torch.logical_xor),
}  # fmt: skip

_SCALAR_NAMES = {"add": "plus", "sub": "minus"}
_REVERSED = ("sub", "div", "mod", "power")


def _with_scalar(function: Binary, reverse: bool) -> Operator:
    def _build(attributes: Attributes) -> Kernel:
        attributes.expects(1)
        attributes.skip("is_int")
        scalar = attributes.real("scalar", 1.0)

        def _run(_call: Call, x: Tensor) -> Tensor:
            y = torch.full((), scalar, device=x.device).to(x.dtype)
            return function(y, x) if reverse else function(x, y)

        return _run

    return Operator(_build)


def _same_shape(function: Binary) -> Operator:
    def _build(attributes: Attributes) -> Kernel:
        attributes.expects(2)

        def _run(_call: Call, x: Tensor, y: Tensor) -> Tensor:
            if x.shape != y.shape:
                attributes.fail(
                    f"its inputs have the shapes {tuple(x.shape)} and {tuple(y.shape)}, which must be equal"
                )
            return function(x, y)

        return _run

    return Operator(_build)


def _binary() -> dict[str, Operator]:
    operators = {}
    for name, function in {**_ARITHMETIC, **_COMPARISON}.items():
        operators[f"broadcast_{name}"] = plain(function, 2)
        operators[f"_{name}"] = _same_shape(function)
        operators[f"_{_SCALAR_NAMES.get(name, name)}_scalar"] = _with_scalar(function, reverse=False)
        if name in _REVERSED:
            operators[f"_r{_SCALAR_NAMES.get(name, name)}_scalar"] = _with_scalar(function, reverse=True)
    for name in ("add", "sub", "mul", "div"):
        operators[f"elemwise_{name}"] = operators.pop(f"_{name}")
    return operators


def _activation(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    kinds: dict[str, Callable[[Tensor], Tensor]] = {
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softrelu": functional.softplus,
        "softsign": functional.softsign,
    }
    function = kinds[attributes.choice("act_type", tuple(kinds))]
    return lambda _call, x: function(x)


def _leaky_relu(attributes: Attributes) -> Kernel:
    kind = attributes.choice("act_type", ("leaky", "elu", "selu", "gelu", "prelu", "rrelu"), "leaky")
    slope = attributes.real("slope", 0.25)
    bounds = attributes.real("lower_bound", 0.125), attributes.real("upper_bound", 0.334)
    attributes.expects(2 if kind == "prelu" else 1)
    if kind == "prelu":
        return _prelu
    if kind == "rrelu":
        return lambda call, x: functional.rrelu(x, *bounds, training=call.training)
    kinds: dict[str, Callable[[Tensor], Tensor]] = {
        "leaky": lambda x: functional.leaky_relu(x, slope),
        "elu": lambda x: torch.where(x > 0, x, slope * torch.expm1(x)),
        "selu": functional.selu,
        "gelu": functional.gelu,
    }
    return lambda _call, x: kinds[kind](x)


def _prelu(_call: Call, x: Tensor, slope: Tensor) -> Tensor:
    """A slope for each entry of axis 1, or one for all."""
    if slope.dim() == 1 and x.dim() > 1:
        slope = slope.reshape(-1, *(1,) * (x.dim() - 2))
    return torch.where(x > 0, x, slope * x)


def _clip(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    low, high = attributes.real("a_min"), attributes.real("a_max")
    return lambda _call, x: x.clamp(low, high)


def _cast(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    dtype = TYPES[attributes.choice("dtype", tuple(TYPES))]
    return lambda call, x: cast(x, dtype, call)


def _hard_sigmoid(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    alpha, beta = attributes.real("alpha", 0.2), attributes.real("beta", 0.5)
    return lambda _call, x: (alpha * x + beta).clamp(0.0, 1.0)


def _smooth_l1(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    square = attributes.real("scalar", 1.0) ** 2

    def _run(_call: Call, x: Tensor) -> Tensor:
        return torch.where(x.abs() > 1 / square, x.abs() - 0.5 / square, 0.5 * square * x * x)

    return _run


def _add_n(attributes: Attributes) -> Kernel:
    attributes.expects(attributes.integer("num_args", attributes.n_inputs, low=1))

    def _run(_call: Call, *tensors: Tensor) -> Tensor:
        total = tensors[0]
        for tensor in tensors[1:]:
            total = total + tensor
        return total

    return _run


OPERATORS: dict[str, Operator] = {
    **{name: plain(function) for name, function in _UNARY.items()},
    **_binary(),
    "Activation": Operator(_activation),
    "LeakyReLU": Operator(_leaky_relu),
    "clip": Operator(_clip),
    "Cast": Operator(_cast),
    "amp_cast": Operator(_cast),
    "hard_sigmoid": Operator(_hard_sigmoid),
    "smooth_l1": Operator(_smooth_l1),
    "add_n": Operator(_add_n),
}
