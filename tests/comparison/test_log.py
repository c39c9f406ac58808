from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.comparison.fits import Fit, score_path
from headstart.comparison.log import RowLog
from headstart.errors import HeadstartWarning, OptionError

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


def _edit(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def edited(line: bytes) -> bytes:
        row = json.loads(line)
        change(row)
        return json.dumps(row).encode()

    return edited


DAMAGED_ROWS: dict[str, Callable[[bytes], bytes]] = {
    "another figure": _edit(lambda row: row.update(auc=0.99)),
    "a text": lambda line: b'"row"',
    "another seed": _edit(lambda row: row.update(seed=7)),
    "no digest, as 0.1 wrote": _edit(lambda row: row.pop("digest")),
    "no strategy": _edit(lambda row: row.pop("strategy")),
    "a field more": _edit(lambda row: row.update(note="mine")),
    "no number": _edit(lambda row: row.update(auc=float("nan"))),
    "a list": lambda line: b"[1]",
    "no JSON": lambda line: line[1:],
    "no UTF-8": lambda line: line.replace(b"tfidf", b"tf\xff\xfef"),
    "depth": lambda line: b"[" * 100_000,
    "nothing": lambda line: b"",
    "a far longer name": lambda line: line.replace(b"tfidf", b"t" * 70_000),
    "a zero byte in the name": lambda line: line.replace(b"tfidf", b"t\\u0000"),
}


def _folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGED_SCORES: dict[str, Callable[[Path], object]] = {
    "lost": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-4]),
    "one bit": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\x01"),
    "of another fit": lambda path: np.save(path, np.ones(3)),
    "a folder": _folder_instead,
    "a pipe": _pipe_instead,
    "a device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
}


def _filled(folder: Path) -> RowLog:
    log = RowLog(folder, {"data": "x"})
    for seed in (0, 1, 2):
        _scores(folder, Fit("tfidf", 50, seed))
        log.add({**ROW, "seed": seed})
    return log


def _expect_the_second_again(folder: Path) -> None:
    with pytest.warns(
        HeadstartWarning, match=r"^1 of the 3 rows in .*rows\.jsonl, or their files of scores, are not as"
    ):
        again = RowLog(folder, {"data": "x"})
    assert again.rows == {Fit("tfidf", 50, seed): {**ROW, "seed": seed} for seed in (0, 2)}
    path = score_path(folder, Fit("tfidf", 50, 1))
    if not path.is_dir():
        path.unlink(missing_ok=True)
        _scores(folder, Fit("tfidf", 50, 1))
        again.add({**ROW, "seed": 1})
        assert len(RowLog(folder, {"data": "x"}).rows) == 3  # and no warning any more


@pytest.mark.parametrize("damage", DAMAGED_ROWS)
def test_a_row_that_is_not_as_it_was_written_is_done_again(tmp_path: Path, damage: str) -> None:
    log = _filled(tmp_path)
    lines = log.path.read_bytes().split(b"\n")
    log.path.write_bytes(b"\n".join([lines[0], DAMAGED_ROWS[damage](lines[1]), *lines[2:]]))
    _expect_the_second_again(tmp_path)


@pytest.mark.parametrize("damage", DAMAGED_SCORES)
def test_a_row_whose_scores_are_not_as_they_were_written_is_done_again(tmp_path: Path, damage: str) -> None:
    _filled(tmp_path)
    DAMAGED_SCORES[damage](score_path(tmp_path, Fit("tfidf", 50, 1)))
    _expect_the_second_again(tmp_path)


def test_a_row_cannot_come_from_another_comparison(tmp_path: Path) -> None:
    _filled(tmp_path)
    (tmp_path / "plan.json").write_text('{"data": "y"}')
    with pytest.warns(HeadstartWarning, match="3 of the 3 rows"):
        assert RowLog(tmp_path, {"data": "y"}).rows == {}


def test_a_task_that_is_done_again_has_one_row(tmp_path: Path) -> None:
    log = _filled(tmp_path)
    log.add({**ROW, "seed": 1, "auc": 0.8})
    assert [json.loads(line)["auc"] for line in log.path.read_bytes().splitlines()] == [0.9, 0.8, 0.9]
    assert RowLog(tmp_path, {"data": "x"}).rows[Fit("tfidf", 50, 1)]["auc"] == 0.8


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'"plan"', None])
def test_rows_prove_a_plan_that_was_damaged(tmp_path: Path, damage: bytes | None) -> None:
    _filled(tmp_path)
    (tmp_path / "plan.json").unlink()
    if damage is not None:
        (tmp_path / "plan.json").write_bytes(damage)
    with warnings.catch_warnings(), pytest.raises(OptionError, match=r"without the plan\.json"):
        warnings.simplefilter("ignore")
        RowLog(tmp_path, {"data": "y"})
    assert len(RowLog(tmp_path, {"data": "x"}).rows) == 3
    assert json.loads((tmp_path / "plan.json").read_bytes()) == {"data": "x"}


@pytest.mark.parametrize("name", ["rows.jsonl", "plan.json"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_told(tmp_path: Path, name: str, make: Callable[[Path], object]) -> None:
    make(tmp_path / name)
    with pytest.raises(OptionError, match=rf"{name} is no regular file.*Give --out another folder"):
        RowLog(tmp_path, {})


def test_another_plan_is_refused(tmp_path: Path) -> None:
    RowLog(tmp_path, {"data": "x", "base": "y"})
    with pytest.raises(OptionError, match=r"differs from this one in: data\. Give --out another folder"):
        RowLog(tmp_path, {"data": "z", "base": "y"})


def test_rows_without_a_plan_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{}\n")
    with pytest.raises(OptionError, match=r"without the plan\.json"):
        RowLog(tmp_path, {})
