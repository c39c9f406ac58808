from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.comparison.fits import Fit, score_path
from headstart.comparison.log import RowLog
from headstart.errors import OptionError

ROW: dict[str, Any] = {"strategy": "tfidf", "budget": 50, "seed": 0, "auc": 0.9, "seconds": 1.0}


def _scores(folder: Path, task: Fit) -> None:
    path = score_path(folder, task)
    path.parent.mkdir(exist_ok=True)
    np.save(path, np.zeros(3))


def test_rows_come_back(tmp_path: Path) -> None:
    log = RowLog(tmp_path, {"data": "x"})
    for seed in (0, 1):
        _scores(tmp_path, Fit("tfidf", 50, seed))
        log.add({**ROW, "seed": seed})
    assert list(RowLog(tmp_path, {"data": "x"}).rows) == [Fit("tfidf", 50, 0), Fit("tfidf", 50, 1)]


@pytest.mark.parametrize("torn", [b'{"strategy": "tf', b"\x00", b"{"])
def test_a_torn_last_line_is_taken_away(tmp_path: Path, torn: bytes) -> None:
    log = RowLog(tmp_path, {})
    for seed in (0, 1, 2):
        _scores(tmp_path, Fit("tfidf", 50, seed))
    log.add(ROW)
    with log.path.open("ab") as file:
        file.write(torn)
    again = RowLog(tmp_path, {})
    assert len(again.rows) == 1
    again.add({**ROW, "seed": 1})
    assert len(RowLog(tmp_path, {}).rows) == 2
    assert log.path.read_bytes().count(b"\n") == 2


def test_a_row_without_its_scores_is_done_again(tmp_path: Path) -> None:
    RowLog(tmp_path, {}).add(ROW)
    assert RowLog(tmp_path, {}).rows == {}


def test_another_plan_is_refused(tmp_path: Path) -> None:
    RowLog(tmp_path, {"data": "x", "base": "y"})
    with pytest.raises(OptionError, match=r"differs from this one in: data\. Give --out another folder"):
        RowLog(tmp_path, {"data": "z", "base": "y"})


def test_rows_without_a_plan_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{}\n")
    with pytest.raises(OptionError, match=r"without the plan\.json"):
        RowLog(tmp_path, {})
