"""How sure one may be of a metric that is a mean over draws of training rows, measured on a draw of test rows.

Both draws vary. With ``A_s`` the value of the model of draw ``s`` of ``k``, the variance of their mean is taken as

    test rows:      what the rows' influences, averaged over the draws, vary by over test rows
  + training rows:  (S2 - E) / k, where S2 is the variance of the ``A_s`` and E the part of it that is only the
                    test rows' (each model's own variance beyond the shared one)

which is the analysis of readers and cases of Obuchowski and Rockette (Communications in Statistics 24:285-308,
1995) with draws in the place of readers; Student's t with Satterthwaite's degrees of freedom (Hillis, Statistics
in Medicine 26:596-619, 2007) gives the interval. Where test rows come in groups, their influences are summed by
group first (Obuchowski, Biometrics 53:567-578, 1997). Differences of two strategies use the differences of the
influences on the same test rows and the same draws, so that what both have in common cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from headstart.arrays import Array, Doubles, Places
from headstart.evaluation.binary import AUC
from headstart.evaluation.metric import Metric, sigmoid
from headstart.evaluation.student import t_quantile, t_tail


@dataclass(frozen=True)
class Components:
    """One strategy at one budget.

    Attributes:
        seeds: of its draws [draws]; empty for a strategy without draws (one fit stands for any).
        values: of the metric, float64 [draws], or [1].
        influence: what each group of test rows (or each row) moves the metric by [draws, groups].
        metric: what was measured.
        chance: what it is without knowing anything of a row.
        chance_influence: what each group of test rows moves that by [groups].
        negligible: a difference that makes none in use.
        n_apart: test rows, or groups, that could each have shown a fault: of a metric that needs every label those of the rarest.
    """

    seeds: tuple[int, ...]
    values: Doubles
    influence: Doubles
    metric: Metric = AUC
    chance: float = 0.5
    chance_influence: Doubles | float = 0.0
    negligible: float = 0.01
    n_apart: int = 1

    def of(self, seeds: Sequence[int]) -> Components:
        """Return the components of some draws; a strategy without draws gives its one for each."""
        at = [self.seeds.index(seed) for seed in seeds] if self.seeds else [0] * len(seeds)
        return replace(self, seeds=tuple(seeds), values=self.values[at], influence=self.influence[at])

    def gains(self) -> Components:
        """Return the same with signs turned where less is better, so that more is better."""
        if self.metric.higher_is_better:
            return self
        turned = self.metric._replace(higher_is_better=True)  # or its gain would turn the sign again
        return replace(self, values=-self.values, influence=-self.influence, metric=turned)

    @property
    def gain(self) -> float:
        """The mean over draws, signed so that more is better."""
        return self.metric.sign * float(self.values.mean())


class Estimate(NamedTuple):
    """A mean with its interval, standard error and degrees of freedom, over so many draws."""

    value: float
    low: float
    high: float
    standard_error: float
    degrees: float
    draws: int


class Difference(NamedTuple):
    """By how much one strategy's mean is better than another's, on the draws that both have.

    Of a metric where less is better, this is by how much it is less. ``p_greater`` is the one-sided p-value of no gain,
    ``p_value`` the two-sided one of no difference.
    """

    value: float
    low: float
    high: float
    standard_error: float
    degrees: float
    p_greater: float
    p_value: float
    draws: int


def components(
    targets: Array,
    scores: Mapping[int, Doubles],
    groups: Places | None = None,
    *,
    metric: Metric = AUC,
) -> Components:
    """Return the components of a strategy's draws.

    Args:
        targets: of the test rows [test].
        scores: seed -> what the metric takes for the test rows [test] or [test, size]; the seed -1 stands for a strategy without draws.
        groups: group codes of the test rows [test], or None where each row stands alone.
        metric: what is measured.
    """
    truth = np.asarray(targets)
    found = [metric.influence(truth, of_seed) for of_seed in (*scores.values(), metric.naive(truth))]
    values, influence = np.array([value for value, _ in found]), np.stack([moved for _, moved in found])
    if groups is not None:
        codes = np.unique(groups, return_inverse=True)[1]
        influence = np.stack([np.bincount(codes, moved) for moved in influence])
    return Components(
        tuple(scores) if -1 not in scores else (),
        values[:-1],
        influence[:-1],
        metric,
        chance=float(values[-1]),
        chance_influence=influence[-1],
        negligible=metric.negligible_for(truth),
        n_apart=min(influence.shape[1], _rarest(truth) if metric.needs == "every label" else len(truth)),
    )


def _rarest(truth: Array) -> int:
    """Return how many rows hold the label that fewest hold, of those that any holds."""
    counts = truth.sum(0) if truth.ndim > 1 else np.unique(truth, return_counts=True)[1]
    return int(counts[counts > 0].min(initial=len(truth)))


def estimate(parts: Components, *, confidence: float = 0.95) -> Estimate:
    """Return the mean over draws with its interval.

    Where all rows are without fault, no spread is there to go by; the interval is then that of n hits out of n (Clopper and
    Pearson, Biometrika 26:404-413, 1934).
    """
    value, error, degrees = _mean_and_error(parts)
    draws = max(1, len(parts.seeds))
    if error == 0:
        faultless = value == 1 and parts.metric.higher_is_better
        low = ((1 - confidence) / 2) ** (1 / parts.n_apart) if faultless else value
        return Estimate(value, low, value, error, degrees, draws)
    reach = t_quantile((1 + confidence) / 2, degrees) * error
    if not parts.metric.between_0_and_1:
        return Estimate(value, value - reach, value + reach, error, degrees, draws)
    if not 0 < value < 1:
        return Estimate(value, value, value, error, degrees, draws)
    centre, scaled = np.log(value / (1 - value)), reach / (value * (1 - value))
    return Estimate(value, float(sigmoid(centre - scaled)), float(sigmoid(centre + scaled)), error, degrees, draws)


def difference(one: Components, other: Components, *, confidence: float = 0.95) -> Difference:
    """Return by how much ``one`` is better than ``other``, on the draws that both have."""
    parts = contrast(one, other)
    value, error, degrees = _mean_and_error(parts)
    draws = max(1, len(parts.seeds))
    if error == 0:
        # The same ranking of every row, or one without a fault against one without a hit: no spread to go by.
        p_greater = 0.5 if value == 0 else float(value < 0)
        return Difference(value, value, value, 0.0, degrees, p_greater, float(value == 0), draws)
    reach = t_quantile((1 + confidence) / 2, degrees) * error
    p_greater, p_value = t_tail(value / error, degrees), 2 * t_tail(abs(value) / error, degrees)
    return Difference(value, value - reach, value + reach, error, degrees, p_greater, p_value, draws)


def contrast(one: Components, other: Components) -> Components:
    """Return the components of the gain of ``one`` over ``other``, on the draws that both have."""
    a, b = one.gains(), other.gains()
    seeds = a.seeds if not b.seeds else b.seeds if not a.seeds else _shared(a.seeds, b.seeds)
    if seeds:
        a, b = a.of(seeds), b.of(seeds)
    return replace(a, values=a.values - b.values, influence=a.influence - b.influence)


def above_chance(parts: Components) -> float:
    """Return the one-sided p-value of a metric no better than its chance level, which is measured on the same rows."""
    value, error, degrees = _mean_and_error(replace(parts, influence=parts.influence - parts.chance_influence))
    gain = parts.metric.sign * (value - parts.chance)
    return float(gain <= 0) if error == 0 else t_tail(gain / error, degrees)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values adjusted for so many tests (Holm, Scandinavian Journal of Statistics 6:65-70, 1979)."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for i, (name, p) in enumerate(sorted(p_values.items(), key=lambda pair: pair[1])):
        highest = max(highest, min(1.0, (len(p_values) - i) * p))
        adjusted[name] = highest
    return adjusted


def _mean_and_error(parts: Components) -> tuple[float, float, float]:
    """Return mean, standard error and degrees of freedom."""
    n = parts.influence.shape[1]
    of_test, of_draws = variances(parts)
    total, k = of_test + of_draws, len(parts.values)
    if total <= 0:
        return float(parts.values.mean()), 0.0, float(max(1, n - 1))
    below = (of_draws**2 / (k - 1) if k > 1 else 0.0) + of_test**2 / max(1, n - 1)
    return float(parts.values.mean()), float(np.sqrt(total)), float(total**2 / below)


def variances(parts: Components) -> tuple[float, float]:
    """Return what the draw of test rows and that of training rows add to the variance of the mean over draws."""
    k = len(parts.values)
    shared = parts.influence.mean(0)
    of_test = float(shared @ shared)
    if k == 1:
        return of_test, 0.0
    each = float(np.mean([row @ row for row in parts.influence]))
    alone = max(0.0, (each - of_test) * k / (k - 1))  # of each model's own, beyond what all share
    return of_test, max(0.0, float(parts.values.var(ddof=1)) - alone) / k


def _shared(some: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(seed for seed in some if seed in others)
