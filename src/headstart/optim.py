"""Adam that touches only the word vectors a batch has used, with dense Adam's result.

Of 30,000 word vectors a batch uses some 3,000, but `torch.optim.Adam` moves all of them in every
step, which costs a good part of a small network's step. `LazyAdam` lets the others wait: a vector
makes up for the steps it has missed when it is next read. The result is `torch.optim.Adam`'s
(`LazyAdamW`: `torch.optim.AdamW`'s) to float32 rounding, weight decay and changing rates included.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headstart.arrays import Floats, Places
from headstart.kernels import workers
from headstart.kernels.adam import Matrix, Schedule, Span, advance
from headstart.layers.embedding import TokenEmbedding, distinct_words
from headstart.layers.indexed_vectors import obstacle
from headstart.plain import Facts, Json

_MOST_STEPS = 1000  # steps to remember; then all rows catch up
_LEAST_ROWS = 4096  # fewer rows than this are done before another thread has woken up


class _Pending:
    """The steps that one embedding's rows have made, and those they still owe."""

    def __init__(self, embedding: TokenEmbedding, state: Json, decoupled: bool) -> None:
        self.embedding = embedding
        self.state = state
        self.decoupled = decoupled
        self.done = np.zeros(embedding.n_words, np.int64)
        self.forget()

    def forget(self) -> None:
        """Take it that every row has made every step so far."""
        self.base = int(self.state["step"]) if "step" in self.state else 0
        self.done[:] = self.base
        self.constants: tuple[float, ...] = ()
        self.rate: list[float] = []
        self.scale: list[float] = []
        self.decay: list[float] = []

    def begin_step(self, group: Facts) -> None:
        """Write down one more step, made with the options of ``group``."""
        beta_1, beta_2 = group["betas"]
        lr, weight_decay = float(group["lr"]), group["weight_decay"]
        penalty = 0.0 if self.decoupled else weight_decay
        constants = (beta_1, beta_2, 1.0 - beta_1, 1.0 - beta_2, group["eps"], penalty)
        if constants != self.constants or len(self.rate) >= _MOST_STEPS:
            self.catch_up()
            self.constants = constants
        number = self.base + len(self.rate) + 1
        self.rate.append(lr / (1.0 - beta_1**number))
        self.scale.append(1.0 / math.sqrt(1.0 - beta_2**number))
        self.decay.append(1.0 - lr * weight_decay if self.decoupled else 1.0)

    def catch_up(self, words: Places | None = None) -> None:
        """Make the steps that ``words`` (None: all rows) still owe."""
        until = self.base + len(self.rate)
        if until > self.base:
            rows = np.flatnonzero(self.done < until) if words is None else words
            self._advance(rows, until, None)
            if words is None:
                self.forget()

    def learn(self, rows: Places, gradients: Floats) -> None:
        """Make the step just begun on ``rows``, each once, whose gradients are ``gradients`` [len(rows), size]."""
        self._advance(rows, self.base + len(self.rate) - 1, gradients)

    def _advance(self, rows: Places, until: int, gradients: Floats | None) -> None:
        tensors = (self.embedding.weight, self.state["exp_avg"], self.state["exp_avg_sq"])
        flat = [tensor.detach().numpy().reshape(-1) for tensor in tensors]
        matrix = Matrix(flat[0], flat[1], flat[2], self.done, self.embedding.size)
        steps = [np.array(values, np.float32) for values in (self.rate, self.scale, self.decay)]
        constants = [np.float32(value) for value in self.constants]
        schedule = Schedule(*constants, self.base, *steps)  # type: ignore[arg-type,call-arg]
        given = np.empty(0, np.float32) if gradients is None else gradients.reshape(-1)
        workers.run(
            [
                partial(advance, matrix, schedule, Span(rows, cut.start, cut.stop), until, given, gradients is not None)
                for cut in workers.shares(len(rows), workers.n_threads(), _LEAST_ROWS)
            ]
        )


