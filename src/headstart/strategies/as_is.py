"""The base unchanged; no label is looked at. Of several labels it answers those that it shares with the target by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from headstart.arrays import Array, Doubles
from headstart.corpus import Corpus
from headstart.errors import OptionError
from headstart.heads import LinearHead, TfidfHead
from headstart.nets import is_buildable
from headstart.plain import Json
from headstart.predictor import LayerScorer, NetworkScorer, Predictor
from headstart.strategies.blend import LEAST_TEXTS, NOTHING_LEARNT, is_blend, self_train
from headstart.strategies.inputs import require_base
from headstart.strategies.new_head import shared_labels
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows
from headstart.tasks import Task

_NEVER = -1000.0
"""The logit of a label that the base does not know."""


def read_as_is(own: Task) -> Json:
    """Return how the labels of rows are read that a base is to answer as it is, as fields of a `Labelling`: as its own; of several
    classes or labels as they are, in the base's order where they are the same.
    """
    return {"task": own} if own.n_outputs == 1 else {"task": own.kind, "base": own}


def answers_some(base: Predictor, task: Task) -> bool:
    """Tell whether a base can answer a task as it is: the same labels, or of several some; two classes at least."""
    own = base.task
    if own is None or own.kind != task.kind:
        return False
    least = 1 if task.kind == "multilabel" else 2
    some = len(shared_labels(base, task)) >= least and _linear_end(base) is not None
    return some or own.names == task.names


def said_of_shared(base: Predictor, task: Task) -> tuple[str, ...]:
    """Return a sentence on which labels a base answers as it is, where these are not its own."""
    if base.task is None or base.task.names == task.names:
        return ()
    shared, own = shared_labels(base, task), len(base.task.names)
    rest = f", of its own {own}" if own > len(shared) else ""
    return (
        f"as it is, the base answers {len(shared)} of these {len(task.names)} labels, those it knows by name{rest}, never another",
    )


def fit_as_is(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Return the base unchanged but for what it has taught itself on ``settings.unlabelled``.

    Raises:
        OptionError: no base came, one that has learnt no labels, or one that knows too few of the target's.
    """
    base = require_base(base)
    if base.task is None:
        raise OptionError(
            "this base is an encoder without labels, so as it is it predicts nothing; "
            "use strategy 'features', which learns your labels from its layers."
        )
    task = train.task or base.task
    _check_labels(base, task)
    notes = said_of_shared(base, task)
    if settings.unlabelled is None:
        places = _places(base, task) if notes else None
        return FitResult(
            _answering(base, task), score_shared=lambda rows: _of_places(rows.base_logits(), places), notes=notes
        )
    known = shared.adapted_base(base, settings.unlabelled)
    if is_blend(known) and len(settings.unlabelled) >= LEAST_TEXTS:
        taught = self_train(known, settings.unlabelled, **settings.second_training("taught"))
        notes, known = (*notes, NOTHING_LEARNT) if taught is known else notes, taught
    return FitResult(_answering(known, task), notes=notes)


def _check_labels(base: Predictor, task: Task) -> None:
    """Refuse target labels that a base cannot answer.

    Raises:
        OptionError: names one that it does not know.
    """
    if base.task is None or answers_some(base, task):
        return
    unknown = [name for name in task.names if name not in base.task.names]
    other = f", among them {unknown[0]!r}" if unknown else ""
    raise OptionError(
        f"as it is, the base answers its own labels ({base.task.said()}), and those of the data are {task.said()}{other}; use "
        "strategy 'fine-tune' or 'features', which learn yours."
    )


def _linear_end(base: Predictor) -> LinearHead | TfidfHead | None:
    """Return what weighs the outputs, so that some of them can be taken; a network's own are taken as they are. None of trees and of
    a graph that was trained by others, whose last stage may be no logits.
    """
    scorer: Any = base.scorer
    if isinstance(scorer, NetworkScorer):
        size = base.answers.n_outputs
        known = is_buildable(scorer.spec.name)
        return LinearHead(np.zeros(size), np.ones(size), np.eye(size), np.zeros(size)) if known else None
    return scorer.head if isinstance(scorer.head, LinearHead | TfidfHead) else None


def _answering(base: Predictor, task: Task) -> Predictor:
    """Return the base with the outputs of a task's labels, its own where it knows them; as it is where all are its own."""
    scorer, head = base.scorer, _linear_end(base)
    if head is None or base.answers.names == task.names:
        return replace(base, run={})
    places = _places(base, task)
    constants = _picked(np.asarray(head.intercept), places, _NEVER)
    end: Any = replace(head, coefficients=_picked(head.coefficients, places, 0.0), intercept=constants)
    if isinstance(scorer, NetworkScorer):
        taken: Any = LayerScorer(scorer.network, scorer.spec, (scorer.network.stages[-1],), end)
    else:
        taken = replace(scorer, head=end)  # type: ignore[type-var]
    of_labels: Json = {
        name: tuple(_picked(np.array(values), places, otherwise).tolist())
        for name, otherwise in (("factors", 1.0), ("offsets", 0.0), ("thresholds", 0.5))
        if (values := getattr(base.rule, name))
    }
    rule = base.rule.replace(**of_labels, costs=(), coverage=None, quantile=None)
    return replace(base, scorer=taken, task=task, rule=rule, run={})


def _places(base: Predictor, task: Task) -> list[int | None]:
    """Return where the base has each of a task's labels; None where it does not know one."""
    own = base.answers.names
    return [own.index(name) if name in own else None for name in task.names]


def _of_places(logits: Doubles, places: list[int | None] | None) -> Doubles:
    """Return the logits [rows, outputs] of some outputs; of all where no places are named."""
    return logits if places is None else _picked(logits.T, places, _NEVER).T


def _picked(values: Array, places: list[int | None], otherwise: float) -> Doubles:
    """Return the values [outputs, ...] of some outputs; `otherwise` where there is none."""
    missing = np.full_like(values[0], otherwise)
    found: Doubles = np.stack([missing if place is None else values[place] for place in places])
    return found
