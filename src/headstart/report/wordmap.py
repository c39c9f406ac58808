"""Drawing a map of words or texts: dots by label or score, names next to them, or on hovering."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.errors import DataError
from headstart.plain import Facts, Json
from headstart.report.axes import said
from headstart.report.chart import NARROW, WIDE, Figure
from headstart.report.colouring import Colouring
from headstart.report.map_layout import Area, lay_out
from headstart.report.placement import Place, place_names
from headstart.report.scene import Dot, Mark, Scene, Stroke, Text
from headstart.report.style import HEADING, SMALL, fit_text, text_width, wrap_text

Floats = npt.NDArray[np.float64]

LONGEST_NAME = 40
"""Names of more characters than this are texts: they show on hovering, not in the picture."""

_MOST_NAMED = 120
_MOST_HOVERED = 300  # characters of a text that hovering shows


def map_figure(
    points: npt.ArrayLike,
    names: Sequence[str],
    *,
    labels: npt.ArrayLike | None = None,
    scores: npt.ArrayLike | None = None,
    label_names: Sequence[str] = ("negative", "positive"),
    score_name: str = "score",
    centre: float | None = None,
    title: str = "Map",
    n_named: int | None = None,
) -> "MapFigure":
    """A map of points [n, 2] with their names, coloured by score, else by label.

    ``labels`` [n] are positions in ``label_names`` and set the markers. ``scores`` [n] run over a scale from
    orange to blue, grey at ``centre``: by default .5 when all lie in 0..1, else 0; with a centre given, the
    scale reaches as far as the scores do. ``n_named`` names are written into the picture, strongest
    scores first, else in the order given: by default 120, or none when some are whole texts (over 40
    characters). The others show on hovering. Raises DataError when the numbers of points,
    names, labels and scores differ, a value is not finite, or a label has no name.
    """
    places = np.asarray(points, dtype=np.float64)
    marks = None if labels is None else np.asarray(labels).astype(int)
    values = None if scores is None else np.asarray(scores, dtype=np.float64)
    _check(places, names, marks, values, label_names)
    if n_named is None:
        n_named = _MOST_NAMED if max(map(len, names)) <= LONGEST_NAME else 0
    columns = {"name": "Name"} | ({} if marks is None else {"label": "Label"})
    columns |= {} if values is None else {"score": score_name.capitalize()}
    colouring = Colouring(marks, values, tuple(label_names), score_name, centre)
    return MapFigure(title, _described(names, colouring), columns, _rows(names, colouring), places, colouring, n_named)


def _check(
    places: Floats,
    names: Sequence[str],
    marks: npt.NDArray[np.int_] | None,
    values: Floats | None,
    label_names: Sequence[str],
) -> None:
    n = {"points": len(places), "names": len(names)}
    n |= {} if marks is None else {"labels": len(marks)}
    n |= {} if values is None else {"scores": len(values)}
    if places.ndim != 2 or places.shape[1] != 2 or len(set(n.values())) > 1 or not len(places):
        raise DataError(
            f"A map got points of shape {places.shape} and these numbers of each: {n}. "
            "It needs points [n, 2], with one name, and one label or score if any, for each point."
        )
    if not np.isfinite(places).all() or (values is not None and not np.isfinite(values).all()):
        raise DataError("A map got points or scores that are NaN or infinite. Leave these points out and draw again.")
    if marks is not None and not ((marks >= 0) & (marks < len(label_names))).all():
        raise DataError(
            f"A map got the labels {np.unique(marks).tolist()}, but names for {len(label_names)} labels only: "
            f"{list(label_names)}. Labels are positions in label_names, from 0: name each of them."
        )


def _rows(names: Sequence[str], colouring: Colouring) -> list[Json]:
    rows: list[Json] = [{"name": name} for name in names]
    for k, row in enumerate(rows):
        row |= {} if colouring.labels is None else {"label": colouring.label_names[colouring.labels[k]]}
        row |= {} if colouring.scores is None else {"score": float(colouring.scores[k])}
    return rows


def _described(names: Sequence[str], colouring: Colouring) -> str:
    labels, counts = colouring.labels, ""
    if labels is not None:
        said_of = (f"{int((labels == k).sum()):,} {name}" for k, name in enumerate(colouring.label_names))
        counts = f" ({', '.join(said_of)})"
    return f"{len(names):,} points{counts}, placed so that near points have near vectors."


@dataclass(frozen=True, repr=False)
class MapFigure(Figure):
    """A map; made by `map_figure`. Only nearness means something on it: its axes have no names."""

    title: str
    description: str
    columns: Mapping[str, str]
    rows: Sequence[Facts]
    points: Floats
    colouring: Colouring
    n_named: int

    def scene(self, width: float = WIDE, *, titled: bool = False) -> Scene:
        """The drawing at a width in pixels: 16 by 9 where wide, upright on a phone."""
        scene = Scene(width, width * 9 / 16 if width >= NARROW else width * 1.3)
        pad = 16.0 if titled else 0.0
        lines = wrap_text(self.title, width - 2 * pad, HEADING, bold=True) if titled else []
        scene.add(*(Text(pad, pad + 15 + 22 * k, line, HEADING, bold=True) for k, line in enumerate(lines)))
        top = self.colouring.draw_legend(scene, pad, pad + 22.0 * len(lines), width - pad)
        area = (pad, top, width - pad, scene.height - 20)
        guide = self.colouring.scores if self.colouring.labels is None else self.colouring.labels.astype(float)
        places = lay_out(self.points, area, (35, 17) if width >= NARROW else (20, 17), guide)
        radius = self._draw_dots(scene, places)
        self._write_names(scene, places, area, radius)
        return scene

    def _draw_dots(self, scene: Scene, places: Floats) -> float:
        """Draw the dots and return their radius."""
        n = len(self.points)
        radius, opacity = (4.6, 1.0) if n <= 200 else (3.4, 0.85) if n <= 1000 else (2.6, 0.7)
        dots = self.colouring.dots(radius, opacity) or [Dot(0, 0, "s1", "circle", radius, opacity=opacity)] * n
        for k in reversed(self._order()):  # what matters most lies on top
            scene.add(Mark((float(places[k, 0]), float(places[k, 1])), (dots[k],), self._said(k)))
        return radius

    def _said(self, k: int) -> str:
        """What hovering says: a word with its facts under it, or the facts with the text under them."""
        row = self.rows[k]
        facts = [str(row["label"])] if "label" in row else []
        facts += [f"{self.colouring.score_name} {said(row['score'], 3)}"] if "score" in row else []
        name = str(row["name"])
        if len(name) > _MOST_HOVERED:
            name = name[:_MOST_HOVERED].rstrip() + " …"
        lines = [name, ", ".join(facts)]
        return "\n".join(line for line in (lines if len(name) <= LONGEST_NAME else lines[::-1]) if line)

    def _order(self) -> list[int]:
        """Points by how much they matter: the strongest scores, else the first given."""
        n, shares = len(self.points), self.colouring.shares()
        return list(range(n)) if shares is None else sorted(range(n), key=lambda k: (-abs(shares[k] - 0.5), k))

    def _write_names(self, scene: Scene, dots: Floats, area: Area, radius: float) -> None:
        size = SMALL if scene.width >= NARROW else SMALL - 1
        order = self._order()
        named = order[: self.n_named]
        texts = [fit_text(str(self.rows[k]["name"]), 150, size) for k in named]
        if not texts:
            return
        sizes = np.array([(text_width(text, size) + 4, size + 3) for text in texts])
        reach = 160.0 if scene.width >= NARROW else 18.0  # on a phone long lines would hide more than the names tell
        places = place_names(dots[order], sizes, area, radius=radius, reach=reach)
        _draw_names(scene, texts, places, size)
        hidden = sum(place is None for place in places)
        if hidden:
            note = f"{hidden} of {len(named)} names are left out: point at a dot."
            scene.add(Text(area[0], scene.height - 4, fit_text(note, scene.width, SMALL), SMALL, "muted"))


def _draw_names(scene: Scene, texts: list[str], places: list[Place | None], size: float) -> None:
    """Names over all lines that tie them to their dots."""
    scene.add(*(Stroke(place.leader, "muted", width=0.8) for place in places if place and place.leader))
    for text, place in zip(texts, places, strict=True):
        if place:
            scene.add(Text(place.box[0] + 2, place.box[3] - 4, text, size, halo=True))
