"""The reader of a folder cuts texts as the model does, character for character."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headstart.errors import OptionError
from headstart.fitting.vectorizing import vectorizer_of
from headstart.foreign.onnx.agreement import _corpus, odd_texts
from headstart.foreign.onnx.reading import pretrained_spec, terms_spec, words_spec
from headstart.foreign.onnx.score import Reader
from headstart.heads.tfidf import TOKENS
from headstart.inputs import TextInput
from headstart.text import PretrainedTokenizer, fit_steps, steps_to_json, text_steps

CASES: dict[str, dict[str, Any]] = {
    "words": {},
    "tutorial": {"tokens": "tutorial"},
    "as written": {"without": "LowerCaser"},
    "compatible": {"form": "NFKC"},
    "decomposed": {"form": "NFD", "tokens": "tutorial"},
    "as it came": {"form": None},
    "a regular expression": {"tokens": r"\w+"},
    "a group": {"tokens": r"(\w)\w*"},
}


def reader_of(spec: dict[str, Any], max_tokens: int | None = None, clip: str = "head") -> Reader:
    return Reader({**spec, "ngrams": {}, "max_tokens": max_tokens, "clip": clip})


@pytest.mark.parametrize("case", sorted(CASES))
def test_ids_of_words_are_the_models_own(case: str, wordy: list[str]) -> None:
    texts = odd_texts(wordy, 300)
    options = dict(CASES[case])
    without = options.pop("without", None)
    steps = text_steps(min_count=1, **options)
    steps.steps = [(name, step) for name, step in steps.steps if type(step).__name__ != without]
    fit_steps(steps, [" ".join(wordy)])
    spec = words_spec(steps_to_json(steps)["steps"], steps[-1].vocabulary_.to_pylist())
    for clip in ("head", "tail", "both"):
        wanted = TextInput("text", steps, 7, clip).encode(_corpus(texts)).examples.ids
        reader = reader_of(spec, 7, clip)
        differ = [text for i, text in enumerate(texts) if not np.array_equal(reader.ids(text), wanted[i])]
        assert differ == []
    assert np.concatenate([reader_of(spec).ids(text) for text in texts]).max() > 2


@pytest.mark.parametrize("framed", [True, False])
def test_ids_of_pieces_are_the_tokenizers_own(framed: bool, piece_rules: str, wordy: list[str]) -> None:
    texts = [*odd_texts(wordy, 300), "x" * 100, "x" * 101, "the[SEP]hotels", "greatly. [MASK]", "[CLS][CLS]"]
    tokenizer = PretrainedTokenizer(piece_rules, framed)
    wanted = tokenizer.transform(_corpus(texts).texts)
    reader = reader_of(pretrained_spec(piece_rules, framed=framed))
    assert [text for i, text in enumerate(texts) if not np.array_equal(reader.ids(text), wanted[i])] == []


def test_a_tokenizer_that_is_not_berts_is_refused_with_what_reads_it(piece_rules: str) -> None:
    for old, new in (
        ('"BertPreTokenizer"', '"Whitespace"'),
        ('"BertNormalizer"', '"Other"'),
        ('"lstrip": false', '"lstrip": true'),
    ):
        assert old in piece_rules
        with pytest.raises(Exception) as caught:
            pretrained_spec(piece_rules.replace(old, new), framed=True)
        assert isinstance(caught.value, OptionError) or "cannot be used" in str(caught.value)


@pytest.mark.parametrize("tokens", sorted(TOKENS))
@pytest.mark.parametrize("longest", [1, 3])
def test_terms_are_scikit_learns(tokens: str, longest: int, wordy: list[str]) -> None:
    texts = odd_texts(wordy, 300, seed=3)
    texts = ["".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text) for text in texts]
    counted = vectorizer_of(longest, tokens, "binary", use_idf=False, norm=None).fit(texts)
    counted.set_params(binary=False, sublinear_tf=False)
    wanted = counted.transform(texts).toarray()
    terms = counted.get_feature_names_out().tolist()
    batch = reader_of(terms_spec(tokens, longest, terms)).batch(texts)
    found = np.zeros((len(texts), len(terms) + 1))
    np.add.at(found, (np.arange(len(texts))[:, None], batch["places"]), batch["counts"])
    np.testing.assert_array_equal(found[:, :-1], wanted)
    assert len(terms) > 50
