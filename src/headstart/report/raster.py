"""A scene as PNG or PDF, painted through matplotlib, which this file alone imports: `headstart.report.chart` does so late.

Matplotlib is used as a canvas: one axes in pixels over the whole picture, no pyplot, no settings
touched, so drawing is safe next to other uses of matplotlib and in threads.
"""

import io
from collections.abc import Iterator
from dataclasses import replace

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch, Polygon
from matplotlib.patheffects import withStroke

from headstart.report.scene import Dot, Item, Mark, Scene, Stroke, Text, Toggle
from headstart.report.style import FONTS, LIGHT, MARKERS

_PIXELS_PER_INCH = 96
_POINTS = 72 / _PIXELS_PER_INCH  # matplotlib measures lines and type in points


def painted(scene: Scene, *, kind: str, scale: float) -> bytes:
    """The picture's bytes.

    ``kind`` is "png" (``scale`` pixels for each pixel of the scene) or "pdf" (vectors, with text as
    text).
    """
    figure = Figure(figsize=(scene.width / _PIXELS_PER_INCH, scene.height / _PIXELS_PER_INCH), facecolor=LIGHT["paper"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, scene.width), ylim=(scene.height, 0))
    axes.set_axis_off()
    family = _installed_family()
    for order, item in enumerate(_flat(scene.items)):
        _paint(axes, item, order, family)
    file = io.BytesIO()
    # Without these, the files would carry the hour at which they were drawn.
    metadata = {"CreationDate": None, "ModDate": None} if kind == "pdf" else None
    figure.savefig(file, format=kind, dpi=_PIXELS_PER_INCH * scale, metadata=metadata)
    return file.getvalue()


def _flat(items: list[Item]) -> Iterator[Stroke | Dot | Text]:
    for item in items:
        if isinstance(item, Mark):
            yield from (_moved(part, item) for part in item.items)
        elif isinstance(item, Toggle):
            yield from item.lines
        else:
            yield item


def _moved(part: Stroke | Dot, mark: Mark) -> Stroke | Dot:
    x, y = mark.at
    if isinstance(part, Dot):
        return replace(part, x=x + part.x, y=y + part.y)
    return replace(part, points=tuple((x + px, y + py) for px, py in part.points))


def _paint(axes: Axes, item: Stroke | Dot | Text, order: int, family: list[str]) -> None:
    if isinstance(item, Text):
        _write(axes, item, order, family)
    elif isinstance(item, Dot):
        _mark(axes, item, order)
    elif not item.live:
        _stroke(axes, item, order)


def _stroke(axes: Axes, item: Stroke, order: int) -> None:
    if item.fill:
        axes.add_patch(
            Polygon(item.points, facecolor=_value(item.fill), edgecolor="none", alpha=item.opacity, zorder=order)
        )
    if item.colour:
        # A dash is measured in widths of its line there, in pixels here.
        dash = (0.0, tuple(length / item.width for length in item.dash)) if item.dash else None
        xs, ys = zip(*item.points, strict=True)
        line = Line2D(xs, ys, color=_value(item.colour), linewidth=item.width * _POINTS, linestyle=dash)
        line.set(alpha=item.opacity, zorder=order, dash_capstyle="butt", solid_capstyle="butt", solid_joinstyle="round")
        axes.add_line(line)


def _mark(axes: Axes, item: Dot, order: int) -> None:
    outline = [(item.x + x * item.radius, item.y + y * item.radius) for x, y in MARKERS[item.marker]]
    patch: Patch = Polygon(outline) if outline else Circle((item.x, item.y), item.radius)
    fill, line, width = (item.colour, "paper", 0.8) if item.filled else ("paper", item.colour, 1.8)
    patch.set(facecolor=_value(fill), edgecolor=_value(line), linewidth=width * _POINTS, alpha=item.opacity)
    patch.set_zorder(order)
    axes.add_patch(patch)


def _write(axes: Axes, item: Text, order: int, family: list[str]) -> None:
    effects = [withStroke(linewidth=3 * _POINTS, foreground=LIGHT["paper"])] if item.halo else []
    axes.text(
        item.x,
        item.y,
        item.text,
        fontsize=item.size * _POINTS,
        color=_value(item.colour),
        ha={"start": "left", "middle": "center", "end": "right"}[item.anchor],
        va="baseline",
        weight="bold" if item.bold else "normal",
        family=family,
        path_effects=effects,
        zorder=order,
        parse_math=False,  # a review's "$5 ... $10" is money
    )


def _installed_family() -> list[str]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in FONTS if name in installed]


def _value(colour: str) -> str:
    return LIGHT.get(colour, colour)
