"""Any named output for any texts: shapes, values, pieces, pipelines, the trainable part that ends there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from torch import Tensor, nn

from headstart import LayerFeatures, TextClassifier, submodel
from headstart.batches import Batch, Batches, Examples
from headstart.corpus import as_corpus
from headstart.errors import ArtifactError, DataError, OptionError
from headstart.features import as_predictor, layer_outputs, layer_table
from headstart.inference import network_outputs
from headstart.strategies.inputs import examples_of


@pytest.fixture(scope="module")
def foreign(reviews: Any) -> Any:
    """A trained classifier around a module of the user's own, without stages."""
    return TextClassifier(net=Own, epochs=1, device="cpu").fit(reviews.texts, reviews.labels)


class Own(nn.Module):
    def __init__(self, n_words: int) -> None:
        super().__init__()
        self.words = nn.Embedding(n_words, 4, padding_idx=0)
        self.encoder = nn.GRU(4, 3, batch_first=True)
        self.tower = nn.Sequential(nn.Linear(3, 5), nn.ReLU())
        self.output = nn.Linear(5, 1)

    def forward(self, batch: Batch) -> Tensor:
        states, _ = self.encoder(self.words(batch.ids))
        last = (batch.lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, 3)
        logits: Tensor = self.output(self.tower(states.gather(1, last)[:, 0]))
        return logits


class TestStandingForAModel:
    def test_predictor_estimator_and_path_are_one(self, base: Any, base_folder: Path, others: Any) -> None:
        found = [
            LayerFeatures(model).transform(others.texts)
            for model in (base, base.predictor_, base_folder, str(base_folder))
        ]
        for values in found[1:]:
            assert values.tobytes() == found[0].tobytes()

    def test_anything_else_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match="a model was expected and a dict came; pass a fitted TextClassifier"):
            as_predictor({})
        with pytest.raises(
            OptionError, match="a TextClassifier came that is not fitted; .* give it the path of the model"
        ):
            as_predictor(TextClassifier())
        with pytest.raises(ArtifactError, match="there is no model at"):
            as_predictor(tmp_path / "nothing")


class TestTable:
    def test_lists_every_layer_with_shape_and_parameters(self, base: Any) -> None:
        table = {row["layer"]: row for row in layer_table(base)}
        assert list(table) == ["embedding", "encoder", "pooled", "dense0", "output"]
        assert table["encoder"]["shape"] == ["rows", "tokens", 12]
        assert table["pooled"]["shape"] == ["rows", 36]
        assert table["output"]["parameters"] == table["output"]["trainable"] == 9
        assert sum(row["parameters"] for row in table.values()) == sum(
            p.numel() for p in base.predictor_.net.parameters()
        )

    def test_lists_the_parts_of_a_foreign_module(self, foreign: Any) -> None:
        assert [row["layer"] for row in layer_table(foreign)] == ["words", "encoder", "tower", "output"]

    def test_a_model_without_layers_says_so(self, reviews: Any) -> None:
        model = TextClassifier(strategy="tfidf").fit(reviews.texts, reviews.labels)
        with pytest.raises(DataError, match="this model is of kind 'tfidf' and holds no network, so it has no layers"):
            layer_table(model)


class TestOutputs:
    @pytest.mark.parametrize("rows", [1, 3, 50, 8192])
    def test_pieces_equal_the_whole(self, base: Any, others: Any, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
        import headstart.named_outputs as module

        corpus = as_corpus(others.texts[:50])
        whole = network_outputs(base.predictor_.net, examples_of(base.predictor_, corpus), ("pooled", "output"))
        monkeypatch.setattr(module, "_CHUNK_ROWS", rows)
        pieces = list(layer_outputs(base, corpus, ("pooled", "output")))
        assert all(len(piece["pooled"]) <= rows for piece in pieces)
        for name, values in whole.items():
            np.testing.assert_allclose(np.concatenate([piece[name] for piece in pieces]), values, atol=1e-6)

    def test_the_last_layer_is_the_logit(self, base: Any, others: Any) -> None:
        values = LayerFeatures(base, layer="output").transform(others.texts)
        np.testing.assert_allclose(values[:, 0], base.score_rows(others.texts).logits, atol=1e-6)

    def test_no_texts_give_no_rows_of_the_right_width(self, base: Any) -> None:
        assert LayerFeatures(base).transform([]).shape == (0, 36)

    @pytest.mark.parametrize(("layer", "size"), [("encoder", 12), (("pooled", "dense0"), 44), (["output"], 1)])
    def test_layers_stand_side_by_side(self, base: Any, layer: Any, size: int) -> None:
        values = LayerFeatures(base, layer=layer).fit(["a"]).transform(["great film", None, ""])
        assert values.shape == (3, size)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values[1], values[2])

    @pytest.mark.parametrize("layer", ["words", "encoder", "tower", "output"])
    def test_of_a_foreign_module(self, foreign: Any, others: Any, layer: str) -> None:
        together = LayerFeatures(foreign, layer=layer).fit([]).transform(others.texts[:9])
        alone = LayerFeatures(foreign, layer=layer).transform(others.texts[4:5])
        assert together.shape == (9, {"words": 4, "encoder": 3, "tower": 5, "output": 1}[layer])
        np.testing.assert_allclose(together[4], alone[0], atol=1e-5)

    @pytest.mark.parametrize("layer", ["tower.0", "tower.1"])
    def test_of_a_part_inside_a_part(self, foreign: Any, layer: str) -> None:
        assert LayerFeatures(foreign, layer=layer).fit([]).transform(["great film"]).shape == (1, 5)


