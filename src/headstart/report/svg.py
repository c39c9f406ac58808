"""A scene as SVG: inside a page, where it answers to pointer and keyboard, or as a file of its own.

Numbers have one decimal and nothing is random or dated, so the same scene is the same bytes.
"""

import html
import re
from collections.abc import Iterable

from headstart.report.scene import Dot, Item, Mark, Point, Scene, Stroke, Text, Toggle
from headstart.report.style import FONTS, LIGHT, MARKERS

_FAMILY = ", ".join([*FONTS, "sans-serif"])
# What XML cannot hold, even escaped: control characters, lone surrogates, two non-characters. And what would turn the
# rest of a sentence round: embeddings, overrides and isolates of the direction of writing.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(text: object) -> str:
    """Text made safe inside an element or a quoted attribute of HTML or XML."""
    return html.escape(printable(str(text)), quote=True)


def printable(text: str) -> str:
    """Text with a replacement character for each that neither XML nor HTML can hold."""
    return _FORBIDDEN.sub("\ufffd", text)


def inline_svg(scene: Scene, label: str) -> str:
    """The scene as an element of a page.

    Its colours are the page's CSS variables. ``label`` is what a screen reader says; the element
    takes the keyboard's focus when it has marks to step through.
    """
    live = any(isinstance(item, Mark) for item in scene.items)
    head = (
        f'<svg class="{"live" if live else "still"}" viewBox="{_box(scene)}" role="img" aria-label="{escaped(label)}"'
    )
    head += ' tabindex="0"' if live else ""
    return f"{head}>{_Writer(variables=True).many(scene.items)}</svg>"


def svg_file(scene: Scene, title: str, description: str) -> str:
    """The scene as a file: light colours, white paper; hovering shows names where the viewer can."""
    size = f'width="{_number(scene.width)}" height="{_number(scene.height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="{_box(scene)}" role="img">\n'
        f"<title>{escaped(title)}</title>\n<desc>{escaped(description)}</desc>\n"
        f'<rect width="100%" height="100%" fill="{LIGHT["paper"]}"/>\n'
        f'<g font-family="{escaped(_FAMILY)}">\n{_Writer(variables=False).many(scene.items)}</g>\n</svg>\n'
    )


class _Writer:
    """Writes items with colours as CSS variables (a page) or as plain values (a file)."""

    def __init__(self, *, variables: bool) -> None:
        self.variables = variables

    def many(self, items: Iterable[Item]) -> str:
        return "".join(written + "\n" for item in items if (written := self.one(item)))

    def one(self, item: Item) -> str:
        if isinstance(item, Stroke):
            return self.stroke(item)
        if isinstance(item, Dot):
            return self.dot(item)
        if isinstance(item, Toggle):
            return self.toggle(item)
        return self.text(item) if isinstance(item, Text) else self.mark(item)

    def paint(self, colour: str) -> str:
        if colour not in LIGHT:
            return colour or "none"
        return f"var(--{colour})" if self.variables else LIGHT[colour]

    def toggle(self, item: Toggle) -> str:
        lines = "".join(map(self.stroke, item.lines))
        if not self.variables:
            return lines
        return (
            f'<g class="toggle {item.colour}" data-name="{escaped(item.label.text)}">{lines}{self.text(item.label)}</g>'
        )

    def stroke(self, item: Stroke) -> str:
        if item.live and not self.variables:
            return ""
        kind = ' class="guide"' if item.live else ""
        line = f' stroke="{self.paint(item.colour)}" stroke-width="{_number(item.width)}"' if item.colour else ""
        dash = f' stroke-dasharray="{" ".join(_number(length) for length in item.dash)}"' if item.dash else ""
        return f'<path{kind} d="{_path(item.points)}" fill="{self.paint(item.fill)}"{line}{dash}{_opacity(item)}/>'

    def dot(self, item: Dot) -> str:
        fill, line = (item.colour, "paper") if item.filled else ("paper", item.colour)
        width = "0.8" if item.filled else "1.8"
        look = f'fill="{self.paint(fill)}" stroke="{self.paint(line)}" stroke-width="{width}"{_opacity(item)}'
        outline = [(item.x + x * item.radius, item.y + y * item.radius) for x, y in MARKERS[item.marker]]
        if outline:
            return f'<path d="{_path((*outline, outline[0]))}" {look}/>'
        return f'<circle cx="{_number(item.x)}" cy="{_number(item.y)}" r="{_number(item.radius)}" {look}/>'

    def text(self, item: Text) -> str:
        weight = ' font-weight="600"' if item.bold else ""
        anchor = "" if item.anchor == "start" else f' text-anchor="{item.anchor}"'
        halo = f' class="halo" stroke="{self.paint("paper")}"' if item.halo else ""
        if item.halo and not self.variables:
            halo = f' stroke="{LIGHT["paper"]}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
        place = f'x="{_number(item.x)}" y="{_number(item.y)}" font-size="{_number(item.size)}"'
        return f'<text {place}{anchor}{weight}{halo} fill="{self.paint(item.colour)}">{escaped(item.text)}</text>'

    def mark(self, item: Mark) -> str:
        place = f'transform="translate({_number(item.at[0])} {_number(item.at[1])})"'
        shapes = "".join(self.one(part) for part in item.items)
        return f'<g class="mark" {place}><title>{escaped(item.text)}</title>{shapes}</g>'


def _number(value: float) -> str:
    text = f"{value:.1f}"
    return "0" if text == "-0.0" else text.removesuffix(".0")


def _path(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _box(scene: Scene) -> str:
    return f"0 0 {_number(scene.width)} {_number(scene.height)}"


def _opacity(item: Stroke | Dot) -> str:
    return "" if item.opacity == 1.0 else f' opacity="{item.opacity:.2f}"'
