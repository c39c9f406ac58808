"""A linear part over listed n-grams of token ids, as a layer that can be frozen and fine-tuned.

Its features are the distinct n-grams of a text that stand in a list; each has a fixed scale, the text's
vector of scales is brought to length 1, and the layer's weights add it up. With Naive Bayes log-count ratios
times inverse document frequencies as scales this is NB-SVM (Wang and Manning, "Baselines and Bigrams", ACL
2012) with normalised texts, which is what makes it carry over to shorter and longer ones.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.arrays import Floats, Ids, Places
from headstart.kernels.ngrams import NgramTable, find_ngrams, sum_ngrams
from headstart.layers.indexed_vectors import obstacle
from headstart.plain import Json


class NgramLogit(nn.Module):
    """Sums the weights of a text's listed n-grams.

    ``forward(ids, lengths)`` takes ids [rows, tokens] and lengths [rows], and gives [rows, outputs]. The n-grams
    are found by a compiled loop on the CPU, wherever the weights are.

    Args:
        n_ngrams: length of the list.
        longest: ids in the longest n-gram, 1 to 3.
        n_words: where the ids are first replaced by group numbers (word clusters): size of the vocabulary;
            None reads the ids themselves.
        last: share of each text that is read, its end: reviewers sum up there.
        n_outputs: sums a text, each by weights of its own.

    Attributes:
        listed: n-grams as numbers (see `headstart.kernels.ngrams`), ascending, int64 [n_ngrams].
        scale: what each counts for before the text is normalised, float32 [n_ngrams].
        weight: what each says, float32 [n_ngrams], of several outputs [n_ngrams, outputs]; trained.
        group: group number of each word, int32 [n_words]; 0 and 1 stay padding and unknown. Or None.
    """

    listed: Tensor
    scale: Tensor
    group: Tensor | None

    def __init__(
        self, n_ngrams: int, *, longest: int = 3, n_words: int | None = None, last: float = 1.0, n_outputs: int = 1
    ) -> None:
        super().__init__()
        self.longest = longest
        self.last = last
        self.register_buffer("listed", torch.zeros(n_ngrams, dtype=torch.int64))
        self.register_buffer("scale", torch.zeros(n_ngrams))
        self.register_buffer("group", None if n_words is None else torch.zeros(n_words, dtype=torch.int32))
        self.weight = nn.Parameter(torch.zeros((n_ngrams,) if n_outputs == 1 else (n_ngrams, n_outputs)))
        self._table: tuple[int, NgramTable] | None = None

    def set_list(self, listed: Places, scale: Floats, weight: Floats) -> None:
        """Take on a list of n-grams, with scales [n_ngrams] and weights [n_ngrams], or [n_ngrams, outputs]."""
        self.listed = torch.from_numpy(np.ascontiguousarray(listed))
        self.scale = torch.from_numpy(np.asarray(scale, np.float32))
        self.weight = nn.Parameter(torch.from_numpy(np.asarray(weight, np.float32).copy()))
        self._table = None

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the sum of the weights of each row's n-grams [rows, outputs]."""
        values, offsets = self._read(ids, lengths)
        if not torch.is_grad_enabled() and self.weight.dim() == 1 and obstacle(self.weight) is None:
            weights = self.weight.detach().numpy()
            sums = sum_ngrams(self.table(), values, offsets, self.scale.numpy(), weights)
            return torch.from_numpy(sums).unsqueeze(1)
        found, ends = find_ngrams(self.table(), values, offsets)
        device = self.weight.device
        places = torch.from_numpy(found.astype(np.int64)).to(device)
        counts = torch.from_numpy(np.diff(ends)).to(device)
        rows = torch.repeat_interleave(torch.arange(len(counts), device=device), counts)
        scales = self.scale[places]
        squares = torch.zeros(len(counts), dtype=scales.dtype, device=device).index_add_(0, rows, scales * scales)
        norms = squares.sqrt().clamp(min=1e-12)
        # A text's n-grams are added in the order in which they stand in it: the same sum in any batch.
        return functional.embedding_bag(
            places,
            self.weight.unsqueeze(1) if self.weight.dim() == 1 else self.weight,
            torch.from_numpy(ends[:-1]).to(device),
            mode="sum",
            per_sample_weights=scales / norms[rows],
        )

    def _read(self, ids: Tensor, lengths: Tensor) -> tuple[Ids, Places]:
        """Return what is read of each row, as ragged values and offsets."""
        rectangle, row_lengths = ids.detach().cpu().numpy(), lengths.detach().cpu().numpy()
        if self.group is not None:
            rectangle = self.group.cpu().numpy()[rectangle]
        starts = ending(row_lengths, self.last)
        offsets = np.zeros(len(row_lengths) + 1, np.int64)
        np.cumsum(row_lengths - starts, out=offsets[1:])
        places = np.arange(rectangle.shape[1])
        read = (places >= starts[:, None]) & (places < row_lengths[:, None])
        return rectangle[read].astype(np.int32, copy=False), offsets

    def table(self) -> NgramTable:
        """Return the list as a table for looking up; made anew when the list has been replaced."""
        key = self.listed.data_ptr()
        if self._table is None or self._table[0] != key:
            self._table = (key, NgramTable(self.listed.cpu().numpy(), self.longest))
        return self._table[1]

    def __getstate__(self) -> Json:
        return {**self.__dict__, "_table": None}

    def extra_repr(self) -> str:
        """Return the options, for ``print(module)``."""
        return f"{len(self.weight)} n-grams, longest={self.longest}, grouped={self.group is not None}, last={self.last}"


def ending(lengths: Places, last: float) -> Places:
    """Return where the last `last` (a share) of each text begins, int64 like `lengths`; never behind its last token."""
    return (lengths * (1.0 - last)).astype(np.int64)
