"""Operators over sequences: the recurrent layer, and those that heed each row's length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from headstart.errors import DataError
from headstart.nets.mxnet.attributes import Attributes
from headstart.nets.mxnet.operators.base import Call, Kernel, Operator
from headstart.nets.mxnet.operators.dense import whole

_GATES = {"rnn_relu": 1, "rnn_tanh": 1, "gru": 3, "lstm": 4}
_MOST_LAYERS = 1_000
_MOST_TOKENS = 100_000


class _Recurrent(NamedTuple):
    """The options of an ``RNN`` node, with MXNet's layout of its parameter vector."""

    mode: str
    hidden: int
    n_layers: int
    n_directions: int
    dropout: float

    def n_values(self, n_inputs: int) -> int:
        """Return how long the parameter vector is for data of `n_inputs` features."""
        gates = _GATES[self.mode] * self.hidden
        deeper = (self.n_layers - 1) * (self.n_directions * self.hidden + self.hidden + 2)
        return self.n_directions * gates * (n_inputs + self.hidden + 2 + deeper)

    def weights(self, vector: Tensor, n_inputs: int) -> list[Tensor]:
        """Cut the vector into ``[input, hidden, input bias, hidden bias]`` of each layer and direction, torch's order.

        MXNet stores all weights first and then all biases.
        """
        pieces = iter(torch.split(vector, list(self._sizes(n_inputs))))
        gates, n_parts = _GATES[self.mode] * self.hidden, self.n_layers * self.n_directions
        matrices = [[next(pieces).view(gates, -1), next(pieces).view(gates, -1)] for _ in range(n_parts)]
        return [part for pair in matrices for part in (*pair, next(pieces), next(pieces))]

    def _sizes(self, n_inputs: int) -> Iterator[int]:
        gates, n_parts = _GATES[self.mode] * self.hidden, self.n_layers * self.n_directions
        for part in range(n_parts):
            yield gates * (n_inputs if part < self.n_directions else self.n_directions * self.hidden)
            yield gates * self.hidden
        yield from [gates] * (2 * n_parts)

    def run(self, x: Tensor, vector: Tensor, states: tuple[Tensor, ...], training: bool) -> tuple[Tensor, ...]:
        """Return all steps [tokens, rows, directions * hidden], the last state, and an LSTM's last cell."""
        weights = self.weights(vector, x.shape[2])
        rest = (weights, True, self.n_layers, self.dropout, training, self.n_directions == 2, False)
        if self.mode == "lstm":
            return torch.lstm(x, states, *rest)
        function = {"gru": torch.gru, "rnn_tanh": torch.rnn_tanh, "rnn_relu": torch.rnn_relu}[self.mode]
        return function(x, states[0], *rest)


