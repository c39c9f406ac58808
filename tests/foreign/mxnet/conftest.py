"""Files that MXNet 1.9.1 wrote, and what it computed from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headstart.foreign.mxnet import MXNetGraph, Symbol, read_params, read_symbol

DATA = Path(__file__).parents[2] / "data" / "mxnet"


@dataclass(frozen=True)
class Saved:
    """One network's files."""

    prefix: Path
    symbol: Symbol
    tensors: dict[str, torch.Tensor]

    def graph(self, **options: Any) -> MXNetGraph:
        """A fresh network in evaluation mode."""
        copies = {name: value.clone() for name, value in self.tensors.items()}
        return MXNetGraph(self.symbol, copies, **options).eval()

    def expected(self, name: str = "expected") -> dict[str, np.ndarray[Any, Any]]:
        """What MXNet computed."""
        with np.load(f"{self.prefix}.{name}.npz", allow_pickle=False) as stored:
            return dict(stored)


@pytest.fixture(scope="session")
def mxnet_files() -> Path:
    """The folder with the small files."""
    return DATA


def _load(prefix: Path) -> Saved:
    arrays = read_params(f"{prefix}-0000.params")
    assert isinstance(arrays, Mapping)
    tensors = {name.split(":")[1]: torch.from_numpy(array) for name, array in arrays.items()}
    return Saved(prefix, read_symbol(f"{prefix}-symbol.json"), tensors)


@pytest.fixture(scope="session")
def saved() -> Callable[[str], Saved]:
    """Load one of the small networks, or the tutorial's own ``imdb_v1``, which is too large to lie here."""

    def load(name: str) -> Saved:
        if name != "imdb_v1":
            return _load(DATA / name)
        data = os.environ.get("HEADSTART_DATA", "")
        folder = os.environ.get("HEADSTART_MXNET_FIXTURES") or f"{data}/../fixtures/mxnet"
        prefix = Path(folder) / "imdb_v1"
        if not prefix.with_name("imdb_v1-symbol.json").exists():
            pytest.skip(
                "imdb_v1 is not here: set HEADSTART_MXNET_FIXTURES to the folder that holds imdb_v1-symbol.json"
            )
        return _load(prefix)

    return load
