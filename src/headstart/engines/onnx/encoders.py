"""Encoders that others trained, as ONNX operators: see `headstart.nets.transformer` and `headstart.nets.static`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from headstart.arrays import Array
from headstart.engines.onnx.graph import Graph
from headstart.engines.onnx.layers import activated, places, pooled, read_lengths
from headstart.engines.options import distance_kinds
from headstart.kernels.tokens import FIRST_WORD_ID
from headstart.plain import Facts

Weights = Mapping[str, Array]
_LEAST_NORM = np.float32(1e-12)


def pieces_embedded(g: Graph, weights: Weights, ids: str, *, options: Facts) -> str:
    """Pieces, their places and the segment, added and normalised [rows, tokens, size].

    The pieces that belong around a text are put where it ends, as in `headstart.nets.transformer.Embeddings`.
    """
    unknown = np.int32(options["unknown"] or 0)
    own = g.op("Max", g.op("Sub", ids, np.int32(FIRST_WORD_ID)), np.int32(0))
    pieces = g.op("Where", g.op("Equal", ids, np.int32(1)), unknown, own)
    place, length = places(g), g.op("Unsqueeze", "lengths", [1])
    for i, piece in enumerate(options["before"]):
        there = g.op("And", g.op("Equal", place, np.int32(i)), g.op("Greater", length, np.int32(i)))
        pieces = g.op("Where", there, np.int32(piece), pieces)
    for i, piece in enumerate(reversed(options["after"])):
        there = g.op("Equal", place, g.op("Sub", length, np.int32(1 + i)))
        pieces = g.op("Where", there, np.int32(piece), pieces)
    position = g.op("Gather", weights["position"] + weights["segment"], g.op("Squeeze", place, [0]))
    added = g.op("Add", g.op("Gather", g.constant(weights["word"]), pieces), position)
    return _normalised(g, weights, "norm", added, options)


def encoder_layer(g: Graph, weights: Weights, states: str, *, options: Facts) -> str:
    """Attention and a dense block, each added to its input and normalised [rows, tokens, size]."""
    size, n_heads = int(options["size"]), int(options["n_heads"])

    def heads(part: int, perm: Sequence[int]) -> str:
        rows = slice(part * size, (part + 1) * size)
        weight, bias = weights["query_key_value.weight"][rows], weights["query_key_value.bias"][rows]
        flat = _product(g, states, weight, bias)
        return str(g.op("Transpose", g.op("Reshape", flat, [0, 0, n_heads, size // n_heads]), perm=perm))

    def unseen() -> str:
        # A row without tokens looks at its first place: of nothing at all there would be no mean.
        length = g.op("Unsqueeze", read_lengths(g), [1])
        added = g.op("Where", g.op("Less", places(g), length), np.float32(0), np.float32(-1e30))
        return str(g.op("Unsqueeze", added, [1, 2]))

    scale = np.float32(1 / np.sqrt(size / n_heads))
    alike = g.op("Mul", g.op("MatMul", heads(0, [0, 2, 1, 3]), heads(1, [0, 2, 3, 1])), scale)
    alike = g.op("Add", alike, g.once("unseen", unseen))
    if "distance" in weights:
        n_places, distance = int(options["n_positions"]), weights["distance"]
        added = g.constant(distance[distance_kinds(n_places, len(distance))])
        away = g.op("Sub", places(g), g.op("Unsqueeze", g.op("Squeeze", places(g), [0]), [1]))
        by_head = g.op("Transpose", g.op("Gather", added, g.op("Add", away, np.int32(n_places - 1))), perm=[2, 0, 1])
        alike = g.op("Add", alike, g.op("Unsqueeze", by_head, [0]))
    share = g.op("Softmax", alike, axis=-1)
    seen = g.op("Transpose", g.op("MatMul", share, heads(2, [0, 2, 1, 3])), perm=[0, 2, 1, 3])
    mixed = _product(g, g.op("Reshape", seen, [0, 0, size]), weights["mix.weight"], weights["mix.bias"])
    states = _normalised(g, weights, "mix_norm", g.op("Add", states, mixed), options)
    wide = activated(g, options["activation"], _product(g, states, weights["widen.weight"], weights["widen.bias"]))
    narrow = _product(g, wide, weights["narrow.weight"], weights["narrow.bias"])
    return _normalised(g, weights, "narrow_norm", g.op("Add", states, narrow), options)


def text_vectors(g: Graph, _weights: Weights, states: str, *, kinds: Sequence[str], normalize: bool) -> str:
    """Token states to one vector a text [rows, kinds * size], of length 1 where asked."""
    vectors = pooled(g, states, kinds)
    return _of_length_one(g, vectors) if normalize else vectors


def static_vectors(g: Graph, weights: Weights, ids: str) -> str:
    """A vector a piece [rows, tokens, size]; padding and the unknown piece have zeros."""
    nothing = np.zeros((FIRST_WORD_ID, weights["word"].shape[1]), np.float32)
    return str(g.op("Gather", g.constant(np.concatenate([nothing, weights["word"]])), ids))


def static_mean(g: Graph, _weights: Weights, vectors: str, ids: str, *, normalize: bool) -> str:
    """The mean over the known pieces of a text [rows, size]; zeros where there are none."""
    known = g.cast(g.op("GreaterOrEqual", ids, np.int32(FIRST_WORD_ID)), np.float32)
    count = g.op("Max", g.op("ReduceSum", known, [1], keepdims=1), np.float32(1))
    mean = str(g.op("Div", g.op("ReduceSum", vectors, [1], keepdims=0), count))
    return _of_length_one(g, mean) if normalize else mean


def _product(g: Graph, states: str, weight: Array, bias: Array) -> str:
    return str(g.op("Add", g.op("MatMul", states, g.constant(np.ascontiguousarray(weight.T))), bias))


def _normalised(g: Graph, weights: Weights, name: str, states: str, options: Facts) -> str:
    scale, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return str(g.op("LayerNormalization", states, scale, bias, axis=-1, epsilon=float(options["epsilon"])))


def _of_length_one(g: Graph, vectors: str) -> str:
    norm = g.op("Sqrt", g.op("ReduceSumSquare", vectors, [1], keepdims=1))
    return str(g.op("Div", vectors, g.op("Max", norm, _LEAST_NORM)))
