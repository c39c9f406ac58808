"""Writes ``operators.npz``: small graphs of every covered operator, run by MXNet 1.9.1 itself.

Not run by the tests. It needs an environment of its own: Python 3.11, ``pip install numpy==1.23.5 mxnet==1.9.1``.
For each case: the graph as MXNet saves it, the inputs, the outputs in inference mode, and (where the operator has
a gradient) the outputs in training mode, the gradients of ``sum(head * weights)`` and the auxiliary states after.
"""

import json
import os
import warnings
from pathlib import Path

os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
import mxnet as mx
import numpy as np

warnings.filterwarnings("ignore")
S, V = mx.sym, mx.sym.Variable
rng = np.random.RandomState(7)
CASES = {}


def values(*shape, low=-2.0, high=2.0, dtype="float32"):
    return rng.uniform(low, high, shape).astype(dtype)


def case(name, symbol, *, grad=True, still=(), **inputs):
    assert name not in CASES, name
    CASES[name] = (symbol, {key: np.asarray(value) for key, value in inputs.items()}, grad, still)


x, y, a, b, c, n = V("x"), V("y"), V("a"), V("b"), V("c"), V("n")
grid = np.array([[-2.5, -1.5, -0.5, 0.0, 0.5, 1.5], [-2.2, -0.7, 0.2, 0.8, 1.0, 2.5]], "float32")

# ---- functions of one value
for op in [
    "abs",
    "sign",
    "negative",
    "square",
    "exp",
    "expm1",
    "sin",
    "cos",
    "tan",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "degrees",
    "radians",
    "erf",
    "relu",
    "sigmoid",
    "softsign",
    "identity",
    "hard_sigmoid",
]:
    case(op, getattr(S, op)(x, name="f"), x=values(3, 4))
for op in ["sqrt", "rsqrt", "cbrt", "rcbrt", "log", "log10", "log2", "log1p", "reciprocal", "gamma", "gammaln"]:
    case(op, getattr(S, op)(x, name="f"), x=values(3, 4, low=0.3, high=3.0))
case("gamma_below_zero", S.gamma(x, name="f"), x=np.array([[-0.5, -1.5, -2.3]], "float32"), grad=False)
for op in ["arcsin", "arccos", "arctanh", "erfinv"]:
    case(op, getattr(S, op)(x, name="f"), x=values(3, 4, low=-0.9, high=0.9))
case("arccosh", S.arccosh(x, name="f"), x=values(3, 4, low=1.2, high=3.0))
for op in ["round", "rint", "ceil", "floor", "trunc", "fix", "logical_not"]:
    case(op, getattr(S, op)(x, name="f"), x=grid, grad=False)
case("cbrt_negative", S.cbrt(x, name="f"), x=-values(3, low=0.5))
case("hard_sigmoid_options", S.hard_sigmoid(x, alpha=0.3, beta=0.4, name="f"), x=values(3, 4, low=-4, high=4))
case("zeros_like", S.zeros_like(x, name="f"), x=values(2, 3), grad=False)
case("ones_like", S.ones_like(x, name="f"), x=values(2, 3), grad=False)
case("stop_gradient", S.BlockGrad(x, name="f") * x, x=values(2, 3))
case("make_loss", S.make_loss(x, name="f"), x=values(2, 3), grad=False)
case("MakeLoss", S.MakeLoss(x, name="f"), x=values(2, 3), grad=False)
case("div_sqrt_dim", S.contrib.div_sqrt_dim(x, name="f"), x=values(2, 3))
case("smooth_l1", S.smooth_l1(x, scalar=1.5, name="f"), x=values(3, 4))
case("smooth_l1_default", S.smooth_l1(x, scalar=1.0, name="f"), x=values(3, 4))
case("clip", S.clip(x, a_min=-1, a_max=0.7, name="f"), x=values(3, 4))
for kind in ["relu", "sigmoid", "tanh", "softrelu", "softsign"]:
    case(f"Activation_{kind}", S.Activation(x, act_type=kind, name="f"), x=values(3, 4, low=-5, high=5))
for kind in [
    "leaky",
    "elu",
    "selu",
    "gelu",
]:  # MXNet's gradient of selu is wrong below zero: l * (a + y) in place of l * a + y
    case(
        f"LeakyReLU_{kind}",
        S.LeakyReLU(x, act_type=kind, name="f"),
        x=values(3, 4, low=-4, high=4),
        grad=kind != "selu",
    )
