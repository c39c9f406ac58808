from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headstart.comparison import Comparison, compare


@pytest.fixture(scope="module")
def result(gru_base: Any, targets: Any) -> Comparison:
    """A comparison of texts that hold markup."""
    target = targets["own words"](200, 1)
    texts = [f"<script>alert(1)</script> {text} & more" for text in target.frame.column("text").to_pylist()]
    frame = pa.table({"text": texts})
    return compare(gru_base, frame, target.labels, budgets=[20, None], seeds=2, candidates=["as-is", "tfidf"], n_jobs=1)


def test_the_page_has_its_parts_in_order(result: Comparison, tmp_path: Path, read_page: Any) -> None:
    html = result.report(tmp_path / "page.html").read_text()
    page = read_page(html)
    headings = page.texts("h2")
    assert headings == [
        "What labels buy", "Reasons", "Labels saved", "All strategies", f"Scores of {result.verdict['ship']}",
        "The worst errors", "Data quality", "How far the target lies from the source", "How it was done",
    ]  # fmt: skip
    assert html.index('class="word"') < html.index("<h2")
    assert f"AUC of {result.verdict['ship']}" in page.texts("main")[0]


def test_nothing_is_said_twice(result: Comparison, tmp_path: Path, read_page: Any) -> None:
    page = read_page(result.report(tmp_path / "page.html").read_text())
    said = [text.lower() for tag in ("h2", "strong") for text in page.texts(tag) if "(best)" not in text]
    assert sorted(set(said)) == sorted(said)
    main = page.texts("main")[0]
    assert "Labels saved: for what" not in main
    for reason in result.verdict["reasons"]:
        assert main.count(reason) == 1 and reason in result.verdict["words"]


def test_counts_stand_one_below_the_other(result: Comparison, tmp_path: Path) -> None:
    html = result.report(tmp_path / "page.html").read_text()
    table = next(part for part in html.split("<table")[1:] if "To learn from" in part).split("</table>")[0]
    assert table.count('<th scope="col"') == 3 and table.count("<tr>") > 8


def test_texts_with_markup_stay_texts(result: Comparison, tmp_path: Path, read_page: Any) -> None:
    html = result.report(tmp_path / "page.html").read_text()
    assert len(read_page(html).texts("script")) == 1
    assert "&lt;script&gt;alert(1)" in html


def test_the_page_is_the_same_for_the_same_findings(result: Comparison, tmp_path: Path) -> None:
    pages = [result.report(tmp_path / f"{k}.html").read_bytes() for k in range(2)]
    assert pages[0] == pages[1]


def test_labels_saved_has_a_row_a_budget_that_a_phone_can_show(
    result: Comparison, tmp_path: Path, read_page: Any
) -> None:
    html = result.report(tmp_path / "page.html").read_text()
    table = next(part for part in html.split("<table")[1:] if "<caption>Read off" in part)
    assert table.startswith(' class="stacked"')
    assert table.count('data-head="Labels"') == len(result.facts["budgets"])
    for one in result.labels_saved:
        assert f"{one['said']}; saves labels in" in table
