"""Law 5: nothing silent. Cut rows, nulls, duplicates, unknown words and the label mapping are counted and said.

Runs over every strategy at fit, every strategy at prediction, and every command that reads rows.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from headstart import TextClassifier
from headstart.cli.app import run
from headstart.corpus import as_corpus

# Two nulls, an empty text, two texts of 30 tokens, one text twice, five words that no vocabulary of ours has.
ODD = [None, None, "", "great film " * 15, "awful plot " * 15, "lovely story", "lovely story", "qwa qwe qwi qwo qwu"]
ODD_LABELS = [1, 0, 1, 1, 0, 1, 1, 0]
LIMIT = 20
AS_TOKENS = {"n_null": 2, "n_truncated": 2, "n_tokens": 69, "n_unknown_tokens": 5}


@pytest.fixture(scope="module")
def limited_bases(reviews: Any, small_options: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Bases that cut texts at 20 tokens, by network."""
    options = {"gru": small_options("gru"), "blend": {"embedding_size": 8, "hidden_size": 6}}
    return {
        net: TextClassifier(net=net, net_options=sizes, max_tokens=LIMIT, epochs=1, valid_fraction=0, device="cpu").fit(
            reviews.texts, reviews.labels
        )
        for net, sizes in options.items()
    }


@pytest.fixture
def limited(strategy: str, limited_bases: dict[str, Any]) -> Any:
    """The base that suits the strategy: only a `blend` can teach itself."""
    return limited_bases["blend" if strategy.startswith("self-train") else "gru"]


def reads_tokens(model: Any) -> bool:
    return model.predictor_.steps is not None


def test_at_prediction(strategy: str, limited: Any, reviews: Any) -> None:
    model = TextClassifier(base=limited, strategy=strategy, epochs=1, max_tokens=LIMIT, device="cpu", head="linear")
    model.fit(reviews.texts, reviews.labels)
    counts = model.score_rows(ODD).counts
    assert counts["n"] == 8 and counts["n_null"] == 2
    if reads_tokens(model):
        assert {name: counts[name] for name in AS_TOKENS} == AS_TOKENS
        assert counts["unknown_token_rate"] == pytest.approx(5 / 69)


def test_at_fit(strategy: str, limited: Any) -> None:
    if strategy == "as-is":
        pytest.skip("fits nothing")
    model = TextClassifier(
        base=limited,
        strategy=strategy,
        epochs=0,
        max_tokens=LIMIT,
        min_count=1,
        valid_fraction=0,
        device="cpu",
        head="linear",
    ).fit(ODD * 8, ODD_LABELS * 8)
    counts = model.predictor_.info["train_counts"]
    assert counts["n_null"] == 16
    if reads_tokens(model):
        assert counts["n_truncated"] == 16 and counts["n_tokens"] == 552
        read_first = strategy in ("scratch", "self-train+fine-tune")  # these texts gave it its words
        assert counts["unknown_token_rate"] == pytest.approx(0 if read_first else 5 / 69)


def test_a_corpus_counts_what_it_holds() -> None:
    counts = as_corpus(ODD).with_labels([*ODD_LABELS[:-1], None]).counts
    assert (counts["n_rows"], counts["n_null_texts"], counts["n_empty_texts"]) == (7, 2, 1)
    assert (counts["n_duplicates"], counts["n_null_labels_dropped"]) == (1, 1)


