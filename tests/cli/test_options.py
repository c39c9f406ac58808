"""Options that commands share: `--set` and `--config`, splits, and what is counted about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headstart.cli.reading import DataOptions, SplitOptions, column_list, label_facts, read_splits
from headstart.cli.settings import estimator_options
from headstart.errors import DataError, OptionError
from headstart.tasks import Binary, MultiClass, Regression, Task


class TestEstimatorOptions:
    @pytest.mark.parametrize(
        ("settings", "options"),
        [
            ([], {}),
            (["epochs=3"], {"epochs": 3}),
            (["learning_rate = 1e-3"], {"learning_rate": 0.001}),
            (["max_tokens=95%"], {"max_tokens": "95%"}),
            (["max_tokens=none"], {"max_tokens": None}),
            (["calibrate=false"], {"calibrate": False}),
            (["net=tutorial"], {"net": "tutorial"}),
            (["net='tutorial'"], {"net": "tutorial"}),
            (["freeze=embedding|encoder"], {"freeze": "embedding|encoder"}),
            (["tokens=a=b"], {"tokens": "a=b"}),
            (["hidden_size=6", "dense=[8, 4]"], {"net_options": {"hidden_size": 6, "dense": [8, 4]}}),
            (["patience=2", "optimizer=sgd"], {"trainer_options": {"patience": 2, "optimizer": "sgd"}}),
            (["trainer_options.patience=2"], {"trainer_options": {"patience": 2}}),
            (["net_options.pooling=['last']"], {"net_options": {"pooling": ["last"]}}),
            (["optimizer_options={momentum=0.9}"], {"trainer_options": {"optimizer_options": {"momentum": 0.9}}}),
            (["epochs=3", "epochs=4"], {"epochs": 4}),
        ],
    )
    def test_of_set_land_where_they_belong(self, settings: list[str], options: dict[str, Any]) -> None:
        assert estimator_options(None, settings) == options

    def test_of_a_file_stand_behind_those_of_set(self, tmp_path: Path) -> None:
        (tmp_path / "run.toml").write_text(
            'epochs = 7\nnet = "gru"\nhidden_size = 6\n[trainer_options]\npatience = 3\n[net_options]\nembedding_size = 4\n'
        )
        assert estimator_options(tmp_path / "run.toml", ["epochs=2", "hidden_size=8"]) == {
            "epochs": 2,
            "net": "gru",
            "net_options": {"hidden_size": 8, "embedding_size": 4},
            "trainer_options": {"patience": 3},
        }

    def test_phases_can_stand_in_a_file(self, cli: Any, files: Path) -> None:
        (files / "run.toml").write_text(
            'net = "gru"\nhidden_size = 4\nembedding_size = 4\nschedule = "constant"\n'
            '[[phases]]\nepochs = 1\nlearning_rate = 0.01\nfreeze = "embedding"\n[[phases]]\nlearning_rate = 0.001\n'
        )
        found = cli("train", "reviews.csv", "--config", "run.toml", "--out", "made", "--json").json
        assert [row["learning_rate"] for row in found["epochs"][1:]] == [0.01, 0.001]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (["epohcs=3"], "no option 'epohcs'; did you mean 'epochs'"),
            (["epochs"], "--set 'epochs' has no '='; write KEY=VALUE, for example --set epochs=3"),
            (["events=x"], "no option 'events'"),
            (["=3"], "no option ''"),
        ],
    )
    def test_that_are_none(self, settings: list[str], message: str) -> None:
        with pytest.raises(OptionError, match=message):
            estimator_options(None, settings)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"epochs = ", "is no TOML"),
            (b"\xff\xfe", "is no TOML"),
            (b"[other]\nx = 1", "no option 'other'"),
        ],
    )
    def test_a_file_that_is_none(self, tmp_path: Path, content: bytes, message: str) -> None:
        (tmp_path / "run.toml").write_bytes(content)
        with pytest.raises(OptionError, match=message):
            estimator_options(tmp_path / "run.toml", None)


@pytest.mark.parametrize(("text", "names"), [(None, ()), ("", ()), ("a", ("a",)), (" a , b,", ("a", "b"))])
def test_column_lists(text: str | None, names: tuple[str, ...]) -> None:
    assert column_list(text) == names


@pytest.mark.parametrize(
    ("task", "labels", "kind"),
    [
        (Binary(("a", "b")), {"names": ["a", "b"], "positive": "b"}, "binary"),
        (MultiClass(("a", "b", "c")), {"names": ["a", "b", "c"], "positive": None}, "multiclass"),
        (Regression(), {"names": [], "positive": None}, "regression"),
    ],
)
def test_label_facts(task: Task, labels: dict[str, Any], kind: str) -> None:
    found = label_facts(task, "a note")
    assert found["labels"] == labels and found["task"]["kind"] == kind and found["task"]["note"] == "a note"


class TestSplits:
    """--test comes off first, --n-labels counts what is left, --valid is taken from that."""

    @staticmethod
    def sizes(**given: Any) -> tuple[int, int | None, int | None]:
        options = DataOptions("text", "label", group=given.pop("group", None))
        splits = read_splits(options, "reviews.csv", SplitOptions(**given))
        return len(splits.train), *(None if part is None else len(part) for part in (splits.valid, splits.test))

    @pytest.mark.parametrize(
        ("given", "sizes"),
        [
            ({}, (300, None, None)),
            ({"test": "0.2"}, (240, None, 60)),
            ({"test": "0.2", "valid": "0.25"}, (180, 60, 60)),
            ({"test": "hotel.csv", "valid": "hotel.csv"}, (300, 120, 120)),
            ({"n_labels": 50}, (50, None, None)),
            ({"n_labels": 50, "valid": "0.2"}, (40, 10, None)),
            ({"n_labels": 50, "valid": "0.2", "test": "0.5"}, (40, 10, 150)),
            ({"valid": "0"}, (300, None, None)),
        ],
    )
    def test_sizes(self, files: Path, given: dict[str, Any], sizes: tuple[Any, ...]) -> None:
        assert self.sizes(**given) == sizes

    def test_parts_share_no_row_and_keep_the_share_of_each_class(self, files: Path) -> None:
        options = DataOptions("text", "label")
        splits = read_splits(options, "reviews.csv", SplitOptions(valid="0.2", test="0.2", n_labels=200, seed=3))
        parts = [part for part in (splits.train, splits.valid, splits.test) if part is not None]
        texts = [set(part.texts.to_pylist()) for part in parts]
        assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]
        assert all(abs(part.labels.mean() - 0.5) < 0.03 for part in parts if part.labels is not None)

    def test_a_seed_draws_the_same_rows(self, files: Path) -> None:
        def texts(seed: int) -> list[str]:
            splits = read_splits(
                DataOptions("text", "label"), "reviews.csv", SplitOptions(test="0.2", n_labels=40, seed=seed)
            )
            return list(splits.train.texts.to_pylist())

        assert texts(1) == texts(1) != texts(2)

    def test_groups_stay_together(self, files: Path) -> None:
        frame = pd.read_csv("reviews.csv")
        frame["hotel"] = [f"h{i // 10}" for i in range(300)]
        frame.to_csv("reviews.csv", index=False)
        splits = read_splits(
            DataOptions("text", "label", group="hotel"), "reviews.csv", SplitOptions(valid="0.3", test="0.3")
        )
        hotels = [
            set(part.column("hotel").to_pylist())
            for part in (splits.train, splits.valid, splits.test)
            if part is not None
        ]
        assert len(hotels) == 3 and sum(map(len, hotels)) == 30

    def test_duplicates_across_parts_are_counted_and_said(
        self, files: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        splits = read_splits(DataOptions("text", "label"), "reviews.csv", SplitOptions(test="reviews.csv"))
        shared = splits.counts["test"]["n_duplicates_of_train"]
        assert shared >= 299
        assert f"{shared} of the 300 test texts also stand in the training rows" in capsys.readouterr().err

    def test_labels_of_other_parts_follow_those_of_training(self, files: Path) -> None:
        options = DataOptions("text", "label", positive="0")
        splits = read_splits(options, "reviews.csv", SplitOptions(valid="hotel.csv", test="0.1"))
        assert [part.label_names for part in (splits.train, splits.valid, splits.test) if part] == [("1", "0")] * 3

    def test_labels_that_training_lacks_are_told(self, files: Path) -> None:
        (files / "odd.csv").write_text("text,label\na,7\nb,1\n")
        with pytest.raises(DataError, match="(?s)'1', '7'.*'0', '1'"):
            read_splits(DataOptions("text", "label"), "reviews.csv", SplitOptions(valid="odd.csv"))
