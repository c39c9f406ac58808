"""How the parts of a `blend` network are found: lists of n-grams, clusters of words, and the weight of each part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.arrays import Array, Floats, Ids, Places
from headstart.batches import Examples
from headstart.fitting.logistic import SparseRows, fit_dual
from headstart.inference import network_outputs
from headstart.kernels.ngrams import NgramTable, count_ngrams, find_ngrams, ngram_lengths
from headstart.layers import NgramLogit, StageGraph
from headstart.layers.embedding import UNKNOWN
from headstart.layers.ngrams import ending
from headstart.nets.blend import MOST_NGRAMS, PARTS
from headstart.spill import Growing, slices
from headstart.text import RaggedIds
from headstart.vectors import FIRST_WORD

BRANCH_WEIGHTS = {"ngrams": 1.0, "clusters": 0.5, "deep": 0.5}
"""What each part counts for once its scores are brought to one spread; chosen on IMDB's validation rows and
three other sets (docs/log.md), and the same for every base."""

_COST = 30.0
_TAIL = 0.4
"""Length of the features of a text's end, where those of the whole text have 1."""
_FEW = 1000
_FOUND_AT_ONCE = 1 << 16
_PIECE = 8000
"""Rows whose features are put side by side at a time, so that only so many are ever there twice."""


def fit_all_ngrams(
    net: StageGraph,
    examples: Examples,
    goals: Floats,
    vectors: NDArray[np.float32] | None,
    counts: NDArray[np.int64],
    most: int = MOST_NGRAMS,
) -> dict[str, Floats]:
    """Set both n-gram parts of a `blend` network from the training texts, and return the intercepts of each [outputs].

    Args:
        net: changed in place.
        examples: the training texts.
        goals: what its outputs learn of them [rows], or [rows, outputs].
        vectors: word vectors to cluster, float32 [n_words, size]; None leaves the clustered part empty.
        counts: of each word in training [n_words].
        most: n-grams in a list.
    """
    few = len(examples) < _FEW
    ends = examples.ids.skip(ending(examples.ids.lengths, branch_of(net, "tail").last))
    intercepts = {}
    intercepts["ngrams"] = fit_ngram_branches(
        [(branch_of(net, "ngrams"), examples.ids, 1.0), (branch_of(net, "tail"), ends, _TAIL)],
        goals,
        least_rows=(1, 2, 2) if few else (2, 3, 4),
        weights=examples.weights,
        most=most,
    )
    if vectors is not None:
        part = branch_of(net, "clusters")
        groups = cluster_words(vectors, counts)
        part.group = torch.from_numpy(groups)
        clustered = examples.ids.replaced(groups)
        least = (1, 2, 2) if few else (1, 2, 3)
        intercepts["clusters"] = fit_ngram_branches(
            [(part, clustered, 1.0)], goals, least_rows=least, weights=examples.weights, most=most
        )
    return intercepts


def without_rare(examples: Examples, known: NDArray[np.bool_]) -> Examples:
    """Return the rows with every word that is not `known` [n_words] replaced by the unknown word."""
    by = np.where(known, np.arange(len(known), dtype=np.int32), np.int32(UNKNOWN))
    return replace(examples, ids=examples.ids.replaced(by))


def share_unknown(net: nn.Module, known: NDArray[np.bool_]) -> None:
    """Give every word that is not `known` [n_words] the unknown word's vector, so that the network reads it as that."""
    weight = net.get_parameter("embedding.weight")
    others = ~known
    others[:FIRST_WORD] = False
    with torch.no_grad():
        weight[torch.from_numpy(others)] = weight[UNKNOWN].clone()


def list_sizes(net: nn.Module) -> dict[str, int]:
    """Return the options of a `blend` network that its lists decide."""
    options = {"n_ngrams": "ngrams", "n_cluster_ngrams": "clusters", "n_tail_ngrams": "tail"}
    return {option: len(branch_of(net, name).weight) for option, name in options.items()}


