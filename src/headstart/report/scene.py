"""What a drawn figure is made of: lines, markers, text, and spots that answer to a pointer.

A figure is laid out once, in pixels, into a `Scene`; `report.svg` writes it for a page or a file and
`report.raster` paints it through matplotlib. So a picture in a paper is the picture on the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through ``points``, or a filled area when ``fill`` names a colour.

    Colours are names of `style.LIGHT` or hex values; empty means none. ``live`` marks what only a
    page can use (a guide line that shows under the pointer): files leave it out.
    """

    points: tuple[Point, ...]
    colour: str = ""
    fill: str = ""
    width: float = 1.0
    dash: tuple[float, ...] = ()
    opacity: float = 1.0
    live: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A marker (a key of `style.MARKERS`) of ``radius`` pixels, ringed in the paper's colour or hollow."""

    x: float
    y: float
    colour: str
    marker: str = "circle"
    radius: float = 4.0
    filled: bool = True
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text whose baseline starts, is centred or ends at (x, y); ``halo`` clears the paper around it."""

    x: float
    y: float
    text: str
    size: float
    colour: str = "ink"
    anchor: Anchor = "start"
    bold: bool = False
    halo: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Items that answer to a pointer or the keyboard with ``text``; its first line is the heading.

    The items stand relative to ``at``.
    """

    at: Point
    items: tuple[Stroke | Dot, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Toggle:
    """A grey line that the reader of a page switches on: it then has its ``colour``, and its ``label`` shows."""

    lines: tuple[Stroke, ...]
    label: Text
    colour: str


Item = Stroke | Dot | Text | Mark | Toggle


@dataclass(slots=True)
class Scene:
    """A drawing: its size in pixels and its items, painted in order."""

    width: float
    height: float
    items: list[Item] = field(default_factory=list)

    def add(self, *items: Item) -> None:
        """Paint items over what is there."""
        self.items.extend(items)


def box(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    """The corners of a rectangle, closed."""
    return ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))


def band(xs: Sequence[float], low: Sequence[float], high: Sequence[float]) -> tuple[Point, ...]:
    """The outline of the area between two lines over the same x."""
    there = list(zip(xs, high, strict=True))
    back = list(zip(xs, low, strict=True))[::-1]
    return tuple(there + back)
