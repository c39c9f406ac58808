"""Lazy Adam against torch's dense one, gradient for gradient."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from headstart.layers import TokenEmbedding
from headstart.layers.indexed_vectors import expand
from headstart.optim import LazyAdam, LazyAdamW, clip_gradients

KINDS = {"adam": (LazyAdam, torch.optim.Adam), "adamw": (LazyAdamW, torch.optim.AdamW)}


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


class Pair:
    """The same embedding and dense layer twice: one trained lazily, one by torch."""

    def __init__(self, kind: str, **options: Any) -> None:
        lazy, dense = KINDS[kind]
        self.nets = [nn.ModuleDict({"words": TokenEmbedding(300, 20), "out": nn.Linear(20, 1)}) for _ in range(2)]
        self.nets[1].load_state_dict(self.nets[0].state_dict())
        self.lazy = lazy(self.nets[0].parameters(), embeddings=[self.nets[0]["words"]], **options)
        self.dense = dense(self.nets[1].parameters(), **options)

    def step(self, ids: Tensor, *, clip: float | None = None, rate: float | None = None) -> None:
        """Give both the same gradient, which does not depend on the weights."""
        coefficients = torch.randn(*ids.shape, 20)
        for net, optimizer in zip(self.nets, (self.lazy, self.dense), strict=True):
            optimizer.zero_grad()
            loss = (expand(net["words"](ids)) * coefficients).sum() + net["out"].weight.sum()
            loss.backward()
            if clip is not None:
                clip_gradients(net.parameters(), clip)
            for group in optimizer.param_groups:
                group["lr"] = group["lr"] if rate is None else rate
            optimizer.step()

    def assert_equal(self) -> None:
        mine, theirs = (net.state_dict() for net in self.nets)
        for name, value in mine.items():
            torch.testing.assert_close(value, theirs[name], rtol=5e-6, atol=2e-6)
        mine, theirs = self.lazy.state_dict()["state"], self.dense.state_dict()["state"]
        for number, state in mine.items():
            assert state.keys() == theirs[number].keys()
            for name, value in state.items():
                torch.testing.assert_close(value, theirs[number][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_the_result_is_dense_adams(kind: str, weight_decay: float) -> None:
    pair = Pair(kind, lr=1e-2, weight_decay=weight_decay)
    for number in range(200):
        pair.step(torch.randint(0, 300, (2, 4)), rate=1e-2 * (1 - number / 200), clip=3.0)
    pair.assert_equal()
    assert pair.nets[0]["words"].weight.grad.is_sparse


@pytest.mark.parametrize("change", [{"betas": (0.8, 0.95)}, {"eps": 1e-3}, {"weight_decay": 0.1}])
def test_options_may_change_on_the_way(change: dict[str, Any]) -> None:
    pair = Pair("adam", lr=1e-2)
    for number in range(60):
        if number == 30:
            for optimizer in (pair.lazy, pair.dense):
                optimizer.param_groups[0].update(change)
        pair.step(torch.randint(0, 300, (2, 4)))
    pair.assert_equal()


def test_settling_at_any_time_changes_no_bit() -> None:
    pairs = [Pair("adam", lr=1e-2) for _ in range(2)]
    pairs[1].nets[0].load_state_dict(pairs[0].nets[0].state_dict())
    for number in range(200):
        ids, state = torch.randint(0, 300, (2, 4)), torch.random.get_rng_state()
        for pair in pairs:
            torch.random.set_rng_state(state)
            pair.step(ids)
        if number % 7 == 3:
            pairs[1].lazy.catch_up()
    for one, other in zip(*(pair.nets[0].state_dict().values() for pair in pairs), strict=True):
        assert torch.equal(one, other)


def test_a_word_read_twice_in_a_step_counts_twice() -> None:
    pair, norms = Pair("adam", lr=1e-2), []
    for net, optimizer in zip(pair.nets, (pair.lazy, pair.dense), strict=True):
        ids = torch.tensor([[3, 4, 3]])
        (expand(net["words"](ids)).sum() + expand(net["words"](ids[:, :2])).square().sum()).backward()
        norms.append(clip_gradients(net.parameters(), 1.0))
        optimizer.step()
    pair.assert_equal()
    assert norms[0] == pytest.approx(norms[1])


def test_a_dense_gradient_is_taken_too() -> None:
    pair = Pair("adam", lr=1e-2)
    for number in range(20):
        pair.step(torch.randint(0, 300, (2, 4)))
        if number == 10:
            for net, optimizer in zip(pair.nets, (pair.lazy, pair.dense), strict=True):
                optimizer.zero_grad()
                net["words"].catch_up()
                net["words"].weight.sum().backward()
                optimizer.step()
    pair.assert_equal()


def test_state_loads_into_torch_and_back() -> None:
    pair = Pair("adam", lr=1e-2)
    for _ in range(10):
        pair.step(torch.randint(0, 300, (2, 4)))
    pair.dense.load_state_dict(copy.deepcopy(pair.lazy.state_dict()))  # torch would share the tensors
    pair.lazy.load_state_dict(copy.deepcopy(pair.dense.state_dict()))
    for _ in range(10):
        pair.step(torch.randint(0, 300, (2, 4)))
    pair.assert_equal()


def test_closing_leaves_an_ordinary_embedding() -> None:
    pair = Pair("adam", lr=1e-2)
    for _ in range(5):
        pair.step(torch.randint(0, 300, (2, 4)))
    pair.lazy.close()
    torch.testing.assert_close(pair.nets[0]["words"].weight, pair.nets[1]["words"].weight, rtol=0, atol=1e-6)
    pair.nets[0]["words"](torch.tensor([[1]])).table.sum().backward()
    assert not pair.nets[0]["words"].weight.grad.is_sparse


def test_a_closure_is_called_with_gradients_on() -> None:
    pair = Pair("adam", lr=1e-2)

    def closure() -> Tensor:
        pair.lazy.zero_grad()
        loss = expand(pair.nets[0]["words"](torch.tensor([[5]]))).sum()
        loss.backward()
        return loss

    before = pair.nets[0]["words"].weight[5].clone()
    assert pair.lazy.step(closure).item() == pytest.approx(before.sum().item(), rel=1e-5)
    torch.testing.assert_close(pair.nets[0]["words"].weight[5], before - 1e-2)


@pytest.mark.parametrize("longest", [0.1, 1.0, 1e6])
def test_clipping_is_torchs(longest: float) -> None:
    net = nn.Linear(30, 20)
    net(torch.randn(4, 30)).square().sum().backward()
    expected = [parameter.grad.clone() for parameter in net.parameters()]
    twin = nn.Linear(30, 20)
    for parameter, gradient in zip(twin.parameters(), expected, strict=True):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(twin.parameters(), longest)
    assert clip_gradients(net.parameters(), longest) == pytest.approx(norm.item())
    for mine, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_clipping_without_gradients_does_nothing() -> None:
    assert clip_gradients(nn.Linear(2, 2).parameters(), 1.0) == 0.0
