from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headstart.errors import ArtifactError
from headstart.foreign.mxnet import read_params
from headstart.foreign.mxnet.matching import match_parameters
from headstart.nets.mxnet.symbol import Symbol, symbol_from_text

Load = Callable[[str], Any]
Shapes = dict[str, tuple[int, ...]]


def of(shapes: Shapes) -> dict[str, Any]:
    return {name: np.full(shape, i, np.float32) for i, (name, shape) in enumerate(shapes.items())}


def dense(*names: str) -> Symbol:
    """A tower of dense layers of these names; what they read is of no matter here."""
    nodes: list[dict[str, Any]] = [{"op": "null", "name": "data", "inputs": []}]
    last = 0
    for name in names:
        n = len(nodes)
        nodes += [{"op": "null", "name": f"{name}_{part}", "inputs": []} for part in ("weight", "bias")]
        nodes.append({"op": "FullyConnected", "name": f"{name}_fwd", "inputs": [[last, 0], [n, 0], [n + 1, 0]]})
        last = n + 2
    return symbol_from_text(json.dumps({"nodes": nodes, "heads": [[last, 0]]}), "tower")


def in_order(shapes: list[tuple[int, ...]]) -> Callable[[Any], bool]:
    return lambda made: [value.shape for name, value in made.items() if name.endswith("weight")] == shapes


def never(_made: Any) -> bool:
    raise AssertionError("names that are the graph's own need no trying")


@pytest.mark.parametrize("name", ["tiny", "tiny_lstm", "tiny_gru2", "tiny_conv"])
def test_what_save_parameters_wrote_is_matched_layer_by_layer(saved: Load, mxnet_files: Path, name: str) -> None:
    network = saved(name)
    arrays = read_params(mxnet_files / f"{name}.gluon.params")
    assert isinstance(arrays, dict)
    shapes = {key: tuple(value.shape) for key, value in network.tensors.items()}
    made, how = match_parameters(
        network.symbol, arrays, lambda made: all(made[k].shape == s for k, s in shapes.items())
    )
    assert how.startswith("by layer")
    for key, value in network.tensors.items():
        assert torch.equal(torch.from_numpy(made[key]), value)


def test_the_graphs_own_names_are_taken_as_they_are() -> None:
    arrays = of({"arg:a_weight": (2,), "aux:a_bias": (3,), "more": (1,)})
    made, how = match_parameters(dense("a"), arrays, never)
    assert list(made) == ["a_weight", "a_bias"]
    assert how == "by name"


def test_a_prefix_that_was_stripped_is_put_back() -> None:
    made, how = match_parameters(
        dense("net0_a", "net0_b"), of({"a_weight": (2,), "a_bias": (2,), "b_weight": (2,), "b_bias": (1,)}), never
    )
    assert list(made) == ["net0_a_weight", "net0_a_bias", "net0_b_weight", "net0_b_bias"]
    assert "prefix" in how


def test_layers_registered_in_another_order_are_told_apart_by_shape() -> None:
    arrays = of({"last.weight": (1, 4), "last.bias": (1,), "first.weight": (4, 3), "first.bias": (4,)})
    made, _ = match_parameters(dense("a", "b"), arrays, in_order([(4, 3), (1, 4)]))
    assert made["a_weight"] is arrays["first.weight"]
    assert made["b_bias"] is arrays["last.bias"]


def test_layers_of_equal_shapes_are_matched_by_their_numbers() -> None:
    shapes: Shapes = {
        f"d_{i}.{part}": (4, 4) if part == "weight" else (4,) for i in (0, 1) for part in ("weight", "bias")
    }
    made, _ = match_parameters(dense("net0_dense0", "net0_dense1"), of(shapes), in_order([(4, 4), (4, 4)]))
    assert {name: value.flat[0] for name, value in made.items()} == {
        "net0_dense0_weight": 0, "net0_dense0_bias": 1, "net0_dense1_weight": 2, "net0_dense1_bias": 3,
    }  # fmt: skip


EQUAL: Shapes = {"up.weight": (4, 4), "up.bias": (4,), "down.weight": (4, 4), "down.bias": (4,)}
REFUSED: dict[str, tuple[Symbol, Shapes, str]] = {
    "equal and without numbers": (
        dense("net_dense0", "net_dense1"),
        EQUAL,
        "'up', 'down' have equal shapes and no numbers",
    ),
    "numbers that fall": (
        dense("dense0", "dense1"),
        {"d_1.weight": (4, 4), "d_1.bias": (4,), "d_0.weight": (4, 4), "d_0.bias": (4,)},
        "equal shapes and no numbers",
    ),
    "fewer layers": (
        dense("a0", "a1"),
        {"x.weight": (4, 4), "x.bias": (4,)},
        "the graph has 2 layers with bias, weight, the file 1",
    ),
    "other parameters": (dense("a"), {"x.weight": (4, 4)}, "the graph has 1 layers with bias, weight, the file 0"),
    "names that are no layer's": (
        dense("a"),
        {"x.weight": (4, 4), "x.bias": (4,), "history": (9,)},
        "no layer of Gluon",
    ),
    "nothing that fits": (dense("a"), {"x.weight": (9, 9), "x.bias": (4,)}, "none of the possible assignments fit"),
    "one name twice": (
        dense("a"),
        {"arg:a_weight": (1,), "aux:a_weight": (1,)},
        "both as a parameter and as a running",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_not_certain_is_refused(fault: str) -> None:
    symbol, shapes, message = REFUSED[fault]
    with pytest.raises(ArtifactError, match=message):
        match_parameters(symbol, of(shapes), in_order([(4, 4), (4, 4)]))


def test_two_assignments_that_fit_are_one_too_many() -> None:
    arrays = of({"x.weight": (1, 4), "x.bias": (1,), "y.weight": (4, 3), "y.bias": (4,)})
    with pytest.raises(ArtifactError, match="2 of the possible assignments fit"):
        match_parameters(dense("a", "b"), arrays, lambda _made: True)