def fit_ngram_branches(
    parts: Sequence[tuple[NgramLogit, RaggedIds, float]],
    goals: Floats,
    *,
    least_rows: Sequence[int],
    weights: Array | None = None,
    most: int = MOST_NGRAMS,
) -> Floats:
    """List the n-grams of the training texts, set their scales and weights together, and return the intercepts [outputs].

    Args:
        parts: each filled in place, with what it reads of the training texts (ids, their ends or their clusters)
            and the length that its features have.
        goals: what the outputs learn [rows], or [rows, outputs]: each output by itself.
        least_rows: in how many texts an n-gram of 1, 2, 3 ids must stand to be listed.
        weights: what each row counts for [rows], in the scales too; None counts all alike.
        most: n-grams in a list.
    """
    lists = [list_ngrams(ids, goals, part.longest, least_rows, weights, most) for part, ids, _ in parts]
    # By lot, so that every piece holds both classes: of rows that come sorted by label, pieces of one class would pull the
    # weights to and fro, and the sweeps would end far from the best.
    order = np.random.default_rng(0).permutation(len(goals))
    read = [(ids, part.longest, length) for part, ids, length in parts]
    of_rows = None if weights is None else weights[order]
    features = _features(read, lists, order)
    each = goals[order].reshape(len(order), -1).T
    solved = [fit_dual(features, goal, _COST, weights=of_rows) for goal in each]
    found = solved[0][0] if goals.ndim == 1 else np.stack([weights for weights, _ in solved], axis=1)
    own = np.split(found, np.cumsum([len(listed) for listed, _ in lists])[:-1])
    for (part, _, length), (listed, scale), weight in zip(parts, lists, own, strict=True):
        part.set_list(listed, scale, weight * np.float32(length))
    return np.array([intercept for _, intercept in solved], np.float32)


def _features(
    read: Sequence[tuple[RaggedIds, int, float]],
    lists: Sequence[tuple[NDArray[np.int64], NDArray[np.float32]]],
    order: NDArray[np.int64],
) -> list[SparseRows]:
    """Return what all parts weigh, side by side: some thousands of rows after another.

    Args:
        read: of each part its ids, its longest n-gram, and the length of its features.
        lists: of each part its n-grams and their scales.
        order: in which the rows are wanted [rows].
    """
    tables = [NgramTable(listed, longest) for (listed, _), (_, longest, _) in zip(lists, read, strict=True)]
    pieces, places, values = [], Growing(np.int32), Growing(np.float32)
    for start in range(0, max(len(order), 1), _PIECE):
        rows = order[start : start + _PIECE]
        blocks = [
            _weighed(table, scale, ids.take(rows), np.float32(length))
            for table, (_, scale), (ids, _, length) in zip(tables, lists, read, strict=True)
        ]
        piece = SparseRows.of(sp.hstack(blocks, format="csr"))
        places.append(piece.places)
        values.append(piece.values)
        pieces.append(replace(piece, places=piece.places[:0], values=piece.values[:0]))
    at = np.cumsum([0, *(piece.ends[-1] for piece in pieces)])
    own = [slice(*ends) for ends in pairwise(at)]
    whole = places.finish(), values.finish()
    return [replace(piece, places=whole[0][of], values=whole[1][of]) for piece, of in zip(pieces, own, strict=True)]


