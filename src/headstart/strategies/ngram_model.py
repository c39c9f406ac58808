"""Logistic regression over word n-grams: what `tfidf`, `nbsvm` and `tfidf-prior` have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.corpus import Corpus
from headstart.errors import OptionError
from headstart.fitting.folds import Fold, best_choice, out_of_fold
from headstart.fitting.logistic import LinearModel, costs_up_to, dual_path, logistic_path
from headstart.heads import TfidfHead
from headstart.heads.tfidf import least_texts
from headstart.plain import Json
from headstart.predictor import Predictor, TextScorer, reads
from headstart.strategies.column_block import ColumnBlock
from headstart.strategies.finishing import finish_head, folds_of
from headstart.strategies.inputs import goals_of, task_of
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SPACES, SharedRows, tfidf_weights
from headstart.tasks import Binary, Goals, Task

_COSTS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_NGRAMS_AT_ONCE = 1000
_MOST_TRIED = 1 << 27
"""Logits that folds and choices of C may hold, a gigabyte; with more classes than that C is the middle one."""
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
        prior: weights to pull towards, [n_grams] or [n_grams, outputs]; zeros where there are none.
    """

    kept: NDArray[np.int64]
    idf: NDArray[np.float64]
    prior: NDArray[np.float64]

    def __add__(self, other: _Design) -> _Design:
        """Return both, one behind the other."""
        kept, idf, prior = (self.kept, other.kept), (self.idf, other.idf), (self.prior, other.prior)
        return _Design(np.concatenate(kept), np.concatenate(idf), np.concatenate(prior))

    def raw(self, matrix: object, *, sublinear: bool) -> Any:
        """Return counts times idf of rows of the space, CSR float64 [rows, n_grams]."""
        raw = _columns(matrix, self.kept)
        raw.data = (1 + np.log(raw.data) if sublinear else np.ones(len(raw.data))) * self.idf[raw.indices]
        return raw


def fit_ngram_model(
    train: Corpus, valid: Corpus | None, settings: Settings, shared: SharedRows, recipe: NgramRecipe
) -> FitResult:
    """Fit on the rows; C (and how far the prior reaches) by folds inside them."""
    goals = goals_of(train)
    space, (matrix, ngrams) = SPACES[recipe.space], shared.counts(recipe.space)
    sublinear = space.counts == "sublinear"
    source = _source_model(goals.task, settings, shared) if recipe.has_prior else None
    design, unmet = _design(matrix, ngrams, source, goals)
    raw, columns = design.raw(matrix, sublinear=sublinear), ColumnBlock.fit(train, settings)
    costs = costs_up_to(recipe.costs, settings.C)
    choices = [(fraction, cost) for fraction in recipe.fractions for cost in costs]
    allowed = np.flatnonzero([settings.C in (None, cost) for _, cost in choices])
    folds = folds_of(train, settings) if goals.values.size * len(choices) <= _MOST_TRIED else []
    if goals.values.size * len(choices) > _MOST_TRIED:
        settings.say(
            f"{goals.values.shape[1]:,} classes of {len(train):,} rows are too many to measure out of fold, or to choose C"
        )

    def prior_of(offset: NDArray[np.float64], fraction: float) -> NDArray[np.float64] | float:
        return 0.0 if source is None else fraction * offset

    def inputs_of(rows: NDArray[np.int64]) -> tuple[Any, NDArray[np.float64], NDArray[np.float64]]:
        factor = ratios(raw[rows], goals.take(rows)) if recipe.ratios else np.ones(len(design.kept))
        inputs, offset = _inputs(raw, factor, design, None if columns is None else columns.values)
        return inputs, offset, factor

    def fit_fold(fold: Fold) -> NDArray[np.float64]:
        inputs, offset, _ = inputs_of(fold.train)
        rows, held, of_rows = inputs[fold.train], inputs[fold.valid], goals.take(fold.train)
        found = []
        for fraction in recipe.fractions:
            lines = _path(rows, of_rows, costs, prior_of(offset[fold.train], fraction), dense=columns is not None)
            found += [line.logits(held, prior_of(offset[fold.valid], fraction)) for line in lines]
        return np.stack(found)

    held_out = out_of_fold(folds, goals.values.shape, fit_fold, len(choices)) if folds else None
    # Without folds, the middle of what is there.
    place = len(allowed) // 2
    if held_out is not None:
        place = best_choice(goals.values, held_out[allowed], goals.weights, goals.task.link)[0]
    best = allowed[place]
    fraction, cost = choices[best]
    inputs, offset, factor = inputs_of(np.arange(len(train)))
    (line,) = _path(inputs, goals, (cost,), prior_of(offset, fraction), dense=columns is not None)
    head = _head(
        recipe,
        [ngrams[i] for i in design.kept],
        replace(design, idf=design.idf * factor),
        line,
        fraction,
        columns,
        source,
    )
    predictor = Predictor(TextScorer(head), goals.task, reads(settings.columns, column=train.text_name))
    chosen = {"C": cost, "n_ngrams": len(design.kept), **({"prior": fraction} if recipe.has_prior else {})}

    def score(rows: SharedRows) -> NDArray[np.float64]:
        wide, zeros, size = design + unmet, np.zeros(len(unmet.kept)), len(design.kept)
        block = None if columns is None else columns.of(rows.corpus)
        others = wide.raw(rows.counts(recipe.space).matrix, sublinear=sublinear)
        found, of_prior = _inputs(others, np.append(factor, zeros + 1), wide, block)
        wider = line._replace(coefficients=np.insert(line.coefficients, [size], zeros, axis=1))
        return wider.logits(found, prior_of(of_prior, fraction))

    counts = {"n_null": train.texts.null_count, **({} if columns is None else columns.counts)}
    result = FitResult(predictor, choices=chosen, score_shared=score, notes=() if ngrams else (_NO_WORDS,))
    return finish_head(result, train, valid, settings, counts, None if held_out is None else held_out[best])


