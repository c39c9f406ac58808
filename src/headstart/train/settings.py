"""Process-wide settings that training changes, and puts back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from headstart.kernels.workers import wanted_threads
from headstart.layers.stack import RecurrentStack

_SMALL = 1_000_000  # parameters next to tables that are looked up in: some 10 to 100 microseconds a text


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
def one_torch_thread(net: nn.Module) -> Iterator[None]:
    """Let torch use one thread in this block where its work is too small to share out.

    That is so if compiled loops, which have threads of their own, do most of it, and if the network is small: torch's
    workers spin between calls that take microseconds, and where another process wants the processors each call waits
    until the last worker had its turn. A number of threads that the user asked for is left alone.
    """
    before = torch.get_num_threads()
    wanted = wanted_threads()
    own = wanted is None and _is_small(net)
    if own:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if own:
            torch.set_num_threads(before)


def _is_small(net: nn.Module) -> bool:
    if any(isinstance(m, RecurrentStack) and m.path(next(m.parameters())) == "compiled" for m in net.modules()):
        return True
    tables = {id(m.weight) for m in net.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)}
    return sum(p.numel() for p in net.parameters() if id(p) not in tables) < _SMALL


@contextmanager
def random_state_forked(seed: int, device: torch.device) -> Iterator[None]:
    """Draw from `seed` in this block and leave torch's own random state as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
