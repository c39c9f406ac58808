"""Axes: which values a panel spans, where its ticks stand and what they say."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axis:
    """The span ``low``..``high`` of one direction, ticks with their texts, and how values are said.

    ``decimals`` is for the values that hovering shows. ``log`` axes need positive values.
    """

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    texts: tuple[str, ...]
    decimals: int = 3
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value stands, as a share of the way from ``low`` to ``high``."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def said(self, value: float) -> str:
        """A value as hovering shows it."""
        return said(value, self.decimals)


def said(value: float, decimals: int = 3) -> str:
    """A number for readers: thousands parted, whole numbers without decimals; "–" for none."""
    if not math.isfinite(value):
        return "–"
    if float(value).is_integer() and abs(value) > 1:
        return f"{value:,.0f}"
    return f"{value:,.{decimals}f}"


def linear_axis(
    values: Iterable[float],
    label: str,
    *,
    floor: float = -math.inf,
    ceiling: float = math.inf,
    decimals: int = 3,
    n_ticks: int = 5,
) -> Axis:
    """An axis that holds the values with a little air, never passing ``floor`` or ``ceiling``."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    air = (high - low) * 0.06 or max(abs(high) * 0.05, 0.01)
    low, high = max(low - air, floor), min(high + air, ceiling)
    step = _step((high - low) / n_ticks)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple(k * step for k in range(first, last + 1))
    places = max(0, int(_is_quarter(step)) - math.floor(math.log10(step) + 1e-9))
    return Axis(label, low, high, ticks, tuple(f"{tick:,.{places}f}" for tick in ticks), decimals)


def _step(width: float) -> float:
    """The one of 1, 2, 2.5 and 5 times a power of ten that is nearest to ``width`` by ratio."""
    power: float = 10.0 ** math.floor(math.log10(width))
    return min((power * factor for factor in (1.0, 2.0, 2.5, 5.0, 10.0)), key=lambda step: abs(math.log(step / width)))


def _is_quarter(step: float) -> bool:
    power: float = 10.0 ** math.floor(math.log10(step) + 1e-9)
    return abs(step / power - 2.5) < 1e-6


def count_axis(values: Sequence[int], label: str) -> Axis:
    """An axis of whole numbers with a tick at every one, or at every 2nd, 5th, 10th ... of them."""
    low, high = min(values), max(values)
    step = next(step for step in _whole_steps() if (high - low) / step <= 12)
    ticks = tuple(range(low, high + 1, step))
    margin = 0.0 if high > low else 0.5
    return Axis(label, low - margin, high + margin, tuple(map(float, ticks)), tuple(f"{tick:,}" for tick in ticks))


def _whole_steps() -> Iterable[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def log_axis(values: Iterable[float], label: str) -> Axis:
    """A logarithmic axis of positive values, with a tick at each of them."""
    ticks = tuple(sorted(set(values)))
    low, high = ticks[0], ticks[-1]
    air = (high / low) ** 0.03 if high > low else 2.0
    return Axis(label, low / air, high * air, ticks, tuple(said(tick) for tick in ticks), log=True)


def name_axis(names: Sequence[str], label: str = "") -> Axis:
    """An axis of names, at 0, 1, 2 ... in the order given."""
    return Axis(label, -0.6, len(names) - 0.4, tuple(map(float, range(len(names)))), tuple(names))