class TestTransformer:
    def test_takes_a_column_in_any_form(self, base: Any) -> None:
        texts = ["great film", "awful plot"]
        expected = LayerFeatures(base).transform(texts)
        for form in (
            np.array(texts),
            np.array(texts, object)[:, None],
            pd.Series(texts),
            pd.DataFrame({"x": texts}),
            pa.array(texts),
        ):
            np.testing.assert_array_equal(LayerFeatures(base).transform(form), expected)

    def test_changes_neither_texts_nor_base(self, base: Any) -> None:
        texts = np.array(["Great film", None], object)
        before = {name: value.clone() for name, value in base.predictor_.net.state_dict().items()}
        LayerFeatures(base).fit_transform(texts)
        assert texts.tolist() == ["Great film", None]
        assert all(torch.equal(value, before[name]) for name, value in base.predictor_.net.state_dict().items())

    def test_stands_in_a_pipeline_and_is_cloned_with_its_base(self, base: Any, others: Any) -> None:
        pipeline = make_pipeline(LayerFeatures(base), LogisticRegression(max_iter=1000))
        scores = cross_val_score(clone(pipeline), others.texts, others.labels, cv=3)
        assert scores.mean() > 0.8

    def test_stands_beside_columns(self, base: Any, others: Any) -> None:
        frame = pd.DataFrame({"text": others.texts, "stars": others.stars}).fillna({"stars": 0})
        beside = ColumnTransformer([("review", LayerFeatures(base), "text"), ("rest", "passthrough", ["stars"])])
        assert beside.fit_transform(frame).shape == (120, 37)
        assert beside.get_feature_names_out()[:2].tolist() == ["review__pooled_0", "review__pooled_1"]

    def test_names_its_columns(self, base: Any) -> None:
        names = LayerFeatures(base, layer=["dense0", "output"]).get_feature_names_out()
        assert (len(names), names[0], names[-1]) == (9, "dense0_output_0", "dense0_output_8")

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            ("poled", "no layer 'poled'; did you mean 'pooled'.*embedding, encoder, pooled, dense0, output"),
            (["pooled", "dense9"], "no layer 'dense9'; did you mean 'dense0'"),
            ("", "no layer was named; pass layer='pooled', or several names"),
            ([], "no layer was named"),
        ],
    )
    def test_a_layer_that_is_not_there(self, base: Any, layer: Any, message: str) -> None:
        for use in (LayerFeatures(base, layer=layer).fit, LayerFeatures(base, layer=layer).transform):
            with pytest.raises(OptionError, match=message):
                use(["text"])

    def test_an_unknown_pooling_is_refused(self, base: Any) -> None:
        with pytest.raises(OptionError, match="no pooling 'sum'"):
            LayerFeatures(base, layer="encoder", pooling="sum").transform(["text"])


class TestSubmodel:
    @pytest.mark.parametrize("layer", ["embedding", "encoder", "pooled", "dense0", "output"])
    def test_gives_the_layers_output(self, base: Any, others: Any, layer: str) -> None:
        part = submodel(base, layer).eval()
        batch = Batches(examples_of(base.predictor_, as_corpus(others.texts[:5])))[0].tensors()
        expected = base.predictor_.net.outputs(batch, (layer,))[layer]
        assert torch.equal(part(batch), expected)

    def test_trains_and_leaves_the_model_as_it_is(self, base: Any, others: Any) -> None:
        before = base.decision_function(others.texts)
        net = nn.Sequential(submodel(base, "pooled"), nn.Linear(36, 1))
        examples = Examples(
            examples_of(base.predictor_, as_corpus(others.texts)).ids, np.array(others.labels, np.float32)
        )
        start = {name: value.clone() for name, value in net.state_dict().items()}
        from headstart import Trainer

        history = Trainer(net, phases=2, batch_size=16, device="cpu").fit(examples)
        assert history[-1]["train_loss"] < history[0]["train_loss"]
        assert all(not torch.equal(p, start[name]) for name, p in net.named_parameters())
        assert base.decision_function(others.texts).tobytes() == before.tobytes()

    def test_of_a_foreign_module(self, foreign: Any, others: Any) -> None:
        part = submodel(foreign, "tower")
        batch = Batches(examples_of(foreign.predictor_, as_corpus(others.texts[:5])))[0].tensors()
        part(batch).sum().backward()
        assert {name.split(".")[0] for name, p in part.named_parameters() if p.grad is not None} == {
            "words",
            "encoder",
            "tower",
        }
        assert all(p.grad is None for p in foreign.predictor_.net.parameters())

    def test_an_unknown_layer_names_the_near_one(self, base: Any) -> None:
        with pytest.raises(OptionError, match="no layer 'encodr'; did you mean 'encoder'"):
            submodel(base, "encodr")