case("LeakyReLU_rrelu", S.LeakyReLU(x, act_type="rrelu", name="f")[0], x=values(3, 4), grad=False)
case("LeakyReLU_slope", S.LeakyReLU(x, act_type="leaky", slope=0.05, name="f"), x=values(3, 4))
case("LeakyReLU_elu_slope", S.LeakyReLU(x, act_type="elu", slope=0.5, name="f"), x=values(3, 4))
case("LeakyReLU_prelu", S.LeakyReLU(x, a, act_type="prelu", name="f"), x=values(3, 4, 2), a=values(4, low=0.1, high=1))
case("LeakyReLU_prelu_one", S.LeakyReLU(x, a, act_type="prelu", name="f"), x=values(3, 4), a=values(1, low=0.1, high=1))
for dtype in ["float32", "int32", "int64", "uint8", "int8", "float64"]:
    case(f"Cast_{dtype}", S.Cast(x, dtype=dtype, name="f"), x=values(3, 4, low=0.2, high=9), grad=False)
case("amp_cast", S.amp_cast(x, dtype="float32", name="f"), x=values(2, 3))

# ---- arithmetic
for op in ["add", "sub", "mul", "div", "power", "maximum", "minimum", "hypot", "mod"]:
    case(
        f"broadcast_{op}",
        getattr(S, f"broadcast_{op}")(x, y, name="f"),
        grad=op != "mod",
        x=values(2, 1, 3, low=0.5, high=3),
        y=values(1, 4, 3, low=0.6, high=2),
    )
case(
    "broadcast_mod_signs",
    S.broadcast_mod(x, y, name="f"),
    x=grid,
    y=np.array([[1.5, -1.5, 2, -2, 3, -3]], "float32"),
    grad=False,
)
for op in [
    "equal",
    "not_equal",
    "greater",
    "greater_equal",
    "lesser",
    "lesser_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
]:
    case(
        f"broadcast_{op}",
        getattr(S, f"broadcast_{op}")(x, y, name="f"),
        grad=False,
        x=np.array([[0.0, 1, 2]], "float32"),
        y=np.array([[0.0], [1], [2]], "float32"),
    )
same = {"x": values(3, 4, low=0.5, high=3), "y": values(3, 4, low=0.6, high=2)}
for name, made in {
    "add": x + y,
    "sub": x - y,
    "mul": x * y,
    "div": x / y,
    "power": x**y,
    "maximum": S.maximum(x, y),
    "minimum": S.minimum(x, y),
    "hypot": S.hypot(x, y),
}.items():
    case(f"same_{name}", made, **same)
case("same_mod", x % y, **same, grad=False)
whole = {"x": np.array([0, 1, 2, 1], "float32"), "y": np.array([0, 2, 1, 1], "float32")}
for name, made in {
    "equal": x == y,
    "not_equal": x != y,
    "greater": x > y,
    "greater_equal": x >= y,
    "lesser": x < y,
    "lesser_equal": x <= y,
}.items():
    case(f"same_{name}", made, **whole, grad=False)
positive = values(3, 4, low=0.5, high=3)
for name, made in {
    "plus": x + 1.5,
    "minus": x - 1.5,
    "rminus": 1.5 - x,
    "mul": x * 1.5,
    "div": x / 1.5,
    "rdiv": 1.5 / x,
    "power": x**1.5,
    "rpower": S.pow(1.5, x),
    "maximum": S.maximum(x, 1.5),
    "minimum": S.minimum(x, 1.5),
    "hypot": S.hypot(x, 1.5),
}.items():
    case(f"scalar_{name}", made, x=positive)
case("scalar_mod", x % 1.5, x=positive, grad=False)
case("scalar_rmod", 5.5 % x, x=positive, grad=False)
case("scalar_mod_negative", x % -1.5, x=grid, grad=False)
for name, made in {
    "equal": x == 1,
    "not_equal": x != 1,
    "greater": x > 1,
    "greater_equal": x >= 1,
    "lesser": x < 1,
    "lesser_equal": x <= 1,
}.items():
    case(f"scalar_{name}", made, x=whole["x"], grad=False)
for kind in ["and", "or", "xor"]:
    case(f"same_logical_{kind}", getattr(S._internal, f"_logical_{kind}")(x, y, name="f"), **whole, grad=False)
    case(
        f"scalar_logical_{kind}_1",
        getattr(S._internal, f"_logical_{kind}_scalar")(x, scalar=1, name="f"),
        x=whole["x"],
        grad=False,
    )
