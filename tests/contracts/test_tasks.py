"""Every kind of answer, by every network, and carried from every other kind: it learns, is stored, and answers a row alone alike."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headstart.corpus import Corpus, as_corpus
from headstart.errors import ArtifactError, OptionError
from headstart.nets import NETS
from headstart.predictor import Predictor
from headstart.strategies import STRATEGIES, Settings, SharedRows, learn
from headstart.tasks import TASKS

WORDS = ("apple", "bread", "cheese", "dates")
SETTINGS: Any = {"device": "cpu", "epochs": 3, "learning_rate": 0.02}


@cache
def corpus_of(kind: str, n_rows: int = 160, seed: int = 0) -> Corpus:
    """Return rows whose labels are what their words say."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2 if kind == "binary" else 4, n_rows)
    filler = [" ".join(rng.choice(["the", "a", "of", "so", "well"], 4)) for _ in range(n_rows)]
    second = rng.integers(0, 4, n_rows)
    texts = [f"{fill} {WORDS[code]}" for fill, code in zip(filler, codes, strict=True)]
    if kind == "multilabel":
        texts = [f"{text} {WORDS[other]}" for text, other in zip(texts, second, strict=True)]
        labels = np.zeros((n_rows, 4), np.int8)
        labels[np.arange(n_rows), codes] = labels[np.arange(n_rows), second] = 1
        return _labelled(texts, labels, kind)
    return _labelled(texts, codes.astype(float) * 10 if kind == "regression" else codes, kind)


def _labelled(texts: list[str], labels: Any, kind: str) -> Corpus:
    names = {"binary": ("no", "yes"), "regression": ()}.get(kind, tuple(f"{kind[0]}{word}" for word in WORDS))
    return Corpus(as_corpus(texts).texts, labels=labels, label_names=names, label_values=names, kind=kind)


def figure(predictor: Predictor, corpus: Corpus) -> float:
    """Return how good it is, more being better."""
    scores, task = predictor.score(corpus), predictor.answers
    found = task.scores(scores.logits, scores.probabilities, predictor.rule)
    return task.primary.sign * task.primary.influence(np.asarray(corpus.labels), found)[0]


def check(predictor: Predictor, corpus: Corpus) -> None:
    """See that it is stored, that a row alone is answered as in company, and that shapes are what they should be."""
    again = Predictor.from_parts(predictor.to_parts())
    scores = predictor.score(corpus)
    assert np.array_equal(again.score(corpus).probabilities, scores.probabilities)
    assert again.task == predictor.task and again.rule == predictor.rule
    alone = predictor.score(corpus.take(np.array([3])))
    np.testing.assert_allclose(alone.probabilities[0], scores.probabilities[3], atol=1e-5)
    assert np.shape(predictor.decide(scores.probabilities)) == np.shape(corpus.labels)
    assert len(predictor.answers.columns(scores.probabilities, predictor.rule)["prediction"]) == len(corpus)
    empty = predictor.score(corpus.take(np.zeros(0, int)))
    assert empty.probabilities.shape == (0, *scores.probabilities.shape[1:])


BETTER = {"binary": 0.9, "multiclass": 0.8, "multilabel": 0.6, "ordinal": 0.8, "regression": -6.0}
"""What a model that has learnt something reaches; numbers are spread over 0 to 30."""


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("net", NETS)
def test_every_network_learns_every_task(net: str, kind: str) -> None:
    settings = Settings(net=net, **({**SETTINGS, "epochs": 12} if net != "blend" else SETTINGS))
    found = learn(STRATEGIES["scratch"], corpus_of(kind), None, None, settings).predictor
    check(found, corpus_of(kind, 60, 1))
    if net in ("blend", "gru"):
        assert figure(found, corpus_of(kind, 60, 1)) > BETTER[kind]


@cache
def base_of(kind: str, net: str) -> Predictor:
    """Return a small base for a kind."""
    return learn(STRATEGIES["scratch"], corpus_of(kind), None, None, Settings(net=net, **SETTINGS)).predictor


