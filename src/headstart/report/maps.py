"""Maps of vectors: t-SNE in two dimensions, and how well labels fall apart on one."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.errors import DataError, OptionError
from headstart.evaluation.binary import auc
from headstart.extras import learning_half, optional

Floats = npt.NDArray[np.float64]

FEWEST_POINTS = 5
"""A map of fewer points than this says nothing that a table would not say better."""


def tsne(
    vectors: npt.ArrayLike,
    *,
    n_components: int = 2,
    perplexity: float = 30.0,
    n_iter: int = 750,
    random_state: int = 0,
) -> Floats:
    """Points [n, n_components] whose neighbours are the neighbours of the vectors [n, size] (van der Maaten, 2008).

    Starts from the principal components, so that the large order of the map means something; the first
    third of the iterations, 250 at most, exaggerate attraction. ``perplexity`` is about how many neighbours
    count. The same vectors, options and seed give the same map. Equal vectors land close to one another.

    Raises OptionError for other than 2 or 3 components, a perplexity below 1 or above (n - 1) / 3, or too
    few iterations; DataError for fewer than 5 vectors or values that are not finite;
    MissingDependencyError without openTSNE (extra ``plots``).
    """
    points = _checked(vectors)
    _check_options(len(points), n_components, perplexity, n_iter)
    exaggerated = min(250, n_iter // 3)
    embedding = optional("openTSNE", "plots", "Drawing a t-SNE map").TSNE(
        n_components=n_components,
        perplexity=perplexity,
        initialization=_principal(points, n_components, random_state),
        early_exaggeration_iter=exaggerated,
        n_iter=n_iter - exaggerated,
        random_state=random_state,
        n_jobs=1,  # more threads would add up in another order on every run
    )
    return np.array(embedding.fit(points), dtype=np.float64)


def _checked(vectors: npt.ArrayLike) -> Floats:
    points = np.asarray(vectors, dtype=np.float64)
    if points.ndim != 2 or not points.shape[1]:
        raise DataError(
            f"A map needs vectors in an array [n, size], but it got an array of shape {points.shape}. "
            "Take the layer's output for each word or text as one row, pooled over tokens where there are several."
        )
    if len(points) < FEWEST_POINTS:
        raise DataError(
            f"A map needs {FEWEST_POINTS} vectors or more, but it got {len(points)}. "
            "Name more words or texts; words that are not in the vocabulary have no vector and do not count."
        )
    broken = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(broken):
        raise DataError(
            f"{len(broken)} of {len(points)} vectors of a map hold NaN or infinity, the first in row {broken[0]}. "
            "Leave these rows out, or look for the step that made them: training may have diverged."
        )
    return points


def _check_options(n: int, n_components: int, perplexity: float, n_iter: int) -> None:
    if n_components != 2:
        raise OptionError(f"A map has 2 dimensions, but n_components is {n_components!r}. Pass 2, or leave it out.")
    most = (n - 1) / 3
    if not 1 <= perplexity <= most:
        raise OptionError(
            f"The perplexity {perplexity:g} does not fit {n} points: it is about the number of neighbours that count "
            f"for each point, so it must lie between 1 and (n - 1) / 3 = {most:.1f}. "
            f"Pass a perplexity of {math.floor(most)} or less, or more points."
        )
    if n_iter < 10:
        raise OptionError(f"A map got n_iter={n_iter}, too few for points to move into place. Pass 250 or more.")


def _principal(points: Floats, n_components: int, random_state: int) -> Floats:
    """The first principal components at the tiny scale that t-SNE starts from, and a jitter that parts equals."""
    centred = points - points.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    start = np.zeros((len(points), n_components))
    k = min(n_components, left.shape[1])
    start[:, :k] = left[:, :k] * sizes[:k]
    start *= 1e-4 / (start[:, 0].std() or 1.0)
    return np.asarray(start + np.random.default_rng(random_state).normal(scale=1e-6, size=start.shape))


def neighbour_vote_auc(points: npt.ArrayLike, labels: npt.ArrayLike, *, n_neighbours: int = 10) -> float:
    """How far two labels fall apart on a map: the AUC of each point's vote by its nearest others.

    ``points`` [n, 2], ``labels`` [n] of 0 and 1. A point's score is the share of label 1 among its
    nearest ``n_neighbours`` (fewer when there are not so many), itself left out. 1 means that the labels
    part; points without any order score somewhat under .5, because each is missing from its own
    label's voters. Raises DataError unless both labels occur.
    """
    places, truth = np.asarray(points, dtype=np.float64), np.asarray(labels)
    if len(places) != len(truth) or set(np.unique(truth).tolist()) != {0, 1}:
        raise DataError(
            f"A vote of neighbours got {len(places)} points and {len(truth)} labels with the values "
            f"{np.unique(truth)[:5].tolist()}, but it needs one label a point, and both 0 and 1 among them. "
            "Give each point the label 0 or 1."
        )
    neighbours = learning_half("sklearn.neighbors", "Counting a map's neighbours")

    voters = neighbours.NearestNeighbors(n_neighbors=min(n_neighbours, len(places) - 1)).fit(places)
    nearest = voters.kneighbors(return_distance=False)  # of no query: each point's own is left out
    votes: Any = truth[nearest].mean(axis=1)
    return auc(truth, votes)