case("scalar_logical_or", S._internal._logical_or_scalar(x, scalar=0, name="f"), x=whole["x"], grad=False)
case("scalar_int32", x + 1, x=np.array([1, 2], "int32"), grad=False)
case("add_n", S.add_n(x, y, a, name="f"), x=values(2, 3), y=values(2, 3), a=values(2, 3))

# ---- dense, lookups
case(
    "FullyConnected", S.FullyConnected(x, a, b, num_hidden=4, name="f"), x=values(2, 3, 2), a=values(4, 6), b=values(4)
)
case(
    "FullyConnected_no_bias",
    S.FullyConnected(x, a, num_hidden=4, no_bias=True, name="f"),
    x=values(2, 6),
    a=values(4, 6),
)
case(
    "FullyConnected_unflattened",
    S.FullyConnected(x, a, b, num_hidden=4, flatten=False, name="f"),
    x=values(2, 3, 5),
    a=values(4, 5),
    b=values(4),
)
places = np.array([[0, 1.7, 5], [-1, 4, 99]], "float32")
case("Embedding", S.Embedding(x, a, input_dim=5, output_dim=3, name="f"), x=places, a=values(5, 3), still=("x",))
case(
    "SparseEmbedding",
    S.contrib.SparseEmbedding(x, a, input_dim=5, output_dim=3, name="f"),
    x=np.array([[0, 4], [1, 2]], "float32"),
    a=values(5, 3),
    grad=False,
)
case(
    "Embedding_int",
    S.Embedding(x, a, input_dim=5, output_dim=3, name="f"),
    x=np.array([[0, 1], [-3, 7]], "int32"),
    a=values(5, 3),
    grad=False,
)
case("take", S.take(a, x, name="f"), x=places, a=values(5, 3))
case("take_axis1_wrap", S.take(a, x, axis=1, mode="wrap", name="f"), x=places, a=values(2, 5, 3))
case("take_axis_last", S.take(a, x, axis=-1, name="f"), x=places, a=values(2, 5))
case("pick", S.pick(x, y, name="f"), x=values(3, 4), y=np.array([0, 3, 9], "float32"))
case(
    "pick_keep_axis0",
    S.pick(x, y, axis=0, keepdims=True, name="f"),
    x=values(3, 4),
    y=np.array([0, 2, 1, 2], "float32"),
)
case(
    "one_hot",
    S.one_hot(x, depth=4, on_value=2, off_value=-1, name="f"),
    x=np.array([[0, 3], [1, 9]], "float32"),
    grad=False,
)
case("where", S.where(c, x, y, name="f"), c=np.array([[0, 1, 2]] * 2, "float32"), x=values(2, 3), y=values(2, 3))
case("where_rows", S.where(c, x, y, name="f"), c=np.array([0, 1], "float32"), x=values(2, 3), y=values(2, 3))
case("gather_nd", S.gather_nd(x, y, name="f"), x=values(3, 4, 2), y=np.array([[0, 2, 1], [3, 0, 1]], "float32"))
case("dot", S.dot(x, y, name="f"), x=values(2, 3, 4), y=values(4, 5))
case("dot_transposed", S.dot(x, y, transpose_a=True, transpose_b=True, name="f"), x=values(4, 2), y=values(5, 4))
case("dot_vectors", S.dot(x, y, name="f"), x=values(4), y=values(4))
case("batch_dot", S.batch_dot(x, y, name="f"), x=values(2, 3, 4), y=values(2, 4, 5))
case(
    "batch_dot_transposed",
    S.batch_dot(x, y, transpose_a=True, transpose_b=True, name="f"),
    x=values(2, 4, 3),
    y=values(2, 5, 4),
)

