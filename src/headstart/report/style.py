"""One look for every figure: colours, markers, dashes and the width of a line of text.

The six series colours keep apart for readers with any of the three colour-vision deficiencies
(CIELAB distance over 18 on white paper, Machado et al. 2009 at full severity; held by a test), and each
comes with a marker and a dash of its own, so that a print in grey says the same. Colours go by
name until a figure is drawn: on a page a name is a CSS variable, which lets the reader's dark
mode change it, in a file it is the light value.
"""

import unicodedata
from dataclasses import dataclass

LIGHT = {
    "paper": "#ffffff",
    "ink": "#1b212a",
    "muted": "#59636f",
    "grid": "#e2e6eb",
    "s1": "#1d55b5",
    "s2": "#e0591b",
    "s3": "#178f63",
    "s4": "#c3529f",
    "s5": "#6b3a12",
    "s6": "#3a4057",
}
"""Colour names and their values on white paper (figures saved to a file, pages by day and in print)."""

DARK = {
    "paper": "#14181d",
    "ink": "#e8ecf0",
    "muted": "#a3adb8",
    "grid": "#2c333c",
    "s1": "#5b9bf0",
    "s2": "#ee8345",
    "s3": "#3fb68a",
    "s4": "#e3aef2",
    "s5": "#ecd25a",
    "s6": "#e3e8ec",
}
"""The same names for a reader whose system asks for dark pages."""

FONTS = ("Inter", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans")
"""Families in order of preference; none is wider than the last, whose widths `text_width` uses."""

SMALL, BODY, HEADING = 12.0, 13.0, 15.0
"""Sizes of type in pixels of a figure 960 (or 360) pixels wide: ticks and legends; labels; titles."""

_SQUARE, _HIGH, _WIDE = 0.86, 1.2, 1.1
MARKERS: dict[str, tuple[tuple[float, float], ...]] = {
    "circle": (),
    "square": ((-_SQUARE, -_SQUARE), (_SQUARE, -_SQUARE), (_SQUARE, _SQUARE), (-_SQUARE, _SQUARE)),
    "triangle": ((0.0, -_HIGH), (_WIDE, 0.8), (-_WIDE, 0.8)),
    "diamond": ((0.0, -_HIGH), (_HIGH, 0.0), (0.0, _HIGH), (-_HIGH, 0.0)),
    "wedge": ((0.0, _HIGH), (-_WIDE, -0.8), (_WIDE, -0.8)),
    "bar": ((-1.3, -0.45), (1.3, -0.45), (1.3, 0.45), (-1.3, 0.45)),
}
"""Marker outlines around (0, 0) in units of the marker's radius; the circle has none."""

_DASHES: tuple[tuple[float, ...], ...] = ((), (7, 3), (2, 2.5), (9, 3, 2, 3), (12, 4), (5, 2, 1.5, 2, 1.5, 2))

# Advance widths of DejaVu Sans in hundredths of an em, for the characters from space to "~".
_WIDTHS = (
    *(32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34),
    *(34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73),
    *(68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63),
    *(63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84),
)
_OTHER, _FULL_WIDTH, _BOLD = 70, 100, 1.12


@dataclass(frozen=True, slots=True)
class Style:
    """How one series is told from the others, with colour and without it.

    ``colour`` is a name of `LIGHT`, ``marker`` one of `MARKERS`, ``dash`` lengths in pixels (empty
    for a whole line); the seventh series and those after it have hollow markers.
    """

    colour: str
    marker: str
    dash: tuple[float, ...]
    filled: bool = True


def style(position: int) -> Style:
    """The look of the series at a position, from 0; 36 positions differ."""
    turn, place = divmod(position, 6)
    marker = list(MARKERS)[(place + turn) % 6]
    return Style(f"s{place + 1}", marker, _DASHES[(place + turn) % 6], filled=turn % 2 == 0)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width in pixels of a line of text at a size in pixels, by DejaVu Sans' metric.

    That family is the widest of the usual sans-serif faces, so a box of this width holds the text
    in whichever of them a reader has. Characters outside ASCII count .7 em, East Asian wide ones
    1 em, combining marks nothing.
    """
    hundredths = sum(_advance(character) for character in text)
    return hundredths * size / 100 * (_BOLD if bold else 1.0)


def _advance(character: str) -> int:
    code = ord(character)
    if 32 <= code < 127:
        return _WIDTHS[code - 32]
    if unicodedata.combining(character):
        return 0
    return _FULL_WIDTH if unicodedata.east_asian_width(character) in "WF" else _OTHER


def fit_text(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """The text on one line, cut with an ellipsis where it is wider than so many pixels."""
    line = " ".join(text.split())
    if text_width(line, size, bold=bold) <= width:
        return line
    while line and text_width(line + "…", size, bold=bold) > width:
        line = line[:-1]
    return line.rstrip() + "…"


def wrap_text(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """The text in lines of at most so many pixels, broken between words."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size, bold=bold) > width:
            lines.append(fit_text(word, width, size, bold=bold))
        else:
            lines[-1] = fit_text(longer, width, size, bold=bold)
    return lines


def diverging(share: float) -> str:
    """Hex colour of a score: orange at 0, grey at .5, blue at 1; all three show on light and dark paper."""
    share = min(max(share, 0.0), 1.0)
    blue, grey, orange = (34, 96, 201), (166, 171, 179), (224, 89, 27)
    end, weight = (orange, 1 - 2 * share) if share < 0.5 else (blue, 2 * share - 1)
    weight **= 0.8  # a little colour early, so that mild scores are not all one grey
    mixed = (round(g + (e - g) * weight) for g, e in zip(grey, end, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed)