def list_ngrams(
    ids: RaggedIds,
    goals: Floats,
    longest: int,
    least_rows: Sequence[int],
    weights: Array | None = None,
    most: int = MOST_NGRAMS,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the n-grams that stand in enough texts, ascending, and their scales; at most so many, those of the most texts.

    A scale is the n-gram's Naive Bayes log-count ratio (add-one) times its inverse document frequency; of several outputs the
    ratio furthest from zero, so that one list serves all. A text of weight 2 counts twice, also towards `least_rows`; a light
    one counts once there.
    """
    n_rows: Array
    n_positive: Array
    standing: Array
    positive = goals > 0.5 if goals.ndim == 1 else np.zeros(len(goals), bool)
    unweighted = (1, 1, 1) if weights is not None else least_rows  # a text of weight 2 stands in two rows
    listed, n_rows, n_positive = count_ngrams(ids.values, ids.offsets, positive, longest, least_rows=unweighted)
    total, standing = float(len(ids)), n_rows
    if weights is not None:
        n_rows = weighted_counts(listed, longest, ids, weights)
        n_positive = weighted_counts(listed, longest, ids, weights * positive)
        total, standing = float(weights.sum()), np.maximum(standing, n_rows)
    kept = standing >= np.array(least_rows)[ngram_lengths(listed) - 1]
    if kept.sum() > most:  # those of the most rows; where some that stand in as many have no room, none of these
        rarest = np.partition(standing[kept], -most - 1)[-most - 1]
        kept &= standing > rarest
    listed, n_rows, n_positive = listed[kept], n_rows[kept], n_positive[kept]
    idf = np.log((1 + total) / (1 + n_rows)) + 1
    if goals.ndim == 2:
        ratio = _furthest_ratio(listed, longest, ids, goals if weights is None else goals * weights[:, None], n_rows)
        return listed, (ratio * idf).astype(np.float32)
    high, low = n_positive + 1.0, n_rows - n_positive + 1.0
    ratio = np.log((high / high.sum()) / (low / low.sum()))
    return listed, (ratio * idf).astype(np.float32)


def _furthest_ratio(
    listed: NDArray[np.int64], longest: int, ids: RaggedIds, goals: Array, n_rows: Array
) -> NDArray[np.float64]:
    """Return, of each n-gram's log-count ratios for one output against the rest, how far the furthest is from zero [listed]."""
    positive, furthest = np.zeros((goals.shape[1], len(listed))), np.zeros(len(listed))
    for rows, found, ends in _found(listed, longest, ids):
        shape = (len(ends) - 1, len(listed))
        present = sp.csr_matrix((np.ones(len(found), np.float32), found, ends), shape=shape).T.tocsr()
        for sums, goal in zip(positive, goals[rows].T, strict=True):
            sums += present @ goal
    for sums in positive:
        high = sums + 1.0
        low = np.maximum(n_rows - high + 1.0, 0.0) + 1.0
        furthest = np.maximum(furthest, np.abs(np.log((high / high.sum()) / (low / low.sum()))))
    return furthest


def weighted_counts(listed: NDArray[np.int64], longest: int, ids: RaggedIds, weights: Array) -> NDArray[np.float64]:
    """Return the weight of all rows in which each listed n-gram stands [listed]."""
    total, weights = np.zeros(len(listed)), np.asarray(weights, np.float64)
    for rows, found, ends in _found(listed, longest, ids):
        total += np.bincount(found, np.repeat(weights[rows], np.diff(ends)), len(listed))
    return total


def _found(listed: NDArray[np.int64], longest: int, ids: RaggedIds) -> Iterator[tuple[slice, Ids, Places]]:
    """Yield some rows at a time, and which listed n-grams stand in each; see `find_ngrams`."""
    table = NgramTable(listed, longest)
    for rows in slices(ids.offsets[:-1], 8 * _FOUND_AT_ONCE):
        ends = ids.offsets[rows.start : rows.stop + 1]
        yield rows, *find_ngrams(table, ids.values[ends[0] : ends[-1]], ends - ends[0])


def ngram_features(listed: NDArray[np.int64], scale: NDArray[np.float32], ids: RaggedIds, longest: int) -> Any:
    """Return what an `NgramLogit` weighs, sparse CSR [rows, listed], every row of length 1 (or 0)."""
    return _weighed(NgramTable(listed, longest), scale, ids, np.float32(1))


def _weighed(table: NgramTable, scale: NDArray[np.float32], ids: RaggedIds, length: np.float32) -> Any:
    found, ends = find_ngrams(table, ids.values, ids.offsets)
    values = scale[found]
    squared = np.add.reduceat(np.append(values * values, 0), np.minimum(ends[:-1], len(values))) * (np.diff(ends) > 0)
    norms = np.sqrt(np.maximum(squared, 1e-24)).astype(np.float32)
    values *= length / np.repeat(norms, np.diff(ends))
    return sp.csr_matrix((values, found, ends), shape=(len(ids), table.n))


def cluster_words(
    vectors: NDArray[np.float32],
    counts: NDArray[np.int64],
    *,
    n_clusters: int = 1000,
    n_alone: int = 100,
    n_steps: int = 8,
) -> NDArray[np.int32]:
    """Return the group of each word, int32 [n_words]: clusters by direction of the word vectors.

    Spherical k-means (Dhillon and Modha, 2001), words weighing by the root of their counts, started from the
    commonest words, so that it is the same on every run. Padding and unknown stay 0 and 1; the `n_alone`
    commonest words, which are function words mostly, are groups of their own.

    Args:
        vectors: float32 [n_words, size], by falling count from id 2 on.
        counts: of each word [n_words].
        n_clusters: how many clusters; fewer where there are fewer words.
        n_alone: how many of the commonest words keep a group each.
        n_steps: rounds of k-means.
    """
    n_words = len(vectors)
    if n_words <= FIRST_WORD:  # no text holds a word
        return np.arange(n_words, dtype=np.int32)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    weights = np.sqrt(np.maximum(counts, 1)).astype(np.float32)
    n_clusters = max(1, min(n_clusters, n_words - 2))
    centres = unit[2 : 2 + n_clusters].copy()
    for _ in range(n_steps):
        nearest = _nearest(unit, centres)
        members = sp.csr_matrix((weights[2:], (nearest[2:], np.arange(2, n_words))), shape=(n_clusters, n_words))
        sums = members @ unit
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-9), centres).astype(np.float32)
    groups = (_nearest(unit, centres) + 2).astype(np.int32)
    groups[:2] = (0, 1)
    alone = min(n_alone, n_words - 2)
    groups[2 : 2 + alone] = np.arange(2 + n_clusters, 2 + n_clusters + alone)
    return groups


