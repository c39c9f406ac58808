"""Files of any size through a model: every row once, in order, and no half-written file."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch

from headstart import LayerFeatures, Predictor, TextClassifier
from headstart.bulk import embed_file, predict_file
from headstart.corpus import as_corpus
from headstart.errors import ArtifactError, DataError, OptionError

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".parquet": pd.read_parquet,
    ".csv": pd.read_csv,
    ".tsv": lambda path: pd.read_csv(path, sep="\t"),
    ".jsonl": lambda path: pd.DataFrame([json.loads(line) for line in path.read_text("utf-8").splitlines()]),
}


@pytest.fixture(autouse=True, params=[7, 16_384], ids=["in pieces", "in one"])
def _pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    import headstart.bulk as module

    monkeypatch.setattr(module, "BATCH_ROWS", request.param)


@pytest.fixture
def source(others: Any, tmp_path: Path) -> Path:
    return others.write(tmp_path / "hotel.csv")  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def mixed(gru_base: Any, reviews: Any) -> Predictor:
    """A model that reads columns beside the text."""
    model = TextClassifier(
        base=gru_base, strategy="features", columns=["stars", "device"], head="linear", valid_fraction=0
    )
    return model.fit(reviews.frame(), reviews.labels).predictor_


@pytest.fixture
def overflowing(base: Any) -> Predictor:
    """A model whose weights are finite and whose logits are not."""
    found = copy.deepcopy(base.predictor_)
    with torch.no_grad():
        found.net.output.weight.fill_(3e38)
        found.net.dense0.norm.weight.fill_(3e38)
    return found  # type: ignore[no-any-return]


class TestPredict:
    def test_scores_that_are_no_numbers_are_never_written(self, overflowing: Predictor, source: Path) -> None:
        with pytest.raises(ArtifactError, match=r"the stage 'dense0' of this model gives no finite number for"):
            predict_file(overflowing, str(source), source.with_name("scored.csv"))
        with pytest.raises(ArtifactError, match=r"the layer 'dense0' of this model gives values that are no finite"):
            embed_file(overflowing, str(source), source.with_name("vectors.parquet"), layer="dense0")
        assert [path.name for path in source.parent.iterdir()] == ["hotel.csv"]

    @pytest.mark.parametrize("suffix", sorted(READERS))
    def test_every_format_holds_the_same(self, base: Any, source: Path, others: Any, suffix: str) -> None:
        out = source.with_name(f"scored{suffix}")
        counts = predict_file(base.predictor_, str(source), out)
        found = READERS[suffix](out)
        expected = base.predict_proba(others.texts)
        assert list(found.columns) == ["prediction", "probability_0", "probability_1"]
        np.testing.assert_allclose(found[["probability_0", "probability_1"]], expected, atol=1e-6)
        assert found["prediction"].astype(str).tolist() == [str(label) for label in base.predict(others.texts)]
        assert counts["n"] == 120

    @pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "csv.gz"])
    def test_every_source_gives_the_same(self, mixed: Predictor, others: Any, tmp_path: Path, form: str) -> None:
        frame = others.frame().to_pandas()
        path = tmp_path / f"rows.{form}"
        writers: dict[str, Callable[[], Any]] = {
            "csv": lambda: frame.to_csv(path, index=False),
            "csv.gz": lambda: frame.to_csv(path, index=False),
            "tsv": lambda: frame.to_csv(path, index=False, sep="\t"),
            "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
            "parquet": lambda: pa.parquet.write_table(others.frame(), path),
        }
        writers[form]()
        predict_file(mixed, str(path), tmp_path / "out.parquet")
        expected = mixed.score(as_corpus(others.frame(), text="text", columns=("stars", "device"))).probabilities
        np.testing.assert_allclose(pd.read_parquet(tmp_path / "out.parquet")["probability_1"], expected, atol=1e-6)

    def test_columns_can_be_kept_beside(self, base: Any, source: Path, others: Any) -> None:
        out = source.with_name("scored.parquet")
        predict_file(base.predictor_, str(source), out, keep=["device", "text"])
        found = pd.read_parquet(out)
        assert list(found.columns)[:3] == ["device", "text", "prediction"]
        assert found["text"].tolist() == others.texts

    def test_rows_can_be_chosen(self, base: Any, source: Path, others: Any) -> None:
        out = source.with_name("scored.parquet")
        counts = predict_file(base.predictor_, str(source), out, where={"device": "phone"})
        chosen = [text for text, device in zip(others.texts, others.device, strict=True) if device == "phone"]
        assert counts["n"] == len(chosen)
        np.testing.assert_allclose(pd.read_parquet(out)["probability_1"], base.predict_proba(chosen)[:, 1], atol=1e-6)

    def test_what_happened_to_the_texts_is_counted_over_all_pieces(self, base: Any, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text("\n".join(['{"text": null}', '{"text": "great qwertz"}'] * 10))
        counts = predict_file(base.predictor_, str(tmp_path / "a.jsonl"), tmp_path / "b.csv")
        wanted = ("n", "n_null", "n_tokens", "n_unknown_tokens", "n_truncated", "unknown_token_rate")
        assert {name: counts[name] for name in wanted} == dict(zip(wanted, (20, 10, 20, 10, 0, 0.5), strict=True))

    def test_progress_is_told(self, base: Any, source: Path) -> None:
        told: list[int] = []
        predict_file(base.predictor_, str(source), source.with_name("s.csv"), progress=told.append)
        assert sum(told) == 120

    def test_an_older_file_is_replaced(self, base: Any, source: Path) -> None:
        out = source.with_name("s.csv")
        out.write_text("old")
        predict_file(base.predictor_, str(source), out)
        assert out.read_text().startswith('"prediction"')

    def test_a_model_of_words_alone_is_counted_too(self, reviews: Any, source: Path) -> None:
        model = TextClassifier(strategy="tfidf", valid_fraction=0).fit(reviews.texts[:40], reviews.labels[:40])
        assert predict_file(model.predictor_, str(source), source.with_name("s.csv"))["n"] == 120


def broken(source: Path) -> Path:
    """The same rows, the last but one cut in the middle of a character that is none."""
    path = source.with_name("broken.parquet")
    rows = pa.table({"text": ["great film"] * 50, "stars": [1] * 50})
    pa.parquet.write_table(rows, path, row_group_size=7)
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2
    raw[middle - 200 : middle + 200] = bytes(400)
    path.write_bytes(raw)
    return path


class TestRefusing:
    @pytest.mark.parametrize(
        ("out", "error", "message"),
        [
            ("scored.xlsx", OptionError, r"no file format '.xlsx'.*\.parquet, \.csv, \.tsv, \.jsonl"),
            ("scored", OptionError, "no file format 'scored'"),
            (
                "nowhere/scored.csv",
                OptionError,
                "the folder .*nowhere.* for --out scored.csv does not exist; make it, or write elsewhere",
            ),
        ],
    )
    def test_places_that_cannot_be_written(self, base: Any, source: Path, out: str, error: Any, message: str) -> None:
        with pytest.raises(error, match=message):
            predict_file(base.predictor_, str(source), source.parent / out)

    def test_a_kept_column_of_the_name_of_a_result(self, base: Any, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("text,prediction\ngreat film,1\n")
        with pytest.raises(OptionError, match="'prediction'.*rename"):
            predict_file(base.predictor_, str(tmp_path / "a.csv"), tmp_path / "out.parquet", keep=["prediction"])

    @pytest.mark.parametrize("old", [None, "what was there"])
    @pytest.mark.parametrize("suffix", sorted(READERS))
    def test_an_error_on_the_way_leaves_nothing_half_written(
        self, base: Any, source: Path, suffix: str, old: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = source.with_name(f"scored{suffix}")
        if old is not None:
            out.write_text(old)
        before = sorted(path.name for path in source.parent.iterdir())
        with pytest.raises((DataError, OSError), match=".+"):
            predict_file(base.predictor_, str(broken(source)), out)
        assert sorted(path.name for path in source.parent.iterdir()) == sorted([*before, "broken.parquet"])
        assert old is None or out.read_text() == old

    def test_an_interrupt_leaves_nothing_either(self, base: Any, source: Path) -> None:
        def interrupt(n: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            predict_file(base.predictor_, str(source), source.with_name("s.parquet"), progress=interrupt)
        assert [path.name for path in source.parent.iterdir()] == ["hotel.csv"]

    def test_missing_columns_are_named(self, mixed: Predictor, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("text,stars\ngreat film,1\n")
        with pytest.raises(DataError, match="device"):
            predict_file(mixed, str(tmp_path / "a.csv"), tmp_path / "out.csv")
        with pytest.raises(DataError, match="'review'.*text"):
            predict_file(mixed, str(tmp_path / "a.csv"), tmp_path / "out.csv", text="review")


class TestEmbed:
    @pytest.mark.parametrize(("layer", "pooling"), [("pooled", "mean"), ("encoder", "max"), ("output", "mean")])
    def test_writes_a_vector_a_row(self, base: Any, source: Path, others: Any, layer: str, pooling: str) -> None:
        out = source.with_name("vectors.parquet")
        found = embed_file(base.predictor_, str(source), out, layer=layer, pooling=pooling)
        expected = LayerFeatures(base, layer=layer, pooling=pooling).transform(others.texts)
        assert (found["n"], found["size"]) == expected.shape
        vectors = np.stack(pa.parquet.read_table(out)["vector"].to_pylist())
        np.testing.assert_allclose(vectors, expected, atol=1e-6)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"layer": "pold"}, "no layer 'pold'; did you mean 'pooled'"),
            ({"out": "vectors.csv"}, "--out is 'vectors.csv'; vectors are written to Parquet only"),
            ({"layer": "encoder", "pooling": "sum"}, "no pooling 'sum'"),
        ],
    )
    def test_what_cannot_be_is_refused(self, base: Any, source: Path, options: dict[str, Any], message: str) -> None:
        given = {"layer": "pooled", "out": "vectors.parquet", **options}
        with pytest.raises(OptionError, match=message):
            embed_file(base.predictor_, str(source), source.with_name(given.pop("out")), **given)
        assert [path.name for path in source.parent.iterdir()] == ["hotel.csv"]

    def test_rows_can_be_chosen(self, base: Any, source: Path, others: Any) -> None:
        found = embed_file(
            base.predictor_, str(source), source.with_name("v.parquet"), layer="pooled", where={"label": 1}
        )
        assert found["n"] == 60
