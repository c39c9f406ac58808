"""Recurrent layers in compiled loops, as differentiable functions of torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from headstart.errors import DataError
from headstart.kernels.bidirectional import Pass
from headstart.layers.indexed_vectors import IndexedVectors, borrow


class Loops(NamedTuple):
    """A kind of layer that has compiled loops.

    Attributes:
        start: makes a pass from table, index, lengths and parameters, as arrays; ``keep`` says whether
            the way back will be asked for.
        plain: the same layer in torch's own operations, of vectors, lengths and parameters: what gives
            the gradients of gradients.
    """

    start: Callable[[Any, Any, Any, list[Any], bool], Pass]
    plain: Callable[[Tensor | IndexedVectors, Tensor, Sequence[Tensor]], Tensor]


def compiled_layer(
    loops: Loops, vectors: Tensor | IndexedVectors, lengths: Tensor, weights: Sequence[Tensor], output_size: int
) -> Tensor:
    """Run one recurrent layer in compiled loops.

    Args:
        loops: which kind of layer.
        vectors: float32 on the CPU, [rows, tokens, input_size].
        lengths: true tokens of each row, integers [rows].
        weights: parameters of the forward and, if there is one, of the backward direction.
        output_size: values of a state, of all directions.

    Returns:
        States [rows, tokens, output_size], zeros at padding.

    Raises:
        DataError: if a length or an index points outside its batch.
    """
    rows, tokens = vectors.index.shape if isinstance(vectors, IndexedVectors) else vectors.shape[:2]
    if rows == 0 or tokens == 0:
        return weights[0].new_zeros(rows, tokens, output_size)
    gathered = vectors if isinstance(vectors, IndexedVectors) else _as_gathered(vectors)
    _check_bounds("lengths", lengths, tokens, f"the batch has {tokens} tokens a row")
    _check_bounds("the index", gathered.index, len(gathered.table) - 1, f"its table has {len(gathered.table)} rows")
    if not torch.is_grad_enabled():  # torch's bookkeeping takes as long as a short text does
        return _run(gathered.table, gathered.index, lengths, loops, False, output_size, weights)[0]
    keep = any(tensor.requires_grad for tensor in (gathered.table, *weights))
    states: Tensor = _Compiled.apply(gathered.table, gathered.index, lengths, loops, keep, output_size, *weights)  # type: ignore[no-untyped-call]
    return states


def _run(
    table: Tensor,
    index: Tensor,
    lengths: Tensor,
    loops: Loops,
    keep: bool,
    output_size: int,
    weights: Sequence[Tensor],
) -> tuple[Tensor, Pass]:
    run = loops.start(
        table.detach().contiguous().numpy(),
        index.to(torch.int32).contiguous().numpy(),
        lengths.to(torch.int64).contiguous().numpy(),
        [weight.detach().contiguous().numpy() for weight in weights],
        keep,
    )
    states = borrow(*index.shape, output_size)
    run.forward(states.numpy())
    return states, run


def _as_gathered(vectors: Tensor) -> IndexedVectors:
    """Every token as a word of its own."""
    rows, tokens, size = vectors.shape
    return IndexedVectors(vectors.reshape(-1, size), torch.arange(rows * tokens, dtype=torch.int32).view(rows, tokens))


def _check_bounds(name: str, values: Tensor, highest: int, because: str) -> None:
    low, high = (int(bound) for bound in values.aminmax())  # compiled loops do not check, and would write elsewhere
    if low < 0 or high > highest:
        raise DataError(
            f"{name} of a recurrent layer's input run from {low} to {high}, but {because}. "
            f"Give whole numbers from 0 to {highest}."
        )


class _Compiled(torch.autograd.Function):
    """``apply(table, index, lengths, loops, keep, output_size, *weights) -> states``."""

    @staticmethod
    def forward(
        ctx: Any,
        table: Tensor,
        index: Tensor,
        lengths: Tensor,
        loops: Loops,
        keep: bool,
        output_size: int,
        *weights: Tensor,
    ) -> Tensor:
        states, run = _run(table, index, lengths, loops, keep, output_size, weights)
        if keep:
            ctx.run, ctx.loops = run, loops
            ctx.save_for_backward(table, index, lengths, states, *weights)
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        table, index, lengths, states, *weights = ctx.saved_tensors
        (d_states,) = gradients
        if torch.is_grad_enabled():  # somebody wants gradients of these gradients
            again = ctx.loops.plain(IndexedVectors(table, index), lengths, weights)
            return _plain_slopes(again, d_states, (table, None, None, None, None, None, *weights))
        d_table, d_weights = ctx.run.backward(d_states.contiguous().numpy(), states.detach().numpy())
        return torch.from_numpy(d_table), None, None, None, None, None, *map(torch.from_numpy, d_weights)


def _plain_slopes(states: Tensor, d_states: Tensor, inputs: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    """The gradients along the inputs that learn, as functions that can be differentiated again."""
    learning = [tensor for tensor in inputs if tensor is not None and tensor.requires_grad]
    found = iter(torch.autograd.grad(states, learning, d_states, create_graph=True))
    return tuple(next(found) if tensor is not None and tensor.requires_grad else None for tensor in inputs)
