"""Word n-grams into logistic regression: TF-IDF, the reference point that a transfer has to beat, and NB-SVM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.errors import ArtifactError, DataError
from headstart.heads.columns import ColumnEncoder
from headstart.heads.linear import fit_logistic, read_arrays

__all__ = ["COUNTS", "TOKENS", "TfidfHead", "least_texts", "vectorizer_of"]

_LARGEST_FACTOR = 1e100  # its square, summed over any text, is a number; a real one is a logarithm

_PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)

TOKENS = {"words": r"(?u)\b\w\w+\b", "punctuated": r"(?u)\b\w+\b|[!?]"}
"""What counts as a word: scikit-learn's own pattern, or words of any length beside ``!`` and ``?``."""

COUNTS = ("sublinear", "binary")
"""How often an n-gram counts in a text: 1 + log of how often it stands there, or once."""


@dataclass(frozen=True)
class TfidfHead:
    """scikit-learn's ``TfidfVectorizer`` and a logit.

    A text's n-grams are counted (`counts`), multiplied by `idf`, scaled to length one, and weighed. With
    naive Bayes' log-count ratios in the place of `idf` this is NB-SVM (Wang and Manning, "Baselines and
    Bigrams", ACL 2012).

    Attributes:
        ngrams: the n-grams that count, in the order of the arrays.
        idf: inverse document frequency of each, or another factor, float64 [n_grams].
        coefficients: float64 [n_grams + indicators of the columns].
        intercept: logit of an empty text.
        longest: words in the longest n-gram.
        encoder: of the tabular columns, or None.
        tokens: a name from `TOKENS`.
        counts: a name from `COUNTS`.
    """

    ngrams: tuple[str, ...]
    idf: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    intercept: float
    longest: int = 2
    encoder: ColumnEncoder | None = None
    tokens: str = "words"
    counts: str = "sublinear"

    kind = "tfidf"

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: NDArray[Any],
        *,
        table: pa.Table | None = None,
        encoder: ColumnEncoder | None = None,
        longest: int = 2,
        random_state: int = 0,
        weights: NDArray[Any] | None = None,
    ) -> TfidfHead:
        """Fit on texts and class codes; n-grams in two texts or more, C chosen by folds inside these rows.

        A text of weight 2 counts twice, in the document frequencies too; None counts all alike.
        """
        try:
            vectorizer = _fitted_vectorizer(texts, longest, weights)
            inputs = vectorizer.transform(texts)
        except ValueError as error:
            raise DataError(
                f"none of the {len(texts)} texts holds a word that TF-IDF can count ({error}); check that --text names the right column."
            ) from error
        scale = _column_scale(table, encoder)
        how: dict[str, Any] = {"penalties": _PENALTIES, "random_state": random_state, "weights": weights}
        coefficients, intercept = fit_logistic(_beside(inputs, table, encoder, scale), labels, **how)
        coefficients[inputs.shape[1] :] /= scale
        ngrams = tuple(vectorizer.get_feature_names_out().tolist())
        return cls(ngrams, np.asarray(vectorizer.idf_, np.float64), coefficients, intercept, longest, encoder)

    def decision(self, texts: Sequence[str], table: pa.Table | None = None) -> NDArray[np.float64]:
        """Return the logit of each text [rows]."""
        inputs = _beside(self._fitted.transform(texts), table, self.encoder, 1.0)
        return np.asarray(inputs @ self.coefficients, np.float64).reshape(-1) + self.intercept

    @cached_property
    def _fitted(self) -> Any:
        vocabulary = {ngram: i for i, ngram in enumerate(self.ngrams)}
        vectorizer = vectorizer_of(self.longest, self.tokens, self.counts, vocabulary=vocabulary)
        vectorizer.idf_ = self.idf
        return vectorizer

    @property
    def n_indicators(self) -> int:
        """How many of the inputs come from columns."""
        return 0 if self.encoder is None else self.encoder.n_indicators

    def config(self) -> dict[str, Any]:
        """Return what is stored beside `arrays` and `ngrams`, JSON-able."""
        columns = None if self.encoder is None else self.encoder.config()
        return {
            "kind": self.kind, "longest": self.longest, "tokens": self.tokens, "counts": self.counts, "columns": columns
        }  # fmt: skip

    def blobs(self) -> dict[str, bytes]:
        """Return nothing: all is in arrays."""
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what is stored beside `ngrams` and `config`."""
        return {"idf": self.idf, "coefficients": self.coefficients, "intercept": np.array([self.intercept])}

    @classmethod
    def from_arrays(
        cls,
        ngrams: Sequence[str],
        arrays: Mapping[str, NDArray[Any]],
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
        sizes_fit = idf.shape == (len(ngrams),) and coefficients.ndim == 1 and len(coefficients) >= len(ngrams)
        if not sizes_fit or intercept.shape != (1,) or not 1 <= longest <= 5 or len(set(ngrams)) != len(ngrams):
            raise ArtifactError(
                "the n-grams and arrays of this TF-IDF model do not fit one another; copy the model again or train it anew."
            )
        if np.abs(idf).max(initial=0) > _LARGEST_FACTOR:
            raise ArtifactError(
                f"the array 'idf' of this TF-IDF model holds factors beyond {_LARGEST_FACTOR:g}, whose squares overflow; "
                "copy the model again or train it anew."
            )
        return cls(tuple(ngrams), idf, coefficients, float(intercept[0]), longest, encoder, tokens, counts)


def vectorizer_of(longest: int, tokens: str = "words", counts: str = "sublinear", **options: Any) -> Any:
    """Return scikit-learn's vectorizer that counts as a `TfidfHead` does, not fitted."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    how = {"sublinear_tf": counts == "sublinear", "binary": counts == "binary", "token_pattern": TOKENS[tokens]}
    return TfidfVectorizer(ngram_range=(1, longest), dtype=np.float64, **how, **options)


