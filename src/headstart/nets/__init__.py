"""Networks by name. Each takes a `headstart.batches.Batch` and gives logits [rows, outputs]."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from headstart.errors import OptionError, unknown_name
from headstart.layers import Network
from headstart.nets.blend import blend
from headstart.nets.fast import fast
from headstart.nets.gru import gru
from headstart.nets.tutorial import tutorial

__all__ = ["NETS", "build", "net_options"]

NETS: dict[str, Callable[..., Network]] = {"blend": blend, "fast": fast, "gru": gru, "tutorial": tutorial}


def net_options(name: str) -> dict[str, Any]:
    """Return the options of the network called `name`, with their defaults."""
    if name not in NETS:
        raise unknown_name("network", name, NETS)
    parameters = inspect.signature(NETS[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def build(name: str, n_words: int, options: Mapping[str, Any] | None = None) -> Network:
    """Build a network with fresh weights from torch's current random state.

    Raises:
        OptionError: for an unknown network, an unknown option, or a value that the network refuses.
    """
    known = net_options(name)
    for option in options or {}:
        if option not in known:
            raise unknown_name(f"option of the network {name!r} called", option, known)
    try:
        return NETS[name](n_words, **(options or {}))
    except (TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, OptionError):
            raise
        raise OptionError(
            f"the network {name!r} refuses its options {dict(options or {})}: {error}. "
            f"The defaults are {known}; change one option at a time to find the one that does not fit."
        ) from error
