"""Laying a panel out in pixels: heading, legend, grid, reference lines, series, spots for hovering."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from headstart.report.axes import Axis
from headstart.report.panel import Panel, Rule, Series
from headstart.report.scene import Anchor, Dot, Mark, Point, Scene, Stroke, Text, Toggle, band, box
from headstart.report.style import BODY, SMALL, fit_text, style, text_width, wrap_text

_LINE = 17.0  # from one line of small type to the next
_GUIDE_FILL = "transparent"
_START: Anchor = "start"
_END: Anchor = "end"


@dataclass(frozen=True, slots=True)
class _Frame:
    """The rectangle of a panel's data, in pixels; ``edge`` is the panel's own left side."""

    panel: Panel
    edge: float
    left: float
    top: float
    right: float
    bottom: float

    def at(self, x: float, y: float) -> Point:
        across, up = self.panel.x.at(x), self.panel.y.at(y)
        if self.panel.sideways:
            return self.left + up * (self.right - self.left), self.top + across * (self.bottom - self.top)
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)


def draw_panel(scene: Scene, panel: Panel, left: float, top: float, width: float) -> None:
    """Draw a panel into the rectangle from (left, top), ``width`` by ``panel.height`` pixels."""
    ends_named = _room_for_ends(panel, width)
    below = _heading(scene, panel, left, top, width)
    if not ends_named and len(panel.series) > 1:
        below = _legend(scene, _plain(panel), left, below, width)
    frame = _framed(panel, left, below, width, top + panel.height, ends_named)
    _grid(scene, frame)
    for rule in panel.rules:
        if not rule.arrow:
            _rule(scene, frame, rule)
    for series in panel.series:
        if series.faint:
            _faint(scene, frame, series)
    for draw in (_spread, _body, _points):  # all bands lie under all lines, and these under all dots
        for series in _plain(panel):
            draw(scene, frame, series)
    for rule in panel.rules:
        if rule.arrow:
            _distance(scene, frame, rule)
    if ends_named:
        _name_ends(scene, frame)
    for strip in panel.strips:
        _spot(scene, frame, strip.low, strip.high, strip.at, strip.text)


def _plain(panel: Panel) -> list[Series]:
    return [series for series in panel.series if not series.faint]


def _room_for_ends(panel: Panel, width: float) -> bool:
    named = _plain(panel)
    lines = all(series.kind == "line" for series in panel.series)
    longest = max((text_width(series.name, SMALL) for series in named), default=0.0)
    return lines and width >= 380 and longest <= width * 0.3 and len(named) <= 9


def _heading(scene: Scene, panel: Panel, left: float, top: float, width: float) -> float:
    """Write title and note; returns where the next line may begin."""
    y = top + 4
    for line in wrap_text(panel.title, width, BODY, bold=True) if panel.title else []:
        y += _LINE
        scene.add(Text(left, y - 4, line, BODY, bold=True))
    for line in wrap_text(panel.note, width, SMALL) if panel.note else []:
        y += _LINE
        scene.add(Text(left, y - 4, line, SMALL, "muted"))
    return y + 6


def _legend(scene: Scene, series: Sequence[Series], left: float, top: float, width: float) -> float:
    x, y = left, top + 12
    for one in series:
        name = fit_text(one.name, width - 40, SMALL)
        needed = 34 + text_width(name, SMALL)
        if x > left and x + needed > left + width:
            x, y = left, y + _LINE + 2
        _sample(scene, one, x, y - 4)
        scene.add(Text(x + 34, y, name, SMALL))
        x += needed + 18
    return y + 10


def _sample(scene: Scene, series: Series, x: float, y: float) -> None:
    look = style(series.look)
    if series.kind == "steps":
        scene.add(Stroke(box(x + 4, y - 6, x + 26, y + 6), "", look.colour, opacity=0.22))
        scene.add(Stroke(box(x + 4, y - 6, x + 26, y + 6), look.colour, width=1.8, dash=look.dash))
        return
    if series.kind == "line":
        scene.add(Stroke(((x, y), (x + 28, y)), look.colour, width=2, dash=look.dash))
    scene.add(Dot(x + 14, y, look.colour, look.marker, 4, look.filled))


def _framed(panel: Panel, left: float, top: float, width: float, bottom: float, ends_named: bool) -> _Frame:
    upright = panel.x if panel.sideways else panel.y
    names = [fit_text(text, width * 0.42, SMALL) for text in upright.texts]
    margin = max((text_width(name, SMALL) for name in names), default=0.0) + 10
    under = panel.y if panel.sideways else panel.x
    last = text_width(under.texts[-1], SMALL) / 2 if under.texts else 0.0
    ends = max((text_width(series.name, SMALL) for series in _plain(panel)), default=0.0) + 28 if ends_named else 0.0
    head = _LINE + 4 if upright.label else 8.0
    return _Frame(panel, left, left + margin, top + head, left + width - max(ends, last, 8.0), bottom - 46)


def _grid(scene: Scene, frame: _Frame) -> None:
    panel = frame.panel
    upright, under = (panel.x, panel.y) if panel.sideways else (panel.y, panel.x)
    if upright.label:
        scene.add(Text(frame.edge, frame.top - 10, upright.label, SMALL, "muted"))
    for tick, text in zip(upright.ticks, upright.texts, strict=True):
        y = frame.at(tick, panel.y.low)[1] if panel.sideways else frame.at(panel.x.low, tick)[1]
        scene.add(Stroke(((frame.left, y), (frame.right, y)), "grid"))
        said = fit_text(text, frame.left - frame.edge - 8, SMALL)
        scene.add(Text(frame.left - 8, y + 4, said, SMALL, "ink" if panel.sideways else "muted", "end"))
    _ticks_under(scene, frame, under)
    middle = (frame.left + frame.right) / 2
    scene.add(Text(middle, frame.bottom + 38, under.label, SMALL, "muted", "middle"))


def _ticks_under(scene: Scene, frame: _Frame, axis: Axis) -> None:
    panel = frame.panel
    scene.add(Stroke(((frame.left, frame.bottom), (frame.right, frame.bottom)), "muted"))
    free = float("inf")
    for tick, text in reversed(list(zip(axis.ticks, axis.texts, strict=True))):
        x = frame.at(panel.x.low, tick)[0] if panel.sideways else frame.at(tick, panel.y.low)[0]
        scene.add(Stroke(((x, frame.bottom), (x, frame.bottom + 4)), "muted"))
        half = text_width(text, SMALL) / 2
        if x + half < free:  # the last tick counts most, so crowding drops those before it
            scene.add(Text(x, frame.bottom + 18, text, SMALL, "muted", "middle"))
            free = x - half - 6
        if panel.sideways:
            scene.add(Stroke(((x, frame.top), (x, frame.bottom)), "grid"))


def _rule(scene: Scene, frame: _Frame, rule: Rule) -> None:
    """A dashed line; its label stands next to the top of an upright one, else over its end."""
    start, end = frame.at(*rule.start), frame.at(*rule.end)
    scene.add(Stroke((start, end), "muted", width=1.4, dash=(4, 3)))
    upright = abs(start[0] - end[0]) < 1
    to_right = upright and end[0] + 5 + text_width(rule.label, SMALL) < frame.right + 4
    x, anchor = (end[0] + 5, _START) if to_right else (end[0] - 5, _END)
    scene.add(Text(x, end[1] + (11 if upright else -6), rule.label, SMALL, anchor=anchor, halo=True))


def _distance(scene: Scene, frame: _Frame, rule: Rule) -> None:
    """A line with a tip at each end and its label over its middle."""
    start, end = frame.at(*rule.start), frame.at(*rule.end)
    scene.add(Stroke((start, end), "paper", width=4), Stroke((start, end), "ink", width=1.8))
    for (x, y), way in ((start, 7), (end, -7)):
        scene.add(Stroke(((x + way, y - 5), (x, y), (x + way, y + 5)), "ink", width=1.8))
    lines = wrap_text(rule.label, frame.right - frame.left, BODY, bold=True)
    for k, line in enumerate(reversed(lines)):
        middle = _held((start[0] + end[0]) / 2, line, frame)
        scene.add(Text(middle, start[1] - 10 - k * _LINE, line, BODY, anchor="middle", bold=True, halo=True))


def _held(x: float, label: str, frame: _Frame) -> float:
    """The x nearest to the one given at which a centred label stays inside the frame."""
    half = text_width(label, BODY, bold=True) / 2
    return max(min(x, frame.right - half), frame.left + half)


def _spread(scene: Scene, frame: _Frame, series: Series) -> None:
    """The band of a line's interval, or each dot's whisker."""
    if not series.low:
        return
    colour = style(series.look).colour
    ends = zip(series.x, series.low, series.high, strict=True)
    whiskers = [(frame.at(x, low), frame.at(x, high)) for x, low, high in ends]
    if series.kind == "dots":
        scene.add(*(Stroke(whisker, colour, width=2, opacity=0.75) for whisker in whiskers))
    elif series.kind == "line":
        xs = [low[0] for low, _ in whiskers]
        outline = band(xs, [low[1] for low, _ in whiskers], [high[1] for _, high in whiskers])
        faint = min(0.13, 0.5 / len(_plain(frame.panel)))  # many bands over one another must not hide the lines
        inside = _between(_between(outline, frame.bottom, -1), frame.top, 1)
        if inside:
            scene.add(Stroke(inside, fill=colour, opacity=faint))


def _between(outline: tuple[Point, ...], limit: float, way: int) -> tuple[Point, ...]:
    """The part of an area below (``way`` 1) or above (-1) a level, in pixels (Sutherland and Hodgman, 1974)."""
    kept: list[Point] = []
    for (x, y), (to_x, to_y) in zip(outline, (*outline[1:], *outline[:1]), strict=True):
        inside = (y - limit) * way >= 0
        if inside:
            kept.append((x, y))
        if inside != ((to_y - limit) * way >= 0):
            kept.append((x + (limit - y) / (to_y - y) * (to_x - x), limit))
    return tuple(kept)


def _faint(scene: Scene, frame: _Frame, series: Series) -> None:
    """A thin grey line with its name at its end, which a page shows once the line is switched on."""
    points = [frame.at(x, y) for x, y in zip(series.x, series.y, strict=True)]
    runs = _visible(points, frame.top, frame.bottom)
    lines = tuple(Stroke(tuple(run), "muted", width=1, opacity=0.55) for run in runs)
    if lines:
        x, y = runs[-1][-1]
        name = Text(min(x, frame.right) - 4, y - 6, series.name, SMALL, "ink", "end", halo=True)
        scene.add(Toggle(lines, name, style(series.look).colour))


def _body(scene: Scene, frame: _Frame, series: Series) -> None:
    """A line, or a distribution's outline over its area."""
    look = style(series.look)
    if series.kind == "line":
        points = [frame.at(x, y) for x, y in zip(series.x, series.y, strict=True)]
        for run in _visible(points, frame.top, frame.bottom):
            scene.add(Stroke(tuple(run), look.colour, width=2, dash=look.dash))
    elif series.kind == "steps":
        top = [frame.at(x, y) for k, y in enumerate(series.y) for x in series.x[k : k + 2]]
        floor = frame.at(series.x[0], 0)[1]
        area = (*top, (top[-1][0], floor), (top[0][0], floor))
        scene.add(Stroke(area, fill=look.colour, opacity=0.22))
        scene.add(Stroke(tuple(top), look.colour, width=1.8, dash=look.dash))


