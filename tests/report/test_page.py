from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.errors import OptionError
from headstart.report import Page, learning_curves, map_figure, strategy_curves
from headstart.report.page import MOST_ROWS, SIGNS
from headstart.report.svg import printable

NASTY = "<br /><br /><script>alert('x')</script> & \"quotes\" \x00 \ud800"


@pytest.fixture
def page(epochs: list[Any], comparison: list[Any]) -> Page:
    page = Page("From movies to hotels", "headstart compare imdb hotels.csv")
    page.verdict("Ship fine-tune.\n\nIt saves 800 labels.")
    page.section("Curves", "First.\n\nSecond.").figure(learning_curves(epochs), "Five epochs.")
    page.section("Budgets").figure(strategy_curves(comparison))
    page.section("Rows").table([{"a": 1, "b": 0.5}], caption="A table").text("Between.")
    points = np.random.default_rng(0).normal(size=(9, 2))
    page.section("Map").figure(map_figure(points, [f"word {k}" for k in range(9)], labels=[0, 1, 0] * 3))
    return page.section("Facts").facts({"seed": 0, "rate": 0.001, "nothing": None})


def test_a_page_is_one_accessible_document(page: Page, read_page: Callable[[str], Any]) -> None:
    html = page.html()
    read = read_page(html)
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert read.all("title")[0].text == "From movies to hotels"
    assert [element.tag for element in read.all("h1", "h2", "h3")] == ["h1", *["h2"] * 5]
    assert len(read.all("main")) == len(read.all("h1")) == 1
    assert all(cell.attributes["scope"] in ("col", "row") for cell in read.all("th"))
    assert len(read.all("caption")) == len(read.all("table"))
    assert len(read.all("figcaption")) == len(read.all("figure")) == len(read.all("details")) == 3


def test_every_drawing_has_words_and_the_keyboard(page: Page, read_page: Callable[[str], Any]) -> None:
    drawings = read_page(page.html()).all("svg")
    assert len(drawings) == 6  # three figures, each for wide windows and for phones
    for drawing in drawings:
        assert drawing.attributes["role"] == "img"
        assert len(drawing.attributes["aria-label"]) > 30
        assert drawing.attributes["tabindex"] == "0"


def test_nothing_comes_from_elsewhere(page: Page, read_page: Callable[[str], Any]) -> None:
    html = page.html()
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "") and "https://" not in html
    read = read_page(html)
    assert not read.all("link", "img", "iframe", "object", "embed", "base")
    assert not any(
        key in ("src", "href") and not str(value).startswith("#")
        for e in read.elements
        for key, value in e.attributes.items()
    )
    assert "@import" not in html and "url(" not in html


def test_no_script_runs_but_ours(page: Page, read_page: Callable[[str], Any]) -> None:
    read = read_page(page.html())
    policy = next(e.attributes["content"] for e in read.all("meta") if "http-equiv" in e.attributes)
    (script,) = read.all("script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'") and f"script-src 'sha256-{digest}'" in policy
    assert not any(name.startswith("on") or name == "style" for e in read.elements for name in e.attributes)


def test_links_lead_to_sections(page: Page, read_page: Callable[[str], Any]) -> None:
    read = read_page(page.html())
    targets = {e.attributes.get("id") for e in read.all("h2", "main")}
    assert {str(e.attributes["href"]).removeprefix("#") for e in read.all("a")} == targets
    assert "<nav" not in Page("Short").section("One").section("Two").html()


def test_every_text_is_escaped(read_page: Callable[[str], Any]) -> None:
    figure = map_figure(
        [(0, 0), (1, 1), (2, 0)], [NASTY, "b", "c"], title=NASTY, labels=[0, 1, 1], label_names=[NASTY, "y"]
    )
    page = Page(NASTY, NASTY, language='en"><script>').verdict(NASTY).section(NASTY, NASTY).text(NASTY)
    page.figure(figure, NASTY).table([{NASTY: NASTY}], caption=NASTY).facts({NASTY: NASTY})
    html = page.html()
    read = read_page(html)
    assert len(read.all("script")) == 1 and not read.all("br")
    assert "alert('x')" not in html
    html.encode()


