"""Candidates over word n-grams: `tfidf`, `nbsvm` and `tfidf-prior`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headstart.comparison.context import SPACES, Context, TrainingDraw
from headstart.comparison.fitted import ColumnBlock, Fitted
from headstart.comparison.folds import Fold, fit_decision_rule, out_of_fold, stratified_folds
from headstart.comparison.logistic import Line, log_loss, ridge_path
from headstart.heads.tfidf import TfidfHead, least_texts
from headstart.predictor import Predictor, TextScorer, reads

__all__ = ["Recipe", "fit_ngrams"]


@dataclass(frozen=True)
class Recipe:
    """How an n-gram candidate weighs.

    Attributes:
        space: a name from `SPACES`.
        penalties: values of C to choose from.
        ratios: multiply idf with naive Bayes' log-count ratios of the rows that are fitted on.
        prior: pull the weights towards a source model's instead of towards zero, or less far: which share of
            the source's weights is pulled towards is chosen too, and none is among the choices.
    """

    space: str
    penalties: tuple[float, ...]
    ratios: bool = False
    prior: bool = False


@dataclass(frozen=True)
class _Design:
    """A budget's rows and the test rows in the n-grams that the budget knows.

    Attributes:
        kept: positions in the space [n_grams].
        raw: counts times idf, not yet scaled to length one; budget rows first, then test rows [rows, n_grams].
        idf: [n_grams].
        prior: weights to pull towards [n_grams], or None.
    """

    kept: NDArray[np.int64]
    raw: Any
    idf: NDArray[np.float64]
    prior: NDArray[np.float64] | None = None


def fit_ngrams(context: Context, draw: TrainingDraw, recipe: Recipe) -> Fitted:
    """Fit on the draw's rows; penalty (and how far the prior reaches) by folds inside them."""
    design, source = _design(context, draw, recipe)
    columns = ColumnBlock.of(context, draw)
    labels, n = context.labels[draw.rows], len(draw.rows)
    folds = stratified_folds(labels, context.group_codes(draw.rows), draw.seed)
    shares = (0.0, 0.5, 1.0) if design.prior is not None else (0.0,)
    choices = [(share, penalty) for share in shares for penalty in recipe.penalties]

    def fit_fold(fold: Fold) -> NDArray[np.float64]:
        inputs, offset, _ = _inputs(design, recipe, columns, fold.fit, labels[fold.fit])
        found = _lines(inputs[fold.fit], labels[fold.fit], offset[fold.fit], shares, recipe.penalties)
        held = inputs[fold.held]
        return np.stack([line.logits(held, share * offset[fold.held]) for share, line in found])

    said = out_of_fold(folds, n, fit_fold, len(choices)) if folds else None
    best = _best(said, labels) if said is not None else len(choices) // 2
    share, penalty = choices[best]
    inputs, offset, factor = _inputs(design, recipe, columns, np.arange(n), labels)
    line = ridge_path(inputs[:n], labels, (penalty,), offset=share * offset[:n])[0]
    calibrated = fit_decision_rule(labels, None if said is None else said[best])
    return Fitted(
        logits=line.logits(inputs[n:], share * offset[n:]),
        ready=calibrated,
        choices={"C": penalty, "n_ngrams": len(design.kept)} | ({"prior": share} if recipe.prior else {}),
        build=partial(_build, context, recipe, design, factor, line, share, columns, source, calibrated),
    )


def _design(context: Context, draw: TrainingDraw, recipe: Recipe) -> tuple[_Design, TfidfHead | None]:
    matrix = context.counts(recipe.space)
    sublinear = SPACES[recipe.space][2] == "sublinear"
    own = matrix[draw.rows]
    texts = np.bincount(own.indices, minlength=matrix.shape[1])  # how many of the budget's texts hold an n-gram
    idf = np.log((1 + len(draw.rows)) / (1 + texts)) + 1
    known = texts >= least_texts(len(draw.rows))
    prior, source = None, None
    if recipe.prior:
        source_idf, weights, source = context.prior()
        of_source = np.isfinite(source_idf)
        idf, known, prior = np.where(of_source, source_idf, idf), known | of_source, weights
    kept = np.flatnonzero(known)
    rows = sp.vstack([own, matrix[context.test]], format="csr")
    raw = _columns(rows, kept)
    raw.data = (1 + np.log(raw.data) if sublinear else np.ones(len(raw.data))) * idf[kept][raw.indices]
    return _Design(kept, raw, idf[kept], None if prior is None else prior[kept]), source


