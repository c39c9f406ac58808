"""A table of static vectors, as model2vec saves them: a text is the mean of its pieces' vectors.

    ids -> embeddings -> pooled (-> output)

Ids are ours: 0 is padding, 1 the unknown piece, and piece ``i`` of the model is ``i + 2``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.engines.options import check_static
from headstart.kernels.tokens import FIRST_WORD_ID
from headstart.layers import Stage, StageGraph, with_output
from headstart.plain import Options


class StaticEmbeddings(nn.Module):
    """A vector a piece; padding and the unknown piece have zeros."""

    def __init__(self, n_words: int, size: int) -> None:
        super().__init__()
        self.word = nn.Parameter(torch.zeros(n_words - FIRST_WORD_ID, size))

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids [rows, tokens] to vectors [rows, tokens, size]."""
        vectors = functional.embedding((ids.long() - FIRST_WORD_ID).clamp_min(0), self.word)
        return vectors * (ids >= FIRST_WORD_ID)[:, :, None]


class StaticPooled(nn.Module):
    """The mean over the known pieces of a text; zeros where there are none."""

    def __init__(self, *, normalize: bool) -> None:
        super().__init__()
        self.normalize = normalize

    def forward(self, vectors: Tensor, ids: Tensor) -> Tensor:
        """Pool vectors [rows, tokens, size] to [rows, size]."""
        n_known = (ids >= FIRST_WORD_ID).sum(1, keepdim=True).clamp_min(1)
        mean = vectors.sum(1) / n_known
        return functional.normalize(mean, dim=1) if self.normalize else mean


def static_encoder(n_words: int, options: Options) -> StageGraph:
    """Build the network from options, its weights zero.

    Raises:
        ArtifactError: an option is missing, unknown or out of bounds.
    """
    check_static(n_words, options)
    size = options["size"]
    embeddings, pooled = StaticEmbeddings(n_words, size), StaticPooled(normalize=options["normalize"])
    table = {
        "embeddings": Stage(embeddings, ("ids",), ("rows", "tokens", size)),
        "pooled": Stage(pooled, ("embeddings", "ids"), ("rows", size)),
    }
    return StageGraph(with_output(table, options))
