"""One function a kind of layer: which weights it has, and what it does with arrays.

Shapes are those of `headstart.layers`, whose torch modules compute the same; a contract holds each to 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from headstart.arrays import Array, Floats, Ids, Places
from headstart.engines.engine import POOLINGS
from headstart.errors import unknown_name
from headstart.kernels import memory, pooling, workers
from headstart.kernels.bidirectional import FastDirection, GRUDirection, Pass
from headstart.kernels.distinct import distinct
from headstart.kernels.ngrams import NgramTable, sum_ngrams, weigh_ngrams
from headstart.kernels.projection import input_weights, project
from headstart.kernels.smooth import gelu
from headstart.plain import Facts, Json

Weights = Mapping[str, tuple[tuple[int, ...], str]]
"""Shape and type of each weight, by its name below the stage's."""
Run = Callable[..., Any]
"""Takes what the stage reads and gives its output."""

_F = "float32"
_LEAST_NORM = np.float32(1e-12)


class Kind(NamedTuple):
    """A kind of layer, of some size.

    Attributes:
        name: under which `headstart.engines.onnx.networks` has operators for it.
        weights: what it expects.
        make: makes a function of its arrays, by name, and a function of what the stage reads.
        options: what its operators have to know besides its arrays.
    """

    name: str
    weights: Weights
    make: Callable[[Mapping[str, Array]], Run]
    options: Facts = MappingProxyType({})


class Indexed(NamedTuple):
    """Vectors ``table[places]`` of a batch's tokens, not yet laid out; see `headstart.layers.IndexedVectors`."""

    table: Floats
    places: Ids

    def dense(self) -> Floats:
        """Return them as one array [rows, tokens, size]."""
        found: Floats = self.table[self.places]
        return found


def embedding(n_words: int, size: int) -> Kind:
    """Token ids [rows, tokens] to vectors, once for every distinct word of the batch."""

    def make(arrays: Mapping[str, Array]) -> Run:
        table = arrays["weight"]

        def run(ids: Ids) -> Indexed:
            words, index = distinct(ids, n_words)
            return Indexed(np.take(table, words, axis=0, out=memory.borrow(len(words), size), mode="clip"), index)

        return run

    return Kind("embedding", {"weight": ((n_words, size), _F)}, make)


def gru(input_size: int, size: int, n_layers: int, bidirectional: bool) -> Kind:
    """A stack of GRU layers."""
    gates = {"weight_ih": 3, "weight_hh": 3, "bias_ih": 3, "bias_hh": 3}
    return _stack("gru", gates, _compiled_layer(GRUDirection), input_size, size, n_layers, bidirectional)


def lstm(input_size: int, size: int, n_layers: int, bidirectional: bool) -> Kind:
    """A stack of LSTM layers, a step at a time."""
    gates = {"weight_ih": 4, "weight_hh": 4, "bias_ih": 4, "bias_hh": 4}
    return _stack("lstm", gates, _lstm_layer, input_size, size, n_layers, bidirectional)


def fast(input_size: int, size: int, n_layers: int, bidirectional: bool, window: int) -> Kind:
    """A stack of layers that are parallel over time; see `headstart.layers.FastRecurrent`."""
    gates = {"weight": 2, "bias": 2} | ({"weight_before": 2} if window == 2 else {})
    return _stack("fast", gates, _compiled_layer(FastDirection), input_size, size, n_layers, bidirectional)


Layer = Callable[[Any, Places, list[list[Floats]], int], Floats]
"""Takes vectors, lengths, parameters of each direction and the size of a state; gives states [rows, tokens, both]."""


def _stack(
    name: str, gates: Mapping[str, int], layer: Layer, input_size: int, size: int, n_layers: int, bidirectional: bool
) -> Kind:
    weights: dict[str, tuple[tuple[int, ...], str]] = {}
    names: list[list[list[str]]] = []
    for number in range(n_layers):
        names.append([])
        for suffix in (f"_l{number}", f"_l{number}_reverse") if bidirectional else (f"_l{number}",):
            names[-1].append([f"{one}{suffix}" for one in gates])
            for one, n_gates in gates.items():
                inner = (size if one == "weight_hh" else input_size,) if "weight" in one else ()
                weights[f"{one}{suffix}"] = ((n_gates * size, *inner), _F)
        input_size = size * len(names[-1])

    def make(arrays: Mapping[str, Array]) -> Run:
        parameters = [[[np.ascontiguousarray(arrays[n]) for n in way] for way in both] for both in names]

        def run(vectors: Any, lengths: Places) -> Floats:
            for both in parameters:
                vectors = layer(vectors, lengths, both, size)
            found: Floats = vectors
            return found

        return run

    return Kind(name, weights, make, {"n_layers": n_layers, "reverse": bidirectional})


