"""Charts laid out: nothing outside the picture, lines cut at the frame, texts apart, files that repeat."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from headstart.errors import MissingDependencyError, OptionError
from headstart.report import (
    Chart,
    Figure,
    LabelsSaved,
    calibration_curve,
    layer_auc,
    learning_curves,
    map_figure,
    score_separation,
    strategy_curves,
)
from headstart.report.scene import Dot, Item, Mark, Stroke, Text
from headstart.report.style import text_width

LAYERS = [
    {"layer": layer, "head": head, "auc": 0.83 + k / 100, "low": 0.82 + k / 100, "high": 0.842 + k / 100}
    for k, layer in enumerate(("embedding mean", "a layer with a name that is far too long for a phone", "dense0"))
    for head in ("catboost", "logistic regression")
]


@pytest.fixture
def figures(epochs: list[Any], scored: tuple[list[int], list[float]], comparison: list[Any]) -> dict[str, Figure]:
    corners = [(-2.0, 1.0), (0.0, 0.0), (3.0, 2.0), (1.0, -1.0), (0.5, 0.5), (0.1, 0.9)]
    return {
        "curves": learning_curves(epochs),
        "one epoch": learning_curves([{"epoch": 1, "train_loss": 0.4}]),
        "separation": score_separation(*scored),
        "calibration": calibration_curve(*scored),
        "layers": layer_auc(LAYERS, reference=0.85),
        "strategies": strategy_curves(
            comparison, saved=LabelsSaved(500, None, 0.89, "not reached within 13,766 labels")
        ),
        "map": map_figure(corners, list("abcdef"), labels=[0, 1, 0, 1, 1, 2], label_names=["no", "yes", "perhaps"]),
        "map by score": map_figure(corners, list("abcdef"), scores=[-2, -1, 0, 1, 2, 8], score_name="logit " * 12),
    }


NAMES = [
    "curves",
    "one epoch",
    "separation",
    "calibration",
    "layers",
    "strategies",
    "map",
    "map by score",
]
Box = tuple[float, float, float, float]


def text_boxes(items: list[Item]) -> Iterator[tuple[Text, Box]]:
    for item in items:
        if isinstance(item, Text):
            width = text_width(item.text, item.size, bold=item.bold)
            left = item.x - {"start": 0.0, "middle": width / 2, "end": width}[item.anchor]
            yield item, (left, item.y - item.size * 0.75, left + width, item.y + item.size * 0.1)


def extents(item: Item) -> list[tuple[float, float]]:
    if isinstance(item, Stroke):
        return list(item.points)
    if isinstance(item, Dot):
        return [(item.x, item.y)]
    if isinstance(item, Mark):
        x, y = item.at
        return [(x + px, y + py) for part in item.items for px, py in extents(part)]
    return []


@pytest.mark.parametrize("width", [960, 480, 358])
@pytest.mark.parametrize("name", NAMES)
def test_everything_is_inside_the_picture(figures: dict[str, Figure], name: str, width: int) -> None:
    scene = figures[name].scene(width)
    for item in scene.items:
        for x, y in extents(item):
            assert -1 <= x <= scene.width + 1
            assert -1 <= y <= scene.height + 1
    for text, (left, top, right, bottom) in text_boxes(scene.items):
        assert left >= -1 and top >= -1 and right <= width + 2 and bottom <= scene.height + 1, text


@pytest.mark.parametrize("width", [960, 358])
@pytest.mark.parametrize("name", NAMES)
def test_texts_do_not_touch(figures: dict[str, Figure], name: str, width: int) -> None:
    scene = figures[name].scene(width)
    labelled = [(text, box) for text, box in text_boxes(scene.items) if not text.halo]
    for (one, a), (other, b) in itertools.combinations(labelled, 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart or not one.text or not other.text, (one.text, other.text)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_has_words_and_numbers_for_those_who_cannot_see_it(figures: dict[str, Figure], name: str) -> None:
    figure = figures[name]
    assert len(figure.description) > 10
    assert figure.rows
    assert all(any(row.get(key) is not None for row in figure.rows) for key in figure.columns)
    assert f'aria-label="{figure.title}. ' in figure.html()


@pytest.mark.parametrize("name", NAMES)
def test_an_svg_file_is_xml_without_styles_scripts_or_variables(
    figures: dict[str, Figure], name: str, tmp_path: Path
) -> None:
    text = figures[name].save(tmp_path / "figure.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root[0].text == figures[name].title
    assert not any(word in text for word in ("var(", "<script", "<style", "transparent", "href"))


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
@pytest.mark.parametrize("name", ["strategies", "layers", "map"])
def test_the_same_figure_is_the_same_bytes(figures: dict[str, Figure], name: str, kind: str, tmp_path: Path) -> None:
    if kind != "svg":
        pytest.importorskip("matplotlib")
    one = figures[name].save(tmp_path / f"one.{kind}").read_bytes()
    assert one == figures[name].save(tmp_path / f"two.{kind}").read_bytes()
    assert one.startswith({"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF"}[kind])
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"one.{kind}", f"two.{kind}"]


def test_a_map_is_saved_for_a_talk(figures: dict[str, Figure], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    head = figures["map"].save(tmp_path / "map.png").read_bytes()[16:24]
    assert (int.from_bytes(head[:4]), int.from_bytes(head[4:])) == (1920, 1080)


def test_dollars_are_money_in_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = [(0.0, 0.0), (1.0, 1.0), (2.0, 0.5)]
    map_figure(points, ["$5", r"$\frac$", "a_b^c"], title="from $5 to $10").save(tmp_path / "map.png")


@pytest.mark.parametrize("name", ["figure.jpg", "figure", "figure.html"])
def test_other_endings_are_refused(figures: dict[str, Figure], name: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"saved as \.png, \.svg or \.pdf"):
        figures["curves"].save(tmp_path / name)


def test_png_without_matplotlib_names_the_extra(
    figures: dict[str, Figure], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "headstart.report.raster", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"Drawing a figure needs .*pip install matplotlib .*'plots'"):
        figures["curves"].save(tmp_path / "curves.png")
    assert figures["curves"].save(tmp_path / "curves.svg").exists()


def test_panels_stand_beside_or_below_one_another(epochs: list[Any]) -> None:
    figure = learning_curves(epochs)
    assert figure.scene(358).height > 1.8 * figure.scene(960).height


def test_lines_are_cut_at_the_frame(epochs: list[Any]) -> None:
    """AUC .5 before training lies far below the panel: its line ends at the axis, and the note says .503."""
    figure = learning_curves(epochs)
    assert isinstance(figure, Chart)
    panel = figure.panels[1]
    assert panel.y.low > 0.85
    assert "at epoch 0: train 0.507, valid 0.503" in panel.note
    curves = [item for item in figure.scene().items if isinstance(item, Stroke) and item.width == 2]
    bottoms = [max(y for _, y in curve.points) for curve in curves]
    muted = (item for item in figure.scene().items if isinstance(item, Stroke) and item.colour == "muted")
    axis = next(muted).points[0][1]
    assert max(bottoms) <= axis + 0.01
    assert sum(math.isclose(bottom, axis, abs_tol=0.01) for bottom in bottoms) == 2