# ---- convolution, pooling
case(
    "Convolution_1d",
    S.Convolution(x, a, b, kernel=(3,), num_filter=4, stride=(2,), pad=(2,), dilate=(2,), name="f"),
    x=values(2, 3, 11),
    a=values(4, 3, 3),
    b=values(4),
)
case(
    "Convolution_1d_defaults",
    S.Convolution(x, a, b, kernel=(2,), num_filter=4, name="f"),
    x=values(2, 3, 7),
    a=values(4, 3, 2),
    b=values(4),
)
case(
    "Convolution_2d_groups",
    S.Convolution(x, a, kernel=(3, 2), num_filter=4, num_group=2, pad=(1, 0), no_bias=True, name="f"),
    x=values(2, 6, 5, 6),
    a=values(4, 3, 3, 2),
)
case(
    "Convolution_3d",
    S.Convolution(x, a, b, kernel=(2, 2, 2), num_filter=3, name="f"),
    x=values(1, 2, 3, 4, 3),
    a=values(3, 2, 2, 2, 2),
    b=values(3),
)
case(
    "Deconvolution_1d",
    S.Deconvolution(x, a, kernel=(3,), num_filter=4, stride=(2,), pad=(1,), adj=(1,), name="f"),
    x=values(2, 3, 5),
    a=values(3, 4, 3),
)
case(
    "Deconvolution_2d",
    S.Deconvolution(x, a, b, kernel=(3, 2), num_filter=4, stride=(2, 1), no_bias=False, name="f"),
    x=values(2, 3, 4, 5),
    a=values(3, 4, 3, 2),
    b=values(4),
)
for kind in ["max", "avg", "sum"]:
    for convention in ["valid", "full"]:
        # MXNet's gradient of a mean over a last, shorter window divides by the full window's size.
        case(
            f"Pooling_{kind}_{convention}",
            S.Pooling(x, kernel=(3,), stride=(2,), pad=(1,), pool_type=kind, pooling_convention=convention, name="f"),
            x=values(2, 3, 8),
            grad=(kind, convention) != ("avg", "full"),
        )
        case(
            f"Pooling_{kind}_{convention}_2d",
            S.Pooling(
                x, kernel=(3, 2), stride=(2, 3), pad=(1, 1), pool_type=kind, pooling_convention=convention, name="f"
            ),
            x=values(2, 3, 8, 7),
        )
    case(
        f"Pooling_{kind}_global",
        S.Pooling(x, kernel=(1,), global_pool=True, pool_type=kind, name="f"),
        x=values(2, 3, 8),
    )
case(
    "Pooling_avg_excluding",
    S.Pooling(
        x,
        kernel=(3,),
        stride=(2,),
        pad=(1,),
        pool_type="avg",
        pooling_convention="full",
        count_include_pad=False,
        name="f",
    ),
    x=values(2, 3, 8),
)
case(
    "Pooling_lp2",
    S.Pooling(x, kernel=(3,), stride=(2,), pad=(1,), pool_type="lp", p_value=2, name="f"),
    x=values(2, 3, 8),
)
case("Pooling_lp1", S.Pooling(x, kernel=(3,), pool_type="lp", p_value=1, name="f"), x=values(2, 3, 8, low=0.2))
case(
    "Pooling_lp2_global",
    S.Pooling(x, kernel=(3,), pool_type="lp", p_value=2, global_pool=True, name="f"),
    x=values(2, 3, 8),
)
case("Pooling_3d", S.Pooling(x, kernel=(2, 2, 2), stride=(1, 2, 1), pool_type="max", name="f"), x=values(1, 2, 3, 4, 3))
case("Pooling_defaults", S.Pooling(x, kernel=(2,), name="f"), x=values(2, 3, 8))
case("UpSampling", S.UpSampling(x, scale=2, sample_type="nearest", name="f"), x=values(1, 2, 3, 2))

# ---- normalisation
stats = {"a": values(3), "b": values(3), "mean": values(3), "var": values(3, low=0.5)}
for name, options in {
    "BatchNorm_defaults": {},
    "BatchNorm_gluon": {"fix_gamma": False, "eps": 1e-5, "momentum": 0.8},
    "BatchNorm_global": {"fix_gamma": False, "use_global_stats": True},
}.items():
    case(name, S.BatchNorm(x, a, b, V("mean"), V("var"), name="f", **options), x=values(4, 3), **stats)
case(
    "BatchNorm_3d",
    S.BatchNorm(x, a, b, V("mean"), V("var"), fix_gamma=False, eps=1e-5, name="f"),
    x=values(4, 3, 5),
    **stats,
)
case(
    "BatchNorm_axis",
    S.BatchNorm(x, a, b, V("mean"), V("var"), fix_gamma=False, axis=2, name="f"),
    x=values(4, 5, 3),
    **stats,
)
case(
    "BatchNorm_last_axis",
    S.BatchNorm(x, a, b, V("mean"), V("var"), fix_gamma=False, axis=-1, name="f"),
    x=values(4, 5, 3),
    **stats,
)
case("BatchNorm_one_row", S.BatchNorm(x, a, b, V("mean"), V("var"), fix_gamma=False, name="f"), x=values(1, 3), **stats)
case(
    "SyncBatchNorm",
    S.contrib.SyncBatchNorm(x, a, b, V("mean"), V("var"), fix_gamma=False, key="k", name="f"),
    x=values(4, 3),
    **stats,
)
case("LayerNorm", S.LayerNorm(x, a, b, name="f"), x=values(4, 3), a=values(3), b=values(3))
case("LayerNorm_axis", S.LayerNorm(x, a, b, axis=1, eps=1e-3, name="f"), x=values(4, 3, 2), a=values(3), b=values(3))
case("InstanceNorm", S.InstanceNorm(x, a, b, name="f"), x=values(4, 3, 6), a=values(3), b=values(3))
case("GroupNorm", S.GroupNorm(x, a, b, num_groups=2, name="f"), x=values(4, 6, 3), a=values(2), b=values(2))
for mode in ["instance", "channel", "spatial"]:
    case(f"L2Normalization_{mode}", S.L2Normalization(x, mode=mode, name="f"), x=values(4, 3, 6))