class TestCommands:
    @pytest.fixture
    def files(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limited_bases: dict[str, Any], reviews: Any
    ) -> Path:
        monkeypatch.chdir(tmp_path)
        labels = [["bad", "good"][label] for label in (*reviews.labels, *ODD_LABELS)]
        table = pa.table({"text": [*reviews.texts, *ODD], "label": labels})
        pa.parquet.write_table(table, "rows.parquet")
        with Path("test.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows([("lovely story", "good"), ("never seen before", "bad"), (reviews.texts[0], "bad")])
        limited_bases["gru"].save(tmp_path / "base")
        return tmp_path

    @staticmethod
    def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str]:
        assert run([*arguments, "--json"]) == 0, capsys.readouterr().err
        out, err = capsys.readouterr()
        return json.loads(out), err

    MAPPED = ("--label-map", "bad=0,good=1")

    def test_train(self, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
        small = (
            "--net",
            "gru",
            "--set",
            "hidden_size=4",
            "--set",
            "embedding_size=4",
            "--epochs",
            "1",
            "--set",
            f"max_tokens={LIMIT}",
        )
        found, err = self.said(
            capsys, "train", "rows.parquet", "--out", "made", "--test", "test.csv", *small, "--report", "run.html"
        )
        assert found["labels"] == {"names": ["bad", "good"], "positive": "good"}
        counts = found["counts"]["train"]
        assert (counts["n_rows"], counts["n_null_texts"], counts["n_empty_texts"]) == (308, 2, 1)
        assert counts["n_duplicates"] >= 1
        assert found["counts"]["test"]["n_duplicates_of_train"] == 2
        assert {"n_null", "n_truncated", "n_unknown_tokens", "unknown_token_rate"} <= set(found["train_counts"])
        assert found["test"]["unknown_token_rate"] > 0 and "n_truncated" in found["test"]
        assert "labels bad = 0, good = 1 (positive)" in err
        assert "null texts: 2" in err
        assert "2 of the 3 test texts also stand in the training rows" in err
        page = Path("run.html").read_text(encoding="utf-8").lower()
        for word in ("stand in another split", "null", "truncated", "unknown", "positive"):
            assert word in page, f"the report says nothing of {word}"

    def test_transfer(self, files: Path, capsys: pytest.CaptureFixture[str], strategy: str, limited: Any) -> None:
        limited.save(files / "own")
        given = (
            "--strategy",
            strategy,
            "--set",
            "epochs=0",
            "--set",
            "head=linear",
            "--out",
            "made",
            "--test",
            "test.csv",
        )
        found, err = self.said(capsys, "transfer", "own", "rows.parquet", *given, *self.MAPPED)
        assert found["labels"] == {"names": ["0", "1"], "positive": "1"}
        assert found["counts"]["train"]["n_null_texts"] == 2
        assert found["counts"]["test"]["n_duplicates_of_train"] == 2
        assert found["test"]["n_null"] == 0
        assert "labels 0 = 0, 1 = 1 (positive)" in err

    def test_evaluate(self, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
        found, err = self.said(capsys, "evaluate", "base", "rows.parquet", *self.MAPPED)
        assert (found["n"], found["n_null"], found["n_truncated"]) == (308, 2, 2 + sum_longer(files))
        assert found["unknown_token_rate"] > 0
        assert found["labels"] == {"names": ["0", "1"], "positive": "1"}
        assert "labels 0 = 0, 1 = 1 (positive)" in err

    def test_predict(self, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
        found, _ = self.said(capsys, "predict", "base", "rows.parquet", "--out", "scored.csv")
        assert (found["n"], found["n_null"]) == (308, 2)
        assert found["n_truncated"] >= 2 and found["unknown_token_rate"] > 0
        assert found["labels"] == {"names": ["0", "1"], "positive": "1"}

    def test_broken_encodings_are_repaired_and_said(self, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("latin.csv").write_bytes(b"text,label\ncaf\xe9 great film,1\nawful plot,0\n")
        found, err = self.said(capsys, "evaluate", "base", "latin.csv")
        assert found["counts"]["n_bad_encoding"] >= 1
        assert "1 lines or cells of latin.csv are not UTF-8 and were read as Windows-1252" in err


def sum_longer(files: Path) -> int:
    texts = pa.parquet.read_table(files / "rows.parquet")["text"].to_pylist()[:300]
    return sum(len(text.split()) > LIMIT for text in texts)