class _Lazy(torch.optim.Optimizer):
    """What makes an Adam lazy: see `LazyAdam`."""

    _decoupled = False

    def _watch(self, embeddings: Iterable[TokenEmbedding]) -> None:
        known = {parameter for group in self.param_groups for parameter in group["params"]}
        self._pending: dict[Tensor, _Pending] = {}
        for embedding in embeddings:
            if embedding.weight in known and obstacle(embedding.weight) is None and embedding.weight.is_contiguous():
                self._pending[embedding.weight] = _Pending(embedding, self.state[embedding.weight], self._decoupled)
                embedding.postpone(self._pending[embedding.weight].catch_up)

    def catch_up(self) -> None:
        """Make every step that word vectors still owe; reading a network's state does so by itself."""
        for pending in self._pending.values():
            pending.catch_up()

    def close(self) -> None:
        """CatchUp, and leave the embeddings to whatever trains them next."""
        self.catch_up()
        for pending in self._pending.values():
            pending.embedding.postpone(None)
        self._pending = {}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step; word vectors without a gradient put theirs off."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        lazy = [(group, self._pending[p]) for group in self.param_groups for p in group["params"] if p in self._pending]
        sparse = [(group, pending) for group, pending in lazy if _is_sparse(pending.embedding.weight.grad)]
        dense = [
            pending
            for _, pending in lazy
            if pending.embedding.weight.grad is not None and not _is_sparse(pending.embedding.weight.grad)
        ]
        for pending in dense:
            pending.catch_up()
        with _set_aside([pending.embedding.weight for _, pending in sparse]) as gradients:
            super().step()
        for (group, pending), gradient in zip(sparse, gradients, strict=True):
            self._step_rows(pending, group, gradient)
        for pending in dense:
            pending.forget()
        return loss

    def _step_rows(self, pending: _Pending, group: Facts, gradient: Tensor) -> None:
        if not pending.state:
            zeros = torch.zeros_like(pending.embedding.weight)
            pending.state.update(step=torch.tensor(0.0), exp_avg=zeros, exp_avg_sq=zeros.clone())
        pending.begin_step(group)
        pending.learn(gradient._indices()[0].numpy(), gradient._values().numpy())
        pending.state["step"] += 1.0

    def state_dict(self) -> Json:
        """Return the state in `torch.optim.Adam`'s form, with no step pending."""
        self.catch_up()
        return super().state_dict()

    def load_state_dict(self, state_dict: Json) -> None:
        """Take up a state of this class or of the torch class that it stands for."""
        self.catch_up()
        super().load_state_dict(state_dict)
        for parameter, pending in self._pending.items():
            pending.state = self.state[parameter]
            pending.forget()


class LazyAdam(_Lazy, torch.optim.Adam):
    """`torch.optim.Adam` whose word vectors wait for their steps until they are read.

    Args:
        params: parameters or groups of them, as for `torch.optim.Adam`.
        embeddings: layers whose weight, where it is among the parameters, is treated so. They give
            sparse gradients until `close`: clip those with `clip_gradients`.
        options: options of `torch.optim.Adam`, except ``amsgrad``, ``maximize`` and ``differentiable``.

    The vectors in ``embedding.weight`` are current for any row that the layer has just read, and after
    ``embedding.state_dict()``, copying, loading or moving the network, `catch_up` and `close`; other
    readers of the weight call ``embedding.catch_up()`` first.
    """

    def __init__(self, params: Any, *, embeddings: Iterable[TokenEmbedding], **options: Any) -> None:
        super().__init__(params, **options)
        self._watch(embeddings)


class LazyAdamW(_Lazy, torch.optim.AdamW):
    """`torch.optim.AdamW` whose word vectors wait for their steps until they are read; see `LazyAdam`."""

    _decoupled = True

    def __init__(self, params: Any, *, embeddings: Iterable[TokenEmbedding], **options: Any) -> None:
        super().__init__(params, **options)
        self._watch(embeddings)


def clip_gradients(parameters: Iterable[nn.Parameter], longest: float) -> float:
    """Scale all gradients down together so that their common 2-norm is at most ``longest``.

    `torch.nn.utils.clip_grad_norm_` for sparse gradients too.

    Returns:
        The norm before.
    """
    values = []
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad = _rows_once(parameter.grad)
            values.append(parameter.grad._values() if parameter.grad.is_sparse else parameter.grad)
    if not values:
        return 0.0
    norm = float(torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(value) for value in values])))
    if not norm <= longest:  # also where the norm is not a number
        for value in values:
            value.mul_(longest / (norm + 1e-6))
    return norm


def _is_sparse(gradient: Tensor | None) -> bool:
    return gradient is not None and gradient.is_sparse


@contextmanager
def _set_aside(parameters: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Hide the parameters' sparse gradients from a dense optimizer; gives them with each row once."""
    gradients = [parameter.grad for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    try:
        yield [_rows_once(gradient) for gradient in gradients if gradient is not None]
    finally:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient


def _rows_once(gradient: Tensor) -> Tensor:
    """A sparse gradient as it is if it names each row once, as one lookup gives it; else its rows added up."""
    if not gradient.is_sparse or gradient.is_coalesced():
        return gradient
    words = gradient._indices()[0]
    found, _ = distinct_words(words, gradient.shape[0])
    return gradient if len(found) == len(words) else gradient.coalesce()
