"""Six ways to a predictor: each learns, keeps its base as it was, and says what it was given."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from headstart import Phase, TextClassifier, load
from headstart.batches import Batches, Examples
from headstart.corpus import as_corpus, encode_labels
from headstart.errors import DataError, HeadstartWarning, MissingDependencyError, OptionError
from headstart.fitting.calibration import fit_calibration
from headstart.fitting.logistic import fit_dual
from headstart.layers import NgramLogit, adapt
from headstart.metrics import auc
from headstart.strategies import RECIPES, STRATEGIES, UNLABELLED, Settings
from headstart.strategies.blend import fit_branches
from headstart.strategies.blend.fit_branches import fit_ngram_branches, share_unknown, without_rare
from headstart.strategies.blend.self_training import LEAST_TEXTS, adapt_to_texts, self_train, with_own_texts
from headstart.strategies.fine_tune import head_stages
from headstart.strategies.inputs import examples_of
from headstart.strategies.recipes import batch_size_of, phases_of
from headstart.text import RaggedIds

# Options that make each strategy quick. A strategy without a line here has no test, so they fail.
OPTIONS: dict[str, dict[str, Any]] = {
    "as-is": {},
    "features": {"head": "linear"},
    "fine-tune": {"epochs": 3},
    "fine-tune-gradual": {"phases": [Phase(3, 0.003)]},
    "nbsvm": {},
    "scratch": {"epochs": 4, "learning_rate": 0.03, "batch_size": 16},
    "self-train": {},
    "self-train+fine-tune": {},
    "tfidf": {},
}
WITH_BASE = ("as-is", "features", "fine-tune", "fine-tune-gradual", "self-train", "self-train+fine-tune")
BY_FOLDS = ("features", "nbsvm", "tfidf")
"""What chooses, calibrates and measures by folds, and holds nothing out."""


def classifier(strategy: str, base: Any = None, **options: Any) -> TextClassifier:
    if strategy not in OPTIONS:
        pytest.fail(f"the strategy {strategy!r} has no case: add its options to OPTIONS")
    return TextClassifier(**{"base": base, "strategy": strategy, "device": "cpu", **OPTIONS[strategy], **options})


def state(model: Any) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in model.predictor_.net.state_dict().items()}


class TestEvery:
    def test_learns_to_tell_the_reviews_apart(self, strategy: str, base: Any, reviews: Any, others: Any) -> None:
        model = classifier(strategy, base).fit(reviews.texts, reviews.labels)
        assert auc(others.labels, model.decision_function(others.texts)) > 0.9

    def test_leaves_its_base_as_it_was(self, strategy: str, base: Any, reviews: Any) -> None:
        weights, scores = state(base), base.predict_proba(reviews.texts)
        facts = str(base.predictor_.info), base.predictor_.calibration, base.predictor_.text
        classifier(strategy, base, text="review").fit(
            as_corpus(reviews.texts), [["1", "0"][label] for label in reviews.labels]
        )
        assert state(base) == weights
        assert base.predict_proba(reviews.texts).tobytes() == scores.tobytes()
        assert (str(base.predictor_.info), base.predictor_.calibration, base.predictor_.text) == facts

    def test_saved_and_loaded_it_says_the_same(
        self, strategy: str, base: Any, reviews: Any, others: Any, tmp_path: Path
    ) -> None:
        model = classifier(strategy, base).fit(reviews.texts, reviews.labels)
        model.save(tmp_path / "model")
        again = load(tmp_path / "model")
        assert again.predict_proba(others.texts).tobytes() == model.predict_proba(others.texts).tobytes()
        assert again.predict(others.texts).tolist() == model.predict(others.texts).tolist()
        assert again.strategy == strategy
        assert again.get_params()["strategy"] == strategy

    def test_a_loaded_base_carries_as_well(
        self, strategy: str, base: Any, base_folder: Path, reviews: Any, others: Any
    ) -> None:
        found = [
            classifier(strategy, of).fit(reviews.texts, reviews.labels).predict_proba(others.texts)
            for of in (base, base_folder, load(base_folder))
        ]
        assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()

    def test_writes_down_what_it_was_given(self, strategy: str, base: Any, reviews: Any) -> None:
        info = classifier(strategy, base).fit(reviews.texts, reviews.labels).predictor_.info
        assert info["strategy"] == strategy
        if strategy not in UNLABELLED:
            n_valid = 300 if strategy in BY_FOLDS else 30
            assert (info["n_valid"], info["valid"]["n"]) == (n_valid, n_valid)
            assert 0.5 <= info["valid"]["confidence"] <= 1
            assert info["n_train"] in (270, 300)  # what only measures on held-out rows may be fitted again with them

    def test_few_labels_hold_none_out(self, strategy: str, base: Any, reviews: Any) -> None:
        model = classifier(strategy, base).fit(reviews.texts[:60], reviews.labels[:60])
        if strategy not in UNLABELLED:
            assert model.predictor_.info["n_train"] == 60
            assert ("valid" in model.predictor_.info) == (strategy in BY_FOLDS)
        assert np.isfinite(model.decision_function(reviews.texts)).all()

    def test_four_labels_are_enough_to_run(self, strategy: str, base: Any, reviews: Any) -> None:
        if strategy == "self-train":
            pytest.skip("needs fifty texts, and no labels")
        model = classifier(strategy, base).fit(reviews.texts[:4], reviews.labels[:4])
        assert np.isfinite(model.predict_proba(reviews.texts)).all()

    def test_labels_of_one_class_are_refused(self, strategy: str, base: Any, reviews: Any) -> None:
        if strategy in UNLABELLED:
            pytest.skip("learns nothing, so needs no labels")
        with pytest.raises(
            DataError,
            match="hold only the label '1'; training needs rows of at least two classes|the labels are 1: 1 values",
        ):
            classifier(strategy, base).fit(reviews.texts[:9], [1] * 9)

    def test_no_labels_are_refused_by_those_that_learn(self, strategy: str, base: Any, reviews: Any) -> None:
        model = classifier(strategy, base)
        if strategy in UNLABELLED:
            assert model.fit(reviews.texts).predict(["great lovely superb"]).tolist() == [1]
        else:
            with pytest.raises(DataError, match="labels, and none came; name the label column"):
                model.fit(reviews.texts)

    def test_nothing_is_learnt_from_validation_rows_but_when_to_stop(
        self, strategy: str, base: Any, reviews: Any, others: Any
    ) -> None:
        words = [f"{text} onlyinvalid" for text in others.texts]
        model = classifier(strategy, base).fit(reviews.texts, reviews.labels, valid=(words, others.labels))
        if strategy == "tfidf":
            assert "onlyinvalid" not in model.predictor_.scorer.head.ngrams  # type: ignore[union-attr]
        if strategy == "scratch":
            assert "onlyinvalid" not in model.predictor_.steps[-1].vocabulary_.to_pylist()  # type: ignore[index]
        if strategy not in UNLABELLED:
            assert model.predictor_.info["n_train"] == 300


@pytest.mark.parametrize("strategy_name", WITH_BASE)
class TestWithoutABase:
    def test_carrying_needs_one(self, strategy_name: str, reviews: Any) -> None:
        with pytest.raises(OptionError, match="this strategy carries a base over, and none came; pass base="):
            classifier(strategy_name).fit(reviews.texts, reviews.labels)


class TestAsIs:
    def test_is_the_base(self, base: Any, others: Any) -> None:
        model = classifier("as-is", base).fit(others.texts, others.labels)
        assert model.predict_proba(others.texts).tobytes() == base.predict_proba(others.texts).tobytes()

    def test_of_a_head_keeps_its_columns(self, base: Any, reviews: Any) -> None:
        mixed = classifier("features", base, columns=["stars"]).fit(reviews.frame(), reviews.labels)
        again = classifier("as-is", mixed).fit(reviews.frame(), reviews.labels)
        assert again.predict_proba(reviews.frame()).tobytes() == mixed.predict_proba(reviews.frame()).tobytes()


class TestFeatures:
    @pytest.mark.parametrize("layer", ["embedding", "encoder", "pooled", "dense0", "output", ["encoder", "output"]])
    def test_any_layer_can_be_read(self, base: Any, reviews: Any, others: Any, tmp_path: Path, layer: Any) -> None:
        model = classifier("features", base, layer=layer).fit(reviews.texts, reviews.labels)
        assert auc(others.labels, model.decision_function(others.texts)) > 0.8
        model.save(tmp_path / "m")
        assert (
            load(tmp_path / "m").decision_function(others.texts).tobytes()
            == model.decision_function(others.texts).tobytes()
        )

    def test_carries_only_the_layers_that_it_needs(self, base: Any, reviews: Any) -> None:
        model = classifier("features", base, layer="pooled").fit(reviews.texts, reviews.labels)
        assert model.predictor_.net.stages == ("embedding", "encoder", "pooled")
        assert base.predictor_.net.stages[-1] == "output"

    @pytest.mark.parametrize("head", ["linear", "catboost", "auto"])
    def test_columns_beside_the_text_help(self, base: Any, draw_reviews: Any, head: str, tmp_path: Path) -> None:
        if head != "linear":
            pytest.importorskip("catboost")
        rows = draw_reviews(60, seed=7)
        telling = rows.frame().append_column("telling", [["yes" if label else None for label in rows.labels]])
        texts = telling.set_column(0, "text", [["the same"] * 60])
        with pytest.warns(HeadstartWarning, match="column 'telling' alone tells 100.0% of the labels"):
            model = classifier("features", base, head=head, columns=["telling", "stars"]).fit(texts, rows.labels)
        assert (model.predict(texts) == np.array(rows.labels)).mean() > 0.95
        assert model.n_features_in_ == 3
        model.save(tmp_path / "m")
        assert load(tmp_path / "m").predict_proba(texts).tobytes() == model.predict_proba(texts).tobytes()

    def test_auto_is_trees_where_they_say_more_and_only_if_they_are_there(
        self, base: Any, draw_reviews: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("catboost")
        few = draw_reviews(80)
        frame = few.frame().append_column("odd", [[(7 * i % 10) * (1 if i % 10 < 9 else -1) for i in range(80)]])
        labels = [int(3 <= (7 * i % 10) <= 6) for i in range(80)]  # no line tells the middle from both ends
        same = frame.set_column(0, "text", [["the same"] * 80])

        def kind(table: Any, given: list[int], columns: list[str]) -> str:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", HeadstartWarning)  # the column decides the label
                model = classifier("features", base, head="auto", columns=columns).fit(table, given)
            return str(model.predictor_.scorer.head.kind)  # type: ignore[union-attr]

        assert kind(few.frame().slice(0, 30), few.labels[:30], ["stars"]) == "linear"
        assert kind(same, labels, ["odd"]) == "catboost"
        monkeypatch.setitem(sys.modules, "catboost", None)
        assert kind(same, labels, ["odd"]) == "linear"
        with pytest.raises(MissingDependencyError, match=r"pip install catboost .*'catboost'"):
            classifier("features", base, head="catboost").fit(few.texts, few.labels)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"layer": "pold"}, OptionError, "no layer 'pold'; did you mean 'pooled'"),
            ({"head": "forest"}, OptionError, "no head 'forest'.*auto, linear, catboost"),
            ({"pooling": "sum", "layer": "encoder"}, OptionError, "no pooling 'sum'"),
        ],
    )
    def test_what_is_not_there_is_named(
        self, base: Any, reviews: Any, options: dict[str, Any], error: Any, message: str
    ) -> None:
        with pytest.raises(error, match=message):
            classifier("features", base, **options).fit(reviews.texts, reviews.labels)

    def test_a_missing_column_is_named(self, base: Any, reviews: Any) -> None:
        with pytest.raises(DataError, match="(?i)'?device_'?.*device"):
            classifier("features", base, columns=["device_"]).fit(reviews.frame(), reviews.labels)

    def test_a_base_without_a_network_is_refused(self, reviews: Any) -> None:
        words = classifier("tfidf").fit(reviews.texts, reviews.labels)
        with pytest.raises(DataError, match="this model is of kind 'tfidf' and holds no network"):
            classifier("features", words).fit(reviews.texts, reviews.labels)


class TestFineTune:
    def test_starts_from_the_bases_weights(self, base: Any, others: Any) -> None:
        model = classifier("fine-tune", base, epochs=0).fit(others.texts, others.labels)
        np.testing.assert_allclose(
            model.score_rows(others.texts).logits, base.score_rows(others.texts).logits, atol=1e-6
        )

    def test_by_default_every_part_moves_in_the_end_and_the_head_first(self, base: Any, others: Any) -> None:
        states: list[dict[str, torch.Tensor]] = []

        def note(name: str, made: Any, row: Mapping[str, Any]) -> None:
            if name == "epoch_end":
                states.append({key: value.clone() for key, value in made.net.state_dict().items()})

        classifier("fine-tune", base, epochs=4, events=[note]).fit(others.texts, others.labels)
        _, head = head_stages(base.predictor_.net)
        first = {key for key, value in states[0].items() if not torch.equal(value, states[1][key])}
        assert first and all(key.startswith(tuple(f"{stage}." for stage in head)) for key in first)
        last = {
            key for key, _ in base.predictor_.net.named_parameters() if not torch.equal(states[-1][key], states[0][key])
        }
        assert last == {key for key, _ in base.predictor_.net.named_parameters()}

    def test_phases_of_ones_own_are_followed(self, base: Any, others: Any) -> None:
        phases = [Phase(1, learning_rate=0.01, freeze="(?!output).*"), Phase(1, learning_rate=0.002)]
        model = classifier("fine-tune", base, epochs=None, phases=phases, trainer_options={"schedule": "constant"})
        rates = [row["learning_rate"] for row in model.fit(others.texts, others.labels).history_[1:]]
        assert rates == [0.01, 0.002]

    def test_uses_the_vocabulary_and_limits_of_its_base(self, base: Any, others: Any) -> None:
        model = classifier("fine-tune", base).fit(others.texts, others.labels)
        assert model.predictor_.steps is base.predictor_.steps
        assert model.predictor_.max_tokens == base.predictor_.max_tokens

    def test_a_slip_in_the_pattern_trains_nothing(self, base: Any, others: Any) -> None:
        with pytest.raises(OptionError, match="the pattern 'embeding' matches no stage or parameter.*embedding"):
            classifier("fine-tune", base, freeze="embeding").fit(others.texts, others.labels)

    def test_a_base_without_a_whole_network_is_refused(self, base: Any, reviews: Any) -> None:
        layers = classifier("features", base).fit(reviews.texts, reviews.labels)
        with pytest.raises(OptionError, match="this base is of kind 'layers' and has no network to fine-tune"):
            classifier("fine-tune", layers).fit(reviews.texts, reviews.labels)


class TestScratch:
    def test_takes_the_architecture_of_a_base_and_nothing_else(self, base: Any, others: Any) -> None:
        model = classifier("scratch", base, epochs=0).fit(others.texts, others.labels)
        assert {
            name: value.shape for name, value in model.predictor_.net.state_dict().items() if "embedding" not in name
        } == {name: value.shape for name, value in base.predictor_.net.state_dict().items() if "embedding" not in name}
        assert abs(auc(others.labels, model.decision_function(others.texts)) - 0.5) < 0.45
        assert not set(state(model).values()) & {
            v for name, v in state(base).items() if "weight" in name and "norm" not in name
        }

    def test_speaks_the_targets_labels(self, base: Any, others: Any) -> None:
        for strategy in ("scratch", "tfidf"):
            model = classifier(strategy, base).fit(others.texts, [["bad", "good"][label] for label in others.labels])
            assert model.classes_.tolist() == ["bad", "good"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"net": "grru"}, "there is no network 'grru'; did you mean 'gru'"),
            (
                {"net_options": {"hiden_size": 4}},
                "no option of the network .* called 'hiden_size'; did you mean 'hidden_size'",
            ),
            ({"max_tokens": "most"}, "max_tokens is 'most'"),
            ({"clip": "middle"}, "clip is 'middle'"),
            ({"epochs": 1.5}, "epochs is 1.5; expected a whole number"),
            ({"trainer_options": {"patients": 2}}, "no option of Trainer called 'patients'; did you mean 'patience'"),
            ({"batch_size": "many"}, "batch_size is 'many'; expected a whole number"),
            ({"learning_rate": "fast"}, "learning_rate is 'fast'; expected a number"),
            ({"device": "tpu"}, "the device is 'tpu'"),
            ({"random_state": -1}, "random_state is -1; expected a number of 0 or more"),
        ],
    )
    def test_options_that_do_not_fit(self, reviews: Any, options: dict[str, Any], message: str) -> None:
        with pytest.raises(OptionError, match=message):
            classifier("scratch", **options).fit(reviews.texts, reviews.labels)

    def test_trainer_options_reach_the_trainer(self, reviews: Any, tmp_path: Path) -> None:
        options = {"save_epochs": tmp_path, "train_metrics": "running", "learning_rate": 0.5, "batch_size": 100}
        model = classifier("scratch", net="gru", epochs=1, trainer_options=options).fit(reviews.texts, reviews.labels)
        assert len(list(tmp_path.iterdir())) == 2
        assert "train_loss" not in model.history_[-1]


class TestUnlabelled:
    """Texts whose labels nobody looks at: words and their neighbours are learnt from them too."""

    NEW = ("a zyxtastic stay", "what a zyxtastic room", "so zyxtastic and fine") * 4

    @pytest.mark.parametrize("net", ["gru", "blend"])
    def test_their_words_are_known_to_a_base(self, reviews: Any, net: str) -> None:
        without, with_them = (
            classifier("scratch", net=net, epochs=1, unlabelled=texts).fit(reviews.texts, reviews.labels).predictor_
            for texts in (None, self.NEW)
        )
        words = [predictor.steps[-1].vocabulary_.to_pylist() for predictor in (without, with_them)]
        assert "zyxtastic" in words[1] and "zyxtastic" not in words[0]
        assert (without.info["n_unlabelled"], with_them.info["n_unlabelled"]) == (0, len(self.NEW))

    @pytest.mark.parametrize("way", ["as-is", "features", "fine-tune"])
    def test_their_words_are_known_to_what_is_carried_over(self, base: Any, others: Any, way: str) -> None:
        model = classifier(way, base, unlabelled=self.NEW).fit(others.texts, others.labels)
        assert "zyxtastic" in model.predictor_.steps[-1].vocabulary_.to_pylist()

    def test_old_texts_score_as_before_to_the_bit(self, base: Any, others: Any) -> None:
        model = classifier("as-is", base, unlabelled=self.NEW).fit(others.texts, others.labels)
        assert model.decision_function(others.texts).tobytes() == base.decision_function(others.texts).tobytes()

    def test_may_be_a_table_or_a_list(self, reviews: Any) -> None:
        import pyarrow as pa

        for texts in (pa.table({"text": list(self.NEW)}), list(self.NEW)):
            model = classifier("scratch", net="gru", epochs=0, unlabelled=texts).fit(reviews.texts, reviews.labels)
            assert model.predictor_.info["n_unlabelled"] == len(self.NEW)


@pytest.fixture(scope="module")
def hotels(draw_reviews: Any) -> Any:
    """Reviews with words that no base of ours has met, and their labels."""
    drawn = draw_reviews(600, seed=5)
    own = {0: ("drab", "mouldy", "noisy"), 1: ("spacious", "sunny", "quiet")}
    rng = np.random.default_rng(0)
    texts = [f"{text} {rng.choice(own[label])}" for text, label in zip(drawn.texts, drawn.labels, strict=True)]
    return texts, np.array(drawn.labels)


class TestSelfTraining:
    """Texts that say "good" in words which a base knows and in words that it does not."""

    def test_learns_the_targets_own_words(self, blend_base: Any, hotels: Any) -> None:
        own = ["drab room", "the mouldy room", "noisy", "spacious room", "the sunny room", "quiet"]
        known = len(set(blend_base.decision_function(own)))
        model = classifier("self-train", blend_base).fit(hotels[0])
        logits = model.decision_function(own)
        assert known <= 3
        assert logits[:3].max() < logits[3:].min()

    def test_is_as_sure_on_these_texts_as_before(self, blend_base: Any, hotels: Any) -> None:
        texts, base = as_corpus(hotels[0]), blend_base.predictor_
        taught = self_train(base, texts)
        slope, intercept = base.calibration
        before, after = slope * base.score(texts).logits + intercept, taught.score(texts).logits
        assert taught.calibration == (1.0, 0.0)
        np.testing.assert_allclose([after.mean(), after.std()], [before.mean(), before.std()], rtol=1e-3)
        assert 0.95 < np.corrcoef(before, after)[0, 1] < 1 - 1e-6

    def test_looks_at_no_label(self, blend_base: Any, hotels: Any) -> None:
        texts, labels = hotels
        found = [
            classifier("self-train", blend_base).fit(texts, given).decision_function(texts)
            for given in (labels, 1 - labels)
        ]
        assert found[0].tobytes() == found[1].tobytes()

    def test_texts_that_came_beside_are_read_with_the_others(self, blend_base: Any, hotels: Any) -> None:
        texts, _ = hotels
        beside = classifier("self-train", blend_base, unlabelled=texts[:100]).fit(texts[100:])
        together = classifier("self-train", blend_base).fit(texts[100:] + texts[:100])
        assert beside.predictor_.info["n_self_trained"] == len(texts)
        assert beside.decision_function(texts).tobytes() == together.decision_function(texts).tobytes()

    def test_comes_before_and_after_fine_tuning_where_texts_without_labels_are_given(
        self, blend_base: Any, hotels: Any
    ) -> None:
        texts, labels = hotels
        model = classifier("fine-tune", blend_base, unlabelled=texts, epochs=None).fit(texts[:60], labels[:60])
        assert set(model.predictor_.net.stages) >= {"target", "target2"}
        info = model.predictor_.info
        assert (info["base"]["n_self_trained"], info["n_self_trained"]) == (
            600,
            len(set(texts[60:]) - set(texts[:60])) + 60,
        )
        logits = model.decision_function(["sunny", "mouldy"])
        assert logits[0] > logits[1]

    def test_what_is_read_beforehand_is_the_recurrent_parts_alone(self, blend_base: Any, hotels: Any) -> None:
        read, net = adapt_to_texts(blend_base.predictor_, as_corpus(hotels[0])), blend_base.predictor_.net
        before, after = net.state_dict(), read.net.state_dict()
        assert list(after) == list(before)
        moved = {
            name.split(".")[0] for name in before if not torch.equal(before[name], after[name][: len(before[name])])
        }
        assert moved == {"embedding", "encoder", "deep", "output"}

    @pytest.mark.parametrize(("n_rows", "n_taught"), [(60, 60), (LEAST_TEXTS, LEAST_TEXTS), (LEAST_TEXTS - 1, 0)])
    def test_fine_tuning_ends_in_it_where_there_are_texts_enough(
        self, blend_base: Any, hotels: Any, n_rows: int, n_taught: int
    ) -> None:
        texts, labels = hotels
        model = classifier("fine-tune", blend_base, epochs=None).fit(texts[:n_rows], labels[:n_rows])
        assert model.predictor_.info["n_self_trained"] == n_taught
        assert ("target2" in model.predictor_.net.stages) == bool(n_taught)

    def test_texts_that_say_nothing_teach_nothing_and_are_not_counted(self, blend_base: Any, hotels: Any) -> None:
        once = classifier("self-train", blend_base).fit(hotels[0])
        for strategy_name in ("self-train", "as-is"):
            model = classifier(strategy_name, once, unlabelled=[None] * 60).fit([None] * 60)
            assert "n_self_trained" not in model.predictor_.info
            assert model.notes_[0].startswith("nothing was learnt from these texts")
        tuned = classifier("fine-tune", blend_base, epochs=None).fit([None] * 60, [0, 1] * 30)
        assert tuned.predictor_.info["n_self_trained"] == 0

    def test_the_second_training_keeps_the_firsts_checkpoint(
        self, blend_base: Any, hotels: Any, tmp_path: Path
    ) -> None:
        texts, labels = hotels
        classifier("fine-tune", blend_base, epochs=None, checkpoint=tmp_path, unlabelled=texts).fit(
            texts[:200], labels[:200]
        )
        assert {path.name for path in tmp_path.iterdir()} == {"read", "taught", "whole"}
        assert {path.name for path in (tmp_path / "whole").iterdir()} == {"taught"}

    def test_a_schedule_of_ones_own_is_all_that_is_done(self, blend_base: Any, hotels: Any) -> None:
        texts, labels = hotels
        model = classifier("fine-tune", blend_base, epochs=1, freeze="encoder", unlabelled=texts).fit(texts, labels)
        assert "target" not in model.predictor_.net.stages
        before, after = (dict(each.predictor_.net.encoder.named_parameters()) for each in (blend_base, model))
        assert all(torch.equal(before[name], after[name]) for name in before)

    def test_texts_whose_labels_are_known_teach_less(self, blend_base: Any, hotels: Any) -> None:
        texts, base = as_corpus(hotels[0]), blend_base.predictor_
        scores = [self_train(base, texts, n_labelled=n).score(texts).logits for n in (0, 300, 600)]
        start = base.calibration[0] * base.score(texts).logits + base.calibration[1]
        away = [float(np.abs(score - start).mean()) for score in scores]
        assert away[0] > away[1] > away[2] > 0

    def test_a_text_that_came_twice_is_read_once(self) -> None:
        train, more = as_corpus(["one", "two"]), as_corpus(["two", "three", None])
        assert with_own_texts(train, more).texts.to_pylist() == ["one", "two", "three"]
        assert with_own_texts(train, None).texts.to_pylist() == ["one", "two"]

    def test_what_was_learnt_before_stays_in_a_second_transfer(self, blend_base: Any, hotels: Any, others: Any) -> None:
        once = classifier("self-train", blend_base).fit(hotels[0])
        twice = classifier("fine-tune", once, epochs=None).fit(others.texts[:20], others.labels[:20])
        again = classifier("fine-tune", twice, epochs=None).fit(others.texts[:20], others.labels[:20])
        for model in (twice, again):
            assert np.corrcoef(once.decision_function(hotels[0]), model.decision_function(hotels[0]))[0, 1] > 0.99

    def test_what_is_known_of_the_base_is_kept_as_the_bases(self, blend_base: Any, hotels: Any) -> None:
        once = classifier("self-train", blend_base).fit(hotels[0])
        assert "valid" not in once.predictor_.info
        assert once.predictor_.info["base"]["valid"] == blend_base.predictor_.info["valid"]
        twice = classifier("self-train", once).fit(hotels[0][:100])
        assert (twice.predictor_.info["n_self_trained"], twice.predictor_.info["base"]["n_self_trained"]) == (100, 600)
        read = classifier("as-is", blend_base, unlabelled=hotels[0]).fit(hotels[0])
        assert "valid" not in read.predictor_.info

    def test_validation_rows_are_what_it_is_measured_on(self, blend_base: Any, hotels: Any, others: Any) -> None:
        plain = classifier("self-train", blend_base).fit(hotels[0])
        model = classifier("self-train", blend_base).fit(hotels[0], valid=(others.texts, others.labels))
        assert model.predictor_.info["valid"]["n"] == model.predictor_.info["n_valid"] == 120
        assert model.predictor_.info["valid"]["auc"] == auc(others.labels, plain.decision_function(others.texts))
        assert model.decision_function(others.texts).tobytes() == plain.decision_function(others.texts).tobytes()

    @pytest.mark.parametrize("strategy_name", ["self-train", "fine-tune"])
    def test_scratch_takes_the_architecture_and_not_what_transfers_added(
        self, blend_base: Any, hotels: Any, reviews: Any, strategy_name: str
    ) -> None:
        carried = classifier(strategy_name, blend_base, epochs=None).fit(*hotels)
        found = [
            classifier("scratch", base, epochs=1).fit(reviews.texts, reviews.labels) for base in (carried, blend_base)
        ]
        assert "target" in carried.predictor_.net.stages
        assert "target" not in found[0].predictor_.net.stages
        assert state(found[0]) == state(found[1])

    def test_a_network_without_ngrams_is_refused(self, gru_base: Any, hotels: Any) -> None:
        with pytest.raises(
            OptionError, match="over the network 'gru' has no n-grams to adapt; pass a base made by `headstart train`"
        ):
            classifier("self-train", gru_base).fit(hotels[0])

    def test_a_few_texts_are_refused(self, blend_base: Any, hotels: Any) -> None:
        with pytest.raises(DataError, match="49 texts came to learn the target's words from.*expected 50 or more"):
            classifier("self-train", blend_base).fit(hotels[0][:49])

    def test_a_base_of_one_opinion_stays_as_it_is(self, blend_base: Any) -> None:
        model = classifier("self-train", blend_base).fit([""] * 60)
        assert model.predict_proba(["great", ""]).tobytes() == blend_base.predict_proba(["great", ""]).tobytes()
        assert model.notes_[0].startswith("nothing was learnt from these texts")


class TestCutOfTheBase:
    """A base whose threshold was fitted to other labels."""

    @pytest.mark.parametrize(
        ("strategy_name", "options", "kept"),
        [
            ("fine-tune", {"epochs": None}, False),
            ("fine-tune", {}, False),
            ("features", {}, False),
            ("self-train", {}, True),
        ],
    )
    def test_stays_where_no_label_was_learnt_from(
        self, blend_base: Any, reviews: Any, strategy_name: str, options: dict[str, Any], kept: bool
    ) -> None:
        base = blend_base.predictor_.with_rule(threshold=0.8)
        model = classifier(strategy_name, base, **options).fit(reviews.texts, reviews.labels)
        assert model.predictor_.threshold == (0.8 if kept else 0.5)


@pytest.mark.parametrize("text", ["", "  ", None])
def test_texts_without_a_word_make_a_blend_that_says_one_thing(text: str | None) -> None:
    model = TextClassifier(net="blend", epochs=1, device="cpu").fit([text] * 40, [0, 1] * 20)
    assert len(set(model.decision_function(["", "word", None]))) == 1


class TestSettings:
    def test_have_the_names_and_defaults_of_the_estimator(self) -> None:
        parameters = TextClassifier().get_params()
        for name, field in Settings.__dataclass_fields__.items():
            assert name in parameters
            if field.default is not field.default_factory and not callable(field.default_factory):
                assert parameters[name] == field.default, name

    def test_every_strategy_is_listed_in_the_module(self) -> None:
        import headstart.strategies as module

        assert all(f"``{name}``" in str(module.__doc__) for name in STRATEGIES)


class TestRowsDecide:
    """Few rows get more epochs and smaller batches."""

    @pytest.mark.parametrize(
        ("n_rows", "epochs", "batch_size"), [(60, 18, 16), (999, 9, 16), (1000, 9, 32), (3000, 6, 64), (10_000, 3, 64)]
    )
    def test_how_long_and_how_much_at_a_time(self, n_rows: int, epochs: int, batch_size: int) -> None:
        recipe = RECIPES["blend"]
        assert phases_of(recipe, Settings(), n_rows)[0].epochs == epochs
        assert batch_size_of(recipe, n_rows) == batch_size

    def test_but_not_of_the_tutorials_own_recipe(self) -> None:
        recipe = RECIPES["tutorial"]
        assert (phases_of(recipe, Settings(), 60)[0].epochs, batch_size_of(recipe, 60)) == (6, 64)

    def test_nor_over_what_was_asked_for(self) -> None:
        assert phases_of(RECIPES["blend"], Settings(epochs=2), 60)[0].epochs == 2


class TestCalibration:
    @pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.3, -2.0), (4.0, 1.0)])
    def test_finds_slope_and_intercept(self, slope: float, intercept: float) -> None:
        rng = np.random.default_rng(0)
        logits = rng.normal(0, 2 / slope, 20_000)
        labels = rng.random(20_000) < 1 / (1 + np.exp(-(slope * logits + intercept)))
        assert fit_calibration(logits, labels) == pytest.approx((slope, intercept), rel=0.1, abs=0.1)

    @pytest.mark.parametrize(
        ("logits", "labels"),
        [
            (np.arange(19.0), np.arange(19) % 2),
            (np.arange(40.0), np.ones(40)),
            (-np.arange(40.0), np.arange(40) >= 20),  # the wrong way round: never turned over
            (np.zeros(0), np.zeros(0)),
        ],
    )
    def test_leaves_scores_alone_where_it_knows_too_little(self, logits: Any, labels: Any) -> None:
        assert fit_calibration(logits, labels) == (1.0, 0.0)

    def test_a_perfect_separation_gives_no_certainty(self) -> None:
        logits = np.concatenate([np.full(30, -50.0), np.full(30, 50.0)])
        slope, intercept = fit_calibration(logits, np.arange(60) >= 30)
        assert 0.9 < 1 / (1 + np.exp(-(slope * 50 + intercept))) < 0.999

    def test_equal_scores_are_no_error(self) -> None:
        assert np.isfinite(fit_calibration(np.full(40, 3.0), np.arange(40) % 2)).all()

    def test_is_put_on_held_out_rows_and_can_be_left_out(self, strategy: str, base: Any, reviews: Any) -> None:
        if strategy in UNLABELLED or "fine-tune" in strategy:
            pytest.skip("begins with the calibration of its base")
        given = {
            calibrate: classifier(strategy, base, calibrate=calibrate).fit(reviews.texts, reviews.labels)
            for calibrate in (True, False)
        }
        assert given[True].predictor_.calibration != (1.0, 0.0)
        assert given[False].predictor_.calibration == (1.0, 0.0)
        np.testing.assert_allclose(
            given[True].score_rows(reviews.texts).logits, given[False].score_rows(reviews.texts).logits, atol=1e-6
        )


class TestModuleOfOnesOwn:
    def test_stages_of_a_plain_module_are_its_parts(self) -> None:
        net = nn.Sequential()
        net.add_module("words", nn.Embedding(3, 2))
        net.add_module("last", nn.Linear(2, 1))
        assert head_stages(adapt(net)) == (["words"], ["last"])

    def test_labels_are_codes(self) -> None:
        assert encode_labels(["b", "a"]).codes.tolist() == [1, 0]


class TestRareWords:
    """What the recurrent part of `blend` has not met often enough, it reads as the unknown word."""

    KNOWN = np.array([False, False] + [True] * 10 + [False] * 28)

    def test_are_the_unknown_word_in_training(self) -> None:
        examples = Examples(RaggedIds.from_lists([[2, 11, 12], [39, 1]]), np.array([0, 1], np.float32))
        assert without_rare(examples, self.KNOWN).ids == RaggedIds.from_lists([[2, 11, 1], [1, 1]])
        assert examples.ids == RaggedIds.from_lists([[2, 11, 12], [39, 1]])

    def test_are_the_unknown_word_ever_after(self, small_net: Any) -> None:
        net = small_net("blend")
        before = net.embedding.weight.detach().clone()
        share_unknown(net, self.KNOWN)
        after = net.embedding.weight.detach()
        assert torch.equal(after[:12], before[:12])
        assert torch.equal(after[12:], before[1].expand(28, -1))


class TestOrderOfRows:
    """Files often come sorted by label; what is learnt must not hang on that."""

    def test_every_piece_of_the_rows_holds_both_classes(self, reviews: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        shares: list[float] = []

        def solve(pieces: Any, labels: Any, cost: float, **options: Any) -> Any:
            cuts = np.cumsum([len(piece.ends) - 1 for piece in pieces])[:-1]
            shares.extend(float(part.mean()) for part in np.split(labels, cuts))
            return fit_dual(pieces, labels, cost, **options)

        monkeypatch.setattr(fit_branches, "_PIECE", 50)  # of thousands of rows some are looked at at a time
        monkeypatch.setattr(fit_branches, "fit_dual", solve)
        base = classifier("scratch", net="blend", epochs=0).fit(reviews.texts, reviews.labels).predictor_
        rows = np.argsort(reviews.labels, kind="stable")
        ids = examples_of(base, as_corpus(reviews.texts)).ids.take(rows)
        part, shares[:] = NgramLogit(1), []
        fit_ngram_branches([(part, ids, 1.0)], np.asarray(reviews.labels, np.float32)[rows], least_rows=(1, 2, 2))
        assert len(shares) == 6
        assert 0.3 < min(shares) <= max(shares) < 0.7
        # The labels have gone with their rows.
        with torch.no_grad():
            assert auc(np.asarray(reviews.labels)[rows], part(*padded(ids))[:, 0].numpy()) > 0.99


def padded(ids: RaggedIds) -> tuple[torch.Tensor, torch.Tensor]:
    batch = Batches(Examples(ids), batch_size=len(ids)).batch(np.arange(len(ids))).tensors()
    return batch.ids, batch.lengths
