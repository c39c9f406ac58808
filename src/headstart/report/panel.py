"""What one pair of axes shows: series, reference lines and what hovering says, in data coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

from headstart.plain import Facts
from headstart.report.axes import Axis


@dataclass(frozen=True, slots=True)
class Series:
    """One named set of values.

    ``x`` and ``y`` [n]; ``low`` and ``high`` [n] are the ends of an interval of ``y`` where known. In a
    series of kind "steps", a distribution, ``x`` holds the n + 1 edges of its bins. ``look`` is a
    position for `style.style`; ``texts`` [n] are what hovering says of each of the "dots". A ``faint``
    line is thin and grey, without a band or a name, until the reader of a page switches it on.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    look: int = 0
    kind: Literal["line", "dots", "steps"] = "line"
    texts: tuple[str, ...] = ()
    faint: bool = False

    @classmethod
    def of_rows(cls, name: str, rows: Sequence[Facts], x: str, y: str, *, look: int = 0) -> Self:
        """A line through the keys ``x`` and ``y`` of rows, with the interval of their ``low`` and ``high``."""
        xs, ys, low, high = (tuple(float(row[key]) for row in rows) for key in (x, y, "low", "high"))
        return cls(name, xs, ys, low, high, look)


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight reference line with a label at its end; an ``arrow`` has it above its middle."""

    start: tuple[float, float]
    end: tuple[float, float]
    label: str = ""
    arrow: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """What hovering over ``low``..``high`` of the x axis says; a guide line shows at ``at``."""

    low: float
    high: float
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes, ``height`` pixels tall with its title and its ``note``, a line under it.

    ``sideways`` draws x downwards and y to the right, so that x can be names. Series of lines are
    named at their ends where there is room, else in a legend.
    """

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    rules: tuple[Rule, ...] = ()
    strips: tuple[Strip, ...] = ()
    note: str = ""
    sideways: bool = False
    height: float = 300.0


def strips(series: tuple[Series, ...], x: Axis, y: Axis, heading: str) -> tuple[Strip, ...]:
    """One strip for each x that a series has, saying every series' value there.

    ``heading`` names the x of a strip in "{}", as in "Epoch {}".
    """
    places = sorted({value for one in series for value in one.x})
    between = [(left * right) ** 0.5 if x.log else (left + right) / 2 for left, right in pairwise(places)]
    edges = [x.low, *between, x.high]
    return tuple(
        Strip(edges[k], edges[k + 1], place, "\n".join([heading.format(x.said(place)), *_values(series, place, y)]))
        for k, place in enumerate(places)
    )


def _values(series: tuple[Series, ...], place: float, y: Axis) -> list[str]:
    lines = []
    here = [(one, one.x.index(place)) for one in series if place in one.x]
    if len(here) > 2:
        here.sort(key=lambda pair: -pair[0].y[pair[1]])
    for one, k in here:
        low, high = (y.said(end[k]) if end else "" for end in (one.low, one.high))
        lines.append(f"{one.name} {y.said(one.y[k])}{f' [{low}, {high}]' if low != high else ''}")
    return lines