def _fitted_vectorizer(texts: Sequence[str], longest: int, weights: NDArray[Any] | None) -> Any:
    """Return the vectorizer of these texts; weights count in how many texts an n-gram stands, a light one once."""
    if weights is None:
        return vectorizer_of(longest, min_df=least_texts(len(texts))).fit(texts)
    every = vectorizer_of(longest).fit(texts)
    present = every.transform(texts)
    present.data[:] = 1.0
    n_texts, total = present.T @ weights, float(weights.sum())
    standing = np.maximum(n_texts, present.T @ np.ones(len(texts)))
    kept = standing >= least_texts(max(len(texts), int(total)))
    ngrams = every.get_feature_names_out()[kept]
    if not len(ngrams):
        raise ValueError("no n-gram stands in two texts")
    vectorizer = vectorizer_of(longest, vocabulary={ngram: i for i, ngram in enumerate(ngrams)})
    vectorizer.idf_ = np.log((1 + total) / (1 + n_texts[kept])) + 1
    return vectorizer


def least_texts(n_texts: int) -> int:
    """Return in how many of the training texts an n-gram has to stand, to count."""
    return 2 if n_texts >= 100 else 1


def _column_scale(table: pa.Table | None, encoder: ColumnEncoder | None) -> NDArray[np.float64]:
    """Return what the indicators are divided by in training, so that the penalty treats large numbers alike."""
    if encoder is None or table is None:
        return np.ones(0)
    largest = np.abs(encoder.indicators(table)).max(0, initial=0)
    return np.where(largest > 1, largest, 1.0).astype(np.float64)


def _beside(inputs: Any, table: pa.Table | None, encoder: ColumnEncoder | None, scale: Any) -> Any:
    if encoder is None or table is None:
        return inputs
    import scipy.sparse as sp

    return sp.hstack([inputs, sp.csr_matrix(encoder.indicators(table) / scale)], format="csr")