@pytest.mark.parametrize("name", ["report.html", "deep/er/report.html"])
def test_a_page_is_written_whole_and_the_same_twice(page: Page, tmp_path: Path, name: str) -> None:
    path = page.write(tmp_path / name)
    first = path.read_bytes()
    assert page.write(path).read_bytes() == first == page.html().encode()
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_the_old_page(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        page.write(path)
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


def test_long_tables_behind_a_figure_are_cut_and_say_so() -> None:
    n = MOST_ROWS + 20
    points = np.random.default_rng(0).normal(size=(n, 2))
    html = Page("x").figure(map_figure(points, ["w"] * n, n_named=0)).html()
    assert f"the first {MOST_ROWS} of {n} rows" in html
    assert html.count('<th scope="row">') == MOST_ROWS


@pytest.mark.parametrize("columns", [["a", "c"], {"c": "C"}])
def test_a_column_that_no_row_has_is_refused(columns: Any) -> None:
    with pytest.raises(OptionError, match=r"columns \['c'\], which none of its 1 rows has.*\['a', 'b'\]"):
        Page("x").table([{"a": 1, "b": 2}], columns)


def test_paper_is_white_in_print_and_colours_are_named(page: Page) -> None:
    style = re.search(r"<style>(.*?)</style>", page.html(), re.S)
    assert style is not None
    assert "@media screen and (prefers-color-scheme: dark)" in style[1] and "@media print" in style[1]
    used = set(re.findall(r"var\(--(\w+)\)", page.html()))
    assert used <= set(re.findall(r"--(\w+):", style[1]))


@pytest.mark.parametrize("kind", sorted(SIGNS))
def test_an_answer_has_a_word_a_sign_and_a_colour(kind: str, read_page: Callable[[str], Any]) -> None:
    page = Page("Does it help?", about={"Data": NASTY, "Nothing": None}, full_title="Does it help? base on hotels")
    page.answer(
        kind,
        f"{NASTY} helps",
        "Use it",
        "Why.\n\nMore.",
        [("AUC", "0.9", ""), ("Gain", "+0.1", "note")],
        link=("a.html", "More"),
    )
    html = page.html()
    read = read_page(html)
    assert html.index('class="word"') < html.index("</main>")
    (answer,) = (e for e in read.all("section") if str(e.attributes["class"]).startswith("answer"))
    assert answer.attributes["class"] == f"answer {kind}" and f".{kind}" in html
    assert answer.attributes["aria-label"] == printable(
        f"{NASTY} helps"
    )  # a page with several answers has a name for each
    (sign,) = (e for e in read.all("span") if e.attributes.get("class") == "sign")
    assert sign.text == SIGNS[kind] and sign.attributes["aria-hidden"] == "true"
    assert read.all("title")[0].text == "Does it help? base on hotels"
    assert len(read.all("script")) == 1 and [e.text for e in read.all("dt")] == ["AUC", "Gain", "Data"]


def test_lines_that_matter_less_are_switched_on_by_buttons(
    comparison: list[Any], read_page: Callable[[str], Any]
) -> None:
    figure = strategy_curves(comparison, named=["fine-tune", "tfidf"], banded=["tfidf"])
    html = Page("A").figure(figure).html()
    names = ["as-is", "features", "scratch"]
    assert [e.text for e in read_page(html).all("button")] == names
    assert all(e.attributes["aria-pressed"] == "false" for e in read_page(html).all("button"))
    toggled = [
        e.attributes["data-name"] for e in read_page(html).all("g") if str(e.attributes["class"]).startswith("toggle")
    ]
    assert set(toggled) == set(names)
    assert [line.name for line in figure.panels[0].series if line.low] == ["tfidf"]  # type: ignore[attr-defined]
    assert "toggle" not in strategy_curves(comparison).html()
