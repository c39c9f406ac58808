"""Networks as ONNX operators: the stages are those of `headstart.engines.compiled.tables`, and each kind has its operators here.

What a model's folder says of its network, a name, options and arrays, is all that is needed; torch is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from headstart.arrays import Array
from headstart.engines.compiled.tables import TABLES, Line, ancestors, table_of
from headstart.engines.engine import CannotRunError, NetSpec, Shape
from headstart.engines.onnx import encoders, layers
from headstart.engines.onnx.graph import Graph
from headstart.errors import ArtifactError

_BATCH = ("ids", "lengths")
_Weights = Mapping[str, Array]


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


class Stages:
    """A network's stages.

    Args:
        lines: the stages, in the order in which they run.
        weights: of the network, as stored.

    Attributes:
        names: of the stages.
        shapes: of their outputs.
    """

    def __init__(self, lines: Mapping[str, Line], weights: _Weights) -> None:
        self._lines, self._weights = lines, weights
        self.names = tuple(lines)
        self.shapes: dict[str, Shape] = {name: line.shape for name, line in lines.items()}

    def checked(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names.

        Raises:
            OptionError: there is no such stage.
        """
        ancestors(self._lines, names)
        return tuple(names)

    def add(self, g: Graph, names: Sequence[str]) -> dict[str, str]:
        """Add what some stages need to a graph, and its inputs; return the name of each stage's output.

        Raises:
            ArtifactError: the weights do not fit one another.
        """
        g.input("ids", np.int32, ("rows", "tokens"))
        g.input("lengths", np.int32, ("rows",))
        values = {field: field for field in _BATCH}
        for name, line in ancestors(self._lines, names).items():
            inputs = [values[one] for one in line.inputs if one != "lengths"]
            if line.kind.name == "ngrams":
                inputs = [name]
            try:
                values[name] = _OPERATORS[line.kind.name](g, self._of(name), *inputs, **line.kind.options)
            except (KeyError, ValueError, IndexError) as error:
                raise ArtifactError(
                    f"the weights of the stage {name!r} do not fit one another ({error}); copy the model again."
                ) from error
        return {name: values[name] for name in names}

    def ngrams(self, names: Sequence[str]) -> dict[str, Ngrams]:
        """Return how each stage of n-grams among those that some need reads ids."""
        found = {}
        for name, line in ancestors(self._lines, names).items():
            if line.kind.name == "ngrams":
                own = self._of(name)
                found[name] = Ngrams(own["listed"], group=own.get("group"), **line.kind.options)
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
    if spec.name not in TABLES or spec.reads_columns:
        what = "is a module of its maker's own" if spec.name is None else f"is of the kind {spec.name!r}"
        what += " and reads columns" if spec.reads_columns else ""
        raise CannotRunError(
            f"this model's network {what}, for which there are no operators of ONNX; torch runs it: predict with headstart "
            'itself, headstart.load(path, engine="torch").'
        )
    if spec.options.get("vector_size"):
        raise CannotRunError(
            "this model reads the vectors of an encoder next to its words, for which there is no ONNX graph here; predict with "
            "headstart itself, or give what it knows to a network without: headstart distil MODEL --unlabelled TEXTS."
        )
    try:
        return Stages(table_of(spec).lines, weights)
    except (KeyError, TypeError, IndexError) as error:
        raise ArtifactError(
            f"the network {spec.name!r} of this model lacks an option ({error}); copy the model again."
        ) from error


def _recurrent(cell: str) -> Callable[..., str]:
    def make(g: Graph, weights: _Weights, vectors: str, **how: Any) -> str:
        return layers.masked(g, layers.recurrent(g, weights, vectors, cell=cell, **how))

    return make


def _of_states(make: Callable[..., str]) -> Callable[..., str]:
    return lambda g, _weights, states, **how: make(g, states, **how)


_OPERATORS: dict[str, Callable[..., str]] = {
    "blend": layers.blended,
    "dense": layers.dense,
    "embedding": layers.embedding,
    "embeddings": encoders.pieces_embedded,
    "fast": layers.scanned,
    "gru": _recurrent("gru"),
    "linear": layers.linear,
    "lstm": _recurrent("lstm"),
    "new_head": layers.new_head,
    "ngrams": lambda g, weights, name, **_: layers.ngram_sums(g, weights, name),
    # Prediction puts texts of one length together, so that the backward half begins at the last token, as here.
    "padded_gru": partial(layers.recurrent, names="rnn."),
    "pooled": _of_states(layers.pooled),
    "state_at_end": _of_states(layers.state_at_end),
    "static_embeddings": encoders.static_vectors,
    "static_pooled": encoders.static_mean,
    "transformer_layer": encoders.encoder_layer,
    "vectors": encoders.text_vectors,
}
"""By kind of layer, what adds its operators: of the graph, the stage's arrays and the names of what it reads."""
