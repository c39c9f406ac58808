"""Where a graph's parameters live in a torch module, and which operation each belongs to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from headstart.errors import ArtifactError
from headstart.nets.mxnet.symbol import Symbol

_TYPES = {
    "float32": torch.float32, "float64": torch.float64, "int64": torch.int64, "int32": torch.int32,
    "int8": torch.int8, "uint8": torch.uint8, "bool": torch.bool,
}  # fmt: skip
_MOST_VALUES = 2**31


class _Names(nn.Module):
    """Holds the parameters whose names share what stands before a dot."""


def add_variable(root: nn.Module, name: str, tensor: Tensor, *, trained: bool) -> str:
    """Register a variable under its MXNet name and return the name that torch knows it by.

    Floating types become float32, so that the network runs in one type. A `torch.nn.Parameter` is shared.
    """
    home, path = _home(root, name)
    if isinstance(tensor, nn.Parameter) and trained:
        home.register_parameter(path[-1], tensor)
        return ".".join(path)
    if tensor.dtype in (torch.float16, torch.bfloat16) or (tensor.dtype == torch.float64 and not _is_double(root)):
        tensor = tensor.to(torch.float32)
    if trained and tensor.is_floating_point():
        home.register_parameter(path[-1], nn.Parameter(tensor))
    else:
        home.register_buffer(path[-1], tensor.detach())
    return ".".join(path)


def _is_double(root: nn.Module) -> bool:
    return any(parameter.dtype == torch.float64 for parameter in root.parameters())


def _home(root: nn.Module, name: str) -> tuple[nn.Module, list[str]]:
    """Return the module that is to hold the variable `name`, made where needed, and the variable's path."""
    *parts, leaf = name.split(".")
    home, path = root, []
    for part in parts:
        free = part or "_"
        while hasattr(home, free) and not isinstance(getattr(home, free), _Names):
            free += "_"
        if not hasattr(home, free):
            home.add_module(free, _Names())
        home = home.get_submodule(free)
        path.append(free)
    return home, [*path, free_name(home, leaf)]


def free_name(home: nn.Module, name: str) -> str:
    """Return `name`, with underscores behind it where torch has that name for something else."""
    name = name.replace(".", "/") or "_"
    while hasattr(home, name):
        name += "_"
    return name


def owners(symbol: Symbol, layers: set[int]) -> dict[int, tuple[str, ...]]:
    """Return, for each node in `layers`, the names of the variables that belong to it.

    A variable belongs to the first node in `layers` that reads it, directly or by way of nodes that are not in
    `layers` because they only rearrange parameters.
    """
    held: dict[int, list[str]] = {}
    taken: set[str] = set()
    for index, node in enumerate(symbol.nodes):
        found = [name for source, _ in node.inputs if source not in layers for name in held.get(source, ())]
        if node.is_variable:
            held[index] = [node.name]
        elif index in layers:
            held[index] = [name for name in dict.fromkeys(found) if name not in taken]
            taken.update(held[index])
        else:
            held[index] = found
    return {index: tuple(names) for index, names in held.items() if index in layers}


def missing_parameters(names: list[str], tensors: Mapping[str, Tensor]) -> ArtifactError:
    """Return the error for parameters that have no values."""
    return ArtifactError(
        f"the parameters {', '.join(names[:8])} of the graph are not in the parameter file, which has "
        f"{', '.join(list(tensors)[:8]) or 'none'}. Give the file that was saved with this graph; "
        "if they are inputs, say what feeds them, e.g. inputs={'data0': 'ids', 'data1': 'lengths'}."
    )


def checked_tensors(saved: object, state: Mapping[str, Tensor] | None) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors that a configuration lists: from `state`, or zeros where it is None.

    Raises:
        ArtifactError: if the list is damaged or does not fit `state`.
    """
    entries = saved if isinstance(saved, dict) else {}
    listed = [entry[0] for entry in entries.values() if isinstance(entry, list) and entry]
    if not entries or (state is not None and sorted(map(str, listed)) != sorted(state)):
        raise ArtifactError(
            "the saved graph's list of tensors is damaged, or is not that of the weights next to it; "
            "copy the model again from where it was saved."
        )
    for name, entry in entries.items():
        torch_name, dtype, *shape = entry if isinstance(entry, list) and len(entry) > 1 else (None, None)
        sizes_fit = all(type(size) is int and 0 <= size < _MOST_VALUES for size in shape) and len(shape) <= 32
        known = isinstance(torch_name, str) and isinstance(dtype, str) and dtype in _TYPES
        if not known or not sizes_fit or math.prod(shape) >= _MOST_VALUES:
            raise ArtifactError(
                f"the saved graph says {entry!r:.100} of the tensor {name!r:.100}; expected a type of "
                f"{', '.join(_TYPES)} and sizes. Copy the model again from where it was saved."
            )
        wanted = _TYPES[str(dtype)]
        value = torch.zeros(shape, dtype=wanted) if state is None else state[str(torch_name)]
        if value.dtype != wanted or list(value.shape) != shape:
            raise ArtifactError(
                f"the tensor {name!r:.100} is {value.dtype} {tuple(value.shape)}, but the saved graph says "
                f"{entry!r:.100}. Its files do not belong together: copy the model again."
            )
        yield name, value
