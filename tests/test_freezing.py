"""What a pattern selects, and what stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from headstart.errors import OptionError
from headstart.freezing import Freeze, selected_parameters, trainable_table


@pytest.fixture
def net() -> nn.Module:
    """A tower in a tower: names of three levels, batch normalisation, dropout, a layer whose name begins another's."""
    return nn.ModuleDict(
        {
            "encoder": nn.ModuleDict({"rnn": nn.Linear(3, 3), "norm": nn.BatchNorm1d(3)}),
            "encoder2": nn.Linear(3, 3),
            "drop": nn.Dropout(0.5),
            "output": nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1)),
        }
    )


NORM = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [
        ("encoder2", {"encoder2.weight", "encoder2.bias"}),
        ("encoder", {"encoder.rnn.weight", "encoder.rnn.bias", *(f"encoder.norm.{part}" for part in NORM)}),
        ("encoder.rnn", {"encoder.rnn.weight", "encoder.rnn.bias"}),
        ("encoder|encoder2", None),
        (r"encoder\d?", None),
        (r".*\.rnn\.weight", {"encoder.rnn.weight"}),
        (r"output\.3\.bias", {"output.3.bias"}),
        (r"output\.[03]", {"output.0.weight", "output.0.bias", "output.3.weight", "output.3.bias"}),
        (r".*running_var", {"encoder.norm.running_var", "output.1.running_var"}),
    ],
)
def test_a_pattern_is_matched_in_full_on_the_way(net: nn.Module, pattern: str, selected: set[str] | None) -> None:
    expected = selected or {name for name in net.state_dict() if name.startswith("encoder")}
    assert set(selected_parameters(net, pattern)) == expected


def test_names_come_in_the_order_of_the_network(net: nn.Module) -> None:
    assert selected_parameters(net, "output|encoder2")[:3] == ["encoder2.weight", "encoder2.bias", "output.0.weight"]


@pytest.mark.parametrize(
    ("pattern", "near"),
    [("encodr", "encoder, encoder2"), ("enc", "encoder"), ("encoder.*rn", "encoder.rnn"), ("outputs", "output"), ("xyz", "encoder, encoder.rnn")],
)  # fmt: skip
def test_a_pattern_that_matches_nothing_names_the_near_ones(net: nn.Module, pattern: str, near: str) -> None:
    with pytest.raises(
        OptionError, match=rf"matches no stage or parameter, so nothing would be frozen; near names are .*{near}"
    ):
        Freeze(net, pattern)
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_no_regular_expression_is_told_as_such(net: nn.Module) -> None:
    with pytest.raises(OptionError, match=r"the pattern 'encoder\(' is no regular expression .*embedding\|encoder"):
        selected_parameters(net, "encoder(")


def moved_by_a_step(net: nn.Module, part: Callable[[nn.Module], Any]) -> set[str]:
    """Run a training step over the part, with weight decay and momentum, and return what moved."""
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter) if parameter.requires_grad else None
    optimizer = torch.optim.SGD(
        [p for p in net.parameters() if p.requires_grad], lr=0.1, momentum=0.9, weight_decay=0.1
    )
    for _ in range(2):
        part(net)
        optimizer.step()
    return {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}


def run_all(net: Any) -> torch.Tensor:
    values = net["encoder"]["norm"](net["encoder"]["rnn"](torch.randn(6, 3)))
    logits: torch.Tensor = net["output"](net["drop"](net["encoder2"](values)))
    return logits


ALL = {"encoder.rnn", "encoder.norm", "encoder2", "output.0", "output.1", "output.3"}


@pytest.mark.parametrize(
    ("pattern", "still"),
    [
        ("encoder", {"encoder.rnn", "encoder.norm"}),
        ("output", {"output.0", "output.1", "output.3"}),
        (r"output\.1", {"output.1"}),
        ("encoder|output", ALL - {"encoder2"}),
        (r"encoder\.norm\..*", {"encoder.norm"}),
        (r".*\.norm", {"encoder.norm"}),
    ],
)
def test_what_is_frozen_stands_still_and_all_else_moves(net: nn.Module, pattern: str, still: set[str]) -> None:
    Freeze(net, pattern)
    net.train()
    moved = moved_by_a_step(net, run_all)
    assert {name.rpartition(".")[0] for name in moved} == ALL - still
    assert not any(name.startswith(tuple(f"{part}." for part in still)) for name in moved)


