"""The CatBoost head: columns as they are, nulls among them, the same bits back, no file left behind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headstart.errors import ArtifactError, MissingDependencyError
from headstart.heads import CatBoostHead, ColumnEncoder, NothingVariesError, boosting
from headstart.tasks import Binary, Goals

pytest.importorskip("catboost", reason="the CatBoost head is tested where CatBoost is installed")


def goals(labels: Any) -> Goals:
    return Goals(Binary(), labels)


Rows = tuple[Any, Any, pa.Table, ColumnEncoder]


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Features that tell a little of the labels, and a table that tells a lot, with nulls."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    features = (rng.normal(size=(60, 3)) + labels[:, None] * 0.5).astype(np.float32)
    device = [None if i % 7 == 0 else ["phone", "tablet"][int(label)] for i, label in enumerate(labels)]
    stars = [None if i % 5 == 0 else int(label * 3 + rng.integers(0, 2)) for i, label in enumerate(labels)]
    table = pa.table({"device": device, "stars": stars})
    return features, labels, table, ColumnEncoder.fit(table, ["device", "stars"])


@pytest.fixture(scope="module")
def head(rows: Rows) -> CatBoostHead:
    features, labels, table, encoder = rows
    return CatBoostHead.grow(features, goals(labels), 100, table=table, encoder=encoder)


def test_reads_columns_and_their_nulls(head: CatBoostHead, rows: Rows) -> None:
    features, labels, table, _ = rows
    assert ((head.decision(features, table) > 0) == (labels > 0.5)).mean() > 0.9


def test_a_value_never_seen_and_a_column_of_nulls_are_no_error(head: CatBoostHead, rows: Rows) -> None:
    new = pa.table({"device": ["fridge", None], "stars": pa.array([None, None], pa.int64())})
    assert np.isfinite(head.decision(rows[0][:2], new)).all()


def test_works_without_columns_and_on_few_rows(rows: Rows) -> None:
    features, labels, _, _ = rows
    head = CatBoostHead.grow(features[:12], goals(labels[:12]), 100)
    assert head.model.tree_count_ == 100
    assert head.decision(features).shape == (60,)


def test_works_on_columns_alone(rows: Rows) -> None:
    _, labels, table, encoder = rows
    nothing = np.zeros((60, 0), np.float32)
    head = CatBoostHead.grow(nothing, goals(labels), 100, table=table, encoder=encoder)
    assert ((head.decision(nothing, table) > 0) == (labels > 0.5)).mean() > 0.8


def test_a_row_scores_the_same_alone_and_none_gives_none(head: CatBoostHead, rows: Rows) -> None:
    features, _, table, _ = rows
    alone = [head.decision(features[i : i + 1], table.slice(i, 1))[0] for i in range(10)]
    np.testing.assert_allclose(head.decision(features[:10], table.slice(0, 10)), alone, atol=1e-12)
    assert head.decision(features[:0], table.slice(0, 0)).shape == (0,)


def test_one_seed_gives_the_same_scores(head: CatBoostHead, rows: Rows) -> None:
    features, labels, table, encoder = rows
    again = CatBoostHead.grow(features, goals(labels), 100, table=table, encoder=encoder)
    assert again.decision(features, table).tobytes() == head.decision(features, table).tobytes()


def test_comes_back_from_its_own_format(head: CatBoostHead, rows: Rows) -> None:
    features, _, table, encoder = rows
    again = CatBoostHead.from_blob(head.blobs()["head.cbm"], 3, encoder)
    assert again.decision(features, table).tobytes() == head.decision(features, table).tobytes()


def test_leaves_no_files_behind(rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    CatBoostHead.grow(rows[0], goals(rows[1]), 100).blobs()["head.cbm"]
    assert list(tmp_path.iterdir()) == []


def test_a_head_of_another_model_is_refused(head: CatBoostHead, rows: Rows) -> None:
    with pytest.raises(
        ArtifactError, match="CatBoost head reads 5 features, 1 of them categories, where .* give 9 with 1"
    ):
        CatBoostHead.from_blob(head.blobs()["head.cbm"], 7, rows[3])


def test_columns_of_another_kind_are_refused(head: CatBoostHead, rows: Rows) -> None:
    numbers = ColumnEncoder({"device": "number", "stars": "number"}, {}, {"device": 0.0, "stars": 0.0})
    with pytest.raises(
        ArtifactError, match="reads 5 features, 1 of them categories, where .* give 5 with 0; .* copy it"
    ):
        CatBoostHead.from_blob(head.blobs()["head.cbm"], 3, numbers)


def test_nothing_of_the_training_is_stored(head: CatBoostHead, rows: Rows) -> None:
    features, labels, table, encoder = rows
    before = dict(head.model.get_metadata().items())
    blob = head.blobs()["head.cbm"]
    for fact in (b"train_finish_time", b"model_guid", b"hosts.txt", b"learn_metrics", b"random_seed", b"Git info"):
        assert fact not in blob
    assert dict(head.model.get_metadata().items()) == before
    again = CatBoostHead.grow(features, goals(labels), 100, table=table, encoder=encoder)
    assert again.blobs()["head.cbm"] == blob
    assert CatBoostHead.from_blob(blob, 3, encoder).blobs()["head.cbm"] == blob


def test_a_head_that_was_read_is_written_as_it_came(
    head: CatBoostHead, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = head.blobs()["head.cbm"]
    again = CatBoostHead.from_blob(blob, 3, rows[3])
    monkeypatch.setattr("headstart.heads.boosting._written", lambda _: pytest.fail("CatBoost writes it anew"))
    assert again.blobs()["head.cbm"] == blob


def test_leaves_that_are_no_numbers_are_refused(rows: Rows) -> None:
    head = CatBoostHead.grow(rows[0], goals(rows[1]), 5)
    leaves = head.model.get_leaf_values()
    leaves[-1] = np.nan
    head.model.set_leaf_values(leaves)
    with pytest.raises(ArtifactError, match=r"head\.cbm cannot be read: ValueError: the leaves of its trees"):
        CatBoostHead.from_blob(head.blobs()["head.cbm"], 3, None)


def test_this_process_reads_only_what_the_child_wrote(
    head: CatBoostHead, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    monkeypatch.setattr(boosting, "_read", lambda blob: read.append(blob) or head.model)  # type: ignore[func-returns-value]
    dated = boosting._written(head.model)
    CatBoostHead.from_blob(dated, 3, rows[3])
    assert len(read) == 1
    assert b"train_finish_time" in dated
    assert b"train_finish_time" not in read[0]


def test_a_refusal_after_the_child_is_a_sentence_too(
    head: CatBoostHead, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(blob: bytes) -> None:
        raise RuntimeError("no trees today")

    blob = head.blobs()["head.cbm"]
    monkeypatch.setattr(boosting, "_read", refuses)
    with pytest.raises(ArtifactError, match=r"CatBoost cannot read head\.cbm \(no trees today\); copy the model again"):
        CatBoostHead.from_blob(blob, 3, rows[3])


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b"nonsense", lambda b: b[: len(b) // 2]])
def test_damaged_bytes_are_refused(head: CatBoostHead, rows: Rows, damage: Any) -> None:
    with pytest.raises(ArtifactError, match="copy the model again|Copy the model again"):
        CatBoostHead.from_blob(damage(head.blobs()["head.cbm"]), 3, rows[3])


def test_without_catboost_the_answer_installs_it(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "catboost", None)
    with pytest.raises(MissingDependencyError, match=r"pip install catboost .*'catboost'"):
        CatBoostHead.grow(rows[0], goals(rows[1]), 100)


def test_features_that_never_vary_are_told() -> None:
    labels = np.arange(60) % 2
    with pytest.raises(NothingVariesError, match="nothing to split 60 rows on.*head='linear', other columns"):
        CatBoostHead.grow(np.ones((60, 2), np.float32), goals(labels), 100)


def test_auto_falls_back_to_a_linear_head(reviews: Any) -> None:
    """Texts of one word each and a column of one value: there is nothing to split on."""
    from headstart import TextClassifier

    base = TextClassifier(net="gru", epochs=0, max_words=3, device="cpu").fit(reviews.texts, reviews.labels)
    frame = pa.table({"text": ["zyx"] * 60, "stars": [1.0] * 60})
    model = TextClassifier(base=base, strategy="features", columns=["stars"], text="text").fit(
        frame, [i % 2 for i in range(60)]
    )
    assert model.predictor_.scorer.head.kind == "linear"
