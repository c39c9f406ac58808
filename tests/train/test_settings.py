"""Process-wide settings are put back, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from headstart.kernels.workers import threads
from headstart.train.settings import denormals_flushed, one_torch_thread, random_state_forked


def flushes() -> bool:
    return bool((torch.tensor([1e-40]) * 1.0 == 0).item())


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_denormals_are_flushed_inside_and_as_before_outside(before: bool, fails: bool) -> None:
    torch.set_flush_denormal(before)
    try:
        with pytest.raises(ZeroDivisionError, match="division") if fails else denormals_flushed():
            with denormals_flushed():
                assert flushes()
                if fails:
                    _ = 1 / 0
            assert flushes()
        assert flushes() == before
    finally:
        torch.set_flush_denormal(False)


def test_random_numbers_come_from_the_seed_and_leave_no_trace() -> None:
    before = torch.get_rng_state()
    drawn = []
    for _ in range(2):
        with random_state_forked(7, torch.device("cpu")):
            drawn.append(torch.rand(3))
    assert torch.equal(drawn[0], drawn[1])
    with random_state_forked(8, torch.device("cpu")):
        assert not torch.equal(drawn[0], torch.rand(3))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "options", "inside"),
    [
        ("gru", {}, 1),  # our loops
        ("gru", {"cell": "lstm"}, 1),  # small
        ("tutorial", {}, 1),
        ("tutorial", {"embedding_size": 50_000}, 3),  # which its convolution reads: large
        ("gru", {"cell": "lstm", "dense": (2_000, 2_000)}, 3),
    ],
)
def test_one_thread_of_torch_where_its_work_is_small(
    small_net: Callable[..., Any], name: str, options: dict[str, Any], inside: int
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with one_torch_thread(small_net(name, **options)):
            assert torch.get_num_threads() == inside
        assert torch.get_num_threads() == 3
        with pytest.raises(ZeroDivisionError, match="division"), one_torch_thread(small_net(name, **options)):
            _ = 1 / 0
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_threads_that_were_asked_for_are_left_alone(small_net: Callable[..., Any]) -> None:
    with threads(2), one_torch_thread(small_net("tutorial")):
        assert torch.get_num_threads() == 2
