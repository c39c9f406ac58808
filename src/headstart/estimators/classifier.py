"""`TextClassifier`: the scikit-learn estimator over all strategies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn

from headstart.artifact import write
from headstart.corpus import Corpus, as_corpus, split
from headstart.errors import OptionError, unknown_name
from headstart.estimators.values import classes_of, phases_of, plain, typed_classes, without_numpy
from headstart.features import as_predictor, clone_beside_base
from headstart.layers import POOLINGS
from headstart.options import check_least, check_types
from headstart.predictor import Scores
from headstart.strategies import STRATEGIES, UNLABELLED, FitResult, Settings, adapt_to_texts
from headstart.train import Event, Phase

__all__ = ["LEAST_HELD", "TextClassifier", "labelled"]

LEAST_HELD = 100
"""With fewer labels than this none is held out: the labels serve training better than a noisy stop."""

_NOT_STORED = ("base", "cache", "events", "checkpoint", "net", "phases", "unlabelled")


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Tells two kinds of text apart, from scratch or from what a base has learnt elsewhere.

    `X` is a one-dimensional array of texts, or a table with a column of them; `y` holds two values of
    any type. The second in sorted order is the positive one unless `positive` says otherwise.

    Args:
        base: what to carry over: a fitted `TextClassifier`, a `Predictor` or the path of a model. None
            trains from random weights.
        strategy: ``"as-is"``, ``"features"``, ``"fine-tune"``, ``"self-train"``, ``"scratch"`` or ``"tfidf"``; None means
            ``"fine-tune"`` with a base and ``"scratch"`` without.
        net: a name from `headstart.nets.NETS`, a ``torch.nn.Module`` that takes a `Batch` and gives
            logits [rows, 1], or a function of the vocabulary's size that builds one.
        net_options: options of the named network.
        tokens: what counts as a token: ``"words"``, ``"tutorial"`` or a regular expression (see `load` for which of
            them a stored model may hold); None takes what suits the network.
        min_count: a word rarer than this in the training texts is unknown. None takes what suits the network
            and the number of texts.
        max_words: most words in the vocabulary; None for no limit.
        max_tokens: longer texts are cut: a number, a percentile of the training lengths (``"95%"``),
            None for no limit, ``"auto"`` for what suits the network.
        clip: the part of a long text that is kept: ``"head"``, ``"tail"`` or ``"both"`` ends.
        word_vectors: whether the embedding starts from who stands beside whom in the training texts (see
            `headstart.vectors`) or from noise; None takes what suits the network.
        epochs: passes over the training rows; None takes the default of network or strategy.
        phases: stretches of training with rates and freezing of their own, in place of `epochs`.
        learning_rate: top learning rate; None takes the default.
        batch_size: rows a step; None takes the default.
        freeze: pattern of what stands still in fine-tuning (see `headstart.freezing`); None trains the
            head first, then everything.
        trainer_options: further options of `headstart.train.Trainer`, such as ``{"patience": 2}``.
        layer: whose output ``"features"`` reads: a name or several; None for the pooled states.
        head: what reads them: ``"linear"``, ``"catboost"``, or ``"auto"``: CatBoost beside columns, if
            it is installed, and linear otherwise.
        pooling: how a layer's outputs of every token become one a row: ``"mean"``, ``"max"``, ``"last"``.
        text: the text column where `X` is a table; None takes its only column or the one called ``text``.
        columns: tabular columns of `X` that ``"features"`` and ``"tfidf"`` read beside the text.
        column_types: what single columns are, where that is not to be told from the training rows: ``"number"``,
            ``"category"``, ``"truth"``, ``"date"`` or ``"text"``, as in ``{"version": "category"}`` (see
            `headstart.corpus.column_types`).
        label_map: renames label values, e.g. ``{"happy": "1", "not happy": "0"}``.
        positive: which label value is the positive one.
        valid_fraction: share of the training rows held out, stratified, to stop early and to calibrate,
            where `fit` gets no validation rows; 0 holds none out. Below 100 rows none is held out.
        groups: a column of `X`; rows with equal values are held out together.
        calibrate: whether to make probabilities of the scores of held-out rows (Platt's scaling).
        random_state: seed of weights, batches, dropout and the held-out rows.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``.
        events: functions called while training; see `headstart.train.Event`.
        checkpoint: a folder from which a killed training goes on.
        unlabelled: further texts, as `X` may be given, whose labels are not known or not looked at: of the source for a
            base, of the target for a transfer. Words and their neighbours are counted in them too. A new base of kind
            `blend` also guesses the labels of a thousand or more, if they are a quarter of the labelled rows or more and
            there are validation rows, and learns from up to 50,000 of the guesses; one that is carried over does so with
            fifty or more, and needs neither.
        cache: the folder in which outputs of a large imported encoder are kept (see `headstart.cache`), or
            ``"off"``; None for ``HEADSTART_CACHE`` or the user's own cache folder.

    Attributes:
        classes_: the two label values, the positive one last.
        predictor_: everything needed to predict.
        history_: one row an epoch.
        n_features_in_: columns of `X` that are read.

    >>> texts = ["good", "fine and good", "bad", "a bad one"] * 10
    >>> model = TextClassifier(strategy="tfidf").fit(texts, [1, 1, 0, 0] * 10)
    >>> model.predict(["a good one"]).tolist()
    [1]
    """

    def __init__(
        self,
        *,
        base: Any = None,
        strategy: str | None = None,
        net: str | nn.Module | Callable[[int], nn.Module] = "blend",
        net_options: Mapping[str, Any] | None = None,
        tokens: str | None = None,
        min_count: int | None = None,
        max_words: int | None = None,
        max_tokens: int | str | None = "auto",
        clip: str = "head",
        word_vectors: bool | None = None,
        epochs: int | None = None,
        phases: Sequence[Phase | Mapping[str, Any]] | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        freeze: str | None = None,
        trainer_options: Mapping[str, Any] | None = None,
        layer: str | Sequence[str] | None = None,
        head: str = "auto",
        pooling: str = "mean",
        text: str | None = None,
        columns: str | Sequence[str] = (),
        column_types: Mapping[str, str] | None = None,
        label_map: Mapping[Any, Any] | None = None,
        positive: Any = None,
        valid_fraction: float = 0.1,
        groups: str | None = None,
        calibrate: bool = True,
        random_state: int = 0,
        device: str | torch.device = "auto",
        events: Sequence[Event] = (),
        checkpoint: str | Path | None = None,
        unlabelled: Any = None,
        cache: str | Path | None = None,
    ) -> None:
        self.base = base
        self.strategy = strategy
        self.net = net
        self.net_options = net_options
        self.tokens = tokens
        self.min_count = min_count
        self.max_words = max_words
        self.max_tokens = max_tokens
        self.clip = clip
        self.word_vectors = word_vectors
        self.epochs = epochs
        self.phases = phases
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.freeze = freeze
        self.trainer_options = trainer_options
        self.layer = layer
        self.head = head
        self.pooling = pooling
        self.text = text
        self.columns = columns
        self.column_types = column_types
        self.label_map = label_map
        self.positive = positive
        self.valid_fraction = valid_fraction
        self.groups = groups
        self.calibrate = calibrate
        self.random_state = random_state
        self.device = device
        self.events = events
        self.checkpoint = checkpoint
        self.unlabelled = unlabelled
        self.cache = cache

    def fit(self, X: Any, y: Any = None, *, valid: Any = None) -> TextClassifier:
        """Learn from texts and labels.

        Args:
            X: texts [rows], a table, or a labelled `Corpus`.
            y: labels [rows]; not needed beside a labelled corpus, nor for ``"as-is"`` and ``"self-train"``.
            valid: rows to stop early and calibrate on: a pair ``(X, y)`` or a labelled corpus. None holds
                out `valid_fraction` of the rows of `X`.

        Raises:
            DataError, OptionError: what cannot be used, and what to do.
        """
        settings = self._settings()
        strategy = self.strategy or ("scratch" if self.base is None else "fine-tune")
        if strategy not in STRATEGIES:
            raise unknown_name("strategy", strategy, STRATEGIES)
        base = None if self.base is None else as_predictor(self.base)
        if base is not None and settings.unlabelled is not None and strategy not in ("scratch", "self-train", "tfidf"):
            frozen = settings.freeze is not None or any(phase.freeze for phase in settings.phases or ())
            base = adapt_to_texts(base, settings.unlabelled, words_alone=frozen, **settings.guessing("read"))
        # A reference point learns its own labels; a transfer speaks the base's, or they are mapped.
        names = base.label_names if base is not None and strategy not in ("scratch", "tfidf") else None
        train = labelled(
            X, y, text=self.text, columns=self._kept, label_map=self.label_map, positive=self.positive, names=names
        )
        self._stored(strategy)  # What cannot be stored is refused before hours of training, not after.
        if valid is not None:
            pair = valid if isinstance(valid, tuple) else (valid, None)
            held: Corpus | None = labelled(
                *pair, text=self.text, columns=self._kept, label_map=self.label_map, names=train.label_names
            )
            learnt = STRATEGIES[strategy](train, held, base, settings)
        else:
            rest, held = self._hold_out(train, strategy)
            learnt = STRATEGIES[strategy](rest, held, base, settings)
            if learnt.refit and held is not None:
                learnt = _with_all_rows(learnt, STRATEGIES[strategy](train, None, base, _beside(settings)))
        return self._take(learnt, train, strategy)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the more likely label of each row, as a value of `classes_` [rows]."""
        scores = self.score_rows(X)
        chosen: NDArray[Any] = self.classes_[(scores.probabilities >= self.predictor_.threshold).astype(int)]
        return chosen

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each label, in the order of `classes_` [rows, 2]."""
        high = self.score_rows(X).probabilities
        return np.stack([1 - high, high], axis=1)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the logit of the positive label before calibration [rows]."""
        return self.score_rows(X).logits

    def score_rows(self, X: Any) -> Scores:
        """Return logits, probabilities, and counts of what happened to the texts (see `Scores`)."""
        check_is_fitted(self, "predictor_")
        corpus = as_corpus(X, text=self.text, columns=tuple(self.predictor_.columns))
        return self.predictor_.score(corpus, device=self.device)

    def save(self, path: str | Path) -> str:
        """Write the model to the folder `path` and return its content hash.

        Raises:
            ArtifactError: if `path` holds something that is no model, or cannot be written.
        """
        check_is_fitted(self, "predictor_")
        return write(path, self.predictor_.to_parts())

    def _hold_out(self, train: Corpus, strategy: str) -> tuple[Corpus, Corpus | None]:
        if train.labels is None or strategy in UNLABELLED or not self.valid_fraction or len(train) < LEAST_HELD:
            return train, None
        rest, held = split(train, self.valid_fraction, groups=self.groups, random_state=self.random_state)
        return train.take(rest), train.take(held)

    @property
    def _kept(self) -> tuple[str, ...]:
        columns = (self.columns,) if isinstance(self.columns, str) else tuple(self.columns or ())
        return columns + ((self.groups,) if self.groups and self.groups not in columns else ())

    def _settings(self) -> Settings:
        given = {name: without_numpy(value) for name, value in self.get_params(deep=False).items()}
        check_types(TextClassifier.__init__, given)
        check_least(given, {"random_state": 0, "min_count": 1, "batch_size": 1, "learning_rate": 0})
        if self.pooling not in POOLINGS:
            raise unknown_name("pooling", self.pooling, POOLINGS)
        values = {field.name: given[field.name] for field in fields(Settings)}
        columns = (self.columns,) if isinstance(self.columns, str) else tuple(self.columns or ())
        if len(set(columns)) < len(columns):
            raise OptionError(f"columns are {', '.join(columns)}, one of them twice; name each column once.")
        values |= {name: values[name] or {} for name in ("net_options", "trainer_options")}
        texts = None if self.unlabelled is None else as_corpus(self.unlabelled, text=self.text)
        return Settings(**{**values, "columns": columns, "phases": phases_of(self.phases), "unlabelled": texts})

    def _take(self, learnt: FitResult, train: Corpus, strategy: str) -> TextClassifier:
        predictor = learnt.predictor
        predictor.text = self.text or train.text_name
        predictor.info = {**predictor.info, "strategy": strategy, "label_column": train.label_column}
        if train.label_values:
            predictor.info["label_types"] = [type(value).__name__ for value in train.label_values]
        predictor.estimator = self._stored(strategy)
        self.predictor_ = predictor
        self.history_ = learnt.history
        self.notes_ = learnt.notes
        self.classes_ = classes_of(predictor.label_names, train) if train.label_values else typed_classes(predictor)
        self.n_features_in_ = 1 + len(predictor.columns)
        return self

    def _stored(self, strategy: str) -> dict[str, Any]:
        """Return the constructor's arguments as far as they are plain values."""
        stored = {name: value for name, value in self.get_params(deep=False).items() if name not in _NOT_STORED}
        if isinstance(self.net, str):
            stored["net"] = self.net
        stored["strategy"] = strategy
        return {name: plain(value) for name, value in stored.items()}

    def __sklearn_clone__(self) -> TextClassifier:
        found: TextClassifier = clone_beside_base(self)
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags


