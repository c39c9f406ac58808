"""How sure one may be of an AUC that is a mean over draws of training rows, measured on a draw of test rows.

Both draws vary. With ``A_s`` the AUC of the model of draw ``s`` of ``k``, the variance of their mean is taken as

    test rows:      what DeLong's components, averaged over the draws, vary by over test rows
  + training rows:  (S2 - E) / k, where S2 is the variance of the ``A_s`` and E the part of it that is only the
                    test rows' (each model's own DeLong variance beyond the shared one)

which is the analysis of readers and cases of Obuchowski and Rockette (Communications in Statistics 24:285-308,
1995) with draws in the place of readers; Student's t with Satterthwaite's degrees of freedom (Hillis, Statistics
in Medicine 26:596-619, 2007) gives the interval. Where test rows come in groups, their components are summed by
group first (Obuchowski, Biometrics 53:567-578, 1997). Differences of two candidates use the differences of the
components on the same test rows and the same draws, so that what both have in common cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from headstart.arrays import Array, Doubles, Places

__all__ = ["Components", "Difference", "Estimate", "components", "difference", "estimate", "holm"]


@dataclass(frozen=True)
class Components:
    """One candidate at one budget.

    Attributes:
        seeds: of its draws [draws]; empty for a candidate without draws (one fit stands for any).
        aucs: float64 [draws], or [1].
        influence: what each group of test rows (or each row) moves the AUC by [draws, groups].
    """

    seeds: tuple[int, ...]
    aucs: Doubles
    influence: Doubles

    def of(self, seeds: Sequence[int]) -> Components:
        """Return the components of some draws; a candidate without draws gives its one for each."""
        if not self.seeds:
            return Components(tuple(seeds), np.repeat(self.aucs, len(seeds)), np.repeat(self.influence, len(seeds), 0))
        at = [self.seeds.index(seed) for seed in seeds]
        return Components(tuple(seeds), self.aucs[at], self.influence[at])


class Estimate(NamedTuple):
    """A mean AUC with its 95% interval, standard error and degrees of freedom, over so many draws."""

    value: float
    low: float
    high: float
    standard_error: float
    degrees: float
    draws: int


class Difference(NamedTuple):
    """What one candidate's mean AUC exceeds another's by, on the draws that both have.

    ``p_greater`` is the one-sided p-value of no excess, ``p_value`` the two-sided one of no difference.
    """

    value: float
    low: float
    high: float
    standard_error: float
    p_greater: float
    p_value: float
    draws: int


def components(labels: Array, scores: Mapping[int, Doubles], groups: Places | None = None) -> Components:
    """Return the components of a candidate's draws.

    Args:
        labels: class codes of the test rows [test].
        scores: seed -> logits of the test rows [test]; the seed -1 stands for a candidate without draws.
        groups: group codes of the test rows [test], or None where each row stands alone.
    """
    values, parts = zip(*(_influence(np.asarray(labels), logits) for logits in scores.values()), strict=True)
    influence = np.stack(parts)
    if groups is not None:
        codes = np.unique(groups, return_inverse=True)[1]
        summed = np.zeros((len(influence), codes.max() + 1))
        for row, own in zip(summed, influence, strict=True):
            np.add.at(row, codes, own)
        influence = summed
    seeds = tuple(scores) if -1 not in scores else ()
    return Components(seeds, np.array(values), influence)


def _influence(labels: Array, scores: Doubles) -> tuple[float, Doubles]:
    """Return the AUC, and what each row moves it by (DeLong's components, centred and divided) [rows]."""
    positive = labels == 1
    high, low = scores[positive], scores[~positive]
    below, above = _share_below(high, low), 1 - _share_below(low, high)
    value = float(below.mean())
    moved = np.empty(len(scores))
    # Bessel's correction stands here, so that sums of squares are the unbiased variances.
    moved[positive] = (below - value) / len(high) * np.sqrt(len(high) / max(1, len(high) - 1))
    moved[~positive] = (above - value) / len(low) * np.sqrt(len(low) / max(1, len(low) - 1))
    return value, moved


def _share_below(scores: Doubles, others: Doubles) -> Doubles:
    ordered = np.sort(others)
    doubled = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return np.asarray(doubled / (2 * len(others)))


def estimate(parts: Components, *, confidence: float = 0.95) -> Estimate:
    """Return the mean AUC over draws with its interval, taken on the logit scale to stay inside 0 and 1."""
    value, error, degrees = _mean_and_error(parts)
    draws = max(1, len(parts.seeds))
    if error == 0 or not 0 < value < 1:
        return Estimate(value, value, value, error, degrees, draws)
    reach = _quantile(confidence, degrees) * error / (value * (1 - value))
    centre = np.log(value / (1 - value))
    low, high = (float(0.5 + 0.5 * np.tanh((centre + way * reach) / 2)) for way in (-1, 1))
    return Estimate(value, low, high, error, degrees, draws)


def difference(one: Components, other: Components, *, confidence: float = 0.95) -> Difference:
    """Return what the mean AUC of ``one`` exceeds that of ``other`` by, on the draws that both have."""
    seeds = one.seeds if not other.seeds else other.seeds if not one.seeds else _shared(one.seeds, other.seeds)
    a, b = (one, other) if not seeds else (one.of(seeds), other.of(seeds))
    parts = Components(a.seeds, a.aucs - b.aucs, a.influence - b.influence)
    value, error, degrees = _mean_and_error(parts)
    draws = max(1, len(seeds))
    if error == 0:
        # The same ranking of every row, or one without a fault against one without a hit: no spread to go by.
        p_greater = 0.5 if value == 0 else float(value < 0)
        return Difference(value, value, value, 0.0, p_greater, float(value == 0), draws)
    from scipy import stats

    reach = _quantile(confidence, degrees) * error
    p_greater = float(stats.t.sf(value / error, degrees))
    two_sided = float(2 * stats.t.sf(abs(value) / error, degrees))
    return Difference(value, max(-1.0, value - reach), min(1.0, value + reach), error, p_greater, two_sided, draws)


def above_chance(parts: Components) -> float:
    """Return the one-sided p-value of an AUC no better than one half."""
    from scipy import stats

    value, error, degrees = _mean_and_error(parts)
    return float(value <= 0.5) if error == 0 else float(stats.t.sf((value - 0.5) / error, degrees))


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
    k, n = parts.influence.shape
    shared = _over_groups(parts.influence.mean(0))
    of_test = float(shared)
    of_draws = 0.0
    if k > 1:
        each = float(np.mean([_over_groups(row) for row in parts.influence]))
        alone = max(0.0, (each - of_test) * k / (k - 1))  # of each model's own, beyond what all share
        of_draws = max(0.0, float(parts.aucs.var(ddof=1)) - alone) / k
    total = of_test + of_draws
    if total <= 0:
        return float(parts.aucs.mean()), 0.0, float(max(1, n - 1))
    below = (of_draws**2 / (k - 1) if k > 1 else 0.0) + of_test**2 / max(1, n - 1)
    return float(parts.aucs.mean()), float(np.sqrt(total)), float(total**2 / below)


def _over_groups(influence: Doubles) -> float:
    return float(influence @ influence)


def _shared(some: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(seed for seed in some if seed in others)


def _quantile(confidence: float, degrees: float) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + confidence) / 2, degrees))
