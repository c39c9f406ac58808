"""Every command: one JSON object on stdout and nothing else there, and a sentence for people without --json."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from typer.main import get_command

from headstart import load
from headstart.cli import app

SMALL = ["--net", "gru", "--epochs", "1", "--set", "embedding_size=8", "--set", "hidden_size=6", "--set", "dense=[8]"]

# What each command is called with. BASE is a trained model; the files lie in the current folder.
# A command without a line here has no test, so they fail. None: tested where its author says.
CALLS: dict[str, list[str] | None] = {
    "train": ["reviews.csv", "--out", "made", *SMALL],
    "transfer": ["BASE", "hotel.csv", "--strategy", "features", "--out", "made"],
    "distil": ["BASE", "--unlabelled", "hotel.csv", "--net", "gru", "--epochs", "1", "--out", "made"],
    "evaluate": ["BASE", "hotel.csv"],
    "predict": ["BASE", "hotel.csv", "--out", "scored.parquet"],
    "drift": ["BASE", "hotel.csv", "--max-words", "1", "--max-scores", "1"],
    "serve": None,  # tests/serve/test_processes.py: goes on until it is stopped
    "export": None,  # tests/cli/test_export.py: a group of commands
    "warm": ["BASE"],
    "layers": ["BASE"],
    "embed": ["BASE", "hotel.csv", "--layer", "pooled", "--out", "vectors.parquet"],
    "inspect": ["BASE"],
    "options": ["--net", "gru"],
    "map": ["BASE", "--top", "12", "--iterations", "30", "--out", "words.html"],
    "compare": [
        "BASE",
        "hotel.csv",
        "--budgets",
        "40",
        "--seeds",
        "2",
        "--candidates",
        "as-is,tfidf",
        "--jobs",
        "1",
        "--out",
        "comparison",
    ],
    "import": None,  # tests/cli/test_importing.py
    "demo": None,  # tests/test_examples.py: takes minutes
}
NAMES = sorted(get_command(app).commands)  # type: ignore[attr-defined]


def arguments(name: str, base_folder: Path) -> list[str]:
    if name not in CALLS:
        pytest.fail(f"the command {name!r} has no case: add its arguments to CALLS")
    given = CALLS[name]
    if given is None:
        pytest.skip("tested elsewhere")
    return [name, *(str(base_folder) if part == "BASE" else part for part in given)]


@pytest.mark.parametrize("name", NAMES)
def test_json_is_one_object_and_all_that_is_on_stdout(cli: Any, files: Path, base_folder: Path, name: str) -> None:
    ended = cli(*arguments(name, base_folder), "--json")
    assert isinstance(ended.json, dict)
    assert "NaN" not in ended.out and "Infinity" not in ended.out
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("compare", "map")])
def test_without_json_a_person_reads_it(cli: Any, files: Path, base_folder: Path, name: str) -> None:
    ended = cli(*arguments(name, base_folder))
    assert ended.code == 0
    assert ended.out.strip() and not ended.out.lstrip().startswith("{")


@pytest.mark.parametrize("name", NAMES)
def test_help_says_what_it_does(cli: Any, name: str) -> None:
    if CALLS.get(name, ()) is None:
        pytest.skip("tested elsewhere")
    ended = cli(name, "--help")
    assert ended.code == 0
    assert "--json" in ended.out and "Usage: " in ended.out


class TestTrain:
    def test_json_holds_the_run(self, cli: Any, files: Path, small: Any) -> None:
        found = cli("train", "reviews.csv", "--out", "made", *small, "--test", "hotel.csv", "--json").json
        assert [row["epoch"] for row in found["epochs"]] == [0, 1]
        assert {"train_loss", "train_auc", "valid_loss", "valid_auc", "seconds"} <= set(found["epochs"][1])
        assert found["valid"]["n"] == 30 and found["test"]["n"] == 120
        assert 0 <= found["test"]["auc"] <= 1
        assert found["labels"] == {"names": ["0", "1"], "positive": "1"}
        assert found["counts"]["train"]["n_rows"] == 300
        assert {"n_null", "n_truncated", "unknown_token_rate"} <= set(found["train_counts"])
        assert found["content_hash"] and found["model"] == "made"

    def test_leaves_the_model_and_nothing_else(self, cli: Any, files: Path, small: Any) -> None:
        before = {path.name for path in files.iterdir()}
        cli("train", "reviews.csv", "--out", "made", *small)
        assert {path.name for path in files.iterdir()} - before == {"made"}
        assert load("made").predict(["great lovely superb"]).tolist() in ([0], [1])

    def test_says_what_it_holds_out_and_what_the_labels_mean(self, cli: Any, files: Path, small: Any) -> None:
        err = cli("train", "reviews.csv", "--out", "made", *small).err
        assert "reviews.csv: 300 rows, labels 0 = 0, 1 = 1 (positive)" in err
        assert "no validation rows came: holding out 10% of the training rows, stratified" in err
        assert "epoch 1, train loss" in err

    def test_validation_rows_of_ones_own(self, cli: Any, files: Path, small: Any) -> None:
        ended = cli("train", "reviews.csv", "--valid", "hotel.csv", "--out", "made", *small, "--json")
        assert ended.json["valid"]["n"] == 120
        assert "holding out" not in ended.err

    def test_the_same_command_gives_the_same_bytes(self, cli: Any, files: Path, small: Any) -> None:
        hashes = {
            cli("train", "reviews.csv", "--out", out, *small, "--json").json["content_hash"] for out in ("one", "two")
        }
        assert len(hashes) == 1
        assert (
            cli("train", "reviews.csv", "--out", "three", "--seed", "1", *small, "--json").json["content_hash"]
            not in hashes
        )

    def test_an_older_model_is_replaced_if_it_is_wanted(self, cli: Any, files: Path, small: Any) -> None:
        for epochs, more in (("0", ()), ("1", ("--force",))):
            assert cli("train", "reviews.csv", "--out", "made", *small, "--epochs", epochs, *more).code == 0
        assert len(load("made").history_) == 2

    def test_writes_a_report_on_request(self, cli: Any, files: Path, small: Any) -> None:
        found = cli("train", "reviews.csv", "--out", "made", *small, "--report", "run.html", "--json").json
        assert found["report"] == "run.html"
        assert "<html" in (files / "run.html").read_text(encoding="utf-8").lower()

    def test_learns_words_from_texts_without_labels(self, cli: Any, files: Path, small: Any) -> None:
        (files / "more.csv").write_text("text\n" + "a zyxtastic stay\n" * 4)
        ended = cli("train", "reviews.csv", "--out", "base", "--unlabelled", "more.csv", "--json", *small)
        assert "more.csv: 4 texts without labels" in ended.err
        assert ended.json["counts"]["unlabelled"]["n_valid_texts_among_them"] == 0
        assert "zyxtastic" in (files / "base" / "vocabulary.txt").read_text()

    def test_says_when_the_test_texts_are_among_them(self, cli: Any, files: Path, small: Any) -> None:
        ended = cli("train", "reviews.csv", "--test", "hotel.csv", "--out", "base", "--unlabelled", "hotel.csv", *small)
        assert "of the test texts stand among them too: what is measured there is transductive" in ended.err

    @pytest.mark.parametrize("net", ["tutorial"])
    def test_takes_other_networks(self, cli: Any, files: Path, net: str) -> None:
        sizes = ["--set", "embedding_size=4", "--set", "hidden_size=4", "--set", "dense=[4]"]
        assert cli("train", "reviews.csv", "--net", net, "--epochs", "1", *sizes, "--out", "made").code == 0
        assert load("made").net == net

    def test_an_interrupted_run_goes_on(
        self, cli: Any, files: Path, small: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from headstart.cli.progress import Progress

        command = ["train", "reviews.csv", *small, "--epochs", "3", "--json"]
        whole = cli(*command, "--out", "whole").json

        def interrupt(self: Any, name: str, trainer: Any, row: Any) -> None:
            if name == "step_end" and row["epoch"] == 3:
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Progress, "__call__", interrupt)
            ended = cli(*command, "--out", "made")
            assert (ended.code, json.loads(ended.out)["code"]) == (130, 130)
            assert "interrupted; run the same command again to go on where it stopped" in ended.err
        assert not (files / "made").exists()
        ended = cli(*command, "--out", "made")
        assert "going on from the checkpoint: 2 epochs" in ended.err
        assert ended.json["content_hash"] == whole["content_hash"]
        assert sorted(path.name for path in files.iterdir()) == ["hotel.csv", "made", "reviews.csv", "whole"]


class TestTransfer:
    def test_every_strategy_makes_a_model(self, cli: Any, files: Path, base_folder: Path, strategy: str) -> None:
        found = cli(
            "transfer", base_folder, "hotel.csv", "--strategy", strategy, "--set", "epochs=1", "--test", "reviews.csv", "--out", "made", "--json"
        ).json  # fmt: skip
        assert found["strategy"] == strategy
        assert found["test"]["n"] == 300
        assert load("made").strategy == strategy
        assert ("test_as_is" in found) == (strategy != "as-is")
        assert strategy != "as-is" or found["valid"] is None  # those of the base's own rows are no news of these

    def test_fine_tuning_in_closed_form_is_measured_step_by_step(
        self, cli: Any, files: Path, base_folders: dict[str, Path]
    ) -> None:
        command = ("transfer", base_folders["blend"], "hotel.csv", "--out", "made", "--report", "page.html", "--json")
        ended = cli(*command)
        steps = ["the base as it is", "fitted to 108 labels", "self-trained on 108 texts"]
        assert [row["step"] for row in ended.json["epochs"]] == steps
        assert ended.json["epochs"][-1]["valid_auc"] == ended.json["valid"]["auc"]
        assert ended.json["epochs"] == load("made").history_
        for row in ended.json["epochs"]:
            said = f"{row['step']}: valid loss {row['valid_loss']:.4f}, valid auc {row['valid_auc']:.4f}\n"
            assert ended.err.count(said) == 1
        page = Path("page.html").read_text()
        assert "Learning curves" in page and "1: fitted to 108 labels" in page
        assert ended.json["total_seconds"] > ended.json["seconds"] and "writing the page" in ended.err

    @pytest.mark.parametrize("strategy_name", ["self-train", "as-is"])
    def test_a_column_of_labels_that_was_named_has_to_be_there(
        self, cli: Any, files: Path, base_folders: dict[str, Path], strategy_name: str
    ) -> None:
        command = ("transfer", base_folders["blend"], "hotel.csv", "--strategy", strategy_name, "--out", "made")
        refused = cli(*command, "--label", "lable")
        assert refused.code == 2
        assert "'lable'" in refused.err

    def test_texts_without_labels_are_enough_for_self_training(
        self, cli: Any, files: Path, base_folders: dict[str, Path]
    ) -> None:
        frame = pd.read_csv("hotel.csv")
        frame[["text"]].to_csv("texts.csv", index=False)
        command = ("transfer", base_folders["blend"], "texts.csv", "--strategy", "self-train", "--out", "made")
        ended = cli(*command, "--test", "reviews.csv", "--report", "page.html", "--json")
        assert "texts.csv: only the texts are read" in ended.err
        assert (ended.json["test"]["n"], ended.json["test_as_is"]["n"]) == (300, 300)
        assert load("made").predictor_.info["n_self_trained"] == len(frame)
        assert Path("page.html").is_file()
        for options in (("--test", "0.2"), ("--valid", "0.2"), ("--n-labels", "20")):
            refused = cli(*command[:-1], "other", *options)
            assert (
                refused.code == 2
                and f"{options[0]}" in refused.err
                and "have no labels in a column 'label'" in refused.err
            )

    def test_self_training_reads_rows_without_a_label_and_labels_of_any_kind(
        self, cli: Any, files: Path, base_folders: dict[str, Path]
    ) -> None:
        frame = pd.read_csv("hotel.csv")
        for name, values in (("half.csv", [1.0, None]), ("stars.csv", [5, 3])):
            frame.assign(label=(values * len(frame))[: len(frame)]).to_csv(name, index=False)
            made = name.removesuffix(".csv")
            assert cli("transfer", base_folders["blend"], name, "--strategy", "self-train", "--out", made).code == 0
            assert load(made).predictor_.info["n_self_trained"] == len(frame)

    def test_the_base_as_it_is_stands_beside_the_result(self, cli: Any, files: Path, base_folder: Path) -> None:
        as_is = cli("evaluate", base_folder, "reviews.csv", "--json").json["auc"]
        ended = cli("transfer", base_folder, "hotel.csv", "--test", "reviews.csv", "--out", "made")
        assert f"test, the base as it is: auc {as_is:.4f}" in ended.out

    def test_says_when_training_on_did_not_help(self, cli: Any, files: Path, base_folder: Path) -> None:
        ended = cli("transfer", base_folder, "hotel.csv", "--set", "epochs=0", "--out", "made")
        assert "no epoch did better on the held-out rows than the base as it was: its weights are kept" in ended.err

    def test_columns_layer_and_freeze_are_heeded(self, cli: Any, files: Path, base_folder: Path) -> None:
        assert cli(
            "transfer", base_folder, "hotel.csv", "--strategy", "features", "--columns", "stars, device", "--layer", "encoder",
            "--set", "head=linear", "--out", "mixed",
        ).code == 0  # fmt: skip
        mixed = load("mixed").predictor_
        assert mixed.columns == ("stars", "device") and mixed.scorer.layers == ("encoder",)
        assert (
            cli(
                "transfer",
                base_folder,
                "hotel.csv",
                "--freeze",
                "embedding|encoder",
                "--set",
                "epochs=1",
                "--set",
                "restore_best=false",
                "--out",
                "tuned",
            ).code
            == 0
        )
        before, after = (load_file(folder / "weights.safetensors") for folder in (base_folder, files / "tuned"))
        moved = {name for name, value in after.items() if not np.array_equal(value, before[name])}
        assert moved and not any(name.startswith(("embedding", "encoder")) for name in moved)

    def test_a_base_as_it_is_is_measured_on_the_rows_that_were_given(
        self, cli: Any, files: Path, base_folder: Path
    ) -> None:
        command = (
            "transfer",
            base_folder,
            "hotel.csv",
            "--strategy",
            "as-is",
            "--valid",
            "0.5",
            "--out",
            "made",
            "--json",
        )
        found = cli(*command).json
        own = json.loads((base_folder / "headstart.json").read_text())["model"]["info"]["valid"]
        assert found["valid"]["n"] == 60 != own["n"]
        assert load("made").predictor_.info["valid"] == own  # what it knows of its source stays true

    @pytest.mark.parametrize(("label", "n_named"), [("device", 3), ("label", 2), ("stars", 5)])
    def test_a_map_takes_its_colours_from_any_column(
        self, cli: Any, files: Path, base_folder: Path, label: str, n_named: int
    ) -> None:
        pytest.importorskip("openTSNE")
        ended = cli("map", base_folder, "--data", "hotel.csv", "--label", label, "--iterations", "10", "--out", "m.html", "--json")  # fmt: skip
        assert ("neighbour_vote_auc" in ended.json) == (n_named == 2)
        assert (files / "m.html").exists()

    def test_a_map_of_too_many_labels_is_refused(self, cli: Any, files: Path, base_folder: Path) -> None:
        (files / "many.csv").write_text("text,label\n" + "".join(f"great film {i},kind {i}\n" for i in range(40)))
        ended = cli("map", base_folder, "--data", "many.csv", "--label", "label", "--out", "m.html")
        assert ended.code == 2 and "40 values" in ended.err and not (files / "m.html").exists()

    def test_labels_are_mapped_to_those_of_the_base(self, cli: Any, files: Path, base_folder: Path) -> None:
        frame = pd.read_csv("hotel.csv")
        frame["label"] = frame["label"].map({0: "sad", 1: "glad"})
        frame.to_csv("hotel.csv", index=False)
        found = cli(
            "transfer", base_folder, "hotel.csv", "--strategy", "as-is", "--label-map", "sad=0,glad=1", "--test", "0.5", "--out", "made", "--json"
        ).json  # fmt: skip
        assert found["test"]["auc"] > 0.9


class TestEvaluate:
    def test_json_holds_the_metrics_and_counts(
        self, cli: Any, files: Path, base_folder: Path, base: Any, others: Any
    ) -> None:
        found = cli("evaluate", base_folder, "hotel.csv", "--json").json
        wanted = {"auc", "accuracy", "log_loss", "brier", "n", "n_truncated", "unknown_token_rate", "n_null"}
        assert wanted <= set(found)
        assert found["n"] == 120
        assert found["accuracy"] == pytest.approx(base.score(others.texts, others.labels))

    def test_a_positive_label_other_than_the_models_is_refused(self, cli: Any, files: Path, base_folder: Path) -> None:
        assert cli("evaluate", base_folder, "hotel.csv", "--positive", "1").code == 0
        ended = cli("evaluate", base_folder, "hotel.csv", "--positive", "0")
        assert ended.code == 2 and "The positive label '0' was asked for, but the model's is '1'" in ended.err

    def test_rows_of_one_class_have_no_auc_and_say_why(self, cli: Any, files: Path, base_folder: Path) -> None:
        found = cli("evaluate", base_folder, "hotel.csv", "--where", "label=1", "--json").json
        assert found["auc"] is None and found["n"] == 60
        assert "label 1" in found["undefined"]


class TestPredict:
    def test_the_file_answers_for_every_row(
        self, cli: Any, files: Path, base_folder: Path, base: Any, others: Any
    ) -> None:
        found = cli("predict", base_folder, "hotel.csv", "--out", "scored.csv", "--keep", "text,stars", "--json").json
        with Path("scored.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert found["n"] == len(rows) == 120
        assert list(rows[0]) == ["text", "stars", "prediction", "probability_0", "probability_1"]
        assert [row["text"] for row in rows] == others.texts
        np.testing.assert_allclose(
            [float(row["probability_1"]) for row in rows], base.predict_proba(others.texts)[:, 1], atol=1e-6
        )

    def test_twice_gives_the_same_bytes(self, cli: Any, files: Path, base_folder: Path) -> None:
        for out in ("one.parquet", "two.parquet"):
            cli("predict", base_folder, "hotel.csv", "--out", out)
        assert Path("one.parquet").read_bytes() == Path("two.parquet").read_bytes()


class TestLayers:
    def test_lists_layers_and_parameters(self, cli: Any, base_folder: Path) -> None:
        found = cli("layers", base_folder, "--json").json
        assert [row["layer"] for row in found["layers"]] == ["embedding", "encoder", "pooled", "dense0", "output"]
        assert found["layers"][1]["shape"] == ["rows", "tokens", 12]
        assert found["n_parameters"] == sum(row["parameters"] for row in found["layers"])
        assert "selected" not in found

    def test_shows_what_a_pattern_selects(self, cli: Any, base_folder: Path) -> None:
        found = cli("layers", base_folder, "--match", "output|embedding", "--json").json
        assert found["selected"] == ["embedding.weight", "output.weight", "output.bias"]
        table = cli("layers", base_folder, "--match", "output").out.splitlines()
        assert [line.split()[0] for line in table if line.rstrip().endswith("yes")] == ["output.weight", "output.bias"]


class TestEmbed:
    def test_writes_vectors(self, cli: Any, files: Path, base_folder: Path) -> None:
        found = cli(
            "embed", base_folder, "hotel.csv", "--layer", "encoder", "--pooling", "max", "--out", "v.parquet", "--json"
        ).json
        assert (found["n"], found["size"], found["layer"]) == (120, 12, "encoder")
        assert len(pd.read_parquet("v.parquet")) == 120


class TestInspect:
    def test_tells_without_reading_weights(self, cli: Any, base_folder: Path) -> None:
        found = cli("inspect", base_folder, "--json").json
        assert found["model"]["labels"] == ["0", "1"]
        assert set(found["files"]) == {path.name for path in base_folder.iterdir()} - {"headstart.json", "run.json"}
        assert "labels" in cli("inspect", base_folder).out


def test_json_of_odd_numbers_is_still_json(capsys: pytest.CaptureFixture[str]) -> None:
    from headstart.cli.console import emit

    emit(
        {"a": float("nan"), "b": np.float32(0.5), "c": (np.int64(3), {"d": float("inf")}), "e": np.bool_(True)},
        as_json=True,
        lines=(),
    )
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": 0.5, "c": [3, {"d": None}], "e": True}


def test_every_call_is_of_a_command_that_is_there_or_to_come() -> None:
    assert set(NAMES) <= set(CALLS)
