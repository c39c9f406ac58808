from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headstart.report.tables import Estimate, formatted, html_table


@pytest.mark.parametrize(
    ("value", "shape", "text"),
    [
        (None, None, "–"),
        (float("nan"), ".3f", "–"),
        (np.float32("nan"), None, "–"),
        (True, None, "yes"),
        (13766, None, "13,766"),
        (np.int64(13766), None, "13,766"),
        (0.001, None, "0.001"),
        (np.float32(0.5), None, "0.5"),
        (0.12345, ".2%", "12.35%"),
        (3, lambda value: f"<{value}>", "<3>"),
        ("text", None, "text"),
        ([1, 2.5, "c"], None, "1, 2.5, c"),
        ({"a": 1, "b": None}, None, "a: 1, b: –"),
        ((), None, "none"),
        (Estimate(0.9, 0.88, 0.92), None, "0.900 [0.880, 0.920]"),
        (Estimate(0.9, 0.9, 0.9), None, "0.900"),
        (Estimate(0.9, 0.8999999, 0.9000001), None, "0.900"),
    ],
)
def test_formatted(value: Any, shape: Any, text: str) -> None:
    assert formatted(value, shape) == text


def test_numbers_stand_to_the_right_and_rows_have_heads() -> None:
    html = html_table([{"name": "a", "n": 1}, {"name": "b", "n": None}], {"name": "Name", "n": "N"})
    assert html.count('<th scope="row">') == 2
    assert '<th scope="col" class="number">N</th>' in html and '<td class="number">1</td>' in html


LONG = "more than 1,000: not reached (at least 482 with 97.5% confidence)"


@pytest.mark.parametrize(
    ("text", "stacked"),
    [(LONG, True), ("0.983 [0.966, 0.992]", False), (None, False), ("x" * 38, False), ("x" * 50, True)],
)
def test_a_table_of_words_is_stacked_on_a_phone(text: str | None, stacked: bool) -> None:
    """Each cell then says its heading itself; roles stay, which a browser drops from a table shown as blocks."""
    html = html_table([{"n": 50, "needs": text}, {"n": 100, "needs": "few"}], {"n": "Labels", "needs": 'It "needs"'})
    assert ('<table class="stacked" role="table">' in html) == stacked
    assert html.count('data-head="Labels"') == html.count('data-head="It &quot;needs&quot;"') == (2 if stacked else 0)
    roles = [html.count(f' role="{role}"') for role in ("row", "columnheader", "rowheader", "cell")]
    assert roles == ([3, 2, 2, 2] if stacked else [0, 0, 0, 0])


@pytest.mark.parametrize(
    ("row", "stacked"),
    [
        ({"name": LONG, "n": 1}, False),
        ({"name": "tfidf", **{str(k): Estimate(0.9, 0.8, 0.95) for k in range(6)}}, False),
        ({"n": 50, "best": "fine-tune", "other": "scratch", "needs": "more than 1,600: not reached"}, True),
        ({"n": 50, "best": "fine-tune", "other": "scratch", "needs": "605 labels"}, False),
    ],
)
def test_numbers_and_names_stack_nothing(row: dict[str, Any], stacked: bool) -> None:
    assert ("stacked" in html_table([row], {key: key for key in row})) == stacked


@pytest.mark.parametrize(
    ("values", "direction", "best"),
    [
        ([1.0, 3.0, 2.0], "max", [1]),
        ([1.0, 3.0, 2.0], "min", [0]),
        ([2, 2, 1], "max", [0, 1]),
        ([None, float("nan"), 1.0], "max", []),
        ([Estimate(0.8, 0.7, 0.9), Estimate(0.81, 0.5, 0.9), None], "max", [1]),
        (["x", "y", "z"], "max", []),
    ],
)
def test_the_best_of_a_column_is_marked_in_words_too(values: list[Any], direction: str, best: list[int]) -> None:
    html = html_table(
        [{"k": k, "v": value} for k, value in enumerate(values)], {"k": "K", "v": "V"}, best={"v": direction}
    )
    rows = html.split("<tbody>")[1].split("</tr>")[:-1]
    assert [k for k, row in enumerate(rows) if "<strong>" in row and "(best)" in row] == best
