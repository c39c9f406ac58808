"""Placing names next to dots so that none lies on another, with lines to those that had to move away.

Each name tries boxes around its dot, near ones first, and takes the cheapest that is free: it must stay
inside the bounds and off every other name; it should stay near, cover few dots and lines, and its line
should cross no name. Names in crowds choose first, then every name may choose again among the others'
final places. This is greedy, in O(n^2) with a few hundred boxes a name: a hundred names take a second.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_DIRECTIONS = 16
_STEPS = (0.0, 5.0, 11.0, 18.0, 26.0, 36.0, 48.0, 62.0, 80.0, 102.0, 128.0, 160.0)
_SWEEPS = 3
_LEADER_FROM = 7.0  # a name this many pixels off its dot is tied to it by a line


@dataclass(frozen=True, slots=True)
class Place:
    """A name's box in pixels (left, top, right, bottom) and, where it stands apart, its leader's two ends."""

    box: tuple[float, float, float, float]
    leader: tuple[tuple[float, float], tuple[float, float]] | None


def place_names(
    dots: Floats, sizes: Floats, bounds: tuple[float, float, float, float], *, radius: float, reach: float = 160.0
) -> list[Place | None]:
    """A place for each of the first ``len(sizes)`` dots' names, or None where there was no room for it.

    ``dots`` [n, 2] are all dots in pixels, of ``radius`` pixels; ``sizes`` [k, 2] width and height of the
    names of the first k of them; ``bounds`` left, top, right and bottom. A name may stand ``reach`` pixels
    off its dot. No two boxes overlap, and all are inside the bounds. The same input gives the same places.
    """
    desk = _Desk(dots, sizes, bounds, radius, reach)
    crowd = [int((np.hypot(*(dots - dots[k]).T) < 90).sum()) for k in range(len(sizes))]
    order = sorted(range(len(sizes)), key=lambda k: (-crowd[k], k))
    for _ in range(1 + _SWEEPS):
        for k in order:
            desk.settle(k)
    return [desk.place(k) for k in range(len(sizes))]


class _Desk:
    """Dots, the boxes taken so far [k, 4] (NaN where none yet), and the leaders to them."""

    def __init__(
        self, dots: Floats, sizes: Floats, bounds: tuple[float, float, float, float], radius: float, reach: float
    ) -> None:
        self.dots, self.sizes, self.bounds, self.radius = dots, sizes, bounds, radius
        self.steps = np.array([step for step in _STEPS if step <= reach])
        self.boxes: Floats = np.full((len(sizes), 4), np.nan)
        self.leaders: Floats = np.full((len(sizes), 6, 2), np.nan)  # points along each leader

    def settle(self, k: int) -> None:
        """Give name ``k`` the cheapest free box, or leave it without one."""
        self.boxes[k] = self.leaders[k] = np.nan
        boxes, far = _candidates(self.dots[k], self.sizes[k], self.radius, self.steps)
        free = self._free(boxes)
        if not free.any():
            return
        boxes, far = boxes[free], far[free]
        leaders = _along(self.dots[k], boxes)
        best = int(np.argmin(self._cost(k, boxes, far, leaders)))
        self.boxes[k], self.leaders[k] = boxes[best], leaders[best]

    def place(self, k: int) -> Place | None:
        """The result for name ``k``."""
        if np.isnan(self.boxes[k, 0]):
            return None
        near = self.leaders[k, -1]
        gap = near - self.dots[k]
        distance = float(np.hypot(*gap))
        left, top, right, bottom = self.boxes[k].tolist()
        if distance < self.radius + _LEADER_FROM:
            return Place((left, top, right, bottom), None)
        start = self.dots[k] + gap * (self.radius + 1) / distance
        ends = (float(start[0]), float(start[1])), (float(near[0]), float(near[1]))
        return Place((left, top, right, bottom), ends)

    def _free(self, boxes: Floats) -> npt.NDArray[np.bool_]:
        left, top, right, bottom = self.bounds
        inside = (boxes[:, 0] >= left) & (boxes[:, 1] >= top) & (boxes[:, 2] <= right) & (boxes[:, 3] <= bottom)
        return np.asarray(inside & ~_overlaps(boxes, self.boxes).any(axis=1))

    def _cost(self, k: int, boxes: Floats, far: Floats, leaders: Floats) -> Floats:
        """What each free box of name ``k`` costs: [boxes]."""
        r = self.radius + 1.0
        around = np.concatenate([self.dots - r, self.dots + r], axis=1)
        covered = _overlaps(boxes, around).sum(axis=1)
        others = np.delete(around + np.array([-6.0, -4.0, 6.0, 4.0]), k, axis=0)
        close = _overlaps(boxes, others).sum(axis=1)  # close enough to be taken for that dot's name
        inside = _holds(boxes, self.leaders).sum(axis=(1, 2))  # others' leaders under this name
        crossed = _holds(self.boxes, leaders).sum(axis=(0, 2))  # names under this leader
        own = np.where(far > _LEADER_FROM, 6.0, 0.0)
        return np.asarray(far + own + 90.0 * covered + 9.0 * close + 18.0 * inside + 30.0 * crossed, dtype=np.float64)


def _candidates(dot: Floats, size: Floats, radius: float, steps: Floats) -> tuple[Floats, Floats]:
    """Boxes [c, 4] around a dot, and how far each is off it [c]; right of the dot is best, then above."""
    angles = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
    ways = np.stack([np.cos(angles), -np.sin(angles)], axis=1)  # [d, 2], counted from the right, upwards
    taste = np.array([0.0, 1.0, 2.0, 1.5, 1.0, 1.5, 2.5, 2.0, 1.5, 2.5, 3.0, 2.5, 2.0, 2.5, 3.0, 1.0])
    # The box touches a circle around the dot from outside, in each direction.
    reach = radius + 2.0 + steps
    middles = dot + ways[None] * reach[:, None, None] + np.sign(np.round(ways, 6))[None] * size / 2 * _lean(ways)[None]
    corners = np.concatenate([middles - size / 2, middles + size / 2], axis=2)
    return corners.reshape(-1, 4), (steps[:, None] + taste[None]).reshape(-1)


def _lean(ways: Floats) -> Floats:
    """How far a box shifts by its half size: wholly along the main direction, in part along the other."""
    size = np.abs(ways)
    return np.asarray(size / size.max(axis=1, keepdims=True), dtype=np.float64)


def _overlaps(boxes: Floats, others: Floats) -> npt.NDArray[np.bool_]:
    """Which of the boxes [b, 4] overlap which of the others [o, 4] (NaN rows overlap nothing): [b, o]."""
    b, o = boxes[:, None], others[None]
    apart = (b[..., 0] < o[..., 2]) & (o[..., 0] < b[..., 2]) & (b[..., 1] < o[..., 3]) & (o[..., 1] < b[..., 3])
    return np.asarray(apart)


def _holds(boxes: Floats, points: Floats) -> npt.NDArray[np.bool_]:
    """Which of the boxes [b, 4] hold which of the points [p, s, 2]: [b, p, s]."""
    b, x, y = boxes[:, None, None], points[None, ..., 0], points[None, ..., 1]
    return np.asarray((b[..., 0] < x) & (x < b[..., 2]) & (b[..., 1] < y) & (y < b[..., 3]))


def _along(dot: Floats, boxes: Floats) -> Floats:
    """Six points from a dot to the nearest point of each box: [boxes, 6, 2]."""
    near = np.clip(dot[None], boxes[:, :2], boxes[:, 2:])
    share = np.linspace(0.3, 1.0, 6)[None, :, None]
    return np.asarray(dot[None, None] + share * (near[:, None] - dot[None, None]), dtype=np.float64)
