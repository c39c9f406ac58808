"""Law 3: what is frozen stays bit-equal, whatever trains beside it.

Runs over every network, every stage of it that holds weights, and every optimizer, with weight decay and
momentum on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from headstart import Phase, TextClassifier, Trainer, load
from headstart.batches import Examples
from headstart.errors import OptionError
from headstart.freezing import selected_parameters
from headstart.train import OPTIMIZERS

BuildNet = Callable[..., nn.Module]
State = dict[str, torch.Tensor]

OPTIONS: dict[str, dict[str, Any]] = {"sgd": {"momentum": 0.9, "nesterov": True}, "rmsprop": {"momentum": 0.9}}


@pytest.fixture
def examples(make_examples: Callable[..., Examples]) -> Examples:
    return make_examples(32)


def state(net: nn.Module) -> State:
    return {name: value.clone() for name, value in net.state_dict().items()}


def moved(net: nn.Module, before: Mapping[str, torch.Tensor]) -> set[str]:
    """Names whose bits differ (-0.0 and 0.0 do)."""
    return {name for name, value in state(net).items() if value.numpy().tobytes() != before[name].numpy().tobytes()}


def movable(names: Iterable[str]) -> set[str]:
    """Names but those of what no training moves: lists of n-grams, their scales, groups of words."""
    return {name for name in names if not name.endswith((".listed", ".scale", ".group"))}


def stages_with_weights(net: nn.Module) -> list[str]:
    return [name for name in net.stages if list(net.get_submodule(name).parameters())]


def last_stage(net: nn.Module) -> set[str]:
    return set(selected_parameters(net, net.stages[-1]))


def trainer(net: nn.Module, phases: list[Phase], optimizer: str = "adamw", **options: Any) -> Trainer:
    return Trainer(
        net, phases=phases, optimizer=optimizer, optimizer_options=OPTIONS.get(optimizer), weight_decay=0.1,
        learning_rate=0.05, schedule="constant", batch_size=8, device="cpu", restore_best=False, **options,
    )  # fmt: skip


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_every_stage_stands_still_under_every_optimizer(
    net_name: str, small_net: BuildNet, examples: Examples, optimizer: str
) -> None:
    for stage in stages_with_weights(small_net(net_name)):
        net = small_net(net_name)
        before = state(net)
        trainer(net, [Phase(1, freeze=stage)], optimizer).fit(examples, examples)
        frozen = set(selected_parameters(net, stage))
        changed = moved(net, before)
        assert not changed & frozen, (stage, changed & frozen)
        assert changed == movable(before) - frozen, stage


PATTERNS = [
    r"embedding|encoder",
    r".*\.bias.*",
    r".*norm",
    r".*\.running_(mean|var)",
    r"dense\d",
    r"dense0\.linear",
    "(?!output).*",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_over_parameters_hold_too(
    net_name: str, small_net: BuildNet, examples: Examples, pattern: str
) -> None:
    net = small_net(net_name)
    before = state(net)
    try:
        frozen = set(selected_parameters(net, pattern))
    except OptionError:
        pytest.skip(f"{net_name} has nothing that {pattern} selects")
    trainer(net, [Phase(2, freeze=pattern)], "sgd").fit(examples)
    changed = moved(net, before)
    assert changed
    assert not changed & frozen


def test_momentum_gathered_before_does_not_carry_over(net_name: str, small_net: BuildNet, examples: Examples) -> None:
    for optimizer in ("sgd", "adamw"):
        net = small_net(net_name)
        found: list[State] = []

        def remember(name: str, made: Trainer, row: Mapping[str, Any], found: list[State] = found) -> None:
            if name == "epoch_end":
                found.append(state(made.net))

        frozen = "|".join(stages_with_weights(net)[:-1])
        phases = [Phase(1), Phase(2, freeze=frozen), Phase(1)]
        trainer(net, phases, optimizer, events=[remember]).fit(examples)
        names = movable(selected_parameters(net, frozen))
        assert all(torch.equal(found[1][name], found[3][name]) for name in names)
        assert all(not torch.equal(found[0][name], found[1][name]) for name in names)
        assert all(not torch.equal(found[3][name], found[4][name]) for name in names)


def test_somebody_who_calls_train_sets_nothing_going(net_name: str, small_net: BuildNet, examples: Examples) -> None:
    net = small_net(net_name)
    before = state(net)

    def meddle(name: str, made: Trainer, row: Mapping[str, Any]) -> None:
        if name == "step_end":
            made.net.train()
            for module in made.net.modules():
                module.train()

    frozen = "|".join(net.stages[:-1])
    trainer(net, [Phase(2, freeze=frozen)], "sgd", events=[meddle]).fit(examples)
    assert moved(net, before) == last_stage(net)


def test_resuming_inside_a_frozen_phase_keeps_it_frozen(
    net_name: str, small_net: BuildNet, examples: Examples, tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    def kill(name: str, made: Trainer, row: Mapping[str, Any]) -> None:
        if name == "step_end" and row["epoch"] == 2 and row["step"] == 3:
            raise Killed

    frozen = "|".join(small_net(net_name).stages[:-1])
    phases = [Phase(3, freeze=frozen)]
    options: dict[str, Any] = {"checkpoint": tmp_path, "checkpoint_seconds": 0.0}
    with pytest.raises(Killed):
        trainer(small_net(net_name), phases, "sgd", events=[kill], **options).fit(examples)
    net = small_net(net_name)
    before = state(net)
    again = trainer(net, phases, "sgd", **options)
    again.fit(examples)
    assert again.resumed_from == (1, 2)
    assert moved(net, before) == last_stage(net)


@pytest.mark.parametrize("pattern", ["embedding", "embedding|encoder", r"dense\d", r".*\.weight.*"])
def test_fine_tuning_keeps_it_through_saving_and_loading(base: Any, others: Any, tmp_path: Path, pattern: str) -> None:
    before = state(base.predictor_.net)
    model = TextClassifier(
        base=base, strategy="fine-tune", freeze=pattern, epochs=1, device="cpu",
        trainer_options={"optimizer": "sgd", "optimizer_options": {"momentum": 0.9}, "weight_decay": 0.1, "restore_best": False},
    ).fit(others.texts, others.labels)  # fmt: skip
    model.save(tmp_path / "model")
    net = load(tmp_path / "model").predictor_.net
    changed = moved(net, before)
    assert changed == movable(before) - set(selected_parameters(net, pattern))
    assert moved(base.predictor_.net, before) == set()


def test_frozen_dropout_is_off_in_training_unless_asked_for(small_net: BuildNet, examples: Examples) -> None:
    seen: dict[bool, list[bool]] = {}
    for wanted in (False, True):
        net = small_net("gru", dropout=0.5)
        seen[wanted] = []
        net.dense0.dropout.register_forward_hook(lambda module, *_, at=seen[wanted]: at.append(module.training))
        phases = [Phase(1, freeze="dense0", frozen_dropout=wanted)]
        trainer(net, phases, train_metrics="running").fit(examples)
    assert seen == {False: [False] * 4, True: [True] * 4}
