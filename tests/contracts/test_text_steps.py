"""Law 1, over every text step that the package has: a new one without a case here fails."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.base import TransformerMixin, clone
from sklearn.pipeline import Pipeline

import headstart.text
from headstart.text import (
    LowerCaser,
    NullImputer,
    PretrainedTokenizer,
    RaggedIds,
    TokenIndexer,
    Tokenizer,
    UnicodeNormalizer,
    encode,
    fit_steps,
    text_steps,
)

TEXTS = ["It’s a film!", "", "ÜBER-film 😀\u200d🏽 e\u0301 \x00 日本", "<br />", "x" * 100, "İ ß ẞ K \ufffd\u2028"]
WITH_NULLS = [*TEXTS[:3], None, float("nan"), *TEXTS[3:]]
TOKENS = [text.split() for text in TEXTS]
UNSEEN = ["unseen", "<unk>"]

PIECES = ["[UNK]", "film", "it", "!", "null"]
RULES = json.dumps(
    {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordLevel", "vocab": {piece: i for i, piece in enumerate(PIECES)}, "unk_token": "[UNK]"},
    }
)

# step, rows it takes, other rows of the kind
CASES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "null imputer": (NullImputer(fill_value="none"), WITH_NULLS, UNSEEN),
    "normalizer": (UnicodeNormalizer("NFD"), WITH_NULLS, UNSEEN),
    "lower caser": (LowerCaser(), WITH_NULLS, UNSEEN),
    "words": (Tokenizer(), TEXTS, UNSEEN),
    "tutorial": (Tokenizer("tutorial"), TEXTS, UNSEEN),
    "expression": (Tokenizer(r"\w+"), TEXTS, UNSEEN),
    "indexer": (TokenIndexer(min_count=1, max_size=9), TOKENS, [UNSEEN]),
    "pretrained": (PretrainedTokenizer(RULES), WITH_NULLS, UNSEEN),
    "pretrained pipeline": (Pipeline([("tokenizer", PretrainedTokenizer(RULES))]), WITH_NULLS, UNSEEN),
    "pipeline": (text_steps(min_count=1), WITH_NULLS, UNSEEN),
    "tutorial pipeline": (text_steps("tutorial", max_size=5), WITH_NULLS, UNSEEN),
    "expression pipeline": (text_steps(r"\w+", fill_value="null"), WITH_NULLS, UNSEEN),
}
every_step = pytest.mark.parametrize(("step", "rows", "others"), CASES.values(), ids=CASES)


def found_steps() -> set[type]:
    modules = [
        importlib.import_module(info.name) for info in pkgutil.walk_packages(headstart.text.__path__, "headstart.text.")
    ]
    classes = {member for module in modules for _, member in inspect.getmembers(module, inspect.isclass)}
    return {c for c in classes if issubclass(c, TransformerMixin) and c.__module__.startswith("headstart.")}


def test_every_text_step_has_a_case() -> None:
    public = {step for step in found_steps() if not step.__name__.startswith("_")}
    assert public == {type(step) for step, _, _ in CASES.values() if not isinstance(step, Pipeline)}


def state(thing: Any) -> Any:
    """What an estimator holds, in comparable values."""
    if isinstance(thing, Pipeline):
        return [state(step) for _, step in thing.steps]
    if isinstance(thing, RaggedIds):
        return [row.tolist() for row in thing]
    if hasattr(thing, "__dict__") and not isinstance(thing, pa.Array):
        return {name: state(value) for name, value in vars(thing).items()}
    return thing.tolist() if isinstance(thing, np.ndarray | pa.Array) else thing


def listed(output: Any) -> list[Any]:
    return state(output) if isinstance(output, RaggedIds) else output.tolist()


@every_step
def test_fit_returns_self_and_clones_are_alike(step: Any, rows: list[Any], others: list[Any]) -> None:
    fresh = clone(step)
    assert fresh.fit(rows) is fresh
    assert {k: v for k, v in fresh.get_params().items() if not hasattr(v, "fit") and k != "steps"} == {
        k: v for k, v in clone(fresh).get_params().items() if not hasattr(v, "fit") and k != "steps"
    }
    assert str(listed(clone(fresh).fit(rows).transform(rows))) == str(listed(fresh.transform(rows)))


@every_step
def test_transform_changes_nothing_and_learns_nothing(step: Any, rows: list[Any], others: list[Any]) -> None:
    fitted = clone(step).fit(rows)
    before, given = state(fitted), str(rows)
    expected = str(listed(fitted.transform(rows)))
    fitted.transform(others)
    assert state(fitted) == before
    assert str(rows) == given
    assert str(listed(fitted.transform(rows))) == expected


@every_step
def test_fitting_twice_equals_fitting_once(step: Any, rows: list[Any], others: list[Any]) -> None:
    fitted = clone(step).fit(rows)
    once = state(fitted)
    assert state(fitted.fit(rows)) == once
    assert state(fitted.fit(others).fit(rows)) == once


@every_step
def test_a_row_alone_equals_the_same_row_among_others(step: Any, rows: list[Any], others: list[Any]) -> None:
    fitted = clone(step).fit(rows)
    together = listed(fitted.transform(rows))
    assert len(together) == len(rows)
    assert [str(listed(fitted.transform([row]))[0]) for row in rows] == [str(row) for row in together]
    assert listed(fitted.transform(rows[:0])) == []


@every_step
def test_options_may_be_set_after_construction(step: Any, rows: list[Any], others: list[Any]) -> None:
    other = clone(step).set_params(**step.get_params())
    assert str(listed(other.fit(rows).transform(rows))) == str(listed(clone(step).fit(rows).transform(rows)))


PIPELINES = [case for case in CASES.values() if isinstance(case[0], Pipeline)]


@pytest.mark.parametrize(("steps", "texts", "others"), PIPELINES, ids=[n for n in CASES if "pipeline" in n])
@pytest.mark.parametrize("fit", [lambda s, t: s.fit(t), fit_steps], ids=["fit", "fit_steps"])
def test_encode_keeps_the_law(steps: Pipeline, texts: list[Any], others: list[Any], fit: Callable[..., Any]) -> None:
    fitted = fit(clone(steps), texts)
    before = state(fitted)
    together = listed(encode(fitted, texts).ids)
    assert encode(fitted, texts).n_null == 2
    assert [listed(encode(fitted, [text]).ids)[0] for text in texts] == together
    assert encode(fitted, others).n_unknown > 0
    assert state(fitted) == before
    assert state(fit(fitted, texts)) == before
