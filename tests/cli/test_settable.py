"""`headstart options`, and the options that weigh rows and decide from which probability on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headstart.cli.settings import estimator_options
from headstart.errors import OptionError
from headstart.nets import NETS


def test_every_key_of_set_is_listed_with_default_type_and_meaning(cli: Any) -> None:
    rows = cli("options", "--json").json["options"]
    assert {row["of"] for row in rows} == {"classifier", "trainer", *(f"network {name}" for name in NETS)}
    assert all(row["type"] and row["meaning"] for row in rows)
    for key in {row["key"] for row in rows}:
        estimator_options(None, [f"{key}=1"])


def test_one_network_alone(cli: Any) -> None:
    rows = cli("options", "--net", "gru", "--json").json["options"]
    assert {row["of"] for row in rows} == {"classifier", "trainer", "network gru"}
    assert any(row["key"] == "hidden_size" and row["default"].isdecimal() for row in rows)


@pytest.mark.parametrize(("short", "meant"), [("lr", "learning_rate"), ("bs", "batch_size"), ("wd", "weight_decay")])
def test_initials_suggest_what_they_stand_for(short: str, meant: str) -> None:
    with pytest.raises(OptionError, match=f"did you mean '{meant}'"):
        estimator_options(None, [f"{short}=1"])


@pytest.fixture
def rare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    labels = [int(i % 20 == 0) for i in range(200)]
    frame = pd.DataFrame({"text": [f"word{i % 7} word{i % 5}" for i in range(200)], "label": labels, "count": 1})
    frame["count"] = [1 + i % 3 for i in range(200)]
    frame.to_csv("rare.csv", index=False)
    return tmp_path


def test_a_rare_label_is_told_of_and_can_be_weighed_and_found(cli: Any, rare: Path) -> None:
    small = ("--set", "net=fast", "--set", "embedding_size=4", "--set", "hidden_size=4", "--epochs", "1")
    made = cli(
        "train", "rare.csv", "--out", "model", "--weight", "count", "--test", "0.2", "--threshold", "0.9", *small
    )
    assert "commoner label 0.95" in made.out and "f1 0.0000" in made.out
    assert "no better than always saying the commoner label (0.9500)" in made.err
    found = cli("evaluate", "model", "rare.csv", "--threshold", "0", "--json").json
    assert (found["accuracy"], found["majority_fraction"]) == (pytest.approx(0.05), pytest.approx(0.95))
    for threshold, label in (("0", 1), ("1", 0)):
        cli("predict", "model", "rare.csv", "--out", "out.csv", "--threshold", threshold)
        assert set(pd.read_csv("out.csv")["prediction"]) == {label}
    cli("predict", "model", "rare.csv", "--out", "out.csv")
    assert set(pd.read_csv("out.csv")["prediction"]) == {0}  # the stored threshold


def test_weights_that_are_no_numbers_are_refused(cli: Any, rare: Path) -> None:
    pd.DataFrame({"text": ["a", "b"], "label": [0, 1], "count": ["one", "two"]}).to_csv("odd.csv", index=False)
    ended = cli("train", "odd.csv", "--out", "m", "--weight", "count")
    assert ended.code == 2
    assert "The weight column 'count' of odd.csv holds" in ended.err and "that are no numbers" in ended.err
