"""Networks by name. Each takes a `headstart.batches.Batch` and gives logits [rows, outputs], or a vector a text."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from headstart.engines.engine import NetSpec
from headstart.errors import OptionError, unknown_name
from headstart.layers import Network
from headstart.nets.blend import blend
from headstart.nets.efficientnet import efficientnet
from headstart.nets.inception import inception
from headstart.nets.mlp import mlp
from headstart.nets.mxnet import MXNetGraph
from headstart.nets.recurrent_net import fast, gru
from headstart.nets.resnet import resnet
from headstart.nets.static import static_encoder
from headstart.nets.transformer import transformer_encoder
from headstart.nets.tutorial import tutorial
from headstart.plain import Json, Options

__all__ = [
    "ENCODERS",
    "LATER_OPTIONS",
    "NETS",
    "OTHER_NETS",
    "STORED",
    "add_network",
    "build",
    "is_buildable",
    "net_options",
    "nets_for",
    "spec_of",
]

Weights = Mapping[str, Tensor]

NETS: dict[str, Callable[..., Network]] = {"blend": blend, "fast": fast, "gru": gru, "tutorial": tutorial}
"""Networks over texts that can be trained from random weights: ``NETS[name](n_words, **options)``."""

OTHER_NETS: dict[str, dict[str, Callable[..., Network]]] = {
    "columns": {"mlp": mlp},
    "series": {"inception": inception},
    "image": {"resnet": resnet},
}
"""Networks over other rows, by the kind of these and by name, the default first. They look at no number of words."""


def nets_for(kind: str) -> Mapping[str, Callable[..., Network]]:
    """Return the networks over a kind of rows by name, the default first."""
    return NETS if kind == "text" else OTHER_NETS.get(kind, {})


def is_buildable(name: str | None) -> bool:
    """Tell whether a network can be built from random weights by its name."""
    return name is not None and name in _all()


def _all() -> dict[str, Callable[..., Network]]:
    return {**NETS, **{name: net for nets in OTHER_NETS.values() for name, net in nets.items()}}


ENCODERS: dict[str, Callable[[int, Options], Network]] = {
    "static": static_encoder,
    "transformer": transformer_encoder,
    "efficientnet": efficientnet,
}
"""Networks that others trained: ``ENCODERS[name](n_words, options)``, for weights to be put in."""

_COLUMNS = ("n_numbers", "n_categories")
LATER_OPTIONS = {
    "blend": ("n_outputs", "new_heads", "max_ngrams", "vector_size"),
    "fast": _COLUMNS,
    "gru": _COLUMNS,
}
"""Options that networks did not always have: with their defaults they are not stored, so that every version reads the rest."""


def net_options(name: str) -> Json:
    """Return the options of the network called `name`, with their defaults."""
    known = _all()
    if name not in known:
        raise unknown_name("network", name, known)
    parameters = inspect.signature(known[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def spec_of(name: str | None, n_words: int, options: Options) -> NetSpec:
    """Return how a network is stored: with all its options and not only those that were given.

    What a later version takes for a default then changes no model that was stored before.
    """
    defaults = net_options(name) if name is not None and is_buildable(name) else {}
    later = LATER_OPTIONS.get(name or "", ())
    return NetSpec(name, n_words, {**{key: v for key, v in defaults.items() if key not in later}, **options})


def build(name: str, n_words: int, options: Options | None = None) -> Network:
    """Build a network with fresh weights from torch's current random state.

    Raises:
        OptionError: for an unknown network, an unknown option, or a value that the network refuses.
    """
    known = net_options(name)
    for option in options or {}:
        if option not in known:
            raise unknown_name(f"option of the network {name!r} called", option, known)
    try:
        return _all()[name](n_words, **(options or {}))
    except (TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, OptionError):
            raise
        raise OptionError(
            f"the network {name!r} refuses its options {dict(options or {})}: {error}. "
            f"The defaults are {known}; change one option at a time to find the one that does not fit."
        ) from error


def _shapes_alone(build: Callable[[int, Options], Network]) -> Callable[[int, Options, Weights], Network]:
    def built(n_words: int, options: Options, _weights: Weights) -> Network:
        with torch.device("meta"):
            return build(n_words, options)

    return built


STORED: dict[str, Callable[[int, Options, Weights], Network]] = {
    **{name: _shapes_alone(partial(build, name)) for name in _all()},
    "mxnet": lambda _n_words, options, weights: MXNetGraph.from_config(options, weights),
    **{name: _shapes_alone(encoder) for name, encoder in ENCODERS.items()},
}
"""Networks that a model file may name: ``STORED[name](n_words, options, weights)``.

Each is built as shapes alone, with nothing drawn or allocated, for weights that are then checked and put in; a graph is
built of its weights and checks them first.
"""


def add_network(kind: str, name: str, made_by: Callable[..., Network]) -> None:
    """Add a network of the user's own over a kind of rows: ``made_by(n_words, **options)``, each option with a default."""
    OTHER_NETS.setdefault(kind, {})[name] = made_by
    STORED[name] = _shapes_alone(partial(build, name))