def _visible(points: list[Point], top: float, bottom: float) -> list[list[Point]]:
    """The runs of a line, in pixels, between two levels: cut where it leaves and where it comes back."""
    runs: list[list[Point]] = [[]]
    for one, other in pairwise(points):
        part = _cut(one, other, top, bottom)
        if part and runs[-1] and runs[-1][-1] == part[0]:
            runs[-1].append(part[1])
        elif part:
            runs.append(list(part))
    return [run for run in runs if run]


def _cut(one: Point, other: Point, top: float, bottom: float) -> tuple[Point, Point] | None:
    """The part of a segment between two levels."""
    if max(one[1], other[1]) < top or min(one[1], other[1]) > bottom:
        return None

    def held(point: Point, far: Point) -> Point:
        limit = min(max(point[1], top), bottom)
        if limit == point[1]:
            return point
        share = (limit - point[1]) / (far[1] - point[1])
        return point[0] + share * (far[0] - point[0]), limit

    return held(one, other), held(other, one)


def _points(scene: Scene, frame: _Frame, series: Series) -> None:
    look, axis = style(series.look), frame.panel.y
    if series.kind == "steps" or (series.kind == "line" and len(series.x) > 40):
        return
    for k, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
        if not axis.low <= y <= axis.high:
            continue
        at, dot = (
            frame.at(x, y),
            Dot(0, 0, look.colour, look.marker, 4.5 if series.kind == "dots" else 3.8, look.filled),
        )
        if series.texts:
            scene.add(Mark(at, (dot,), series.texts[k]))
        else:
            scene.add(Dot(*at, dot.colour, dot.marker, dot.radius, dot.filled))


