"""Training side by side with MXNet: ``tiny_steps.npz`` holds its gradients and its parameters after 1 and 5 steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from headstart.errors import OptionError
from headstart.foreign.mxnet import MXNetAdam, MXNetGraph

Load = Callable[[str], Any]

# A bias in front of batch normalisation has no gradient but what rounding leaves, and Adam makes a whole step of it:
# its values are noise in MXNet too. The running means behind it take the noise along; the outputs do not.
NOISE = {
    f"CustomSeqNet_{name}"
    for name in ("dense0_bias", "dense1_bias", "batchnorm0_running_mean", "batchnorm1_running_mean")
}


@pytest.fixture(scope="module")
def steps(mxnet_files: Any) -> dict[str, Any]:
    with np.load(mxnet_files / "tiny_steps.npz", allow_pickle=False) as stored:
        return dict(stored)


def part(steps: dict[str, Any], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name[len(prefix) :]: torch.from_numpy(value.copy()) for name, value in steps.items() if name.startswith(prefix)
    }


@pytest.fixture
def graph(saved: Load, steps: dict[str, Any]) -> MXNetGraph:
    symbol = saved("tiny").symbol
    nodes = tuple(
        replace(node, attrs={**node.attrs, "p": "0"}) if node.op == "Dropout" else node for node in symbol.nodes
    )
    return MXNetGraph(replace(symbol, nodes=nodes), part(steps, "step0:")).train()


def losses(graph: MXNetGraph, steps: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    (output,) = graph.run({name: torch.from_numpy(steps[name]) for name in ("data0", "data1")}).values()
    label = torch.from_numpy(steps["label"])
    return output, functional.binary_cross_entropy_with_logits(output[:, 0], label, reduction="none")


def test_training_output_loss_and_gradients_are_those_of_mxnet(graph: MXNetGraph, steps: dict[str, Any]) -> None:
    output, loss = losses(graph, steps)
    np.testing.assert_allclose(output.detach(), steps["train_output_step1"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(loss.detach(), steps["loss_per_row_step1"], rtol=0, atol=1e-5)
    loss.mean().backward()
    gradients = part(steps, "grad1:")
    assert gradients.keys() == dict(graph.named_parameters()).keys()
    for name, parameter in graph.named_parameters():
        assert parameter.grad is not None
        np.testing.assert_allclose(parameter.grad, gradients[name], rtol=0, atol=1e-5, err_msg=name)


def test_parameters_after_one_and_five_steps_are_those_of_mxnet(graph: MXNetGraph, steps: dict[str, Any]) -> None:
    optimizer = MXNetAdam(graph.parameters(), lr=1e-2, weight_decay=3e-4)
    for step in range(1, 6):
        _, loss = losses(graph, steps)
        assert abs(loss.mean().item() - steps["mean_loss"][step - 1]) < 1e-5
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        for name, wanted in part(steps, f"step{step}:").items():
            tolerance = 2e-2 if name in NOISE else 2e-5
            np.testing.assert_allclose(
                graph.tensor(name).detach(), wanted, rtol=0, atol=tolerance, err_msg=f"{name} {step}"
            )


def test_it_takes_a_closure() -> None:
    parameter = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = MXNetAdam([parameter], lr=0.1)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (parameter**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    assert parameter.item() == pytest.approx(0.9, abs=1e-5)


@pytest.mark.parametrize("options", [{"lr": -1}, {"eps": -1}, {"weight_decay": -1}, {"betas": (0.9, 1.0)}])
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="expected numbers from 0 up, betas below 1"):
        MXNetAdam([torch.nn.Parameter(torch.zeros(1))], **options)
