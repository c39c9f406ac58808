"""Training on several devices: torch's own data parallelism, one process a device.

Every process takes its share of each batch, and gradients are averaged over all rows of the batch, so that
two devices follow the path of one (batch normalisation aside: a process sees its own rows). The first
process measures, saves and calls events; the others follow what it found.
"""

from __future__ import annotations

import copy
import json
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessRaisedException, start_processes
from torch.nn.parallel import DistributedDataParallel

from headstart.batches import Examples
from headstart.children import safely_spawned
from headstart.errors import HeadstartError
from headstart.plain import Json


class Parallel(Protocol):
    """What trains a network on several devices."""

    net: nn.Module
    devices: list[torch.device]

    def fit_as(self, rank: int, train: Examples, valid: Examples | None) -> Json:
        """Train as process `rank`, and return the progress."""
        ...


def fit_on_devices(trainer: Parallel, train: Examples, valid: Examples | None) -> Json:
    """Train in one process a device and bring weights and progress back into `trainer`.

    What the processes need (the network, events, a loss of the user's own) is sent to them, so it must be
    importable: a function defined in a notebook cell is not.

    Returns:
        The progress of the first process, as `Trainer` keeps it.

    Raises:
        HeadstartError: if a process fails; its own error is quoted.
    """
    with tempfile.TemporaryDirectory() as folder, _kept(trainer):
        meeting = f"tcp://127.0.0.1:{_free_port()}"
        arguments = (trainer, train, valid, meeting, folder)
        try:
            with safely_spawned():
                processes = start_processes(  # type: ignore[no-untyped-call]
                    _work, args=arguments, nprocs=len(trainer.devices), join=False, start_method="spawn"
                )
            while not processes.join():
                pass
        except ProcessRaisedException as error:
            last = str(error).strip().splitlines()[-1]
            raise HeadstartError(
                f"training on {len(trainer.devices)} devices failed: {last}. Try one device first."
            ) from error
        weights = load_file(Path(folder) / "net.safetensors")
        progress: Json = json.loads((Path(folder) / "progress.json").read_text())
    trainer.net.load_state_dict(weights)
    return progress


def wrapped(net: nn.Module, world_size: int) -> nn.Module:
    """Return `net` ready to average its gradients over all processes."""
    moves = any(parameter.requires_grad for parameter in net.parameters())
    return DistributedDataParallel(net) if world_size > 1 and moves else net


def summed(value: float, world_size: int) -> float:
    """Return the sum of every process's value."""
    if world_size == 1:
        return value
    total = torch.tensor([value], dtype=torch.float64)
    dist.all_reduce(total)
    return float(total.item())


def shared(value: object, world_size: int) -> Any:
    """Return the first process's value in every process."""
    if world_size == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def _work(rank: int, trainer: Parallel, train: Examples, valid: Examples | None, meeting: str, folder: str) -> None:
    # torch hands tensors to a child in shared memory: without a copy all would step on one set of weights.
    trainer.net = copy.deepcopy(trainer.net)
    cuda = trainer.devices[rank].type == "cuda"
    if cuda:
        torch.cuda.set_device(trainer.devices[rank])
    # gloo next to nccl: numbers and rows are exchanged on the CPU.
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if cuda else "gloo", init_method=meeting, rank=rank, world_size=len(trainer.devices)
    )
    try:
        progress = trainer.fit_as(rank, train, valid)
        if rank == 0:
            weights: dict[str, Tensor] = {
                name: v.detach().cpu().contiguous() for name, v in trainer.net.state_dict().items()
            }
            save_file(weights, Path(folder) / "net.safetensors")
            (Path(folder) / "progress.json").write_text(json.dumps(progress))
    finally:
        dist.destroy_process_group()


@contextmanager
def _kept(trainer: Parallel) -> Iterator[None]:
    """Send a copy of the network, so that the caller's weights stay out of shared memory."""
    net, trainer.net = trainer.net, copy.deepcopy(trainer.net)
    try:
        yield
    finally:
        trainer.net = net


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