case("LRN", S.LRN(x, nsize=3, alpha=0.1, name="f"), x=values(2, 5, 3, 4))
for op in ["softmax", "log_softmax", "softmin"]:
    case(op, getattr(S, op)(x, name="f"), x=values(3, 4, low=-5, high=5))
    case(f"{op}_axis", getattr(S, op)(x, axis=1, temperature=0.5, name="f"), x=values(3, 4, 2))
case("softmax_lengths", S.softmax(x, n, use_length=True, name="f"), x=values(3, 4), n=np.array([1, 4, 2], "int32"))
case(
    "softmax_lengths_axis",
    S.softmax(x, n, axis=1, use_length=True, name="f"),
    x=values(2, 4, 3),
    n=np.array([[1, 4, 2], [3, 3, 4]], "int32"),
    grad=False,
)
case("SoftmaxActivation", S.SoftmaxActivation(x, name="f"), x=values(3, 4))
case("SoftmaxActivation_3d", S.SoftmaxActivation(x, name="f"), x=values(3, 4, 2), grad=False)
case("SoftmaxActivation_channel", S.SoftmaxActivation(x, mode="channel", name="f"), x=values(3, 4, 2))
case(
    "SoftmaxOutput", S.SoftmaxOutput(x, V("label"), name="f"), x=values(3, 4), label=np.zeros(3, "float32"), grad=False
)
case(
    "SoftmaxOutput_3d",
    S.SoftmaxOutput(x, V("label"), name="f"),
    x=values(3, 4, 2),
    label=np.zeros((3, 4), "float32"),
    grad=False,
)
case(
    "SoftmaxOutput_channel",
    S.SoftmaxOutput(x, V("label"), multi_output=True, name="f"),
    x=values(3, 4, 2),
    label=np.zeros((3, 2), "float32"),
    grad=False,
)
case(
    "SoftmaxOutput_last",
    S.SoftmaxOutput(x, V("label"), preserve_shape=True, name="f"),
    x=values(3, 4, 2),
    label=np.zeros((3, 4), "float32"),
    grad=False,
)
case("SVMOutput", S.SVMOutput(x, V("label"), name="f"), x=values(3, 4), label=np.zeros(3, "float32"), grad=False)
case(
    "MAERegressionOutput",
    S.MAERegressionOutput(x, V("label"), name="f"),
    x=values(3, 1),
    label=np.zeros((3, 1), "float32"),
    grad=False,
)
case(
    "LogisticRegressionOutput",
    S.LogisticRegressionOutput(x, V("label"), name="f"),
    x=values(3, 1),
    label=np.zeros((3, 1), "float32"),
    grad=False,
)
case(
    "LinearRegressionOutput",
    S.LinearRegressionOutput(x, V("label"), name="f"),
    x=values(3, 1),
    label=np.zeros((3, 1), "float32"),
    grad=False,
)
case("Dropout", S.Dropout(x, p=0.5, name="f"), x=values(3, 4), grad=False)

# ---- sequences
steps = values(5, 3, 2)
lengths = np.array([1, 5, 3], "float32")
for op in ["SequenceLast", "SequenceMask", "SequenceReverse"]:
    case(op, getattr(S, op)(x, name="f"), x=steps)
    case(f"{op}_lengths", getattr(S, op)(x, n, use_sequence_length=True, name="f"), x=steps, n=lengths)
