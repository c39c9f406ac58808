"""Words that a base has never seen: they get ids of their own, and vectors from the company they keep.

Ids, vectors and weights of the base's own words stay as they are, so that texts without new words score as
before, to the bit.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from torch import nn

from headstart.corpus import Corpus
from headstart.layers import NgramLogit
from headstart.predictor import NetworkScorer, Predictor
from headstart.text import RaggedIds, TokenIndexer, encode, fit_steps

_WINDOW = 5
_LEAST_SIMILARITY = 0.3
_RIDGE = 1.0


@dataclass(frozen=True)
class Extended:
    """A base that knows a target's words.

    Attributes:
        predictor: the base with a longer vocabulary.
        n_new_words: words added.
        unknown_token_rate: share of the target's tokens that were unknown to the base.
        unknown_token_rate_after: the same with the new words.
    """

    predictor: Predictor
    n_new_words: int
    unknown_token_rate: float
    unknown_token_rate_after: float


def extend_vocabulary(base: Predictor, corpus: Corpus, *, min_count: int = 2) -> Extended:
    """Give the target's words that occur `min_count` times or more an id and a vector in a copy of the base.

    A new word's vector is a linear map of the mean vector of the words around it; the map is learnt on
    the words that the base knows: Khodak et al., "A La Carte Embedding", ACL 2018. In a clustered part a new
    word joins the cluster that its vector is nearest to, if it is near to any.
    """
    before = encode(base.steps, corpus.texts)
    steps, n_new = _with_new_words(base.steps, corpus, min_count)
    rate = before.n_unknown / max(before.n_tokens, 1)
    if not n_new or not isinstance(base.scorer, NetworkScorer):
        return Extended(base, 0, rate, rate)
    after = encode(steps, corpus.texts)
    net = copy.deepcopy(base.scorer.net)
    spec = base.scorer.spec.replace(n_words=steps[-1].n_ids)
    _lengthen(net, after.ids, n_new)
    longer = replace(base.with_text(steps=steps), scorer=NetworkScorer(net, spec))
    return Extended(longer, n_new, rate, after.n_unknown / max(after.n_tokens, 1))


def _with_new_words(steps: Any, corpus: Corpus, min_count: int) -> tuple[Any, int]:
    indexer = steps[-1]
    found = fit_steps(
        clone(steps).set_params(token_indexer__min_count=min_count, token_indexer__max_size=None), corpus.texts
    )[-1]
    known = set(indexer.vocabulary_.to_pylist())
    words, counts = found.vocabulary_.to_pylist()[2:], found.counts_[2:]
    fresh = [(word, int(count)) for word, count in zip(words, counts, strict=True) if word not in known]
    if not fresh:
        return steps, 0
    longer = TokenIndexer.from_vocabulary(
        indexer.vocabulary_.to_pylist() + [word for word, _ in fresh],
        np.append(indexer.counts_, [count for _, count in fresh]),
        min_count=indexer.min_count,
        max_size=None,
    )
    extended = copy.copy(steps)
    extended.steps = [*steps.steps[:-1], (steps.steps[-1][0], longer)]
    return extended, len(fresh)


def _lengthen(net: nn.Module, ids: RaggedIds, n_new: int) -> None:
    """Add rows to the embedding, and groups to every clustered part."""
    embedding: Any = net.get_submodule("embedding")
    old = embedding.weight.detach().cpu().numpy()
    new = _vectors_of_cooccurrences(old, ids, n_new)
    embedding.weight = nn.Parameter(torch.from_numpy(np.concatenate([old, new])))
    for name in ("n_words", "num_embeddings"):
        if hasattr(embedding, name):
            setattr(embedding, name, len(old) + n_new)
    for part in net.modules():
        if isinstance(part, NgramLogit) and part.group is not None:
            groups = part.group.cpu().numpy()
            part.group = torch.from_numpy(np.concatenate([groups, _nearest_groups(old, groups, new)]))


def _vectors_of_cooccurrences(old: NDArray[np.float32], ids: RaggedIds, n_new: int) -> NDArray[np.float32]:
    """Return vectors for the `n_new` ids behind those of `old` [words, size], float32 [n_new, size]."""
    n_old = len(old)
    company = _cooccurrences(ids, n_old, n_old + n_new)
    around = np.asarray(company @ old)
    around /= np.maximum(np.asarray(company.sum(1)), 1e-9)
    met = np.flatnonzero(np.asarray(company.sum(1)).ravel()[:n_old] > 0)
    met = met[met >= 2]
    if len(met) < 2 * old.shape[1]:
        return np.repeat(old[1:2], n_new, axis=0)  # too few words to learn a map from: as the unknown word
    inside = around[met]
    penalty = _RIDGE * np.trace(inside.T @ inside) / old.shape[1] * np.eye(old.shape[1], dtype=np.float32)
    mapped = np.linalg.solve(inside.T @ inside + penalty * 0.01, inside.T @ old[met])
    return np.asarray(around[n_old:] @ mapped, np.float32)


def _cooccurrences(ids: RaggedIds, n_old: int, n_words: int) -> Any:
    """Return how often each word stood near each word that the base knows, sparse [n_words, n_old]."""
    text_of = np.repeat(np.arange(len(ids), dtype=np.int32), ids.lengths)
    counts: Any = sp.csr_matrix((n_words, n_old), dtype=np.float32)
    for distance in range(1, _WINDOW + 1):
        same = text_of[distance:] == text_of[:-distance]
        before, after = ids.values[:-distance][same], ids.values[distance:][same]
        for word, other in ((before, after), (after, before)):
            kept = (other < n_old) & (other >= 2) & (word >= 2)
            ones = np.ones(int(kept.sum()), np.float32)
            counts = counts + sp.coo_matrix((ones, (word[kept], other[kept])), shape=counts.shape).tocsr()
    return counts


def _nearest_groups(old: NDArray[np.float32], groups: NDArray[np.int32], new: NDArray[np.float32]) -> NDArray[np.int32]:
    unit = old / np.maximum(np.linalg.norm(old, axis=1, keepdims=True), 1e-9)
    n_groups = int(groups.max()) + 1
    members = sp.csr_matrix((np.ones(len(old), np.float32), (groups, np.arange(len(old)))), shape=(n_groups, len(old)))
    centres = members @ unit
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    centres[:2] = 0.0
    similarity = (new / np.maximum(np.linalg.norm(new, axis=1, keepdims=True), 1e-9)) @ centres.T
    nearest = similarity.argmax(1)
    return np.where(similarity.max(1) >= _LEAST_SIMILARITY, nearest, 1).astype(np.int32)
