"""The time-parallel layer: compiled, by doubling, and by its formula in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from headstart.errors import OptionError
from headstart.layers import IndexedVectors
from headstart.layers.fast import FastRecurrent

LENGTHS = torch.tensor([9, 0, 1, 4, 9, 3, 7])


def a_layer(**options: Any) -> FastRecurrent:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return FastRecurrent(6, 5, **options)


def vectors(rows: int = 7, tokens: int = 9, size: int = 6) -> Tensor:
    return torch.randn(rows, tokens, size, generator=torch.Generator().manual_seed(1))


def by_formula(layer: FastRecurrent, inputs: Tensor, lengths: Tensor) -> Tensor:
    """States one token after another, as the docstring of the layer has it; one layer."""
    halves = []
    for suffix in ("_l0", "_l0_reverse")[: 1 + layer.bidirectional]:
        states = inputs.new_zeros(*inputs.shape[:2], layer.hidden_size)
        weight, bias = getattr(layer, f"weight{suffix}"), getattr(layer, f"bias{suffix}")
        for row, length in enumerate(lengths.tolist()):
            h, before = inputs.new_zeros(layer.hidden_size), inputs.new_zeros(inputs.shape[2])
            for at in range(length) if suffix == "_l0" else reversed(range(length)):
                gates = weight @ inputs[row, at] + bias
                if layer.window == 2:
                    gates = gates + getattr(layer, f"weight_before{suffix}") @ before
                z, f = gates.chunk(2)
                h = f.sigmoid() * h + (1 - f.sigmoid()) * z.tanh()
                before = inputs[row, at]
                states[row, at] = h
        halves.append(states)
    return torch.cat(halves, dim=-1)


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_both_paths_follow_the_formula(window: int, bidirectional: bool) -> None:
    layer = a_layer(window=window, bidirectional=bidirectional)
    assert layer.path(vectors()) == "compiled"
    states = layer(vectors(), LENGTHS)
    layer.double()
    assert layer.path(vectors().double()) == "torch: the numbers are torch.float64"
    expected = by_formula(layer, vectors().double(), LENGTHS)
    torch.testing.assert_close(layer(vectors().double(), LENGTHS), expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(states.double(), expected, rtol=0, atol=5e-7)


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("hidden", [1, 5, 16, 50])
def test_slopes_are_those_in_float64(window: int, n_layers: int, hidden: int) -> None:
    generator = torch.Generator().manual_seed(hidden)
    lengths = torch.randint(0, 30, (40,), generator=generator)
    table, index = torch.randn(60, 7, generator=generator), torch.randint(0, 60, (40, 30), generator=generator)
    weight = torch.randn(40, 30, 2 * hidden, generator=generator) / 30
    found = []
    for kind in (torch.float32, torch.float64):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            layer = FastRecurrent(7, hidden, window=window, n_layers=n_layers).to(kind)
        leaf = table.to(kind, copy=True).requires_grad_()
        states = layer(IndexedVectors(leaf, index), lengths)
        (states * weight.to(kind)).sum().backward()
        found.append([states, leaf.grad, *(parameter.grad for parameter in layer.parameters())])
    for single, double in zip(*found, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-5)


def test_a_row_depends_on_its_own_tokens_only() -> None:
    for layer, kind in ((a_layer(), torch.float32), (a_layer().double(), torch.float64)):
        inputs = vectors().to(kind)
        together = layer(inputs, LENGTHS)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = layer(inputs[row : row + 1, :length], LENGTHS[row : row + 1])
            torch.testing.assert_close(alone[0], together[row, :length], rtol=0, atol=1e-6)
            assert not together[row, length:].any()


@pytest.mark.parametrize("tokens", [1, 2, 3, 64, 65, 300])
def test_doubling_reaches_the_first_word(tokens: int) -> None:
    layer = a_layer(bidirectional=False).double()
    with torch.no_grad():
        layer.bias_l0[5:] = 6.0  # forget next to nothing
    inputs = vectors(2, tokens).double()
    torch.testing.assert_close(
        layer(inputs, torch.tensor([tokens, 1])), by_formula(layer, inputs, torch.tensor([tokens, 1]))
    )


def test_exports_with_any_number_of_rows_and_tokens() -> None:
    layer = a_layer(n_layers=2).eval()
    rows, tokens = torch.export.Dim("rows"), torch.export.Dim("tokens")
    exported = torch.export.export(
        layer, (vectors(), LENGTHS), dynamic_shapes={"vectors": {0: rows, 1: tokens}, "lengths": {0: rows}}
    )
    inputs, lengths = vectors(3, 210), torch.tensor([210, 2, 0])
    torch.testing.assert_close(exported.module()(inputs, lengths), layer(inputs, lengths), rtol=0, atol=1e-6)


def test_slopes_of_slopes_are_those_in_float64() -> None:
    found = []
    for kind in (torch.float32, torch.float64):
        layer, inputs = a_layer().to(kind), vectors().to(kind).requires_grad_()
        (slope,) = torch.autograd.grad(layer(inputs, LENGTHS).square().sum(), inputs, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), [inputs, *layer.parameters()]))
    for single, double in zip(*found, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("window", [0, 3])
def test_a_window_that_is_not_there_is_an_error(window: int) -> None:
    with pytest.raises(OptionError, match=rf"window={window} is not a number of words .* Use 2 \(a word"):
        a_layer(window=window)
