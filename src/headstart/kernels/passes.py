"""One batch through a recurrent layer: the compiled loops shared out over threads.

A direction is one piece of work, its matrix products included, so that what a processor writes it also
reads. With four threads and more, rows are cut into parts as well, each with sums of its own. The cut
depends on the number of threads alone, and sums are added in order of the parts: the same number of
threads gives the same bits, and so do one, two and three.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from headstart.kernels import fast, gru, memory, projection, workers
from headstart.kernels.lanes import aligned
from headstart.kernels.layout import Half, Rows

__all__ = ["FastPass", "GRUPass", "Pass"]

Floats = NDArray[np.float32]
Arrays = list[Floats]

_LEAST_ROWS = 16  # fewer rows than this are not worth a thread of their own
_LEAST_TOKENS = 1500  # a batch below this is done before another thread has woken up


class _Direction(ABC):
    """One direction of one layer over one batch.

    Args:
        table: vectors of the distinct words, [distinct, size].
        weight: input weights [gates, size].
        bias: of the gates, [gates].
        size: values of a state.
        number: 0 for the forward direction, 1 for the backward one.
        n_directions: how many there are.
        parts: the rows, cut for threads.
    """

    def __init__(
        self, table: Floats, weight: Floats, bias: Floats, size: int, number: int, n_directions: int, parts: Sequence[Rows]
    ) -> None:
        self.table, self.size, self.parts = table, size, parts
        self.inputs = projection.input_weights(weight, bias)
        self.half = Half(
            reverse=number == 1,
            size=size,
            n_gates=len(weight),
            gates_row=self.inputs.width,
            states=number * size,
            states_row=n_directions * size,
        )
        self.projected = memory.borrow(len(table) * self.inputs.width)

    @abstractmethod
    def run(self, part: int, states: Floats) -> None:
        """Write the states of one part."""

    @abstractmethod
    def run_back(self, part: int, d_states: Floats, states: Floats, d_projected: Floats) -> None:
        """Write the slopes along ``projected`` from one part, and keep those along other parameters."""

    @abstractmethod
    def slopes(self, d_weight: Floats, d_bias: Floats) -> Arrays:
        """Slopes along this direction's parameters, from those along input weights and biases."""

    def project(self, words: slice) -> None:
        """Write the inputs of the gates of some words."""
        projection.project(self.inputs, self.table.reshape(-1), words.start, words.stop, self.projected)

    def project_back(self, words: slice, d_projected: Floats, d_table: Floats) -> Floats:
        """Write the slopes along some words' vectors; give those along weights and biases, [size + 1, gates]."""
        total = aligned(self.inputs.size + 1, self.inputs.width)
        flat = self.table.reshape(-1), d_projected, words.start, words.stop, d_table.reshape(-1)
        projection.project_back(self.inputs, *flat, total)
        return _rectangle(total, self.inputs.size + 1, self.inputs.width, self.inputs.gates)

    def forward(self, states: Floats, share: Share) -> None:
        """Write the states of all rows."""
        cuts = workers.shares(len(self.table), len(self.parts))
        share([lambda cut=cut: self.project(cut) for cut in cuts])  # type: ignore[misc]
        share([lambda part=part: self.run(part, states) for part in range(len(self.parts))])  # type: ignore[misc]

    def backward(self, d_states: Floats, states: Floats, share: Share) -> tuple[Floats, Arrays]:
        """Return the slopes along the table and along the parameters."""
        d_projected = [memory.borrow(len(self.projected)) for _ in self.parts]
        share(
            [
                lambda part=part: self.run_back(part, d_states, states, d_projected[part])  # type: ignore[misc]
                for part in range(len(self.parts))
            ]
        )
        _total([_rectangle(part, len(self.table), self.inputs.width, self.inputs.gates) for part in d_projected])
        d_table = memory.borrow(*self.table.shape)
        cuts = workers.shares(len(self.table), len(self.parts))
        sums: Arrays = [d_table] * len(cuts)

        def back(number: int) -> None:
            sums[number] = self.project_back(cuts[number], d_projected[0], d_table)

        share([lambda number=number: back(number) for number in range(len(cuts))])  # type: ignore[misc]
        d_input = _total(sums)
        return d_table, self.slopes(d_input[:-1].T, d_input[-1])
