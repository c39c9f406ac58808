"""Columns that decide the label are found; ids, strong hints and chance are not."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headstart.corpus.column_types import as_raw
from headstart.corpus.leaks import deciding_columns

rng = np.random.default_rng(0)
N = 200
LABELS = rng.integers(0, 2, N)
NOISE = rng.normal(size=N)
START = datetime.datetime(2020, 1, 1)


def flipped(share: float) -> Any:
    """The labels, some of them turned."""
    return np.where(rng.random(N) < share, 1 - LABELS, LABELS)


DECIDING: dict[str, Any] = {
    "the label in words": [["frowning", "smiling"][label] for label in LABELS],
    "two wrong": [["frowning", "smiling"][label if i > 1 else 1 - label] for i, label in enumerate(LABELS)],
    "many values for each label": [f"{'ab'[label]}{i % 7}" for i, label in enumerate(LABELS)],
    "there or not": [None if label else "refund" for label in LABELS],
    "a number by threshold": LABELS * 10 + rng.random(N),
    "the other way round": -LABELS - rng.random(N) / 2,
    "a number that is missing": [None if label else float(rng.random()) for label in LABELS],
    "codes": [[3, 7, 11][i % 3] if label else [2, 5, 8][i % 3] for i, label in enumerate(LABELS)],
    "a date": [START + datetime.timedelta(days=int(100 * label), hours=i) for i, label in enumerate(LABELS)],
    "a truth value": LABELS.astype(bool),
    "group ids": [f"guest {label}{i // 10}" for i, label in enumerate(LABELS)],
}
OTHERS: dict[str, Any] = {
    "ids": [f"guest {i}" for i in range(N)],
    "numbered ids": np.arange(N),
    "noise": NOISE,
    "constant": ["same"] * N,
    "null": pa.nulls(N),
    "a strong hint": flipped(0.1),
    "a hint": LABELS * 2 + NOISE,
    "many categories": [f"{i % 60}" for i in range(N)],
    "guests of two nights": [f"guest {i // 2}" for i in range(N)],
}


@pytest.mark.parametrize("name", DECIDING)
def test_a_column_that_decides_the_label_is_found(name: str) -> None:
    (found,) = deciding_columns(pa.table({"x": DECIDING[name], "noise": NOISE}), ["x", "noise"], LABELS)
    assert found.name == "x" and found.accuracy >= 0.98
    assert "column 'x' alone tells" in found.sentence and "leave it out" in found.sentence


@pytest.mark.parametrize("name", OTHERS)
def test_other_columns_are_not(name: str) -> None:
    assert deciding_columns(pa.table({"x": OTHERS[name]}), ["x"], LABELS) == []


@pytest.mark.parametrize("n", [2, 4, 6, 10, 20])
def test_few_rows_say_nothing(n: int) -> None:
    labels = np.arange(n) % 2
    assert (
        deciding_columns(
            pa.table({"x": labels, "y": labels.astype(str), "z": labels + NOISE[:n] / 9}), ["x", "y", "z"], labels
        )
        == []
    )


def test_chance_hardly_ever_looks_like_it() -> None:
    for n in (12, 30, 60):
        for seed in range(150):
            drawn = np.random.default_rng(seed)
            labels = drawn.integers(0, 2, n)
            table = pa.table(
                {"a": drawn.normal(size=n), "b": drawn.integers(0, 3, n), "c": drawn.integers(0, n, n).astype(str)}
            )
            assert deciding_columns(table, ["a", "b", "c"], labels) == []


def test_three_labels_and_rare_ones() -> None:
    labels = rng.integers(0, 3, N)
    table = pa.table(
        {"word": np.array(["low", "middle", "high"])[labels], "score": labels + rng.random(N) / 2, "noise": NOISE}
    )
    assert [one.name for one in deciding_columns(table, table.column_names, labels)] == ["word", "score"]
    rare = (np.arange(1000) % 100 == 0).astype(int)
    table = pa.table(
        {"flag": rare, "noise": rng.integers(0, 2, 1000), "mostly": np.where(np.arange(1000) % 200 == 0, 0, rare)}
    )
    assert [one.name for one in deciding_columns(table, table.column_names, rare)] == ["flag"]


def test_raw_cells_and_named_types() -> None:
    cells = [f"{value:.3f}" for value in LABELS * 10 + rng.random(N)]
    raw = pa.table(
        {"x": pa.array(cells, pa.large_string())}, schema=pa.schema([as_raw(pa.field("x", pa.large_string()))])
    )
    assert [one.name for one in deciding_columns(raw, ["x"], LABELS)] == ["x"]
    assert deciding_columns(raw, ["x"], LABELS, {"x": "category"}) == []


@pytest.mark.parametrize("labels", [[], [1, 1, 1]])
def test_one_label_or_none_is_decided_by_nothing(labels: list[int]) -> None:
    assert deciding_columns(pa.table({"x": labels}), ["x"], np.array(labels, int)) == []
