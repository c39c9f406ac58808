"""Text steps written to JSON and read again, and every kind of damage refused."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from headstart.errors import ArtifactError
from headstart.text import (
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

TEXTS = ["A Film, isn't it?", None, "a film"]

PIPELINES = {
    "words": text_steps(fill_value="null", min_count=1),
    "numpy options": text_steps("tutorial", min_count=np.int64(1), max_size=np.int32(3)),  # type: ignore[arg-type]
    "expression": text_steps(r"(\w+)", min_count=1),
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
    (None, WORDS, None, "Expected text steps as an object with a list 'steps', got None"),
    ([], WORDS, None, r"got \[\]"),
    ({"format": 1, "steps": {}}, WORDS, None, "a list 'steps'"),
    ({"format": 2, "steps": [CUT, IDS]}, WORDS, None, "are of format 2, and this version of headstart reads format 1"),
    ({"steps": [CUT, IDS]}, WORDS, None, "are of format None"),
    (spec_of(), WORDS, None, r"end in Tokenizer and TokenIndexer, none twice, got \[\]"),
    (spec_of(IDS, CUT), WORDS, None, "end in Tokenizer and TokenIndexer"),
    (spec_of(CUT, {**CUT, "name": "b"}, IDS), WORDS, None, "none twice"),
    (spec_of({**CUT, "name": "ids"}, IDS), WORDS, None, "of different names"),
    (spec_of("cut", IDS), WORDS, None, "Expected a text step with a name"),
    (spec_of(step("Pickle"), CUT, IDS), WORDS, None, "a kind among NullImputer, LowerCaser"),
    (spec_of({**CUT, "kind": ["Tokenizer"]}, IDS), WORDS, None, "a kind among"),
    (spec_of({**CUT, "name": 3}, IDS), WORDS, None, "Expected a text step with a name"),
    (spec_of({**CUT, "name": "a__b"}, IDS), WORDS, None, "Expected a text step with a name"),
    (spec_of({**CUT, "options": None}, IDS), WORDS, None, "and options"),
    (spec_of(step(), IDS), WORDS, None, r"Expected options \['pattern'\] for the text step Tokenizer, got {}"),
    (spec_of(step(pattern=3), IDS), WORDS, None, "Expected options"),
    (spec_of(step(pattern="("), IDS), WORDS, None, "cannot be restored. .* nor a valid regular expression"),
    (spec_of(step("NullImputer", "n", fill_value=None), CUT, IDS), WORDS, None, "Expected options"),
    (spec_of(step("NullImputer", "n", fill_value="\ud800"), CUT, IDS), WORDS, None, "cannot be restored"),
    (spec_of(step("LowerCaser", "n", extra=1), CUT, IDS), WORDS, None, "Expected options"),
    (spec_of(CUT, step("TokenIndexer", "i", min_count=True, max_size=None)), WORDS, None, "Expected options"),
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
