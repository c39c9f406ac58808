"""A trainer in several processes: which devices they have, what each of them gets, and what comes back."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Protocol

import torch
from torch import nn

from headstart.batches import Examples
from headstart.errors import DataError, OptionError
from headstart.inference import resolve_device
from headstart.text import RaggedIds
from headstart.train.shards import shard_rows
from headstart.train.world import Result, World, run_together


class PartTrainer(Protocol):
    """What trains as one of several processes; see `headstart.train.Trainer`."""

    net: nn.Module
    devices: list[torch.device]
    checkpoint: Path | None

    def fit_part(self, world: World, train: Examples, valid: Examples | None, sample: Examples | None) -> Result:
        """Train, and return progress and weights."""
        ...


class Part(NamedTuple):
    """What one of several processes gets; rows to measure on are the first one's alone."""

    train: Examples
    valid: Examples | None
    sample: Examples | None


def devices_of(device: str | torch.device | Sequence[str | torch.device], workers: int) -> list[torch.device]:
    """Return the device of every process that trains.

    Raises:
        OptionError: a device is not there, or both several devices and several workers came.
    """
    several = device if isinstance(device, Sequence) and not isinstance(device, str) else [device]
    found = [resolve_device(one) for one in several]
    if workers == 1:
        return found
    if len(found) > 1:
        raise OptionError(f"workers is {workers}, and {len(found)} devices came; give one of the two.")
    on = found[0].type
    return [resolve_device("cpu" if on == "cpu" else f"{on}:{number}") for number in range(workers)]


def parted(trainer: PartTrainer, train: Examples, valid: Examples | None, sample: Examples | None) -> list[Part]:
    """Return what each process gets.

    Raises:
        DataError: there are fewer than two rows a process.
    """
    size = len(trainer.devices)
    if len(train) < 2 * size:
        raise DataError(f"{len(train)} rows came for {size} processes; give each two or more, or take fewer processes.")
    first, *others = shard_rows(len(train), size)
    return [Part(train[first], valid, sample), *(Part(train[rows], None, None) for rows in others)]


def fit_together(trainer: PartTrainer, parts: Sequence[Part]) -> Result:
    """Train in one process a part, and return the first one's progress and weights; the trainer stays as it is."""
    sent = copy.copy(trainer)
    sent.net = copy.deepcopy(trainer.net)  # so that the caller's weights stay out of shared memory
    with TemporaryDirectory() as folder:
        sent.checkpoint = trainer.checkpoint or Path(folder)  # where processes that begin again go on from
        return run_together(trainer.devices, _fit_part, [(sent, part) for part in parts])


def _fit_part(world: World, given: tuple[PartTrainer, Part]) -> Result:
    trainer, (train, valid, sample) = given
    rows = RaggedIds.concatenate([train.ids])  # so that many of them stand in a file
    return trainer.fit_part(world, replace(train, ids=rows), valid, sample)
