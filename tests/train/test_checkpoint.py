"""A run between two steps, in one file: whole or not at all, and only for the same run."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headstart.batches import Examples
from headstart.errors import HeadstartWarning
from headstart.train import OPTIMIZERS, checkpoint
from headstart.train.checkpoint import (
    Checkpoint,
    fingerprint,
    flatten_optimizer,
    load_checkpoint,
    restore_optimizer,
    save_checkpoint,
)


@pytest.fixture
def saved() -> Checkpoint:
    tensors = {
        "net.a.weight": torch.randn(2, 3),
        "net.n": torch.tensor(3),
        "best.a": torch.zeros(0),
        "random.cpu": torch.get_rng_state(),
    }
    return Checkpoint({"fingerprint": "f", "progress": {"epoch": 2, "loss_sum": 0.1 + 0.2}}, tensors)


def test_comes_back_bit_for_bit(tmp_path: Path, saved: Checkpoint) -> None:
    save_checkpoint(tmp_path / "new" / "folder", saved)
    found = load_checkpoint(tmp_path / "new" / "folder", "f")
    assert found is not None
    assert found.state == saved.state
    assert {name: value.numpy().tobytes() for name, value in found.tensors.items()} == {
        name: value.numpy().tobytes() for name, value in saved.tensors.items()
    }
    assert set(found.part("net")) == {"a.weight", "n"}


def test_takes_the_place_of_the_one_before(tmp_path: Path, saved: Checkpoint) -> None:
    for epoch in (1, 2):
        save_checkpoint(tmp_path, Checkpoint({"fingerprint": "f", "epoch": epoch}, saved.tensors))
    found = load_checkpoint(tmp_path, "f")
    assert found is not None and found.state["epoch"] == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_while_saving_leaves_the_one_before(
    tmp_path: Path, saved: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path, saved)

    def full(tensors: Any, path: Path, metadata: Any) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="No space left on device"):
        save_checkpoint(tmp_path, Checkpoint({"fingerprint": "g"}, saved.tensors))
    assert load_checkpoint(tmp_path, "f") is not None
    assert len(list(tmp_path.iterdir())) == 1


def _flip(position: int) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[: len(raw) // 2], lambda raw: raw[:-1], lambda raw: b"", lambda raw: b"PK" + raw[2:], lambda raw: raw + b"x",
        lambda raw: raw[:9] + b"}" + raw[10:], lambda raw: raw.replace(b"loss_sum", b"best_sum"), lambda raw: raw.replace(b"net.a", b"net.b"),
        lambda raw: raw.replace(b"[2,3]", b"[3,2]"), _flip(-1), _flip(-500), _flip(-3000),
    ],
)  # fmt: skip
def test_a_damaged_one_is_told_and_not_taken(
    tmp_path: Path, saved: Checkpoint, damage: Callable[[bytes], bytes]
) -> None:
    save_checkpoint(tmp_path, saved)
    file = next(tmp_path.iterdir())
    changed = damage(file.read_bytes())
    assert changed != file.read_bytes()
    file.write_bytes(changed)
    with pytest.warns(
        HeadstartWarning, match=r"^the checkpoint .*training\.safetensors is damaged; training begins anew\.$"
    ):
        assert load_checkpoint(tmp_path, "f") is None


@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(path.parent / "gone"),
    ],
)
def test_what_is_no_file_is_told_and_not_taken(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "training.safetensors")
    with pytest.warns(HeadstartWarning, match="is no regular file; training begins anew"):
        assert load_checkpoint(tmp_path, "f") is None


NET = {"a.weight": torch.zeros(2, 3), "n": torch.tensor(3)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"fingerprint": "g"}, "belongs to another run"),
        ({"fingerprint": None}, "is damaged"),
        ({"progress": None}, "is damaged"),
        ({"progress": {"epoch": 2, "epochs": 3}}, "is damaged"),
        ({"optimizer": 3}, "is damaged"),
        ({"net.a.weight": torch.zeros(3, 2)}, "does not hold this network"),
        ({"net.a.weight": torch.zeros(2, 3, dtype=torch.float64)}, "does not hold this network"),
        ({"net.b": torch.zeros(2)}, "does not hold this network"),
        ({"best.a.weight": torch.zeros(2, 3)}, "does not hold this network"),
        ({"random.cpu": None}, "does not hold this network"),
    ],
)
def test_one_whose_digest_is_right_may_still_be_unfit(
    tmp_path: Path, saved: Checkpoint, change: dict[str, Any], reason: str | None
) -> None:
    state: dict[str, Any] = {**saved.state, "optimizer": {}}
    tensors: dict[str, Any] = {name: value for name, value in saved.tensors.items() if name != "best.a"}
    for name, value in change.items():
        (tensors if "." in name else state)[name] = value
        if value is None:
            del (tensors if "." in name else state)[name]
    save_checkpoint(tmp_path, Checkpoint(state, tensors))
    if reason is None:
        assert load_checkpoint(tmp_path, "f", NET) is not None
        return
    with pytest.warns(HeadstartWarning, match=reason):
        assert load_checkpoint(tmp_path, "f", NET) is None


@pytest.mark.parametrize("metadata", [None, {}, {"state": '{"fingerprint": "f"}'}, {"state": "[" * 100_000}])
def test_one_of_0_1_is_told_and_not_taken(tmp_path: Path, saved: Checkpoint, metadata: Any) -> None:
    checkpoint.save_file(saved.tensors, tmp_path / "training.safetensors", metadata=metadata)
    with pytest.warns(HeadstartWarning, match=r"was written by another version of headstart \(0\.1\.0 or older\)"):
        assert load_checkpoint(tmp_path, "f") is None


def test_one_of_a_newer_version_is_told_and_not_taken(
    tmp_path: Path, saved: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "__version__", "9.9")
        save_checkpoint(tmp_path, saved)
    with pytest.warns(HeadstartWarning, match=r"another version of headstart \(9\.9\)"):
        assert load_checkpoint(tmp_path, "f") is None


def test_none_is_no_matter(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "nowhere", "f") is None
    (tmp_path / "file").touch()
    assert load_checkpoint(tmp_path / "file", "f") is None


class TestFingerprint:
    @pytest.fixture
    def net(self) -> nn.Module:
        return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))

    @pytest.fixture
    def examples(self, make_examples: Callable[..., Examples]) -> Examples:
        return make_examples(6, weights=True)

    def test_same_run_same_fingerprint(self, net: nn.Module, examples: Examples) -> None:
        assert fingerprint(net, examples, None, {"a": 1, "b": [2]}) == fingerprint(
            net, examples, None, {"b": [2], "a": 1}
        )

    def test_every_part_of_a_run_counts(self, net: nn.Module, examples: Examples) -> None:
        assert examples.labels is not None and examples.weights is not None
        variants: list[tuple[Any, Any, Any, Any]] = [
            (net, examples, None, {"a": 1}),
            (net, examples, None, {"a": 2}),
            (net, examples, examples, {"a": 1}),
            (net, examples[::-1], None, {"a": 1}),
            (net, Examples(examples.ids, 1 - examples.labels, examples.weights), None, {"a": 1}),
            (net, Examples(examples.ids, examples.labels, examples.weights * 2), None, {"a": 1}),
            (net, Examples(examples.ids, examples.labels), None, {"a": 1}),
            (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), examples, None, {"a": 1}),
        ]
        assert len({fingerprint(*variant) for variant in variants}) == len(variants)

    def test_statistics_count_too(self, net: Any, examples: Examples) -> None:
        before = fingerprint(net, examples, None, {})
        net[1].num_batches_tracked += 1
        assert fingerprint(net, examples, None, {}) != before

    def test_functions_of_ones_own_count_by_name_and_not_by_address(self, net: nn.Module, examples: Examples) -> None:
        def made() -> Callable[[Tensor], Tensor]:
            def own(values: Tensor) -> Tensor:
                return values

            return own

        for make in (made, lambda: functools.partial(made(), 3), lambda: nn.L1Loss(reduction="none")):
            kept = make()  # alive, so that the second cannot stand at the same address
            first, second = (fingerprint(net, examples, None, {"loss": loss}) for loss in (kept, make()))
            assert first == second
        assert fingerprint(net, examples, None, {"loss": made}) != fingerprint(net, examples, None, {"loss": made()})


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_an_optimizer_goes_on_as_if_it_had_never_stopped(tmp_path: Path, name: str) -> None:
    def start() -> tuple[nn.Module, torch.optim.Optimizer]:
        net = nn.Linear(3, 1)
        with torch.no_grad():
            net.weight.copy_(torch.tensor([[0.1, -0.2, 0.3]]))
            net.bias.zero_()
        kind: Any = OPTIMIZERS[name]
        return net, kind(net.parameters(), lr=0.1, **({"momentum": 0.9} if name in ("sgd", "rmsprop") else {}))

    def step(net: nn.Module, optimizer: torch.optim.Optimizer, n: int) -> None:
        for i in range(n):
            optimizer.zero_grad()
            net(torch.tensor([[1.0, 2.0, i - 0.5]])).pow(2).sum().backward()
            optimizer.step()

    net, optimizer = start()
    step(net, optimizer, 3)
    tensors, plain = flatten_optimizer(optimizer)
    named = {f"optimizer.{key}": value for key, value in tensors.items()}
    save_checkpoint(tmp_path, Checkpoint({"fingerprint": "f", "plain": plain}, named))
    found = load_checkpoint(tmp_path, "f")
    assert found is not None

    resumed, again = start()
    resumed.load_state_dict(net.state_dict())
    restore_optimizer(again, found.part("optimizer"), found.state["plain"])
    step(net, optimizer, 3)
    step(resumed, again, 3)
    np.testing.assert_array_equal(resumed.weight.detach().numpy(), net.weight.detach().numpy())
