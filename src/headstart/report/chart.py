"""Figures: what can be shown on a page and saved as a picture; and charts, which are panels in a row.

Pictures are drawn by our own code, as SVG of 10 to 60 kB that a page shows at once, instead of through
plotly, whose script alone is 4.8 MB a page: a report must open in a blink, go by mail, diff well, print
sharp, and be readable with scripts switched off.
Matplotlib serves only to paint the same drawing as PNG or PDF.
"""

import base64
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from headstart.errors import OptionError
from headstart.extras import optional
from headstart.plain import Facts
from headstart.printing import printable
from headstart.report.drawing import draw_panel
from headstart.report.files import write_whole
from headstart.report.panel import Panel
from headstart.report.scene import Scene, Text
from headstart.report.style import HEADING, wrap_text
from headstart.report.svg import inline_svg, svg_file

WIDE, NARROW, PHONE = 960, 560, 358
"""Widths of a layout in pixels: on a page, where panels begin to stand under one another, on a phone."""


_GAP = 28.0  # between panels, in pixels


class Figure(ABC):
    """A picture with a title, a description in words, and the numbers behind it.

    ``title`` heads it, ``description`` says what it shows to those who do not see it, ``columns`` (key
    to heading) with ``rows`` are the same facts as a table.
    """

    title: str
    description: str
    columns: Mapping[str, str]
    rows: Sequence[Facts]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({printable(self.title)})"

    def _repr_html_(self) -> str:
        drawing = base64.b64encode(svg_file(self.scene(NARROW, titled=True), self.title, self.description).encode())
        return f'<img src="data:image/svg+xml;base64,{drawing.decode()}" alt="{escape(self.description)}">'

    @property
    def toggles(self) -> list[str]:
        """The names of lines that a reader can switch on."""
        return []

    @abstractmethod
    def scene(self, width: float = WIDE, *, titled: bool = False) -> Scene:
        """The drawing at a width in pixels; ``titled`` writes the title on it."""

    def html(self) -> str:
        """The picture for a page: one drawing for wide windows and print, one for phones."""
        label = f"{self.title}. {self.description}"
        wide, narrow = (inline_svg(self.scene(width), label) for width in (WIDE, PHONE))
        return f'<div class="wide">{wide}</div>\n<div class="narrow">{narrow}</div>'

    def save(
        self, path: str | os.PathLike[str], *, width: float = WIDE, scale: float = 2.0, titled: bool = True
    ) -> Path:
        """Write the picture as .svg, .png or .pdf, by the path's ending; the path is returned.

        ``width`` is the layout's, in pixels: less of it means larger type where the picture is to be
        shown small. A PNG has ``scale`` times as many, so a map is 1920 by 1080 unless asked
        otherwise. PNG and PDF need matplotlib (extra ``plots``). Raises OptionError for other endings.
        """
        kind = Path(path).suffix.lower().removeprefix(".")
        if kind not in ("svg", "png", "pdf"):
            raise OptionError(
                f"A figure was to be saved as {str(path)!r}, but figures are saved as .png, .svg or .pdf. "
                "Change the file's ending to one of these; a page that reacts to the pointer is made with Page."
            )
        scene = self.scene(width, titled=titled)
        if kind == "svg":
            return write_whole(path, svg_file(scene, self.title, self.description).encode("utf-8", "backslashreplace"))
        raster = optional("headstart.report.raster", "plots", "Drawing a figure", "matplotlib")
        return write_whole(path, raster.painted(scene, kind=kind, scale=scale))


@dataclass(frozen=True, repr=False)
class Chart(Figure):
    """Panels, ``abreast`` of them side by side where there is room, else below one another."""

    title: str
    description: str
    panels: tuple[Panel, ...]
    columns: Mapping[str, str]
    rows: Sequence[Facts]
    abreast: int = 2

    @property
    def toggles(self) -> list[str]:
        """The names of lines that a reader can switch on."""
        return list(dict.fromkeys(line.name for panel in self.panels for line in panel.series if line.faint))

    def scene(self, width: float = WIDE, *, titled: bool = False) -> Scene:
        """The drawing at a width in pixels; ``titled`` writes the title on it."""
        pad = 20.0 if titled else 0.0  # a file has no page around it
        lines = wrap_text(self.title, width - 2 * pad, HEADING, bold=True) if titled else []
        abreast = min(self.abreast, len(self.panels)) if width >= NARROW else 1
        each = (width - 2 * pad - _GAP * (abreast - 1)) / abreast
        scene = Scene(width, 0)
        scene.add(*(Text(pad, pad + 14 + 24 * k, line, HEADING, bold=True) for k, line in enumerate(lines)))
        bottom = pad + 24.0 * len(lines)
        for first in range(0, len(self.panels), abreast):
            row = self.panels[first : first + abreast]
            for k, panel in enumerate(row):
                draw_panel(scene, panel, pad + (each + _GAP) * k, bottom, each)
            bottom += max(panel.height for panel in row) + _GAP
        scene.height = bottom - _GAP + pad / 2
        return scene
