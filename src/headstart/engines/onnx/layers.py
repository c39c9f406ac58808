"""The pieces of our networks as ONNX operators, from the arrays that a model's folder holds.

Each function takes the graph, the arrays of its stage, and the names of what it reads; it returns the name of what it gives.
Ids and lengths are int32 [rows, tokens] and [rows]. What runs over tokens honours the lengths, so that padding changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from headstart.arrays import Array
from headstart.engines.onnx.graph import Graph
from headstart.plain import Json

Weights = Mapping[str, Array]

_GATES = {"gru": [1, 0, 2], "lstm": [0, 3, 1, 2]}
"""Of ONNX's gates, which of torch's each is: update, reset, hidden; input, output, forget, cell."""
_LEAST_NORM = np.float32(1e-12)
_LEAKY = 0.01


def embedding(g: Graph, weights: Weights, ids: str) -> str:
    """Ids to vectors [rows, tokens, size]."""
    return str(g.op("Gather", g.constant(weights["weight"]), ids))


def linear(g: Graph, weights: Weights, values: str) -> str:
    """Map [rows, n_inputs] to [rows, n_outputs]."""
    return str(g.op("Gemm", values, g.constant(weights["weight"]), g.constant(weights["bias"]), transB=1))


def dense(g: Graph, weights: Weights, values: str, *, activation: str = "relu") -> str:
    """Dense, batch normalisation where there is one, activation."""
    found = linear(g, _under("linear", weights), values)
    if "norm.weight" in weights:
        statistics = [weights[f"norm.{name}"] for name in ("weight", "bias", "running_mean", "running_var")]
        found = g.op("BatchNormalization", found, *statistics, epsilon=1e-5)
    return activated(g, activation, found)


def activated(g: Graph, kind: str, x: str) -> str:
    """An activation by the name that a model has for it."""
    half, one = np.float32(0.5), np.float32(1)
    if kind == "gelu":
        erf = g.op("Erf", g.op("Mul", x, np.float32(np.sqrt(0.5))))
        found = g.op("Mul", g.op("Mul", x, half), g.op("Add", erf, one))
    elif kind == "gelu_tanh":
        cube = g.op("Mul", g.op("Mul", x, x), g.op("Mul", x, np.float32(0.044715)))
        tanh = g.op("Tanh", g.op("Mul", g.op("Add", x, cube), np.float32(np.sqrt(2 / np.pi))))
        found = g.op("Mul", g.op("Mul", x, half), g.op("Add", tanh, one))
    elif kind == "silu":
        found = g.op("Mul", x, g.op("Sigmoid", x))
    elif kind == "leaky-relu":
        found = g.op("LeakyRelu", x, alpha=_LEAKY)
    else:
        found = g.op({"relu": "Relu", "tanh": "Tanh", "elu": "Elu"}[kind], x)
    return str(found)


def places(g: Graph) -> str:
    """The places of a batch's tokens from 0 on, int32 [1, tokens]."""

    def make() -> str:
        n_tokens = g.op("Squeeze", g.op("Shape", "ids", start=1, end=2), [0])
        return str(g.op("Unsqueeze", g.op("Range", np.int32(0), g.cast(n_tokens, np.int32), np.int32(1)), [0]))

    return g.once("places", make)


def inside(g: Graph) -> str:
    """Which places of the batch hold tokens, bool [rows, tokens]."""
    return g.once("inside", lambda: str(g.op("Less", places(g), g.op("Unsqueeze", "lengths", [1]))))


def masked(g: Graph, states: str) -> str:
    """States [rows, tokens, size] with zeros at padding."""
    mask = g.once("inside as numbers", lambda: str(g.op("Unsqueeze", g.cast(inside(g), np.float32), [2])))
    return str(g.op("Mul", states, mask))


def read_lengths(g: Graph) -> str:
    """Lengths, 1 where there is nothing to read, which ONNX Runtime refuses; what is read there is masked."""
    return g.once("read lengths", lambda: str(g.op("Max", "lengths", np.int32(1))))


