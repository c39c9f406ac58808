"""Cells that a spreadsheet would calculate: kept as they are and counted, or made text."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headstart.outputs.spreadsheets import Spreadsheet

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "＝1", '=HYPERLINK("http://x")', "- nice hotel"]
HARMLESS = ["1", "-3", "+4.5", "-1e5", "-.5", "", None, "a=1", "hotel", " =1", "'=1"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_formulas_are_counted_and_made_text(kind: Any) -> None:
    table = pa.table({"a": pa.array([*FORMULAS, *HARMLESS]).cast(kind), "n": range(20)})
    look = Spreadsheet(quoted=False)
    assert look(table).equals(table)
    assert look.n_formulas == len(FORMULAS)
    found = Spreadsheet(quoted=True)(table).column("a").to_pylist()
    assert found == [*(f"'{cell}" for cell in FORMULAS), *HARMLESS]


def test_names_of_columns_count_once() -> None:
    table = pa.table({"=cmd": [1, 2], "plain": ["a", None]})
    look = Spreadsheet(quoted=True)
    assert [look(table).column_names for _ in range(2)] == [["'=cmd", "plain"]] * 2
    assert look.n_formulas == 1


@pytest.mark.parametrize(("ending", "warned"), [("csv", True), ("tsv", True), ("jsonl", False), ("parquet", False)])
def test_predict_warns_once_and_quotes_where_asked(
    place: Path, cli: Any, base_folder: Path, ending: str, warned: bool
) -> None:
    with (place / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text", "=id"], ["great film", "=1+1"], ["awful plot", "-2"]])
    ended = cli("predict", base_folder, "rows.csv", "--keep", "=id", "--out", f"out.{ending}")
    assert ended.code == 0
    assert (ended.err.count("2 cells of") == 1) == warned and ("--spreadsheet-safe" in ended.err) == warned
    if ending == "csv":
        assert (place / "out.csv").read_text().splitlines()[1].startswith('"=1+1",')
        ended = cli("predict", base_folder, "rows.csv", "--keep", "=id", "--spreadsheet-safe", "--out", "safe.csv")
        assert "formula" not in ended.err
        lines = (place / "safe.csv").read_text().splitlines()
        assert (
            lines[0].startswith('"\'=id"') and lines[1].startswith('"\'=1+1"') and lines[2].lstrip('"').startswith("-2")
        )
