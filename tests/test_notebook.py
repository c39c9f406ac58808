"""Objects show themselves: a short line in a terminal, a small table or picture in a notebook."""

from __future__ import annotations

from typing import Any

import pytest

from headstart.comparison import Comparison
from headstart.corpus import as_corpus
from headstart.report.scores import score_separation


@pytest.fixture
def shown(request: pytest.FixtureRequest, gru_base: Any, reviews: Any) -> Any:
    if request.param == "corpus":
        return as_corpus(reviews.texts).with_labels([["<b>bad", "good"][label] for label in reviews.labels])
    if request.param == "predictor":
        return gru_base.predictor_
    return Comparison([{"strategy": "as-is"}], {"words": "The base helps. " * 40}, [], [], {}, {}, {})


@pytest.mark.parametrize("shown", ["corpus", "predictor", "comparison"], indirect=True)
def test_in_a_line_and_a_table(shown: Any) -> None:
    line, table = repr(shown), shown._repr_html_()
    assert line.startswith(f"{type(shown).__name__}(") and len(line) < 400 and "\n" not in line
    assert table.startswith("<table>") and len(table) < 2000 and "<b>" not in table


def test_a_chart() -> None:
    chart = score_separation([0, 1, 1, 0], [0.1, 0.9, 0.7, 0.4])
    assert repr(chart) == f"Chart({chart.title})"
    assert chart._repr_html_().startswith('<img src="data:image/svg+xml;base64,')