@pytest.mark.parametrize("target", TASKS)
@pytest.mark.parametrize("source", TASKS)
def test_a_base_is_carried_from_every_task_to_every_other(source: str, target: str) -> None:
    found = learn(STRATEGIES["fine-tune"], corpus_of(target), None, base_of(source, "blend"), Settings(device="cpu"))
    check(found.predictor, corpus_of(target, 60, 1))
    assert figure(found.predictor, corpus_of(target, 60, 1)) > BETTER[target]


@pytest.mark.parametrize(
    ("source", "target"), [("binary", "multiclass"), ("multiclass", "ordinal"), ("ordinal", "multilabel")]
)
@pytest.mark.parametrize("way", ["fine-tune", "fine-tune-gradual"])
def test_in_epochs_too(way: str, source: str, target: str) -> None:
    found = learn(STRATEGIES[way], corpus_of(target), None, base_of(source, "gru"), Settings(**SETTINGS))
    check(found.predictor, corpus_of(target, 60, 1))


def test_a_carried_base_is_carried_again() -> None:
    first = learn(
        STRATEGIES["fine-tune"], corpus_of("multiclass"), None, base_of("binary", "blend"), Settings(device="cpu")
    )
    second = learn(STRATEGIES["fine-tune"], corpus_of("multilabel"), None, first.predictor, Settings(device="cpu"))
    third = learn(STRATEGIES["fine-tune"], corpus_of("ordinal"), None, second.predictor, Settings(device="cpu"))
    check(third.predictor, corpus_of("ordinal", 60, 1))
    assert figure(third.predictor, corpus_of("ordinal", 60, 1)) > BETTER["ordinal"]


def test_labels_of_the_same_names_keep_what_the_base_knows() -> None:
    few = corpus_of("multiclass").take(np.arange(12))
    shared = learn(STRATEGIES["fine-tune"], few, None, base_of("multiclass", "blend"), Settings(device="cpu")).predictor
    assert figure(shared, corpus_of("multiclass", 60, 1)) > BETTER["multiclass"]


def test_what_the_labels_do_not_allow_is_said() -> None:
    with pytest.raises(OptionError, match="the base answers its own labels .*, and those of the data are"):
        learn(STRATEGIES["as-is"], corpus_of("ordinal"), None, base_of("binary", "blend"), Settings(device="cpu"))
    with pytest.raises(OptionError, match="a base teaches itself by one logit"):
        learn(STRATEGIES["self-train"], corpus_of("multiclass"), None, base_of("multiclass", "blend"), Settings())


def with_columns(corpus: Corpus) -> Corpus:
    """Return the corpus with a number and a category that tell a little of its labels."""
    labels = np.asarray(corpus.labels)
    code = labels.argmax(1) if labels.ndim == 2 else (labels / 10 if labels.dtype.kind == "f" else labels).astype(int)
    noise = np.random.default_rng(2)
    number = code + noise.normal(size=len(code)) * 0.7
    kind = np.where(noise.random(len(code)) < 0.2, "other", np.array(WORDS)[code])
    return replace(corpus, columns=pa.table({"size": number, "shelf": kind}))


HEADS: dict[str, tuple[str, dict[str, Any]]] = {
    "tfidf": ("tfidf", {}),
    "nbsvm": ("nbsvm", {}),
    "tfidf+columns": ("tfidf", {"columns": ("size", "shelf")}),
    "columns": ("columns", {"columns": ("size", "shelf"), "head": "linear"}),
    "columns by trees": ("columns", {"columns": ("size", "shelf"), "head": "catboost"}),
    "features": ("features", {"head": "linear"}),
    "tfidf-prior": ("tfidf-prior", {}),
}


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("name", HEADS)
def test_every_head_learns_every_task(name: str, kind: str) -> None:
    strategy, options = HEADS[name]
    if options.get("head") == "catboost":
        pytest.importorskip("catboost")
    train, test = with_columns(corpus_of(kind)), with_columns(corpus_of(kind, 60, 1))
    base = base_of("binary", "gru") if strategy == "features" else None
    source = corpus_of(kind, 80, 3) if strategy == "tfidf-prior" else None
    result = learn(STRATEGIES[strategy], train, None, base, Settings(device="cpu", source=source, **options))
    check(result.predictor, test)
    assert result.predictor.info["valid"][train.task.primary.name] is not None  # type: ignore[union-attr]
    assert figure(result.predictor, test) > {"features": -99.0, "columns": BETTER[kind] - 0.4}.get(
        strategy, BETTER[kind]
    )
    found = result.score_shared(SharedRows(train, base, Settings(device="cpu", **options)))  # type: ignore[misc]
    np.testing.assert_allclose(found, result.predictor.score(train).logits, atol=1e-4)


