"""What commands say of rows: mostly unknown words, cells that are no value of their type, columns that decide the label,
and texts that the model has seen. One row has one answer, whatever stands around it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from headstart import TextClassifier, compare
from headstart.cli.app import run
from headstart.corpus import read
from headstart.errors import HeadstartWarning

WORDS = "room bed bar lift food pool".split()


def write_csv(path: Path, header: str, rows: Sequence[Sequence[Any]]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    return str(path)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str]]:
    def say(*arguments: str) -> tuple[Any, str]:
        assert run([*arguments, "--json"]) == 0, capsys.readouterr().err
        out, err = capsys.readouterr()
        return json.loads(out), err

    return say


Said = Callable[..., tuple[Any, str]]


def probabilities(path: Path) -> list[float]:
    with path.open() as file:
        return [float(row["probability_pos"]) for row in csv.DictReader(file)]


class TestVersions:
    """The category 1.10 alone in a file is the category 1.10 among others."""

    @pytest.fixture
    def model(self, base_folders: dict[str, Path], tmp_path: Path, said: Said) -> str:
        kinds = ["1.10", "2.0", "1.2", "beta"]
        rows = [
            (f"This film {WORDS[i % 6]}", kinds[i % 4], "pos" if i % 4 < 2 or i == 3 else "neg") for i in range(120)
        ]
        data = write_csv(tmp_path / "train.csv", "text,version,label", rows)
        out = str(tmp_path / "m")
        said("transfer", str(base_folders["gru"]), data, "--strategy", "tfidf", "--columns", "version", "--out", out)
        return out

    def test_one_row_has_one_answer(self, model: str, tmp_path: Path, said: Said) -> None:
        one = write_csv(tmp_path / "one.csv", "text,version", [("The film", "1.10")])
        two = write_csv(tmp_path / "two.csv", "text,version", [("The film", "1.10"), ("The film", "beta")])
        for data in (one, two):
            said("predict", model, data, "--out", data + ".out.csv")
        (alone,), (among, other) = probabilities(Path(one + ".out.csv")), probabilities(Path(two + ".out.csv"))
        assert alone == pytest.approx(among, abs=1e-9) and abs(alone - other) > 0.3
        typed = tmp_path / "typed.parquet"
        pa.parquet.write_table(pa.table({"text": ["The film"], "version": [1.1]}), typed)
        found, err = said("predict", model, str(typed), "--out", str(tmp_path / "typed.csv"))
        assert probabilities(tmp_path / "typed.csv") == pytest.approx([alone], abs=1e-9)
        assert found["columns"] == {"version": {"n_null": 0, "n_unreadable": 0, "n_unseen": 0}} and not err

    def test_what_was_never_seen_is_said(self, model: str, tmp_path: Path, said: Said) -> None:
        data = write_csv(
            tmp_path / "new.csv", "text,version", [("The film", "1.1"), ("The film", ""), ("The film", "9")]
        )
        found, err = said("predict", model, data, "--out", str(tmp_path / "out.csv"))
        assert found["columns"]["version"] == {"n_null": 1, "n_unreadable": 0, "n_unseen": 2}
        assert "column 'version': 2 of 3 cells hold a value that no training row had" in err


class TestTypes:
    @pytest.fixture
    def data(self, tmp_path: Path) -> str:
        rows = [
            (f"a {WORDS[i % 6]} text", ["12.5", "1,300", "none", "free"][i % 4], "pos" if i % 3 else "neg")
            for i in range(90)
        ]
        return write_csv(tmp_path / "prices.csv", "text,price,label", rows)

    def test_a_type_may_be_overruled_and_its_words_are_missing(
        self, base_folders: dict[str, Path], data: str, tmp_path: Path, said: Said, capsys: pytest.CaptureFixture[str]
    ) -> None:
        base, out = str(base_folders["gru"]), str(tmp_path / "m")
        how = ("--strategy", "tfidf", "--columns", "price", "--out", out)
        found, err = said("transfer", base, data, *how, "--column-types", "price=number")
        assert found["train_counts"]["columns"]["price"] == {"n_null": 22, "n_unreadable": 22}
        assert "training rows: column 'price': 22 of 90 cells hold no number, and count as missing" in err
        found, _ = said("inspect", out)
        assert run(["inspect", out]) == 0
        shown = capsys.readouterr().out
        assert (
            re.search(r"columns +price \(number\)\n", shown)
            and re.search(r"format 2\n", shown)
            and "lacks" not in shown
        )
        columns = found["model"]["scorer"]["head"]["columns"]
        assert columns["kinds"] == [["price", "number"]] and columns["learnt"]["price"]["type"] == "number"

    def test_compare_fits_the_types_of_its_parts_together(self, gru_base: Any, reviews: Any, tmp_path: Path) -> None:
        """The rows are cells of CSV; the test rows a typed table, whose column of texts has another name."""
        version = ["1.10" if label else "2.0" for label in reviews.labels]
        price, hotel = ["12.5", "1,300", "free"] * 100, map(str, range(300))
        cells = list(zip(reviews.texts, version, price, hotel, map(str, reviews.labels), strict=True))
        rows = write_csv(tmp_path / "rows.csv", "review,version,price,hotel,label", cells[:200])
        typed = {
            "text": reviews.texts[200:],
            "version": [float(one) for one in version[200:]],
            "price": pa.array(["12.5", "free"] * 50).dictionary_encode(),
            "hotel": range(150, 250),
            "label": reviews.labels[200:],
        }
        pa.parquet.write_table(pa.table(typed), tmp_path / "test.parquet")
        columns = ["version", "price", "hotel"]
        result = compare(
            gru_base, read(rows, text="review", label="label", columns=columns), columns=columns[:2], groups="hotel",
            column_types={"version": "category", "price": "number"}, budgets=[100], seeds=1, n_jobs=1,
            test=read(tmp_path / "test.parquet", label="label", columns=columns), candidates=["as-is", "tfidf", "columns"],
        )  # fmt: skip
        scores = {row["strategy"]: row["auc"] for row in result.rows}
        assert scores["columns"] > 0.99, "the test rows' 1.1 is the rows' 1.10"
        assert scores["tfidf"] > 0.8, "the texts of the test rows are there"
        assert {
            "the rows to draw from: column 'price': 66 of 200 cells hold no number, and count as missing",
            "the test rows: column 'price': 50 of 100 cells hold no number, and count as missing",
            "50 values of hotel stand in the test rows and in the others, so groups are not kept apart",
        } <= {*result.facts["notes"]}

    @pytest.mark.parametrize(
        ("types", "message"),
        [
            ("price", "--column-types 'price' cannot be read at 'price'. Write each column once with its type"),
            ("price=float", "there is no column type 'float'"),
            ("cost=number", "a type was given for the column 'cost', and the columns that are read are price"),
        ],
    )
    def test_a_wrong_type_is_refused_before_training(
        self, base_folders: dict[str, Path], data: str, tmp_path: Path, types: str, message: str, capsys: Any
    ) -> None:
        out = tmp_path / "m"
        how = ["--strategy", "tfidf", "--columns", "price", "--column-types", types, "--out", str(out)]
        assert run(["transfer", str(base_folders["gru"]), data, *how]) == 2
        assert message in capsys.readouterr().err
        assert not out.exists()


class TestLeaks:
    @pytest.fixture
    def leaking(self, reviews: Any) -> pa.Table:
        mood = [["frowning", "smiling"][label] for label in reviews.labels]
        return reviews.frame().append_column("mood", pa.array(mood))

    def test_transfer_names_a_column_that_repeats_the_label(
        self, base_folders: dict[str, Path], leaking: pa.Table, tmp_path: Path, said: Said
    ) -> None:
        data = tmp_path / "leaking.parquet"
        pa.parquet.write_table(leaking, data)
        how = ("--strategy", "tfidf", "--columns", "device,mood", "--out", str(tmp_path / "m"), "--test", "0.2")
        found, err = said("transfer", str(base_folders["gru"]), str(data), *how)
        assert found["deciding_columns"] == [{"name": "mood", "accuracy": 1.0}]
        assert err.count("warning: column 'mood' alone tells 100.0% of the labels") == 1
        assert "'device'" not in err

    def test_python_warns_too(self, leaking: pa.Table) -> None:
        model = TextClassifier(strategy="tfidf", text="text", columns=["mood"], device="cpu")
        with pytest.warns(HeadstartWarning, match="column 'mood' alone tells 100.0% of the labels"):
            model.fit(leaking, leaking["label"])
        assert model.predictor_.info["deciding_columns"] == [{"name": "mood", "accuracy": 1.0}]

    def test_compare_says_it_in_the_verdict(self, gru_base: Any, leaking: pa.Table, reviews: Any) -> None:
        result = compare(
            gru_base, leaking, reviews.labels, text="text", columns=["mood"], budgets=[60], seeds=1, n_jobs=1,
            candidates=["as-is", "columns"],
        )  # fmt: skip
        assert result.verdict["deciding_columns"] == [{"name": "mood", "accuracy": 1.0}]
        assert "Beware: column 'mood' alone tells 100.0% of the labels" in result.verdict["words"]
        seen = result.counts["test"]["n_seen_in_training"]  # the base was trained on these very texts
        assert seen == result.counts["test"]["n_rows"]
        assert (
            f"Beware: for the base, {seen} of {seen} texts are among those that the model was trained"
            in result.verdict["words"]
        )


class TestSeen:
    def test_evaluate_knows_the_rows_that_the_model_was_tuned_on(
        self, base_folders: dict[str, Path], reviews: Any, others: Any, tmp_path: Path, said: Said
    ) -> None:
        base = str(base_folders["gru"])
        found, err = said("evaluate", base, str(reviews.write(tmp_path / "own.csv")))
        assert found["n_seen_in_training"] == found["n"] == 300
        assert "warning: 300 of 300 texts are among those that the model was trained or tuned on" in err
        found, err = said("evaluate", base, str(others.write(tmp_path / "others.csv")))
        assert found["n_seen_in_training"] == 0 and "trained or tuned" not in err

    def test_what_is_carried_over_knows_the_bases_rows_and_its_own(
        self, gru_base: Any, reviews: Any, others: Any
    ) -> None:
        tuned = TextClassifier(base=gru_base, strategy="fine-tune", epochs=1, device="cpu")
        tuned.fit(others.texts, others.labels)
        known = tuned.predictor_.learnt_from
        assert known is not None
        assert known.overlap(pa.array(reviews.texts)).n == 300 and known.overlap(pa.array(others.texts)).n == 120


def test_mostly_unknown_words_are_said(base_folders: dict[str, Path], tmp_path: Path, said: Said) -> None:
    foreign = [("\u5f88\u597d\u7684\u9152\u5e97", "1"), ("\u623f\u95f4\u5f88\u5dee", "0")] * 8
    data = write_csv(tmp_path / "foreign.csv", "text,label", foreign)
    base = str(base_folders["gru"])
    for command in (["evaluate", base, data], ["predict", base, data, "--out", str(tmp_path / "out.csv")]):
        found, err = said(*command)
        assert found["n_unknown_tokens"] == found["n_tokens"] == 72
        assert "warning: most words are unknown to the model: 72 of 72 (100%); check the language" in err
    few = write_csv(tmp_path / "few.csv", "text,label", foreign[:2])
    assert "unknown" not in said("predict", base, few, "--out", str(tmp_path / "out.csv"))[1]


def test_inspect_says_what_a_model_of_format_1_0_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    old = Path(__file__).parents[1] / "data" / "artifacts" / "v1-catboost"
    assert run(["inspect", str(old)]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"columns +stars \(number\), device \(category\)\n", shown)
    assert re.search(r"format 1\.0\n", shown) and "what format 1.1 has: types of columns" in shown
