"""A folder for ONNX Runtime is written whole, in its own place, and only if it agrees with the model."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import headstart as hs
from headstart.corpus import Corpus
from headstart.errors import ArtifactError, DataError, MissingDependencyError, OptionError
from headstart.foreign.onnx import agreement, building, export_onnx, folder
from headstart.foreign.onnx.score import Model
from headstart.predictor import Predictor

ARTIFACTS = Path(__file__).parents[2] / "data" / "artifacts"
TEXTS = ["a good hotel with a nice view", "", "awful, rude staff!", "good good great"]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    found: Predictor = hs.load(ARTIFACTS / "v1.2-multiclass-blend").predictor_
    return found


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer texts to agree on: what is tried here is something else."""
    texts = agreement.odd_texts
    monkeypatch.setattr(agreement, "odd_texts", lambda words, **options: texts(words, n=60, **options))


def test_batch_and_time_are_open_and_lengths_are_an_input(predictor: Predictor) -> None:
    model, reader = building.built(predictor, ["pooled", "encoder"])
    onnx.checker.check_model(model, full_check=True)
    sizes = {
        one.name: [d.dim_param or d.dim_value for d in one.type.tensor_type.shape.dim] for one in model.graph.input
    }
    assert sizes["ids"] == ["rows", "tokens"]
    assert sizes["lengths"] == ["rows"]
    assert sizes["ngrams.places"] == ["rows", "ngrams.found"]
    outputs = {one.name for one in model.graph.output}
    assert outputs == {"logits", "probabilities", "decision", "in_scope", "pooled", "encoder"}
    assert reader["layers"] == ["pooled", "encoder"]


@pytest.mark.usefixtures("few")
def test_layers_are_given_out_by_name(predictor: Predictor, tmp_path: Path) -> None:
    export_onnx(predictor, tmp_path / "out", layers=["pooled", "encoder", "ngrams"])
    found = Model(tmp_path / "out").score(TEXTS)
    assert found["encoder"].shape == (4, 7, 6)
    examples = predictor.rows(agreement._corpus(TEXTS)).examples
    ours = predictor.scorer.network.engine.outputs(examples, ("pooled", "ngrams"))  # type: ignore[union-attr]
    for name, value in ours.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5)
    with pytest.raises(OptionError, match="no layer 'poled'; did you mean 'pooled'"):
        export_onnx(predictor, tmp_path / "out", layers=["poled"])


@pytest.mark.usefixtures("few")
def test_what_stood_there_stays_where_the_folder_does_not_agree(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_onnx(predictor, tmp_path / "out")
    before = (tmp_path / "out" / "model.onnx").read_bytes()
    right = building.built

    def other_weights(*given: Any) -> Any:
        model, reader = right(*given)
        floats = [one for one in model.graph.initializer if one.data_type == onnx.TensorProto.FLOAT]
        table = max(floats, key=lambda one: len(one.raw_data))
        table.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(table) + 1, table.name))
        return model, reader

    def other_words(*given: Any) -> Any:
        model, reader = right(*given)
        return model, {**reader, "vocabulary": reader["vocabulary"][:5]}

    for wrong, message in ((other_weights, "does not agree"), (other_words, "cuts the text .* otherwise")):
        monkeypatch.setattr(folder, "built", wrong)
        with pytest.raises(ArtifactError, match=message):
            export_onnx(predictor, tmp_path / "out")
        assert (tmp_path / "out" / "model.onnx").read_bytes() == before
        assert sorted(one.name for one in tmp_path.iterdir()) == ["out"]


@pytest.mark.usefixtures("few")
def test_no_folder_of_the_users_is_replaced(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(OptionError, match=r"a folder with 'notes\.txt' in it"):
        export_onnx(predictor, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_a_difference_shows_in_labels_but_not_at_ties(predictor: Predictor) -> None:
    class Said:
        """A folder that says the same, but for one row."""

        def __init__(self, change: float) -> None:
            scores = predictor.score(agreement._corpus(TEXTS)).probabilities.copy()
            scores[0, 0] += change
            self.decided = predictor.decide(scores)
            self.scores = scores
            self.reader = self

        def batch(self, texts: Any) -> Any:
            return {}

        def score(self, texts: Any) -> Any:
            rows = [TEXTS.index(text) for text in texts]
            return {"probabilities": self.scores[rows], "decision": self.decided[rows]}

    found = agreement.difference(Said(0.9), predictor, TEXTS)  # type: ignore[arg-type]
    assert found.largest == pytest.approx(0.9)
    assert found.n_labels == 1
    tie = replace(predictor, rule=predictor.rule.replace(costs=()))
    assert agreement.difference(Said(0.0), tie, TEXTS) == (0.0, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float16", "int8"])
@pytest.mark.usefixtures("few")
def test_smaller_types_say_what_they_cost(dtype: str, tmp_path: Path, small_net: Any) -> None:
    from headstart.engines import NetSpec
    from headstart.inputs import reads
    from headstart.predictor import NetworkScorer
    from headstart.tasks import Binary
    from headstart.text import fit_steps, text_steps

    words = [f"word{i}" for i in range(500)]
    small = {"embedding_size": 16, "hidden_size": 6, "dense": (8,)}
    net = small_net("gru", 502, **small).eval()
    spec = NetSpec("gru", 502, {**hs.nets.net_options("gru"), **small})
    steps = fit_steps(text_steps(min_count=1), [" ".join(words)])
    model = Predictor(NetworkScorer(net, spec), Binary(("no", "yes")), reads(steps=steps))
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(words, 8)) for _ in range(40)]
    labelled = Corpus(agreement._corpus(texts).texts, labels=np.arange(40) % 2, label_names=("no", "yes"))
    found = export_onnx(model, tmp_path / "out", dtype=dtype, labelled=labelled)
    before, after = found["measured"]["float32"], found["measured"][dtype]
    assert after["bytes"] < before["bytes"] * (0.75 if dtype == "float16" else 0.6)
    assert abs(after["auc"] - before["auc"]) < 0.05
    assert before["milliseconds"] > 0
    differ = agreement.difference(Model(tmp_path / "out"), model, texts).largest
    assert 0 < differ < 0.01
    assert json.loads((tmp_path / "out" / "reader.json").read_text())["dtype"] == dtype


def test_options_and_models_that_cannot_be_exported_get_a_sentence(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OptionError, match="no dtype 'int4'"):
        export_onnx(predictor, tmp_path / "out", dtype="int4")
    tfidf = hs.load(ARTIFACTS / "v1.2-multiclass-tfidf").predictor_
    with pytest.raises(OptionError, match="no network, so it has no layers"):
        export_onnx(tfidf, tmp_path / "out", layers=["pooled"])
    with pytest.raises(DataError, match="encoder without labels"):
        hs.load(ARTIFACTS / "v1.1-encoder").predictor_.score(agreement._corpus(TEXTS))
    for package in ("onnx", "onnxruntime"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(MissingDependencyError, match=f"pip install {package} .*the extra 'onnx'"):
                export_onnx(predictor, tmp_path / "out")
    assert not (tmp_path / "out").exists()
