"""Training in several processes: the same rows, the same model for the same number, and no harm from one that is killed."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headstart import Trainer
from headstart.batches import Examples
from headstart.errors import DataError, HeadstartWarning, OptionError
from headstart.tasks import TASKS
from headstart.train.shards import ShardBatches, shard_rows
from headstart.train.world import World

BuildNet = Callable[..., nn.Module]
MakeExamples = Callable[..., Examples]


@pytest.mark.parametrize(("n_rows", "size"), [(0, 2), (1, 2), (7, 3), (100, 2), (1000, 3), (10_001, 4)])
def test_every_row_has_one_process_and_they_have_alike_many(n_rows, size):
    shards = shard_rows(n_rows, size)
    np.testing.assert_array_equal(np.sort(np.concatenate(shards)), np.arange(n_rows))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    if n_rows >= 1000:  # rows that stand together stay together, and no process has one end of the data
        assert all((np.diff(shard) == 1).mean() > 0.9 and np.ptp(shard) > 0.9 * n_rows for shard in shards)


@pytest.mark.parametrize("n_rows", [4, 5, 61, 150])
@pytest.mark.parametrize("size", [2, 3])
def test_processes_cut_as_many_batches_of_like_length(n_rows, size, make_examples: MakeExamples):
    if n_rows < 2 * size:
        return
    whole = make_examples(n_rows)
    options: dict[str, Any] = {"batch_size": 12, "order": "shuffled", "n_buckets": 4, "random_state": 3}
    shards = [
        (rows, ShardBatches(whole[rows], n_rows, World(rank, size), **options))
        for rank, rows in enumerate(shard_rows(n_rows, size))
    ]
    plans = [[rows[batch] for batch in batches.plan(1)] for rows, batches in shards]
    assert len({len(plan) for plan in plans}) == 1
    assert min(len(batch) for plan in plans for batch in plan) >= 1
    np.testing.assert_array_equal(np.sort(np.concatenate([row for plan in plans for row in plan])), np.arange(n_rows))


@pytest.fixture
def started_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes as copies of this one, which takes no seconds for imports."""
    monkeypatch.setattr("headstart.train.world._SPAWNING", multiprocessing.get_context("fork"))


class Deadly:
    """An event that kills its process once, at a step of the second epoch."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __call__(self, name: str, trainer: Trainer, row: Any) -> None:
        if name == "step_end" and row["epoch"] == 2 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def trained(
    net: nn.Module, examples: Examples, valid: Examples | None, **options: Any
) -> tuple[dict[str, Tensor], list[Any]]:
    trainer = Trainer(net, phases=2, batch_size=16, learning_rate=0.05, device="cpu", **options)
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in trainer.fit(examples, valid)]
    return {name: value.clone() for name, value in net.state_dict().items()}, rows


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("kind", TASKS)
def test_a_trainer_of_any_task_goes_to_another_process(kind, small_net: BuildNet):
    task = TASKS[kind](("a", "b", "c")[: 2 if kind == "binary" else 3])
    trainer = Trainer(small_net(), task=task, monitor=f"valid_{task.primary.name}")
    pickle.dumps(trainer)


@pytest.mark.usefixtures("started_fast")
def test_two_processes(small_net: BuildNet, make_examples: MakeExamples, tmp_path: Path):
    examples, valid = make_examples(90), make_examples(40, seed=1)
    alone, _ = trained(small_net(), examples, valid)
    weights, history = trained(small_net(), examples, valid, workers=2)
    assert not equal(weights, alone)  # its batches are others, and it trained at all
    assert [row["n_tokens"] for row in history[1:]] == [int(examples.lengths.sum())] * 2
    assert history[-1]["valid_auc"] > 0.7
    with pytest.warns(HeadstartWarning, match="process 1 of 2 was ended by SIGKILL; all begin again"):
        again, same = trained(small_net(), examples, valid, workers=2, events=[Deadly(tmp_path / "killed")])
    assert equal(again, weights)
    assert same == history


@pytest.mark.usefixtures("started_fast")
def test_what_one_process_raises_is_its_own_sentence(small_net: BuildNet, make_examples: MakeExamples):
    examples = make_examples(20)
    bad = replace(examples, labels=np.full(20, np.nan, np.float32))
    with pytest.raises(DataError, match="the training loss became nan in epoch 1, step 1; try a smaller learning_rate"):
        trained(small_net(), bad, None, workers=2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workers": 0}, "workers"),
        ({"workers": 2, "device": ["cpu", "cpu"]}, "workers is 2, and 2 devices came"),
        ({"workers": 2.5}, "workers"),
    ],
)
def test_numbers_of_workers_that_cannot_be(options, sentence, small_net: BuildNet):
    with pytest.raises(OptionError, match=sentence):
        Trainer(small_net(), **options)


def test_too_few_rows_for_the_processes(small_net: BuildNet, make_examples: MakeExamples):
    with pytest.raises(DataError, match="3 rows came for 2 processes"):
        Trainer(small_net(), device="cpu", workers=2).fit(make_examples(3))
