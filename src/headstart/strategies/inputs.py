"""What comes in to a strategy: checked, counted, and as the base reads it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Floats
from headstart.batches import Examples
from headstart.corpus import Corpus, require_two_classes
from headstart.corpus.splits import group_codes
from headstart.errors import DataError, OptionError
from headstart.inputs import encode_rows, text_input_of
from headstart.plain import Json
from headstart.predictor import Predictor, Provenance, SourceFacts, kept
from headstart.predictor.counting import with_rate
from headstart.strategies.settings import Settings
from headstart.tasks import Goals, MultiLabel, Regression, Task
from headstart.text import Encoded, encode

_KEPT_OF_BASE = (
    "n_train", "train_counts", "valid", "source", "n_unlabelled", "n_guessed", "n_words_of_unlabelled", "n_self_trained",
)  # fmt: skip


def require_base(base: Predictor | None) -> Predictor:
    """Return the base of a strategy that carries one over.

    Raises:
        OptionError: none came.
    """
    if base is None:
        raise OptionError("this strategy carries a base over, and none came; pass base= (a trained model or its path).")
    return base


def task_of(train: Corpus) -> Task:
    """Return the kind of answers that training rows ask for; of numbers, with the places of these rows' own.

    Raises:
        DataError: there are no labels.
    """
    if train.labels is None or train.task is None:
        raise DataError("learning needs labels, and none came; name the label column (--label, or y).")
    if isinstance(train.task, Regression):
        return train.task.fitted(train.labels, train.weights)
    return train.task


def require_goals(train: Corpus, task: Task | None = None) -> Floats:
    """Return what a model's outputs learn, float32 [rows], or [rows, outputs] of several.

    Args:
        train: the training rows.
        task: theirs, from `task_of`.

    Raises:
        DataError: there are no labels, or such that nothing can be learnt from them.
    """
    task = task or task_of(train)
    targets = np.asarray(train.labels)
    if isinstance(task, Regression):
        if not np.isfinite(targets).all():
            row = int(np.flatnonzero(~np.isfinite(targets))[0])
            raise DataError(
                f"the target of row {row} of {train.source} (the first is 0) is {targets[row]}; expected a finite number. "
                "Drop such rows, or mend them."
            )
        if len(np.unique(targets)) < 2:
            found = f"the target {targets[0]:g}" if len(targets) else "no target at all"
            raise DataError(
                f"all {len(targets):,} rows of {train.source} hold {found}; training needs at least two different numbers, and "
                f"{'one sample' if len(targets) == 1 else 'fewer'} came. Check the label column and --where."
            )
    elif isinstance(task, MultiLabel):
        if len(task.names) == 1:
            raise DataError(
                f"the rows of {train.source} have the label {task.names[0]!r} or none, and several labels a row are two or more; of "
                "one label take a column of two values, such as 0 and 1, which is binary."
            )
        if not targets.any():
            raise DataError(
                f"none of the {len(targets):,} rows of {train.source} has a label; training needs at least one that has. "
                "Check the label column and --where."
            )
    else:
        require_two_classes(targets, task.names, train.source)
    return task.goals(targets)


def goals_of(train: Corpus) -> Goals:
    """Return what training rows teach; see `require_goals` for what is refused."""
    task = task_of(train)
    return Goals(task, require_goals(train, task), train.weights)


def group_codes_of(corpus: Corpus, settings: Settings) -> NDArray[np.int64] | None:
    """Return the codes of the rows' groups [rows]; None where no group column was named, or it holds one group."""
    if settings.groups is None:
        return None
    values = corpus.column(settings.groups)
    return group_codes(values) if len(values.unique()) > 1 else None


def examples_of(
    predictor: Predictor, corpus: Corpus, encoded: Encoded | None = None, *, task: Task | None = None
) -> Examples:
    """Return a corpus as the network sees it, labels and weights included.

    Args:
        predictor: how it reads texts.
        corpus: the rows.
        encoded: its texts, if they were cut into tokens before.
        task: what the labels are; None for the predictor's own. Of one class of several the labels stay class codes.
    """
    found = (
        encode_rows(predictor.inputs, corpus)
        if encoded is None
        else text_input_of(predictor.inputs).encode(corpus, encoded)
    ).examples
    return with_labels(found, predictor, corpus, task=task)


def with_labels(found: Examples, predictor: Predictor, corpus: Corpus, *, task: Task | None = None) -> Examples:
    """Return encoded rows with the labels and weights of a corpus; see `examples_of`."""
    labels, weights = None, None if corpus.weights is None else corpus.weights.astype(np.float32)
    if corpus.labels is not None:
        own = task or predictor.answers
        labels = corpus.labels.astype(np.float32) if own.link == "softmax" else own.goals(corpus.labels)
    return replace(found, labels=labels, weights=weights)


def read_rows(predictor: Predictor, corpus: Corpus) -> tuple[Examples, Json]:
    """Return training rows as the network sees them, labels and weights included, and what must not stay silent about them."""
    if predictor.steps is not None and len(predictor.inputs) == 1:
        encoded = encode(predictor.steps, corpus.texts)
        return examples_of(predictor, corpus, encoded), text_counts(encoded, predictor.max_tokens)
    found = encode_rows(predictor.inputs, corpus)
    return with_labels(found.examples, predictor, corpus), with_rate(found.counts)


def strings_of(corpus: Corpus) -> list[str]:
    """Return the texts as Python strings, nulls as empty ones."""
    return ["" if text is None else text for text in corpus.texts.to_pylist()]


def text_counts(encoded: Encoded, limit: int | None) -> Json:
    """Return what must not stay silent about the training texts."""
    n_truncated = 0 if limit is None else int((encoded.ids.lengths > limit).sum())
    return {
        "n_null": encoded.n_null,
        "n_truncated": n_truncated,
        "n_tokens": encoded.n_tokens,
        "n_unknown_tokens": encoded.n_unknown,
        "unknown_token_rate": encoded.n_unknown / max(encoded.n_tokens, 1),
    }


def base_provenance(base: Predictor) -> Provenance:
    """Return what a carried model keeps of what is known of its base."""
    return {"base": kept(base.info, _KEPT_OF_BASE), **kept(base.info, ("source",))}


def source_facts(encoded: Encoded) -> SourceFacts:
    """Return what is kept of the training texts, to tell later how far another set is from them."""
    lengths = encoded.ids.lengths
    percentiles = [1, 5, 25, 50, 75, 95, 99]
    return {
        "n_texts": len(lengths),
        "length_percentiles": {str(q): float(np.percentile(lengths, q)) if len(lengths) else 0.0 for q in percentiles},
        "unknown_token_rate": encoded.n_unknown / max(encoded.n_tokens, 1),
    }