def _columns(rows: Any, kept: NDArray[np.int64]) -> Any:
    """Return some columns of a CSR matrix, in float64; faster than scipy's own indexing where most stay out."""
    place = np.full(rows.shape[1], -1, np.int64)
    place[kept] = np.arange(len(kept))
    found = place[rows.indices]
    inside = found >= 0
    ends = np.concatenate([[0], np.cumsum(inside)])[rows.indptr]
    return sp.csr_matrix((rows.data[inside].astype(np.float64), found[inside], ends), shape=(rows.shape[0], len(kept)))


def _inputs(
    design: _Design, recipe: Recipe, columns: ColumnBlock | None, fit: NDArray[np.int64], labels: NDArray[Any]
) -> tuple[Any, NDArray[np.float64], NDArray[np.float64]]:
    """Return what is weighed [rows, size], the prior's logits [rows], and the factor of each n-gram."""
    factor = np.ones(len(design.kept))
    raw = design.raw
    if recipe.ratios:
        factor = _ratios(raw[fit], labels)
        raw = sp.csr_matrix((raw.data * factor[raw.indices], raw.indices, raw.indptr), shape=raw.shape)
    lengths = np.sqrt(np.asarray(raw.multiply(raw).sum(1)).reshape(-1))
    scaled = sp.diags(1 / np.where(lengths > 0, lengths, 1.0)) @ raw
    offset = np.zeros(raw.shape[0]) if design.prior is None else scaled @ design.prior
    if columns is not None:
        scaled = sp.hstack([scaled, sp.csr_matrix(columns.values)], format="csr")
    return sp.csr_matrix(scaled), offset, factor


def _ratios(rows: Any, labels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the log ratio of how usual each n-gram is in either class (Wang and Manning 2012), one added to each."""
    present = sp.csr_matrix((np.ones(len(rows.data)), rows.indices, rows.indptr), shape=rows.shape)
    high, low = (np.asarray(present[labels == label].sum(0)).reshape(-1) + 1 for label in (1, 0))
    return np.asarray(np.log(high / high.sum()) - np.log(low / low.sum()))


def _lines(
    inputs: Any,
    labels: NDArray[Any],
    offset: NDArray[np.float64],
    shares: tuple[float, ...],
    penalties: tuple[float, ...],
) -> Iterator[tuple[float, Line]]:
    for share in shares:
        for line in ridge_path(inputs, labels, penalties, offset=share * offset):
            yield share, line


def _best(said: NDArray[np.float64], labels: NDArray[Any]) -> int:
    known = np.isfinite(said[0])
    return int(np.argmin([log_loss(labels[known], logits[known]) for logits in said]))


def _build(
    context: Context,
    recipe: Recipe,
    design: _Design,
    factor: NDArray[np.float64],
    line: Line,
    share: float,
    columns: ColumnBlock | None,
    source: TfidfHead | None,
    calibrated: Any,
) -> Predictor:
    """Return the predictor, with every n-gram of the source's where its weights are the prior."""
    tokens, longest, counts = SPACES[recipe.space]
    names = context.ngrams(recipe.space)
    ngrams = [names[i] for i in design.kept]
    size = len(ngrams)
    weights, idf = line.coefficients[:size].copy(), design.idf * factor
    if source is not None and design.prior is not None:
        weights += share * design.prior
        rest = sorted(set(source.ngrams) - set(ngrams))
        place: Callable[[str], int] = {ngram: i for i, ngram in enumerate(source.ngrams)}.__getitem__
        others = np.array([place(ngram) for ngram in rest], np.int64)
        ngrams += rest
        weights = np.concatenate([weights, share * source.coefficients[others]])
        idf = np.concatenate([idf, source.idf[others]])
    intercept, encoder = line.intercept, None
    if columns is not None:
        of_columns, shift = columns.unscaled(line.coefficients[size:])
        weights, intercept, encoder = np.concatenate([weights, of_columns]), intercept + shift, columns.encoder
    head = TfidfHead(tuple(ngrams), idf, weights, intercept, longest, encoder, tokens, counts)
    return Predictor(
        TextScorer(head),
        context.names,
        calibration=calibrated.calibration,
        threshold=calibrated.threshold,
        inputs=reads(context.columns if columns is not None else (), column=context.text),
    )
