"""One file that holds a training run between two steps.

A safetensors file with the tensors of network, optimizer, best weights and random state; the rest stands
as JSON in its header, with a digest of all of it. It is replaced in one move, so a run killed while saving still
has the one before. Whatever cannot be gone on from is told in a warning, and training begins anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from headstart import __version__
from headstart.arrays import Array
from headstart.batches import Examples
from headstart.errors import HeadstartWarning, OptionError, OutputError
from headstart.fields import Ragged
from headstart.outputs import atomic_write, failed_writes
from headstart.plain import Facts, Json, Row
from headstart.spill import slices

_FILE = "training.safetensors"


@dataclass
class Progress:
    """Where a run stands between two steps; all of it goes into a checkpoint."""

    phase: int = 0
    phase_epoch: int = 0
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    weight_sum: float = 0.0
    n_tokens: int = 0
    seconds: float = 0.0
    best_score: float | None = None
    best_loss: float = float("inf")
    best_epoch: int = 0
    history: list[Row] = field(default_factory=list)

    def improves(self, score: float, epoch: int, loss: float | None) -> bool:
        """Take an epoch in that is better than the best one so far; of equal scores the lower loss is, where one is given."""
        equal = loss is not None and score == self.best_score and loss < self.best_loss
        if self.best_score is not None and score <= self.best_score and not equal:
            return False
        self.best_score, self.best_epoch = score, epoch
        self.best_loss = self.best_loss if loss is None else loss
        return True


@dataclass(frozen=True)
class Checkpoint:
    """A run between two steps: JSON-able `state` and named `tensors`."""

    state: Json
    tensors: dict[str, Tensor]

    def part(self, name: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin with `name` and a dot, without that beginning."""
        start = name + "."
        return {key[len(start) :]: value for key, value in self.tensors.items() if key.startswith(start)}


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint into `folder`, replacing the one before in a single move."""
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in checkpoint.tensors.items()}
    with failed_writes(folder):
        folder.mkdir(parents=True, exist_ok=True)
    state = json.dumps(checkpoint.state)
    told = {"state": state, "version": __version__, "digest": _digest(state, tensors)}
    with atomic_write(folder / _FILE) as unfinished:
        save_file(tensors, unfinished, metadata=told)


def save_or_warn(folder: Path, checkpoint: Checkpoint, *, warned: bool) -> bool:
    """Write the checkpoint, or say that it cannot be written; return whether that has been said by now.

    Args:
        folder: where it goes.
        checkpoint: the run.
        warned: whether it was said before, and need not be said again.
    """
    try:
        save_checkpoint(folder, checkpoint)
    except (OutputError, OptionError) as error:
        if not warned:
            warnings.warn(
                f"{error} Training goes on; if it is stopped, it begins anew.", HeadstartWarning, stacklevel=4
            )
        return True
    return False


def checkpoint_of(
    fingerprint: str,
    progress: Progress,
    net: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    best: Mapping[str, Tensor],
    random: Mapping[str, Tensor],
) -> Checkpoint:
    """Return a run as it stands between two steps."""
    tensors, plain = flatten_optimizer(optimizer)
    parts = {"net": net.state_dict(), "optimizer": tensors, "best": best, "random": random}
    named = {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}
    return Checkpoint({"fingerprint": fingerprint, "progress": asdict(progress), "optimizer": plain}, named)


def load_checkpoint(
    folder: Path, expected_fingerprint: str, net: Mapping[str, Tensor] | None = None
) -> Checkpoint | None:
    """Return the checkpoint in `folder` if it belongs to the same run, else None; if there is one, with a warning.

    A run is the same when its fingerprint is: same data, options and starting weights.

    Args:
        folder: of the checkpoint.
        expected_fingerprint: of this run.
        net: the network's state, whose names and shapes the checkpoint's must have.
    """
    path = folder / _FILE
    if not os.path.lexists(path):
        return None
    try:
        return _read(path, expected_fingerprint, net)
    except _Unusable as error:
        reason = str(error)
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
    except (SafetensorError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        reason = "is damaged"
    warnings.warn(f"the checkpoint {path} {reason}; training begins anew.", HeadstartWarning, stacklevel=2)
    return None


class _Unusable(Exception):
    """What is wrong with a checkpoint, as the end of a sentence."""


def _read(path: Path, expected_fingerprint: str, net: Mapping[str, Tensor] | None) -> Checkpoint:
    if not path.is_file():  # opening a pipe would wait for ever
        raise _Unusable("is no regular file")
    with safe_open(path, framework="pt") as file:
        told = file.metadata() or {}
        version = told.get("version", "0.1.0 or older")
        if version != __version__ or "digest" not in told:
            raise _Unusable(f"was written by another version of headstart ({version})")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if _digest(told["state"], tensors) != told["digest"]:
        raise _Unusable("is damaged")
    found = Checkpoint(json.loads(told["state"]), tensors)
    if found.state["fingerprint"] != expected_fingerprint:
        raise _Unusable("belongs to another run (other data, options, seed or starting weights)")
    if net is not None:
        _check_parts(found, net)
    return found


def _check_parts(found: Checkpoint, net: Mapping[str, Tensor]) -> None:
    """Raise for what no run of this version can have written, though its digest is right."""
    wanted = {name: (value.shape, value.dtype) for name, value in net.items()}
    stored, best = (
        {name: (value.shape, value.dtype) for name, value in found.part(part).items()} for part in ("net", "best")
    )
    Progress(**found.state["progress"])
    if stored != wanted or best not in ({}, wanted) or "cpu" not in found.part("random"):
        raise _Unusable("does not hold this network")
    dict(found.state["optimizer"])


def _digest(state: str, tensors: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256(state.encode())
    for name, value in sorted(tensors.items()):
        found.update(f"\n{name} {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def fingerprint(net: torch.nn.Module, train: Examples, valid: Examples | None, options: Facts) -> str:
    """Return a digest of all that decides a training run: data, starting weights, options."""
    digest = hashlib.sha256(json.dumps(options, sort_keys=True, default=_named).encode())
    for examples in (train, valid):
        parts = (
            () if examples is None else (examples.ids.values, examples.ids.offsets, examples.labels, examples.weights)
        )
        for part in (*parts, *(() if examples is None else _arrays_of(examples))):
            if part is None:
                digest.update(b"-")
                continue
            plain = np.ascontiguousarray(part)
            for some in slices(plain):
                digest.update(plain[some].view(np.uint8).data)
    for name, value in net.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _arrays_of(examples: Examples) -> Iterator[Array]:
    for value in examples.fields.values():
        yield from (value.values, value.offsets) if isinstance(value, Ragged) else (value,)


def _named(value: object) -> str:
    """Return how Python writes a value, such as a loss of the user's own, without its address in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], Json]:
    """Return an optimizer's per-parameter tensors by ``index.key``, and its plain values likewise."""
    tensors: dict[str, Tensor] = {}
    plain: Json = {}
    for index, values in optimizer.state_dict()["state"].items():
        for key, value in values.items():
            (tensors if isinstance(value, Tensor) else plain)[f"{index}.{key}"] = value
    return tensors, plain


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], plain: Facts) -> None:
    """Put back what `flatten_optimizer` took; the groups stay as they were built."""
    state: dict[int, Json] = {}
    for name, value in {**tensors, **plain}.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def save_weights(net: torch.nn.Module, path: Path) -> None:
    """Write a network's weights to a safetensors file; its folder is made."""
    with failed_writes(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        save_file({name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}, unfinished)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return torch's random state, of `device` too."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: Mapping[str, Tensor]) -> None:
    """Put back what `random_state` gave."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])
