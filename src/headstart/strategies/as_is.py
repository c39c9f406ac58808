"""The base unchanged; no label is looked at."""

from __future__ import annotations

from dataclasses import replace

from headstart.corpus import Corpus
from headstart.errors import OptionError
from headstart.predictor import Predictor
from headstart.strategies.blend import LEAST_TEXTS, NOTHING_LEARNT, is_blend, self_train
from headstart.strategies.inputs import require_base
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows


def _check_labels(base: Predictor, train: Corpus) -> None:
    """Refuse target labels that a base does not know.

    Raises:
        OptionError: names them.
    """
    own, task = base.task, train.task
    if own is None or task is None:
        return
    unknown = [name for name in task.names if name not in own.names]
    if own.kind != task.kind or unknown:
        other = f"among them {unknown[0]!r}" if unknown else f"of another kind ({own.said()})"
        raise OptionError(
            f"as it is, the base answers its own labels, and those of the data are {task.said()}, {other}; use strategy "
            "'fine-tune' or 'features', which learn yours."
        )


def fit_as_is(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Return the base unchanged but for what it has taught itself on ``settings.unlabelled``.

    Raises:
        OptionError: no base came, or one that has learnt no labels.
    """
    base = require_base(base)
    _check_labels(base, train)
    if base.task is None:
        raise OptionError(
            "this base is an encoder without labels, so as it is it predicts nothing; "
            "use strategy 'features', which learns your labels from its layers."
        )
    if settings.unlabelled is None:
        return FitResult(replace(base, run={}), score_shared=lambda rows: rows.base_logits())
    known = shared.adapted_base(base, settings.unlabelled)
    if not is_blend(known) or len(settings.unlabelled) < LEAST_TEXTS:
        return FitResult(replace(known, run={}))
    taught = self_train(known, settings.unlabelled, **settings.second_training("taught"))
    return FitResult(replace(taught, run={}), notes=(NOTHING_LEARNT,) if taught is known else ())
