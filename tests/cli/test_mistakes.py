"""What a user gets wrong: one sentence that names it, exit code 2, no traceback, nothing half-written."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TRAIN = [
    "train",
    "reviews.csv",
    "--out",
    "made",
    "--set",
    "net=gru",
    "--set",
    "epochs=1",
    "--set",
    "dense=[4]",
    "--set",
    "batch_norm=true",
]
COLUMNS = "'text', 'label', 'stars', 'device'"


def assert_told(ended: Any, *names: str) -> None:
    """The command ended as a user's mistake does, and its last sentence names all of these."""
    assert ended.code == 2, ended
    assert ended.out == ""
    assert "Traceback" not in ended.err
    told = [line for line in ended.err.splitlines() if line.startswith("headstart: ")]
    assert len(told) == 1, ended.err
    for name in names:
        assert re.search(name, told[0]), (name, told[0])
    assert len(told[0].split()) >= 8, told[0]


@pytest.fixture
def made(files: Path) -> Any:
    """What stands in the folder now that did not before."""
    before = {path.name for path in files.iterdir()}
    return lambda: {path.name for path in files.iterdir()} - before


class TestTriedByHand:
    """The issue's own list."""

    @pytest.mark.parametrize("command", [["train", "reviews.csv", "--out", "made"], ["evaluate", "BASE", "reviews.csv"], ["predict", "BASE", "reviews.csv", "--out", "made.csv"], ["embed", "BASE", "reviews.csv", "--out", "made.parquet"], ["transfer", "BASE", "reviews.csv", "--out", "made"]])  # fmt: skip
    def test_wrong_text_column(self, cli: Any, made: Any, base_folder: Path, command: list[str]) -> None:
        given = [str(base_folder) if part == "BASE" else part for part in command]
        assert_told(cli(*given, "--text", "txet"), "'txet'", r"reviews\.csv", COLUMNS, "Did you mean 'text'")
        assert made() == set()

    def test_wrong_label_column(self, cli: Any, made: Any) -> None:
        assert_told(cli(*TRAIN, "--label", "lable"), "'lable'", r"reviews\.csv", "label")
        assert made() == set()

    def test_labels_that_the_base_does_not_know(self, cli: Any, made: Any, base_folder: Path) -> None:
        for command in (["evaluate", base_folder], ["transfer", base_folder]):
            rest = ["--out", "made", "--strategy", "as-is"] if command[0] == "transfer" else []
            ended = cli(*command, "reviews.csv", "--label", "device", *rest)
            assert_told(ended, "'desktop', 'phone', 'tablet'", "'0', '1'", "--label-map")
        assert made() == set()

    def test_three_labels(self, cli: Any, made: Any) -> None:
        assert_told(
            cli(*TRAIN, "--label", "device", "--task", "binary"),
            "'desktop', 'phone', 'tablet'",
            "3 values",
            "--label-map",
            "--where",
        )
        assert made() == set()

    @pytest.mark.parametrize("name", ["empty.csv", "empty.parquet", "empty.jsonl", "empty.csv.gz"])
    def test_empty_file(self, cli: Any, files: Path, base_folder: Path, name: str) -> None:
        (files / name).write_bytes(b"")
        for command in (["train", name, "--out", "made"], ["predict", base_folder, name, "--out", "made.csv"]):
            assert_told(cli(*command), re.escape(name), "empty|no row|holds nothing|0 bytes|cut short|bytes")
        assert not (files / "made").exists() and not (files / "made.csv").exists()

    def test_file_without_rows(self, cli: Any, files: Path, base_folder: Path) -> None:
        (files / "header.csv").write_text("text,label\n")
        for command in (
            ["train", "header.csv", "--out", "made"],
            ["predict", base_folder, "header.csv", "--out", "made.csv"],
        ):
            assert_told(cli(*command), r"header\.csv", "no row")

    @pytest.mark.parametrize(
        "name", ["photo.csv", "photo.parquet", "photo.jsonl", "photo.tsv", "photo.csv.gz", "photo.arrow"]
    )
    def test_binary_file(self, cli: Any, files: Path, base_folder: Path, name: str) -> None:
        (files / name).write_bytes(b"\x89PNG\r\n\x1a\n" + np.random.default_rng(0).bytes(5000))
        for command in (["train", name, "--out", "made"], ["predict", base_folder, name, "--out", "made.csv"]):
            assert_told(cli(*command), re.escape(name))
        assert not (files / "made").exists() and not (files / "made.csv").exists()

    def test_one_class_only(self, cli: Any, made: Any) -> None:
        assert_told(cli(*TRAIN, "--where", "label=1"), "'1'|1: 1 values", "two", "--where|--label-map")
        assert made() == set()

    @pytest.mark.parametrize(
        "command",
        [
            ["train", "reviws.csv", "--out", "made"],
            ["evaluate", "BASE", "reviws.csv"],
            ["predict", "BASE", "reviws.csv", "--out", "m.csv"],
        ],
    )
    def test_missing_file(self, cli: Any, made: Any, base_folder: Path, command: list[str]) -> None:
        given = [str(base_folder) if part == "BASE" else part for part in command]
        assert_told(cli(*given), r"reviws\.csv", "reviews.csv|not exist|no such|not found|no file")
        assert made() == set()

    @pytest.mark.parametrize("model", [".", "reviews.csv", "nothing", "nothing/at/all"])
    def test_folder_that_is_no_model(self, cli: Any, made: Any, model: str) -> None:
        for command in (["evaluate", model, "hotel.csv"], ["layers", model], ["inspect", model], ["predict", model, "hotel.csv", "--out", "made.csv"], ["transfer", model, "hotel.csv", "--out", "made"]):  # fmt: skip
            assert_told(cli(*command), re.escape(model), "model", r"headstart\.json|there is no model|is a file")
        assert made() == set()

    def test_a_byte_flipped_in_each_file_of_a_model(self, cli: Any, files: Path, base_folder: Path) -> None:
        rng = np.random.default_rng(0)
        for file in sorted(base_folder.iterdir()):
            size = file.stat().st_size
            for place in {0, size - 1, *rng.integers(0, size, 6).tolist()}:
                broken = files / "broken"
                shutil.copytree(base_folder, broken)
                raw = bytearray((broken / file.name).read_bytes())
                raw[place] ^= 1 << int(rng.integers(8))
                (broken / file.name).write_bytes(raw)
                assert_told(
                    cli("predict", "broken", "hotel.csv", "--out", "made.csv"),
                    re.escape(file.name),
                    "'broken'",
                    "[Cc]opy the model again|train it again|[Uu]pgrade",
                )
                shutil.rmtree(broken)
        assert not (files / "made.csv").exists()

    def test_a_file_missing_or_cut_short_in_a_model(self, cli: Any, files: Path, base_folder: Path) -> None:
        for file in sorted(base_folder.iterdir()):
            for cut in (None, file.stat().st_size // 2):
                broken = files / "broken"
                shutil.copytree(base_folder, broken)
                (broken / file.name).unlink()
                if cut is not None:
                    (broken / file.name).write_bytes(file.read_bytes()[:cut])
                assert_told(cli("evaluate", "broken", "hotel.csv"), re.escape(file.name))
                shutil.rmtree(broken)

    def test_a_text_of_5_mb_is_no_mistake(self, cli: Any, files: Path, base_folder: Path) -> None:
        long = "great film of the hotel " * (5 * 2**20 // 24)
        (files / "long.csv").write_text(f'text,label\n"{long}",1\nawful plot,0\n')
        found = cli("evaluate", base_folder, "long.csv", "--json").json
        assert (found["n"], found["n_truncated"]) == (2, 1)
        assert cli("predict", base_folder, "long.csv", "--out", "made.csv").code == 0
        with (files / "reviews.csv").open("a") as file:
            file.write(f'"{long}",1,5,phone\n')
        ended = cli(*TRAIN, "--set", "embedding_size=8", "--set", "hidden_size=6", "--json")
        assert ended.json["counts"]["train"]["n_rows"] == 301

    def test_a_row_of_emoji_is_no_mistake(self, cli: Any, files: Path, base_folder: Path) -> None:
        (files / "emoji.csv").write_text("text,label\n🙂🙃👍🏽👨‍👩‍👧‍👦🇫🇷,1\nawful 💩,0\n", encoding="utf-8")
        found = cli("predict", base_folder, "emoji.csv", "--out", "made.jsonl", "--keep", "text", "--json").json
        assert found["n"] == 2
        assert "👨‍👩‍👧‍👦" in (files / "made.jsonl").read_text(encoding="utf-8")

    def test_misspelt_layer(self, cli: Any, made: Any, base_folder: Path) -> None:
        for command in (
            ["embed", base_folder, "hotel.csv", "--layer", "encodr", "--out", "made.parquet"],
            ["transfer", base_folder, "hotel.csv", "--strategy", "features", "--layer", "encodr", "--out", "made"],
        ):
            assert_told(
                cli(*command), "'encodr'", "did you mean 'encoder'", "embedding, encoder, pooled, dense0, output"
            )
        for command in (
            ["layers", base_folder, "--match", "encodr"],
            ["transfer", base_folder, "hotel.csv", "--freeze", "encodr", "--out", "made"],
        ):
            assert_told(cli(*command), "'encodr'", "encoder", "matches no stage or parameter")
        assert made() == set()

    @pytest.mark.parametrize(
        ("command", "names"),
        [
            (["train", "reviews.csv", "--out", "made", "--epoch", "3"], ["--epoch", "--epochs"]),
            (["evaluate", "BASE", "hotel.csv", "--batch", "3"], ["--batch"]),
            (["train", "reviews.csv"], ["--out"]),
            (["predict", "BASE", "hotel.csv"], ["--out"]),
            (["evaluate", "BASE"], ["'data'"]),
            (["trian", "reviews.csv"], ["trian", "train"]),
            (["train", "reviews.csv", "--out", "made", "--epochs", "three"], ["--epochs", "integer"]),
            (["train", "reviews.csv", "--out", "made", "--seed", "x"], ["--seed", "integer"]),
        ],
    )
    def test_unknown_option(self, cli: Any, made: Any, base_folder: Path, command: list[str], names: list[str]) -> None:
        ended = cli(*(str(base_folder) if part == "BASE" else part for part in command))
        assert ended.code == 2
        assert "Traceback" not in ended.err
        for name in names:
            assert name in ended.err
        assert "--help" in ended.err
        assert made() == set()


class TestOptions:
    @pytest.mark.parametrize(
        ("given", "names"),
        [
            (["--set", "epohcs=3"], ["'epohcs'", "did you mean 'epochs'"]),
            (["--set", "epochs"], ["'epochs' has no '='", "--set epochs=3"]),
            (["--set", "trainer_options.patients=3"], ["'patients'", "did you mean 'patience'"]),
            (["--set", "net_options.sise=3"], ["'sise'", "embedding_size|hidden_size"]),
            (["--set", "epochs=1.5"], ["epochs is 1.5", "whole number"]),
            (["--set", "epochs=-1"], ["epochs is -1", "0 or more"]),
            (["--set", "learning_rate=fast"], ["learning_rate is 'fast'", "a number"]),
            (["--set", "batch_size=many"], ["batch_size is 'many'", "whole number"]),
            (["--set", "batch_size=1"], ["batch_size is 1", "batch normalisation"]),
            (["--set", "patience=soon"], ["patience is 'soon'"]),
            (["--set", "monitor=accuracy"], ["monitor is 'accuracy'", "valid_auc, valid_loss"]),
            (["--set", "optimizer=adamm"], ["'adamm'", "did you mean 'adam'"]),
            (["--set", "schedule=cosin"], ["'cosin'", "did you mean 'cosine'"]),
            (["--set", "loss=hing"], ["'hing'", "binary"]),
            (["--set", "label_smoothing=2"], ["label_smoothing is 2"]),
            (["--set", "label_smoothing=some"], ["label_smoothing is 'some'", "a number"]),
            (["--set", "hidden_size=big"], ["hidden_size", "big"]),
            (["--set", "dropout=2"], ["dropout", "2"]),
            (["--set", "pooling=sum"], ["'sum'", "last, mean, max"]),
            (["--set", "tokens=("], ["\\("]),
            (["--set", "min_count=few"], ["min_count|few"]),
            (["--set", "max_words=-3"], ["max_words|max_size", "-3"]),
            (["--set", "max_tokens=all"], ["max_tokens is 'all'", "'95%'"]),
            (["--set", "clip=middle"], ["clip is 'middle'", "'head', 'tail' or 'both'"]),
            (["--set", "valid_fraction=half"], ["valid_fraction is 'half'"]),
            (["--set", "valid_fraction=1.5"], ["1.5"]),
            (["--set", "strategy=best"], ["'best'", "as-is, self-train, columns, tfidf"]),
            (["--set", "activation=3"], ["activation '3'|no activation 3", "relu"]),
            (["--set", "random_state=-1"], ["random_state is -1"]),
            (["--set", "phases=3"], ["phases is 3", "a list"]),
            (["--set", "phases=[{epohcs=3}]"], ["'epohcs'", "did you mean 'epochs'"]),
            (["--set", "net=grru"], ["'grru'", "did you mean 'gru'"]),
            (["--set", "label_map=x"], ["label_map is 'x'", "a table of names and values"]),
            (["--net", "grru"], ["'grru'", "did you mean 'gru'"]),
            (["--device", "gpu"], ["'gpu'", "'cuda'"]),
            (["--device", "cuda:77"], ["'cuda:77'", "CUDA devices"]),
            (["--seed", "-1"], ["random_state is -1|--seed"]),
            (["--config", "nothing.toml"], [r"nothing\.toml", "[Nn]o such file"]),
            (["--config", "reviews.csv"], [r"reviews\.csv", "TOML"]),
            (["--where", "label"], ["'label' is not COL=VALUE"]),
            (["--where", "label=7"], ["label=7", "0, 1"]),
            (["--where", "lable=1"], ["'lable'", "label"]),
            (["--label-map", "0"], ["--label-map '0'", "A=x,B=y"]),
            (["--label-map", "5=a"], ["'5'", "'0', '1'"]),
            (["--positive", "yes"], ["'yes'", "'0', '1'"]),
            (["--n-labels", "1"], ["--n-labels is 1", "from 2 to 300"]),
            (["--n-labels", "5000"], ["--n-labels is 5000", "300"]),
            (["--valid", "1.5"], ["--valid is 1.5", "below 1"]),
            (["--valid", "nothing.csv"], [r"nothing\.csv"]),
            (["--test", "-0.5"], ["--test is -0.5"]),
            (["--group", "hotel"], ["'hotel'", COLUMNS]),
            (["--out", "reviews.csv"], [r"reviews\.csv", "is a file, and a model is a folder"]),
            (["--out", "."], ["current folder|not empty"]),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) and str(value[0]).startswith("--") else "",
    )
    def test_of_train_are_refused_by_name(
        self, cli: Any, files: Path, made: Any, given: list[str], names: list[str]
    ) -> None:
        assert_told(cli(*TRAIN, *given), *names)
        assert made() == set()

    @pytest.mark.parametrize(
        ("given", "names"),
        [
            (["--strategy", "fine_tune"], ["'fine_tune'", "did you mean 'fine-tune'"]),
            (
                ["--strategy", "as-is", "--columns", "stars"],
                ["--columns stars", "use one of columns, tfidf, nbsvm, tfidf-prior, features"],
            ),
            (["--strategy", "features", "--columns", "price"], ["'price'", COLUMNS]),
            (["--strategy", "features", "--set", "head=forest"], ["'forest'", "auto, linear, catboost"]),
            (["--strategy", "features", "--set", "pooling=sum"], ["'sum'"]),
        ],
    )
    def test_of_transfer(self, cli: Any, made: Any, base_folder: Path, given: list[str], names: list[str]) -> None:
        assert_told(cli("transfer", base_folder, "hotel.csv", "--out", "made", *given), *names)
        assert made() == set()

    @pytest.mark.parametrize(
        ("given", "names"),
        [
            (["--out", "made.xlsx"], [r"\.xlsx", r"\.parquet, \.csv"]),
            (["--out", "nowhere/made.csv"], ["nowhere", "does not exist"]),
            (["--out", "made.csv", "--keep", "price"], ["'price'", COLUMNS]),
        ],
    )
    def test_of_predict(self, cli: Any, made: Any, base_folder: Path, given: list[str], names: list[str]) -> None:
        assert_told(cli("predict", base_folder, "hotel.csv", *given), *names)
        assert made() == set()

    def test_a_model_without_layers(self, cli: Any, files: Path, base_folder: Path) -> None:
        cli("transfer", base_folder, "hotel.csv", "--strategy", "tfidf", "--out", "words")
        for command in (["layers", "words"], ["embed", "words", "hotel.csv", "--out", "v.parquet"]):
            assert_told(cli(*command), "'tfidf'", "no layers")

    def test_a_folder_of_ones_own_is_never_replaced(self, cli: Any, files: Path) -> None:
        (files / "thesis").mkdir()
        (files / "thesis" / "chapter.txt").write_text("years of work")
        assert_told(cli(*TRAIN, "--out", "thesis"), "thesis", "not empty", "holds no model")
        assert (files / "thesis" / "chapter.txt").read_text() == "years of work"

    @pytest.mark.parametrize("kind", ["report", "out"])
    def test_what_cannot_be_written_is_told_before_training(
        self, cli: Any, files: Path, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from headstart.train import Trainer

        def never(*_: Any) -> None:
            pytest.fail("it trained first")

        monkeypatch.setattr(Trainer, "fit", never)
        given = ["--report", "nowhere/run.html"] if kind == "report" else ["--out", "reviews.csv"]
        assert_told(cli(*TRAIN, *given), "nowhere" if kind == "report" else r"reviews\.csv")


class TestOtherRows:
    """What means nothing to rows that are no texts is told, and not left aside in silence."""

    @pytest.mark.parametrize(
        ("given", "names"),
        [
            (["train", "series.jsonl", "--with", "v1.1-encoder"], ["'encoder'", "about texts", "'series'"]),
            (["train", "series.jsonl", "--unlabelled", "reviews.csv"], ["'unlabelled'", "about texts"]),
            (["transfer", "v2-series-inception", "series.jsonl", "--source", "reviews.csv"], ["'source'", "about texts"]),
            (["transfer", "v2-image-resnet", "series.jsonl", "--series", "series"], ["reads images", "these are series"]),
            (["train", "reviews.csv", "--set", "strategy=tfidf", "--with", "v1.1-encoder"], ["encoder=", "'tfidf'"]),
            (["distil", "v2-columns", "--unlabelled", "reviews.csv"], ["reads the columns", "texts alone"]),
        ],
    )  # fmt: skip
    def test_of_learning(self, cli: Any, made: Any, files: Path, given: list[str], names: list[str]) -> None:
        (files / "series.jsonl").write_text(
            "\n".join(f'{{"series": [{i % 2}, 1, 2], "label": {i % 2}}}' for i in range(20))
        )
        there = made()
        stored = Path(__file__).parents[1] / "data" / "artifacts"
        models = [str(stored / part) if part[:2] in ("v1", "v2") else part for part in given]
        assert_told(cli(*models, "--out", "made"), *names)
        assert made() == there
