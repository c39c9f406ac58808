"""What is read off curves over label budgets: labels saved, and what the next doubling is likely to buy.

All values here are signed so that more is better. Curves are made to rise only (isotonic over the budgets, in the order of
labels) and read by straight lines over the logarithm of the number of labels. They are never carried on beyond what was
measured. Intervals come from 1,000 bootstrap draws of test rows (or groups of them) and of the draws of training rows, the
same for all curves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import Doubles
from headstart.evaluation.draws import Components
from headstart.plain import Facts, Json

N_DRAWS = 1000

Curve = Mapping[int, Components]
"""Budget -> components of one strategy; budget 0 alone for one that uses no labels."""


@dataclass(frozen=True)
class Resampling:
    """Bootstrap draws that all curves share.

    Attributes:
        weights: how much more often than once each test row or group comes up, float64 [draws, groups].
        picks: which of the draws of training rows are averaged, as places in [0, 1) [draws, most draws].
    """

    weights: Doubles
    picks: Doubles

    @classmethod
    def of(cls, n_groups: int, n_seeds: int, *, n_draws: int = N_DRAWS, seed: int = 0) -> Resampling:
        """Draw."""
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_draws)
        return cls(np.asarray(counts - 1.0, np.float64), rng.random((n_draws, max(1, n_seeds))))

    def means(self, parts: Components) -> Doubles:
        """Return the mean of each bootstrap draw [draws], to first order in the weights."""
        gains = parts.gains()
        values = gains.values + self.weights @ gains.influence.T  # [draws, seeds]
        k = values.shape[1]
        picked = (self.picks[:, :k] * k).astype(int)
        found: Doubles = np.take_along_axis(values, picked, axis=1).mean(1)
        return found

    def curves(self, curve: Curve) -> tuple[Doubles, Doubles]:
        """Return the measured curve [budgets] and its bootstrap draws [draws, budgets]."""
        budgets = sorted(curve)
        measured = np.array([curve[n].gain for n in budgets])
        return measured, np.stack([self.means(curve[n]) for n in budgets], axis=1)


def isotonic(values: Doubles) -> Doubles:
    """Return the nearest rising curves, in squares; along the last axis [..., budgets].

    By the min-max formula (Robertson, Wright and Dykstra, Order Restricted Statistical Inference, 1988, 1.4),
    which does all curves at once; there are few budgets.
    """
    n = values.shape[-1]
    sums = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    fitted = np.empty_like(values)
    for i in range(n):
        lows = [
            np.min([(sums[..., k + 1] - sums[..., j]) / (k + 1 - j) for k in range(i, n)], axis=0) for j in range(i + 1)
        ]
        fitted[..., i] = np.max(lows, axis=0)
    return fitted


def labels_needed(budgets: Sequence[int], curve: Doubles, target: Doubles | float) -> Doubles:
    """Return how many labels rising curves need to reach a target; infinite where they never do.

    Args:
        budgets: ascending [budgets].
        curve: rising [..., budgets].
        target: [...].

    Returns:
        Labels [...]; the smallest budget where that is enough already.
    """
    goal = np.asarray(target, np.float64)
    reached = curve >= goal[..., None]
    at = reached.argmax(-1)
    logs = np.log(np.asarray(budgets, np.float64))
    before = np.maximum(at - 1, 0)
    high = np.take_along_axis(curve, at[..., None], -1)[..., 0]
    low = np.take_along_axis(curve, before[..., None], -1)[..., 0]
    rise = np.where(high > low, high - low, 1.0)
    share = np.where(at == before, 0.0, (goal - low) / rise)
    found = np.exp(logs[before] + share * (logs[at] - logs[before]))
    return np.where(reached.any(-1), found, np.inf)


def labels_saved(transfer: Components, budget: int, reference: Curve, resampling: Resampling) -> Json:
    """Return how many labels a reference needs to do as well as a transfer does at a budget.

    Returns:
        ``budget``, ``value`` (the transfer's own), ``measured_up_to``, ``needed`` with ``low`` and ``high`` (None:
        more than was measured), ``at_most`` (whether the smallest budget measured is enough already), ``saved``
        (None where needed is), ``chance_of_saving``, ``said``.
    """
    budgets = sorted(reference)
    measured, draws = resampling.curves(reference)
    value = transfer.gain
    needed = float(labels_needed(budgets, isotonic(measured), value))
    many = labels_needed(budgets, isotonic(draws), resampling.means(transfer))
    low, high = (float(np.quantile(many, q, method="inverted_cdf")) for q in (0.025, 0.975))
    enough = isotonic(measured)[0] >= value
    found = {
        "budget": budget,
        "value": transfer.metric.sign * value,
        "measured_up_to": budgets[-1],
        "needed": _whole(needed),
        "low": _whole(low),
        "high": _whole(high),
        "at_most": bool(enough),
        "saved": None if not np.isfinite(needed) else round(needed) - budget,
        "chance_of_saving": float(np.mean(many > budget)),
    }
    return {**found, "said": _said(found)}


def next_doubling(curve: Curve, resampling: Resampling) -> Json | None:
    """Return what twice the labels of the largest budget are likely to add; None with one budget.

    The gain of the last doubling measured, times how gains have shrunk from the doubling before it (between .5
    and 1; .75, which is what power laws with exponents near .4 give, where there is none before it).

    Returns:
        ``from_labels``, ``to_labels``, ``gain``, ``low``, ``high``, ``last_gain``.
    """
    budgets = sorted(n for n in curve if n)
    if len(budgets) < 2:
        return None
    measured, draws = resampling.curves({n: curve[n] for n in budgets})
    gain, last = _gain(budgets, isotonic(measured[None]))
    many, _ = _gain(budgets, isotonic(draws))
    low, high = np.quantile(many, [0.025, 0.975])
    return {
        "from_labels": budgets[-1],
        "to_labels": 2 * budgets[-1],
        "gain": float(gain[0]),
        "low": float(low),
        "high": float(high),
        "last_gain": float(last[0]),
    }


def _gain(budgets: Sequence[int], curves: Doubles) -> tuple[Doubles, Doubles]:
    logs = np.log2(np.asarray(budgets, np.float64))

    def at(log: float) -> Doubles:
        return np.array([np.interp(log, logs, curve) for curve in curves])

    span = min(1.0, logs[-1] - logs[0])  # where all budgets lie within one doubling, their slope is carried on
    last = (at(logs[-1]) - at(logs[-1] - span)) / span
    if logs[-1] - 2 < logs[0]:
        return 0.75 * last, last
    before = at(logs[-1] - 1) - at(logs[-1] - 2)
    shrinks = np.clip(np.divide(last, before, out=np.ones_like(last), where=before > 1e-6), 0.5, 1.0)
    return last * shrinks, last


def _whole(number: float) -> int | None:
    return round(number) if np.isfinite(number) else None


def _said(found: Facts) -> str:
    most = f"more than {found['measured_up_to']:,}: not reached"
    if found["needed"] is None:
        low = f" (at least {found['low']:,} with 97.5% confidence)" if found["low"] else ""
        return most + low
    high = f"{found['high']:,}" if found["high"] is not None else f"more than {found['measured_up_to']:,}"
    about = "at most " if found["at_most"] else ""
    return f"{about}{found['needed']:,} labels [{found['low']:,} to {high}]"
