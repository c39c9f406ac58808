"""One batch through a recurrent layer: the compiled loops shared out over threads.

A direction is one piece of work, its matrix products included, so that what a processor wrote it also
reads. With four threads and more, rows are cut into parts as well, each with sums of its own. The cut
depends on the number of threads alone, and sums are added in order of the parts: the same number of
threads gives the same bits, and so do one, two and three.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Floats
from headstart.kernels import fast, gru, memory, projection, workers
from headstart.kernels.layout import Half, Rows
from headstart.kernels.simd import aligned

Arrays = list[Floats]

_LEAST_ROWS = 16  # fewer rows than this are not worth a thread of their own
_NOTHING = np.zeros(0, np.float32)
_LEAST_TOKENS = 1500  # a batch below this is done before another thread has woken up


class Direction(ABC):
    """One direction of a layer over one batch; a subclass takes up the parameters.

    Args:
        table: vectors of the distinct words, [distinct, size].
        weight: input weights, [gates, size].
        bias: of the gates, [gates].
        size: values of a state.
        place: which direction it is, and how many there are.
        parts: the rows, cut for threads.
        keep: whether `backward` will be called.
    """

    def __init__(
        self,
        table: Floats,
        weight: Floats,
        bias: Floats,
        size: int,
        place: tuple[int, int],
        parts: Sequence[Rows],
        keep: bool,
    ) -> None:
        number, n_directions = place
        self.table, self.parts = table, parts
        self.keep = keep
        self.inputs = projection.input_weights(weight, bias, back_too=keep)
        self.half = Half(
            reverse=number == 1,
            size=size,
            n_gates=len(weight),
            gates_row=self.inputs.width,
            states=number * size,
            states_row=n_directions * size,
        )
        self.cuts = workers.shares(len(table), len(parts))

    @abstractmethod
    def _run(self, part: int, projected: Floats, states: Floats) -> None:
        """Write the states of one part's rows."""

    @abstractmethod
    def _run_back(self, part: int, d_states: Floats, states: Floats, d_projected: Floats) -> None:
        """Write the gradients along ``projected`` from one part's rows."""

    @abstractmethod
    def _gradients(self, d_weight: Floats, d_bias: Floats) -> Arrays:
        """Slopes along the parameters, from those along input weights and biases."""

    def forward(self, states: Floats) -> None:
        """Write this direction's half of the states; flat."""
        projected = self._borrow_projected()
        table = self.table.reshape(-1)
        self._share(lambda part: projection.project(self.inputs, table, *self._words(part), projected), len(self.cuts))
        self._share(lambda part: self._run(part, projected, states), len(self.parts))

    def backward(self, d_states: Floats, states: Floats) -> tuple[Floats, Arrays]:
        """Return the gradients along the table and along the parameters; arguments flat."""
        d_projected = [self._borrow_projected() for _ in self.parts]
        self._share(lambda part: self._run_back(part, d_states, states, d_projected[part]), len(self.parts))
        inputs = self.inputs
        _total([_rectangle(part, len(self.table), inputs.width, inputs.gates) for part in d_projected])
        d_table = memory.borrow(*self.table.shape)
        sums = [aligned(inputs.size + 1, inputs.width) for _ in self.cuts]
        given = inputs, self.table.reshape(-1), d_projected[0]
        self._share(
            lambda part: projection.project_back(*given, *self._words(part), d_table.reshape(-1), sums[part]),
            len(self.cuts),
        )
        d_input = _total([_rectangle(part, inputs.size + 1, inputs.width, inputs.gates) for part in sums])
        return d_table, self._gradients(d_input[:-1].T, d_input[-1])

    def _borrow_projected(self) -> Floats:
        return memory.borrow(len(self.table) * self.inputs.width)

    def _words(self, part: int) -> tuple[int, int]:
        return self.cuts[part].start, self.cuts[part].stop

    def _share(self, work: Callable[[int], None], n: int) -> None:
        """Do the work of each part, all at once."""
        workers.run([partial(work, part) for part in range(n)], len(self.parts))


class GRUDirection(Direction):
    """A GRU's; ``parameters`` are weight_ih, weight_hh, bias_ih and bias_hh as in `torch.nn.GRU`."""

    n_parameters = 4

    def __init__(
        self, table: Floats, parameters: Sequence[Floats], place: tuple[int, int], parts: Sequence[Rows], keep: bool
    ) -> None:
        weight_ih, weight_hh, bias_ih, bias_hh = parameters
        super().__init__(table, weight_ih, bias_ih, weight_hh.shape[1], place, parts, keep)
        self.laid = gru.weights(weight_hh, bias_hh, back_too=keep)
        sizes = [4 * self.half.size * int(rows.lengths[rows.order].sum()) if keep else 0 for rows in parts]
        self.saved = [memory.borrow(n) if keep else _NOTHING for n in sizes]
        self.d_hidden: Arrays = []

    def _run(self, part: int, projected: Floats, states: Floats) -> None:
        memory = gru.scratch(self.laid)
        given = gru.Forward(self.half, self.laid, projected, states, self.saved[part], self.keep, memory)
        gru.forward(self.parts[part], given)

    def backward(self, d_states: Floats, states: Floats) -> tuple[Floats, Arrays]:
        """Return the gradients along the table and along the parameters; arguments flat."""
        self.d_hidden = [aligned(self.half.size + 1, self.laid.width) for _ in self.parts]
        return super().backward(d_states, states)

    def _run_back(self, part: int, d_states: Floats, states: Floats, d_projected: Floats) -> None:
        saved, d_weights, memory = self.saved[part], self.d_hidden[part], gru.scratch(self.laid)
        given = gru.Backward(self.half, self.laid, states, saved, d_states, d_projected, d_weights, memory)
        gru.backward(self.parts[part], given)

    def _gradients(self, d_weight: Floats, d_bias: Floats) -> Arrays:
        shape = self.half.size + 1, self.laid.width, self.half.n_gates
        hidden = _total([_rectangle(part, *shape) for part in self.d_hidden])
        return [d_weight, hidden[:-1].T, d_bias, hidden[-1]]


