"""Where the points of a map stand in a picture: flat maps fill it, maps of three dimensions are turned.

`assets/page.js` projects as this file does when a reader turns a map.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Area = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""

YAW, PITCH = 0.45, 0.35
"""How a map is turned at first, in radians: to the right and downwards."""

_EYE = 3.2  # distance of the eye from the centre, in radii of the ball that holds the points
_LOOMS = _EYE / math.sqrt(_EYE**2 - 1)  # how far off the centre a point of it can appear, however turned
_STRETCH = 1.5  # how much more a flat map may be drawn out in one direction than in the other


@dataclass(frozen=True, slots=True)
class Layout:
    """Dots [n, 2] in pixels and their sizes [n]; in three dimensions also the ball's points, middle and radius."""

    dots: Floats
    scales: Floats
    ball: Floats | None = None
    middle: tuple[float, float] = (0.0, 0.0)
    radius: float = 0.0

    def edges(self) -> list[tuple[tuple[float, ...], tuple[tuple[float, float], ...]]]:
        """The twelve edges of the box around the ball's points: their ends' coordinates in a row, and in pixels."""
        if self.ball is None:
            return []
        low, high = self.ball.min(axis=0).tolist(), self.ball.max(axis=0).tolist()
        corners = list(itertools.product(*zip(low, high, strict=True)))
        pairs = [pair for pair in itertools.combinations(corners, 2) if _differ(*pair) == 1]
        return [((*one, *other), tuple(map(self._pixel, (one, other)))) for one, other in pairs]

    def _pixel(self, corner: tuple[float, ...]) -> tuple[float, float]:
        flat = project(np.array([corner]))[0][0]
        return self.middle[0] + self.radius * float(flat[0]), self.middle[1] - self.radius * float(flat[1])


def _differ(one: tuple[float, ...], other: tuple[float, ...]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def lay_out(points: Floats, area: Area, margin: tuple[float, float], guide: Floats | None) -> Layout:
    """Points [n, 2] or [n, 3] in an area less a margin; ``guide`` [n] is what shall grow to the right (on a phone, upwards)."""
    left, top, right, bottom = area
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    turned = _turned(points, guide)
    if points.shape[1] == 2:
        room = np.array([right - left, bottom - top]) - 2 * np.array(margin)
        upright = turned if room[0] > room[1] else turned[:, ::-1]  # a phone is taller than wide
        return Layout(middle + _filling(upright, room) * (1, -1), np.ones(len(points)))
    ball = _within_ball(turned)
    flat, scales = project(ball)
    radius = min(right - left, 1.3 * (bottom - top)) / 2 / _LOOMS - 4  # the long side stays across as it turns
    return Layout(middle + flat * (radius, -radius), scales, ball, (float(middle[0]), float(middle[1])), radius)


def nearness(scale: float) -> float:
    """How dense a dot is painted: wholly in front, half so at the back."""
    return min(max(0.55 + 0.45 * (scale - 0.8) / 0.5, 0.5), 1.0)


def _turned(points: Floats, guide: Floats | None) -> Floats:
    """A map with its long side across, its short one in depth, and the guide's high values on the right.

    Turning and mirroring keep all distances, and t-SNE leaves both to chance.
    """
    centred = points - points.mean(axis=0)
    turned = np.asarray(centred @ np.linalg.svd(centred, full_matrices=False)[2].T)
    for side in range(turned.shape[1]):
        clue = turned[:, side] ** 3 if guide is None or side else turned[:, 0] * (guide - guide.mean())
        turned[:, side] *= -1.0 if clue.sum() < 0 else 1.0
    return turned


def _filling(points: Floats, room: Floats) -> Floats:
    """Points around (0, 0), scaled to fill the room as far as the limit on stretching allows."""
    low, high = points.min(axis=0), points.max(axis=0)
    factors = np.divide(room, high - low, out=np.full(2, np.inf), where=high > low)
    least = float(factors.min())
    factors = np.minimum(factors, least * _STRETCH if math.isfinite(least) else 1.0)
    return np.asarray((points - (low + high) / 2) * factors)


def _within_ball(points: Floats) -> Floats:
    """Points [n, 3] moved and scaled, all directions alike, into the ball of radius 1 around the origin."""
    centred = points - (points.max(axis=0) + points.min(axis=0)) / 2
    return np.asarray(centred / (float(np.sqrt((centred**2).sum(axis=1)).max()) or 1.0))


def project(points: Floats, yaw: float = YAW, pitch: float = PITCH) -> tuple[Floats, Floats]:
    """Where points [n, 3] of the ball appear [n, 2] (y upwards), and how large [n] (1 in the middle)."""
    x, y, z = points.T
    turned_x, deep = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
    turned_y, depth = y * np.cos(pitch) - deep * np.sin(pitch), y * np.sin(pitch) + deep * np.cos(pitch)
    scales = _EYE / (_EYE - depth)
    return np.stack([turned_x * scales, turned_y * scales], axis=1), np.asarray(scales)
