from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from headstart.errors import DataError
from headstart.report import map_figure
from headstart.report.colouring import Colouring
from headstart.report.scene import Mark, Scene, Text
from headstart.report.style import text_width


@pytest.fixture
def points() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(100, 2)) + np.where(np.arange(100) % 2, 2.5, -2.5)[:, None] * (1, 0)


def names_of(scene: Scene) -> list[Text]:
    return [item for item in scene.items if isinstance(item, Text) and item.halo]


def marks_of(scene: Scene) -> list[Mark]:
    return [item for item in scene.items if isinstance(item, Mark)]


@pytest.mark.parametrize("width", [960, 358])
def test_a_hundred_names_are_legible(points: np.ndarray, words: list[str], width: int) -> None:
    scene = map_figure(points, words).scene(width, titled=True)
    written = names_of(scene)
    if width == 960:
        assert len(written) == 100
    boxes = [(t.x, t.y - t.size * 0.8, t.x + text_width(t.text, t.size), t.y + t.size * 0.2) for t in written]
    for a, b in itertools.combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    assert all(text.size >= 11 for text in written)
    notes = [item.text for item in scene.items if isinstance(item, Text) and "left out" in item.text]
    assert notes == (
        [] if len(written) == 100 else [f"{100 - len(written)} of 100 names are left out: point at a dot."]
    )


def test_hovering_says_word_label_and_score(points: np.ndarray) -> None:
    figure = map_figure(points[:3], ["good", "bad", "odd"], labels=[1, 0, 0], scores=[0.9, 0.123, 0.5], score_name="p")
    assert {mark.text for mark in marks_of(figure.scene())} == {
        "good\npositive, p 0.900",
        "bad\nnegative, p 0.123",
        "odd\nnegative, p 0.500",
    }


def test_texts_show_on_hovering_only_and_are_cut_there(points: np.ndarray) -> None:
    text = "A long review. " * 60
    scene = map_figure(points[:4], [text] * 4, labels=[0, 1, 0, 1]).scene()
    assert names_of(scene) == []
    said = marks_of(scene)[0].text
    assert said.startswith(("negative\nA long", "positive\nA long"))
    assert said.endswith(" …") and len(said) < 330


def test_strong_scores_are_named_first(points: np.ndarray) -> None:
    scores = np.linspace(0, 1, 100)
    written = names_of(map_figure(points, [f"w{k}" for k in range(100)], scores=scores, n_named=4).scene())
    assert {text.text for text in written} == {"w0", "w1", "w98", "w99"}


def test_labels_have_markers_of_their_own(points: np.ndarray) -> None:
    figure = map_figure(points[:6], list("abcdef"), labels=[0, 1, 2, 3, 4, 5], label_names=list("uvwxyz"))
    dots = [mark.items[0] for mark in marks_of(figure.scene())]
    assert len({dot.marker for dot in dots}) == len({dot.colour for dot in dots}) == 6  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("scores", "centre", "span", "shares"),
    [
        ([0.2, 0.5, 1.0], None, (0.0, 0.5, 1.0), [0.2, 0.5, 1.0]),
        ([-1.0, 0.0, 4.0], None, (-4.0, 0.0, 4.0), [0.375, 0.5, 1.0]),
        ([0.6, 0.7, 0.9], 0.7, (0.6, 0.7, 0.9), [0.0, 0.5, 1.0]),
        ([0.6, 0.6, 0.6], 0.6, (0.6, 0.6, 0.6), [0.5, 0.5, 0.5]),
        ([2.0, 3.0, 4.0], 1.0, (1.0, 1.0, 4.0), [2 / 3, 5 / 6, 1.0]),
    ],
)
def test_the_scale_of_scores(
    scores: list[float], centre: float | None, span: tuple[float, ...], shares: list[float]
) -> None:
    colouring = Colouring(None, np.array(scores), ("no", "yes"), "score", centre)
    assert colouring.span == span
    np.testing.assert_allclose(colouring.shares(), shares)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"points": np.zeros((3, 4))}, r"shape \(3, 4\).*\[n, 2\]"),
        ({"points": np.zeros((0, 2)), "names": []}, r"shape \(0, 2\)"),
        ({"names": ["a"]}, "'points': 3, 'names': 1"),
        ({"labels": [0, 1]}, "'labels': 2"),
        ({"scores": [0.1]}, "'scores': 1"),
        ({"scores": [0.1, np.nan, 0.2]}, "NaN or infinite"),
        ({"labels": [0, 1, 2]}, r"labels \[0, 1, 2\], but names for 2 labels only"),
        ({"labels": [0, -1, 1]}, "positions in label_names, from 0"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], match: str) -> None:
    given: dict[str, Any] = {"points": np.zeros((3, 2)), "names": ["a", "b", "c"], **changes}
    with pytest.raises(DataError, match=match):
        map_figure(given.pop("points"), given.pop("names"), **given)
