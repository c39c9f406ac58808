"""Labels of any kind through the commands: told, stated, overruled, decided and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from headstart import read

WORDS = {"bad": "awful dreary cold", "ok": "plain usual fair", "good": "great lovely warm"}
TFIDF = ("--set", "strategy=tfidf")


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    grades = np.array(list(WORDS))[np.arange(150) % 3]
    frame = pd.DataFrame({"text": [" ".join(rng.choice(WORDS[grade].split(), 4)) for grade in grades], "grade": grades})
    frame["stars"] = [2 + list(WORDS).index(grade) for grade in grades]
    frame["price"] = frame["stars"] ** 2 + rng.uniform(0, 0.5, 150).round(3)
    frame["tags"] = [f"{grade};any" if i % 4 else "" for i, grade in enumerate(grades)]
    frame["warm"], frame["cold"] = (grades != "bad").astype(int), (grades == "bad").astype(int)
    frame["weight"] = 1 + np.arange(150) % 2
    frame.to_csv("rows.csv", index=False)
    return frame


CASES: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    "classes": (("--label", "grade"), "multiclass", "multiclass, 3 classes: bad, good, ok", ""),
    "an order": (("--label", "grade", "--order", "bad<ok<good"), "ordinal", "ordinal, bad < ok < good", ""),
    "stars": (("--label", "stars"), "ordinal", "ordinal, 2 < 3 < 4", "taken as ordered classes (ordinal); --task regression or multiclass"),
    "stars as numbers": (("--label", "stars", "--task", "regression"), "regression", "numbers", ""),
    "prices": (("--label", "price"), "regression", "numbers", ""),
    "tags": (("--label", "tags", "--label-delimiter", ";"), "multilabel", "any number of 4 labels a row", "rows with none of the labels, which is an answer: 38"),
    "columns": (("--label", "warm", "--label", "cold"), "multilabel", "any number of 2 labels a row: warm, cold", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_from_training_to_predictions(cli: Any, rows: pd.DataFrame, name: str) -> None:
    options, kind, said, note = CASES[name]
    ended = cli(
        "train", "rows.csv", *options, *TFIDF, "--test", "0.2", "--weight", "weight", "--out", "model", "--json"
    )
    assert ended.code == 0, ended.err
    assert said in ended.err and note in ended.err
    assert ended.json["task"]["kind"] == kind and ended.json["test"]["n"] == 30
    assert bool(note) == bool(ended.json["task"]["note"])
    assert kind in cli("inspect", "model").out
    found = cli(
        "evaluate", "model", "rows.csv", *(part for part in options if "<" not in part and part != "--order"), "--json"
    )
    assert found.code == 0, found.err
    assert found.json["n"] == 150 and found.json["task"]["kind"] == kind
    for out in ("out.csv", "out.jsonl", "out.parquet"):
        assert cli("predict", "model", "rows.csv", "--out", out, "--keep", "text").code == 0
    written = pq.read_table("out.parquet")
    labels = ended.json["task"]["names"]
    scope = ["in_scope"] if kind == "multiclass" else []
    assert written.column_names == ["text", "prediction", *(f"probability_{label}" for label in labels), *scope]
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [line["prediction"] for line in lines] == written["prediction"].to_pylist()
    if kind == "multilabel":  # what is written to a cell of CSV is read as labels again
        again = read("out.csv", label="prediction")
        assert again.task is not None and again.labels is not None and again.kind == kind
        assert again.task.named(again.labels).tolist() == [sorted(one) for one in written["prediction"].to_pylist()]
    elif kind == "regression":
        assert np.corrcoef(written["prediction"], rows["price"])[0, 1] > 0.9
    else:
        assert (pd.read_csv("out.csv")["prediction"] == rows[options[1]]).mean() > 0.9


def test_decisions_are_stored_and_overruled(cli: Any, rows: pd.DataFrame) -> None:
    Path("costs.csv").write_text("true,bad,ok,good\nbad,0,50,50\nok,1,0,1\n")
    ended = cli(
        "train", "rows.csv", "--label", "grade", *TFIDF, "--costs", "costs.csv", "--abstain-below", "0.3", "--out", "m"
    )
    assert ended.code == 0, ended.err
    assert "by costs, nothing below 0.3" in cli("inspect", "m").out
    Path("odd.csv").write_text("text\nthe of\nlovely great warm lovely\n")
    for options, expected, n_none in (((), "bad", 0), (("--abstain-below", "0.99"), None, 1)):
        counts = cli("predict", "m", "odd.csv", "--out", "o.jsonl", "--json", *options).json
        first = json.loads(Path("o.jsonl").read_text().splitlines()[0])
        assert (first["prediction"], counts["n_abstained"] >= n_none) == (expected, True)
    found = cli("evaluate", "m", "rows.csv", "--label", "grade", "--json").json
    assert found["accuracy"] > 0.5
    unsure = cli("evaluate", "m", "rows.csv", "--label", "grade", "--abstain-below", "1")
    assert "150 of 150 rows have no prediction, their probability being below 1" in unsure.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("train", "rows.csv", "--label", "grade", "--task", "binary"), "The task is binary, and the labels hold 3 values"),
        (("train", "rows.csv", "--label", "grade", "--task", "stars"), "there is no task 'stars'"),
        (("train", "rows.csv", "--label", "grade", "--order", "bad<ok"), "The labels hold 'good', which the order bad<ok does not name"),
        (("train", "rows.csv", "--label", "warm", "--label", "stars"), "The label column 'stars' holds '2', '3', '4'"),
        (("train", "rows.csv", "--label", "grade", "--threshold", "0.4"), "--threshold (threshold=) came, and this model's task is multiclass"),
        (("train", "rows.csv", "--label", "price", "--abstain-below", "0.4"), "abstain_below came with TextRegressor"),
        (("train", "rows.csv", "--label", "grade", "--costs", "none.csv"), "--costs none.csv: No such file or directory; write the predicted labels in the first line"),
        (("train", "rows.csv", "--label", "grade", "--costs", "rows.csv"), "holds a cost that is no number"),
        (("train", "rows.csv", "--label", "grade", "--costs", "twice.csv"), "names a predicted label twice: bad, bad"),
        (("evaluate", "m", "rows.csv", "--label", "grade", "--task", "ordinal"), "--task is ordinal, and the model's task is multiclass"),
        (("evaluate", "m", "rows.csv", "--label", "stars"), "The labels of the data hold '2', '3', '4', and those of the model are 'bad', 'good', 'ok'"),
        (("transfer", "m", "rows.csv", "--label", "stars", "--strategy", "as-is"), "its own labels (multiclass, 3 classes: bad, good, ok), and those of the data"),
        (("predict", "m", "rows.csv", "--threshold", "0.4", "--out", "o.csv"), "this model's task is multiclass"),
    ],
)  # fmt: skip
def test_mistakes_get_a_sentence(cli: Any, rows: pd.DataFrame, options: tuple[str, ...], sentence: str) -> None:
    if "m" in options:
        cli("train", "rows.csv", "--label", "grade", *TFIDF, "--out", "m")
    more = (*TFIDF, "--out", "made") if options[0] == "train" else ("--out", "made") if options[0] == "transfer" else ()
    Path("twice.csv").write_text(",bad,bad\nok,1,2\n")
    ended = cli(*options, *more)
    assert ended.code == 2
    assert sentence in ended.err.replace("\n", " ")
    assert not Path("made").exists()


def test_rows_of_their_own_are_read_as_the_training_rows(cli: Any, rows: pd.DataFrame) -> None:
    """A class that is missing there, one that is never seen, and a task that their labels alone would not tell."""
    rows[rows["stars"] != 3].to_csv("some.csv", index=False)
    ended = cli(
        "train",
        "rows.csv",
        "--label",
        "stars",
        *TFIDF,
        "--valid",
        "some.csv",
        "--test",
        "some.csv",
        "--out",
        "m",
        "--json",
    )
    assert ended.code == 0, ended.err
    assert ended.json["test"]["n"] == 100 and ended.json["task"]["names"] == ["2", "3", "4"]
    rows.assign(stars=9).to_csv("odd.csv", index=False)
    refused = cli("train", "rows.csv", "--label", "stars", *TFIDF, "--test", "odd.csv", "--out", "n")
    assert (
        refused.code == 2 and "The labels of the data hold '9', and those of the model are '2', '3', '4'" in refused.err
    )


def test_labels_that_overlap_with_the_bases_are_told(cli: Any, rows: pd.DataFrame, base_folder: Path) -> None:
    small = (
        "--net",
        "gru",
        "--epochs",
        "1",
        "--set",
        "embedding_size=8",
        "--set",
        "hidden_size=6",
        "--set",
        "dense=[8]",
    )
    assert cli("train", "rows.csv", "--label", "grade", *small, "--out", "m").code == 0
    rows.assign(grade=rows["grade"].replace("ok", "fine")).to_csv("other.csv", index=False)
    ended = cli("transfer", "m", "other.csv", "--label", "grade", "--strategy", "features", "--out", "n", "--json")
    assert "2 of the 3 labels are the base's too, matched by name; new are 'fine'" in ended.err
    assert ended.json["task"]["names"] == ["bad", "fine", "good"] and "test_as_is" not in ended.json


def test_a_map_has_a_colour_for_each_combination_of_labels(cli: Any, rows: pd.DataFrame, base_folder: Path) -> None:
    more = ("--label", "tags", "--out", "map.svg")
    rows["tags"] = [json.dumps(tag.split(";") if tag else []) for tag in rows["tags"]]
    rows.assign(cost=rows.index * 0.7).to_csv("lists.csv", index=False)
    ended = cli("map", str(base_folder), "--data", "lists.csv", *more)
    assert ended.code == 0, ended.err
    drawn = Path("map.svg").read_text(encoding="utf-8")
    assert "any + bad" in drawn and "no label" in drawn
    numbers = cli("map", str(base_folder), "--data", "lists.csv", "--label", "cost", "--out", "n.svg")
    assert numbers.code == 0, numbers.err
    assert "cost" in Path("n.svg").read_text(encoding="utf-8")
