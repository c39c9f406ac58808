from __future__ import annotations

from xml.etree import ElementTree

import pytest

from headstart.report.scene import Dot, Mark, Scene, Stroke, Text
from headstart.report.svg import escaped, inline_svg, svg_file

NASTY = [
    "<br /><script>alert(1)</script>",
    "\" onload='x' &amp;",
    "nul \x00 bell \x07",
    "half \ud800 pair",
    "a\u202eb\uffff",
]


@pytest.mark.parametrize("text", NASTY)
def test_any_text_is_text_in_a_file_and_on_a_page(text: str) -> None:
    scene = Scene(100, 50, [Text(0, 10, text, 12), Mark((1, 1), (Dot(0, 0, "s1"),), text)])
    page = inline_svg(scene, text)
    page.encode()
    assert "<script" not in page and "<br" not in page
    root = ElementTree.fromstring(svg_file(scene, text, text))
    shown = [element.text for element in root.iter() if element.text and element.text.strip()]
    assert len(set(shown)) == 1
    assert shown[0].replace("\ufffd", "") == "".join(c for c in text if c not in "\x00\x07\u202e\ud800\uffff")


def test_escaped_keeps_what_is_harmless() -> None:
    assert escaped("Zürich 映画 🙂\ttab") == "Zürich 映画 🙂\ttab"


def test_colours_are_variables_on_a_page_and_values_in_a_file() -> None:
    scene = Scene(10, 10, [Stroke(((0, 0), (5, 5)), "s2"), Stroke(((0, 0), (5, 5)), fill="#123456")])
    assert 'stroke="var(--s2)"' in inline_svg(scene, "x")
    assert 'stroke="#e0591b"' in svg_file(scene, "x", "y")
    assert 'fill="#123456"' in inline_svg(scene, "x")


def test_only_a_drawing_with_marks_takes_the_focus() -> None:
    still = inline_svg(Scene(10, 10, [Dot(1, 1, "s1")]), "x")
    live = inline_svg(Scene(10, 10, [Mark((1, 1), (Dot(0, 0, "s1"),), "here")]), "x")
    assert "tabindex" not in still
    assert 'tabindex="0"' in live and "<title>here</title>" in live


def test_what_shows_on_hovering_is_left_out_of_files() -> None:
    scene = Scene(10, 10, [Stroke(((0, 0), (5, 5)), "ink", live=True)])
    assert 'class="guide"' in inline_svg(scene, "x")
    assert "<path" not in svg_file(scene, "x", "y")
