"""One batch through a recurrent layer: the compiled loops shared out over threads.

Work is cut by direction and, with four threads and more, by rows. The cut depends on the number of
threads alone, and partial sums are added in order of the parts: the same number of threads gives the
same bits, and so do one, two and three.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headstart.kernels import fast, gru, memory, projection, workers
from headstart.kernels.lanes import aligned
from headstart.kernels.layout import Half, Rows

__all__ = ["FastPass", "GRUPass", "Pass"]

Floats = NDArray[np.float32]
Arrays = list[Floats]
Task = Callable[[], None]

_TABLE_PARTS = 4  # whatever the number of threads, so that it does not change the sums
_LEAST_WORDS = 256  # fewer words than this are not worth a part of their own
_LEAST_ROWS = 16  # fewer rows than this are not worth a thread of their own
_LEAST_TOKENS = 1500  # a batch below this is done before another thread has woken up


class Pass(ABC):
    """One batch through one recurrent layer, and back.

    Args:
        table: vectors of the distinct words, [distinct, size].
        index: row of ``table`` for every token, int32 [rows, tokens]; must lie within ``table``.
        lengths: true tokens of every row, int64 [rows]; must lie in [0, tokens].
        parameters: of the forward and, if there is one, the backward direction, named by the subclass.

    The arrays must be contiguous and are not copied; they must not change until `backward` is done.
    """

    def __init__(
        self, table: Floats, index: NDArray[np.int32], lengths: NDArray[np.int64], parameters: Sequence[Floats]
    ) -> None:
        self.table, self.index, self.lengths = table, index, lengths
        input_weights = self._lay_out(parameters)
        self.n_gates = len(input_weights[0][0])
        self.n_directions = len(input_weights)
        self.inputs = projection.input_weights(
            np.concatenate([weight for weight, _ in input_weights]), np.concatenate([bias for _, bias in input_weights])
        )
        self.parts = self._cut_rows()
        self.projected = memory.borrow(len(table) * self.inputs.width)

    @abstractmethod
    def _lay_out(self, parameters: Sequence[Floats]) -> list[tuple[Floats, Floats]]:
        """Take up the parameters; give each direction's input weights [gates, size] and biases [gates]."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Values of a state, of each direction."""

    @abstractmethod
    def _forward(self, direction: int, part: int, rows: Rows, states: Floats) -> Task:
        """The work of one direction over some rows."""

    def _begin_backward(self) -> None:  # noqa: B027  # not every kind needs it
        """Make room for what the loops add up besides ``d_projected``."""

    @abstractmethod
    def _backward(
        self, direction: int, part: int, rows: Rows, d_states: Floats, states: Floats, d_projected: Floats
    ) -> Task:
        """The work back of one direction over some rows."""

    @abstractmethod
    def _slopes(self, d_inputs: list[tuple[Floats, Floats]]) -> Arrays:
        """Slopes along the parameters, from those along each direction's input weights and biases."""

    def _cut_rows(self) -> list[NDArray[np.int64]]:
        """Cut the rows into parts for threads, each longest row first."""
        order = np.argsort(-self.lengths, kind="stable")
        n_parts = max(1, min(workers.n_threads() // self.n_directions, len(order) // _LEAST_ROWS))
        return [np.ascontiguousarray(order[part::n_parts]) for part in range(n_parts)]

    def _works(self) -> list[tuple[int, int, Rows]]:
        """The pieces of work, as direction, part and rows."""
        words, width = self.index.reshape(-1), self.index.shape[1]
        rows = [Rows(words, self.lengths, order, len(order), width) for order in self.parts]
        return [(direction, part, rows[part]) for direction in range(self.n_directions) for part in range(len(rows))]

    def half(self, direction: int) -> Half:
        """Where a direction's values stand."""
        return Half(
            reverse=direction == 1,
            size=self.size,
            gates=direction * self.n_gates,
            n_gates=self.n_gates,
            gates_row=self.inputs.width,
            states=direction * self.size,
            states_row=self.n_directions * self.size,
        )

    def _run(self, tasks: Sequence[Task]) -> None:
        if self.lengths.sum() < _LEAST_TOKENS:
            for task in tasks:
                task()
        else:
            workers.run(tasks)

    def forward(self, states: Floats) -> None:
        """Write the states, [rows, tokens, directions * size], zeros at padding; contiguous."""
        table = self.table.reshape(-1)
        cuts = workers.shares(len(self.table), _TABLE_PARTS, _LEAST_WORDS)
        self._run([partial(projection.project, self.inputs, table, c.start, c.stop, self.projected) for c in cuts])
        self._run([self._forward(*work, states.reshape(-1)) for work in self._works()])

    def backward(self, d_states: Floats, states: Floats) -> tuple[Floats, Arrays]:
        """Return the slopes along the table and along the parameters.

        Args:
            d_states: slopes along the states; contiguous.
            states: what `forward` wrote.
        """
        self._begin_backward()
        d_projected = [memory.borrow(len(self.table) * self.inputs.width) for _ in self.parts]
        flats = d_states.reshape(-1), states.reshape(-1)
        self._run(
            [
                self._backward(direction, part, rows, *flats, d_projected[part])
                for direction, part, rows in self._works()
            ]
        )
        shape = (len(self.table), self.inputs.width, self.inputs.gates)
        _total([_rectangle(part, *shape) for part in d_projected])
        d_table, d_input = self._project_back(d_projected[0])
        columns = [slice(start, start + self.n_gates) for start in range(0, self.inputs.gates, self.n_gates)]
        return d_table, self._slopes([(d_input[:-1, part].T, d_input[-1, part]) for part in columns])

    def _project_back(self, d_projected: Floats) -> tuple[Floats, Floats]:
        """Return the slopes along the table, and along the input weights, transposed, with the biases below."""
        d_table = np.empty_like(self.table)
        cuts = workers.shares(len(self.table), _TABLE_PARTS, _LEAST_WORDS)
        sums = [aligned(self.inputs.size + 1, self.inputs.width) for _ in cuts]
        given = (self.inputs, self.table.reshape(-1), d_projected)
        self._run(
            [
                partial(projection.project_back, *given, cut.start, cut.stop, d_table.reshape(-1), part)
                for cut, part in zip(cuts, sums, strict=True)
            ]
        )
        shape = (self.inputs.size + 1, self.inputs.width, self.inputs.gates)
        return d_table, _total([_rectangle(part, *shape) for part in sums])


class GRUPass(Pass):
    """A pass through a GRU; ``parameters`` are weight_ih, weight_hh, bias_ih, bias_hh as in `torch.nn.GRU`.

    Args:
        keep: whether `backward` will be called, which needs the gates of every token.
    """

    def __init__(
        self,
        table: Floats,
        index: NDArray[np.int32],
        lengths: NDArray[np.int64],
        parameters: Sequence[Floats],
        *,
        keep: bool,
    ) -> None:
        super().__init__(table, index, lengths, parameters)
        self.keep = keep
        sizes = [4 * self.size * int(lengths[order].sum()) if keep else 0 for order in self.parts]
        self.saved = [[memory.borrow(n) for n in sizes] for _ in self.laid]

    def _lay_out(self, parameters: Sequence[Floats]) -> list[tuple[Floats, Floats]]:
        self.laid = [gru.weights(u, b) for u, b in zip(parameters[1::4], parameters[3::4], strict=True)]
        self._size = int(parameters[1].shape[1])
        return list(zip(parameters[0::4], parameters[2::4], strict=True))

    @property
    def size(self) -> int:
        """Values of a state, of each direction."""
        return self._size

    def _forward(self, direction: int, part: int, rows: Rows, states: Floats) -> Task:
        laid = self.laid[direction]
        given = (self.projected, states, self.saved[direction][part], self.keep, gru.scratch(laid))
        return partial(gru.forward, rows, self.half(direction), laid, *given)

    def _begin_backward(self) -> None:
        self.d_hidden = [[aligned(self.size + 1, laid.width) for _ in self.parts] for laid in self.laid]

    def _backward(
        self, direction: int, part: int, rows: Rows, d_states: Floats, states: Floats, d_projected: Floats
    ) -> Task:
        laid = self.laid[direction]
        flats = (d_states, states, self.saved[direction][part], d_projected, self.d_hidden[direction][part])
        return partial(gru.backward, rows, self.half(direction), laid, *flats, gru.scratch(laid))

    def _slopes(self, d_inputs: list[tuple[Floats, Floats]]) -> Arrays:
        found: Arrays = []
        for (weight_ih, bias_ih), parts, laid in zip(d_inputs, self.d_hidden, self.laid, strict=True):
            hidden = _total([_rectangle(part, self.size + 1, laid.width, self.n_gates) for part in parts])
            found += [weight_ih, hidden[:-1].T, bias_ih, hidden[-1]]
        return found


class FastPass(Pass):
    """A pass through the encoder of `headstart.kernels.fast`.

    ``parameters`` are, for each direction, the weights on the word itself, [2H, size], the biases
    [2H] and, for a window of two words (``paired``), the weights on the word before, [2H, size].
    """

    def __init__(
        self,
        table: Floats,
        index: NDArray[np.int32],
        lengths: NDArray[np.int64],
        parameters: Sequence[Floats],
        *,
        paired: bool,
    ) -> None:
        self.n_kinds = 3 if paired else 2
        super().__init__(table, index, lengths, parameters)

    def _lay_out(self, parameters: Sequence[Floats]) -> list[tuple[Floats, Floats]]:
        self._size = len(parameters[1]) // 2
        laid = []
        for start in range(0, len(parameters), self.n_kinds):
            weight, bias, *former = parameters[start : start + self.n_kinds]
            laid.append((np.concatenate([weight, *former]), np.concatenate([bias, *(0 * bias for _ in former)])))
        return laid

    @property
    def size(self) -> int:
        """Values of a state, of each direction."""
        return self._size

    def _forward(self, direction: int, part: int, rows: Rows, states: Floats) -> Task:
        return partial(fast.forward, rows, self.half(direction), self.projected, states, aligned(self.size))

    def _backward(
        self, direction: int, part: int, rows: Rows, d_states: Floats, states: Floats, d_projected: Floats
    ) -> Task:
        given = (self.projected, d_states, states, d_projected, aligned(self.size))
        return partial(fast.backward, rows, self.half(direction), *given)

    def _slopes(self, d_inputs: list[tuple[Floats, Floats]]) -> Arrays:
        found: Arrays = []
        for weight, bias in d_inputs:
            own = slice(0, 2 * self.size)
            found += [weight[own], bias[own]] if self.n_kinds == 2 else [weight[own], bias[own], weight[own.stop :]]
        return found


def _rectangle(flat: Floats, n_rows: int, width: int, n_columns: int) -> Floats:
    """The columns of a flat matrix that mean something."""
    return flat[: n_rows * width].reshape(n_rows, width)[:, :n_columns]


def _total(parts: Sequence[Floats]) -> Floats:
    """Add the parts up in their order, into the first."""
    for part in parts[1:]:
        np.add(parts[0], part, out=parts[0])
    return parts[0]
