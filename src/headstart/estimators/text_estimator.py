"""What `TextClassifier` and `TextRegressor` share: the options of all strategies, and how a model is fitted and saved."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from headstart.arrays import Doubles
from headstart.artifact import kept_arguments, write
from headstart.corpus import (
    Corpus,
    DecidingColumn,
    OtherColumns,
    TextHashes,
    as_corpus,
    check_column_types,
    deciding_columns,
    is_table,
)
from headstart.corpus.targets import AUTO, parse_order
from headstart.errors import DataError, HeadstartWarning, OptionError, unknown_name
from headstart.estimators.bases import check_not_base
from headstart.estimators.by_rows import ESTIMATORS, check_rows
from headstart.estimators.labelling import class_factors, columns_of, labelled, weighted
from headstart.estimators.values import classes_of, names_read, phases_of, plain, to_python
from headstart.features import as_predictor, clone_beside_base
from headstart.layers import POOLINGS
from headstart.options import RandomState, check_least, check_types, seed_of
from headstart.plain import Facts, Json
from headstart.predictor import Predictor, Scores
from headstart.predictor.class_labels import INDICATOR, Classes, stored_classes
from headstart.predictor.deciding import check_decisions, decided, decided_rule
from headstart.progress import TrainingLines
from headstart.strategies import (
    UNLABELLED,
    FitResult,
    Settings,
    Strategy,
    learn,
    read_as_is,
    require_goals,
    strategy_of,
)
from headstart.strategies.teacher import Teacher
from headstart.tasks import PLAIN
from headstart.train import Event, Phase

_SINCE_0_2 = ("abstain_below", "costs", "coverage", "metric", "order", "task")
"""Options that a model keeps only where they were set, so that what 0.1 could make is written as it was."""


class TextEstimator(BaseEstimator):  # type: ignore[misc]
    """Learns from texts what its subclasses say, from scratch or from what a base has learnt elsewhere.

    Attributes:
        predictor_: everything needed to predict.
        history_: one row an epoch; of fine-tuning in closed form one a step, measured on validation rows.
        notes_: sentences about what was decided while fitting.
        n_features_in_: columns of `X` that are read.
        feature_names_in_: their names; only where `X` was a table.
    """

    predictor_: Predictor
    history_: list[Any]
    notes_: tuple[str, ...]
    _unless_told: ClassVar[str]
    """The task of labels that come as an array, where `task` is ``"auto"``."""

    _row_kind: ClassVar[str] = "text"
    """What rows it reads: ``"text"``, ``"series"``, ``"image"``, ``"columns"``, or a kind of the user's own."""
    _net: ClassVar[str] = "blend"
    """The network that is trained where none is named."""

    def __init_subclass__(cls, **given: Any) -> None:
        """Put what the options mean into the subclass's docstring, and remember it as the estimator of its rows."""
        super().__init_subclass__(**given)
        if hasattr(cls, "_unless_told"):
            key = cls._row_kind, cls._unless_told == "regression"
            # A subclass of somebody's own, for rows that have an estimator, is not what `load` gives.
            ESTIMATORS[key] = cls if "_row_kind" in vars(cls) else ESTIMATORS.get(key, cls)
        options = (inspect.getdoc(TextEstimator.__init__) or "").partition("\n\n")[2]
        cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\n{options}\n"

    def __init__(
        self,
        *,
        base: Any = None,
        strategy: str | None = None,
        net: str | nn.Module | Callable[[int], nn.Module] = "blend",
        net_options: Facts | None = None,
        tokens: str | None = None,
        min_count: int | None = None,
        max_words: int | None = None,
        max_tokens: int | str | None = "auto",
        clip: str = "head",
        word_vectors: bool | None = None,
        epochs: int | None = None,
        phases: Sequence[Phase | Facts] | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        freeze: str | None = None,
        trainer_options: Facts | None = None,
        layer: str | Sequence[str] | None = None,
        head: str = "auto",
        C: float | None = None,
        pooling: str = "mean",
        text: str | None = None,
        columns: str | Sequence[str] = (),
        column_types: Mapping[str, str] | None = None,
        task: str = "auto",
        order: str | Sequence[Any] | None = None,
        label_map: Mapping[Any, Any] | None = None,
        positive: Any = None,
        class_weight: Mapping[Any, float] | str | None = None,
        valid_fraction: float = 0.1,
        groups: str | None = None,
        calibrate: bool = True,
        threshold: float | None = None,
        costs: Mapping[Any, Mapping[Any, float]] | None = None,
        abstain_below: float | None = None,
        coverage: float | None = None,
        metric: str | None = None,
        random_state: RandomState = 0,
        device: str | torch.device = "auto",
        events: Sequence[Event] = (),
        verbose: bool | int = False,
        checkpoint: str | Path | None = None,
        unlabelled: Any = None,
        source: Any = None,
        encoder: Any = None,
        teacher: Any = None,
        cache: str | Path | None = None,
    ) -> None:
        """Keep the options as they are.

        Args:
            base: what to carry over: a fitted `TextClassifier`, a `Predictor` or the path of a model. None
                trains from random weights.
            strategy: a name from `headstart.strategies.STRATEGIES`, such as ``"fine-tune"``, ``"features"`` or ``"tfidf"``; None
                means ``"fine-tune"`` with a base and ``"scratch"`` without.
            net: a name from `headstart.nets.NETS`, a ``torch.nn.Module`` that takes a `Batch` and gives
                logits [rows, outputs], or a function of the vocabulary's size that builds one.
            net_options: options of the named network.
            tokens: what counts as a token: ``"words"``, ``"tutorial"`` or a regular expression (see `load` for which of
                them a stored model may hold); None takes what suits the network.
            min_count: a word rarer than this in the training texts is unknown. None takes what suits the network
                and the number of texts.
            max_words: most words in the vocabulary; None for no limit.
            max_tokens: longer texts are cut: a number, a percentile of the training lengths (``"95%"``),
                None for no limit, ``"auto"`` for what suits the network.
            clip: the part of a long text that is kept: ``"head"``, ``"tail"`` or ``"both"`` ends.
            word_vectors: whether the embedding starts from who stands next to whom in the training texts (see
                `headstart.vectors`) or from noise; None takes what suits the network.
            epochs: passes over the training rows; None takes the default of network or strategy.
            phases: stretches of training with rates and freezing of their own, in place of `epochs`.
            learning_rate: top learning rate; None takes the default.
            batch_size: rows a step; None takes the default.
            freeze: pattern of what stands still in fine-tuning (see `headstart.freezing`); None trains the
                head first, then everything.
            trainer_options: further options of `headstart.train.Trainer`, such as ``{"patience": 2}``.
            layer: whose output ``"features"`` reads: a name or several; None for the layer that serves best.
            head: what reads them: ``"linear"``, ``"catboost"``, or ``"auto"``: linear, or CatBoost, if it is installed, where
                that says more of held-out rows.
            C: inverse strength of the penalty of what is linear: ``"features"``, ``"tfidf"`` and their like, ``"fine-tune"`` of a
                ``blend``. None chooses it by folds inside the training rows.
            pooling: how a layer's outputs of every token become one a row: ``"mean"``, ``"max"``, ``"last"``.
            text: the text column where `X` is a table; None takes its only column or the one called ``text``.
            columns: tabular columns of `X` that ``"features"``, ``"fine-tune"`` and ``"tfidf"`` read next to the text.
            column_types: what single columns are, where that is not to be told from the training rows: ``"number"``,
                ``"category"``, ``"truth"``, ``"date"`` or ``"text"``, as in ``{"version": "category"}`` (see
                `headstart.corpus.column_types`).
            task: what the labels are, where that is not to be told from them: ``"binary"``, ``"multiclass"``, ``"multilabel"``,
                ``"ordinal"`` (classes in their order, such as stars) or ``"regression"``.
            order: names of ordered classes, the lowest first: ``["bad", "ok", "good"]`` or ``"bad<ok<good"``.
            label_map: what the base, the saved model and its files call each label of `y`, e.g.
                ``{"happy": "1", "not happy": "0"}``. `classes_` and `predict` keep the values of `y`, unless several of them
                get one name.
            positive: which label value is the positive one.
            class_weight: what the rows of a label count for in training: ``"balanced"`` lets all labels count alike however
                rare one is, ``{"spam": 10}`` names weights (1 for a label that is left out), None counts all rows alike.
            valid_fraction: share of the training rows held out, stratified, to stop early and to calibrate,
                where `fit` gets no validation rows; 0 holds none out. Below 100 rows none is held out.
            groups: a column of `X`; rows with equal values are held out together.
            calibrate: whether to make probabilities of the scores of held-out rows (Platt's scaling).
            threshold: probability from which the positive label, or each of several labels a row, is predicted; None takes .5, or
                the base's own where it is used as it is.
            costs: what a mistake costs, by true and predicted label: ``{"spam": {"ham": 1}, "ham": {"spam": 10}}``; the label whose
                expected cost is the least is predicted. A pair that is left out costs nothing where it is right, and 1 where not.
            abstain_below: no label is predicted (`predict` gives None) where its probability lies below this.
            coverage: let ``predict`` of the command line also give a set of labels, or an interval of numbers, that holds the
                truth in this fraction of rows, such as .9; fitted on labelled rows that are not learnt from.
            metric: the name of what stops training in epochs, by the held-out rows, such as ``"macro_f1"``; None takes the task's
                own: AUC, accuracy, micro-F1, quadratic kappa, mean absolute error.
            random_state: seed of weights, batches, dropout and the held-out rows; a ``RandomState`` or None draws one. Weights
                are the same to the bit on the same number of threads.
            device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``.
            events: functions called while training; see `headstart.train.Event`.
            verbose: whether to print what is decided and each epoch's measures while fitting.
            checkpoint: a folder from which a killed training goes on.
            unlabelled: further texts, as `X` may be given, whose labels are not known or not looked at: of the source for a
                base, of the target for a transfer. Words and their neighbours are counted in them too. A new base of kind
                `blend` also gives pseudo-labels to a thousand or more, if they are a quarter of the labelled rows or more and
                there are validation rows, and learns from up to 50,000 of these; one that is carried over does so with
                fifty or more, and needs neither.
            source: the base's own labelled texts, for ``"tfidf-prior"``: a pair ``(X, y)`` or a labelled corpus.
            encoder: what others trained, as `import_hf` or its folder gives it, for ``"scratch"`` of a ``blend`` to read next to its
                words.
            teacher: a model whose probabilities of the texts of `X` are learnt in place of labels, by ``"scratch"``; `y` is not looked at.
            cache: the folder in which outputs of a large imported encoder are kept (see `headstart.cache`), or
                ``"off"``; None for ``HEADSTART_CACHE`` or the user's own cache folder.
        """
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
        self.C = C
        self.pooling = pooling
        self.text = text
        self.columns = columns
        self.column_types = column_types
        self.task = task
        self.order = order
        self.label_map = label_map
        self.positive = positive
        self.class_weight = class_weight
        self.valid_fraction = valid_fraction
        self.groups = groups
        self.calibrate = calibrate
        self.threshold = threshold
        self.costs = costs
        self.abstain_below = abstain_below
        self.coverage = coverage
        self.metric = metric
        self.random_state = random_state
        self.device = device
        self.events = events
        self.verbose = verbose
        self.checkpoint = checkpoint
        self.unlabelled = unlabelled
        self.source = source
        self.encoder = encoder
        self.teacher = teacher
        self.cache = cache

    def fit(self, X: object, y: object = None, sample_weight: object = None, *, valid: object = None) -> Self:
        """Learn from texts and labels.

        Args:
            X: texts [rows], a table, or a labelled `Corpus`.
            y: labels or numbers [rows]; of several labels a row 0 and 1 [rows, labels], or lists of labels [rows]; not needed
                with a labelled corpus, nor for ``"as-is"`` and ``"self-train"``.
            sample_weight: what each row counts for in training, numbers of 0 or more [rows]; rows of weight 0 are left
                out. What is measured on held-out rows counts every row once.
            valid: rows to stop early and calibrate on: a pair ``(X, y)`` or a labelled corpus. None holds
                out `valid_fraction` of the rows of `X`.

        Raises:
            DataError, OptionError: what cannot be used, and what to do.
        """
        settings, y = self._settings(), None if y is None else columns_of(y)
        strategy = self.strategy or ("scratch" if self.base is None else "fine-tune")
        taken, base = strategy_of(strategy), None if self.base is None else as_predictor(self.base)
        columns = self._kept if base is None or taken.uses != "base" else base.columns_with(self._kept)
        how: Json = {"text": self._rows_at, "columns": columns, "label_map": self.label_map}
        rows = labelled(X, y, positive=self.positive, sample_weight=sample_weight, **how, **self._asked(taken, base, y))
        check_rows(rows, self._row_kind, type(self).__name__, base if taken.uses == "base" else None)
        rows = rows if settings.teacher is None else settings.teacher.labelled(rows)
        if rows.labels is not None:
            self._check_kind(rows.kind)
        if rows.task is not None:
            decided_rule(rows.task, PLAIN, self.threshold, self.costs, self.abstain_below)
        train, factors = self._weighted(rows, strategy)
        self._stored(strategy, settings)  # What cannot be stored is refused before hours of training, not after.
        deciding = self._deciding_columns(train, settings)
        held: Corpus | None = None
        if valid is not None:
            held = labelled(*(valid if isinstance(valid, tuple) else (valid, None)), task=train.task or AUTO, **how)
            held = weighted(held if settings.teacher is None else settings.teacher.labelled(held), factors)
        notes = [rows.label_note] if rows.label_note != getattr(X, "label_note", "") else []
        for sentence in notes:
            settings.say(sentence)
        learnt = learn(taken, train, held, base, settings)
        self._check_kind(learnt.predictor.answers.kind)
        if n_left := len(rows) - len(train):
            learnt = replace(learnt, notes=(*learnt.notes, f"{n_left:,} rows of weight 0 were left out"))
        for sentence in learnt.notes:
            settings.say(sentence)
        predictor = learnt.predictor
        if strategy != "as-is":
            texts = [part.texts for part in (train, held) if part is not None]
            predictor = replace(predictor, learnt_from=TextHashes.of(*texts).union(predictor.learnt_from))
        if deciding:
            predictor = predictor.with_facts(deciding_columns=[one._asdict() for one in deciding])
        learnt = replace(learnt, predictor=predictor, notes=(*notes, *learnt.notes))
        return self._take(learnt, train, y, self._stored(strategy, settings))._name_features(X)

    def score_rows(self, X: object) -> Scores:
        """Return logits, probabilities, and counts of what happened to the texts (see `Scores`)."""
        check_is_fitted(self, "predictor_")
        corpus = as_corpus(X, text=self._rows_at, columns=tuple(self.predictor_.columns))
        return self.predictor_.score(corpus, device=self.device)

    def _targets(self, X: object, y: object, sample_weight: object) -> Corpus:
        """Return rows with labels as the model codes them."""
        check_is_fitted(self, "predictor_")
        predictor = self.predictor_
        how: Json = {"text": self._rows_at, "columns": tuple(predictor.columns), "label_map": self.label_map}
        corpus = labelled(X, y, task=predictor.answers, sample_weight=sample_weight, **how)
        if corpus.labels is None:
            raise DataError(
                "score requires y to be passed, but the target y is None; pass labels [rows], or a labelled corpus."
            )
        return corpus

    def save(self, path: str | Path) -> str:
        """Write the model to the folder `path` and return its content hash.

        Raises:
            ArtifactError: if `path` holds something that is no model, or cannot be written.
            OptionError: if `path` holds the base that the model was made from.
        """
        check_is_fitted(self, "predictor_")
        if self.base is not None:
            check_not_base(path, self.base)
        return write(path, self.predictor_.to_parts())

    def _asked(self, chosen: Strategy, base: Predictor | None, y: object) -> Json:
        """Return what the labels are to be: a base's own where it is used as it is, else what is told from them.

        A reference point learns its own labels; what is carried over takes the base's order where both ask for the same.
        """
        if base is not None and base.task is not None and chosen.unlabelled:
            return read_as_is(base.task) if chosen.name == "as-is" else {"task": base.task}
        told = self.task if self.task != AUTO or y is None else self._unless_told
        takes_over = base is not None and chosen.uses != "nothing" and not isinstance(y, Mapping)
        return {"task": told, "order": self.order, "base": base.task if base is not None and takes_over else None}

    def _check_kind(self, kind: str) -> None:
        """Refuse a task that is not this estimator's."""

    def _take_classes(self, classes: Classes) -> None:
        """Keep what the labels are called."""

    def _deciding_columns(self, train: Corpus, settings: Settings) -> list[DecidingColumn]:
        """Return the columns that decide the label by themselves, and warn of them before anything is learnt."""
        names = train.reads if train.input == "columns" else settings.columns
        if train.strata is None or not names:
            return []
        found = deciding_columns(train.columns, names, train.strata, settings.column_types)
        for one in found:
            warnings.warn(one.sentence, HeadstartWarning, stacklevel=3)
        return found

    def _weighted(self, train: Corpus, strategy: str) -> tuple[Corpus, Doubles | None]:
        """Return the training rows with their weights, and what each class counts for."""
        if strategy not in UNLABELLED:
            if train.labels is None:
                raise DataError(
                    f"This {type(self).__name__} estimator requires y to be passed, but the target y is None: learning needs "
                    "labels, and none came; name the label column (--label, or y)."
                )
            require_goals(train)
            factors = class_factors(train, self.class_weight)
            return weighted(train, factors), factors
        if train.weights is not None or self.class_weight is not None:
            raise OptionError(
                f"the strategy {strategy!r} looks at no label, so sample_weight and class_weight mean nothing to it; leave "
                "them out, or take a strategy that learns from labels: fine-tune, features, scratch or tfidf."
            )
        return train, None

    @property
    def _named(self) -> str | Sequence[str] | None:
        """The columns that hold what the rows are, as far as they are named."""
        return self.text

    @property
    def _rows_at(self) -> Any:
        """Where what the rows are stands in a table: the column of texts, or columns of another kind; once fitted, the model's own."""
        if self._row_kind == "text":
            return self.text
        if hasattr(self, "predictor_"):
            return self.predictor_.row_columns
        return OtherColumns(self._row_kind, self._named, (self.groups,) if self.groups else ())

    @property
    def _kept(self) -> tuple[str, ...]:
        columns = (self.columns,) if isinstance(self.columns, str) else tuple(self.columns or ())
        return columns + ((self.groups,) if self.groups and self.groups not in columns else ())

    def _settings(self) -> Settings:
        given = {name: to_python(getattr(self, name)) for name in _OPTIONS if name != "self"}
        check_types(TextEstimator.__init__, given)
        check_least(given, {"min_count": 1, "batch_size": 1, "learning_rate": 0, "C": 1e-9})
        check_decisions(self.threshold, self.costs, self.abstain_below, self.coverage)
        if self.pooling not in POOLINGS:
            raise unknown_name("pooling", self.pooling, POOLINGS)
        values = {field.name: given[field.name] for field in fields(Settings)}
        columns = (self.columns,) if isinstance(self.columns, str) else tuple(self.columns or ())
        if len(set(columns)) < len(columns):
            raise OptionError(f"columns are {', '.join(columns)}, one of them twice; name each column once.")
        check_column_types(self.column_types or {}, columns)
        values |= {name: values[name] or {} for name in ("net_options", "trainer_options")}
        values["unlabelled"] = None if self.unlabelled is None else as_corpus(self.unlabelled, text=self.text)
        values["encoder"] = None if self.encoder is None else as_predictor(self.encoder)
        values["teacher"] = None if self.teacher is None else Teacher(as_predictor(self.teacher), str(self.device))
        values["source"] = None if self.source is None else self._of_source()
        values["events"] = (*self.events, TrainingLines()) if self.verbose else tuple(self.events)
        values |= {"columns": columns, "phases": phases_of(self.phases), "random_state": seed_of(self.random_state)}
        return Settings(**values)

    def _of_source(self) -> Corpus:
        pair = self.source if isinstance(self.source, tuple) else (self.source, None)
        task = None if self.base is None else as_predictor(self.base).task
        return labelled(*pair, task=task or self._unless_told)

    def _take(self, learnt: FitResult, train: Corpus, y: object, stored: Json) -> Self:
        predictor = replace(learnt.predictor.reading(train), estimator=stored)
        if self._row_kind == "text":
            predictor = predictor.with_text(column=self.text or train.text_name)
        predictor = predictor.with_facts(strategy=stored["strategy"], label_column=train.label_column)
        if learnt.choices:
            predictor = predictor.with_facts(choices=learnt.choices)
        predictor = decided(predictor, self.threshold, self.costs, self.abstain_below)
        if isinstance(y, Mapping):
            predictor = predictor.with_facts(label_types=[INDICATOR])
            found = stored_classes(predictor)
        else:
            found = classes_of(predictor, train)
            predictor = predictor.with_facts(**found.facts) if train.label_values else predictor
        return install(self, predictor, history=learnt.history, notes=learnt.notes, classes=found)

    def _name_features(self, X: object) -> Self:
        if is_table(X):
            self.feature_names_in_ = np.array(names_read(self.predictor_), dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def _stored(self, strategy: str, settings: Settings) -> Json:
        """Return the constructor's arguments as far as they are plain values."""
        decided: Json = {"strategy": strategy, "random_state": settings.random_state}
        if self.order is not None and not isinstance(self.order, str):
            decided["order"] = list(parse_order(self.order))
        stored = kept_arguments(self.get_params(deep=False) | decided)
        if not isinstance(self.net, str):
            del stored["net"]
        unset = [name for name in _SINCE_0_2 if stored.get(name) in (None, AUTO)]
        return {name: plain(value) for name, value in stored.items() if name not in unset}

    def __sklearn_clone__(self) -> Self:
        found: Self = clone_beside_base(self)
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = tags.input_tags.allow_nan = True
        tags.input_tags.two_d_array = False
        tags.target_tags.required = self.strategy not in UNLABELLED
        return tags


_OPTIONS = tuple(inspect.signature(TextEstimator.__init__).parameters)

Fitted = TypeVar("Fitted", bound=TextEstimator)


def install(
    model: Fitted,
    predictor: Predictor,
    *,
    history: Sequence[Facts] = (),
    notes: tuple[str, ...] = (),
    classes: Classes | None = None,
) -> Fitted:
    """Make an estimator a fitted one, by a predictor and what is known of how it came to be; return it."""
    model.predictor_ = predictor
    model.history_, model.notes_ = list(history), notes
    model._take_classes(classes or stored_classes(predictor))
    model.n_features_in_ = len(names_read(predictor))
    return model
