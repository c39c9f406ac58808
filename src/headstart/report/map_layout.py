"""Where the points of a map stand in a picture: turned, mirrored and stretched a little to fill it."""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Area = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""

_STRETCH = 1.5  # how much more a map may be drawn out in one direction than in the other


def lay_out(points: Floats, area: Area, margin: tuple[float, float], guide: Floats | None) -> Floats:
    """Return the pixels [n, 2] of points [n, 2] in an area less a margin.

    ``guide`` [n] is a score whose high values shall stand on the right (on a phone, at the top).
    """
    left, top, right, bottom = area
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    turned = _turned(points, guide)
    room = np.array([right - left, bottom - top]) - 2 * np.array(margin)
    upright = turned if room[0] > room[1] else turned[:, ::-1]  # a phone is taller than wide
    return np.asarray(middle + _filling(upright, room) * (1, -1))


def _turned(points: Floats, guide: Floats | None) -> Floats:
    """A map with its long side across and the guide's high values on the right.

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
