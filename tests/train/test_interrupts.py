"""Ctrl-C at any moment keeps what was trained, and the run goes on to the weights that it would have had."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from headstart import Phase, Trainer
from headstart.errors import HeadstartWarning
from headstart.train import trainer as training
from headstart.train.interrupts import Interrupts

PHASES = (Phase(1, freeze="embedding"), Phase(2))


@pytest.fixture
def run(tmp_path: Path, make_examples: Callable[..., Any], small_net: Callable[..., nn.Module]) -> Callable[..., Any]:
    """Train for two phases of four steps an epoch; return the trainer."""

    def run(event: Any = None, **options: Any) -> Trainer:
        how = {
            "phases": PHASES,
            "batch_size": 16,
            "learning_rate": 0.05,
            "device": "cpu",
            "checkpoint": tmp_path / "kept",
        }
        trainer = Trainer(small_net("gru"), **{**how, **options}, events=() if event is None else (event,))
        trainer.fit(make_examples(60), make_examples(40, seed=1))
        return trainer

    return run


def weights(trainer: Trainer) -> dict[str, list[float]]:
    return {name: value.flatten().tolist() for name, value in trainer.net.state_dict().items()}


@pytest.mark.parametrize("moment", range(0, 26, 3))
def test_interrupted_at_any_event_it_goes_on_to_the_same_weights(
    run: Callable[..., Any], tmp_path: Path, moment: int
) -> None:
    whole = weights(run(checkpoint=None))
    left = [moment]

    def interrupt(name: str, trainer: Trainer, row: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        run(interrupt)
        assert left[0] > 0 or moment == 0
    except KeyboardInterrupt:
        pass
    resumed = run()
    assert weights(resumed) == whole
    assert moment < 4 or resumed.resumed_from is not None


@pytest.mark.parametrize("place", ["_step", "loss_and_metric"])
def test_in_the_middle_of_a_step_it_waits_for_its_end(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """And measuring, which changes nothing, is broken off."""
    whole = weights(run(checkpoint=None))
    calls: list[str] = []
    with monkeypatch.context() as patch:
        owner: Any = Trainer if place == "_step" else training
        called = getattr(owner, place)

        def interrupted(*arguments: Any) -> Any:
            calls.append("begun")
            if len(calls) == 11:
                os.kill(os.getpid(), signal.SIGINT)
            found = called(*arguments)
            calls.append("ended")
            return found

        patch.setattr(owner, place, interrupted)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert calls[-1] == "ended" if place == "_step" else calls[-1] == "begun"
    resumed = run()
    assert resumed.resumed_from is not None
    assert weights(resumed) == whole


def test_a_checkpoint_that_cannot_be_written_is_a_warning(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    whole = weights(run(checkpoint=None))
    monkeypatch.setattr("headstart.train.checkpoint.save_file", full)
    with pytest.warns(
        HeadstartWarning, match="No space left.* Training goes on; if it is stopped, it begins anew"
    ) as told:
        found = run()
    assert len(told) == 1
    assert weights(found) == whole


class TestInterrupts:
    def test_they_wait_for_the_end_of_the_block_but_a_second_one_does_not(self) -> None:
        interrupts, done = Interrupts(), []
        with interrupts.watched():
            with pytest.raises(KeyboardInterrupt), interrupts.held():
                os.kill(os.getpid(), signal.SIGINT)
                done.append(1)
            with pytest.raises(KeyboardInterrupt), interrupts.held():
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
                done.append(2)
        assert done == [1]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_what_ends_the_process_at_once_still_does(self) -> None:
        with Interrupts().watched():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    def test_in_a_thread_nothing_is_held(self, run: Callable[..., Any]) -> None:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(run()))
        thread.start()
        thread.join()
        assert found and torch.is_tensor(next(found[0].net.parameters()))