case(
    "SequenceLast_axis1", S.SequenceLast(x, n, use_sequence_length=True, axis=1, name="f"), x=values(3, 5, 2), n=lengths
)
case("SequenceLast_plain_axis1", S.SequenceLast(x, axis=1, name="f"), x=values(3, 5, 2))
case(
    "SequenceMask_axis1",
    S.SequenceMask(x, n, use_sequence_length=True, axis=1, value=-3, name="f"),
    x=values(3, 5, 2),
    n=lengths,
)
case(
    "SequenceMask_zero",
    S.SequenceMask(x, n, use_sequence_length=True, name="f"),
    x=values(5, 3, 2),
    n=np.array([0, 5, 3], "float32"),
)
case("SequenceReverse_4d", S.SequenceReverse(x, n, use_sequence_length=True, name="f"), x=values(5, 3, 2, 2), n=lengths)
for mode, gates in {"rnn_relu": 1, "rnn_tanh": 1, "gru": 3, "lstm": 4}.items():
    for layers, both in ((1, False), (1, True), (2, False), (3, True)):
        d, h, k = 2 if both else 1, 3, 2
        size = sum(d * gates * h * ((k if layer == 0 else d * h) + h + 2) for layer in range(layers))
        cells = {"c": values(layers * d, 4, h)} if mode == "lstm" else {}
        args = (x, a, b, V("c")) if mode == "lstm" else (x, a, b)
        made = S.RNN(
            *args, state_size=h, num_layers=layers, bidirectional=both, mode=mode, state_outputs=True, name="f"
        )
        case(
            f"RNN_{mode}_{layers}_{d}",
            S.Group(list(made)),
            x=values(5, 4, k),
            a=values(size, low=-0.8, high=0.8),
            b=values(layers * d, 4, h),
            **cells,
        )
case(
    "RNN_one_output",
    S.RNN(x, a, b, state_size=3, num_layers=1, mode="gru", name="f"),
    x=values(5, 4, 2),
    a=values(3 * 3 * (2 + 3 + 2)),
    b=values(1, 4, 3),
)

# ---- shapes
shape = values(2, 3, 4)
for i, (codes, reverse) in enumerate(
    [
        ((4, 0, 2), 0),
        ((2, 0, 0), 0),
        ((6, 1, -1), 0),
        ((3, -1, 8), 0),
        ((-1,), 0),
        ((-2,), 0),
        ((2, -2), 0),
        ((-2, 1, 1), 0),
        ((-3, 4), 0),
        ((0, -3), 0),
        ((-3, -2), 0),
        ((-4, 1, 2, -2), 0),
        ((2, -4, -1, 3, -2), 0),
        ((0, -4, 3, -1, -2), 0),
        ((0, 0, -1), 0),
        ((-1, 0), 1),
        ((0, -1), 1),
        ((-3, 0), 1),
        ((-1, 0, 2), 1),
        ((-1, 2, 0), 1),
    ]
):
    case(f"Reshape_{i}", S.Reshape(x, shape=codes, reverse=bool(reverse), name="f"), x=shape)