def _compiled_layer(kind: Any) -> Layer:
    def run(vectors: Any, lengths: Places, parameters: list[list[Floats]], size: int) -> Floats:
        if not isinstance(vectors, Indexed):  # every token as a word of its own
            rows, tokens, inner = vectors.shape
            index = np.arange(rows * tokens, dtype=np.int32).reshape(rows, tokens)
            vectors = Indexed(vectors.reshape(-1, inner), index)
        states = memory.borrow(*vectors.places.shape, size * len(parameters))
        Pass(kind, vectors.table, vectors.places, lengths, parameters, keep=False).forward(states)
        return states

    return run


def _lstm_layer(vectors: object, lengths: Places, parameters: list[list[Floats]], size: int) -> Floats:
    dense = _dense(vectors)
    rows, tokens, _ = dense.shape
    states = np.zeros((rows, tokens, size * len(parameters)), np.float32)
    for way, (weight_ih, weight_hh, bias_ih, bias_hh) in enumerate(parameters):
        gates = dense @ weight_ih.T + (bias_ih + bias_hh)
        h, c = np.zeros((rows, size), np.float32), np.zeros((rows, size), np.float32)
        for step in range(int(lengths.max(initial=0))):
            here = np.flatnonzero(lengths > step)  # the rows that are not yet at their end
            token = lengths[here] - 1 - step if way else np.full(len(here), step)
            i, f, g, o = np.split(gates[here, token] + h[here] @ weight_hh.T, 4, axis=1)
            c[here] = _sigmoid(f) * c[here] + _sigmoid(i) * np.tanh(g)
            h[here] = _sigmoid(o) * np.tanh(c[here])
            states[here, token, way * size : (way + 1) * size] = h[here]
    return states


def padded_gru(input_size: int, size: int) -> Kind:
    """A bidirectional GRU over the whole padded rectangle, as the tutorial has it."""
    inner = gru(input_size, size, 1, True)

    def make(arrays: Mapping[str, Array]) -> Run:
        run = inner.make({name: arrays[f"rnn.{name}"] for name in inner.weights})

        def over_padding(vectors: Indexed) -> Any:
            rows, tokens = vectors.places.shape
            return run(vectors, np.full(rows, tokens, np.int64))

        return over_padding

    return Kind("padded_gru", {f"rnn.{name}": shape for name, shape in inner.weights.items()}, make)


def state_at_end() -> Kind:
    """The state at each row's last true token; of an empty text the first state."""

    def run(states: Floats, lengths: Places) -> Floats:
        found: Floats = states[np.arange(len(states)), np.maximum(lengths - 1, 0)]
        return found

    return Kind("state_at_end", {}, lambda _: run)


def pooled(kinds: Sequence[str], bidirectional: bool) -> Kind:
    """Token states [rows, tokens, size] to [rows, len(kinds) * size]."""
    check_poolings(kinds)
    how: Json = {"kinds": tuple(kinds), "bidirectional": bidirectional}
    return Kind("pooled", {}, lambda _: partial(pool_rows, **how), how)


def check_poolings(kinds: Sequence[str]) -> None:
    """Refuse ways to pool that there are not.

    Raises:
        OptionError: names those that there are.
    """
    for kind in kinds:
        if kind not in POOLINGS:
            raise unknown_name("pooling", kind, POOLINGS)


def pool_rows(states: Floats, lengths: Places, kinds: Sequence[str], bidirectional: bool = False) -> Floats:
    """Return states [rows, tokens, size] pooled over each row's true tokens, kinds side by side."""
    rows, tokens, size = states.shape
    distinct_kinds = list(dict.fromkeys(kinds))
    last, mean, highest = (
        distinct_kinds.index(kind) * size if kind in distinct_kinds else -1 for kind in ("last", "mean", "max")
    )
    width, turn = len(distinct_kinds) * size, size // 2 if bidirectional else size
    places = pooling.Places(last, mean, highest, width, size, turn)
    found, where = np.empty((rows, width), np.float32), np.empty(rows * size, np.float32)
    texts = [
        pooling.Texts(lengths, tokens, cut.start, cut.stop) for cut in workers.shares(rows, 4 * workers.n_threads(), 4)
    ]
    given = np.ascontiguousarray(states).reshape(-1), found.reshape(-1), where
    workers.run([partial(pooling.pool, places, some, *given) for some in texts])
    if len(distinct_kinds) == len(kinds):
        return found
    return np.concatenate([found[:, (n := distinct_kinds.index(kind) * size) : n + size] for kind in kinds], axis=1)


def linear(n_inputs: int, n_outputs: int) -> Kind:
    """``x W^T + b``: the same bits for a row in any batch."""
    weights: Weights = {"weight": ((n_outputs, n_inputs), _F), "bias": ((n_outputs,), _F)}
    return Kind("linear", weights, lambda arrays: _linear(arrays["weight"], arrays["bias"]))


def _linear(weight: Floats, bias: Floats) -> Run:
    laid = input_weights(weight, bias, back_too=False)

    def run(values: Floats) -> Floats:
        out = memory.borrow(len(values), laid.width)
        given = laid, np.ascontiguousarray(values, np.float32).reshape(-1)
        cuts = workers.shares(len(values), workers.n_threads(), 64)
        workers.run([partial(project, *given, cut.start, cut.stop, out.reshape(-1)) for cut in cuts])
        return out[:, : laid.gates]

    return run


