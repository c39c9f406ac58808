"""Law: what scikit-learn asks of a classifier holds over every strategy, label type, renaming and positive label.

scikit-learn's own checks feed tables of numbers, so they run over estimators that read numbers as words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn
from numpy.typing import NDArray
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    get_scorer,
    log_loss,
    make_scorer,
    roc_auc_score,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from headstart import (
    LayerFeatures,
    LowerCaser,
    NullImputer,
    TextClassifier,
    TextRegressor,
    TokenIndexer,
    Tokenizer,
    UnicodeNormalizer,
)
from headstart.errors import DataError, OptionError

pytestmark = pytest.mark.filterwarnings("ignore:classes_ is sorted:FutureWarning")

NAMES = {
    "ints": (0, 1),
    "bools": (False, True),
    "strings": ("neg", "pos"),
    "numbers as strings": ("10", "9"),  # the alphabet has 10 first, their size 9
}


class ReadsNumbers:
    """Mixed into an estimator of texts, it reads tables of numbers: each cell becomes a word, such as ``column1is5``."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, valid: Any = None) -> Any:
        X = validate_data(self, X)
        n_features = self.n_features_in_  # type: ignore[has-type]
        super().fit(_words(X), y, sample_weight)  # type: ignore[misc]
        self.n_features_in_ = n_features
        return self

    def score_rows(self, X: Any) -> Any:
        check_is_fitted(self, "predictor_")
        return super().score_rows(_words(validate_data(self, X, reset=False)))  # type: ignore[misc]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        return super().score(_words(validate_data(self, X, reset=False)), y, sample_weight)  # type: ignore[misc]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False
        tags.input_tags.string, tags.input_tags.allow_nan = False, False
        return tags


class NumbersClassifier(ReadsNumbers, TextClassifier):
    pass


class NumbersRegressor(ReadsNumbers, TextRegressor):
    pass


def _words(table: Any) -> list[str]:
    cells = np.floor(2 * np.asarray(table, float)).astype(int)
    return [" ".join(f"column{i}is{'m' if v < 0 else ''}{abs(v)}" for i, v in enumerate(row)) for row in cells]


def _expected(estimator: Any) -> dict[str, str]:
    """Checks that cannot pass, and why."""
    of_folds = "C is chosen by folds, and a row that is repeated stands in several of them"
    return {"check_sample_weight_equivalence_on_dense_data": of_folds}


QUICK: dict[str, Any] = {"strategy": "tfidf", "valid_fraction": 0.0}


