"""Process-wide settings are put back, whatever happens."""

from __future__ import annotations

import pytest
import torch

from headstart.train.settings import denormals_flushed, random_state_forked


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
