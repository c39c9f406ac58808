"""A number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.arrays import Array, Doubles, Floats, Places
from headstart.evaluation import sigmoid
from headstart.evaluation.regression import MAE, METRICS, residual_figures
from headstart.plain import Facts, Json
from headstart.tasks.task import PLAIN, Rule, Task

_MOST_STRATA = 10
_MOST_KNOTS = 101


@dataclass(frozen=True)
class Regression(Task):
    """A number. It is learnt by its place among the training rows' numbers, so that a few large ones do not rule the rest.

    Attributes:
        knots: numbers of the training rows, ascending and distinct.
        places: of each, how far up among all training rows it stands, between 0 and 1, ascending.
    """

    knots: tuple[float, ...] = ()
    places: tuple[float, ...] = ()

    kind = "regression"
    primary = MAE
    metrics = METRICS

    def fitted(self, targets: Array, weights: Doubles | None = None) -> Regression:
        """Return the task with the knots of training targets [rows], which count by their weights [rows]."""
        numbers = np.asarray(targets, np.float64)
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        alike = weights is None or not np.any(weights)  # that nothing counts is refused where weights are read
        upto = np.append(0.0, np.cumsum(np.ones(len(order)) if alike else np.asarray(weights)[order]))
        knots = np.unique(ordered)
        if len(knots) > _MOST_KNOTS:
            wanted = np.linspace(0, upto[-1], _MOST_KNOTS)
            knots = np.unique(ordered[np.clip(np.searchsorted(upto, wanted) - 1, 0, len(ordered) - 1)])
        below, through = (upto[np.searchsorted(ordered, knots, side)] for side in ("left", "right"))
        places = (below + through) / (2 * upto[-1])  # the middle of equal numbers
        return Regression((), tuple(knots.tolist()), tuple(places.tolist()))

    def goals(self, targets: Array) -> Floats:
        """Return the numbers' places among the training rows [rows]."""
        return np.interp(np.asarray(targets, np.float64), self.knots, self.places).astype(np.float32)

    def targets(self, labels: Floats) -> Array:
        """Return the numbers at places among the training rows [rows]; those beyond the ends are cut there."""
        return np.interp(labels, self.places, self.knots)

    def probabilities(self, logits: Doubles, rule: Rule) -> Doubles:
        """Return the predicted numbers [rows]."""
        places = sigmoid(rule.calibrated(logits))
        if rule.inputs:
            return np.interp(places, rule.inputs, rule.values)
        return np.interp(places, self.places, self.knots)

    def decide(self, probabilities: Doubles, rule: Rule) -> Array:
        """Return the numbers themselves [rows]."""
        return probabilities

    def details(self, targets: Array, probabilities: Doubles, rule: Rule = PLAIN) -> Json:
        """Return ``residuals``: mean, root mean square and quantiles of what is predicted less what is true."""
        return {"residuals": residual_figures(targets, probabilities)}

    def misfit(self, probabilities: Doubles, targets: Array) -> Doubles:
        """Return how far the numbers lie from what was predicted [rows]."""
        return np.abs(np.asarray(targets, np.float64) - probabilities)

    def sets(self, probabilities: Doubles, rule: Rule) -> Array:
        """Return the ends of each row's interval, float64 [rows, 2]; all numbers without a quantile."""
        reach = np.inf if rule.quantile is None else rule.quantile
        return np.stack([probabilities - reach, probabilities + reach], axis=1)

    def strata(self, targets: Array) -> Places:
        """Return which tenth of the rows each number stands in; equal numbers stand in one [rows]."""
        numbers = np.asarray(targets, np.float64)
        n_strata = int(np.clip(len(numbers) // 10, 1, _MOST_STRATA))
        if not len(numbers):
            return np.zeros(0, np.int64)
        edges = np.unique(np.quantile(numbers, np.linspace(0, 1, n_strata + 1)[1:-1]))
        return np.searchsorted(edges, numbers, "right").astype(np.int64)

    def columns(self, probabilities: Doubles, rule: Rule) -> dict[str, Array]:
        """Return ``prediction``, and ``low`` and ``high`` of its interval where the model gives one."""
        found: dict[str, Array] = {"prediction": probabilities}
        if rule.quantile is not None:
            found |= dict(zip(("low", "high"), self.sets(probabilities, rule).T, strict=True))
        return found

    def named(self, decisions: Array) -> Array:
        """Return the numbers [rows]."""
        return decisions

    def to_json(self) -> Json:
        """Return what rebuilds the task, JSON-able."""
        return {"kind": self.kind, "names": [], "knots": list(self.knots), "places": list(self.places)}

    @classmethod
    def from_json(cls, stored: Facts) -> Regression:
        """Build the task again from what `to_json` gave."""
        return cls((), tuple(map(float, stored["knots"])), tuple(map(float, stored["places"])))

    def said(self) -> str:
        """Return the range of the numbers."""
        return f"numbers from {self.knots[0]:g} to {self.knots[-1]:g}" if self.knots else "numbers"
