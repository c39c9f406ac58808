"""Logistic regression over word n-grams: what `tfidf`, `nbsvm` and `tfidf-prior` have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.corpus import Corpus
from headstart.fitting.folds import Fold, best_choice, out_of_fold
from headstart.fitting.logistic import LinearModel, costs_up_to, logistic_path
from headstart.heads import TfidfHead
from headstart.heads.tfidf import least_texts
from headstart.predictor import Predictor, TextScorer, reads
from headstart.strategies.column_block import ColumnBlock
from headstart.strategies.finishing import finish_head, folds_of
from headstart.strategies.inputs import require_goals
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SPACES, SharedRows

__all__ = ["NgramRecipe", "fit_ngram_model"]

_COSTS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_NO_WORDS = (
    "none of the training texts holds a word that could be counted, so the model says the same of every text; check that "
    "--text names the right column"
)


@dataclass(frozen=True)
class NgramRecipe:
    """How an n-gram model weighs.

    Attributes:
        space: a name from `headstart.strategies.shared.SPACES`.
        costs: values of C to choose from.
        ratios: multiply idf with naive Bayes' log-count ratios of the rows that are fitted on.
        fractions: of a source model's weights, how much to pull towards; which of them is chosen too.
    """

    space: str
    costs: tuple[float, ...] = _COSTS
    ratios: bool = False
    fractions: tuple[float, ...] = (0.0,)

    @property
    def has_prior(self) -> bool:
        """Whether a source model is pulled towards."""
        return self.fractions != (0.0,)


@dataclass(frozen=True)
class _Design:
    """Which n-grams count, and for how much before rows are scaled to length one.

    Attributes:
        kept: positions in the space [n_grams].
        idf: [n_grams].
        prior: weights to pull towards [n_grams]; zeros where there are none.
    """

    kept: NDArray[np.int64]
    idf: NDArray[np.float64]
    prior: NDArray[np.float64]

    def __add__(self, other: _Design) -> _Design:
        """Return both, one behind the other."""
        kept, idf, prior = (self.kept, other.kept), (self.idf, other.idf), (self.prior, other.prior)
        return _Design(np.concatenate(kept), np.concatenate(idf), np.concatenate(prior))

    def raw(self, matrix: Any, *, sublinear: bool) -> Any:
        """Return counts times idf of rows of the space, CSR float64 [rows, n_grams]."""
        raw = _columns(matrix, self.kept)
        raw.data = (1 + np.log(raw.data) if sublinear else np.ones(len(raw.data))) * self.idf[raw.indices]
        return raw


def fit_ngram_model(
    train: Corpus, valid: Corpus | None, settings: Settings, shared: SharedRows, recipe: NgramRecipe
) -> FitResult:
    """Fit on the rows; C (and how far the prior reaches) by folds inside them."""
    labels, weights = require_goals(train), train.weights
    space, (matrix, ngrams) = SPACES[recipe.space], shared.counts(recipe.space)
    sublinear = space.counts == "sublinear"
    source = shared.source_model() if recipe.has_prior else None
    design, unmet = _design(matrix, ngrams, source, weights)
    raw, columns = design.raw(matrix, sublinear=sublinear), ColumnBlock.fit(train, settings)
    costs = costs_up_to(recipe.costs, settings.C)
    choices = [(fraction, cost) for fraction in recipe.fractions for cost in costs]
    allowed = np.flatnonzero([settings.C in (None, cost) for _, cost in choices])
    folds = folds_of(train, settings)

    def inputs_of(rows: NDArray[np.int64]) -> tuple[Any, NDArray[np.float64], NDArray[np.float64]]:
        of_rows = None if weights is None else weights[rows]
        factor = _ratios(raw[rows], labels[rows], of_rows) if recipe.ratios else np.ones(len(design.kept))
        inputs, offset = _inputs(raw, factor, design, None if columns is None else columns.values)
        return inputs, offset, factor

    def fit_fold(fold: Fold) -> NDArray[np.float64]:
        inputs, offset, _ = inputs_of(fold.train)
        of_fold = None if weights is None else weights[fold.train]
        rows, held = inputs[fold.train], inputs[fold.valid]
        lines = _lines(rows, labels[fold.train], offset[fold.train], recipe.fractions, costs, of_fold)
        return np.stack([line.logits(held, fraction * offset[fold.valid]) for fraction, line in lines])

    held_out = out_of_fold(folds, len(train), fit_fold, len(choices)) if folds else None
    # Without folds, the middle of what is there.
    place = len(allowed) // 2 if held_out is None else best_choice(labels, held_out[allowed], weights)[0]
    best = allowed[place]
    fraction, cost = choices[best]
    inputs, offset, factor = inputs_of(np.arange(len(train)))
    (line,) = logistic_path(inputs, labels, (cost,), weights=weights, offset=fraction * offset)
    head = _head(recipe, [ngrams[i] for i in design.kept], design, factor, line, fraction, columns, source)
    predictor = Predictor(TextScorer(head), train.task, reads(settings.columns, column=train.text_name))
    chosen = {"C": cost, "n_ngrams": len(design.kept), **({"prior": fraction} if recipe.has_prior else {})}

    def score(rows: SharedRows) -> NDArray[np.float64]:
        wide, zeros, size = design + unmet, np.zeros(len(unmet.kept)), len(design.kept)
        block = None if columns is None else columns.of(rows.corpus)
        others = wide.raw(rows.counts(recipe.space).matrix, sublinear=sublinear)
        found, of_prior = _inputs(others, np.append(factor, zeros + 1), wide, block)
        wider = line._replace(coefficients=np.insert(line.coefficients, [size], zeros, axis=1))
        return wider.logits(found, fraction * of_prior)

    counts = {"n_null": train.texts.null_count, **({} if columns is None else columns.counts)}
    result = FitResult(predictor, choices=chosen, score_shared=score, notes=() if ngrams else (_NO_WORDS,))
    return finish_head(result, train, valid, settings, counts, None if held_out is None else held_out[best])


def _design(
    matrix: Any, ngrams: list[str], source: TfidfHead | None, weights: NDArray[np.float64] | None
) -> tuple[_Design, _Design]:
    """Return the n-grams that count, and those of the source that none of these rows holds.

    A row of weight 2 counts twice, in the document frequencies too; a light one, once.
    """
    total = float(matrix.shape[0])
    standing = np.bincount(matrix.indices, minlength=matrix.shape[1])  # how many of the rows hold an n-gram
    texts: Array = standing
    if weights is not None:
        texts = np.bincount(matrix.indices, np.repeat(weights, np.diff(matrix.indptr)), minlength=matrix.shape[1])
        standing, total = np.maximum(standing, texts), float(weights.sum())
    idf = np.log((1 + total) / (1 + texts)) + 1
    known, prior = standing >= least_texts(max(matrix.shape[0], int(total))), np.zeros(len(texts))
    of_source = np.zeros(len(texts), bool)
    if source is not None:
        place = {ngram: i for i, ngram in enumerate(source.ngrams)}
        found = np.array([place.get(ngram, -1) for ngram in ngrams], np.int64)
        of_source = found >= 0
        idf = np.where(of_source, source.idf[found], idf)
        prior = np.where(of_source, source.coefficients[found], 0.0)
    met = standing > 0
    kept, unmet = np.flatnonzero(met & (known | of_source)), np.flatnonzero(of_source & ~met)
    return _Design(kept, idf[kept], prior[kept]), _Design(unmet, idf[unmet], prior[unmet])


def _columns(rows: Any, kept: NDArray[np.int64]) -> Any:
    """Return some columns of a CSR matrix, in float64; faster than scipy's own indexing where most stay out."""
    place = np.full(rows.shape[1], -1, np.int64)
    place[kept] = np.arange(len(kept))
    found = place[rows.indices]
    inside = found >= 0
    ends = np.concatenate([[0], np.cumsum(inside)])[rows.indptr]
    return sp.csr_matrix((rows.data[inside].astype(np.float64), found[inside], ends), shape=(rows.shape[0], len(kept)))