@parametrize_with_checks([NumbersClassifier(**QUICK), NumbersRegressor(**QUICK)], expected_failed_checks=_expected)
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(
    "estimator",
    [TextClassifier(), TextRegressor(), NullImputer(), LowerCaser(), Tokenizer(), TokenIndexer(), LayerFeatures()],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:Can't test estimator")
def test_tags_say_that_texts_are_read_and_so_these_checks_end_there(estimator: Any) -> None:
    tags = estimator.__sklearn_tags__().input_tags
    assert (tags.string, tags.one_d_array, tags.two_d_array) == (True, True, False)
    check_estimator(estimator, on_skip=None)


def _model(strategy: str, base: Any, values: tuple[Any, Any], positive: int) -> TextClassifier:
    """Return a classifier whose positive label is `values[positive]`; a base that is carried over calls it 1."""
    if strategy in ("scratch", "tfidf"):
        options: dict[str, Any] = {"positive": values[positive]}
    else:
        options = {"label_map": {values[positive]: "1", values[1 - positive]: "0"}}
    small = {"net": "gru", "net_options": {"embedding_size": 8, "hidden_size": 6}, "epochs": 4, "learning_rate": 0.03}
    return TextClassifier(base=base, strategy=strategy, head="linear", device="cpu", **small, **options)


@pytest.mark.parametrize("positive", [0, 1], ids=["positive first", "positive last"])
@pytest.mark.parametrize("kind", NAMES)
def test_scorers_give_what_the_labels_and_probabilities_give(
    strategy: str, kind: str, positive: int, base: Any, others: Any
) -> None:
    if strategy not in ("tfidf", "features") and kind not in ("ints", "strings"):
        pytest.skip("the type of labels is not the strategy's business: two of them see all four")
    values = NAMES[kind]
    X, y = (
        np.array(others.texts),
        np.array([values[1 - positive if label == 0 else positive] for label in others.labels]),
    )
    model = _model(strategy, base, values, positive).fit(X, y)
    assert model.classes_.tolist() == sorted(values)
    assert model.positive_ == values[positive]
    _check_scorers(model, X, y)


def _check_scorers(model: Any, X: Any, y: Any) -> None:
    proba, predicted = model.predict_proba(X), model.predict(X)
    first, second = model.classes_
    assert (proba[:, int(model.positive_ == second)] == model.score_rows(X).probabilities).all()
    np.testing.assert_array_equal(predicted, model.classes_[(proba[:, 1] > 0.5).astype(int)])
    np.testing.assert_array_equal(model.decision_function(X) > 0, predicted == second)
    ranked = average_precision_score(y == second, proba[:, 1])
    expected = {
        "roc_auc": roc_auc_score(y == second, proba[:, 1]),
        "neg_log_loss": -log_loss(y, proba, labels=model.classes_),
        "accuracy": accuracy_score(y, predicted),
        "balanced_accuracy": balanced_accuracy_score(y, predicted),
    }
    if second == 1:  # by default scikit-learn takes this label for the positive one
        brier = -brier_score_loss(y == second, proba[:, 1])
        expected |= {"average_precision": ranked, "f1": f1_score(y, predicted), "neg_brier_score": brier}
    for name, value in expected.items():
        assert get_scorer(name)(model, X, y) == pytest.approx(value, abs=1e-9), name
    assert expected["roc_auc"] > 0.8 and expected["accuracy"] > 0.75
    for label in (first, second):
        scorer = make_scorer(f1_score, pos_label=label)
        assert scorer(model, X, y) == pytest.approx(f1_score(y, predicted, pos_label=label))
    for response in ("predict_proba", "decision_function"):
        scorer = make_scorer(average_precision_score, pos_label=second, response_method=response)
        assert scorer(model, X, y) == pytest.approx(ranked)
    assert model.score(X, y) == pytest.approx(expected["accuracy"])


@pytest.mark.parametrize("verbose", [False, True])
def test_verbose_prints_every_epoch(verbose: bool, others: Any, capsys: pytest.CaptureFixture[str]) -> None:
    small = {"net": "gru", "net_options": {"embedding_size": 4, "hidden_size": 3}, "epochs": 1, "device": "cpu"}
    TextClassifier(verbose=verbose, **small).fit(others.texts, others.labels)
    assert ("epoch 1, train loss" in capsys.readouterr().out) == verbose


def test_f1_takes_1_for_the_positive_label(others: Any) -> None:
    model = TextClassifier(strategy="tfidf", positive=0).fit(others.texts, others.labels)
    found = get_scorer("f1")(model, others.texts, others.labels)
    assert found == f1_score(others.labels, model.predict(others.texts)) > 0.9


class TestOthersEstimators:
    """scikit-learn's meta-estimators over ours; the base and the labels are a user's."""

    def quick(self, **options: Any) -> TextClassifier:
        return TextClassifier(**{"strategy": "tfidf", "valid_fraction": 0.0, **options})

    def labels(self, others: Any) -> NDArray[Any]:
        return np.array([("neg", "pos")[label] for label in others.labels])

    @pytest.mark.parametrize("positive", [None, "neg"])
    @pytest.mark.parametrize("scoring", ["roc_auc", "neg_log_loss", "accuracy", "f1_macro"])
    def test_cross_val_score(self, others: Any, positive: Any, scoring: str) -> None:
        scores = cross_val_score(
            self.quick(positive=positive), others.texts, self.labels(others), cv=3, scoring=scoring
        )
        assert scores.min() > {"neg_log_loss": -0.5}.get(scoring, 0.9)

    @pytest.mark.parametrize("positive", [None, "neg"])
    def test_grid_search(self, others: Any, positive: Any) -> None:
        scoring = {"ranked": "roc_auc", "sure": "neg_log_loss"}
        search = GridSearchCV(self.quick(positive=positive), {"C": [0.1, 10.0]}, scoring=scoring, refit="sure", cv=2)
        search.fit(others.texts, self.labels(others))
        assert search.cv_results_["mean_test_ranked"].min() > 0.9
        assert search.best_score_ > -0.5 and search.classes_.tolist() == ["neg", "pos"]

    def test_grid_search_over_strategies(self, base: Any, others: Any) -> None:
        model = _model("scratch", base, (0, 1), 1).set_params(positive=None)
        strategies = ["as-is", "features", "fine-tune", "scratch", "self-train+fine-tune", "tfidf"]
        search = GridSearchCV(model, {"strategy": strategies}, scoring="roc_auc", cv=2, error_score="raise")
        search.fit(np.array(others.texts), others.labels)
        assert search.cv_results_["mean_test_score"].min() > 0.7
        assert search.best_estimator_.history_ is not None

    def test_grid_search_over_bases(self, base: Any, others: Any) -> None:
        """A clone of an estimator forgets what it learnt, so bases go into a grid as predictors or paths."""
        model, texts = _model("features", None, (0, 1), 1), np.array(others.texts)
        search = GridSearchCV(model, {"base": [base.predictor_]}, cv=2, error_score="raise").fit(texts, others.labels)
        assert search.best_score_ > 0.7
        with pytest.raises(OptionError, match="a TextClassifier came that is not fitted"):
            GridSearchCV(model, {"base": [base]}, cv=2, error_score="raise").fit(texts, others.labels)

    def test_randomized_search_over_options(self, base: Any, others: Any) -> None:
        pipeline = make_pipeline(LowerCaser(), _model("fine-tune", base, (0, 1), 1))
        options = {
            "textclassifier__learning_rate": loguniform(1e-3, 1e-1),
            "textclassifier__epochs": [1, 2],
            "textclassifier__head": ["linear", "auto"],
            "textclassifier__strategy": ["features", "fine-tune"],
        }
        search = RandomizedSearchCV(
            pipeline, options, n_iter=4, scoring=["balanced_accuracy", "neg_log_loss"], refit="neg_log_loss", cv=2,
            random_state=0, error_score="raise",
        )  # fmt: skip
        search.fit(np.array(others.texts), others.labels)
        assert search.cv_results_["mean_test_balanced_accuracy"].max() > 0.7
        assert search.predict_proba(np.array(others.texts)).shape == (120, 2)

    def test_sample_weight_is_routed(self, others: Any) -> None:
        """Rows of weight 0 have the wrong label: where the weights arrive, nothing is learnt or measured of them."""
        wrong = np.arange(len(others.texts)) % 3 == 0
        y = np.where(wrong, 1 - np.array(others.labels), others.labels)
        weights = {"sample_weight": np.where(wrong, 0.0, 1.0)}
        with sklearn.config_context(enable_metadata_routing=True):
            asked = self.quick().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
            assert cross_validate(asked, others.texts, y, params=weights, cv=2)["test_score"].min() > 0.95
            pipeline = make_pipeline(LowerCaser(), clone(asked)).fit(np.array(others.texts), y, **weights)
            assert pipeline.score(np.array(others.texts), y, **weights) > 0.95
        assert cross_validate(self.quick(), others.texts, y, cv=2)["test_score"].max() < 0.8

    @pytest.mark.parametrize("positive", [None, "neg"])
    @pytest.mark.parametrize(
        "wrap",
        [
            lambda model: CalibratedClassifierCV(model, cv=2),
            lambda model: CalibratedClassifierCV(model, cv=2, method="isotonic"),
            lambda model: StackingClassifier([("a", model), ("b", clone(model))], LogisticRegression(), cv=2),
            lambda model: TunedThresholdClassifierCV(model, cv=2),
            lambda model: FixedThresholdClassifier(model, threshold=0.4, pos_label="pos"),
        ],
        ids=["sigmoid", "isotonic", "stacking", "tuned threshold", "fixed threshold"],
    )
    def test_wrapped(self, others: Any, positive: Any, wrap: Any) -> None:
        X, y = np.array(others.texts), self.labels(others)
        model = wrap(self.quick(positive=positive))
        if isinstance(model, StackingClassifier):
            model.set_params(a__positive=None, b__positive=None)  # it hands over codes, and not the labels
        model.fit(X, y)
        assert model.classes_.tolist() == ["neg", "pos"]
        assert model.score(X, y) > 0.9
        assert get_scorer("roc_auc")(model, X, y) > 0.9

    def test_permutation_importance(self, others: Any) -> None:
        import pandas as pd

        frame = pd.DataFrame({"text": others.texts, "stars": others.stars, "noise": 1.0})
        model = self.quick(text="text", columns=["stars"]).fit(frame, others.labels)
        found = permutation_importance(model, frame, others.labels, n_repeats=2, random_state=0, scoring="roc_auc")
        assert found.importances_mean[0] > found.importances_mean[2] == 0
        column = np.array(others.texts, object)[:, None]
        assert (
            permutation_importance(
                self.quick().fit(column, others.labels), column, others.labels, n_repeats=2
            ).importances_mean[0]
            > 0.2
        )


class TestColumnTransformer:
    """What gives a table may stand there, over a column by its name or in a list; what does not says what does."""

    @pytest.mark.parametrize("step", [NullImputer(), UnicodeNormalizer(), LowerCaser()], ids=repr)
    @pytest.mark.parametrize("frames", [False, True])
    def test_steps_from_text_to_text(self, step: Any, frames: bool, others: Any) -> None:
        frame = others.frame().to_pandas()
        both = ColumnTransformer([("texts", step, ["text"]), ("rest", "passthrough", ["stars"])])
        found = both.set_output(transform="pandas" if frames else "default").fit_transform(frame)
        assert found.shape == (120, 2)
        texts = found["texts__text"] if frames else found[:, 0]
        assert list(texts) == frame["text"].str.lower().tolist()

    @pytest.mark.parametrize("column", ["text", ["text"]], ids=repr)
    def test_layers(self, column: Any, base: Any, others: Any) -> None:
        frame = others.frame().to_pandas()
        layer = LayerFeatures(base, layer="pooled")
        found = ColumnTransformer([("layer", layer, column)]).fit_transform(frame)
        np.testing.assert_array_equal(found, layer.transform(others.texts))

    def test_layers_as_frames(self, base: Any, others: Any) -> None:
        texts = others.frame().to_pandas()["text"].iloc[:3].set_axis([7, 8, 9])
        layer = LayerFeatures(base, layer="pooled")
        plain = layer.fit_transform(texts)
        with sklearn.config_context(transform_output="pandas"):
            configured = layer.fit_transform(texts)
        for frame in (configured, layer.set_output(transform="pandas").fit_transform(texts)):
            assert list(frame.index) == [7, 8, 9] and frame.columns[0] == "pooled_0"
            np.testing.assert_array_equal(frame.to_numpy(), plain)

    @pytest.mark.parametrize("column", ["text", ["text"]], ids=repr)
    @pytest.mark.parametrize("step", [Tokenizer(), make_pipeline(LowerCaser(), Tokenizer(), TokenIndexer())])
    @pytest.mark.parametrize("kind", ["pandas", "polars"])
    def test_tokens_and_ids_say_what_may_stand_there(self, kind: str, step: Any, column: Any, others: Any) -> None:
        with pytest.raises(DataError, match=r"cannot stand in a ColumnTransformer. Put LayerFeatures\(base\) there"):
            frame = others.frame() if kind == "polars" else others.frame().to_pandas()
            ColumnTransformer([("ids", step, column)]).fit_transform(frame)

    @pytest.mark.parametrize("step", [NullImputer(), make_pipeline(UnicodeNormalizer(), LowerCaser())])
    def test_a_bare_name_is_told_to_go_into_a_list(self, step: Any, others: Any) -> None:
        frame = others.frame().to_pandas()
        with pytest.raises(DataError, match=r"Write \['text'\] in place of 'text'"):
            ColumnTransformer([("texts", step, "text")]).fit_transform(frame)
        fitted = ColumnTransformer([("texts", step, ["text"])]).fit(frame)
        assert fitted.transform(frame).shape == (120, 1)

    def test_steps_before_another_take_a_bare_name(self, others: Any) -> None:
        """The pipeline gives the table, so what stands in front of its end need not."""
        frame = others.frame().to_pandas()
        words = make_pipeline(LowerCaser(), TfidfVectorizer())
        lengths = make_pipeline(Tokenizer(), FunctionTransformer(lambda rows: np.array([[len(row)] for row in rows])))
        both = ColumnTransformer([("words", words, "text"), ("lengths", lengths, ["text"])]).fit_transform(frame)
        assert both.shape == (120, len(words[-1].fit(frame["text"]).vocabulary_) + 1)
