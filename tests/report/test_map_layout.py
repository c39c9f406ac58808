from __future__ import annotations

import numpy as np
import pytest

from headstart.report.map_layout import lay_out

AREA = (10.0, 20.0, 910.0, 520.0)


@pytest.fixture
def cloud() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(80, 3)) * (5.0, 1.0, 0.3)


def test_turning_keeps_the_order_of_distances(cloud: np.ndarray) -> None:
    dots = lay_out(cloud[:, :2], AREA, (30, 15), None)
    stretched = np.linalg.svd(dots - dots.mean(axis=0))[1] / np.linalg.svd(cloud[:, :2] - cloud[:, :2].mean(axis=0))[1]
    assert max(stretched) / min(stretched) <= 1.5 + 1e-6


@pytest.mark.parametrize("sign", [1, -1])
def test_what_the_guide_says_is_high_stands_on_the_right(cloud: np.ndarray, sign: int) -> None:
    guide = sign * cloud[:, 0]
    dots = lay_out(cloud[:, :2], AREA, (30, 15), guide)
    assert np.corrcoef(dots[:, 0], guide)[0, 1] > 0.8


def test_the_long_side_lies_along_the_long_side_of_the_area(cloud: np.ndarray) -> None:
    for area in (AREA, (0.0, 0.0, 300.0, 400.0)):
        low, high = (end(lay_out(cloud[:, :2], area, (10, 10), None), axis=0) for end in (np.min, np.max))
        across, down = high - low
        assert (across > down) == (area is AREA)


@pytest.mark.parametrize(
    "points",
    [np.zeros((5, 2)), np.array([[0.0, 0.0], [1e-9, 0.0]]), np.array([[3.0, 3.0]]), np.eye(2) * 1e9],
)
def test_flat_and_single_maps_stay_inside(points: np.ndarray) -> None:
    dots = lay_out(points, AREA, (30, 15), None)
    assert np.isfinite(dots).all()
    assert (dots >= (10, 20)).all() and (dots <= (910, 520)).all()
