"""What recurrent layers have in common: parameters by torch's names, one layer upon the other, two paths."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.engines.options import MOST_LAYERS
from headstart.errors import OptionError
from headstart.layers.compiled import Loops, compiled_layer
from headstart.layers.indexed_vectors import IndexedVectors, obstacle


class RecurrentStack(nn.Module):
    """Recurrent layers over right-padded rows, honouring their lengths; a subclass says which.

    ``forward(vectors, lengths)`` takes ``vectors`` [rows, tokens, input_size] (a tensor or a
    `IndexedVectors`) and ``lengths`` [rows] int64 in [0, tokens], and gives states
    [rows, tokens, directions * hidden_size]: forward half first, zeros at padding. A row's states
    depend on nothing but its own tokens.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, n_layers: int, bidirectional: bool, dropout: float
    ) -> None:
        super().__init__()
        for name, size in {"input_size": input_size, "hidden_size": hidden_size, "n_layers": n_layers}.items():
            if size < 1:
                raise OptionError(
                    f"{name}={size} leaves a recurrent layer without weights. Give a whole number from 1 up."
                )
        if n_layers > MOST_LAYERS:
            raise OptionError(
                f"n_layers={n_layers} is beyond any use, and would fill the memory. "
                f"Give a whole number from 1 to {MOST_LAYERS}."
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.dropout = dropout

    @abstractmethod
    def _shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        """Names and shapes of one direction's parameters in a layer with vectors of ``input_size``."""

    @abstractmethod
    def _loops(self) -> Loops:
        """The compiled loops, and the same in torch."""

    @property
    def output_size(self) -> int:
        """Values of one token's state: ``directions * hidden_size``."""
        return self.hidden_size * (2 if self.bidirectional else 1)

    def _register_parameters(self) -> None:
        """Create the parameters in `torch.nn.GRU`'s order, and fill them."""
        self._names: list[list[str]] = []
        for layer in range(self.n_layers):
            names = []
            for suffix in (f"_l{layer}", f"_l{layer}_reverse") if self.bidirectional else (f"_l{layer}",):
                for name, shape in self._shapes(self.input_size if layer == 0 else self.output_size).items():
                    self.register_parameter(name + suffix, nn.Parameter(torch.empty(shape)))
                    names.append(name + suffix)
            self._names.append(names)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/sqrt(hidden_size), 1/sqrt(hidden_size)), as `torch.nn.GRU` does."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def path(self, vectors: Tensor | IndexedVectors) -> str:
        """Return what runs on ``vectors``: ``"compiled"``, or ``"torch: "`` and the reason."""
        table = vectors.table if isinstance(vectors, IndexedVectors) else vectors
        reason = obstacle(table) or obstacle(next(self.parameters()))
        return "compiled" if reason is None else f"torch: {reason}"

    def forward(self, vectors: Tensor | IndexedVectors, lengths: Tensor) -> Tensor:
        """Return states [rows, tokens, directions * hidden_size] of ``vectors``; zeros beyond ``lengths``."""
        compiled = self.path(vectors) == "compiled"
        states = self._layer(vectors, lengths, 0, compiled)
        for layer in range(1, self.n_layers):
            states = functional.dropout(states, self.dropout, self.training)
            states = self._layer(states, lengths, layer, compiled)
        return states

    def _layer(self, vectors: Tensor | IndexedVectors, lengths: Tensor, layer: int, compiled: bool) -> Tensor:
        weights: Sequence[Tensor] = [getattr(self, name) for name in self._names[layer]]
        if compiled:
            return compiled_layer(self._loops(), vectors, lengths, weights, self.output_size)
        rows, tokens = vectors.index.shape if isinstance(vectors, IndexedVectors) else vectors.shape[:2]
        if not torch.compiler.is_compiling() and (rows == 0 or tokens == 0):  # torch's loops want a row and a token
            return weights[0].new_zeros(rows, tokens, self.output_size)
        return self._loops().plain(vectors, lengths, weights)