def labelled(
    X: Any,
    y: Any = None,
    *,
    text: str | None = None,
    columns: Sequence[str] = (),
    label_map: Mapping[Any, Any] | None = None,
    positive: Any = None,
    names: Sequence[str] | None = None,
) -> Corpus:
    """Return texts and labels in any form as a `Corpus`; see `headstart.corpus.encode_labels` for the labels.

    Raises:
        DataError: if texts and labels differ in number, or the labels do not fit.
    """
    corpus = as_corpus(X, text=text, columns=columns)
    if y is None:
        as_they_are = not label_map and positive is None and names in (None, (), corpus.label_names)
        if corpus.labels is None or as_they_are:
            return corpus
        y = [(corpus.label_values or corpus.label_names)[code] for code in corpus.labels]
    return corpus.with_labels(y, label_map=label_map, positive=positive, names=names)


def _beside(settings: Settings) -> Settings:
    """Return the settings of a second training; its checkpoint stands beside the first's, which would make way for it."""
    folder = None if settings.checkpoint is None else Path(settings.checkpoint) / "whole"
    return replace(settings, checkpoint=folder)


def _with_all_rows(measured: FitResult, whole: FitResult) -> FitResult:
    """Return what was learnt from all rows, with what was measured on held-out rows when they were held out."""
    for name in ("valid", "n_valid"):
        if name in measured.predictor.info:
            whole.predictor.info[name] = measured.predictor.info[name]
    whole.predictor.calibration = measured.predictor.calibration
    note = "the held-out rows measured and calibrated it; then it was fitted again with them among the training rows"
    return replace(whole, notes=(*whole.notes, note))