case("Reshape_text", S.Reshape(x, shape=-1, name="f"), x=shape)
case("reshape_like", S.reshape_like(x, y, name="f"), x=shape, y=values(4, 6))
case(
    "reshape_like_part",
    S.reshape_like(x, y, lhs_begin=1, lhs_end=3, rhs_begin=0, rhs_end=2, name="f"),
    x=shape,
    y=values(6, 2, 5),
)
case("Flatten", S.Flatten(x, name="f"), x=shape)
case("transpose", S.transpose(x, name="f"), x=shape)
case("transpose_axes", S.transpose(x, axes=(1, 0, 2), name="f"), x=shape)
case("SwapAxis", S.SwapAxis(x, dim1=0, dim2=2, name="f"), x=shape)
case("SwapAxis_defaults", S.SwapAxis(x, name="f"), x=shape)
case("expand_dims", S.expand_dims(x, axis=1, name="f"), x=shape)
case("expand_dims_last", S.expand_dims(x, axis=-1, name="f"), x=shape)
case("squeeze", S.squeeze(x, name="f"), x=values(1, 3, 1, 2))
case("squeeze_axes", S.squeeze(x, axis=(0, 2), name="f"), x=values(1, 3, 1, 1))
case("squeeze_all", S.squeeze(x, name="f"), x=values(1, 1))
case("slice", S.slice(x, begin=(0, 1, None), end=(1, None, 3), name="f"), x=shape)
case("slice_step", S.slice(x, begin=(None, 2, -1), end=(None, None, None), step=(1, -2, -1), name="f"), x=shape)
case("slice_negative", S.slice(x, begin=(-1,), end=(None,), name="f"), x=shape)
case("slice_axis", S.slice_axis(x, axis=1, begin=1, end=None, name="f"), x=shape)
case("slice_axis_negative", S.slice_axis(x, axis=-1, begin=-3, end=-1, name="f"), x=shape)
case("slice_like", S.slice_like(x, y, name="f"), x=shape, y=values(1, 2, 3))
case("slice_like_axes", S.slice_like(x, y, axes=(1, -1), name="f"), x=shape, y=values(1, 2, 3))
case("stack", S.stack(x, y, axis=1, name="f"), x=values(2, 3), y=values(2, 3))
case("Concat", S.Concat(x, y, name="f"), x=values(2, 3), y=values(2, 1))
case("rnn_param_concat", S._internal._rnn_param_concat(x, y, dim=0, name="f"), x=values(4), y=values(3))
case("Concat_dim", S.Concat(x, y, dim=-1, name="f"), x=values(2, 3, 1), y=values(2, 3, 2))
case("SliceChannel", S.Group(list(S.SliceChannel(x, num_outputs=3, name="f"))), x=values(2, 6))
case(
    "SliceChannel_squeezed",
    S.Group(list(S.SliceChannel(x, num_outputs=3, axis=2, squeeze_axis=True, name="f"))),
    x=values(2, 2, 3),
)
case("SliceChannel_one", S.SliceChannel(x, num_outputs=1, name="f"), x=values(2, 6))
case("split_v2_sections", S.Group(list(S.split_v2(x, 2, axis=1))), x=values(2, 6))
case("split_v2_indices", S.Group(list(S.split_v2(x, (1, 3), axis=1))), x=values(2, 6))
case("split_v2_squeeze", S.Group(list(S.split_v2(x, 3, axis=1, squeeze_axis=True))), x=values(2, 3, 2))
case("tile", S.tile(x, reps=(2, 3), name="f"), x=values(2, 3))
case("tile_more", S.tile(x, reps=(2, 1, 2), name="f"), x=values(2, 3))
case("tile_fewer", S.tile(x, reps=(2,), name="f"), x=values(2, 3))
case("repeat", S.repeat(x, repeats=2, name="f"), x=values(2, 3))
case("repeat_axis", S.repeat(x, repeats=2, axis=1, name="f"), x=values(2, 3))
case("repeat_axis_last", S.repeat(x, repeats=3, axis=-1, name="f"), x=values(2, 3))
case("reverse", S.reverse(x, axis=1, name="f"), x=shape)
case("reverse_axes", S.reverse(x, axis=(0, 2), name="f"), x=shape)
for mode in ["constant", "edge", "reflect"]:
    case(
        f"Pad_{mode}",
        S.Pad(x, mode=mode, pad_width=(0, 0, 0, 0, 1, 2, 2, 1), constant_value=7, name="f"),
        x=values(1, 2, 4, 5),
    )
case("Pad_5d", S.Pad(x, mode="constant", pad_width=(0, 0, 0, 0, 1, 0, 0, 1, 2, 0), name="f"), x=values(1, 2, 2, 3, 2))
case("broadcast_to", S.broadcast_to(x, shape=(0, 4, 3), name="f"), x=values(2, 1, 3))
case("broadcast_axis", S.broadcast_axis(x, axis=(0, 2), size=(2, 4), name="f"), x=values(1, 3, 1))
case("broadcast_like", S.broadcast_like(x, y, name="f"), x=values(1, 3), y=values(2, 3))
case(
    "broadcast_like_axes",
    S.broadcast_like(x, y, lhs_axes=(1,), rhs_axes=(0,), name="f"),
    x=values(2, 1),
    y=values(5, 3),
)
case("zeros", S.broadcast_add(x, S.zeros((2, 3), name="f")), x=values(2, 3), grad=False)
case("ones", S.broadcast_add(x, S.ones((2, 3), name="f")), x=values(2, 3), grad=False)
case("full", S.broadcast_add(x, S.full((2, 3), 2.5, name="f")), x=values(2, 3), grad=False)
case("arange", S.broadcast_add(x, S.arange(3, name="f")), x=values(2, 3), grad=False)
case("arange_options", S.broadcast_add(x, S.arange(1, 4, 1.5, repeat=2, name="f")), x=values(2, 4), grad=False)
case("arange_like", S.contrib.arange_like(x, name="f"), x=values(2, 3), grad=False)
case("arange_like_axis", S.contrib.arange_like(x, start=2, step=3, axis=1, name="f"), x=values(2, 3), grad=False)
case("arange_like_repeat", S.contrib.arange_like(x, repeat=2, axis=-1, name="f"), x=values(2, 6), grad=False)