def _inputs(
    raw: Any, factor: NDArray[np.float64], design: _Design, columns: NDArray[np.float64] | None
) -> tuple[Any, NDArray[np.float64]]:
    """Return what is weighed [rows, size], and the prior's logits [rows]."""
    weighed = sp.csr_matrix((raw.data * factor[raw.indices], raw.indices, raw.indptr), shape=raw.shape)
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(1)).reshape(-1))
    scaled = sp.diags(1 / np.where(lengths > 0, lengths, 1.0)) @ weighed
    offset = np.asarray(scaled @ design.prior)
    if columns is not None:
        scaled = sp.hstack([scaled, sp.csr_matrix(columns)])
    return sp.csr_matrix(scaled), offset


def _ratios(rows: Any, labels: Array, weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the log ratio of how usual each n-gram is in either class (Wang and Manning 2012), one added to each."""
    counts = np.ones(len(rows.data)) if weights is None else np.repeat(weights, np.diff(rows.indptr))
    present = sp.csr_matrix((counts, rows.indices, rows.indptr), shape=rows.shape)
    high, low = (np.asarray(present[labels == label].sum(0)).reshape(-1) + 1 for label in (1, 0))
    return np.asarray(np.log(high / high.sum()) - np.log(low / low.sum()))


def _lines(
    inputs: Any,
    labels: Array,
    offset: NDArray[np.float64],
    fractions: tuple[float, ...],
    costs: tuple[float, ...],
    weights: NDArray[np.float64] | None,
) -> Iterator[tuple[float, LinearModel]]:
    for fraction in fractions:
        for line in logistic_path(inputs, labels, costs, weights=weights, offset=fraction * offset):
            yield fraction, line


def _head(
    recipe: NgramRecipe,
    ngrams: list[str],
    design: _Design,
    factor: NDArray[np.float64],
    line: LinearModel,
    fraction: float,
    columns: ColumnBlock | None,
    source: TfidfHead | None,
) -> TfidfHead:
    """Return the head, with every n-gram of the source's where its weights are the prior."""
    tokens, longest, counts = SPACES[recipe.space]
    size, intercept, encoder = len(ngrams), float(line.intercepts[0]), None
    weights, idf = line.coefficients[0, :size] + fraction * design.prior, design.idf * factor
    if source is not None:
        rest = sorted(set(source.ngrams) - set(ngrams))
        place = {ngram: i for i, ngram in enumerate(source.ngrams)}
        others = np.array([place[ngram] for ngram in rest], np.int64)
        ngrams = [*ngrams, *rest]
        weights = np.concatenate([weights, fraction * source.coefficients[others]])
        idf = np.concatenate([idf, source.idf[others]])
    if columns is not None:
        of_columns, shift = columns.unscaled(line.coefficients[0, size:])
        weights, intercept, encoder = np.concatenate([weights, of_columns]), intercept + shift, columns.encoder
    return TfidfHead(tuple(ngrams), idf, weights, intercept, longest, encoder, tokens, counts)
