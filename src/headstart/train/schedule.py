"""How long, how fast, and what moves: phases, learning rates, optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from headstart.errors import OptionError, unknown_name
from headstart.freezing import selected_parameters
from headstart.layers import TokenEmbedding
from headstart.optim import LazyAdam, LazyAdamW
from headstart.options import check_least, check_types
from headstart.plain import Facts, Json

Schedule = Callable[[float], float]
"""Takes the share of the phase that is done, from 0 to 1; gives a factor on the learning rate."""


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one learning rate and one set of moving parts.

    Attributes:
        epochs: passes over the training rows.
        learning_rate: top learning rate; None takes the trainer's.
        freeze: pattern of what stands still (see `headstart.freezing`); None moves all.
        rates: pattern -> factor on the learning rate for what it selects; the first match counts.
        frozen_dropout: keep dropout inside the frozen parts on.
    """

    epochs: int
    learning_rate: float | None = None
    freeze: str | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    frozen_dropout: bool = False

    def __post_init__(self) -> None:
        check_types(Phase, vars(self))
        check_least(vars(self), {"epochs": 0, "learning_rate": 0})


def check_trained(net: object, phases: object) -> None:
    """Refuse what other libraries' trainers take, with what to write here.

    Raises:
        OptionError: if `net` is no module, or one of `phases` no `Phase`.
    """
    if not isinstance(net, nn.Module):
        raise OptionError(
            f"Trainer takes the network itself, and a {type(net).__name__} came; "
            "write Trainer(net, optimizer='adam', learning_rate=0.01)."
        )
    wrong = [one for one in phases if not isinstance(one, Phase)] if isinstance(phases, list | tuple) else []
    if wrong:
        raise OptionError(
            f"phases holds {wrong[0]!r}; expected a Phase, as in phases=[Phase(2, learning_rate=0.01)], or a number of epochs."
        )


def _constant(_done: float) -> float:
    return 1.0


def _linear(done: float) -> float:
    return 1.0 - done


def _cosine(done: float) -> float:
    return 0.5 * (1 + torch.cos(torch.tensor(torch.pi * done)).item())


def _one_cycle(done: float) -> float:
    """Rise over the first fifth, then fall: Smith and Topin, "Super-Convergence", arXiv:1708.07120."""
    return max(0.04, done / 0.2) if done < 0.2 else (1.0 - done) / 0.8


def _warm_up(done: float) -> float:
    """Rise over the first tenth, then fall along a line: as BERT was trained and is tuned."""
    return max(0.01, done / 0.1) if done < 0.1 else (1.0 - done) / 0.9


def _step(done: float) -> float:
    """Fall to a tenth for the last sixth, as the tutorial did: five epochs at .01, one at .001."""
    return 1.0 if done < 5 / 6 - 1e-9 else 0.1


SCHEDULES: dict[str, Schedule] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "one-cycle": _one_cycle,
    "step": _step,
    "warm-up": _warm_up,
}

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "sgd": torch.optim.SGD,
}

_LAZY: dict[str, type[LazyAdam] | type[LazyAdamW]] = {"adam": LazyAdam, "adamw": LazyAdamW}
_NOT_LAZY = ("amsgrad", "maximize", "differentiable", "capturable", "foreach")
_FUSED = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad)

Optimizer = str | Callable[[Iterable[Json]], torch.optim.Optimizer]


def schedule_function(schedule: str | Schedule) -> Schedule:
    """Return a schedule by name, or the user's own function of the share done."""
    if callable(schedule):
        return schedule
    if schedule not in SCHEDULES:
        raise unknown_name("learning-rate schedule", schedule, SCHEDULES)
    return SCHEDULES[schedule]


def make_optimizer(
    optimizer: Optimizer,
    net: nn.Module,
    *,
    learning_rate: float,
    weight_decay: float,
    rates: Mapping[str, float],
    options: Facts,
    lazy: bool = False,
) -> torch.optim.Optimizer:
    """Build the optimizer over what may move, one group a factor in `rates`.

    Each group remembers its top rate as ``base_rate``, which the schedule multiplies. With `lazy`, Adam
    puts off the steps of word vectors that a batch does not use (see `headstart.optim`); close it after use.
    """
    groups = [
        {"params": parameters, "lr": learning_rate * factor, "base_rate": learning_rate * factor}
        for factor, parameters in _by_rate(net, rates).items()
    ]
    if not groups:
        raise OptionError("every parameter is frozen, so there is nothing to train; freeze less, e.g. 'embedding'.")
    if callable(optimizer):
        return optimizer(groups)
    if optimizer not in OPTIMIZERS:
        raise unknown_name("optimizer", optimizer, OPTIMIZERS)
    kind = OPTIMIZERS[optimizer]
    fused = {"fused": True} if issubclass(kind, _FUSED) else {}
    embeddings = [module for module in net.modules() if isinstance(module, TokenEmbedding)]
    build: Any = kind  # torch's base class does not name the options that its kinds share
    if lazy and embeddings and optimizer in _LAZY and not any(options.get(name) for name in _NOT_LAZY):
        build = partial(_LAZY[optimizer], embeddings=embeddings)
    try:
        made: torch.optim.Optimizer = build(groups, lr=learning_rate, weight_decay=weight_decay, **{**fused, **options})
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"the optimizer {optimizer!r} refuses learning_rate={learning_rate}, weight_decay={weight_decay}, "
            f"{dict(options)}: {error}. See torch.optim.{kind.__name__} for what it takes."
        ) from error
    return made


def _by_rate(net: nn.Module, rates: Mapping[str, float]) -> dict[float, list[nn.Parameter]]:
    factor_of: dict[str, float] = {}
    for pattern, factor in rates.items():
        for name in selected_parameters(net, pattern):
            factor_of.setdefault(name, float(factor))
    grouped: dict[float, list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            grouped.setdefault(factor_of.get(name, 1.0), []).append(parameter)
    return grouped
