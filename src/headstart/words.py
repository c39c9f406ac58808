"""The words of a model: what each does to the score by itself, which matter most, and their vectors."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import Doubles, Floats, Places
from headstart.corpus import Corpus, text_array
from headstart.errors import DataError, OptionError
from headstart.inputs import text_input_of
from headstart.named_outputs import as_predictor, layer_outputs
from headstart.predictor import Predictor, words_of

_LEAST_COUNT = 20
"""A word rarer than this in training may have a strong score by chance."""


@dataclass(frozen=True)
class WordVectors:
    """Words of a model at one of its layers.

    Attributes:
        words: those in the vocabulary, in the order asked for.
        vectors: the layer's output for each word as a text of its own, float32 [words, size].
        probabilities: what the model says of each word as a text of its own; see `headstart.predictor.Scores` for shapes.
        unknown: words asked for that are not in the vocabulary.
    """

    words: list[str]
    vectors: Floats
    probabilities: Doubles
    unknown: list[str]


def word_vectors(model: object, words: Sequence[str], *, layer: str = "embedding", device: str = "cpu") -> WordVectors:
    """Return what `layer` gives for single words; at ``"embedding"`` these are the word vectors.

    Raises:
        DataError: if fewer than two of the words are in the vocabulary.
        OptionError: if the model has no such layer, or no vocabulary.
    """
    predictor = as_predictor(model)
    vocabulary = set(_known(predictor)[0])
    lowered = dict.fromkeys(word.strip().lower() for word in words if word.strip())
    asked = list(dict.fromkeys(word if word in vocabulary else unicodedata.normalize("NFC", word) for word in lowered))
    known = [word for word in asked if word in vocabulary]
    unknown = [word for word in asked if word not in vocabulary]
    if len(known) < 2:
        raise DataError(
            f"of the {len(asked)} words asked for, {len(known)} are in the model's vocabulary of {len(vocabulary):,}; "
            f"not in it: {', '.join(unknown[:10])}. Name words that occur in its training texts."
        )
    corpus = Corpus(text_array(known))
    vectors = np.concatenate([part[layer] for part in layer_outputs(predictor, corpus, (layer,), device=device)])
    scores = predictor.score(corpus, device=device)
    return WordVectors(known, vectors, scores.probabilities, unknown)


def important_words(model: object, n: int, *, device: str = "cpu") -> list[str]:
    """Return the `n` words that speak most clearly, half for each label, strongest first; of several classes or labels, those
    that speak most clearly for one of them.

    A word's strength is its score as a text of its own against the middle of all words' scores, times the
    logarithm of its count in training: what is said often counts for more than what is said once.
    """
    predictor = as_predictor(model)
    if n < 2:
        raise OptionError(f"{n} words make no map; ask for 2 or more, such as 100.")
    known, counts = _known(predictor)
    words = np.array(known, dtype=object)
    common = np.flatnonzero((counts >= _LEAST_COUNT) & np.array([any(c.isalpha() for c in word) for word in words]))
    if len(common) < n:
        common = np.argsort(-counts, kind="stable")[: max(n, len(common))]
    logits = predictor.score(Corpus(text_array(words[common].tolist())), device=device).logits
    weight = np.log(counts[common] + 1)
    if logits.ndim > 1:
        strongest = (logits - np.median(logits, axis=0)).max(1) * weight
        return [str(word) for word in words[common[np.argsort(-strongest, kind="stable")[:n]]]]
    strength = (logits - np.median(logits)) * weight
    order = np.argsort(strength, kind="stable")
    half = n // 2
    return [str(word) for word in words[common[np.concatenate([order[::-1][: n - half], order[:half]])]]]


def _known(predictor: Predictor) -> tuple[list[str], Places]:
    """Return a model's words and how often each occurred, without padding and the unknown word."""
    if text_input_of(predictor.inputs).steps is None:
        raise OptionError(
            f"this model is of kind {predictor.scorer.kind!r} and has no word vectors; use a model trained with a network."
        )
    words = words_of(predictor)
    if words is None:
        raise OptionError(
            "this model cuts words into pieces and keeps no list of words to draw; draw texts instead: "
            "headstart map MODEL --data DATA --label COL --layer pooled."
        )
    return words.vocabulary.to_pylist()[2:], words.counts[2:]
