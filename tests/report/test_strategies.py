from __future__ import annotations

from typing import Any

import pytest

from headstart.errors import DataError
from headstart.report import Estimate, LabelsSaved, strategy_curves, strategy_table, summarise
from headstart.report.chart import PHONE
from headstart.report.scene import Text
from headstart.report.style import text_width


def test_an_interval_is_students() -> None:
    """Draws .80, .82, .84: mean .82, standard error .02 / sqrt(3), t(.975, 2) = 4.3027."""
    (row,) = summarise([{"strategy": "tfidf", "budget": 100, "auc": auc} for auc in (0.80, 0.82, 0.84)])
    half = 4.3027 * 0.02 / 3**0.5
    assert row["mean"] == pytest.approx(0.82)
    assert (row["low"], row["high"]) == (pytest.approx(0.82 - half, abs=1e-5), pytest.approx(0.82 + half, abs=1e-5))
    assert row["draws"] == 3


@pytest.mark.parametrize(
    ("given", "low", "high"), [({}, 0.9, 0.9), ({"low": 0.88, "high": 0.93}, 0.88, 0.93), ({"low": None}, 0.9, 0.9)]
)
def test_one_row_keeps_its_own_interval_or_has_none(given: dict[str, Any], low: float, high: float) -> None:
    (row,) = summarise([{"strategy": "a", "budget": 5, "auc": 0.9, **given}])
    assert (row["low"], row["high"], row["draws"]) == (low, high, 1)


def test_known_strategies_come_first_and_failed_rows_are_left_out(comparison: list[Any]) -> None:
    more = [{"strategy": "nbsvm", "budget": 100, "auc": 0.8}, {"strategy": "as-is", "budget": 7, "auc": None}]
    summary = summarise([*more, *comparison])
    assert list(dict.fromkeys(row["strategy"] for row in summary)) == [
        *("as-is", "features", "fine-tune", "scratch", "tfidf"),
        "nbsvm",
    ]
    assert 7 not in {row["budget"] for row in summary}


def test_the_table_has_strategies_down_and_budgets_across() -> None:
    rows = [{"strategy": "as-is", "n_labels": 0, "auc": 0.8}, {"strategy": "tfidf", "n_labels": 1000, "auc": 0.9}]
    table, columns = strategy_table(rows)
    assert columns == {"strategy": "Strategy", "0": "no labels", "1000": "1,000 labels"}
    assert table == [
        {"strategy": "as-is", "0": Estimate(0.8, 0.8, 0.8)},
        {"strategy": "tfidf", "1000": Estimate(0.9, 0.9, 0.9)},
    ]


def test_a_strategy_without_labels_is_a_level_line(comparison: list[Any]) -> None:
    rows = [row for row in comparison if row["strategy"] != "as-is"] + [{"strategy": "as-is", "budget": 0, "auc": 0.83}]
    level = strategy_curves(rows).panels[0].series[0]
    assert level.name == "as-is"
    assert level.x == (100, 500, 2000, 13766)
    assert set(level.y) == {0.83}


def test_poor_points_get_a_panel_of_their_own(comparison: list[Any]) -> None:
    close, whole = strategy_curves(comparison).panels
    assert close.y.low > 0.7 > whole.y.low
    alike = [row for row in comparison if row["strategy"] in ("as-is", "features")]
    assert len(strategy_curves(alike).panels) == 1


@pytest.mark.parametrize(("needed", "end"), [(1300, 1300.0), (None, None)])
def test_labels_saved_are_drawn_as_a_distance(comparison: list[Any], needed: float | None, end: float | None) -> None:
    panel = strategy_curves(comparison, saved=LabelsSaved(500, needed, 0.85, "saves 800 labels")).panels[0]
    (rule,) = panel.rules
    assert rule.arrow and rule.start == (500, 0.85)
    assert rule.end == (end or panel.x.high, 0.85)


def test_a_long_label_of_a_distance_stays_inside_a_phone(comparison: list[Any]) -> None:
    said = "scratch does not reach what self-train+fine-tune has with 500"
    scene = strategy_curves(comparison, saved=LabelsSaved(500, None, 0.85, said)).scene(PHONE)
    lines = [one for one in scene.items if isinstance(one, Text) and one.bold and one.anchor == "middle"]
    assert " ".join(one.text for one in sorted(lines, key=lambda one: one.y)) == said
    widths = [text_width(one.text, one.size, bold=True) / 2 for one in lines]
    assert all(half <= one.x <= PHONE - half for one, half in zip(lines, widths, strict=True))


def test_the_best_is_the_least_of_a_loss() -> None:
    rows = [{"strategy": name, "budget": 10, "brier": value} for name, value in (("a", 0.2), ("b", 0.1))]
    assert strategy_curves(rows, "brier").description == "Best at 10 labels: b 0.100."


def test_hovering_lists_the_best_first(comparison: list[Any]) -> None:
    lines = strategy_curves(comparison).panels[0].strips[0].text.split("\n")
    assert lines[0] == "100 labels"
    values = [float(line.split(" ")[1]) for line in lines[1:]]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([], "got 0 rows, none of which has a value of 'auc'"),
        ([{"strategy": "a", "budget": 1}], "got 1 rows, none"),
        ([{"budget": 1, "auc": 0.5}], "each needs 'strategy' and 'budget'"),
        ([{"strategy": "a", "budget": None, "auc": 0.5}], "how many labels there were where all were used"),
        ([{"strategy": "a", "budget": 0, "auc": 0.5}], "budget' of one label or more, but all rows have none"),
    ],
)
def test_rows_that_cannot_be_drawn(rows: list[Any], match: str) -> None:
    with pytest.raises(DataError, match=match):
        strategy_curves(rows)
