from __future__ import annotations

import itertools

import numpy as np
import pytest

from headstart.report.placement import Place, place_names
from headstart.report.style import text_width

BOUNDS = (0.0, 0.0, 960.0, 500.0)


def clash(one: Place, other: Place) -> bool:
    a, b = one.box, other.box
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def clouds(kind: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    shapes = {
        "even": rng.uniform((20, 20), (940, 480), (100, 2)),
        "two heaps": rng.normal((250, 250), 60, (100, 2)) + np.where(np.arange(100) % 2, 400, 0)[:, None] * (1, 0),
        "all in one place": np.full((100, 2), 250.0),
        "in a row": np.stack([np.linspace(30, 930, 100), np.full(100, 250.0)], axis=1),
        "in a corner": np.abs(rng.normal(0, 15, (100, 2))),
    }
    return np.clip(shapes[kind], 0, (960, 500))


@pytest.mark.parametrize("kind", ["even", "two heaps", "all in one place", "in a row", "in a corner"])
def test_a_hundred_names_never_lie_on_one_another(kind: str, words: list[str]) -> None:
    dots = clouds(kind)
    sizes = np.array([(text_width(word, 12) + 4, 15) for word in words])
    places = [place for place in place_names(dots, sizes, BOUNDS, radius=4.6) if place]
    assert not any(clash(one, other) for one, other in itertools.combinations(places, 2))
    for place in places:
        left, top, right, bottom = place.box
        assert left >= 0 and top >= 0 and right <= 960 and bottom <= 500
    if kind in ("even", "two heaps"):
        assert len(places) == 100


def test_a_lone_name_stands_right_of_its_dot() -> None:
    (place,) = place_names(np.array([[100.0, 100.0]]), np.array([[50.0, 15.0]]), BOUNDS, radius=4.0)
    assert place is not None and place.leader is None
    assert 104 < place.box[0] < 112
    assert place.box[1] < 100 < place.box[3]


def test_a_name_that_moved_away_is_tied_to_its_dot() -> None:
    dots = np.full((6, 2), 100.0)
    places = place_names(dots, np.full((6, 2), (80.0, 15.0)), BOUNDS, radius=4.0)
    leaders = [place.leader for place in places if place and place.leader]
    assert leaders
    assert all(np.hypot(start[0] - 100, start[1] - 100) == pytest.approx(5.0) for start, _ in leaders)


def test_a_name_without_room_has_no_place() -> None:
    assert place_names(np.array([[5.0, 5.0]]), np.array([[50.0, 15.0]]), (0, 0, 40, 40), radius=4.0) == [None]


def test_a_short_reach_leaves_names_out() -> None:
    dots = np.full((40, 2), 250.0)
    sizes = np.full((40, 2), (60.0, 15.0))
    near, far = (place_names(dots, sizes, BOUNDS, radius=4.0, reach=reach) for reach in (18.0, 160.0))
    assert sum(place is not None for place in near) < sum(place is not None for place in far)


def test_the_same_dots_give_the_same_places(words: list[str]) -> None:
    dots = clouds("two heaps")
    sizes = np.array([(text_width(word, 12), 15) for word in words])
    assert place_names(dots, sizes, BOUNDS, radius=4.6) == place_names(dots, sizes, BOUNDS, radius=4.6)
