"""What strategies have in common over some rows, computed once: counts of n-grams, layer outputs, a base that has read texts.

`SharedRows` computes what it is asked for from the rows themselves. A comparison's own rows
(`headstart.comparison.workspace`) look it up in what was computed once for all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer

from headstart.arrays import Array
from headstart.corpus import Corpus
from headstart.errors import OptionError
from headstart.features import layer_outputs
from headstart.fitting.logistic import LinearModel, dual_path, logistic_path
from headstart.fitting.vectorizing import vectorizer_of
from headstart.heads import TfidfHead
from headstart.heads.tfidf import reading
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.strategies.blend import adapt_to_texts
from headstart.strategies.inputs import goals_of, require_base, strings_of
from headstart.strategies.settings import Settings

_WIDEST_LAYER = 4096
_SOURCE_COSTS = (1.0, 10.0)


class NgramSpace(NamedTuple):
    """What an n-gram is: a name from `headstart.heads.tfidf.TOKENS`, words in the longest, a name from ``COUNTS``."""

    tokens: str
    longest: int
    counts: str


SPACES = {
    "words": NgramSpace("words of all scripts", 2, "sublinear"),
    "punctuated": NgramSpace("punctuated of all scripts", 3, "binary"),
}


class NgramCounts(NamedTuple):
    """How often each n-gram stands in each row: CSR float32 [rows, n_grams], and the n-grams in the columns' order."""

    matrix: Any
    ngrams: list[str]


class SharedRows:
    """Some rows, and what is known of them.

    Attributes:
        corpus: the rows.
        base: what is carried over, or None.
    """

    def __init__(self, corpus: Corpus, base: Predictor | None, settings: Settings) -> None:
        self.corpus, self.base, self._settings = corpus, base, settings
        self._known: dict[Any, Any] = {}
        self._adapted: dict[Any, Predictor] = {}

    def of(self, corpus: Corpus) -> SharedRows:
        """Return the same of other rows; a base that has read texts is read no second time."""
        found = SharedRows(corpus, self.base, self._settings)
        found._adapted = self._adapted
        return found

    def counts(self, space: str) -> NgramCounts:
        """Return the n-grams of a space from `SPACES` in these rows."""
        found: NgramCounts = self._once(("counts", space), lambda: count_ngrams(self.corpus, SPACES[space]))
        return found

    @property
    def layers(self) -> tuple[str, ...]:
        """The base's layers whose outputs can be read."""
        return () if self.base is None else readable_layers(self.base)

    def outputs(self, layers: Sequence[str]) -> NDArray[np.float32]:
        """Return outputs of the base's layers side by side, one vector a row, float32 [rows, size]."""
        missing = [layer for layer in layers if ("layer", layer) not in self._known]
        if missing:
            self._known |= {("layer", name): value for name, value in self._computed(missing).items()}
        return np.concatenate([self._known["layer", layer] for layer in layers], axis=1)

    def adapted(self, base: Predictor, texts: Corpus) -> SharedRows:
        """Return these rows with the base as it is once it has read texts without labels."""
        found = SharedRows(self.corpus, self.adapted_base(base, texts), self._settings)
        found._adapted = self._adapted
        return found

    def adapted_base(self, base: Predictor, texts: Corpus) -> Predictor:
        """Return a base after it has read texts without labels; see `headstart.strategies.blend.adapt_to_texts`."""
        key = id(texts.texts)
        if key not in self._adapted:
            settings = self._settings
            frozen = settings.freeze is not None or any(phase.freeze for phase in settings.phases or ())
            found = adapt_to_texts(base, texts, words_alone=frozen, **settings.second_training("read"))
            self._adapted[key] = found
        return self._adapted[key]

    def base_logits(self) -> NDArray[np.float64]:
        """Return the base's own logits, before calibration [rows]."""
        found: NDArray[np.float64] = self._once("logits", lambda: require_base(self.base).score(self.corpus).logits)
        return found

    def source_model(self) -> TfidfHead:
        """Return TF-IDF and logistic regression of the source's labelled texts.

        Raises:
            OptionError: these were not given.
        """
        source = self._settings.source
        if source is None:
            raise OptionError(
                "this strategy learns from the base's own labelled texts, and none came; pass them: --source DATA (source=)."
            )
        found: TfidfHead = self._once("source", lambda: fit_source_model(source))
        return found

    def _computed(self, layers: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        settings = self._settings
        how: Json = {"pooling": settings.pooling, "device": settings.device, "cache": settings.cache}
        parts = list(layer_outputs(require_base(self.base), self.corpus, layers, **how))
        return {name: np.concatenate([part[name] for part in parts]) for name in layers}

    def _once(self, key: object, make: Any) -> Any:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def count_ngrams(corpus: Corpus, space: NgramSpace) -> NgramCounts:
    """Count n-grams; without a word in any text there are none."""
    vectorizer = CountVectorizer(
        ngram_range=(1, space.longest), binary=space.counts == "binary", dtype=np.float32, **reading(space.tokens)
    )
    try:
        matrix = vectorizer.fit_transform(strings_of(corpus))
    except ValueError:  # an empty vocabulary
        return NgramCounts(sp.csr_matrix((len(corpus), 0), dtype=np.float32), [])
    matrix.sort_indices()  # scikit-learn leaves them in the order in which all rows met them, and sums round by the order
    return NgramCounts(matrix, vectorizer.get_feature_names_out().tolist())


def fit_source_model(source: Corpus) -> TfidfHead:
    """Fit TF-IDF and logistic regression on the source, with much weight on its many labels."""
    space = SPACES["words"]
    vectorizer = vectorizer_of(space.longest, space.tokens, space.counts, min_df=2)
    inputs, (task, goals, of_rows) = vectorizer.fit_transform(strings_of(source)), goals_of(source)
    solve = logistic_path if task.n_outputs == 1 else dual_path
    *_, line = solve(inputs, goals, _SOURCE_COSTS, link=task.link, weights=of_rows)
    weights, intercept = tfidf_weights(line)
    ngrams, idf = tuple(vectorizer.get_feature_names_out().tolist()), np.asarray(vectorizer.idf_, np.float64)
    return TfidfHead(ngrams, idf, weights, intercept, space.longest, tokens=space.tokens)


def tfidf_weights(line: LinearModel) -> tuple[Array, float | NDArray[np.float64]]:
    """Return coefficients and intercept as a `TfidfHead` has them."""
    if len(line.coefficients) == 1:
        return line.coefficients[0], float(line.intercepts[0])
    return line.coefficients.astype(np.float32, copy=False), line.intercepts.astype(np.float64)


def readable_layers(base: Predictor) -> tuple[str, ...]:
    """Return the layers of a base that are narrow enough to be read for every row; none of a base without a network."""
    if base.head_columns or base.scorer.network is None:
        return ()
    net = base.net

    def wide(name: str) -> bool:
        return any(isinstance(size, int) and size > _WIDEST_LAYER for size in net.shapes.get(name, ()))

    return tuple(name for name in net.stages if not wide(name))