def _name_ends(scene: Scene, frame: _Frame) -> None:
    """Names next to the lines' last points, moved apart where they would touch."""
    named = [(frame.at(series.x[-1], series.y[-1]), series) for series in _plain(frame.panel) if series.x]
    named.sort(key=lambda pair: pair[0][1])
    ys = _apart([at[1] for at, _ in named], 15.0, frame.top, frame.bottom)
    for y, (_, series) in zip(ys, named, strict=True):
        look = style(series.look)
        scene.add(Dot(frame.right + 14, y, look.colour, look.marker, 3.8, look.filled))
        scene.add(Text(frame.right + 23, y + 4, series.name, SMALL, look.colour))


def _apart(ys: list[float], distance: float, low: float, high: float) -> list[float]:
    """Sorted places moved as little as a sweep down and a sweep up need to part them."""
    down: list[float] = []
    for y in ys:
        down.append(max(y, down[-1] + distance if down else low))
    up: list[float] = []
    for y in reversed(down):
        up.append(min(y, up[-1] - distance if up else high))
    return up[::-1]


def _spot(scene: Scene, frame: _Frame, low: float, high: float, at: float, text: str) -> None:
    left, right, guide = (frame.at(x, frame.panel.y.low)[0] for x in (low, high, at))
    area = Stroke(box(left, frame.top, right, frame.bottom), fill=_GUIDE_FILL, live=True)
    line = Stroke(((guide, frame.top), (guide, frame.bottom)), "ink", width=1, dash=(2, 2), live=True)
    scene.add(Mark((0.0, 0.0), (area, line), text))
