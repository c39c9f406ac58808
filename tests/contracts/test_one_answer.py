"""One row, one answer: in any company, order, format, spelling and batch size.

Runs over a model of texts, a linear model and trees over columns of every type, with random tables written in every format
that is read.
"""

from __future__ import annotations

import csv
import datetime
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headstart import TextClassifier, bulk
from headstart.corpus.column_types import COLUMN_TYPES
from headstart.heads import CatBoostHead, ColumnEncoder
from headstart.predictor import ColumnScorer, Predictor
from headstart.tasks import Binary, Goals

Table = dict[str, list[Any]]
Write = Callable[[Table, Path], Any]
TYPES = {"price": "number", "stars": "number", "version": "category", "paid": "truth", "day": "date", "title": "text",
         "opens": "number", "lasted": "number"}  # fmt: skip
START = datetime.date(2024, 1, 1)
VERSIONS = ["1.10", "2.0", "007", "beta", "NA", "caf\xe9"]
TITLES = ["a rather nice stay", "a rather rude stay", "quite a stay"]


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


WORDS = st.lists(
    st.sampled_from("great awful film lovely plot stay caf\xe9 \u9152\u5e97 \U0001f600 ! 'quoted' \"".split()),
    max_size=12,
)
ROW = st.fixed_dictionaries(
    {
        "text": maybe(WORDS.map(" ".join)),
        "price": maybe(st.floats(-1e6, 1e6, width=32)),
        "stars": maybe(st.integers(-5, 10**7)),
        "version": maybe(st.sampled_from([*VERSIONS, "2.00", "unseen", "true"])),
        "paid": maybe(st.booleans()),
        "day": maybe(st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1))),
        "title": maybe(st.sampled_from([*TITLES, "nice, nice", "unseen"])),
        "opens": maybe(st.times()),
        "lasted": maybe(st.timedeltas(datetime.timedelta(-9), datetime.timedelta(99))),
    }
)


def training_rows() -> pa.Table:
    rng = np.random.default_rng(0)
    n = 80
    return pa.table(
        {
            "text": [" ".join(rng.choice(["great", "awful", "film", "lovely", "plot"], 6)) for _ in range(n)],
            "price": [None if i % 9 == 0 else float(rng.normal(100, 30)) for i in range(n)],
            "stars": [None if i % 11 == 0 else int(rng.integers(1, 6)) for i in range(n)],
            "version": [[*VERSIONS, None][rng.integers(len(VERSIONS) + 1)] for _ in range(n)],
            "paid": [None if i % 7 == 0 else bool(rng.random() < 0.5) for i in range(n)],
            "day": [START + datetime.timedelta(int(rng.integers(300))) for _ in range(n)],
            "title": [TITLES[rng.integers(3)] for _ in range(n)],
            "opens": [datetime.time(int(rng.integers(24)), 30) for _ in range(n)],
            "lasted": [datetime.timedelta(seconds=int(rng.integers(10**5))) for _ in range(n)],
        }
    )


@pytest.fixture(scope="module")
def models(gru_base: Any) -> dict[str, TextClassifier]:
    """A model of texts, and one for each way in which heads read columns."""
    table = training_rows()
    labels = np.random.default_rng(1).integers(0, 2, table.num_rows)
    linear = TextClassifier(strategy="tfidf", text="text", columns=list(TYPES), column_types=TYPES, device="cpu")
    made = {"text": gru_base, "linear": linear.fit(table, labels)}
    assert made["linear"].predictor_.encoder.types == TYPES and set(TYPES.values()) == {*COLUMN_TYPES}
    if pytest.importorskip("catboost"):
        encoder = ColumnEncoder.fit(table, list(TYPES), types=TYPES)
        head = CatBoostHead.grow(
            np.zeros((80, 0), np.float32), Goals(Binary(), labels), 60, table=table, encoder=encoder
        )
        trees = TextClassifier(strategy="tfidf", text="text", columns=list(TYPES), device="cpu").fit(table, labels)
        trees.predictor_ = Predictor(ColumnScorer(head), Binary(("0", "1"))).with_columns(tuple(TYPES))
        made["trees"] = trees
    return made


def delimited(path: Path, delimiter: str, truths: tuple[str, str]) -> Write:
    def write(table: Table, folder: Path) -> Path:
        spelt = {True: truths[0], False: truths[1], None: ""}
        rows = [
            [spelt[cell] if cell is None or isinstance(cell, bool) else cell for cell in row]
            for row in zip(*table.values(), strict=True)
        ]
        with (folder / path).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=delimiter).writerows([list(table), *rows])
        return folder / path

    return write