def _design(matrix: Any, ngrams: list[str], source: TfidfHead | None, goals: Goals) -> tuple[_Design, _Design]:
    """Return the n-grams that count, and those of the source that none of these rows holds.

    A row of weight 2 counts twice, in the document frequencies too; a light one, once.
    """
    weights, total = goals.weights, float(matrix.shape[0])
    standing = np.bincount(matrix.indices, minlength=matrix.shape[1])  # how many of the rows hold an n-gram
    texts: Array = standing
    if weights is not None:
        texts = np.bincount(matrix.indices, np.repeat(weights, np.diff(matrix.indptr)), minlength=matrix.shape[1])
        standing, total = np.maximum(standing, texts), float(weights.sum())
    idf = np.log((1 + total) / (1 + texts)) + 1
    known = standing >= least_texts(max(matrix.shape[0], int(total)), two=isinstance(goals.task, Binary))
    prior = np.zeros(len(texts) if source is None else (len(texts), *goals.values.shape[1:]))
    of_source = np.zeros(len(texts), bool)
    if source is not None:
        place = {ngram: i for i, ngram in enumerate(source.ngrams)}
        found = np.array([place.get(ngram, -1) for ngram in ngrams], np.int64)
        of_source = found >= 0
        idf = np.where(of_source, source.idf[found], idf)
        prior[of_source] = source.coefficients.T[found[of_source]]
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


def ratios(rows: Any, goals: Goals) -> NDArray[np.float64]:
    """Return the log ratio of how usual each n-gram is where a label is and where it is not (Wang and Manning 2012), one added
    to each count; a row between two labels counts for both in its proportions.

    Of several outputs, one matrix serves all: an n-gram counts by how far its largest ratio lies above the median one. The
    largest absolute ratio, which is the same of two classes, would favour what stands in every class, as many classes of few
    rows do not hold it (docs/log.md).
    """
    counts = np.ones(len(rows.data)) if goals.weights is None else np.repeat(goals.weights, np.diff(rows.indptr))
    present = sp.csr_matrix((counts, rows.indices, rows.indptr), shape=rows.shape).T.tocsr()
    values = goals.values.astype(np.float64)
    if values.ndim == 1:
        high, low = present @ values + 1, present @ (1 - values) + 1
        return np.asarray(np.log(high / high.sum(0)) - np.log(low / low.sum(0)))
    found, total = np.zeros(rows.shape[1]), np.asarray(present.sum(1))
    of_outputs = np.asarray(present.sum(0)) @ values + rows.shape[1]  # [1, outputs]
    of_others = total.sum() + 2 * rows.shape[1] - of_outputs
    for start in range(0, rows.shape[1], _NGRAMS_AT_ONCE):
        some = slice(start, start + _NGRAMS_AT_ONCE)
        high = present[some] @ values + 1
        each = np.log(high / of_outputs) - np.log((total[some] + 2 - high) / of_others)
        found[some] = each.max(1) - np.median(each, axis=1)
    return found


def _path(
    inputs: object, goals: Goals, costs: Sequence[float], offset: NDArray[np.float64] | float, *, dense: bool
) -> Iterator[LinearModel]:
    """Yield a model for each C; of several outputs by coordinates of the dual, unless columns are among the inputs."""
    task, values, weights = goals
    how: Json = {"link": task.link, "weights": weights, "offset": offset if isinstance(offset, np.ndarray) else None}
    return (logistic_path if task.n_outputs == 1 or dense else dual_path)(inputs, values, costs, **how)


def _source_model(task: Task, settings: Settings, shared: SharedRows) -> TfidfHead:
    """Return the model of the source's texts to pull towards.

    Raises:
        OptionError: the source's labels are others.
    """
    own = None if settings.source is None else task_of(settings.source)
    if own is not None and (own.kind, own.names) != (task.kind, task.names):
        raise OptionError(
            "this strategy pulls each label's weights towards those that the source's texts give it, so both need the same labels; "
            f"the source's are {own.said()}, and yours {task.said()}. Use 'fine-tune' or 'features', which learn a new head."
        )
    return shared.source_model()


def _head(
    recipe: NgramRecipe,
    ngrams: list[str],
    design: _Design,
    line: LinearModel,
    fraction: float,
    columns: ColumnBlock | None,
    source: TfidfHead | None,
) -> TfidfHead:
    """Return the head, with every n-gram of the source's where its weights are the prior."""
    tokens, longest, counts = SPACES[recipe.space]
    size, encoder, idf = len(ngrams), None, design.idf
    weights, intercept = line.coefficients[:, :size], line.intercepts
    if source is not None:
        rest = sorted(set(source.ngrams) - set(ngrams))
        place = {ngram: i for i, ngram in enumerate(source.ngrams)}
        others = np.array([place[ngram] for ngram in rest], np.int64)
        ngrams = [*ngrams, *rest]
        of_source = np.atleast_2d(source.coefficients)[:, others]
        weights = np.concatenate([weights + fraction * np.atleast_2d(design.prior.T), fraction * of_source], axis=1)
        idf = np.concatenate([idf, source.idf[others]])
    if columns is not None:
        of_columns, shift = columns.unscaled(line.coefficients[:, size:])
        weights, intercept, encoder = np.concatenate([weights, of_columns], axis=1), intercept + shift, columns.encoder
    found, constant = tfidf_weights(LinearModel(weights, intercept))
    return TfidfHead(tuple(ngrams), idf, found, constant, longest, encoder, tokens, counts)