def recurrent(
    g: Graph,
    weights: Weights,
    vectors: str,
    *,
    cell: str = "gru",
    n_layers: int = 1,
    reverse: bool = True,
    names: str = "",
) -> str:
    """GRU or LSTM layers over vectors [rows, tokens, size]: states [rows, tokens, directions * hidden].

    Args:
        g: the graph.
        weights: by torch's names, `names` before each.
        vectors: what is read.
        cell: ``"gru"`` or ``"lstm"``.
        n_layers: on top of one another.
        reverse: whether each text is read backward too.
        names: what stands before each name.
    """
    states = g.op("Transpose", vectors, perm=[1, 0, 2])
    for layer in range(n_layers):
        suffixes = [f"l{layer}", f"l{layer}_reverse"] if reverse else [f"l{layer}"]

        def of(kind: str, suffixes: Sequence[str] = suffixes) -> Array:
            return np.stack([_in_order(weights[f"{names}{kind}_{suffix}"], cell) for suffix in suffixes])

        biases = np.concatenate([of("bias_ih"), of("bias_hh")], axis=1)
        hidden = int(of("weight_hh").shape[2])
        arrays = [g.constant(one) for one in (of("weight_ih"), of("weight_hh"), biases)]
        how: Json = {"hidden_size": hidden, "direction": "bidirectional" if reverse else "forward"}
        if cell == "gru":
            found = g.op("GRU", states, *arrays, read_lengths(g), linear_before_reset=1, **how)
        else:
            found = g.op("LSTM", states, *arrays, read_lengths(g), **how)
        states = g.op("Reshape", g.op("Transpose", found, perm=[0, 2, 1, 3]), [0, 0, -1])
    return str(g.op("Transpose", states, perm=[1, 0, 2]))


def _in_order(array: Array, cell: str) -> Array:
    order = _GATES[cell]
    parts = np.split(array, len(order))
    return np.concatenate([parts[i] for i in order])


def scanned(g: Graph, weights: Weights, vectors: str, *, n_layers: int = 1, reverse: bool = True) -> str:
    """Quasi-recurrent layers over vectors [rows, tokens, size]; see `headstart.layers.FastRecurrent`."""
    lengths = g.once("lengths as int64", lambda: g.cast("lengths", np.int64))
    states = vectors
    for layer in range(n_layers):
        halves = [_one_way(g, weights, f"l{layer}", states)]
        if reverse:
            turned = g.op("ReverseSequence", states, lengths, batch_axis=0, time_axis=1)
            backward = _one_way(g, weights, f"l{layer}_reverse", turned)
            halves.append(g.op("ReverseSequence", backward, lengths, batch_axis=0, time_axis=1))
        states = masked(g, g.op("Concat", *halves, axis=2) if reverse else halves[0])
    return states


def _one_way(g: Graph, weights: Weights, suffix: str, vectors: str) -> str:
    product = g.op("MatMul", vectors, g.constant(weights[f"weight_{suffix}"].T.copy()))
    gates = g.op("Add", product, weights[f"bias_{suffix}"])
    if f"weight_before_{suffix}" in weights:
        before = g.op("MatMul", vectors, g.constant(weights[f"weight_before_{suffix}"].T.copy()))
        gates = g.op("Add", gates, _later(g, before, np.ones(1, np.int64), np.float32(0)))
    z, f = g.op("Split", gates, n_outputs=2, axis=2, num_outputs=2)
    factor = g.op("Sigmoid", f)
    added = g.op("Mul", g.op("Sub", np.float32(1), factor), g.op("Tanh", z))
    return _scan(g, factor, added)


def _scan(g: Graph, factor: str, added: str) -> str:
    """Every ``h[t] = factor[t] * h[t - 1] + added[t]`` along the second dimension, by doubling: in round k every state takes in
    the 2^k before it (Hillis and Steele, CACM 1986), for as many rounds as the longest text needs.
    """
    n_tokens = g.op("Shape", added, start=1, end=2)
    body = Graph("body_")
    for name, dtype, shape in (("round", np.int64, ()), ("on", np.bool_, ()), ("shift", np.int64, (1,))):
        body.input(name, dtype, shape)
    for name in ("factor", "added"):
        body.input(name, np.float32, ("rows", "tokens", "size"))
    later = body.op("Mul", "factor", _later(body, "added", "shift", np.float32(0)))
    shift = body.op("Add", "shift", "shift")
    more = body.op("Squeeze", body.op("Less", shift, body.op("Shape", "added", start=1, end=2)), [0])
    body.output("more", more, np.bool_, ())
    body.output("next_shift", shift, np.int64, (1,))
    doubled = body.op("Mul", "factor", _later(body, "factor", "shift", np.float32(1)))
    body.output("next_factor", doubled, np.float32, ("rows", "tokens", "size"))
    body.output("next_added", body.op("Add", "added", later), np.float32, ("rows", "tokens", "size"))
    go_on = g.op("Squeeze", g.op("Less", np.ones(1, np.int64), n_tokens), [0])
    return g.loop(body, go_on, np.ones(1, np.int64), factor, added)[2]


