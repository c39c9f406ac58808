"""`TextClassifier` as scikit-learn knows its estimators: labels, tables, searching, saving, loading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from torch import Tensor, nn

from headstart import LayerFeatures, TextClassifier, Trainer, load
from headstart.artifact import read, write
from headstart.batches import Batch
from headstart.corpus import as_corpus
from headstart.errors import ArtifactError, DataError, OptionError
from headstart.layers import Stage, StageGraph
from headstart.strategies import STRATEGIES

SMALL: dict[str, Any] = {
    "net": "gru", "net_options": {"embedding_size": 8, "hidden_size": 6, "dense": [8]},
    "epochs": 3, "learning_rate": 0.03, "batch_size": 16, "device": "cpu",
}  # fmt: skip


def quick(**options: Any) -> TextClassifier:
    """A classifier that needs no network; what is tested here does not depend on it."""
    return TextClassifier(**{"strategy": "tfidf", "valid_fraction": 0, **options})


@pytest.fixture(scope="module")
def few(draw_reviews: Any) -> Any:
    return draw_reviews(48, seed=2)


LABELS: list[tuple[str, Any, list[Any]]] = [
    ("ints", [0, 1], [0, 1]),
    ("other ints", [-5, 12], [-5, 12]),
    ("bools", [False, True], [False, True]),
    ("strings", ["not happy", "happy"], ["happy", "not happy"]),
    ("floats", [1.0, 2.0], [1.0, 2.0]),
]


class TestLabels:
    @pytest.mark.parametrize(("pair", "classes"), [case[1:] for case in LABELS], ids=[case[0] for case in LABELS])
    def test_come_back_as_they_were_also_after_loading(self, few: Any, tmp_path: Path, pair: Any, classes: Any) -> None:
        labels = np.array(pair)[few.labels]
        model = quick().fit(few.texts, labels)
        model.save(tmp_path / "model")
        for made in (model, load(tmp_path / "model")):
            assert made.classes_.tolist() == classes
            assert [type(value) for value in made.classes_.tolist()] == [type(value) for value in classes]
            assert made.classes_.dtype.kind == np.array(pair).dtype.kind
            assert made.score(few.texts, labels) > 0.95
            assert made.predict(few.texts).dtype.kind == labels.dtype.kind

    @pytest.mark.parametrize(
        "form",
        [
            list,
            np.array,
            pd.Series,
            pl.Series,
            pa.array,
            lambda y: pd.Series(y, dtype="category"),
            lambda y: np.array(y, object),
        ],
    )
    def test_in_any_container(self, few: Any, form: Any) -> None:
        model = quick().fit(few.texts, form([["bad", "good"][label] for label in few.labels]))
        assert model.classes_.tolist() == ["bad", "good"]

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            ({}, ("bad", "good")),
            ({"positive": "bad"}, ("good", "bad")),
            ({"label_map": {"bad": "awful", "good": "fine"}}, ("awful", "fine")),
            ({"label_map": {"bad": "1", "good": "0"}}, ("0", "1")),
            ({"label_map": {"bad": "1", "good": "0"}, "positive": "0"}, ("1", "0")),
            ({"label_map": {"bad": "1", "good": "0"}, "positive": "good"}, ("1", "0")),
        ],
    )
    @pytest.mark.parametrize("how", ["y", "corpus"])
    @pytest.mark.filterwarnings("ignore:classes_ is sorted:FutureWarning")
    def test_classes_are_those_of_y_sorted_and_the_positive_one_is_said(
        self, few: Any, tmp_path: Path, options: dict[str, Any], names: tuple[str, str], how: str
    ) -> None:
        labels = [["bad", "good"][label] for label in few.labels]
        if how == "y":
            model = quick(**options).fit(few.texts, labels)
        else:
            model = quick(**options).fit(as_corpus(few.texts).with_labels(labels))
        model.save(tmp_path / "model")
        back = {new: old for old, new in options.get("label_map", {}).items()}
        for made in (model, load(tmp_path / "model")):
            assert made.predictor_.label_names == names
            assert made.classes_.tolist() == ["bad", "good"]
            assert made.positive_ == back.get(names[1], names[1])
            assert made.predict(["great lovely superb", "awful dreary boring"]).tolist() == ["good", "bad"]
            proba = made.predict_proba(["great lovely superb"])
            assert proba[0, 1] > 0.5
            assert (made.decision_function(["great lovely superb", "awful dreary boring"]) > 0).tolist() == [
                True,
                False,
            ]
            assert made.score(few.texts, labels) > 0.95

    def test_several_values_of_one_name_are_called_by_the_name(self, few: Any) -> None:
        labels = [[1, 2, 5, 4][2 * label + i // 2 % 2] for i, label in enumerate(few.labels)]
        model = quick(label_map={1: "bad", 2: "bad", 4: "good", 5: "good"}).fit(few.texts, labels)
        assert model.classes_.tolist() == ["bad", "good"]
        assert model.score(few.texts, labels) > 0.95

    def test_probability_columns_follow_the_classes(self, strategy: str, base: Any, reviews: Any) -> None:
        model = TextClassifier(base=base, strategy=strategy, epochs=2, device="cpu", head="linear").fit(
            reviews.texts, reviews.labels
        )
        proba = model.predict_proba(reviews.texts)
        assert proba.shape == (300, 2)
        np.testing.assert_allclose(proba.sum(1), 1)
        np.testing.assert_array_equal(model.predict(reviews.texts), model.classes_[(proba[:, 1] >= 0.5).astype(int)])
        np.testing.assert_array_equal(model.decision_function(reviews.texts) > 0, proba[:, 1] > 0.5)
        assert np.array_equal(
            np.argsort(proba[:, 1], kind="stable"), np.argsort(model.decision_function(reviews.texts), kind="stable")
        )

    @pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, ""])
    @pytest.mark.parametrize("form", [list, lambda y: np.array(y, object), lambda y: pd.Series(y, dtype=object)])
    def test_missing_ones_are_refused(self, few: Any, missing: Any, form: Any) -> None:
        labels = [missing if i % 3 == 1 else ["bad", "good"][label] for i, label in enumerate(few.labels)]
        with pytest.raises(
            DataError,
            match=r"Input y contains NaN: 16 of 48 labels are missing \(null, NaN or blank\), the first in row 1",
        ):
            quick().fit(few.texts, form(labels))

    def test_missing_ones_of_a_corpus_were_dropped_and_counted_in_reading(self, few: Any) -> None:
        labels = [None if i % 3 == 0 else label for i, label in enumerate(few.labels)]
        corpus = as_corpus(few.texts).with_labels(labels)
        assert corpus.counts["n_null_labels_dropped"] == 16
        assert quick().fit(corpus).predictor_.info["n_train"] == 32

    def test_of_another_number_than_texts_are_refused(self) -> None:
        with pytest.raises(DataError, match="2 labels came for 3 texts of the data. Pass one label a text"):
            quick().fit(["a", "b", "c"], [0, 1])

    @pytest.mark.parametrize("strategy_name", ["as-is", "features", "fine-tune"])
    def test_that_the_base_does_not_know_are_listed_with_its_own(
        self, base: Any, others: Any, strategy_name: str
    ) -> None:
        labels = [["sad", "glad"][label] for label in others.labels]
        with pytest.raises(DataError, match="(?s)'glad', 'sad'.*'0', '1'.*--label-map"):
            TextClassifier(base=base, strategy=strategy_name).fit(others.texts, labels)
        mapped = TextClassifier(
            base=base, strategy=strategy_name, label_map={"sad": 0, "glad": 1}, epochs=1, device="cpu"
        )
        mapped.fit(others.texts, labels)
        assert mapped.predict(["great lovely superb warm"]).tolist() == ["glad"]
        assert mapped.predictor_.label_names == ("0", "1")

    def test_of_validation_rows_are_the_training_rows(self, few: Any, others: Any) -> None:
        with pytest.raises(DataError, match="(?s)'no', 'yes'.*'0', '1'"):
            quick().fit(few.texts, few.labels, valid=(others.texts, [["no", "yes"][label] for label in others.labels]))


class TestTexts:
    @pytest.mark.parametrize(
        "form",
        [
            list, np.array, lambda t: np.array(t, object), lambda t: np.array(t)[:, None], pd.Series, pl.Series, pa.array,
            lambda t: pd.DataFrame({"text": t, "other": 1}), lambda t: pl.DataFrame({"words": t}),
            lambda t: pa.table({"text": t, "n": list(range(len(t)))}), as_corpus,
        ],
    )  # fmt: skip
    def test_in_any_container(self, few: Any, form: Any) -> None:
        expected = quick().fit(few.texts, few.labels).predict_proba(few.texts)
        model = quick().fit(form(few.texts), few.labels)
        assert model.predict_proba(form(few.texts)).tobytes() == expected.tobytes()

    def test_the_column_of_a_table_is_named(self, few: Any) -> None:
        frame = pd.DataFrame({"review": few.texts, "title": "x"})
        model = quick(text="review").fit(frame, few.labels)
        assert model.score(frame, few.labels) > 0.95
        assert model.predictor_.text == "review"
        with pytest.raises(DataError, match="'text'.*review, title|review.*title"):
            quick().fit(frame, few.labels)

    def test_columns_need_a_table(self, few: Any) -> None:
        with pytest.raises(
            DataError, match="The columns stars were asked for, and a list of texts has none. Pass a table"
        ):
            quick(columns=["stars"]).fit(few.texts, few.labels)

    @pytest.mark.filterwarnings("ignore:column .stars. alone tells")
    def test_columns_are_read_beside_the_text(self, few: Any, tmp_path: Path) -> None:
        frame = pd.DataFrame({"text": "same words", "stars": [label * 10.0 for label in few.labels]})
        model = quick(columns="stars").fit(frame, few.labels)
        model.save(tmp_path / "m")
        for made in (model, load(tmp_path / "m")):
            assert made.score(frame, few.labels) == 1
            assert made.n_features_in_ == 2
        with pytest.raises(DataError, match="stars"):
            model.predict(frame.drop(columns="stars"))


class TestScikitLearn:
    def test_options_are_stored_untouched(self) -> None:
        given = {name: object() for name in TextClassifier().get_params()}
        assert TextClassifier(**given).get_params(deep=False) == given

    def test_set_params_and_construction_mean_the_same(self) -> None:
        assert TextClassifier().set_params(**SMALL).get_params() == TextClassifier(**SMALL).get_params()
        with pytest.raises(ValueError, match="Invalid parameter 'epoch' for estimator TextClassifier"):
            TextClassifier().set_params(epoch=3)

    def test_clone_keeps_options_and_base_and_forgets_what_was_learnt(self, base: Any, reviews: Any) -> None:
        model = TextClassifier(base=base, strategy="as-is", trainer_options={"patience": 2}).fit(reviews.texts)
        copy = clone(model)
        assert not hasattr(copy, "predictor_")
        assert copy.base is base
        assert copy.trainer_options == {"patience": 2} and copy.trainer_options is not model.trainer_options
        assert hasattr(base, "predictor_")

    def test_cross_validation(self, reviews: Any) -> None:
        scores = cross_val_score(
            TextClassifier(**SMALL), np.array(reviews.texts), reviews.labels, cv=2, scoring="roc_auc"
        )
        assert scores.min() > 0.8

    def test_cross_validation_with_a_base(self, strategy: str, base: Any, others: Any) -> None:
        model = TextClassifier(base=base, strategy=strategy, epochs=6, learning_rate=0.03, batch_size=8, device="cpu")
        assert cross_val_score(model, others.texts, others.labels, cv=2).mean() > 0.7

    def test_grid_search_over_strategies(self, base: Any, others: Any) -> None:
        search = GridSearchCV(
            TextClassifier(base=base, epochs=1, device="cpu", head="linear"),
            {"strategy": ["as-is", "features", "fine-tune", "tfidf"], "valid_fraction": [0.0]},
            cv=2, scoring="roc_auc", error_score="raise",
        ).fit(others.texts, others.labels)  # fmt: skip
        assert len(search.cv_results_["params"]) == 4
        assert search.best_score_ > 0.9
        assert search.predict(["great lovely superb"]).tolist() == [1]

    def test_a_grid_of_bases_takes_paths_and_frozen_ones(self, base: Any, base_folder: Path, others: Any) -> None:
        grid = {"base": [str(base_folder), base.predictor_, FrozenEstimator(base)]}
        search = GridSearchCV(TextClassifier(strategy="as-is"), grid, cv=2, error_score="raise").fit(
            others.texts, others.labels
        )
        assert len(set(search.cv_results_["mean_test_score"])) == 1

    def test_last_step_of_a_pipeline(self, reviews: Any) -> None:
        from sklearn.preprocessing import FunctionTransformer

        pipeline = Pipeline([("clean", FunctionTransformer(_shout)), ("model", quick())])
        pipeline.fit(np.array(reviews.texts, object), reviews.labels)
        assert pipeline.predict_proba(["great film"])[0, 1] > 0.5
        assert pipeline.set_params(model__min_count=3).get_params()["model__min_count"] == 3

    def test_unfitted_says_so(self) -> None:
        for use in ("predict", "predict_proba", "decision_function", "save"):
            with pytest.raises(NotFittedError, match="not fitted yet"):
                getattr(TextClassifier(), use)(["text"])

    def test_fitting_again_starts_anew(self, reviews: Any, others: Any) -> None:
        model = TextClassifier(**SMALL)
        model.fit(others.texts, others.labels)
        again = model.fit(reviews.texts, reviews.labels).predict_proba(others.texts)
        assert (
            again.tobytes()
            == TextClassifier(**SMALL).fit(reviews.texts, reviews.labels).predict_proba(others.texts).tobytes()
        )

    def test_what_is_given_is_left_alone(self, reviews: Any) -> None:
        texts, labels = np.array(reviews.texts[:60], object), np.array(reviews.labels[:60])
        before = texts.copy(), labels.copy()
        options = {"optimizer": "sgd", "optimizer_options": {"momentum": 0.5}}
        TextClassifier(**{**SMALL, "epochs": 1}, trainer_options=options).fit(texts, labels)
        assert (texts == before[0]).all() and (labels == before[1]).all()
        assert options == {"optimizer": "sgd", "optimizer_options": {"momentum": 0.5}}

    def test_shows_itself(self) -> None:
        assert repr(TextClassifier(strategy="tfidf")) == "TextClassifier(strategy='tfidf')"


def _shout(texts: Any) -> Any:
    return np.array([text.upper() for text in np.asarray(texts, object)], object)


class TestHoldingOut:
    @pytest.mark.parametrize(
        ("n", "options", "n_valid"),
        [
            (300, {}, 30),
            (300, {"valid_fraction": 0.25}, 75),
            (300, {"valid_fraction": 0}, None),
            (99, {}, None),
            (100, {}, 10),
        ],
    )
    def test_a_share_of_the_rows(self, reviews: Any, n: int, options: dict[str, Any], n_valid: int | None) -> None:
        info = (
            TextClassifier(**{**SMALL, "epochs": 0}, **options)
            .fit(reviews.texts[:n], reviews.labels[:n])
            .predictor_.info
        )
        assert info.get("n_valid") == n_valid
        assert info["n_train"] == n - (n_valid or 0)

    def test_rows_of_a_group_stay_together(self, reviews: Any) -> None:
        groups = [f"hotel {i // 10}" for i in range(300)]
        # Words that stand in one group only: those of held-out groups must be unknown.
        texts = [f"{text} place{group.split()[1]}" for text, group in zip(reviews.texts, groups, strict=True)]
        frame = pd.DataFrame({"text": texts, "hotel": groups})
        model = TextClassifier(**{**SMALL, "epochs": 0}, groups="hotel").fit(frame, reviews.labels)
        known = {word for word in model.predictor_.steps[-1].vocabulary_.to_pylist() if word.startswith("place")}  # type: ignore[index]
        assert len(known) == 30 - model.predictor_.info["n_valid"] // 10

    @pytest.mark.parametrize("form", ["pair", "corpus"])
    def test_rows_of_ones_own(self, reviews: Any, others: Any, form: str) -> None:
        valid = (others.texts, others.labels) if form == "pair" else as_corpus(others.texts).with_labels(others.labels)
        model = TextClassifier(**{**SMALL, "epochs": 1}).fit(reviews.texts, reviews.labels, valid=valid)
        assert (model.predictor_.info["n_train"], model.predictor_.info["n_valid"]) == (300, 120)


class Bag(nn.Module):
    """The smallest network that takes a batch."""

    def __init__(self, n_words: int, size: int = 4) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(n_words, size, padding_idx=0)
        self.output = nn.Linear(size, 1)

    def forward(self, batch: Batch) -> Tensor:
        logits: Tensor = self.output(self.words(batch.ids))
        return logits


def staged(n_words: int) -> StageGraph:
    return StageGraph(
        {
            "bag": Stage(nn.EmbeddingBag(n_words, 4, padding_idx=0), ("ids",), ("rows", 4)),
            "output": Stage(nn.Linear(4, 1), ("bag",), ("rows", 1)),
        }
    )


class TestOnesOwn:
    OPTIONS: dict[str, Any] = {"epochs": 15, "learning_rate": 0.1, "batch_size": 16, "device": "cpu"}

    @pytest.mark.parametrize("net", [Bag, staged, lambda n_words: Bag(n_words, 6)])
    def test_function_that_builds_a_module(self, reviews: Any, tmp_path: Path, net: Any) -> None:
        model = TextClassifier(net=net, **self.OPTIONS).fit(reviews.texts, reviews.labels)
        assert model.score(reviews.texts, reviews.labels) > 0.9
        model.save(tmp_path / "own")
        n_words = model.predictor_.steps[-1].n_ids  # type: ignore[index]
        again = load(tmp_path / "own", net=net(n_words))
        assert again.predict_proba(reviews.texts).tobytes() == model.predict_proba(reviews.texts).tobytes()
        with pytest.raises(ArtifactError, match=r"build that module and pass it: headstart.load\(path, net=module\)"):
            load(tmp_path / "own")

    def test_module(self, reviews: Any, others: Any, tmp_path: Path) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = Bag(500)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        model = TextClassifier(net=net, **self.OPTIONS).fit(reviews.texts, reviews.labels)
        assert model.score(others.texts, others.labels) > 0.8
        assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
        model.save(tmp_path / "own")
        again = load(tmp_path / "own", net=Bag(500))
        assert again.predict(others.texts).tolist() == model.predict(others.texts).tolist()

    def test_module_carries_over_by_every_strategy(
        self, strategy: str, reviews: Any, others: Any, tmp_path: Path
    ) -> None:
        if strategy == "self-train":
            pytest.skip("adds to the n-grams of a `blend`, which a module of one's own has not")
        base = TextClassifier(net=staged, **self.OPTIONS).fit(reviews.texts, reviews.labels)
        model = TextClassifier(base=base, strategy=strategy, net=staged, head="linear", **self.OPTIONS)
        model.fit(others.texts, others.labels)
        assert model.score(others.texts, others.labels) > 0.8
        model.save(tmp_path / "m")
        net = (
            None
            if STRATEGIES[strategy].uses == "nothing" and strategy != "scratch"
            else staged(model.predictor_.steps[-1].n_ids)
        )  # type: ignore[index]
        again = load(tmp_path / "m", net=net)
        assert again.predict_proba(others.texts).tobytes() == model.predict_proba(others.texts).tobytes()

    def test_layers_of_a_module_can_be_taken(self, reviews: Any) -> None:
        model = TextClassifier(net=Bag, **{**self.OPTIONS, "epochs": 1}).fit(reviews.texts, reviews.labels)
        assert LayerFeatures(model, layer="words").transform(["great film"]).shape == (1, 4)

    def test_a_function_draws_from_the_seed(self, reviews: Any) -> None:
        weights = []
        for seed in (1, 1, 2):
            torch.rand(3)
            model = TextClassifier(net=Bag, epochs=0, random_state=seed, device="cpu").fit(
                reviews.texts, reviews.labels
            )
            weights.append(model.predictor_.net.state_dict()["output.weight"])
        assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])

    def test_loss_optimizer_and_events(self, reviews: Any, tmp_path: Path) -> None:
        told: list[str] = []

        def squared(logits: Tensor, labels: Tensor) -> Tensor:
            return (logits[:, 0].sigmoid() - labels).pow(2)

        def optimizer(groups: Any) -> torch.optim.Optimizer:
            return torch.optim.Adamax(groups)

        def event(name: str, trainer: Trainer, row: Mapping[str, Any]) -> None:
            told.append(name)

        model = TextClassifier(
            **SMALL, events=[event], trainer_options={"loss": squared, "optimizer": optimizer, "patience": 3}
        ).fit(reviews.texts, reviews.labels)
        assert model.history_[0]["train_loss"] == pytest.approx(0.25, abs=0.05)
        assert told[0] == "train_begin" and told[-1] == "train_end"
        model.save(tmp_path / "m")
        again = load(tmp_path / "m")
        assert again.trainer_options == {"patience": 3}  # code is not stored
        assert again.fit(reviews.texts, reviews.labels).history_


class TestSavingAndLoading:
    def test_brings_the_same_class_and_options_back(self, base: Any, base_folder: Path) -> None:
        again = load(base_folder)
        assert type(again) is TextClassifier
        ours, theirs = base.get_params(), again.get_params()
        assert {name: theirs[name] for name in ("net", "epochs", "random_state", "learning_rate")} == {
            name: ours[name] for name in ("net", "epochs", "random_state", "learning_rate")
        }
        assert theirs["net_options"] == {"embedding_size": 8, "hidden_size": 6, "dense": [8]}
        assert (theirs["device"], theirs["strategy"]) == ("auto", "scratch")
        assert again.history_ == base.history_
        assert again.classes_.tolist() == base.classes_.tolist() == [0, 1]

    def test_a_loaded_one_can_be_fitted_anew(self, base: Any, base_folder: Path, reviews: Any) -> None:
        again = load(base_folder).set_params(device="cpu").fit(reviews.texts, reviews.labels)
        assert again.predict_proba(reviews.texts).tobytes() == base.predict_proba(reviews.texts).tobytes()

    def test_the_same_model_is_the_same_bytes(self, base: Any, base_folder: Path, tmp_path: Path) -> None:
        hashes = {base.save(tmp_path / "one"), load(base_folder).save(tmp_path / "two")}
        assert len(hashes) == 1

    @pytest.mark.parametrize(
        "options",
        [
            {"device": torch.device("cpu")},
            {"trainer_options": {"save_epochs": Path("{tmp}")}},
            {"random_state": np.int64(3), "learning_rate": np.float32(0.01)},
            {"net_options": {"dense": (8,), "embedding_size": np.int64(4)}},
            {"checkpoint": Path("{tmp}")},
            {"label_map": {0: 1, 1: 0}},
        ],
    )
    @pytest.mark.filterwarnings("ignore:classes_ is sorted:FutureWarning")
    def test_options_of_many_types_can_be_stored(self, reviews: Any, tmp_path: Path, options: dict[str, Any]) -> None:
        def placed(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: placed(item) for key, item in value.items()}
            return tmp_path / "files" if isinstance(value, Path) else value

        given = {**SMALL, "epochs": 1, **{name: placed(value) for name, value in options.items()}}
        model = TextClassifier(**given).fit(reviews.texts, reviews.labels)
        model.save(tmp_path / "model")
        assert load(tmp_path / "model").predict_proba(["a"]).tobytes() == model.predict_proba(["a"]).tobytes()

    def test_what_cannot_be_stored_is_refused_before_training(self, reviews: Any) -> None:
        told: list[str] = []
        model = TextClassifier(
            **SMALL, label_map={0: Decimal(0), 1: Decimal(1)}, events=[lambda name, *_: told.append(name)]
        )
        with pytest.raises(
            (OptionError, ArtifactError), match=r"the option value Decimal\('0'\) cannot be stored with the model"
        ):
            model.fit(reviews.texts, reviews.labels)
        assert told == []

    @pytest.mark.parametrize(
        "facts",
        [{"label_values": values} for values in ([[0], [1]], [1], [1, 1], [None, 0], {"a": 1}, ["a", float("nan")])],
    )
    def test_label_values_that_cannot_be_are_refused(self, base_folder: Path, tmp_path: Path, facts: Any) -> None:
        parts = read(base_folder)
        with pytest.raises(ArtifactError):
            write(tmp_path / "model", replace(parts, model={**parts.model, "info": {**parts.model["info"], **facts}}))
            load(tmp_path / "model")

    @pytest.mark.parametrize("kinds", [["float", "float"], ["bool", "bool"]])
    def test_types_that_the_names_do_not_have_are_strings(self, few: Any, tmp_path: Path, kinds: list[str]) -> None:
        quick().fit(few.texts, [["bad", "good"][label] for label in few.labels]).save(tmp_path / "sound")
        parts = read(tmp_path / "sound")
        model = {**parts.model, "info": {**parts.model["info"], "label_types": kinds}}
        write(tmp_path / "model", replace(parts, model=model))
        assert load(tmp_path / "model").classes_.tolist() == ["bad", "good"]

    @pytest.mark.parametrize("history", [3, "lost", {"epoch": 1}, [1, 2], [{"epoch": 1}, None]])
    def test_a_history_of_something_else_is_refused(self, base_folder: Path, tmp_path: Path, history: Any) -> None:
        parts = read(base_folder)
        write(tmp_path / "model", replace(parts, run={**parts.run, "history": history}))
        with pytest.raises(ArtifactError, match=r"the history in this model's run\.json is .*\. Copy the model again"):
            load(tmp_path / "model")

    @pytest.mark.parametrize("change", [{"text": ["text"]}, {"epochs": "three"}, {"columns": 5}, {"net": {}}])
    def test_options_of_another_type_are_refused(
        self, base_folder: Path, tmp_path: Path, change: dict[str, Any]
    ) -> None:
        parts = read(base_folder)
        model = {**parts.model, "estimator": {**parts.model["estimator"], **change}}
        write(tmp_path / "model", replace(parts, model=model))
        with pytest.raises(ArtifactError, match=r"model\.estimator\.\w+: expected .* Copy the model"):
            load(tmp_path / "model")

    def test_a_pattern_that_may_run_for_ever_needs_to_be_trusted(self, reviews: Any, tmp_path: Path) -> None:
        model = TextClassifier(**SMALL, tokens=r"(?:[a-z]+)+(?=\W|$)").fit(reviews.texts, reviews.labels)
        model.save(tmp_path / "model")
        with pytest.raises(
            ArtifactError, match=r"headstart\.load\(path, trust_patterns=True\), or set HEADSTART_TRUST"
        ):
            load(tmp_path / "model")
        again = load(tmp_path / "model", trust_patterns=True)
        assert again.predict_proba(reviews.texts).tobytes() == model.predict_proba(reviews.texts).tobytes()

    def test_no_model_no_load(self, tmp_path: Path) -> None:
        with pytest.raises(ArtifactError, match="there is no model at"):
            load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "fine_tune"}, "there is no strategy 'fine_tune'; did you mean 'fine-tune'"),
        (
            {"strategy": "scratch", "random_state": "one"},
            "random_state is 'one'; expected a whole number or a RandomState",
        ),
        ({"strategy": "scratch", "random_state": -1}, "random_state is -1; expected a number of 0 or more"),
        ({"strategy": "scratch", "threshold": 1.5}, "threshold is 1.5; expected a probability, from 0 to 1"),
        ({"strategy": "scratch", "random_state": 1.5}, "random_state is 1.5; expected a whole number"),
        ({"strategy": "scratch", "valid_fraction": 2.0}, "The share to hold out is 2.0; expected one between 0 and 1"),
        ({"strategy": "scratch", "valid_fraction": "some"}, "valid_fraction is 'some'; expected a number"),
        ({"strategy": "scratch", "groups": "hotel"}, "hotel"),
        ({"columns": ["stars", "stars"]}, "columns are stars, stars, one of them twice; name each column once"),
        ({"base": 3}, "a model was expected and a int came"),
    ],
)
def test_options_that_cannot_be(reviews: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, DataError), match=message):
        TextClassifier(**options).fit(reviews.texts, reviews.labels)
