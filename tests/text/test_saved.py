"""Text steps written to JSON and read again, and every kind of damage refused."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from headstart.errors import ArtifactError, OptionError
from headstart.heads.tfidf import TOKENS
from headstart.text import (
    DEFINITIONS,
    LowerCaser,
    NullImputer,
    TokenIndexer,
    Tokenizer,
    encode,
    fit_steps,
    fused_from_json,
    steps_from_json,
    steps_to_json,
    text_steps,
)
from headstart.text.trust import is_linear

TEXTS = ["A Film, isn't it?", None, "a film, caf\xe9 cafe\u0301"]

PIPELINES = {
    "words": text_steps(fill_value="null", min_count=1),
    "numpy options": text_steps("tutorial", min_count=np.int64(1), max_size=np.int32(3)),  # type: ignore[arg-type]
    "expression": text_steps(r"(\w+)", min_count=1),
    "of format 1.0": text_steps(form=None, min_count=1),
    "decomposed": text_steps(form="NFD", min_count=1),
    "names": Pipeline([("x", NullImputer("-")), ("y", Tokenizer()), ("z", TokenIndexer())]),
}


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
def test_what_is_read_equals_what_was_written(pipeline: Pipeline) -> None:
    fit_steps(pipeline, TEXTS)
    spec = json.loads(json.dumps(steps_to_json(pipeline)))
    indexer = pipeline[-1]
    for words, counts in (
        (indexer.vocabulary_, indexer.counts_),
        (indexer.vocabulary_.to_pylist(), indexer.counts_.tolist()),
    ):
        read = steps_from_json(spec, words, counts)
        assert [name for name, _ in read.steps] == [name for name, _ in pipeline.steps]
        assert steps_to_json(read) == spec
        assert read[-1].vocabulary_ == indexer.vocabulary_
        assert read[-1].counts_.tolist() == indexer.counts_.tolist()
        assert encode(read, TEXTS).ids == encode(pipeline, TEXTS).ids
        assert read.transform(TEXTS) == pipeline.transform(TEXTS)
        fused = fused_from_json(spec, words, counts)
        assert fused is None if "(" in str(spec) else fused.encode(TEXTS).ids == read.transform(TEXTS)  # type: ignore[union-attr]


def step(kind: str = "Tokenizer", name: str = "cut", **options: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "options": options}


CUT, IDS = step(pattern="words"), step("TokenIndexer", "ids", min_count=1, max_size=None)


def spec_of(*steps: Any) -> dict[str, Any]:
    return {"format": 1, "steps": list(steps)}


WORDS = ["", "<unk>", "a"]

DAMAGED = [
    (None, WORDS, None, "the text steps of this model: expected `object`, got `null`"),
    ([], WORDS, None, "expected `object`, got `array`"),
    ({"format": 1, "steps": {}}, WORDS, None, r"this model\.steps: expected `array`, got `object`"),
    ({"format": 2, "steps": [CUT, IDS]}, WORDS, None, r"this model\.format: invalid enum value 2"),
    ({"steps": [CUT, IDS]}, WORDS, None, "missing required field `format`"),
    (spec_of(), WORDS, None, r"end in Tokenizer and TokenIndexer, none twice, got \[\]"),
    (spec_of(IDS, CUT), WORDS, None, "end in Tokenizer and TokenIndexer"),
    (spec_of(CUT, {**CUT, "name": "b"}, IDS), WORDS, None, "none twice"),
    (spec_of({**CUT, "name": "ids"}, IDS), WORDS, None, "of different names"),
    (spec_of("cut", IDS), WORDS, None, r"steps\[0\]: expected `object`, got `str`"),
    (spec_of(step("Pickle"), CUT, IDS), WORDS, None, r"steps\[0\]\.kind: invalid enum value 'Pickle'"),
    (spec_of({**CUT, "kind": ["Tokenizer"]}, IDS), WORDS, None, r"steps\[0\]\.kind: expected `str`, got `array`"),
    (spec_of({**CUT, "name": 3}, IDS), WORDS, None, r"\.name: expected `str`, got `int`"),
    (spec_of({**CUT, "name": "a__b"}, IDS), WORDS, None, r"\.name: expected `str` matching regex"),
    (spec_of({**CUT, "options": None}, IDS), WORDS, None, r"options: expected `object`, got `null`"),
    (spec_of(step(), IDS), WORDS, None, "options of the text step Tokenizer: object missing required field `pattern`"),
    (spec_of(step(pattern=3), IDS), WORDS, None, r"Tokenizer\.pattern: expected `str`, got `int`"),
    (spec_of(step(pattern="("), IDS), WORDS, None, r"the regular expression '\(', and nothing bounds how long that"),
    (spec_of(step(pattern="[z-a]"), IDS), WORDS, None, "cannot be restored. .* nor a valid regular expression"),
    (
        spec_of({**CUT, "version": 2}, IDS),
        WORDS,
        None,
        "by version 2 of .* 'words', and .* knows tutorial 1, words 1. Inst",
    ),
    (spec_of({**CUT, "version": "1"}, IDS), WORDS, None, "by version '1' of the token definition 'words'"),
    (spec_of({**step(pattern="morphemes"), "version": 1}, IDS), WORDS, None, "1 of the token definition 'morphemes'"),
    (
        spec_of(step("NullImputer", "n", fill_value=None), CUT, IDS),
        WORDS,
        None,
        r"fill_value: expected `str`, got `null`",
    ),
    (spec_of(step("NullImputer", "n", fill_value="\ud800"), CUT, IDS), WORDS, None, "cannot be restored"),
    (spec_of(step("LowerCaser", "n", extra=1), CUT, IDS), WORDS, None, "unknown field `extra`"),
    (spec_of(CUT, step("TokenIndexer", "i", min_count=True, max_size=None)), WORDS, None, "expected `int`, got `bool`"),
    (spec_of(CUT, step("TokenIndexer", "i", min_count=0, max_size=None)), WORDS, None, "min_count as a whole number"),
    (spec_of(CUT, IDS), ["a"], None, "begins with ''"),
    (spec_of(CUT, IDS), [*WORDS, "a"], None, "stands in the vocabulary twice"),
    (spec_of(CUT, IDS), [*WORDS, ""], None, "is empty"),
    (spec_of(CUT, IDS), [*WORDS, 3], None, "sequence of strings"),
    (spec_of(CUT, IDS), None, None, "sequence of strings"),
    (spec_of(CUT, IDS), WORDS, [0, 0], "must be 3 whole numbers"),
    (spec_of(CUT, IDS), WORDS, "xyz", "must be 3 whole numbers"),
    (spec_of(CUT, IDS), WORDS, [0, 0, -5], "the least -5"),
]


@pytest.mark.parametrize(("spec", "words", "counts", "message"), DAMAGED)
def test_damage_is_refused(spec: Any, words: Any, counts: Any, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        steps_from_json(spec, words, counts)
    with pytest.raises(ArtifactError, match=message):
        fused_from_json(spec, words, counts)


class Shouter(LowerCaser):
    pass


@pytest.mark.parametrize("custom", [FunctionTransformer(), Shouter(), "passthrough"])
def test_steps_that_are_code_are_not_saved(custom: Any) -> None:
    steps = Pipeline([("mine", custom), *text_steps().steps])
    with pytest.raises(ArtifactError, match=r"text step 'mine' is a \w+, which cannot be saved, because .* no code"):
        steps_to_json(steps)


def test_reading_for_prediction_imports_neither_scikit_learn_nor_pandas() -> None:
    code = (
        "import sys; from headstart.text import fused_from_json;"
        f"fused = fused_from_json({spec_of(CUT, IDS)!r}, {WORDS!r});"
        "print(fused.encode(['a b', '']).ids.values.tolist(), sorted({'sklearn', 'torch', 'pandas'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[2, 1] []"


PLAIN = [
    r"\w+",
    r"(\w+)",
    r"(?u)\w\w+",
    r"\S+",
    ".",
    r"[a-z][a-z']*|[!?]",
    r"[^\s\]]+|\.",
    "[\u3041-\u3096]",
    "(?i)[a-z]+|#",
]
ELSE = [
    r"(a+)+$", r"(?:\w+)+x", r"\w+x", r"\w+\b", r"\w*\w*", r"(a|a)*", r"(\w)\1+", r"\w{2,}", r"\w+?", r"(?=\w)\w", "(", "a)",
    "", "a|", r"\p", "[", "[]a]", r"(\w+)|(\d+)", "x" * 1001, r"a**", "^a", "a" * 400 + "{4294967296}", "(" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("pattern", PLAIN)
def test_plain_expressions_come_back(pattern: str) -> None:
    assert is_linear(pattern)
    read = steps_from_json(spec_of(step(pattern=pattern), IDS), WORDS)
    text = "a!" * 200_000  # steps that grew as the square of this would show
    assert read[0].transform([text]).to_pylist() == Tokenizer(pattern).transform([text]).to_pylist()


@pytest.mark.parametrize("pattern", ELSE)
def test_other_expressions_need_to_be_trusted(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_linear(pattern)
    spec = spec_of(step(pattern=pattern), IDS)
    for reads in (steps_from_json, fused_from_json):
        with pytest.raises(
            ArtifactError, match=r"trust_patterns=True\), or set HEADSTART_TRUST_PATTERNS=1 for commands"
        ):
            reads(spec, WORDS)
    valid = True
    try:
        Tokenizer(pattern).check_options()
    except OptionError:
        valid = False
    for trusted in ({"trust_patterns": True}, {}):
        monkeypatch.setenv("HEADSTART_TRUST_PATTERNS", "0" if trusted else "1")
        if valid:
            assert steps_from_json(spec, WORDS, **trusted)[0].pattern == pattern
        else:
            with pytest.raises(ArtifactError, match="cannot be restored"):
                steps_from_json(spec, WORDS, **trusted)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_version_is_stored_and_files_without_one_are_of_the_first(name: str) -> None:
    spec = steps_to_json(fit_steps(text_steps(name), TEXTS))
    assert spec["steps"][-2]["version"] == DEFINITIONS[name].version
    del spec["steps"][-2]["version"]
    assert steps_from_json(spec, WORDS)[-2].pattern == name


def test_a_file_without_a_version_is_not_of_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEFINITIONS, "words", replace(DEFINITIONS["words"], version=2))
    with pytest.raises(
        ArtifactError, match=r"by version None of the token definition 'words', and .* knows tutorial 1, "
    ):
        steps_from_json(spec_of(CUT, IDS), WORDS)


MEANT = {("tutorial", 1): "eedf6770486e253e", ("words", 1): "b9c70f4ee08d7c35"}


def test_what_a_version_of_a_definition_means_never_changes() -> None:
    for name, definition in DEFINITIONS.items():
        said = json.dumps({**vars(definition), "version": 0}, sort_keys=True).encode()
        meaning = hashlib.sha256(said).hexdigest()[:16]
        assert MEANT[name, definition.version] == meaning, "raise the version, or give the new definition its own name"


def test_what_a_name_of_tfidf_means_never_changes() -> None:
    assert TOKENS == {
        "words": r"(?u)\b\w\w+\b",
        "punctuated": r"(?u)\b\w+\b|[!?]",
        "words of all scripts": "{letter}(?:{letter}+|{mark}+{letter}*)(?:{mark}+{letter}*)*|{single}",
        "punctuated of all scripts": "{letter}+(?:{mark}+{letter}*)*|{single}|[!?]",
    }