class FastDirection(Direction):
    """Of the encoder in `headstart.kernels.fast`.

    ``parameters`` are the weights on the word itself, [2H, size], the biases, [2H], and, for a window of
    two words, the weights on the word before, [2H, size].
    """

    def __init__(
        self, table: Floats, parameters: Sequence[Floats], place: tuple[int, int], parts: Sequence[Rows], keep: bool
    ) -> None:
        weight, bias, *former = parameters
        biases = np.concatenate([bias, *(np.zeros_like(bias) for _ in former)])
        super().__init__(table, np.concatenate([weight, *former]), biases, len(bias) // 2, place, parts, keep)
        self.projected: Floats | None = None

    def _run(self, part: int, projected: Floats, states: Floats) -> None:
        self.projected = projected if self.keep else None
        fast.forward(self.parts[part], self.half, projected, states, aligned(self.half.size))

    def _run_back(self, part: int, d_states: Floats, states: Floats, d_projected: Floats) -> None:
        given: Any = self.parts[part], self.half, self.projected, d_states, states, d_projected, aligned(self.half.size)
        fast.backward(*given)

    def _gradients(self, d_weight: Floats, d_bias: Floats) -> Arrays:
        n = 2 * self.half.size
        return [d_weight[:n], d_bias[:n], *([d_weight[n:]] if len(d_weight) > n else [])]


class Pass:
    """One batch through one recurrent layer, and back.

    Args:
        kind: of the directions.
        table: vectors of the distinct words, [distinct, size].
        index: row of ``table`` for every token, int32 [rows, tokens]; must lie within ``table``.
        lengths: true tokens of every row, int64 [rows]; must lie in [0, tokens].
        parameters: of the forward and, if there is one, the backward direction.
        keep: whether `backward` will be called.

    The arrays must be contiguous and are not copied; they must not change until `backward` is done.
    """

    def __init__(
        self,
        kind: type[GRUDirection] | type[FastDirection],
        table: Floats,
        index: NDArray[np.int32],
        lengths: NDArray[np.int64],
        parameters: Sequence[Sequence[Floats]],
        *,
        keep: bool,
    ) -> None:
        n = len(parameters)
        self.n_threads = 1 if lengths.sum() < _LEAST_TOKENS else workers.n_threads()
        parts = _cut_rows(index, lengths, self.n_threads // n)
        self.directions = [kind(table, given, (number, n), parts, keep) for number, given in enumerate(parameters)]

    def forward(self, states: Floats) -> None:
        """Write the states, [rows, tokens, directions * size], zeros at padding; contiguous."""
        workers.run([partial(one.forward, states.reshape(-1)) for one in self.directions], self.n_threads)

    def backward(self, d_states: Floats, states: Floats) -> tuple[Floats, Arrays]:
        """Return the gradients along the table and along the parameters.

        Args:
            d_states: gradients along the states; contiguous.
            states: what `forward` wrote.

        Raises:
            ValueError: the pass was made with ``keep=False``; compiled loops would read what is not there.
        """
        if not all(one.keep for one in self.directions):
            raise ValueError("this pass kept nothing to go back by; make it with keep=True.")
        found: dict[int, tuple[Floats, Arrays]] = {}

        def back(number: int) -> None:
            found[number] = self.directions[number].backward(d_states.reshape(-1), states.reshape(-1))

        workers.run([partial(back, number) for number in range(len(self.directions))], self.n_threads)
        ordered = [found[number] for number in range(len(self.directions))]
        return _total([d_table for d_table, _ in ordered]), [slope for _, gradients in ordered for slope in gradients]


def _cut_rows(index: NDArray[np.int32], lengths: NDArray[np.int64], n_parts: int) -> list[Rows]:
    """Cut the rows into parts for threads, each longest row first."""
    order = np.argsort(-lengths, kind="stable")
    n_parts = max(1, min(n_parts, len(order) // _LEAST_ROWS))
    orders = [np.ascontiguousarray(order[part::n_parts]) for part in range(n_parts)]
    return [Rows(index.reshape(-1), lengths, part, len(part), index.shape[1]) for part in orders]


def _rectangle(flat: Floats, n_rows: int, width: int, n_columns: int) -> Floats:
    """The columns of a flat matrix that mean something."""
    return flat[: n_rows * width].reshape(n_rows, width)[:, :n_columns]


def _total(parts: Sequence[Floats]) -> Floats:
    """Add the parts up in their order, into the first."""
    for part in parts[1:]:
        np.add(parts[0], part, out=parts[0])
    return parts[0]
