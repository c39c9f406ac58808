"""What a metric is: a value, and how much each row moves it.

All that is said about how sure a figure is (`headstart.evaluation.draws`), what two figures differ by, and how many
labels are saved, needs no more than these two. A metric of another kind of target is one more `Metric`.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Array

Influence = Callable[[Array, NDArray[np.float64]], tuple[float, NDArray[np.float64]]]
"""Takes targets [rows] and scores [rows]; gives the value, and what each row moves it by [rows].

The second is the row's empirical influence, centred and divided by the number of rows, with Bessel's correction, so that
its sum of squares estimates the variance of the value without bias.
"""


Naive = Callable[[Array], NDArray[np.float64]]
"""Takes targets [rows]; gives scores that are alike for all rows."""


class Metric(NamedTuple):
    """A measure of scores against targets.

    Attributes:
        name: as rows and estimates call it.
        influence: see `Influence`.
        naive: the best scores of one who knows how targets are distributed and nothing of any row; chance level is what
            they reach.
        higher_is_better: whether a gain is a rise.
        negligible: a difference up to this makes no difference in use; see `negligible_for`.
        between_0_and_1: whether it lies there, so that intervals are taken on the logit scale and stay inside.
        in_units: whether it is in the targets' own unit, and `negligible` a part of its chance level.
        takes: ``"scores"`` (of `Task.scores`), ``"probabilities"``, or ``"decisions"``.
        needs: what targets leave it undefined: ``"every label"`` if some label has no row, ``"two values"`` if all are equal.
        title: as sentences and headings call it; the name where empty.
    """

    name: str
    influence: Influence
    naive: Naive
    higher_is_better: bool = True
    negligible: float = 0.01
    between_0_and_1: bool = True
    in_units: bool = False
    takes: Literal["scores", "probabilities", "decisions"] = "scores"
    needs: Literal["rows", "every label", "two values"] = "rows"
    title: str = ""

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.higher_is_better else -1

    @property
    def said(self) -> str:
        """What sentences call it."""
        return self.title or self.name.replace("_", " ")

    def chance(self, targets: Array) -> float:
        """Return what is reached on these targets without knowing anything of a row."""
        return self.influence(targets, self.naive(targets))[0]

    def negligible_for(self, targets: Array) -> float:
        """Return the difference that makes none in use, on these targets."""
        return self.negligible * self.chance(targets) if self.in_units else self.negligible


def mean_of_rows(term: Callable[[Array, NDArray[np.float64]], NDArray[np.float64]]) -> Influence:
    """Return the influence of a metric that is the mean of a term a row, such as log loss or accuracy."""

    def influence(targets: Array, scores: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        terms = np.asarray(term(targets, scores), np.float64)
        n, value = len(terms), float(terms.mean())
        return value, (terms - value) / np.sqrt(n * max(1, n - 1))

    return influence


def mean_of_groups(
    terms: NDArray[np.float64], groups: NDArray[np.int64], n_groups: int
) -> tuple[float, NDArray[np.float64]]:
    """Return the mean over groups of their means, of the groups that have rows, and each row's influence on it."""
    counts = np.bincount(groups, minlength=n_groups)
    means = np.bincount(groups, terms, n_groups) / np.maximum(counts, 1)
    n_there, own = int((counts > 0).sum()), counts[groups]
    moved = (terms - means[groups]) / np.sqrt(own * np.maximum(1, own - 1)) / n_there
    return float(means.sum() / n_there), moved


def constant(targets: Array, scores: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return the same scores for every row, [rows] or [rows, size], as a view that takes no memory."""
    one = np.asarray(scores, np.float64)
    return np.broadcast_to(one, (len(targets), *one.shape))


def sigmoid(logits: Any) -> NDArray[np.float64]:
    """Return the probability of logits; one beyond 80 is certain already, in float32's range of exponents."""
    with np.errstate(over="ignore"):
        found: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(logits, -80, 80)))
    return found
