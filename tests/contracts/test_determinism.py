"""Law 6: same seed, same result; a run killed at any moment goes on to the result of an uninterrupted one.

Runs over every network, every strategy, and trainings whose state is more than weights: momentum, phases,
frozen parts, early stopping, dropout. What training changes in the process is put back.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from headstart import Phase, TextClassifier, Trainer
from headstart.batches import Examples
from headstart.nets import NETS

BuildNet = Callable[..., nn.Module]
MakeExamples = Callable[..., Examples]

BODY = "(?!output|dense).*"
RUNS: dict[str, dict[str, Any]] = {
    "plain": {"phases": 3},
    "momentum": {"phases": 2, "optimizer": "sgd", "optimizer_options": {"momentum": 0.9}, "weight_decay": 0.01},
    "nadam": {"phases": 2, "optimizer": "nadam"},
    "phases": {"phases": [Phase(1, freeze=BODY), Phase(2, rates={BODY: 0.1}), Phase(1, learning_rate=0.001)]},
    "stops early": {"phases": [Phase(4, learning_rate=0.5), Phase(2)], "patience": 1, "schedule": "constant"},
    "frozen in the middle": {"phases": [Phase(1), Phase(2, freeze="embedding")], "optimizer": "adamw"},
}


class Killed(BaseException):
    """Not an Exception: nothing on the way may swallow it."""


class KillAt:
    """An event that ends the process's work at the n-th thing that happens, as far as Python can."""

    def __init__(self, n: int | None = None) -> None:
        self.n, self.count = n, 0

    def __call__(self, name: str, trainer: Trainer, row: Mapping[str, Any]) -> None:
        self.count += 1
        if self.count == self.n:
            raise Killed


@pytest.fixture
def rows(make_examples: MakeExamples) -> tuple[Examples, Examples]:
    return make_examples(40, weights=True), make_examples(30, seed=1)


def trained(net: nn.Module, rows: tuple[Examples, Examples], **options: Any) -> Trainer:
    made = Trainer(net, batch_size=8, learning_rate=0.02, device="cpu", random_state=5, **options)
    made.fit(*rows)
    return made


def weights(net: nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in net.state_dict().items()}


