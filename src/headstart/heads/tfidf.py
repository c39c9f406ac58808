"""Word n-grams into logistic regression: TF-IDF, the reference point that a transfer has to beat, and NB-SVM."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.arrays import Array, Doubles, Places
from headstart.errors import ArtifactError
from headstart.heads.columns import ColumnEncoder
from headstart.heads.linear import intercept_of, outputs_fit, read_arrays
from headstart.kernels.sparse import weigh, weigh_outputs
from headstart.plain import Facts, Json
from headstart.text.definitions import word_patterns

_LARGEST_FACTOR = 1e100  # its square, summed over any text, is a number; a real one is a logarithm

_MANY_TEXTS = 20_000

TOKENS = {
    "words": r"(?u)\b\w\w+\b",
    "punctuated": r"(?u)\b\w+\b|[!?]",
    "words of all scripts": r"{letter}(?:{letter}+|{mark}+{letter}*)(?:{mark}+{letter}*)*|{single}",
    "punctuated of all scripts": r"{letter}+(?:{mark}+{letter}*)*|{single}|[!?]",
}
"""What counts as a word: scikit-learn's own pattern, or words of any length and ``!`` and ``?``.

Those of all scripts are the same where words are parted by spaces. They also take every ideograph, kana and
emoji for a token of its own, leave vowel signs with their letters, and take the same letters for the same word, composed
or not, as the networks' own tokens do (`headstart.text.definitions`). The first two are those of models made by 0.1.
"""

COUNTS = ("sublinear", "binary")
"""How often an n-gram counts in a text: 1 + log of how often it stands there, or once."""


@dataclass(frozen=True)
class TfidfHead:
    """What scikit-learn's ``TfidfVectorizer`` counts, and a logit; predicting needs no scikit-learn.

    A text's n-grams are counted (`counts`), multiplied by `idf`, scaled to length one, and weighed. With
    naive Bayes' log-count ratios in the place of `idf` this is NB-SVM (Wang and Manning, "Baselines and
    Bigrams", ACL 2012).

    Attributes:
        ngrams: the n-grams that count, in the order of the arrays.
        idf: inverse document frequency of each, or another factor, float64 [n_grams].
        coefficients: float64 [n_grams + indicators of the columns]; of several outputs float32 [outputs, as many].
        intercept: logit of an empty text; of several outputs [outputs].
        longest: words in the longest n-gram.
        encoder: of the tabular columns, or None.
        tokens: a name from `TOKENS`.
        counts: a name from `COUNTS`.
    """

    ngrams: tuple[str, ...]
    idf: NDArray[np.float64]
    coefficients: Array
    intercept: float | NDArray[np.float64]
    longest: int = 2
    encoder: ColumnEncoder | None = None
    tokens: str = "words"
    counts: str = "sublinear"

    kind = "tfidf"

    def decision(self, texts: Sequence[str], table: pa.Table | None = None) -> NDArray[np.float64]:
        """Return the logits of each text: [rows], or [rows, outputs] of several."""
        size, several = len(self.ngrams), self.n_outputs > 1
        found = np.tile(self.intercept, (len(texts), 1)) if several else np.full(len(texts), self.intercept)
        counted = self._counted(texts)
        if several:
            weigh_outputs(*counted, self.idf, self._by_input, found)
        else:
            weigh(*counted, self.idf, self.coefficients, found)
        if self.encoder is not None and table is not None:
            indicators = self.encoder.indicators(table).astype(np.float64)
            found += indicators @ (self._by_input[size:] if several else self.coefficients[size:])
        return found

    @property
    def n_outputs(self) -> int:
        """Logits a row."""
        return 1 if self.coefficients.ndim == 1 else len(self.coefficients)

    @property
    def n_inputs(self) -> int:
        """How many inputs are weighed: n-grams, and what columns become."""
        return int(self.coefficients.shape[-1])

    @cached_property
    def _by_input(self) -> Array:
        """The coefficients of several outputs [inputs, outputs], those of an input next to one another."""
        return np.ascontiguousarray(self.coefficients.T)

    def _counted(self, texts: Sequence[str]) -> tuple[Places, Doubles, Places]:
        """Return which n-grams each text holds, in their order, what each counts there, and where each text ends."""
        found: list[int] = []
        often: list[int] = []
        ends = np.zeros(len(texts) + 1, np.int64)
        for row, text in enumerate(texts):
            places = sorted(Counter(self._places_in(text)).items())
            found += [place for place, _ in places]
            often += [n for _, n in places]
            ends[row + 1] = len(found)
        counts = np.ones(len(often)) if self.counts == "binary" else np.log(np.array(often, np.float64)) + 1.0
        return np.array(found, np.int64), counts, ends

    def _places_in(self, text: str) -> Iterator[int]:
        words, known = self._cut(text), self._vocabulary
        for start in range(len(words)):
            ngram = ""
            for word in words[start : start + self.longest]:
                ngram = f"{ngram} {word}" if ngram else word
                if (place := known.get(ngram)) is not None:
                    yield place

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        return {ngram: place for place, ngram in enumerate(self.ngrams)}

    @cached_property
    def _cut(self) -> Callable[[str], list[str]]:
        how = reading(self.tokens)
        expression, before = re.compile(how["token_pattern"]), how.get("preprocessor", str.lower)
        return lambda text: expression.findall(before(text))

    def __getstate__(self) -> Json:
        return {name: value for name, value in self.__dict__.items() if name not in ("_cut", "_vocabulary")}

    @property
    def n_indicators(self) -> int:
        """How many of the inputs come from columns."""
        return 0 if self.encoder is None else self.encoder.n_indicators

    def config(self) -> Json:
        """Return what is stored next to `arrays` and `ngrams`, JSON-able."""
        columns = None if self.encoder is None else self.encoder.config()
        return {
            "kind": self.kind, "longest": self.longest, "tokens": self.tokens, "counts": self.counts, "columns": columns
        }  # fmt: skip

    def blobs(self) -> dict[str, bytes]:
        """Return nothing: all is in arrays."""
        return {}

    def arrays(self) -> dict[str, Array]:
        """Return what is stored next to `ngrams` and `config`."""
        intercept = np.atleast_1d(np.asarray(self.intercept, np.float64))
        return {"idf": self.idf, "coefficients": np.ascontiguousarray(self.coefficients), "intercept": intercept}

    @classmethod
    def from_arrays(
        cls,
        ngrams: Sequence[str],
        arrays: Mapping[str, Array],
        longest: int,
        encoder: ColumnEncoder | None,
        *,
        tokens: str = "words",
        counts: str = "sublinear",
    ) -> TfidfHead:
        """Build the head again from checked arrays.

        Raises:
            ArtifactError: if the arrays and the list of n-grams do not fit one another.
        """
        if tokens not in TOKENS or counts not in COUNTS:
            raise ArtifactError(
                f"this model cuts texts into {tokens!r} and counts {counts!r}, one of which this version does not know; "
                "upgrade headstart, or train the model anew."
            )
        idf, coefficients, intercept = read_arrays(arrays, "idf", "coefficients", "intercept")
        sizes_fit = idf.shape == (len(ngrams),) and outputs_fit(coefficients, intercept)
        sizes_fit = sizes_fit and coefficients.shape[-1] >= len(ngrams)
        if not sizes_fit or not 1 <= longest <= 5 or len(set(ngrams)) != len(ngrams):
            raise ArtifactError(
                "the n-grams and arrays of this TF-IDF model do not fit one another; copy the model again or train it anew."
            )
        if np.abs(idf).max(initial=0) > _LARGEST_FACTOR:
            raise ArtifactError(
                f"the array 'idf' of this TF-IDF model holds factors beyond {_LARGEST_FACTOR:g}, whose squares overflow; "
                "copy the model again or train it anew."
            )
        constant = intercept_of(coefficients, intercept)
        return cls(tuple(ngrams), idf, coefficients, constant, longest, encoder, tokens, counts)


@functools.cache
def reading(tokens: str) -> Facts:
    """Return how scikit-learn's vectorizers read texts for a name from `TOKENS`: options of theirs."""
    if "{" not in TOKENS[tokens]:
        return {"token_pattern": TOKENS[tokens]}
    parts = word_patterns()
    letter, mark = rf"[^\W{parts['unspaced']}]", f"[{parts['mark']}]"
    pattern = TOKENS[tokens].format(letter=letter, mark=mark, single=f"[{parts['unspaced']}{parts['symbol']}]")
    return {"token_pattern": pattern, "preprocessor": _composed_and_lowered}


def _composed_and_lowered(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def least_texts(n_texts: int, *, two: bool = True) -> int:
    """Return in how many of the training texts an n-gram has to stand, to count; with more than two classes each has few texts."""
    return 2 if n_texts >= (100 if two else _MANY_TEXTS) else 1
