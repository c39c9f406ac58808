"""Networks as tables of stages, as `headstart.nets` has them, whose stages are ONNX operators.

What a model's folder says of its network, a name, options and arrays, is all that is needed; torch is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from headstart.arrays import Array
from headstart.engines.engine import CannotRunError, NetSpec, Shape
from headstart.engines.onnx import encoders, layers
from headstart.engines.onnx.graph import Graph
from headstart.errors import ArtifactError, unknown_name
from headstart.plain import Facts

_TAIL = 0.25
_BATCH = ("ids", "lengths")


class Ngrams(NamedTuple):
    """How a stage of n-grams reads ids.

    Attributes:
        listed: its list, ascending; see `headstart.kernels.ngrams`.
        longest: ids in the longest of them.
        last: share of each text that is read, its end.
        group: number of each id's group, int32 [n_words], or None where the ids themselves are read.
    """

    listed: Array
    longest: int
    last: float
    group: Array | None


class _Stage(NamedTuple):
    """A stage.

    Attributes:
        make: adds its operators, of the graph, the stage's arrays and the names of its inputs.
        inputs: what it reads.
        size: values of its output, of each row or token.
        of_tokens: whether there is an output a token.
        longest, last: of a stage of n-grams; see `Ngrams`.
    """

    make: Callable[..., str]
    inputs: tuple[str, ...]
    size: int
    of_tokens: bool = False
    longest: int = 0
    last: float = 1.0


_Table = dict[str, _Stage]
_Weights = Mapping[str, Array]


class Stages:
    """A network's stages.

    Args:
        table: the stages, in the order in which they run.
        weights: of the network, as stored.
        until: the last stage that is there; None for all.

    Attributes:
        names: of the stages.
        shapes: of their outputs.
    """

    def __init__(self, table: _Table, weights: _Weights, until: str | None = None) -> None:
        self._table, self._weights = table, weights
        self.names = tuple(table)
        if until is not None:
            self.names = self.needed(self.checked([until]))
        self.shapes: dict[str, Shape] = {
            name: ("rows", "tokens", table[name].size) if table[name].of_tokens else ("rows", table[name].size)
            for name in self.names
        }

    def checked(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names.

        Raises:
            OptionError: there is no such stage.
        """
        for name in names:
            if name not in self.names:
                raise unknown_name("layer", name, self.names)
        return tuple(names)

    def needed(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the stages that some need, themselves among them, in order."""
        wanted = set(names)
        for name in reversed(self.names):
            if name in wanted:
                wanted.update(self._table[name].inputs)
        return tuple(name for name in self.names if name in wanted)

    def add(self, g: Graph, names: Sequence[str]) -> dict[str, str]:
        """Add what some stages need to a graph, and its inputs; return the name of each stage's output.

        Raises:
            ArtifactError: the weights do not fit one another.
        """
        g.input("ids", np.int32, ("rows", "tokens"))
        g.input("lengths", np.int32, ("rows",))
        values = {field: field for field in _BATCH}
        for name in self.needed(names):
            stage = self._table[name]
            inputs = [name] if stage.longest else [values[one] for one in stage.inputs]
            try:
                values[name] = stage.make(g, self._of(name), *inputs)
            except (KeyError, ValueError, IndexError) as error:
                raise ArtifactError(
                    f"the weights of the stage {name!r} do not fit one another ({error}); copy the model again."
                ) from error
        return {name: values[name] for name in names}

    def ngrams(self, names: Sequence[str]) -> dict[str, Ngrams]:
        """Return how each stage of n-grams among those that some need reads ids."""
        found = {}
        for name in self.needed(names):
            stage, own = self._table[name], self._of(name)
            if stage.longest:
                found[name] = Ngrams(own["listed"], stage.longest, stage.last, own.get("group"))
        return found

    def _of(self, name: str) -> dict[str, Array]:
        start = f"{name}."
        return {key.removeprefix(start): value for key, value in self._weights.items() if key.startswith(start)}


def stages_of(spec: NetSpec, weights: _Weights) -> Stages:
    """Return the stages of a stored network.

    Raises:
        CannotRunError: there are no ONNX operators for it; the message names an engine that runs it.
        ArtifactError: its options and weights do not fit one another.
    """
    if spec.name not in _NETWORKS:
        what = "is a module of its maker's own" if spec.name is None else f"is of the kind {spec.name!r}"
        raise CannotRunError(
            f"this model's network {what}, for which there are no operators of ONNX; torch runs it: predict with headstart "
            'itself, headstart.load(path, engine="torch").'
        )
    try:
        table = _NETWORKS[spec.name](spec.options, weights)
    except (KeyError, TypeError, IndexError) as error:
        raise ArtifactError(
            f"the network {spec.name!r} of this model lacks an option ({error}); copy the model again."
        ) from error
    return Stages(table, weights, spec.until)


def _without_weights(make: Callable[..., str]) -> Callable[..., str]:
    return lambda g, _weights, *inputs: make(g, *inputs)


def _size(weights: _Weights, name: str, axis: int = 0) -> int:
    """Return the size of a weight; 0 where a network that was cut off has it no more."""
    return int(weights[name].shape[axis]) if name in weights else 0


def _embedding(weights: _Weights) -> _Stage:
    return _Stage(layers.embedding, ("ids",), _size(weights, "embedding.weight", 1), of_tokens=True)


def _pooled(kinds: Sequence[str], states: int, *, bidirectional: bool) -> _Stage:
    def make(g: Graph, _weights: object, states: str) -> str:
        return layers.pooled(g, states, kinds, bidirectional=bidirectional)

    return _Stage(make, ("encoder",), states * len(kinds))


def _linear(name: str, source: str, weights: _Weights) -> _Stage:
    return _Stage(layers.linear, (source,), _size(weights, f"{name}.bias"))


def _encoder(size: int, **how: Any) -> _Stage:
    def make(g: Graph, weights: _Weights, vectors: str) -> str:
        if how["cell"] == "fast":
            return layers.scanned(g, weights, vectors, n_layers=how["n_layers"], reverse=how["reverse"])
        return layers.masked(g, layers.recurrent(g, weights, vectors, **how))

    return _Stage(make, ("embedding",), size, of_tokens=True)


def _recurrent(options: Facts, weights: _Weights) -> _Table:
    cell = options.get("cell", "fast")  # which the network of that name has, and does not say
    both = bool(options["bidirectional"])
    hidden = _size(weights, "encoder.bias_l0") // 2 if cell == "fast" else _size(weights, "encoder.weight_hh_l0", 1)
    states = hidden * (2 if both else 1)
    table = {
        "embedding": _embedding(weights),
        "encoder": _encoder(states, cell=cell, n_layers=options["n_layers"], reverse=both),
        "pooled": _pooled(options["pooling"], states, bidirectional=both),
    }
    return _with_blocks(table, len(options["dense"]), options["activation"], weights)


def _tutorial(options: Facts, weights: _Weights) -> _Table:
    # Prediction puts texts of one length together, so that the backward half begins at the last token, as here.
    def encoder(g: Graph, weights: _Weights, vectors: str) -> str:
        return layers.recurrent(g, weights, vectors, names="rnn.")

    states = 2 * _size(weights, "encoder.rnn.weight_hh_l0", 1)
    table = {
        "embedding": _embedding(weights),
        "encoder": _Stage(encoder, ("embedding",), states, of_tokens=True),
        "pooled": _Stage(_without_weights(layers.state_at_end), ("encoder",), states),
    }
    return _with_blocks(table, len(options["dense"]), "relu", weights)


def _with_blocks(table: _Table, n_blocks: int, activation: str, weights: _Weights) -> _Table:
    source = "pooled"
    for i in range(n_blocks):
        make = partial(layers.dense, activation=activation)
        table[f"dense{i}"] = _Stage(make, (source,), _size(weights, f"dense{i}.linear.bias"))
        source = f"dense{i}"
    return {**table, "output": _linear("output", source, weights)}


def _blend(options: Facts, weights: _Weights) -> _Table:
    def ngrams(name: str, longest: int = 3, last: float = 1.0) -> _Stage:
        several = f"{name}.weight" in weights and weights[f"{name}.weight"].ndim > 1
        n_outputs = _size(weights, f"{name}.weight", 1) if several else 1
        return _Stage(layers.ngram_sums, (), n_outputs, longest=longest, last=last)

    states = 2 * _size(weights, "encoder.weight_hh_l0", 1)
    table = {
        "ngrams": ngrams("ngrams"),
        "clusters": ngrams("clusters"),
        "tail": ngrams("tail", 2, _TAIL),
        "embedding": _embedding(weights),
        "encoder": _encoder(states, cell="gru", n_layers=1, reverse=True),
        "pooled": _pooled(options["pooling"], states, bidirectional=True),
        "deep": _linear("deep", "pooled", weights),
    }
    targets = [f"target{i or ''}" for i in (0, *range(2, len(weights)))]
    targets = [name for name in targets if f"{name}.weight" in weights]
    table |= {name: ngrams(name, 2) for name in targets}
    n_heads = len(options.get("new_heads", ()))
    answers = ["output"] if not n_heads else ["answers", *(f"answers{i}" for i in range(1, n_heads)), "output"]
    parts = ("ngrams", "clusters", "deep", "tail", *targets)
    table[answers[0]] = _Stage(layers.blended, parts, _size(weights, f"{answers[0]}.bias"))
    for i in range(n_heads):
        own, name = f"own{i or ''}", answers[i + 1]
        table[own] = ngrams(own, 2)
        table[name] = _Stage(layers.new_head, ("pooled", answers[i], own), _size(weights, f"{name}.linear.bias"))
    return table


def _transformer(options: Facts, weights: _Weights) -> _Table:
    size = int(options["size"])
    make = partial(encoders.pieces_embedded, options=options)
    table = {"embeddings": _Stage(make, ("ids",), size, of_tokens=True)}
    last = "embeddings"
    for i in range(options["n_layers"]):
        table[f"layer{i}"] = _Stage(partial(encoders.encoder_layer, options=options), (last,), size, of_tokens=True)
        last = f"layer{i}"
    pooled = _without_weights(partial(encoders.text_vectors, options=options))
    return _with_output({**table, "pooled": _Stage(pooled, (last,), size * len(options["pooling"]))}, options, weights)


def _static(options: Facts, weights: _Weights) -> _Table:
    pooled = _without_weights(partial(encoders.static_mean, options=options))
    table = {
        "embeddings": _Stage(encoders.static_vectors, ("ids",), int(options["size"]), of_tokens=True),
        "pooled": _Stage(pooled, ("embeddings", "ids"), int(options["size"])),
    }
    return _with_output(table, options, weights)


def _with_output(table: _Table, options: Facts, weights: _Weights) -> _Table:
    """Return an encoder's stages, with the output of one that has learnt labels."""
    return {**table, "output": _linear("output", "pooled", weights)} if "n_outputs" in options else table


_NETWORKS: dict[str, Callable[[Facts, _Weights], _Table]] = {
    "blend": _blend,
    "fast": _recurrent,
    "gru": _recurrent,
    "static": _static,
    "transformer": _transformer,
    "tutorial": _tutorial,
}
