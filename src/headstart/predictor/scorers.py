"""What stands at the end of a predictor: a network, a head over its layers, or a model of the bare texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from headstart.arrays import Array, Doubles, Floats
from headstart.engines import LOGITS, HeldNetwork, NetSpec
from headstart.errors import DataError
from headstart.heads import Head, LinearHead, TfidfHead
from headstart.heads.transforms import Transform
from headstart.plain import Json
from headstart.predictor.checking import check_size
from headstart.predictor.finite import check_finite
from headstart.predictor.rows import Rows

Arrays = dict[str, Array]
_GRAPH = "mxnet"


class Scorer(ABC):
    """Gives logits for rows.

    Attributes:
        kind: the name under which a model file has it.
        network: the network inside and what runs it, or None.
        spec: how that is built, or None.
        head: what reads the network's layers, the texts or the columns, or None.
    """

    kind: ClassVar[str]
    network: HeldNetwork | None = None
    spec: NetSpec | None = None
    head: Head | TfidfHead | None = None

    @abstractmethod
    def logits(self, rows: Rows, device: object) -> Doubles:
        """Return the logits of each row: [rows] of one output, [rows, outputs] of several."""

    @property
    def end(self) -> str:
        """A name for what gives the logits."""
        return "network" if self.head is None else f"{self.head.kind} head"

    @property
    def n_outputs(self) -> int | None:
        """Logits a row; None where only running it would tell."""
        return None if self.head is None else self.head.n_outputs

    def config(self) -> Json:
        """Return the JSON-able part of what rebuilds the scorer."""
        return {} if self.head is None else {"head": self.head.config()}

    def arrays(self) -> dict[str, Arrays]:
        """Return the arrays that rebuild the scorer, by file stem and name."""
        arrays = {} if self.head is None else self.head.arrays()
        return {"head": arrays} if arrays else {}

    def blobs(self) -> dict[str, bytes]:
        """Return files in another library's own format."""
        return {} if self.head is None else self.head.blobs()


@dataclass(frozen=True)
class NetScorer(Scorer):
    """A scorer with a network.

    Attributes:
        network: a `HeldNetwork`; a `headstart.layers.Network` that is given becomes one.
        spec: how it is built.
    """

    network: Any = field()  # without field() the None of `Scorer` would be its default
    spec: NetSpec = field()

    def __post_init__(self) -> None:
        if not isinstance(self.network, HeldNetwork):
            object.__setattr__(self, "network", HeldNetwork(self.spec, net=self.network))

    @property
    def net(self) -> Any:
        """The network as a torch module, a `headstart.layers.Network`."""
        return self.network.net

    def config(self) -> Json:
        """Return the JSON-able part of what rebuilds the scorer."""
        return {"net": self.spec.to_json(), **super().config()}

    def arrays(self) -> dict[str, Arrays]:
        """Return the weights, and the head's arrays."""
        return {"weights": dict(self.network.weights), **super().arrays()}


@dataclass(frozen=True)
class NetworkScorer(NetScorer):
    """A network's own logits."""

    kind = "network"

    @property
    def n_outputs(self) -> int | None:
        """The width of the network's last stage, where that is known."""
        if self.spec.name == _GRAPH:  # its last stage is what its maker's graph ended in, not the logits
            return None
        size = self.network.shapes.get(self.network.stages[-1], (None,))[-1]
        return size if isinstance(size, int) else None

    def logits(self, rows: Rows, device: object) -> Doubles:
        """Return the logits of each row."""
        return outputs_of(self.network.on(device).outputs(rows.examples, (LOGITS,))[LOGITS])


@dataclass(frozen=True)
class EncoderScorer(NetScorer):
    """A network that ends in a vector a text and has learnt no labels: something to build on."""

    kind = "encoder"

    def logits(self, rows: Rows, device: object) -> Doubles:
        """Refuse: there are no labels.

        Raises:
            DataError: always; it says what the model is good for.
        """
        raise DataError(
            "this model is an encoder without labels, so it predicts nothing by itself; give it labelled rows with "
            "`headstart transfer MODEL DATA --strategy features`, or take its vectors with `headstart embed`."
        )


@dataclass(frozen=True)
class LayerScorer(NetScorer):
    """A head that reads outputs of a network's layers, and columns next to them.

    Attributes:
        layers: whose outputs are put side by side; `net` is needed up to the deepest of them.
        head: what reads them.
        pooling: how outputs of every token become one a row.
    """

    layers: tuple[str, ...]
    head: Head = field()
    pooling: str = "mean"

    kind = "layers"

    def features(self, rows: Rows, device: object) -> Floats:
        """Return the layers' outputs side by side, float32 [rows, size]."""
        outputs = self.network.on(device).outputs(rows.examples, self.layers, self.pooling)
        return np.concatenate([outputs[layer] for layer in self.layers], axis=1)

    def logits(self, rows: Rows, device: object) -> Doubles:
        """Return the logits of each row: [rows] of one output, [rows, outputs] of several."""
        features = self.features(rows, device)
        check_size("head", self.head.n_inputs, features.shape[1] + self.head.n_indicators)
        # CatBoost takes NaN for a missing value, so a broken network would pass unseen behind it.
        check_finite(features, rows, what="layers", network=self.network, device=device)
        return self.head.decision(features, rows.table)

    def config(self) -> Json:
        """Return the JSON-able part of what rebuilds the scorer."""
        return {**super().config(), "layers": list(self.layers), "pooling": self.pooling}


@dataclass(frozen=True)
class TextScorer(Scorer):
    """TF-IDF of the bare texts, and columns next to them."""

    head: TfidfHead = field()

    kind = "tfidf"

    def logits(self, rows: Rows, device: object) -> Doubles:
        """Return the logits of each row; `device` has no part in it."""
        return self.head.decision(rows.strings, rows.table) if len(rows) else np.zeros(0)


@dataclass(frozen=True)
class ColumnScorer(Scorer):
    """Tabular columns alone, the texts left unread."""

    head: Head = field()

    kind = "columns"

    def logits(self, rows: Rows, device: object) -> Doubles:
        """Return the logits of each row; `device` has no part in it."""
        return self.head.decision(np.zeros((len(rows), 0), np.float32), rows.table)


@dataclass(frozen=True)
class TransformScorer(Scorer):
    """A linear head over features that need no training, and columns next to them.

    Attributes:
        transform: makes the features.
        head: what reads them.
    """

    transform: Transform = field()
    head: LinearHead = field()

    kind = "transform"

    def logits(self, rows: Rows, device: object) -> Doubles:
        """Return the logits of each row; `device` has no part in it."""
        return self.head.decision(self.transform.features(rows.examples), rows.table)

    def config(self) -> Json:
        """Return the JSON-able part of what rebuilds the scorer."""
        return {**super().config(), "transform": self.transform.config()}

    def arrays(self) -> dict[str, Arrays]:
        """Return the head's arrays and the transform's."""
        own = self.transform.arrays()
        return {**super().arrays(), **({"transform": own} if own else {})}


def outputs_of(logits: Floats) -> Doubles:
    """Return what a network gave [rows, outputs] as float64: [rows] of one output."""
    return (logits[:, 0] if logits.shape[1] == 1 else logits).astype(np.float64)
