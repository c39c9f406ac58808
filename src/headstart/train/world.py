"""Training in several processes: who takes part, and what they tell each other.

A `World` is what a process knows of the others. Alone there are none. `run_together` starts one process a device on this machine.
Torch's process group stands when they begin, each has its own part of the rows, and gradients are averaged over all.

A process that is killed takes the others with it, and all begin again, from the last checkpoint.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.multiprocessing import _prctl_pr_set_pdeathsig  # type: ignore[attr-defined]
from torch.nn.parallel import DistributedDataParallel

from headstart import errors
from headstart.children import safely_spawned
from headstart.errors import HeadstartError, HeadstartWarning
from headstart.kernels.workers import n_cores, threads
from headstart.plain import Json

Part = TypeVar("Part")
Shared = TypeVar("Shared")
_SPAWNING, _TRIES = multiprocessing.get_context("spawn"), 4
_WEIGHTS, _PROGRESS = "net.safetensors", "progress.json"
_GRACE = 3.0
"""Seconds in which a process that lost a peer may report before it is known which of them was killed."""


@dataclass(frozen=True)
class World:
    """The processes that train one network.

    Attributes:
        rank: which of them this is; the first measures, saves and calls events.
        size: how many they are.
        device: of this process.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - it cannot change

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1

    @classmethod
    def joined(cls, device: torch.device) -> World:
        """Return the world of a process whose process group stands."""
        return cls(dist.get_rank(), dist.get_world_size(), device)

    def sum(self, value: float) -> float:
        """Return the sum of every process's value."""
        if self.alone:
            return value
        total = torch.tensor([value], dtype=torch.float64)
        dist.all_reduce(total)
        return float(total.item())

    def share(self, value: Shared) -> Shared:
        """Return the first process's value in every process."""
        if self.alone:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def wrap(self, net: nn.Module) -> nn.Module:
        """Return `net` ready to average its gradients over all processes."""
        moves = any(parameter.requires_grad for parameter in net.parameters())
        return DistributedDataParallel(net) if self.size > 1 and moves else net


Result = tuple[Json, dict[str, Tensor]]
Work = Callable[[World, Part], Result]
"""What a process does with its part; what the first one returns is the result."""


def run_together(devices: Sequence[torch.device], work: Work[Part], parts: Sequence[Part]) -> Result:
    """Do `work` on each of `parts` in a process of its own, one a device, and return the first one's result.

    What the processes need (a network, events, a loss of the user's own) is sent to them, so it must be importable: a function
    defined in a notebook cell is not.

    Raises:
        HeadstartError: a process fails, with its own sentence, or processes are killed again and again.
    """
    for _ in range(_TRIES):
        with tempfile.TemporaryDirectory() as folder:
            try:
                _run_once(devices, work, parts, Path(folder))
            except _Killed as error:
                warnings.warn(f"{error}; all begin again from the last checkpoint.", HeadstartWarning, stacklevel=2)
                continue
            return json.loads((Path(folder) / _PROGRESS).read_text()), load_file(Path(folder) / _WEIGHTS)
    raise HeadstartError(
        f"training in {len(devices)} processes was killed {_TRIES} times; the system may be out of memory. Try fewer."
    )


class _Killed(Exception):
    """A process ended by a signal."""


def _run_once(devices: Sequence[torch.device], work: Work[Part], parts: Sequence[Part], folder: Path) -> None:
    meeting = f"tcp://127.0.0.1:{_free_port()}"
    processes: list[BaseProcess] = []
    try:
        with safely_spawned(), threads(max(1, n_cores() // len(devices))):
            for rank, part in enumerate(parts):
                arguments = (rank, devices, meeting, folder, work, part)
                processes.append(_SPAWNING.Process(target=_enter, args=arguments, daemon=True))
                processes[-1].start()
        running = list(processes)
        while running:
            wait([process.sentinel for process in running])
            if any(process.exitcode for process in processes):
                raise _reason(processes, folder)
            running = [process for process in running if process.exitcode is None]
    finally:
        for process in processes:
            process.kill()
            process.join()


def _reason(processes: Sequence[BaseProcess], folder: Path) -> Exception:
    """Return why processes ended: one was killed, or one failed and the others lost it."""
    until = time.monotonic() + _GRACE
    while time.monotonic() < until and any(process.exitcode is None for process in processes):
        time.sleep(0.05)
    for rank, process in enumerate(processes):
        if process.exitcode is not None and process.exitcode < 0:
            name = signal.Signals(-process.exitcode).name
            return _Killed(f"training process {rank + 1} of {len(processes)} was ended by {name}")
    first = min(folder.glob("error-*"), key=lambda path: path.stat().st_mtime_ns, default=None)
    if first is None:
        return HeadstartError(f"a training process of {len(processes)} ended without a word. Try one device first.")
    kind, _, sentence = first.read_text(encoding="utf-8").partition("\n")
    own = getattr(errors, kind, None)
    if own is not None:
        return own(sentence)  # type: ignore[no-any-return]
    return HeadstartError(f"training in {len(processes)} processes failed: {kind}: {sentence}. Try one device first.")


def _enter(
    rank: int, devices: Sequence[torch.device], meeting: str, folder: Path, work: Work[Part], part: Part
) -> None:
    _prctl_pr_set_pdeathsig(signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    device = devices[rank]
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        # gloo next to nccl: numbers and rows are exchanged on the CPU.
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(
            backend, init_method=meeting, rank=rank, world_size=len(devices), timeout=timedelta(days=1)
        )
        progress, weights = work(World.joined(device), part)
        if rank == 0:
            save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, folder / _WEIGHTS)
            (folder / _PROGRESS).write_text(json.dumps(progress))
        dist.destroy_process_group()
    except Exception as error:
        lines = str(error).strip().splitlines()
        (folder / f"error-{rank}").write_text(f"{type(error).__name__}\n{lines[-1] if lines else ''}", encoding="utf-8")
        os._exit(1)  # what torch waits for at an orderly end will not come


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
