"""What is shown where the best of several was picked: one interval for the gain over the best, which pays for the picking.

Some strategies (those that carry a base over) stand against others (the reference points). What is asked is what a strategy
``s`` truly gains over the best of the others, ``gain(s) = value(s) - max over r of value(r)``, which is measured by putting
the measured values in. The best measured one is best partly by luck, so the measured gain is too small, the more so the
more of the others are about equal; and of several ways of carrying a base over the luckiest may have been picked.

How far the measured gain may be off is found by drawing the errors of all strategies together, from a multivariate t whose
covariance is that of the same test rows and the same draws of training rows (the influence functions; a Gaussian multiplier
bootstrap, Chernozhukov, Chetverikov and Kato, Annals of Statistics 41:2786-2819, 2013), and the interval is turned round
as a pivot:

- The *lower* end lets the others stand as far apart as they measure, so that only those which are close are taken to make the
  measured gain look too small. It is simultaneous over the ways of carrying (Dunnett, JASA 50:1096-1121, 1955).
- The *upper* end takes those of the others that measure within 2.5 standard errors of the best for tied with it, which is the
  careful side there, and leaves out the rest (generalised moment selection: Andrews and Soares, Econometrica 78:119-157, 2010).

These are multiple comparisons with the best (Hsu, Annals of Statistics 9:1026-1034, 1981) without asking that every single
other one be beaten, however noisy it is. No interval for a largest of several is exact wherever they stand (Hirano and
Porter, Econometrica 80:1769-1790, 2012): benchmarks/power.py has the rates of error and the power, the worst cases too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.draws import Components, difference
from headstart.evaluation.student import t_quantile

_N_SIMULATED = 20_000
_TIED_WITHIN = 2.5


class Picked(NamedTuple):
    """The gain of a strategy over the best of the others.

    Attributes:
        one: the strategy.
        other: the best measured one of the others.
        value: the measured gain.
        low: where the interval begins, with an error of `level` on that side.
        high: where it ends, with an error of `level` on that side.
        standard_error: of the difference of these two, before anything is paid.
        level: of error, at each end.
        draws: of training rows that all have.
    """

    one: str
    other: str
    value: float
    low: float
    high: float
    standard_error: float
    level: float
    draws: int


def best_of(parts: Mapping[str, Components], names: Sequence[str]) -> str:
    """Return the name that measures best; of equals the first."""
    return max(names, key=lambda name: parts[name].gain)


def against_best(
    parts: Mapping[str, Components], some: Sequence[str], others: Sequence[str], *, one: str | None = None, level: float
) -> Picked:
    """Return what a strategy gains over the best of the others, with an interval that pays for the picking.

    Args:
        parts: components by name, on the same test rows.
        some: the strategies that one was picked from.
        others: those that the best is picked from.
        one: the one picked from `some`; None for the best of them.
        level: of error at each end: .015 makes an interval of 97%.
    """
    used = _on_shared_draws({name: parts[name].gains() for name in (*some, *others)})
    one, other = one or best_of(used, some), best_of(used, others)
    pair = difference(used[one], used[other])
    value, error = float(used[one].values.mean() - used[other].values.mean()), pair.standard_error
    below = above = 0.0
    if error > 0 and len(some) == len(others) == 1:
        below = above = t_quantile(1 - level, pair.degrees) * error
    elif error > 0:
        below, above = _reach(used, list(some), list(others), one, other, pair.degrees, level)
    return Picked(one, other, value, value - below, value + above, error, level, pair.draws)


def _reach(
    used: Mapping[str, Components],
    some: list[str],
    others: list[str],
    one: str,
    other: str,
    degrees: float,
    level: float,
) -> tuple[float, float]:
    """Return how far the interval reaches below the measured gain, and above it."""
    names = [*some, *others]
    covariance = _covariance([used[name] for name in names])
    values, vectors = np.linalg.eigh(covariance)
    rng = np.random.default_rng(0)
    errors = rng.standard_normal((_N_SIMULATED, len(names))) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    errors /= np.sqrt(rng.chisquare(degrees, _N_SIMULATED) / degrees)[:, None]
    of_some, of_others = errors[:, : len(some)], errors[:, len(some) :]
    behind = np.array([used[other].values.mean() - used[name].values.mean() for name in others])
    at = len(some) + others.index(other)
    spread = _spread_from(covariance, at)
    best = (of_others - behind).max(1)
    scale = np.maximum(spread[: len(some)], 1e-12)
    chosen = some.index(one)
    below = np.quantile(((of_some - best[:, None]) / scale).max(1), 1 - level) * scale[chosen]
    tied = behind <= _TIED_WITHIN * spread[len(some) :]
    above = np.quantile(of_others[:, tied].max(1) - of_some[:, chosen], 1 - level)
    return float(below), float(above)


def _spread_from(covariance: NDArray[np.float64], at: int) -> NDArray[np.float64]:
    """Return the standard error of every strategy's difference from one of them [strategies]."""
    variances = np.diag(covariance)
    return np.asarray(np.sqrt(np.maximum(variances + variances[at] - 2 * covariance[at], 0.0)))


def _on_shared_draws(parts: dict[str, Components]) -> dict[str, Components]:
    """Return the components on the draws that all have which have draws at all."""
    seeds = [one.seeds for one in parts.values() if one.seeds]
    if not seeds:
        return parts
    shared = [seed for seed in seeds[0] if all(seed in others for others in seeds)]
    return {name: one.of(shared) for name, one in parts.items()}


def _covariance(parts: Sequence[Components]) -> NDArray[np.float64]:
    """Return the covariance of the strategies' means, over test rows and draws of training rows [strategies, strategies].

    For any two, the variance of their difference is that of `headstart.evaluation.draws.difference`, but for what is
    negative by chance.
    """
    shared = np.stack([one.influence.mean(0) for one in parts])
    of_test = shared @ shared.T
    k = len(parts[0].values)
    if k == 1:
        return np.asarray(of_test)
    values = np.stack([one.values for one in parts])
    each = sum(influence @ influence.T for influence in np.stack([one.influence for one in parts], axis=1)) / k
    alone = (each - of_test) * k / (k - 1)
    eigenvalues, vectors = np.linalg.eigh(np.atleast_2d(np.cov(values)) - alone)
    of_draws = (vectors * np.maximum(eigenvalues, 0)) @ vectors.T / k
    return np.asarray(of_test + of_draws)
