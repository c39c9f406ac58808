"""Word vectors, looked up once for every distinct word of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from headstart.arrays import Places
from headstart.errors import DataError, OptionError
from headstart.kernels.distinct import distinct
from headstart.layers.indexed_vectors import IndexedVectors, borrow, may_gather
from headstart.plain import Json

UNKNOWN = 1
"""The id of words outside the vocabulary."""

Initial = Literal["normal", "uniform", "xavier"]
CatchUp = Callable[[Places | None], None]


class TokenEmbedding(nn.Module):
    """Token ids to vectors; the padding id's vector is zero and is never trained.

    ``forward(ids)`` takes integer ids [rows, tokens]. Where the fast path may be used (float32 weights
    on a CPU, no export) it gives a `IndexedVectors` whose table holds one vector for every distinct word of
    the batch; elsewhere a tensor [rows, tokens, size] with the same numbers.

    Args:
        n_words: rows of the table, padding and unknown included.
        size: size of a vector.
        padding_idx: the id that stands for no word.
        dropout: share of a vector's values set to zero in training. The mask is drawn for a word, not
            for a token: all of its places in a batch lose the same values (Gal and Ghahramani, "A
            Theoretically Grounded Application of Dropout in Recurrent Neural Networks", NIPS 2016).
        word_dropout: share of the tokens replaced by the unknown word in training. A vocabulary made
            from the training texts never meets an unknown word there; this is what trains its vector.
        type_dropout: share of a batch's distinct words whose vector is zero in training, at all their places.
            What a network learnt from one telling word, a film's title say, does not carry over to other
            texts; this makes it learn from the others too.
        initial: distribution of the first weights: ``"normal"`` (N(0, 1), as `torch.nn.Embedding`),
            ``"uniform"`` (within .07, as Gluon) or ``"xavier"``.

    `headstart.optim.LazyAdam` may owe some rows of ``weight`` a part of their steps; it says so by
    `postpone`. They are made before a row is read by `forward`, and before the whole weight is saved,
    loaded, copied or moved. Who reads ``weight`` by other means calls `catch_up` first.
    """

    def __init__(
        self,
        n_words: int,
        size: int,
        padding_idx: int = 0,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        *,
        type_dropout: float = 0.0,
        initial: Initial = "normal",
    ) -> None:
        super().__init__()
        _check_options(n_words, size, {"dropout": dropout, "word_dropout": word_dropout, "type_dropout": type_dropout})
        self.n_words = n_words
        self.size = size
        self.padding_idx = padding_idx
        self.dropout = dropout
        self.word_dropout = word_dropout
        self.type_dropout = type_dropout
        self.weight = nn.Parameter(torch.empty(n_words, size))
        self._catch_up: CatchUp | None = None
        self.register_state_dict_pre_hook(_catch_up_first)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_catch_up_first)  # type: ignore[no-untyped-call]
        self.reset_parameters(initial)

    def reset_parameters(self, initial: Initial = "normal") -> None:
        """Draw the vectors anew from the named distribution; padding's is zero."""
        if self.weight.is_meta:  # no values to draw; torch would import its compiler (two seconds) to do so
            return
        if initial == "normal":
            nn.init.normal_(self.weight)
        elif initial == "uniform":
            nn.init.uniform_(self.weight, -0.07, 0.07)
        elif initial == "xavier":
            nn.init.xavier_uniform_(self.weight)
        else:
            raise OptionError(f"initial={initial!r} names no distribution. Use one of: normal, uniform, xavier.")
        self.reset_padding()

    def reset_padding(self) -> None:
        """Set the padding id's vector to zero; call it after filling ``weight`` by other means."""
        with torch.no_grad():
            self.weight[self.padding_idx].zero_()

    def postpone(self, catch_up: CatchUp | None) -> None:
        """Let an optimizer put off steps of rows that are not read; None ends that.

        Args:
            catch_up: makes the steps pending to the given rows, int64, or to all rows for None.
                While it is set, the weight's gradients are sparse.
        """
        self.catch_up()
        self._catch_up = catch_up

    def catch_up(self, words: Places | None = None) -> None:
        """Bring ``weight`` up to date: the rows ``words``, or all of them."""
        if self._catch_up is not None:
            self._catch_up(words)

    def forward(self, ids: Tensor) -> Tensor | IndexedVectors:
        """Return the vectors of ``ids`` [rows, tokens]: a `IndexedVectors`, or a tensor [rows, tokens, size]."""
        if not isinstance(ids, Tensor):
            raise DataError(
                f"token ids are a {type(ids).__name__}; expected a tensor. Give the network batch.tensors() in place of batch."
            )
        if self.training and self.word_dropout > 0.0:
            ids = self._drop_words(ids)
        if may_gather(self.weight):
            return self._gather(ids)
        self.catch_up()
        if not (self.training and (self.dropout > 0.0 or self.type_dropout > 0.0)):
            return self._look_up(ids)
        words, index = torch.unique(ids, return_inverse=True)
        return IndexedVectors(self._drop_values(self._look_up(words)), index).dense()

    def _gather(self, ids: Tensor) -> IndexedVectors:
        words, index = distinct_words(ids, self.n_words)
        self.catch_up(words.numpy())
        look_up = self._look_up if self._catch_up is None else self._look_up_sparsely
        return IndexedVectors(self._drop_values(look_up(words)), index)

    def _look_up(self, ids: Tensor) -> Tensor:
        return functional.embedding(ids, self.weight, self.padding_idx)

    def _look_up_sparsely(self, words: Tensor) -> Tensor:
        table: Tensor = _SparseRows.apply(self.weight, words, self.padding_idx)  # type: ignore[no-untyped-call]
        return table

    def _drop_values(self, table: Tensor) -> Tensor:
        if self.training and self.type_dropout > 0.0:
            kept = torch.rand(len(table), 1, device=table.device) >= self.type_dropout
            table = table * kept.to(table.dtype)
        return functional.dropout(table, self.dropout, self.training)

    def _drop_words(self, ids: Tensor) -> Tensor:
        dropped = torch.rand(ids.shape, device=ids.device) < self.word_dropout
        return ids.masked_fill(dropped & (ids != self.padding_idx), UNKNOWN)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Any:
        self.catch_up()
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def __getstate__(self) -> Json:
        self.catch_up()
        return {**self.__dict__, "_catch_up": None}  # a copy owes nothing, and has no optimizer

    def extra_repr(self) -> str:
        """Return the options, for ``print(module)``."""
        shares = f"dropout={self.dropout}, word_dropout={self.word_dropout}, type_dropout={self.type_dropout}"
        return f"{self.n_words}, {self.size}, {shares}"


class _SparseRows(torch.autograd.Function):
    """``apply(weight, words, padding_idx) -> weight[words]``, each word once; the weight's gradient is sparse."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, words: Tensor, padding_idx: int) -> Tensor:
        ctx.shape, ctx.padding = weight.shape, (words == padding_idx).nonzero()[:, 0]
        ctx.save_for_backward(words)
        return torch.index_select(weight, 0, words, out=borrow(len(words), weight.shape[1]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradients: Tensor) -> tuple[Tensor, None, None]:
        (words,) = ctx.saved_tensors
        if gradients[ctx.padding].any():  # recurrent layers give padding none, and a copy costs more than looking
            gradients = gradients.index_fill(0, ctx.padding, 0.0)
        return torch.sparse_coo_tensor(words.unsqueeze(0), gradients, ctx.shape, check_invariants=False), None, None


def _catch_up_first(module: TokenEmbedding, *_state: object) -> None:
    module.catch_up()


def distinct_words(ids: Tensor, n_words: int) -> tuple[Tensor, Tensor]:
    """Return the distinct ids, int64 [distinct], and where each id stands among them, int32 like ``ids``.

    Takes ids on the CPU; raises IndexError if one is not in [0, n_words).
    """
    words, index = distinct(ids.numpy(), n_words)
    return torch.from_numpy(words), torch.from_numpy(index)


def _check_options(n_words: int, size: int, shares: dict[str, float]) -> None:
    if n_words < 2 or size < 1:
        raise OptionError(
            f"an embedding of {n_words} words with {size} values each cannot work. "
            "Give at least 2 words (padding and unknown) and a size from 1 up."
        )
    for name, share in shares.items():
        if not 0.0 <= share < 1.0:
            raise OptionError(
                f"{name}={share} is not a share of what to drop. Give a number from 0 up to, not with, 1."
            )
