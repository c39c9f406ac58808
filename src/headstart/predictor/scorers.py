"""What stands at the end of a predictor: a network, a head over its layers, or a model of the bare texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from headstart.arrays import Array, Doubles, Floats
from headstart.errors import ArtifactError, DataError, unknown_name
from headstart.heads import Head, TfidfHead
from headstart.inference import network_logits, network_outputs, on_device
from headstart.layers import Network, StageGraph, adapt
from headstart.nets import LATER_OPTIONS, NETS, STORED, net_options
from headstart.plain import Facts, Json
from headstart.predictor.checking import check_size
from headstart.predictor.finite import check_finite
from headstart.predictor.rows import Rows

__all__ = [
    "ColumnScorer",
    "EncoderScorer",
    "LayerScorer",
    "NetScorer",
    "NetSpec",
    "NetworkScorer",
    "Scorer",
    "TextScorer",
]

Arrays = dict[str, Array]


class Scorer(ABC):
    """Gives logits for rows.

    Attributes:
        kind: the name under which a model file has it.
        net: the network inside, or None.
        spec: how that is built, or None.
        head: what reads the network's layers, the texts or the columns, or None.
    """

    kind: ClassVar[str]
    net: Network | None = None
    spec: NetSpec | None = None
    head: Head | TfidfHead | None = None

    @abstractmethod
    def logits(self, rows: Rows, device: str | torch.device) -> Doubles:
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
class NetSpec:
    """How a network is built anew, as shapes alone, for its weights to be put in.

    Attributes:
        name: a name from `headstart.nets.STORED`; None for a module of the user's own.
        n_words: rows of its embedding.
        options: its options.
        until: the stage at which it was cut off, or None.
    """

    name: str | None
    n_words: int
    options: Facts = field(default_factory=dict)
    until: str | None = None

    def build(self, weights: Mapping[str, Array], own: nn.Module | None = None) -> Network:
        """Build it for `weights` to be put in, or take the user's `own` module in its place.

        Raises:
            ArtifactError: if the network is the user's own and none was given.
            OptionError: if there is no such network, or it refuses its options.
        """
        if self.name is None:
            if own is None:
                raise ArtifactError(
                    "this model's network is a module of its maker's own, and a model file holds no code; "
                    "build that module and pass it: headstart.load(path, net=module)."
                )
            return adapt(own)
        if self.name not in STORED:
            raise unknown_name("network", self.name, STORED)
        tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
        net = STORED[self.name](self.n_words, self.options, tensors)
        return net if self.until is None else net.until(self.until)

    def config(self) -> Json:
        """Return the spec, JSON-able, with all options of the network and not only those that were given.

        What a later version takes for a default then changes no model that was stored before.
        """
        defaults = net_options(self.name) if self.name in NETS else {}
        later = LATER_OPTIONS.get(self.name or "", ())
        options = {**{name: value for name, value in defaults.items() if name not in later}, **self.options}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
        return {"name": self.name, "n_words": self.n_words, "options": plain, "until": self.until}


@dataclass(frozen=True)
class NetScorer(Scorer):
    """A scorer with a network.

    Attributes:
        net: the network.
        spec: how it is built.
    """

    net: Network = field()  # without field() the None of `Scorer` would be its default
    spec: NetSpec = field()

    def config(self) -> Json:
        """Return the JSON-able part of what rebuilds the scorer."""
        return {"net": self.spec.config(), **super().config()}

    def arrays(self) -> dict[str, Arrays]:
        """Return the weights, and the head's arrays."""
        return {"weights": net_arrays(self.net), **super().arrays()}


@dataclass(frozen=True)
class NetworkScorer(NetScorer):
    """A network's own logits."""

    kind = "network"

    @property
    def n_outputs(self) -> int | None:
        """The width of the network's last stage, where that is known."""
        size = self.net.shapes.get(self.net.stages[-1], (None,))[-1] if isinstance(self.net, StageGraph) else None
        return size if isinstance(size, int) else None

    def logits(self, rows: Rows, device: str | torch.device) -> Doubles:
        """Return the logits of each row."""
        return outputs_of(network_logits(on_device(self.net, device), rows.examples, device=device))


@dataclass(frozen=True)
class EncoderScorer(NetScorer):
    """A network that ends in a vector a text and has learnt no labels: something to build on."""

    kind = "encoder"

    def logits(self, rows: Rows, device: str | torch.device) -> Doubles:
        """Refuse: there are no labels.

        Raises:
            DataError: always; it says what the model is good for.
        """
        raise DataError(
            "this model is an encoder without labels, so it predicts nothing by itself; give it labelled texts with "
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

    def features(self, rows: Rows, device: str | torch.device) -> Floats:
        """Return the layers' outputs side by side, float32 [rows, size]."""
        outputs = network_outputs(
            on_device(self.net, device), rows.examples, self.layers, pooling=self.pooling, device=device
        )
        return np.concatenate([outputs[layer] for layer in self.layers], axis=1)

    def logits(self, rows: Rows, device: str | torch.device) -> Doubles:
        """Return the logits of each row: [rows] of one output, [rows, outputs] of several."""
        features = self.features(rows, device)
        check_size("head", self.head.n_inputs, features.shape[1] + self.head.n_indicators)
        # CatBoost takes NaN for a missing value, so a broken network would pass unseen behind it.
        check_finite(features, rows, what="layers", net=self.net, device=device)
        return self.head.decision(features, rows.table)

    def config(self) -> Json:
        """Return the JSON-able part of what rebuilds the scorer."""
        return {**super().config(), "layers": list(self.layers), "pooling": self.pooling}


@dataclass(frozen=True)
class TextScorer(Scorer):
    """TF-IDF of the bare texts, and columns next to them."""

    head: TfidfHead = field()

    kind = "tfidf"

    def logits(self, rows: Rows, device: str | torch.device) -> Doubles:
        """Return the logits of each row; `device` has no part in it."""
        return self.head.decision(rows.strings, rows.table) if len(rows) else np.zeros(0)


@dataclass(frozen=True)
class ColumnScorer(Scorer):
    """Tabular columns alone, the texts left unread."""

    head: Head = field()

    kind = "columns"

    def logits(self, rows: Rows, device: str | torch.device) -> Doubles:
        """Return the logits of each row; `device` has no part in it."""
        return self.head.decision(np.zeros((len(rows), 0), np.float32), rows.table)


def outputs_of(logits: Floats) -> Doubles:
    """Return what a network gave [rows, outputs] as float64: [rows] of one output."""
    return (logits[:, 0] if logits.shape[1] == 1 else logits).astype(np.float64)


def net_arrays(net: Network) -> Arrays:
    """Return a network's parameters and buffers as arrays."""
    return {name: value.detach().cpu().contiguous().numpy() for name, value in net.state_dict().items()}
