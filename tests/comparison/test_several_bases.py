"""A comparison of several bases says which of them to carry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headstart.cli.app import run
from headstart.comparison import compare
from headstart.comparison.planning import strategy_called
from headstart.comparison.verdict_text import say
from headstart.errors import OptionError

ENCODER = Path(__file__).parents[1] / "data" / "artifacts" / "v1.1-encoder"
ASKED = {"candidates": ["as-is", "features", "tfidf"], "budgets": [60], "seeds": 1, "test": 0.5, "n_jobs": 1}


@pytest.fixture(scope="module")
def found(blend_base: Any, targets: Any) -> Any:
    target = targets["like source"](200, 5)
    bases = {"blend": blend_base, "bert": ENCODER}
    return compare(bases, target.frame, target.labels, text="text", **ASKED)


def test_each_base_runs_and_reference_points_run_once(found: Any) -> None:
    assert {row["strategy"] for row in found.rows} == {"as-is@blend", "features@blend", "features@bert", "tfidf"}
    assert found.facts["left_out"]["as-is@bert"].startswith("the base is an encoder")


def test_the_verdict_says_which_base_to_carry(found: Any) -> None:
    bases = found.verdict["bases"]
    assert (bases["answer"], bases["best"]) == ("blend", "blend")
    assert set(bases["of_each"]) == {"blend", "bert"} and bases["low"] > 0
    assert "Of the bases, carry blend: blend " in found.verdict["words"]
    assert found.verdict["kind"] == "as-is is enough"
    unsure = {**found.verdict, "bases": {**bases, "answer": "cannot be told"}}
    strategies = {row["strategy"]: strategy_called(row["strategy"]) for row in found.rows}
    assert "Which base to carry cannot be told from these test rows: blend " in say(unsure, strategies)


def test_the_command_takes_several_bases(
    base_folders: dict[str, Path], others: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = others.write(tmp_path / "others.csv")
    options = ["--candidates", "features,tfidf", "--budgets", "40", "--seeds", "1", "--jobs", "1", "--json"]
    code = run(
        [
            "compare",
            str(base_folders["gru"]),
            str(ENCODER),
            "--data",
            str(data),
            *options,
            "--out",
            str(tmp_path / "out"),
        ]
    )
    said, told = capsys.readouterr()
    assert code == 0, told
    assert set(json.loads(said)["verdict"]["bases"]["of_each"]) == {"base", "v1.1-encoder"}
    assert "v1.1-encoder" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_bases_need_names_that_tell_them_apart(
    blend_base: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OptionError, match="a base is called 'a/b'"):
        compare({"a/b": blend_base}, ["x", "y"], [0, 1])
    code = run(["compare", "x/base", "y/base", "--data", "rows.csv", "--out", str(tmp_path / "out")])
    assert code == 2 and "two of the bases are called 'base'" in capsys.readouterr().err