# ---- reductions
for op in ["sum", "mean", "max", "min", "prod", "nansum", "nanprod"]:
    case(op, getattr(S, op)(x, name="f"), x=shape)
    case(f"{op}_axis", getattr(S, op)(x, axis=1, name="f"), x=shape)
    case(f"{op}_axes_kept", getattr(S, op)(x, axis=(0, -1), keepdims=True, name="f"), x=shape)
    case(f"{op}_exclude", getattr(S, op)(x, axis=1, exclude=True, name="f"), x=shape)
holed = shape.copy()
holed[0, 1, 2] = np.nan
case("nansum_nan", S.nansum(x, axis=1, name="f"), x=holed, grad=False)
case("nanprod_nan", S.nanprod(x, axis=1, name="f"), x=holed, grad=False)
case("norm", S.norm(x, name="f"), x=shape)
case("norm_1_axis", S.norm(x, ord=1, axis=1, name="f"), x=shape)
case("norm_2_kept", S.norm(x, axis=(1, 2), keepdims=True, name="f"), x=shape)
for op in ["argmax", "argmin"]:
    case(op, getattr(S, op)(x, axis=1, name="f"), x=shape, grad=False)
    case(f"{op}_kept", getattr(S, op)(x, axis=-1, keepdims=True, name="f"), x=shape, grad=False)
    case(f"{op}_all", getattr(S, op)(x, name="f"), x=shape, grad=False)
case("sort", S.sort(x, name="f"), x=shape, grad=False)
case("sort_falling", S.sort(x, axis=1, is_ascend=False, name="f"), x=shape)
case("sort_all", S.sort(x, axis=None, name="f"), x=shape, grad=False)
case("argsort", S.argsort(x, axis=1, name="f"), x=shape, grad=False)
case("argsort_falling", S.argsort(x, is_ascend=False, dtype="int32", name="f"), x=shape, grad=False)
case("topk", S.topk(x, k=2, name="f"), x=shape, grad=False)
case("topk_value", S.topk(x, k=2, axis=1, ret_typ="value", name="f"), x=shape)
case("topk_both", S.Group(list(S.topk(x, k=2, axis=0, ret_typ="both", is_ascend=True, name="f"))), x=shape, grad=False)
case("cumsum", S.cumsum(x, axis=1, name="f"), x=shape)
case("cumsum_all", S.cumsum(x, name="f"), x=shape)


def run(name, symbol, inputs, grad, still):
    """Return the arrays of one case by name."""
    found = {"graph": np.frombuffer(json.dumps(json.loads(symbol.tojson())).encode(), np.uint8)}
    found.update({f"in:{key}": value for key, value in inputs.items()})
    auxiliary = set(symbol.list_auxiliary_states())
    arrays = {key: mx.nd.array(value, dtype=value.dtype) for key, value in inputs.items()}
    args = {key: value for key, value in arrays.items() if key not in auxiliary}
    grads = {
        key: mx.nd.zeros(value.shape)
        for key, value in args.items()
        if grad and value.dtype == np.float32 and key not in still
    }
    executor = symbol.bind(
        mx.cpu(),
        args,
        args_grad=grads,
        grad_req={k: "write" if k in grads else "null" for k in args},
        aux_states={key: arrays[key].copy() for key in auxiliary},
    )
    for i, output in enumerate(executor.forward(is_train=False)):
        found[f"out:{i}"] = output.asnumpy()
    if grad:
        outputs = executor.forward(is_train=True)
        weights = [np.cos(np.arange(out.size, dtype="float32")).reshape(out.shape) for out in outputs]
        executor.backward([mx.nd.array(weight) for weight in weights])
        found.update({f"train:{i}": output.asnumpy() for i, output in enumerate(outputs)})
        found.update({f"grad:{key}": value.asnumpy() for key, value in grads.items()})
        found.update({f"aux:{key}": value.asnumpy() for key, value in executor.aux_dict.items()})
    return {f"{name}/{key}": value for key, value in found.items()}


if __name__ == "__main__":
    everything = {}
    for name, arguments in CASES.items():
        try:
            everything.update(run(name, *arguments))
        except Exception as error:
            print("FAILED", name, str(error).strip().split("\n")[-1][:200])
    np.savez_compressed(Path(__file__).with_name("operators.npz"), **everything)
    print(len(CASES), "cases,", Path(__file__).with_name("operators.npz").stat().st_size, "bytes")
