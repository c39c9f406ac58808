"""How the dots of a map are told apart: by label, by score, or both; and the legend that says so."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.report.axes import said
from headstart.report.scene import Dot, Scene, Stroke, Text, box
from headstart.report.style import SMALL, Style, diverging, fit_text, style, text_width

Floats = npt.NDArray[np.float64]

_LINE, _BAR, _CELLS = 22.0, 150.0, 30  # legend line and colour bar in pixels; cells of the bar


@dataclass(frozen=True)
class Colouring:
    """Labels [n], positions in ``label_names``, set markers; scores [n] set colours, else labels do.

    Positive (label 1) is blue and round, negative (0) orange and square, so that words look the same on
    every map; without labels, scores of the upper half are round and those of the lower half square.
    """

    labels: npt.NDArray[np.int_] | None
    scores: Floats | None
    label_names: tuple[str, ...]
    score_name: str
    centre: float | None = None

    @property
    def span(self) -> tuple[float, float, float]:
        """The scale of scores: its low end, its middle (grey) and its high end.

        With a ``centre``, the scores' own ends around it; else 0, .5 and 1 when that holds them all, else as
        far below 0 as above.
        """
        low, high = (0.0, 1.0) if self.scores is None else (float(self.scores.min()), float(self.scores.max()))
        if self.centre is not None:
            return min(low, self.centre), self.centre, max(high, self.centre)
        reach = max(-low, high)
        return (0.0, 0.5, 1.0) if low >= 0 and high <= 1 else (-reach, 0.0, reach)

    def shares(self) -> Floats | None:
        """Scores [n] as shares of the way along their scale, each half by itself; .5 is its middle."""
        if self.scores is None:
            return None
        low, middle, high = self.span
        gap = self.scores - middle
        return np.asarray(0.5 + 0.5 * gap / np.where(gap < 0, (middle - low) or 1.0, (high - middle) or 1.0))

    def dots(self, radius: float, opacity: float) -> list[Dot]:
        """A dot for each point of a map that has labels or scores."""
        shares = self.shares()
        labels = self.labels if self.labels is not None or shares is None else (shares >= 0.5).astype(int)
        if labels is None:
            return []
        looks = [_look(int(label)) for label in labels]
        colours = [look.colour for look in looks] if shares is None else [diverging(float(share)) for share in shares]
        return [
            Dot(0, 0, colour, look.marker, radius, look.filled, opacity)
            for colour, look in zip(colours, looks, strict=True)
        ]

    def draw_legend(self, scene: Scene, left: float, top: float, right: float) -> float:
        """Write the legend; returns where the map may begin."""
        x, y = left + 6, top + 16
        for k, name in enumerate(self.label_names if self.labels is not None else ()):
            text = fit_text(name, right - left - 40, SMALL)
            width = 12 + text_width(text, SMALL)
            if x > left + 6 and x + width > right:
                x, y = left + 6, y + _LINE
            look = _look(k)
            colour = look.colour if self.scores is None else "muted"
            scene.add(Dot(x, y - 4, colour, look.marker, 5, look.filled), Text(x + 12, y, text, SMALL))
            x += width + 22
        if self.scores is not None:
            return self._scale(scene, left, x, y, right) + 10
        return top if self.labels is None else y + 10

    def _scale(self, scene: Scene, left: float, x: float, y: float, right: float) -> float:
        """The colour bar with its name and ends, on this line or the next; returns its base line."""
        low, middle, high = (said(value, 2) for value in self.span)
        name = self.score_name if self.centre is None else f"{self.score_name} (grey: {middle})"
        name = fit_text(name, right - left - text_width(low + high, SMALL) - 68 - _BAR / 3, SMALL)
        around = text_width(name + low + high, SMALL) + 62
        if x > left + 6 and x + around + _BAR > right:
            x, y = left + 6, y + _LINE
        bar = max(min(_BAR, right - x - around), _BAR / 3)
        scene.add(Text(x - 6, y, name, SMALL, "muted"))
        x += text_width(name, SMALL) + 8
        x = self._end(scene, x, y, 0, low)
        for k in range(_CELLS):
            cell = x + k * bar / _CELLS
            scene.add(Stroke(box(cell, y - 10, cell + bar / _CELLS + 0.3, y + 1), fill=diverging((k + 0.5) / _CELLS)))
        scene.add(Stroke(((x + bar / 2, y - 12), (x + bar / 2, y + 3)), "ink"))
        self._end(scene, x + bar + 6, y, 1, high)
        return y

    def _end(self, scene: Scene, x: float, y: float, end: int, text: str) -> float:
        """One end's value, with the marker of its half where no label has taken the markers."""
        if self.labels is None:
            scene.add(Dot(x + 5, y - 4, diverging(float(end)), _look(end).marker, 5))
            x += 15
        scene.add(Text(x, y, text, SMALL))
        return x + text_width(text, SMALL) + 6


def _look(label: int) -> Style:
    return style(1 - label if label < 2 else label)
