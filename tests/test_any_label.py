"""`TextClassifier` and `TextRegressor` on labels of any kind, as scikit-learn would have them, saved and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, get_scorer, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score

from headstart import TextClassifier, TextRegressor, load, read
from headstart.errors import DataError, OptionError
from headstart.tasks import MultiClass

WORDS = {"fruit": "apple pear plum", "cars": "wheel motor brake", "sky": "cloud rain wind"}
RNG = np.random.default_rng(0)
TOPICS = np.array(list(WORDS))[np.arange(120) % 3]
TEXTS = np.array([" ".join(RNG.choice(WORDS[topic].split(), 4)) + " the of" for topic in TOPICS])
STARS = np.array([{"fruit": 1, "cars": 2, "sky": 3}[topic] for topic in TOPICS])
BOTH = np.stack([TOPICS != "sky", TOPICS != "cars"], axis=1).astype(int)
NUMBERS = STARS**2 + RNG.normal(0, 0.1, 120)
CASES: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "classes": (TextClassifier, TOPICS, {}, "multiclass"),
    "whole numbers": (TextClassifier, STARS, {}, "multiclass"),
    "ordered": (TextClassifier, STARS, {"task": "ordinal"}, "ordinal"),
    "ordered names": (TextClassifier, TOPICS, {"order": "fruit<cars<sky"}, "ordinal"),
    "indicator": (TextClassifier, BOTH, {}, "multilabel"),
    "lists": (TextClassifier, [[topic, "all"] if i % 2 else [] for i, topic in enumerate(TOPICS)], {}, "multilabel"),
    "sets": (TextClassifier, [{topic, "all"} for topic in TOPICS], {}, "multilabel"),
    "a frame": (TextClassifier, pd.DataFrame(BOTH, columns=["ground", "soft"]), {}, "multilabel"),
    "numbers": (TextRegressor, NUMBERS, {}, "regression"),
}  # fmt: skip


def quick(kind: Any = TextClassifier, **options: Any) -> Any:
    return kind(**{"strategy": "tfidf", "valid_fraction": 0, **options})


@pytest.mark.parametrize("name", CASES)
def test_every_task(name: str, tmp_path: Path) -> None:
    kind, y, options, task = CASES[name]
    model = quick(kind, **options).fit(TEXTS, y)
    assert model.predictor_.task.kind == task
    assert model.score(TEXTS, y) > (0.9 if name not in ("lists", "numbers") else 0.4)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert type(loaded) is kind
    assert all(getattr(loaded, name) == value for name, value in options.items())
    np.testing.assert_array_equal(loaded.predict(TEXTS), model.predict(TEXTS))
    if kind is TextClassifier:
        assert loaded.classes_.tolist() == model.classes_.tolist()
        np.testing.assert_array_equal(loaded.predict_proba(TEXTS), model.predict_proba(TEXTS))
        assert model.predict_proba(TEXTS).shape == model.decision_function(TEXTS).shape == (120, len(model.classes_))


def test_classes_are_sorted_and_columns_follow() -> None:
    model = quick(order="sky<fruit<cars").fit(TEXTS, TOPICS)
    assert model.classes_.tolist() == ["cars", "fruit", "sky"]
    assert model.predictor_.label_names == ("sky", "fruit", "cars")
    assert accuracy_score(TOPICS, model.classes_[model.predict_proba(TEXTS).argmax(1)]) > 0.95
    assert (model.predict(TEXTS) == TOPICS).mean() > 0.95


def test_an_indicator_comes_back_as_one_and_lists_as_lists() -> None:
    model = quick().fit(TEXTS, BOTH)
    assert model.classes_.tolist() == [0, 1] and model.predict(TEXTS).shape == (120, 2)
    assert f1_score(BOTH, model.predict(TEXTS), average="micro") > 0.95
    assert get_scorer("roc_auc")(model, TEXTS, BOTH) > 0.95
    assert quick().fit(TEXTS, CASES["a frame"][1]).classes_.tolist() == ["ground", "soft"]
    lists = quick().fit(TEXTS, CASES["sets"][1])
    assert lists.predict(TEXTS[:1]).tolist() == [["all", "fruit"]]
    assert (
        (lists.decision_function(TEXTS) >= 0) == (lists.predict_proba(TEXTS) >= lists.predictor_.rule.threshold)
    ).all() or (lists.predictor_.rule.thresholds)


def test_an_order_of_any_values_is_stored(tmp_path: Path) -> None:
    model = quick(order=[3, 2, 1]).fit(TEXTS, STARS)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.classes_.tolist() == model.classes_.tolist()
    assert np.array_equal(loaded.predict(TEXTS), model.predict(TEXTS))
    assert quick(**{**loaded.get_params(), "base": None}).fit(TEXTS, STARS).predict(TEXTS[:1]) == model.predict(
        TEXTS[:1]
    )


def test_numbers_are_scored_by_r2() -> None:
    model = quick(TextRegressor).fit(TEXTS, NUMBERS)
    assert model.score(TEXTS, NUMBERS) == pytest.approx(r2_score(NUMBERS, model.predict(TEXTS)))
    weights = np.arange(120.0)
    expected = r2_score(NUMBERS, model.predict(TEXTS), sample_weight=weights)
    assert model.score(TEXTS, NUMBERS, weights) == pytest.approx(expected)
    assert cross_val_score(quick(TextRegressor), TEXTS, NUMBERS, cv=2).min() > 0.9


def test_searching_works_in_every_task() -> None:
    search = GridSearchCV(quick(), {"C": [1.0, 10.0]}, scoring="neg_log_loss", cv=2).fit(TEXTS, TOPICS)
    assert search.best_score_ > -0.5 and search.classes_.tolist() == ["cars", "fruit", "sky"]


def test_a_corpus_brings_its_own_task() -> None:
    stars = read({"text": TEXTS, "stars": STARS}, label="stars")
    model = quick().fit(stars)
    assert model.predictor_.task.kind == "ordinal" and model.classes_.tolist() == [1, 2, 3]
    assert quick(task="multiclass").fit(stars).predictor_.task.kind == "multiclass"
    assert quick(TextRegressor, task="regression").fit(
        read({"text": TEXTS, "stars": STARS}, label="stars", task="regression")
    )
    assert quick().fit(TEXTS, STARS).notes_[0].endswith("task='ordinal' overrules")


def test_weights_of_several_classes() -> None:
    y = np.where(np.arange(120) < 100, TOPICS, np.roll(TOPICS, 1))
    plain, heavy = (quick(class_weight=weights).fit(TEXTS, y) for weights in (None, {"sky": 20}))
    assert (heavy.predict(TEXTS) == "sky").sum() >= (plain.predict(TEXTS) == "sky").sum()
    assert heavy.predict_proba(TEXTS)[:, 2].mean() > plain.predict_proba(TEXTS)[:, 2].mean()
    assert quick(class_weight="balanced").fit(TEXTS, y, sample_weight=np.ones(120)).score(TEXTS, y) > 0.8


class TestDecisions:
    def test_costs_choose_the_class_that_is_too_dear_to_miss(self) -> None:
        dear = {name: {"sky": 0.001} for name in ("fruit", "cars")} | {"sky": {"fruit": 50, "cars": 50}}
        unsure = ["the of", "motor apple cloud"]
        assert quick(costs=dear).fit(TEXTS, TOPICS).predict(unsure).tolist() == ["sky", "sky"]

    def test_costs_of_two_labels_are_a_threshold(self) -> None:
        y = TOPICS == "sky"
        model = quick(costs={True: {False: 4}, False: {True: 1}}).fit(TEXTS, y)
        assert model.predictor_.threshold == pytest.approx(0.2) and not model.predictor_.rule.costs

    @pytest.mark.parametrize("y", [TOPICS, TOPICS == "sky", STARS], ids=["classes", "two", "whole numbers"])
    def test_abstaining(self, y: Any, tmp_path: Path) -> None:
        model = quick(abstain_below=0.9).fit(TEXTS, y)
        found = model.predict(["the of", TEXTS[2]])
        assert found[0] is None and found[1] == y[2]
        model.save(tmp_path / "model")
        assert load(tmp_path / "model").predict(["the of"])[0] is None

    def test_one_threshold_for_all_labels(self) -> None:
        assert quick(threshold=0.0).fit(TEXTS, BOTH).predict(TEXTS).all()


@pytest.mark.parametrize(
    ("kind", "y", "options", "sentence"),
    [
        (TextClassifier, NUMBERS, {}, "Unknown label type: continuous"),
        (TextClassifier, TOPICS, {"threshold": 0.5}, r"--threshold \(threshold=\) came, and this model's task is multiclass; it means something to binary, multilabel only"),
        (TextClassifier, BOTH, {"costs": {"0": {"1": 1}}}, "the task is multilabel|task is multilabel; it means something to binary, multiclass, ordinal only"),
        (TextClassifier, BOTH, {"abstain_below": 0.5}, "this model's task is multilabel"),
        (TextClassifier, BOTH, {"class_weight": "balanced"}, "class_weight came, and the task is multilabel"),
        (TextClassifier, TOPICS, {"costs": {"fruit": {"fish": 1}}}, "costs name the label 'fish', and this model's are cars, fruit, sky"),
        (TextClassifier, TOPICS, {"costs": {"fruit": {"sky": -1}}}, "costs of predicting 'sky' where 'fruit' is true are -1"),
        (TextClassifier, TOPICS == "sky", {"costs": {True: {True: 5}}}, "a mistake costs less than being right"),
        (TextClassifier, TOPICS == "sky", {"costs": {True: {False: 5}}, "threshold": 0.1}, "threshold and costs both came"),
        (TextClassifier, TOPICS, {"abstain_below": 2}, "abstain_below is 2; expected a probability"),
        (TextClassifier, TOPICS, {"task": "binary"}, "The task is binary, and the labels hold 3 values"),
        (TextClassifier, TOPICS, {"task": "topics"}, "there is no task 'topics'"),
        (TextRegressor, NUMBERS, {"class_weight": "balanced"}, "class_weight came with TextRegressor, which predicts numbers"),
        (TextRegressor, NUMBERS, {"threshold": 0.5}, "threshold came with TextRegressor"),
        (TextRegressor, NUMBERS, {"task": "ordinal"}, "task='ordinal' came with TextRegressor"),
        (TextRegressor, TOPICS, {}, "the label column holds 'fruit' in row 0"),
        (TextRegressor, np.ones(120), {}, "training needs at least two different numbers"),
        (TextRegressor, np.r_[np.nan, NUMBERS[1:]], {}, "Input y contains NaN: 1 of 120 labels are missing"),
        (TextRegressor, np.r_[np.inf, NUMBERS[1:]], {}, "Input y contains infinity"),
        (TextRegressor, NUMBERS, {"coverage": 0.0}, r"coverage is 0\.0; expected a fraction of rows above 0"),
        (TextRegressor, NUMBERS, {"coverage": -1}, "coverage is -1; expected"),
        (TextClassifier, [["sky"], *([[]] * 119)], {}, "have the label 'sky' or none, and several labels a row are two or more"),
        (TextClassifier, [["sky"], None, *([["sky", "all"]] * 118)], {}, "1 of 120 labels are missing"),
        (TextRegressor, BOTH, {}, "Several columns of labels came with the task regression"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(kind: Any, y: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises((DataError, OptionError), match=sentence):
        quick(kind, **options).fit(TEXTS, y)


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("sets", "whole numbers")])
@pytest.mark.parametrize("how", ["features", "fine-tune"])
def test_a_base_of_two_labels_is_carried_to_any_task(how: str, name: str, gru_base: Any) -> None:
    kind, y, options, task = CASES[name]
    model = kind(base=gru_base, strategy=how, head="linear", epochs=1, device="cpu", **options).fit(TEXTS, y)
    assert model.predictor_.task.kind == task
    assert len(model.predict(TEXTS)) == 120


@pytest.fixture(scope="module")
def topics() -> Any:
    return quick().fit(TEXTS, TOPICS)


@pytest.fixture(scope="module")
def bases(topics: Any) -> dict[str, Any]:
    network = TextClassifier(net="gru", epochs=1).fit(TEXTS, TOPICS)
    features = TextClassifier(base=network, strategy="features", head="linear").fit(TEXTS, TOPICS)
    return {"network": network, "tfidf": topics, "features": features}


class TestLabelsOfTheBase:
    def test_as_it_is_it_knows_only_its_own(self, topics: Any) -> None:
        assert topics.predictor_.task == MultiClass(("cars", "fruit", "sky"))
        model = TextClassifier(base=topics, strategy="as-is").fit(TEXTS, TOPICS)
        assert model.score(TEXTS, TOPICS) > 0.9 and model.classes_.tolist() == ["cars", "fruit", "sky"]

    @pytest.mark.parametrize(
        ("base", "wanted", "shared"),
        [
            ("network", {"cars": "fish"}, 2), ("network", {"cars": "sky"}, 2), ("tfidf", {"sky": "fish"}, 2),
            ("tfidf", {}, 3), ("features", {"fruit": "fish"}, 2),
        ],
    )  # fmt: skip
    def test_as_it_is_it_answers_what_is_shared_by_name(
        self, bases: dict[str, Any], base: str, wanted: dict[str, str], shared: int, tmp_path: Path
    ) -> None:
        known = bases[base]
        labels = np.array([wanted.get(name, name) for name in TOPICS])
        model = TextClassifier(base=known, strategy="as-is").fit(TEXTS, labels)
        names = sorted({*labels})
        assert model.classes_.tolist() == names
        there = [name for name in names if name in known.classes_]
        assert len(there) == shared
        assert any("matched by name" in note or "by name" in note for note in model.notes_) == bool(wanted)
        found, before = model.predict_proba(TEXTS), known.predict_proba(TEXTS)
        of_base = before[:, [known.classes_.tolist().index(name) for name in there]]
        np.testing.assert_allclose(
            found[:, [names.index(name) for name in there]], of_base / of_base.sum(1, keepdims=True), atol=1e-6
        )
        assert {*model.predict(TEXTS)} <= {*there}
        model.save(tmp_path / "model")
        np.testing.assert_array_equal(load(tmp_path / "model").predict_proba(TEXTS), found)

    def test_as_it_is_it_answers_shared_labels_of_several(self) -> None:
        rows = [["a"] if name == "cars" else ["a", "b"] if name == "fruit" else ["c"] for name in TOPICS]
        known = quick(strategy="tfidf").fit(TEXTS, rows)
        model = TextClassifier(base=known, strategy="as-is").fit(
            TEXTS, [["b"] if "b" in row else ["d"] for row in rows]
        )
        b = known.predict_proba(TEXTS)[:, 1]
        np.testing.assert_allclose(model.predict_proba(TEXTS), np.stack([b, np.zeros(len(b))], axis=1), atol=1e-9)
        assert model.predictor_.rule.thresholds[0] == known.predictor_.rule.thresholds[1]

    def test_as_it_is_it_needs_something_in_common(self, topics: Any) -> None:
        other = np.where(TOPICS == "sky", "sky", np.char.add("no ", TOPICS))
        with pytest.raises(OptionError, match=r"among them 'no cars'; use strategy 'fine-tune' or 'features'"):
            TextClassifier(base=topics, strategy="as-is").fit(TEXTS, other)

    def test_numbers_need_the_other_estimator(self) -> None:
        numbers = quick(TextRegressor).fit(TEXTS, NUMBERS)
        with pytest.raises(DataError, match="take TextRegressor"):
            TextClassifier(base=numbers, strategy="as-is").fit(TEXTS)
        assert TextRegressor(base=numbers, strategy="as-is").fit(TEXTS).score(TEXTS, NUMBERS) > 0.9
