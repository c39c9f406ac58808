"""Rows through a network that is done learning: logits, or any named outputs, in the order of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from headstart.arrays import Floats
from headstart.batches import Batch, Batches, Examples
from headstart.engines.engine import LOGITS
from headstart.errors import OptionError
from headstart.fields import Field, Ragged
from headstart.layers import Network, adapt, pool

_BATCH_SIZE = 256
_BATCH_TOKENS = 262_144


def resolve_device(device: str | torch.device) -> torch.device:
    """Turn ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` into a device that is there.

    Raises:
        OptionError: if there is no such device on this machine.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise OptionError(f"the device is {device!r}; expected 'auto', 'cpu', 'cuda' or 'cuda:<number>'.") from error
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise OptionError(
            f"the device {device!r} was asked for, and torch sees {torch.cuda.device_count()} CUDA devices; use 'cpu' or 'auto'."
        )
    return found


def on_device(net: Network, device: str | torch.device) -> Network:
    """Return the network with its weights on a device, moved there if need be."""
    # Looking takes a fraction of what `to` does where nothing moves, which counts where texts come one by one.
    there = {weight.device for weight in net.parameters()} == {torch.device(device)}
    return net if there else net.to(device)


def network_logits(
    net: nn.Module, examples: Examples, *, device: str | torch.device = "cpu", batch_size: int = _BATCH_SIZE
) -> Floats:
    """Return the logits of every row, float32 [rows, outputs]."""
    return network_outputs(net, examples, (LOGITS,), device=device, batch_size=batch_size)[LOGITS]


def network_outputs(
    net: nn.Module,
    examples: Examples,
    names: Sequence[str],
    *,
    pooling: str = "mean",
    device: str | torch.device = "cpu",
    batch_size: int = _BATCH_SIZE,
) -> dict[str, Floats]:
    """Return named outputs of every row, all in one pass, each float32 [rows, size].

    The network computes in evaluation mode and is put back into the mode it was in.

    Args:
        net: any network that takes a `Batch`.
        examples: the rows.
        names: stages (or any parts of a module of the user's own); ``""`` is the network's own result.
        pooling: how outputs of every token become one a row: ``"mean"``, ``"max"`` or ``"last"``.
        device: where to compute.
        batch_size: most rows at a time; batches of long texts are smaller.
    """
    net = adapt(net)
    found: dict[str, Floats] = {}
    for batch in _batches(net, examples, batch_size, torch.device(device)):
        outputs = _run(net, batch.tensors(device), names)
        for name, value in outputs.items():
            flat = _pool_rows(value, batch, pooling).float().cpu().numpy()
            if name not in found:
                found[name] = np.empty((len(examples), flat.shape[1]), np.float32)
            found[name][batch.rows] = flat
    if not found:
        one = network_outputs(net, examples.blank_row(), names, pooling=pooling, device=device)
        return {name: value[:0] for name, value in one.items()}
    return found


def token_outputs(net: Network, examples: Examples, name: str, device: torch.device) -> Field:
    """Return what a stage gives of every token, as rows of different lengths; of a stage without tokens, [rows, ...]."""
    lengths, batches = examples.lengths, _batches(net, examples, _BATCH_SIZE, device)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    found: Floats | None = None
    per_token = "tokens" in net.shapes[name]
    for batch in batches:
        value = net.outputs(batch.tensors(device), [name])[name].float().cpu().numpy()
        if found is None:
            shape = (int(ends[-1]), value.shape[-1]) if per_token else (len(examples), *value.shape[1:])
            found = np.zeros(shape, np.float32)
        if not per_token:
            found[batch.rows] = value
            continue
        for i, row in enumerate(batch.rows):
            found[ends[row] : ends[row + 1]] = value[i, : lengths[row]]
    if found is None:
        found = np.zeros((0, *(size for size in net.shapes[name] if isinstance(size, int))), np.float32)
    return Ragged(found, ends) if per_token else found


def _batches(net: Network, examples: Examples, batch_size: int, device: torch.device) -> Iterator[Batch]:
    on_cpu = net.cpu_batch_tokens if device.type == "cpu" else None
    batches = Batches(
        examples,
        batch_size=batch_size,
        order="length",
        equal_lengths=net.sees_padding,
        max_batch_tokens=on_cpu or _BATCH_TOKENS,
    )
    was_training = net.training
    if was_training:
        net.eval()
    try:
        with torch.inference_mode(), _whole_products(device):
            yield from batches
    finally:
        if was_training:
            net.train()


def _whole_products(device: torch.device) -> AbstractContextManager[None]:
    """Keep cuDNN from rounding a recurrent layer's products to ten bits, or a GPU's numbers are not a processor's."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def _run(net: Network, batch: Batch, names: Sequence[str]) -> dict[str, Tensor]:
    if list(names) == [LOGITS]:
        logits: Tensor = net(batch)
        return {LOGITS: logits}
    outputs = net.outputs(batch, [name for name in names if name != LOGITS])
    return {**outputs, LOGITS: net(batch)} if LOGITS in names else outputs


def _pool_rows(value: Tensor, batch: Batch, pooling: str) -> Tensor:
    if value.dim() == 3 and value.shape[1] == max(1, int(batch.lengths.max())):
        return pool(value, torch.from_numpy(batch.lengths).to(value.device), pooling)
    if value.dim() == 4:  # [rows, channels, height, width]
        return value.amax((2, 3)) if pooling == "max" else value.mean((2, 3))
    if value.dim() == 3:
        # A strided layer leaves fewer steps than tokens, as many as the longest row of its batch needs.
        return value.mean(1)
    return value.reshape(len(batch), -1)