def dense_block(n_inputs: int, n_outputs: int, activation: str, batch_norm: bool) -> Kind:
    """Dense, batch normalisation with its stored statistics, activation."""
    if activation not in ACTIVATIONS:
        raise unknown_name("activation", activation, ACTIVATIONS)
    names = ("weight", "bias", "running_mean", "running_var")
    weights: dict[str, tuple[tuple[int, ...], str]] = {
        "linear.weight": ((n_outputs, n_inputs), _F),
        "linear.bias": ((n_outputs,), _F),
    }
    if batch_norm:
        weights |= {f"norm.{name}": ((n_outputs,), _F) for name in names}
        weights["norm.num_batches_tracked"] = ((), "int64")

    def make(arrays: Mapping[str, Array]) -> Run:
        product, activate = _linear(arrays["linear.weight"], arrays["linear.bias"]), ACTIVATIONS[activation]
        if not batch_norm:
            return lambda values: activate(product(values))
        weight, bias, mean, variance = (arrays[f"norm.{name}"] for name in names)
        scale = weight / np.sqrt(variance + np.float32(1e-5))
        return lambda values: activate((product(values) - mean) * scale + bias)

    return Kind("dense", weights, make, {"activation": activation})


def ngrams(n_ngrams: int, longest: int, n_words: int | None = None, last: float = 1.0, n_outputs: int = 1) -> Kind:
    """The sum of the weights of each text's listed n-grams; see `headstart.layers.NgramLogit`."""
    weights: dict[str, tuple[tuple[int, ...], str]] = {
        "weight": ((n_ngrams,) if n_outputs == 1 else (n_ngrams, n_outputs), _F),
        "listed": ((n_ngrams,), "int64"),
        "scale": ((n_ngrams,), _F),
    }
    if n_words is not None:
        weights["group"] = ((n_words,), "int32")

    def make(arrays: Mapping[str, Array]) -> Run:
        table, group = NgramTable(arrays["listed"], longest), arrays.get("group")
        scale, weight = np.ascontiguousarray(arrays["scale"]), np.ascontiguousarray(arrays["weight"])

        def run(ids: Ids, lengths: Places) -> Floats:
            starts = (lengths * (1.0 - last)).astype(np.int64)
            offsets = np.zeros(len(lengths) + 1, np.int64)
            np.cumsum(lengths - starts, out=offsets[1:])
            places = np.arange(ids.shape[1])
            read = (places >= starts[:, None]) & (places < lengths[:, None])
            values = ids[read] if group is None else group[ids[read]]
            if n_outputs == 1:
                return sum_ngrams(table, values, offsets, scale, weight)[:, None]
            return weigh_ngrams(table, values, offsets, scale, weight)

        return run

    return Kind("ngrams", weights, make, {"longest": longest, "last": last})


def blend(n_parts: int, n_outputs: int) -> Kind:
    """The parts, each [rows, outputs], added up by their weights."""

    def make(arrays: Mapping[str, Array]) -> Run:
        weight, bias = arrays["weight"], arrays["bias"]

        def run(*parts: Floats) -> Floats:
            total = parts[0] * weight[0]
            for part, own in zip(parts[1:], weight[1:], strict=True):
                total = total + part * own
            found: Floats = total + bias
            return found

        return run

    return Kind("blend", {"weight": ((n_parts,), _F), "bias": ((n_outputs,), _F)}, make)


def new_head(n_states: int, n_answers: int, n_outputs: int) -> Kind:
    """A transfer's head over pooled states and answers, next to n-grams."""
    inner = linear(n_states + n_answers, n_outputs)

    def make(arrays: Mapping[str, Array]) -> Run:
        weigh = inner.make({name: arrays[f"linear.{name}"] for name in inner.weights})
        return lambda states, answers, sums, *more: weigh(np.concatenate([states, *more, answers], axis=1)) + sums

    return Kind("new_head", {f"linear.{name}": shape for name, shape in inner.weights.items()}, make)


def _dense(vectors: Any) -> Floats:
    found: Floats = vectors.dense() if isinstance(vectors, Indexed) else vectors
    return found


def _sigmoid(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        found: Floats = np.float32(1) / (np.float32(1) + np.exp(-values))
    return found


def _relu(values: Floats) -> Floats:
    return np.maximum(values, np.float32(0))


def _leaky_relu(values: Floats) -> Floats:
    return np.where(values > 0, values, np.float32(0.01) * values)


def _elu(values: Floats) -> Floats:
    return np.where(values > 0, values, np.expm1(np.minimum(values, np.float32(0))))


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "relu": _relu,
    "tanh": np.tanh,
    "gelu": gelu,
    "silu": lambda values: values * _sigmoid(values),
    "leaky-relu": _leaky_relu,
    "elu": _elu,
}
"""What stands at the end of a dense block; the names are those of `headstart.layers.ACTIVATIONS`."""