def _later(g: Graph, values: str, n: Array | str, fill: np.float32) -> str:
    """Return the tokens moved back by `n` places, int64 [1], with `fill` before them."""
    kept = g.op("Slice", values, [0], g.op("Neg", n), [1])
    before = g.op("Concat", [0], n, [0, 0, 0, 0], axis=0)
    return str(g.op("Pad", kept, before, fill))


def pooled(g: Graph, states: str, kinds: Sequence[str], *, bidirectional: bool = False) -> str:
    """Token states [rows, tokens, size] to [rows, kinds * size]; a text without tokens gives zeros."""
    found = [_pooled(g, states, kind, bidirectional) for kind in kinds]
    return found[0] if len(found) == 1 else str(g.op("Concat", *found, axis=1))


def _pooled(g: Graph, states: str, kind: str, bidirectional: bool) -> str:
    there = g.once("there", lambda: str(g.op("Unsqueeze", g.op("Greater", "lengths", np.int32(0)), [1])))
    if kind == "mean":
        count = g.once("n read", lambda: str(g.op("Unsqueeze", g.cast(read_lengths(g), np.float32), [1])))
        return str(g.op("Div", g.op("ReduceSum", masked(g, states), [1], keepdims=0), count))
    if kind == "max":
        seen = g.op("Unsqueeze", inside(g), [2])
        highest = g.op("ReduceMax", g.op("Where", seen, states, np.float32(-np.inf)), [1], keepdims=0)
        return str(g.op("Where", there, highest, np.float32(0)))
    if kind == "cls" or not bidirectional:
        state = first_state(g, states) if kind == "cls" else state_at_end(g, states)
        return str(g.op("Where", there, state, np.float32(0)))
    forward, _ = g.op("Split", state_at_end(g, states), n_outputs=2, axis=1, num_outputs=2)
    _, backward = g.op("Split", first_state(g, states), n_outputs=2, axis=1, num_outputs=2)
    return str(g.op("Where", there, g.op("Concat", forward, backward, axis=1), np.float32(0)))


def first_state(g: Graph, states: str) -> str:
    """The states at each row's first place [rows, size]."""
    return str(g.op("Gather", states, np.array(0), axis=1))


def state_at_end(g: Graph, states: str) -> str:
    """The states at each row's last token [rows, size]; an empty text takes its first place."""
    last = g.once("last", lambda: str(g.op("Unsqueeze", g.op("Sub", read_lengths(g), np.int32(1)), [1])))
    return str(g.op("GatherND", states, g.once("last as int64", lambda: g.cast(last, np.int64)), batch_dims=1))


def ngram_sums(g: Graph, weights: Weights, name: str) -> str:
    """Sums of the weights of listed n-grams [rows, outputs].

    Adds an input ``NAME.places``, int32 [rows, found]: where each n-gram of a row stands in the list, each once, and -1 for none.
    """
    places = g.input(f"{name}.places", np.int32, ("rows", f"{name}.found"))
    scale, weight = weights["scale"], weights["weight"]
    weight = weight[:, None] if weight.ndim == 1 else weight
    # -1 is the last row: nothing.
    said = np.concatenate([scale[:, None] * weight, np.zeros((1, weight.shape[1]), np.float32)])
    scales = g.op("Gather", g.constant(np.append(scale, np.float32(0))), places)
    norm = g.op("Max", g.op("Sqrt", g.op("ReduceSumSquare", scales, [1], keepdims=1)), _LEAST_NORM)
    total = g.op("ReduceSum", g.op("Gather", g.constant(said), places), [1], keepdims=0)
    return str(g.op("Div", total, norm))


def blended(g: Graph, weights: Weights, *parts: str) -> str:
    """Parts [rows, outputs], each by its own weight, added up."""
    weighed = [g.op("Mul", part, weight) for part, weight in zip(parts, weights["weight"], strict=True)]
    return str(g.op("Sum", *weighed, weights["bias"]))


def new_head(g: Graph, weights: Weights, states: str, answers: str, ngrams: str) -> str:
    """States and answers, weighed, and n-grams."""
    both = g.op("Concat", states, answers, axis=1)
    return str(g.op("Add", linear(g, _under("linear", weights), both), ngrams))


def _under(name: str, weights: Weights) -> Weights:
    return {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
