"""What a metric is: a value, and how much each row moves it.

All that is said about how sure a figure is (`headstart.evaluation.draws`), what two figures differ by, and how many
labels are saved, needs no more than these two. A metric of another kind of target is one more `Metric`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Array

__all__ = ["Influence", "Metric", "mean_of_rows", "sigmoid"]

Influence = Callable[[Array, NDArray[np.float64]], tuple[float, NDArray[np.float64]]]
"""Takes targets [rows] and scores [rows]; gives the value, and what each row moves it by [rows].

The second is the row's empirical influence, centred and divided by the number of rows, with Bessel's correction, so that
its sum of squares estimates the variance of the value without bias.
"""


class Metric(NamedTuple):
    """A measure of scores against targets.

    Attributes:
        name: as rows and estimates call it.
        influence: see `Influence`.
        higher_is_better: whether a gain is a rise.
        chance_level: the value of scores that know nothing; None where that depends on the targets.
        negligible: a difference up to this makes no difference in use.
        between_0_and_1: whether it lies there, so that intervals are taken on the logit scale and stay inside.
    """

    name: str
    influence: Influence
    higher_is_better: bool = True
    chance_level: float | None = None
    negligible: float = 0.01
    between_0_and_1: bool = True

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.higher_is_better else -1


def mean_of_rows(term: Callable[[Array, NDArray[np.float64]], NDArray[np.float64]]) -> Influence:
    """Return the influence of a metric that is the mean of a term a row, such as log loss or accuracy."""

    def influence(targets: Array, scores: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        terms = np.asarray(term(targets, scores), np.float64)
        n, value = len(terms), float(terms.mean())
        return value, (terms - value) / np.sqrt(n * max(1, n - 1))

    return influence


def sigmoid(logits: Any) -> NDArray[np.float64]:
    """Return the probability of logits; one beyond 80 is certain already, in float32's range of exponents."""
    with np.errstate(over="ignore"):
        found: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(logits, -80, 80)))
    return found
