"""The dense block, and the first weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from headstart.errors import OptionError
from headstart.layers import ACTIVATIONS, DenseBlock, xavier


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("batch_norm", [True, False])
def test_is_dense_then_norm_then_activation(activation: str, batch_norm: bool) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        block = DenseBlock(4, 3, activation=activation, batch_norm=batch_norm)
        values = torch.randn(8, 4)
    expected = values @ block.linear.weight.T + block.linear.bias
    if batch_norm:
        expected = (expected - expected.mean(0)) / (expected.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(block(values), ACTIVATIONS[activation]()(expected))


def test_dropout_is_the_last_step_and_only_in_training() -> None:
    block = DenseBlock(4, 200, dropout=0.5, batch_norm=False, activation="gelu")
    values = torch.ones(10, 4)
    trained, resting = block.train()(values), block.eval()(values)
    kept = trained != 0
    torch.testing.assert_close(trained[kept], 2 * resting[kept])
    assert 0.4 < kept.float().mean() < 0.6


def test_an_unknown_activation_names_the_near_one() -> None:
    with pytest.raises(OptionError, match="no activation 'rellu'; did you mean 'relu'"):
        DenseBlock(2, 2, activation="rellu")


def test_xavier_draws_matrices_and_clears_biases() -> None:
    net = nn.ModuleDict({"dense": DenseBlock(30, 50), "rnn": nn.GRU(20, 10)})
    for parameter in net.parameters():
        nn.init.constant_(parameter, 7.0)
    nn.init.ones_(net["dense"].norm.weight)
    xavier(net)
    for name, parameter in net.named_parameters():
        if "norm.weight" in name:
            assert torch.equal(parameter, torch.ones_like(parameter))
        elif "bias" in name:
            assert not parameter.any()
        else:
            bound = math.sqrt(6 / sum(parameter.shape))
            assert 0.9 * bound < parameter.abs().max() <= bound
