"""What a pattern selects, and what frozen means.

A pattern is a regular expression. It is matched in full against dotted names of stages, modules and
parameters; a parameter is selected when its own name matches or that of any module on the way to it:
``embedding|encoder`` selects both stages whole, ``dense\\d`` every dense block, ``.*\\.bias`` every bias.

Frozen means bit-equal: no gradient, no weight decay, no momentum, and batch normalisation inside uses its
running statistics and does not move them. Dropout inside a frozen stage is off unless asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.hooks import RemovableHandle

from headstart.errors import OptionError, near_names
from headstart.layers import Network
from headstart.plain import Row


def _matches(pattern: re.Pattern[str], name: str) -> bool:
    parts = name.split(".")
    return any(pattern.fullmatch(".".join(parts[: i + 1])) for i in range(len(parts)))


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise OptionError(
            f"the pattern {pattern!r} is no regular expression ({error}); write stage names such as 'embedding|encoder'."
        ) from error


def selected_parameters(net: nn.Module, pattern: str) -> list[str]:
    """Return the names of the parameters and buffers that `pattern` selects, in the network's order.

    Raises:
        OptionError: if the pattern is no regular expression or selects nothing.
    """
    compiled = _compiled(pattern)
    names = [name for name, _ in (*net.named_parameters(), *net.named_buffers())]
    # In an imported graph a parameter's name does not lead to its stage: there it lists the stages.
    stages_of = net.aliases if isinstance(net, Network) else {}
    selected = [
        name
        for name in names
        if _matches(compiled, name) or any(compiled.fullmatch(stage) for stage in stages_of.get(name, ()))
    ]
    if not selected:
        known = dict.fromkeys(name for name, _ in net.named_modules() if name)
        near = near_names(pattern, [*known, *names]) or list(known)[:8]
        raise OptionError(
            f"the pattern {pattern!r} matches no stage or parameter, so nothing would be frozen; "
            f"near names are {', '.join(near)}. A pattern must match a whole name, e.g. 'embedding|encoder' or 'dense.*'."
        )
    return selected


class Freeze:
    """Holds part of a network still until `release`.

    Args:
        net: the network; changed in place.
        pattern: what to freeze.
        dropout: keep dropout inside frozen modules on in training.

    Raises:
        OptionError: if the pattern selects nothing.
    """

    def __init__(self, net: nn.Module, pattern: str, *, dropout: bool = False) -> None:
        self.names = frozenset(selected_parameters(net, pattern))
        self._parameters = [p for name, p in net.named_parameters() if name in self.names and p.requires_grad]
        for parameter in self._parameters:
            parameter.requires_grad_(False)
            parameter.grad = None
        # A hook and not one call of eval(): whoever calls net.train() afterwards, the trainer of somebody
        # else included, must not set batch normalisation going again.
        self._handles: list[RemovableHandle] = [
            module.register_forward_pre_hook(_stay_in_eval) for module in _frozen_modules(net, pattern, dropout)
        ]

    def release(self) -> None:
        """Let everything move again."""
        for parameter in self._parameters:
            parameter.requires_grad_(True)
        for handle in self._handles:
            handle.remove()


def _stay_in_eval(module: nn.Module, _inputs: object) -> None:
    module.training = False


def _frozen_modules(net: nn.Module, pattern: str, dropout: bool) -> Iterator[nn.Module]:
    compiled = _compiled(pattern)
    for name, module in net.named_modules():
        inside = bool(name) and _matches(compiled, name)
        keeps_statistics = isinstance(module, _NormBase) and any(
            _matches(compiled, f"{name}.{part}" if name else part) for part, _ in module.named_buffers()
        )
        if keeps_statistics or (inside and not dropout):
            yield module


def trainable_table(net: nn.Module) -> list[Row]:
    """Return one row a parameter: name, shape, number of values, whether it is trained."""
    return [
        {"parameter": name, "shape": tuple(p.shape), "size": p.numel(), "trainable": p.requires_grad}
        for name, p in net.named_parameters()
    ]
