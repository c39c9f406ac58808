"""`drift` through the command line, and scores that say which model gave them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

STORED = Path(__file__).parent.parent / "data" / "artifacts"
MODEL = STORED / "v1.1-nbsvm"


@pytest.mark.parametrize(("word", "code"), [("zebra", 3), ("good hotel", 0)])
def test_the_exit_code_says_whether_texts_have_moved(cli: Any, place: Path, word: str, code: int) -> None:
    (place / "now.csv").write_text("text\n" + f"{word} {word} {word}\n" * 40)
    (place / "then.csv").write_text("text\n" + "good hotel good hotel good hotel\n" * 40)
    loose = () if code else ("--max-words", "1")
    ended = cli("drift", STORED / "v1.1-blend", "now.csv", "--reference", "then.csv", *loose, "--json")
    assert ended.code == code, ended
    found = json.loads(ended.out)
    assert found["moved"] == bool(code) and found["compared_with"] == "the reference"
    assert [one["name"] for one in found["figures"]][:2] == ["unknown tokens", "distance of words"]


def test_sentences_end_with_the_answer(cli: Any, place: Path) -> None:
    (place / "now.csv").write_text("text\n" + "good hotel\n" * 40)
    ended = cli("drift", MODEL, "now.csv", "--max-accuracy", "1")
    assert ended.code in (0, 3) and "40 texts, compared with figures stored in the model" in ended.out


def test_a_stamp_names_the_model_and_the_time(cli: Any, place: Path) -> None:
    (place / "rows.csv").write_text("text\ngood\nbad\n")
    said = cli("predict", MODEL, "rows.csv", "--out", "out.jsonl", "--stamp", "--json").json
    rows = [json.loads(line) for line in (place / "out.jsonl").read_text().splitlines()]
    assert {row["model_hash"] for row in rows} == {cli("inspect", MODEL, "--json").json["content_hash"]}
    assert datetime.fromisoformat(rows[0]["scored_at"]).tzinfo and said["scored_at"] == rows[0]["scored_at"]
    changed = cli("predict", MODEL, "rows.csv", "--out", "out.jsonl", "--stamp", "--threshold", "0.2", "--json").json
    assert changed["model_hash"] != said["model_hash"], "another rule is another model"