@pytest.mark.parametrize("kind", TASKS)
def test_a_source_of_other_labels_is_no_prior(kind: str) -> None:
    source = corpus_of("ordinal" if kind == "regression" else "regression")
    with pytest.raises(OptionError, match="both need the same labels; the source's are "):
        learn(STRATEGIES["tfidf-prior"], corpus_of(kind), None, None, Settings(device="cpu", source=source))


@pytest.mark.parametrize("name", ["tfidf", "nbsvm", "columns"])
@pytest.mark.parametrize("kind", TASKS)
def test_whole_weights_are_repeated_rows(name: str, kind: str) -> None:
    rows = with_columns(corpus_of(kind, 120))
    counts = np.random.default_rng(0).integers(1, 4, 120)
    how: Any = {
        "C": 1.0,
        "calibrate": False,
        "columns": ("size", "shelf") if name == "columns" else (),
        "head": "linear",
    }
    weighted = learn(STRATEGIES[name], replace(rows, weights=counts.astype(float)), None, None, Settings(**how))
    repeated = learn(STRATEGIES[name], rows.take(np.repeat(np.arange(120), counts)), None, None, Settings(**how))
    test = with_columns(corpus_of(kind, 30, 1))
    found, expected = (one.predictor.score(test).logits for one in (weighted, repeated))
    np.testing.assert_allclose(found, expected, atol=0.05)


@pytest.mark.parametrize("change", ["fewer", "one", "longer"])
def test_a_head_of_another_number_of_outputs_is_refused(change: str) -> None:
    parts = learn(STRATEGIES["tfidf"], corpus_of("multiclass"), None, None, Settings()).predictor.to_parts()
    head = dict(parts.tensors["head"])
    weights, intercept = head["coefficients"], head["intercept"]
    head["coefficients"], head["intercept"] = {
        "fewer": (weights[:3], intercept[:3]), "one": (weights[0], intercept[:1]), "longer": (weights, intercept[:3])
    }[change]  # fmt: skip
    parts.tensors["head"] = head
    with pytest.raises(ArtifactError, match="do not fit|logits a row, and its multiclass answers need 4"):
        Predictor.from_parts(parts)


RULES: dict[str, tuple[str, dict[str, Any], str]] = {
    "factors without offsets": (
        "multilabel",
        {"factors": [1.0] * 4, "offsets": []},
        "factors and 0 offsets; expected 4",
    ),
    "cuts that go down": ("ordinal", {"offsets": [1.0, 0.0, -1.0]}, "such as no training gives"),
    "knots that go down": ("regression", {"inputs": [0.5, 0.1], "values": [1.0, 2.0]}, "such as no training gives"),
    "factors that overflow": ("multilabel", {"factors": [1e308] * 4, "offsets": [-1e308] * 4}, ""),
    "numbers that overflow": ("regression", {"inputs": [0.0, 1.0], "values": [-1e308, 1e308]}, "no finite number"),
}


@pytest.mark.parametrize("case", RULES)
def test_a_stored_rule_gives_probabilities_or_is_refused(case: str) -> None:
    kind, rule, sentence = RULES[case]
    parts = learn(STRATEGIES["tfidf"], corpus_of(kind), None, None, Settings()).predictor.to_parts()
    parts.model["rule"] = {**parts.model["rule"], **rule}
    with pytest.raises(ArtifactError, match=sentence) if sentence else nullcontext():
        found = Predictor.from_parts(parts).score(corpus_of(kind, 20, 1)).probabilities
        assert ((found >= 0) & (found <= 1)).all()


def test_a_softmax_that_overflows_is_no_answer() -> None:
    parts = learn(STRATEGIES["tfidf"], corpus_of("multiclass"), None, None, Settings()).predictor.to_parts()
    parts.model["rule"]["calibration"] = [1e308, 0.0]
    with pytest.raises(ArtifactError, match="rule makes no finite number of its logits"):
        Predictor.from_parts(parts).score(corpus_of("multiclass", 20, 1))