def _rnn(attributes: Attributes) -> Kernel:
    options = _Recurrent(
        attributes.choice("mode", tuple(_GATES)),
        attributes.integer("state_size", low=1),
        attributes.integer("num_layers", low=1, high=_MOST_LAYERS),
        2 if attributes.flag("bidirectional", False) else 1,
        attributes.real("p", 0.0, low=0.0, high=1.0),
    )
    _refuse_uncovered(attributes)
    with_states = attributes.flag("state_outputs", False)
    attributes.expects(4 if options.mode == "lstm" else 3)

    def _run(call: Call, x: Tensor, vector: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        _check_recurrent(attributes, options, x, vector, states)
        given = (options.n_layers * options.n_directions, x.shape[1], options.hidden)
        outputs = options.run(x, vector, tuple(state.expand(given).contiguous() for state in states), call.training)
        return outputs if with_states else outputs[:1]

    return _run


def _refuse_uncovered(attributes: Attributes) -> None:
    for name in ("projection_size", "lstm_state_clip_min", "lstm_state_clip_max"):
        if attributes.text(name, "None") != "None":
            attributes.fail(f"its option {name!r} is {attributes.text(name)!r}, which is not covered")
    attributes.skip("lstm_state_clip_nan")  # acts only together with a clip range
    if attributes.flag("use_sequence_length", False):
        attributes.fail(
            "its option 'use_sequence_length' is True, which MXNet itself runs on a GPU only; it is not covered"
        )


def _check_recurrent(
    attributes: Attributes, options: _Recurrent, x: Tensor, vector: Tensor, states: tuple[Tensor, ...]
) -> None:
    if x.dim() != 3:
        attributes.fail(f"its data has the shape {tuple(x.shape)}; expected (tokens, rows, features)")
    expected = options.n_values(x.shape[2])
    if tuple(vector.shape) != (expected,):
        attributes.fail(
            f"its parameters have the shape {tuple(vector.shape)}; for these options expected ({expected},)"
        )
    if not 1 <= x.shape[0] <= _MOST_TOKENS:
        attributes.fail(f"it got {x.shape[0]:,} tokens in a row; expected 1 to {_MOST_TOKENS:,}", "Set max_tokens=400.")
    wanted = (options.n_layers * options.n_directions, x.shape[1], options.hidden)
    for state in states:
        if state.dim() != 3 or any(size not in (1, want) for size, want in zip(state.shape, wanted, strict=True)):
            attributes.fail(
                f"its first state has the shape {tuple(state.shape)}; expected {wanted} for data of shape {tuple(x.shape)}",
                "If the network takes tokens before rows, say so: inputs={'data0': 'ids_time_major', ...}.",
            )


def _rnn_outputs(attributes: Attributes) -> tuple[str, ...]:
    if not attributes.flag("state_outputs", False):
        return ("output",)
    last = ("state_output", "statecell_output") if attributes.text("mode") == "lstm" else ("state_output",)
    return ("output", *last)


Masked = Callable[[Tensor, Tensor, int], Tensor]


def _with_lengths(change: Masked, plainly: Callable[[Tensor, int], Tensor], *, may_be_empty: bool) -> Operator:
    """Return an operator whose second input is lengths, if 'use_sequence_length' says so."""

    def _build(attributes: Attributes) -> Kernel:
        axis = attributes.integer("axis", 0, low=0, high=1)
        given = attributes.flag("use_sequence_length", False)
        attributes.expects(2 if given else 1)

        def _run(_call: Call, x: Tensor, lengths: Tensor | None = None) -> Tensor:
            if lengths is None:
                return plainly(x, axis)
            if x.dim() < 2 or tuple(lengths.shape) != (x.shape[1 - axis],):
                attributes.fail(
                    f"its data has the shape {tuple(x.shape)} and its lengths {tuple(lengths.shape)}; "
                    f"expected one length for each of the {x.shape[1 - axis] if x.dim() > 1 else 0} rows"
                )
            _check_lengths(attributes, lengths, x.shape[axis], may_be_empty)
            return change(x, whole(lengths), axis)

        return _run

    return Operator(_build)


def _check_lengths(attributes: Attributes, lengths: Tensor, n_tokens: int, may_be_empty: bool) -> None:
    """MXNet would read outside the array. Tracers are let by: they have shapes and no values."""
    if lengths.is_meta or torch.compiler.is_compiling():
        return
    least = 0 if may_be_empty else 1
    wrong = lengths[(lengths < least) | (lengths > n_tokens)]
    if wrong.numel():
        raise DataError(
            f"{attributes.place}: a row has the length {wrong[0].item():g} in a batch of {n_tokens} tokens; "
            f"expected {least} to {n_tokens}. Leave empty texts out, and give each row's true number of tokens."
        )


def _last(x: Tensor, lengths: Tensor, axis: int) -> Tensor:
    rows = torch.arange(lengths.shape[0], device=x.device)
    return x[lengths - 1, rows] if axis == 0 else x[rows, lengths - 1]


def _inside(x: Tensor, lengths: Tensor, axis: int) -> Tensor:
    """True where a token is one of its row's own; the shape broadcasts over `x`."""
    place = torch.arange(x.shape[axis], device=x.device)
    inside = place.unsqueeze(1 - axis) < lengths.unsqueeze(axis)
    return inside.reshape(*inside.shape, *(1,) * (x.dim() - 2))


def _reversed(x: Tensor, lengths: Tensor, axis: int) -> Tensor:
    place = torch.arange(x.shape[axis], device=x.device).unsqueeze(1 - axis)
    length = lengths.unsqueeze(axis)
    order = torch.where(place < length, length - 1 - place, place)
    return x.gather(axis, order.reshape(*order.shape, *(1,) * (x.dim() - 2)).expand_as(x))


def _mask(attributes: Attributes) -> Kernel:
    value = attributes.real("value", 0.0)

    def _change(x: Tensor, lengths: Tensor, axis: int) -> Tensor:
        return x.masked_fill(~_inside(x, lengths, axis), value)

    return _with_lengths(_change, lambda x, _axis: x, may_be_empty=True).build(attributes)


OPERATORS: dict[str, Operator] = {
    "RNN": Operator(_rnn, outputs=_rnn_outputs),
    "SequenceLast": _with_lengths(_last, lambda x, axis: x.select(axis, -1), may_be_empty=False),
    "SequenceReverse": _with_lengths(_reversed, lambda x, axis: x.flip(axis), may_be_empty=True),
    "SequenceMask": Operator(_mask),
}
