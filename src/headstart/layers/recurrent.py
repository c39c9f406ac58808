"""The recurrent layer: a GRU or LSTM that reads each row's true tokens, in both directions.

It differs from `torch.nn.GRU` in three ways. It takes lengths, so padding changes nothing and the
backward half starts at the row's last true token. It takes `IndexedVectors` vectors, so that a word's
input projection is computed once a batch. And on a CPU it runs compiled loops in place of one call
a time step. Parameters have the names and shapes that `torch.nn.GRU` and `torch.nn.LSTM` give them:
a ``state_dict`` loads into those and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

from torch import Tensor

from headstart.errors import OptionError
from headstart.kernels.bidirectional import GRUDirection, Pass
from headstart.layers.compiled import Loops
from headstart.layers.indexed_vectors import IndexedVectors, expand
from headstart.layers.one_way import GATES, plain_layer
from headstart.layers.stack import RecurrentStack

Cell = Literal["gru", "lstm"]


class Recurrent(RecurrentStack):
    """A stack of GRU or LSTM layers; see `RecurrentStack` for what it takes and gives.

    Args:
        input_size: values of a token's vector.
        hidden_size: values of a state, of each direction.
        cell: ``"gru"`` or ``"lstm"``; only the first has compiled loops.
        n_layers: layers on top of one another.
        bidirectional: whether to read each row backward too.
        dropout: share of the values set to zero between layers, in training.

    Raises:
        OptionError: for an unknown cell or a size below 1.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        cell: Cell = "gru",
        n_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(input_size, hidden_size, n_layers=n_layers, bidirectional=bidirectional, dropout=dropout)
        if cell not in GATES:
            raise OptionError(
                f"cell={cell!r} is not a recurrent cell that this layer has. Use one of: {', '.join(GATES)}."
            )
        self.cell: Cell = cell
        self._register_parameters()

    def _shapes(self, input_size: int) -> dict[str, tuple[int, ...]]:
        gates = GATES[self.cell] * self.hidden_size
        return {
            "weight_ih": (gates, input_size),
            "weight_hh": (gates, self.hidden_size),
            "bias_ih": (gates,),
            "bias_hh": (gates,),
        }

    def path(self, vectors: Tensor | IndexedVectors) -> str:
        """Return what runs on ``vectors``: ``"compiled"``, or ``"torch: "`` and the reason."""
        if self.cell != "gru":
            return f"torch: there are no compiled loops for cell={self.cell!r}"
        return super().path(vectors)

    def _loops(self) -> Loops:
        return Loops(_start, partial(_plain, self.cell))

    def extra_repr(self) -> str:
        """Return the options, for ``print(module)``."""
        return (
            f"{self.input_size}, {self.hidden_size}, cell={self.cell!r}, n_layers={self.n_layers}, "
            f"bidirectional={self.bidirectional}, dropout={self.dropout}"
        )


def _start(table: Any, index: Any, lengths: Any, weights: list[Any], keep: bool) -> Pass:
    return Pass(GRUDirection, table, index, lengths, [weights[:4], weights[4:]][: len(weights) // 4], keep=keep)


def _plain(cell: str, vectors: Tensor | IndexedVectors, lengths: Tensor, weights: Sequence[Tensor]) -> Tensor:
    return plain_layer(expand(vectors), lengths, weights, cell)
