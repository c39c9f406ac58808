from __future__ import annotations

import itertools

import numpy as np
import pytest

from headstart.report.style import DARK, FONTS, LIGHT, MARKERS, diverging, fit_text, style, text_width, wrap_text

# Machado, Oliveira and Fernandes (2009), severity 1: how linear RGB looks to each reader.
SIGHTS = {
    "usual": np.eye(3),
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    light = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


@pytest.mark.parametrize("sight", SIGHTS)
def test_series_colours_keep_apart_for_every_reader(sight: str) -> None:
    seen = [lab(np.clip(np.array(SIGHTS[sight]) @ linear(LIGHT[f"s{k}"]), 0, 1)) for k in range(1, 7)]
    assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)) > 18


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_paper(colours: dict[str, str]) -> None:
    assert set(colours) == set(LIGHT)
    for name in ("ink", "muted"):  # text: WCAG AA
        assert contrast(colours[name], colours["paper"]) >= 4.5
    for k in range(1, 7):  # lines and dots
        assert contrast(colours[f"s{k}"], colours["paper"]) >= 3


def test_36_series_differ_without_colour_or_with_it() -> None:
    looks = [style(k) for k in range(36)]
    assert len(set(looks)) == 36
    first = [(look.marker, look.dash) for look in looks[:6]]
    assert len({marker for marker, _ in first}) == len({dash for _, dash in first}) == len(MARKERS) == 6


@pytest.mark.parametrize(
    ("text", "em"),
    [("", 0), ("i", 0.28), ("WW", 1.98), ("é", 0.7), ("e\u0301", 0.62), ("映画", 2.0)],
)
def test_text_width_in_em(text: str, em: float) -> None:
    assert text_width(text, 10) == pytest.approx(10 * em)
    assert text_width(text, 20) == pytest.approx(20 * em)


@pytest.mark.parametrize("text", ["heartwarming", "The quick brown fox, 1,234.56 (95%)", "MMMM wwww @@@"])
def test_text_width_holds_the_text_in_the_widest_family(text: str) -> None:
    ft2font = pytest.importorskip("matplotlib.ft2font")
    from matplotlib import font_manager

    font = ft2font.FT2Font(font_manager.findfont(FONTS[-1]))
    font.set_size(100, 72)
    font.set_text(text)
    assert font.get_width_height()[0] / 64 <= text_width(text, 100) * 1.01


@pytest.mark.parametrize("text", ["a" * 400, "one  two\nthree " * 20, "", "short"])
def test_cut_and_wrapped_text_fits(text: str) -> None:
    assert text_width(fit_text(text, 120, 12), 12) <= 120
    assert "\n" not in fit_text(text, 120, 12)
    lines = wrap_text(text, 120, 12)
    assert all(text_width(line, 12) <= 120 for line in lines)
    if "…" not in "".join(lines):
        assert " ".join(lines) == " ".join(text.split())


def test_diverging_runs_from_orange_through_grey_to_blue() -> None:
    assert [diverging(share) for share in (-1, 0, 0.5, 1, 2)] == ["#e0591b", "#e0591b", "#a6abb3", "#2260c9", "#2260c9"]
    assert len({diverging(share / 20) for share in range(21)}) == 21