@pytest.mark.parametrize(
    ("pattern", "still"),
    [
        (r"encoder\.norm\.running_mean", {"encoder.norm.running_mean"}),
        (r".*\.running_.*", {"encoder.norm.running_mean", "output.1.running_var"}),
        (r".*\.bias", {"encoder.rnn.bias", "encoder.norm.bias", "output.1.bias"}),
    ],
)
def test_single_values_can_be_frozen_statistics_among_them(net: nn.Module, pattern: str, still: set[str]) -> None:
    Freeze(net, pattern)
    net.train()
    assert not moved_by_a_step(net, run_all) & still


def test_statistics_move_on_where_only_a_bias_is_frozen(net: nn.Module) -> None:
    Freeze(net, r".*\.bias")
    net.train()
    assert "encoder.norm.running_mean" in moved_by_a_step(net, run_all)


@pytest.mark.parametrize("dropout", [False, True])
def test_dropout_inside_is_off_unless_asked_for(net: Any, dropout: bool) -> None:
    Freeze(net, "output", dropout=dropout)
    net.train()
    run_all(net)
    assert net["output"][2].training == dropout
    assert not net["output"][1].training
    assert net["drop"].training


class Noisy(nn.Module):
    """Dropout of its own beside weights of its own, as in a recurrent layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 300)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(self.linear(values) + 10, 0.5, self.training)


@pytest.mark.parametrize("dropout", [False, True])
def test_dropout_inside_a_layer_with_weights_obeys_too(dropout: bool) -> None:
    net = nn.ModuleDict({"noisy": Noisy(), "output": nn.Linear(300, 1)})
    Freeze(net, "noisy", dropout=dropout)
    net.train()
    assert bool((net["noisy"](torch.ones(2, 3)) == 0).any()) == dropout


def test_statistics_stand_still_with_dropout_on(net: nn.Module) -> None:
    Freeze(net, "encoder|output", dropout=True)
    net.train()
    assert moved_by_a_step(net, run_all) == {"encoder2.weight", "encoder2.bias"}


def test_release_sets_all_moving_again(net: nn.Module) -> None:
    frozen = Freeze(net, "encoder|output")
    net.train()
    run_all(net)
    frozen.release()
    net.train()
    assert {name.rpartition(".")[0] for name in moved_by_a_step(net, run_all)} == ALL
    assert net["output"][2].training


def test_release_leaves_what_its_owner_had_frozen(net: Any) -> None:
    net["encoder2"].weight.requires_grad_(False)
    frozen = Freeze(net, "encoder2|output")
    frozen.release()
    assert not net["encoder2"].weight.requires_grad
    assert net["encoder2"].bias.requires_grad


def test_old_gradients_are_thrown_away(net: Any) -> None:
    run_all(net).sum().backward()
    Freeze(net, "encoder")
    assert net["encoder"]["rnn"].weight.grad is None
    assert net["encoder2"].weight.grad is not None


def test_the_table_says_what_is_trained(net: nn.Module) -> None:
    Freeze(net, "encoder")
    table = {row["parameter"]: row for row in trainable_table(net)}
    assert list(table) == [name for name, _ in net.named_parameters()]
    assert table["encoder.rnn.weight"] == {
        "parameter": "encoder.rnn.weight", "shape": (3, 3), "size": 9, "trainable": False
    }  # fmt: skip
    assert [name for name, row in table.items() if not row["trainable"]] == selected_parameters_only(net, "encoder")


def selected_parameters_only(net: nn.Module, pattern: str) -> list[str]:
    parameters = dict(net.named_parameters())
    return [name for name in selected_parameters(net, pattern) if name in parameters]