def weigh_branches(
    net: StageGraph,
    examples: Examples,
    part_weights: dict[str, float] | None = None,
    *,
    device: str | torch.device = "cpu",
) -> None:
    """Set the weights of the output: each part's share over the spread of its scores on these rows."""
    shares = BRANCH_WEIGHTS if part_weights is None else part_weights
    scores = network_outputs(net, examples, (*shares, "tail"), device=device)
    scores["ngrams"] = scores["ngrams"] + scores["tail"]  # solved together, so they are one opinion
    spreads = {part: spread_of(scores[part]) for part in shares}
    # A part that says one thing of all rows has no say: divided by next to nothing, it would shout on other texts.
    weights = {part: share / spreads[part] if spreads[part] > 1e-6 else 0.0 for part, share in shares.items()}
    means = sum(weight * float(scores[part].mean()) for part, weight in weights.items())
    output: Any = net.get_submodule("output")
    with torch.no_grad():
        output.weight.copy_(torch.tensor([*weights.values(), weights["ngrams"]]))
        if len(output.bias) == 1:  # of several outputs, see `set_intercepts`
            output.bias.fill_(-means)


def set_intercepts(net: StageGraph, intercepts: Mapping[str, Floats]) -> None:
    """Give several outputs the intercepts of the n-gram parts [outputs], weighed as the parts are; the recurrent one has its own."""
    output: Any = net.get_submodule("output")
    if len(output.bias) == 1:
        return
    weights = dict(zip(PARTS, output.weight.tolist(), strict=True))
    with torch.no_grad():
        output.bias.copy_(torch.from_numpy(np.sum([weights[part] * one for part, one in intercepts.items()], axis=0)))


def spread_of(scores: Array) -> float:
    """Return the standard deviation of scores [rows, outputs]; of several outputs, of what tells them apart within a row."""
    if scores.shape[1] == 1:
        return float(scores.std())
    apart = scores - scores.mean(1, keepdims=True)
    return float((apart - apart.mean(0)).std())


def branch_of(net: nn.Module, name: str) -> NgramLogit:
    """Return a network's n-gram part by name."""
    part = net.get_submodule(name)
    if not isinstance(part, NgramLogit):
        raise TypeError(
            f"the stage {name!r} is a {type(part).__name__} and no NgramLogit; name 'ngrams' or 'clusters'."
        )
    return part


def _nearest(unit: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    pieces = [(unit[i : i + 8192] @ centres.T).argmax(1) for i in range(0, len(unit), 8192)]
    return np.concatenate(pieces)
