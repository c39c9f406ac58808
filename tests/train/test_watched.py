"""What stops training is the task's metric, as the model would be shipped: its loss does not decide."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headstart.arrays import Array
from headstart.batches import Batch, Examples
from headstart.errors import OptionError
from headstart.plain import Json
from headstart.strategies.epochs import aims
from headstart.strategies.settings import Settings
from headstart.tasks import Binary, MultiClass, MultiLabel, Ordinal, Regression, Task
from headstart.text import RaggedIds
from headstart.train import Trainer

N = 60
NAMES = ("a", "b", "c")
RNG = np.random.default_rng(0)
CODES = np.arange(N) % 3
NUMBERS = RNG.gamma(2.0, 3.0, N)
CASES: dict[str, tuple[Task, Array, str | None]] = {
    "binary": (Binary(("no", "yes")), CODES % 2, "accuracy"),
    "multiclass": (MultiClass(NAMES), CODES, None),
    "multilabel": (MultiLabel(NAMES), (RNG.random((N, 3)) < 0.4).astype(np.int8), None),
    "ordinal": (Ordinal(NAMES), CODES, None),
    "regression": (Regression().fitted(NUMBERS), NUMBERS, None),
    "macro F1": (MultiClass(NAMES), CODES, "macro_f1"),
}


class Scripted(nn.Module):
    """Gives the rows what a script has for so many steps of training [steps, rows, outputs]."""

    def __init__(self, script: Array) -> None:
        super().__init__()
        self.weight, self.script, self.n_trained = nn.Parameter(torch.zeros(())), torch.from_numpy(script), 0

    def forward(self, batch: Batch) -> Tensor:
        self.n_trained += self.training
        return self.weight * 0 + self.script[self.n_trained][batch.ids[:, 0].long()]


def rows(task: Task, targets: Array) -> Examples:
    labels = targets.astype(np.float32) if task.link == "softmax" else task.goals(targets)
    return Examples(RaggedIds(np.arange(N, dtype=np.int32), np.arange(N + 1)), labels)


def best_epoch(task: Task, targets: Array, script: Array, options: Json) -> tuple[int, list[str]]:
    made = Trainer(Scripted(script.astype(np.float32)), phases=len(script) - 1, batch_size=N, **options)
    found = rows(task, targets)
    history = made.fit(found, found)
    return made.best_epoch, sorted(history[-1])


@pytest.mark.parametrize("case", CASES)
def test_the_metric_decides_and_the_loss_does_not(case: str) -> None:
    task, targets, metric = CASES[case]
    right = np.eye(3)[targets] if task.link == "softmax" else task.goals(targets).reshape(N, -1) - 0.5
    unsure = 0.01 * RNG.normal(size=right.shape)
    sure = 30 * np.where(np.arange(N)[:, None] % 10 == 0, -right, right)  # one in ten is far off, which costs
    if task.n_outputs == 1:
        sure = 30 * right + 60  # in the right order, and far above
    script, options = np.stack([unsure, unsure, sure]), aims(task, Settings(metric=metric))
    found, measured = best_epoch(task, targets, script, options)
    assert found == 2
    assert f"valid_{metric or task.primary.name}" in measured
    assert best_epoch(task, targets, script, {**options, "monitor": "valid_loss"})[0] < 2


def test_of_equal_values_the_lower_loss_is_better() -> None:
    task, targets, _ = CASES["multiclass"]
    script = np.stack([0 * np.eye(3)[targets], *(factor * np.eye(3)[targets] for factor in (1, 2, 1))])
    assert best_epoch(task, targets, script, aims(task, Settings()))[0] == 2


def test_two_labels_without_a_named_metric_are_the_trainers_own() -> None:
    assert aims(Binary(("no", "yes")), Settings()) == {}


def test_a_metric_of_another_task_is_refused() -> None:
    with pytest.raises(OptionError, match=r"metric of multiclass, 3 classes: a, b, c called 'mae'.*accuracy"):
        aims(MultiClass(NAMES), Settings(metric="mae"))
