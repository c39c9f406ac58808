from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from headstart.errors import DataError, MissingDependencyError, OptionError
from headstart.report import neighbour_vote_auc, tsne


def heaps(n: int = 60, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    return rng.normal(size=(n, size)) + 6.0 * labels[:, None], labels


def test_heaps_stay_apart_and_a_map_repeats() -> None:
    pytest.importorskip("openTSNE")
    vectors, labels = heaps()
    points = tsne(vectors.astype(np.float32), perplexity=10, n_iter=150)
    assert points.shape == (60, 2) and points.dtype == np.float64
    assert neighbour_vote_auc(points, labels) == 1.0
    again = tsne(vectors.astype(np.float32), perplexity=10, n_iter=150)
    np.testing.assert_array_equal(points, again)


def test_another_seed_is_another_map() -> None:
    pytest.importorskip("openTSNE")
    vectors = np.zeros((12, 3))  # only the seed parts equal vectors
    assert not np.array_equal(*(tsne(vectors, perplexity=3, n_iter=60, random_state=seed) for seed in (0, 1)))


@pytest.mark.parametrize(
    "vectors",
    [np.zeros((20, 5)), np.repeat(np.eye(4), 5, axis=0), np.arange(20.0)[:, None], np.eye(20)[:, :2] * 1e6],
    ids=["zeros", "duplicates", "one dimension", "mostly zeros"],
)
def test_odd_vectors_survive(vectors: np.ndarray) -> None:
    pytest.importorskip("openTSNE")
    points = tsne(vectors, perplexity=5, n_iter=60)
    assert points.shape == (20, 2) and np.isfinite(points).all()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"perplexity": 30}, r"30 does not fit 60 points.*\(n - 1\) / 3 = 19\.7.*perplexity of 19 or less"),
        ({"perplexity": 0.5}, "must lie between 1 and"),
        ({"n_components": 3}, "2 dimensions, but n_components is 3"),
        ({"n_iter": 3, "perplexity": 5}, "n_iter=3, too few"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], match: str) -> None:
    with pytest.raises(OptionError, match=match):
        tsne(heaps()[0], **options)


@pytest.mark.parametrize(
    ("vectors", "match"),
    [
        (np.ones((4, 3)), "5 vectors or more, but it got 4"),
        (np.ones(7), r"array \[n, size\], but it got an array of shape \(7,\)"),
        (np.full((9, 2), np.nan), "9 of 9 vectors of a map hold NaN or infinity, the first in row 0"),
    ],
)
def test_vectors_that_cannot_be_used(vectors: np.ndarray, match: str) -> None:
    with pytest.raises(DataError, match=match):
        tsne(vectors, perplexity=1)


def test_without_opentsne_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(MissingDependencyError, match=r"t-SNE map needs .*pip install openTSNE .*'plots'"):
        tsne(heaps()[0], perplexity=5)


def test_a_vote_by_hand() -> None:
    """Four points on a line, one voter each: the nearest others are 1, 0, 3, 2, so all votes are right."""
    points = [[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [6.0, 0.0]]
    assert neighbour_vote_auc(points, [0, 0, 1, 1], n_neighbours=1) == 1.0
    assert neighbour_vote_auc(points, [0, 1, 0, 1], n_neighbours=1) == 0.0
    # Of three voters, which are all the others, a point's own label has one and the other two.
    assert neighbour_vote_auc(points, [0, 0, 1, 1], n_neighbours=10) == 0.0


def test_a_point_never_votes_for_itself_even_among_equals() -> None:
    assert neighbour_vote_auc(np.zeros((2, 2)), [0, 1], n_neighbours=1) == 0.0


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 1], [0, 1, 2]])
def test_a_vote_needs_both_labels(labels: list[int]) -> None:
    with pytest.raises(DataError, match="one label a point, and both 0 and 1"):
        neighbour_vote_auc([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], labels)