def timeless(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def assert_same_run(one: Trainer, other: Trainer) -> None:
    assert timeless(one.history) == timeless(other.history)
    assert one.best_epoch == other.best_epoch
    assert weights(one.net) == weights(other.net)


def test_same_seed_same_weights_and_another_seed_others(net_name: str, small_net: BuildNet, rows: Any) -> None:
    first, second = (trained(small_net(net_name), rows, phases=2) for _ in range(2))
    assert_same_run(first, second)
    other = Trainer(small_net(net_name), phases=2, batch_size=8, learning_rate=0.02, device="cpu", random_state=6)
    other.fit(*rows)
    assert weights(other.net) != weights(first.net)


def test_what_the_process_drew_before_does_not_matter(net_name: str, small_net: BuildNet, rows: Any) -> None:
    first = trained(small_net(net_name), rows, phases=1)
    torch.rand(17)
    np.random.rand(3)
    assert_same_run(first, trained(small_net(net_name), rows, phases=1))


@pytest.mark.parametrize(
    ("net", "run"), [(net, run) for net in sorted(NETS) for run in sorted(RUNS) if net == "gru" or run == "phases"]
)
def test_killed_anywhere_it_goes_on_to_the_same_end(
    small_net: BuildNet, rows: Any, tmp_path: Path, net: str, run: str
) -> None:
    counter = KillAt()
    whole = trained(small_net(net), rows, **RUNS[run], events=[counter])
    drawn = np.random.default_rng(sum(map(ord, run + net))).integers(2, counter.count, 2).tolist()
    for moment, seconds in [(drawn[0], 0.0), (drawn[1], 1e9), (counter.count, 1e9)]:
        options = {**RUNS[run], "checkpoint": tmp_path / str(moment), "checkpoint_seconds": seconds}
        with pytest.raises(Killed):
            trained(small_net(net), rows, **options, events=[KillAt(moment)])
        assert_same_run(trained(small_net(net), rows, **options), whole)


def test_killed_again_and_again_it_still_arrives(small_net: BuildNet, rows: Any, tmp_path: Path) -> None:
    options = {**RUNS["phases"], "checkpoint": tmp_path, "checkpoint_seconds": 0.0}
    rng = np.random.default_rng(0)
    resumed_from: list[tuple[int, int] | None] = []
    while True:
        net = small_net()
        made = Trainer(
            net,
            batch_size=8,
            learning_rate=0.02,
            device="cpu",
            random_state=5,
            **options,
            events=[KillAt(int(rng.integers(5, 8)))],
        )
        try:
            made.fit(*rows)
            break
        except Killed:
            resumed_from.append(made.resumed_from)
    assert len(resumed_from) >= 6
    assert resumed_from == sorted(resumed_from, key=lambda place: place or (0, 0))
    assert_same_run(made, trained(small_net(), rows, **RUNS["phases"]))


_VICTIM = """
import os, signal, sys
from pathlib import Path
import numpy as np, torch
from headstart import Phase, Trainer, nets
from headstart.batches import Examples
from headstart.text import RaggedIds
from headstart.train import checkpoint

data = np.load(sys.argv[1])
train, valid = (Examples(RaggedIds(data[p + "values"], data[p + "offsets"]), data[p + "labels"], data[p + "weights"]) for p in "tv")
net = torch.load(sys.argv[2], weights_only=False)
where, moment = sys.argv[4], int(sys.argv[5])
count = 0

def die(*_):
    global count
    count += 1
    if count == moment:
        os.kill(os.getpid(), signal.SIGKILL)

if where == "inside a save":
    whole = checkpoint.save_file
    def half(tensors, path, metadata):
        whole(tensors, path, metadata)
        if count + 1 == moment:
            Path(path).write_bytes(Path(path).read_bytes()[:200])
        die()
    checkpoint.save_file = half
options = {"phases": [Phase(1, freeze="embedding"), Phase(2)], "batch_size": 8, "learning_rate": 0.02}
Trainer(net, **options, device="cpu", random_state=5, checkpoint=sys.argv[3], checkpoint_seconds=0.0,
        events=[die] if where == "inside an epoch" else []).fit(train, valid)
"""


@pytest.mark.parametrize(("where", "moment"), [("inside an epoch", 13), ("inside a save", 8)])
def test_a_process_killed_from_outside_goes_on_in_another(
    small_net: BuildNet, rows: Any, tmp_path: Path, where: str, moment: int
) -> None:
    arrays: dict[str, Any] = {}
    for name, part in zip("tv", rows, strict=True):
        ones = np.ones(len(part), np.float32)
        arrays |= {f"{name}values": part.ids.values, f"{name}offsets": part.ids.offsets, f"{name}labels": part.labels}
        arrays[f"{name}weights"] = ones if part.weights is None else part.weights
    np.savez(tmp_path / "rows.npz", **arrays)
    torch.save(small_net(), tmp_path / "net.pt")
    (tmp_path / "victim.py").write_text(_VICTIM)
    command = [sys.executable, "victim.py", "rows.npz", "net.pt", "checkpoint", where, str(moment)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr

    train, valid = rows
    valid = Examples(valid.ids, valid.labels, np.ones(len(valid), np.float32))
    options: dict[str, Any] = {"phases": [Phase(1, freeze="embedding"), Phase(2)]}
    resumed = trained(small_net(), (train, valid), **options, checkpoint=tmp_path / "checkpoint")
    assert resumed.resumed_from is not None
    assert_same_run(resumed, trained(small_net(), (train, valid), **options))


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"}


def test_every_strategy_gives_the_same_bytes_twice_and_leaves_the_process_as_it_was(
    strategy: str, base: Any, others: Any, tmp_path: Path
) -> None:
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        np.random.seed(seed)
        before = torch.get_rng_state(), np.random.get_state()[1].tobytes(), torch.get_num_threads()  # type: ignore[index, union-attr]
        model = TextClassifier(base=base, strategy=strategy, epochs=2, device="cpu", random_state=4)
        model.fit(others.texts, others.labels).save(tmp_path / name)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.random.get_state()[1].tobytes() == before[1]  # type: ignore[index, union-attr]
        assert torch.get_num_threads() == before[2]
        assert (torch.tensor([1e-40]) * 1.0).item() > 0
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    assert files_of(tmp_path / "first") == files_of(tmp_path / "second")


def test_every_strategy_that_trains_goes_on_after_a_kill(strategy: str, base: Any, others: Any, tmp_path: Path) -> None:
    def fit(**options: Any) -> TextClassifier:
        model = TextClassifier(
            base=base, strategy=strategy, epochs=2, device="cpu", trainer_options={"checkpoint_seconds": 0.0}, **options
        )
        return model.fit(others.texts, others.labels)

    counter = KillAt()
    whole = fit(events=[counter])
    if not counter.count:
        pytest.skip(f"{strategy} trains nothing in epochs")
    with pytest.raises(Killed):
        fit(events=[KillAt(counter.count * 3 // 4)], checkpoint=tmp_path / "checkpoint")
    assert list((tmp_path / "checkpoint").iterdir())
    fit(checkpoint=tmp_path / "checkpoint").save(tmp_path / "resumed")
    whole.save(tmp_path / "whole")
    assert files_of(tmp_path / "resumed") == files_of(tmp_path / "whole")


def test_predictions_are_the_same_twice(net_name: str, small_net: BuildNet, others: Any, reviews: Any) -> None:
    model = TextClassifier(net=lambda n_words: small_net(net_name, n_words), epochs=1, device="cpu")
    model.fit(reviews.texts, reviews.labels)
    assert model.predict_proba(others.texts).tobytes() == model.predict_proba(others.texts).tobytes()
