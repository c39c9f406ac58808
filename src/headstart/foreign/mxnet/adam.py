"""Adam as MXNet computes it, for going on with a training run that MXNet began."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from headstart.errors import OptionError
from headstart.plain import Json


class MXNetAdam(torch.optim.Optimizer):
    """Adam with MXNet's defaults and arithmetic (``mxnet.optimizer.Adam``, 1.9.1).

    It differs from `torch.optim.Adam` in one place: ``eps`` is added to the root of the running mean of squares
    before that mean is corrected for its start from zero. Early in training, and for parameters with tiny gradients
    (a word that weight decay alone moves), that makes visible steps of another size. Weight decay is added to the
    gradient, for every parameter, biases and normalisation included, as Gluon does.

    Args:
        params: parameters or groups of them.
        lr: step size.
        betas: decay of the running means of gradients and of their squares.
        eps: keeps the division finite.
        weight_decay: how much of the parameter is added to its gradient.
    """

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if lr < 0 or eps < 0 or weight_decay < 0 or not all(0 <= beta < 1 for beta in betas):
            raise OptionError(
                f"lr={lr}, betas={betas}, eps={eps}, weight_decay={weight_decay}: expected numbers from 0 up, betas below 1; "
                "MXNet's own are lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0."
            )
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; return what `closure` gave."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)
        return loss

    def _move(self, parameter: Tensor, group: Json) -> None:
        state = self.state[parameter]
        if not state:
            state.update(step=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["step"] += 1
        first, second = group["betas"]
        gradient = parameter.grad + group["weight_decay"] * parameter
        state["mean"].mul_(first).add_(gradient, alpha=1 - first)
        state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        rate = group["lr"] * math.sqrt(1 - second ** state["step"]) / (1 - first ** state["step"])
        parameter.addcdiv_(state["mean"], state["square"].sqrt().add_(group["eps"]), value=-rate)
