"""scikit-learn's vectorizers, counting as a `TfidfHead` does."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from headstart.heads.tfidf import reading


def vectorizer_of(longest: int, tokens: str = "words", counts: str = "sublinear", **options: Any) -> Any:
    """Return scikit-learn's vectorizer that counts as a `TfidfHead` does, not fitted."""
    how = {"sublinear_tf": counts == "sublinear", "binary": counts == "binary", **reading(tokens)}
    return TfidfVectorizer(ngram_range=(1, longest), dtype=np.float64, **how, **options)