def json_lines(table: Table, folder: Path) -> Path:
    path = folder / "rows.jsonl"
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows), encoding="utf-8")
    return path


def parquet(table: Table, folder: Path) -> Path:
    pa.parquet.write_table(pa.table(table), folder / "rows.parquet")
    return folder / "rows.parquet"


def arrow(table: Table, folder: Path) -> Path:
    path, found = folder / "rows.arrow", pa.table(table)
    version = found["version"].cast(pa.string()).dictionary_encode()
    found = (
        found.drop_columns(["version", "day"])
        .append_column("version", version)
        .append_column("day", found["day"].cast(pa.timestamp("ns")))
    )
    with pa.ipc.new_file(path, found.schema) as writer:
        writer.write_table(found, max_chunksize=3)
    return path


FORMATS: dict[str, Write] = {
    "csv": delimited(Path("rows.csv"), ",", ("True", "false")),
    "tsv": delimited(Path("rows.tsv"), "\t", ("1", "0")),
    "semicolons": delimited(Path("semi.csv"), ";", ("yes", "NO")),
    "json lines": json_lines,
    "parquet": parquet,
    "arrow": arrow,
    "pandas": lambda table, _: pd.DataFrame(table),
    "polars": lambda table, _: pl.DataFrame(table, strict=False),
    "arrow in memory": lambda table, _: pa.table(table),
}


def scored(model: TextClassifier, data: Any, folder: Path) -> tuple[list[float], list[str]]:
    """The probability of the positive label, and the label, as the command or Python gives them."""
    if not isinstance(data, Path):
        return model.predict_proba(data)[:, 1].tolist(), [str(label) for label in model.predict(data)]
    bulk.predict_file(model.predictor_, str(data), folder / "out.parquet")
    found = pa.parquet.read_table(folder / "out.parquet")
    return found[f"probability_{model.predictor_.label_names[1]}"].to_pylist(), found["prediction"].to_pylist()


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=st.lists(ROW, min_size=1, max_size=9), data=st.data())
def test_one_row_has_one_answer(
    models: dict[str, TextClassifier],
    rows: list[Table],
    data: st.DataObject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = pa.table(
        {name: pa.array([row[name] for row in rows], training_rows().schema.field(name).type) for name in rows[0]}
    )
    subset = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=9), "rows, in this order")
    monkeypatch.setattr(bulk, "BATCH_ROWS", data.draw(st.integers(1, 5), "batch size"))
    chosen = {name: [rows[i][name] for i in subset] for name in rows[0]}
    for name, model in models.items():
        expected, labels = scored(model, whole, tmp_path)
        for form, write in FORMATS.items():
            if form not in ("pandas", "polars", "arrow in memory") and not any(chosen["text"]):
                continue  # a file without any text says so
            found, said = scored(model, write(chosen, tmp_path), tmp_path)
            np.testing.assert_allclose(
                found, [expected[i] for i in subset], rtol=0, atol=1e-5, err_msg=f"{name}, {form}"
            )
            ties = [abs(expected[i] - model.predictor_.threshold) < 1e-5 for i in subset]
            assert all(tie or a == labels[i] for tie, a, i in zip(ties, said, subset, strict=True)), f"{name}, {form}"


@pytest.fixture(scope="module")
def accented(reviews: Any, others: Any) -> dict[str, Any]:
    """A base of each kind over texts in which every e carries an accent, and other such texts, composed."""
    texts = [text.replace("e", "\xe9") for text in reviews.texts]
    small = {"net_options": {"embedding_size": 8, "hidden_size": 6}, "epochs": 1, "device": "cpu"}
    bases = {net: TextClassifier(net=net, **small).fit(texts, reviews.labels) for net in ("gru", "blend")}
    return {**bases, "texts": [text.replace("e", "\xe9") for text in others.texts]}


def test_the_same_letters_are_the_same_word_composed_or_not(
    strategy: str, accented: dict[str, Any], others: Any
) -> None:
    composed = accented["texts"]
    decomposed = [unicodedata.normalize("NFD", text) for text in composed]
    base = accented["blend" if strategy.startswith("self-train") else "gru"]
    short = {"net": "gru", "epochs": 1} if strategy == "scratch" else {}
    made = [
        TextClassifier(base=base, strategy=strategy, head="linear", device="cpu", **short).fit(texts, others.labels)
        for texts in (composed, decomposed)
    ]
    expected = made[0].predict_proba(composed)
    for model in made:
        for texts in (composed, decomposed):
            np.testing.assert_array_equal(model.predict_proba(texts), expected)
