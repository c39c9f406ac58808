from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headstart.report import run_report


@pytest.fixture
def result(epochs: list[Any], scored: tuple[list[int], list[float]], comparison: list[Any]) -> dict[str, Any]:
    labels, probabilities = scored
    metrics = {"auc": 0.9, "auc_low": 0.89, "auc_high": 0.91, "accuracy": 0.87, "ece": 0.02, "n": 4303}
    return {
        "title": "IMDb to hotels",
        "command": "headstart transfer imdb hotels.parquet --report r.html",
        "verdict": "It helped.",
        "epochs": epochs,
        "valid": None,
        "test": {**metrics, "n_truncated": 31},
        "separation": {"labels": labels, "probabilities": probabilities, "names": ["no", "yes"], "threshold": 0.4},
        "layers": [{"layer": "pooled", "auc": 0.84, "low": 0.83, "high": 0.85}],
        "strategies": comparison,
        "counts": {"n": 17213, "unknown_token_rate": 0.0312, "test": {"n_truncated": 31, "unknown_token_rate": 0.0321}},
        "labels": {"happy": "positive (1)"},
        "options": {"epochs": 5, "columns": ["stars", "state"], "layer": None},
        "versions": {"torch": "2.13.0"},
        "seconds": 127.345,
        "device": "cpu",
    }


PARTS = ["Result", "Training", "Scores", "Layers", "Strategies", "Data quality", "Labels", "How it was done"]


def test_every_part_has_its_place(result: dict[str, Any], tmp_path: Path, read_page: Callable[[str], Any]) -> None:
    plain = json.loads(json.dumps(result))
    read = read_page(run_report(plain, tmp_path / "r.html").read_text(encoding="utf-8"))
    assert [element.text for element in read.all("h2")] == [*PARTS, "Further details"]
    assert read.all("h1")[0].text == "IMDb to hotels"
    cells = {element.text for element in read.all("td", "th", "dd", "dt")}
    assert {
        "0.900 [0.890, 0.910]",
        "3.1%",
        "3.2%",
        "17,213",
        "Truncated rows",
        "positive (1)",
        "stars, state",
    } <= cells
    assert {"127.3", "cpu", "2.13.0"} <= cells
    assert "cut 0.40" in read.all("main")[0].text


@pytest.mark.parametrize("left", [*range(len(PARTS))])
def test_each_part_may_be_missing(result: dict[str, Any], tmp_path: Path, read_page: Any, left: int) -> None:
    keys = [("test",), ("epochs",), ("separation",), ("layers",), ("strategies",), ("counts",), ("labels",)]
    keys.append(("options", "versions", "seconds"))
    for key in keys[left]:
        result[key] = None
    read = read_page(run_report(result, tmp_path / "r.html").read_text(encoding="utf-8"))
    kept = [part for k, part in enumerate(PARTS) if k != left]
    assert [element.text for element in read.all("h2")] == [*kept, "Further details"]


def test_nothing_but_a_title_makes_a_page(tmp_path: Path) -> None:
    assert "<h1>Training run</h1>" in run_report({}, tmp_path / "r.html").read_text(encoding="utf-8")


def test_strategies_without_labels_are_a_table_alone(tmp_path: Path, read_page: Any) -> None:
    rows = [{"strategy": "as-is", "budget": 0, "auc": 0.8}]
    read = read_page(run_report({"strategies": rows}, tmp_path / "r.html").read_text(encoding="utf-8"))
    assert not read.all("figure") and len(read.all("table")) == 1


def test_the_same_run_is_the_same_page(result: dict[str, Any], tmp_path: Path) -> None:
    one, two = (run_report(result, tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert one == two
    assert len(one) < 300_000


@pytest.mark.parametrize(
    ("low", "high", "kind", "line"),
    [
        (0.01, 0.03, "helps", "Better than the base as it is"),
        (-0.05, -0.02, "harms", "Worse than the base as it is"),
        (-0.004, 0.008, "same", "No difference to the base as it is"),
        (-0.02, 0.05, "unknown", "Not shown to differ from the base as it is"),
    ],
)
def test_a_transfer_is_judged_against_the_base_as_it_is(
    result: dict[str, Any],
    tmp_path: Path,
    read_page: Callable[[str], Any],
    low: float,
    high: float,
    kind: str,
    line: str,
) -> None:
    gain = {"value": (low + high) / 2, "low": low, "high": high}
    del result["verdict"]
    page = run_report({**result, "gain": gain, "test_as_is": {"auc": 0.8, "n": 4303}}, tmp_path / "r.html").read_text()
    (answer,) = (e for e in read_page(page).all("section"))
    assert answer.attributes["class"] == f"answer {kind}" and line in answer.text
    assert "Test, the base as it is" in page and "Confusion table" in page
