"""Word vectors from who stands next to whom: where a network's embedding starts, in seconds and without labels.

Started from noise, an embedding learns only what the labels of the source say of a word, and words that are
rare there stay noise. Started from these vectors, words used alike begin alike, which carries over to other
texts: see docs/log.md for what it measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from headstart.arrays import Floats
from headstart.text import RaggedIds

FIRST_WORD = 2  # 0 is padding, 1 is unknown
_MOST_TOKENS = 12_000_000
_SMOOTHING = 0.75  # of the context counts: Levy, Goldberg and Dagan, "Improving Distributional Similarity", 2015
_POWER_STEPS = 3
_SPARE = 16


def cooccurrence_vectors(
    ids: RaggedIds, n_words: int, size: int, *, window: int = 5, n_contexts: int = 5000, random_state: int = 0
) -> Floats:
    """Return a vector a word, float32 [n_words, size]; padding, unknown and words without neighbours are zero.

    Counts of neighbours within `window` tokens, nearer ones weighing more, become positive pointwise mutual
    information with the `n_contexts` commonest words, and that matrix is factorised: Levy and Goldberg,
    "Neural Word Embedding as Implicit Matrix Factorization", NIPS 2014; the factors by random projection:
    Halko, Martinsson and Tropp, "Finding Structure with Randomness", 2011. The mean length is 1.

    Args:
        ids: tokens of the texts; beyond 12 million tokens an even sample of the texts counts.
        n_words: size of the vocabulary, whose ids fall with the words' frequency.
        size: values of a vector.
        window: how far a neighbour may stand.
        n_contexts: how many of the commonest words count as neighbours.
        random_state: seed of the projection.
    """
    ids = _sampled(ids)
    n_contexts = min(n_contexts, n_words)
    associations = _positive_information(_neighbours(ids, n_words, n_contexts, window))
    size_found = min(size, max(1, min(associations.shape) - 1))
    left, values = _leading(associations, size_found, random_state)
    vectors = np.zeros((n_words, size), np.float32)
    vectors[:, :size_found] = left * np.sqrt(values)
    lengths = np.linalg.norm(vectors, axis=1)
    mean = lengths[lengths > 0].mean() if (lengths > 0).any() else 1.0
    found: Floats = vectors / np.float32(mean)
    return found


def _sampled(ids: RaggedIds) -> RaggedIds:
    if ids.values.size <= _MOST_TOKENS:
        return ids
    step = int(np.ceil(ids.values.size / _MOST_TOKENS))
    return ids.take(np.arange(0, len(ids), step))


def _neighbours(ids: RaggedIds, n_words: int, n_contexts: int, window: int) -> Any:
    """Return how often each word stood near each context word, sparse [n_words, n_contexts]."""
    text_of = np.repeat(np.arange(len(ids), dtype=np.int32), ids.lengths)
    counts: Any = sp.csr_matrix((n_words, n_contexts), dtype=np.float32)
    for distance in range(1, window + 1):
        same = text_of[distance:] == text_of[:-distance]
        before, after = ids.values[:-distance][same], ids.values[distance:][same]
        for word, context in ((before, after), (after, before)):
            kept = (context < n_contexts) & (word >= FIRST_WORD) & (context >= FIRST_WORD)
            weights = np.full(int(kept.sum()), 1 / distance, np.float32)
            counts = counts + sp.coo_matrix((weights, (word[kept], context[kept])), shape=counts.shape).tocsr()
    return counts


def _positive_information(counts: Any) -> Any:
    """Return positive pointwise mutual information of counts, sparse and of the same shape."""
    of_word = np.asarray(counts.sum(1)).ravel() + 1e-9
    of_context = (np.asarray(counts.sum(0)).ravel() + 1e-9) ** _SMOOTHING
    of_context /= of_context.sum()
    cells = counts.tocoo()
    information = np.log(cells.data / (of_word[cells.row] * of_context[cells.col]))
    kept = information > 0
    values = information[kept].astype(np.float32)
    return sp.csr_matrix((values, (cells.row[kept], cells.col[kept])), shape=counts.shape)


def _leading(matrix: Any, size: int, random_state: int) -> tuple[Floats, Floats]:
    """Return the leading left singular vectors [rows, size] and singular values [size]."""
    wide = min(size + _SPARE, *matrix.shape)
    start = np.random.default_rng(random_state).standard_normal((matrix.shape[1], wide)).astype(np.float32)
    transposed = matrix.T.tocsr()
    for _ in range(_POWER_STEPS):
        basis, _ = np.linalg.qr(matrix @ start)
        start = transposed @ basis
    left, values, right = np.linalg.svd(start.T, full_matrices=False)
    signs = np.where(right[np.arange(len(right)), np.abs(right).argmax(1)] < 0, -1, 1)  # else they may flip by machine
    return (basis @ left * signs)[:, :size].astype(np.float32), values[:size].astype(np.float32)
