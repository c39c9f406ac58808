"""The base trained on with the labels: in closed form, in epochs, thawed stage by stage, or after it has read texts."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from headstart.corpus import Corpus
from headstart.errors import OptionError
from headstart.layers import Network
from headstart.plain import Json
from headstart.predictor import NetworkScorer, Predictor, Provenance
from headstart.strategies.blend import (
    LEAST_TEXTS,
    Extended,
    carry_over,
    extend_vocabulary,
    is_any_blend,
    is_blend,
    ridge_fine_tune,
    self_train,
    with_own_texts,
)
from headstart.strategies.epochs import aims, finish_network
from headstart.strategies.finishing import finish_head, folds_of, measured, rule_of
from headstart.strategies.inputs import (
    base_provenance,
    examples_of,
    read_rows,
    require_base,
    require_goals,
    task_of,
    text_counts,
)
from headstart.strategies.label_names import is_encoder
from headstart.strategies.new_head import answers_alike, shared_labels, with_new_head
from headstart.strategies.recipes import epochs_for
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows
from headstart.strategies.tune_encoder import ENCODER_RATE, tune_encoder
from headstart.tasks import Rule
from headstart.text import encode
from headstart.train import Phase

_RATE = 1e-3
_LEAST_STEPS = 150
"""Of a network over other rows than texts, however few there are."""
_SLOWER_INSIDE = 2.6  # each stage inwards learns so many times slower: Howard and Ruder 2018, section 3.2


def fit_fine_tune(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Train on from the base's weights.

    A `blend` is fine-tuned in closed form and then teaches itself on the same texts. Other networks, and a schedule of
    one's own, train in epochs: by default the head alone first, then everything, inner parts slower. With
    ``settings.unlabelled``, the base reads these texts first.
    """
    base, task = require_base(base), task_of(train)
    require_goals(train, task)
    if not isinstance(base.scorer, NetworkScorer) and not is_encoder(base):
        raise OptionError(
            f"this base is of kind {base.scorer.kind!r} and has no network to fine-tune; pass a base made by "
            "`headstart train` or `headstart import`, or use strategy 'as-is'."
        )
    if settings.unlabelled is not None:
        base = shared.adapted_base(base, settings.unlabelled)
    alike = answers_alike(base, task)
    if base.task is None:
        settings.say("the base is an encoder without labels: it gets a head for these")
    elif not alike:
        names = shared_labels(base, task)
        known = f"; {len(names)} labels it knows by name" if names else ""
        settings.say(f"the base learnt other labels: its stages stay, and its head is new{known}")
    if is_encoder(base):
        return tune_encoder(train, valid, base, settings, shared, alike=alike)
    if has_closed_form(base, settings):
        return (_fit_closed_form if alike and is_blend(base) else _fit_new_head)(train, valid, base, settings)
    if not alike:
        base = carry_over(base, train, task, settings)[0] if is_any_blend(base) else with_new_head(base, task)
    return _in_epochs(train, valid, replace(base, task=task), settings)


def fit_gradual(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Train on from the base's weights, one stage after another thawed, inner ones at lower rates."""
    if settings.phases is None:
        base, n_labels = require_base(base), len(train) if valid is None else len(train) + len(valid)
        rate = ENCODER_RATE if is_encoder(base) else _RATE
        settings = replace(settings, phases=gradual_phases(base.net, n_labels, rate))
    return fit_fine_tune(train, valid, base, settings, shared)


def fit_self_trained(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Let the base read texts, train it on with the labels, and let it teach itself; without other texts, by those of `train`."""
    if settings.unlabelled is None:
        settings = replace(settings, unlabelled=Corpus(train.texts, text_name=train.text_name))
    return fit_fine_tune(train, valid, base, settings, shared)


def has_closed_form(base: Predictor | None, settings: Settings) -> bool:
    """Tell whether fine-tuning has no epochs, and so no use for held-out rows: a `blend`, and no schedule of one's own."""
    asked = (settings.phases, settings.freeze, settings.epochs, settings.learning_rate, settings.batch_size)
    by_gradient = any(option is not None for option in asked) or bool(settings.trainer_options)
    return base is not None and is_any_blend(base) and not by_gradient


def has_no_closed_form(base: Predictor | None, settings: Settings) -> bool:
    """Tell whether fine-tuning trains in epochs."""
    return not has_closed_form(base, settings)


def _fit_new_head(train: Corpus, valid: Corpus | None, base: Predictor, settings: Settings) -> FitResult:
    """Learn a new head behind a `blend` in closed form, for other labels than its own."""
    predictor, extended, choices = carry_over(base, train, task_of(train), settings)
    facts: Provenance = {**base_provenance(base), **_of_vocabulary(extended)}
    counts = text_counts(encode(predictor.steps, train.texts), predictor.max_tokens)
    found = FitResult(replace(predictor, info=facts, run={}), choices=choices)
    return finish_head(found, train, valid, replace(settings, calibrate=False, coverage=None), counts, None)


def _of_vocabulary(extended: Extended) -> Provenance:
    return {
        "n_new_words": extended.n_new_words,
        "unknown_token_rate": extended.unknown_token_rate,
        "unknown_token_rate_after": extended.unknown_token_rate_after,
    }


def _fit_closed_form(train: Corpus, valid: Corpus | None, base: Predictor, settings: Settings) -> FitResult:
    """Fine-tune in closed form, then let it teach itself on these texts and those that came without labels.

    Nothing is stopped early, so validation rows only measure: each step becomes a row of the history.
    """
    history: list[Json] = []
    task, own = task_of(train), base.task

    def measure(step: str, predictor: Predictor) -> None:
        both = task.kind == "binary" and predictor.answers.kind == "binary"
        found = measured(predictor, valid, settings.device).get("valid") if both else None
        if found is not None:
            row = {"valid_loss": found["log_loss"], "valid_auc": found["auc"]}
            history.append({"epoch": len(history), "step": step, **row})
            known = (f"{name.replace('_', ' ')} {value:.4f}" for name, value in row.items() if value is not None)
            settings.say(f"{step}: {', '.join(known)}")

    measure("the base as it is", base)
    extended = extend_vocabulary(base, train)
    known = own is not None and own.kind == task.kind == "binary"
    start = extended.predictor if known else replace(extended.predictor, task=task)
    tuned, cost = ridge_fine_tune(start, train, settings)
    if task.kind != "binary" or settings.coverage is not None:
        tuned = replace(tuned, rule=_rule_of_folds(start, tuned, train, settings))
    measure(f"fitted to {len(train):,} labels", tuned)
    predictor = tuned
    texts = with_own_texts(train, settings.unlabelled)
    if len(texts) >= LEAST_TEXTS:
        predictor = self_train(tuned, texts, n_labelled=len(train), **settings.second_training("taught"))
        measure(f"self-trained on {len(texts):,} texts", predictor)
    facts: Provenance = {
        **_of_vocabulary(extended),
        "n_unlabelled": 0 if settings.unlabelled is None else len(settings.unlabelled),
        "n_self_trained": 0 if predictor is tuned else len(texts),
    }
    run = {"history": history} if history else {}
    predictor = replace(predictor, info={**base_provenance(base), **facts}, run=run).with_rule(threshold=0.5)
    counts = text_counts(encode(predictor.steps, train.texts), predictor.max_tokens)
    return finish_head(
        FitResult(predictor, history, choices={"C": cost}),
        train,
        valid,
        replace(settings, calibrate=False, coverage=None),
        counts,
        None,
    )


def _rule_of_folds(base: Predictor, whole: Predictor, train: Corpus, settings: Settings) -> Rule:
    """Return what logits mean, from rows that the fine-tuned base has not seen: folds inside the training rows.

    Of two labels they mean what they say as they are, closed forms being calibrated.
    """
    folds, logits = folds_of(train, settings), np.full(len(train), np.nan)
    for fold in folds:
        tuned = ridge_fine_tune(base, train.take(fold.train), settings)[0]
        logits[fold.valid] = tuned.score(train.take(fold.valid)).logits
    known = np.isfinite(logits)
    if not known.any():
        return whole.rule
    settings = replace(settings, calibrate=settings.calibrate and whole.answers.kind != "binary")
    return rule_of(whole, logits[known], train.take(known), settings)


def _in_epochs(train: Corpus, valid: Corpus | None, base: Predictor, settings: Settings) -> FitResult:
    net = copy.deepcopy(base.net)
    examples, counts = read_rows(base, train)
    valid_examples = None if valid is None else examples_of(base, valid)
    batch_size = 16 if len(train) < 1000 else 64
    least = 0 if train.input == "text" else epochs_for(_LEAST_STEPS, len(train), settings.batch_size or batch_size)
    trainer = settings.trainer(
        net,
        phases=settings.phases or default_phases(net, len(train), settings, least=least),
        batch_size=settings.batch_size or batch_size,
        schedule="linear",
        **{"monitor": "valid_loss", **aims(base.answers, settings)},
    )
    trainer.fit(examples, valid_examples)
    scorer = replace(base.scorer, network=net)  # type: ignore[type-var]
    # The base's threshold is for its own scores.
    predictor = replace(base, scorer=scorer, info=base_provenance(base), run={}).with_rule(threshold=0.5)
    held = None if valid is None or valid_examples is None else (valid, valid_examples)
    return finish_network(predictor, trainer, train, held, counts, settings)


def head_stages(net: Network) -> tuple[list[str], list[str]]:
    """Return a network's stages in two parts: the body, and the head that fine-tuning trains first.

    The head is what comes behind the pooled states: the dense blocks and the output.
    """
    return [name for name in net.stages if name not in net.head], list(net.head)


def default_phases(net: Network, n_labels: int, settings: Settings, *, least: int = 0) -> tuple[Phase, ...]:
    """Return the default schedule of what is trained in epochs: the head alone, then all, the body at a tenth of the rate.

    Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018, call these
    gradual unfreezing and discriminative rates. Few labels get more epochs, for as many steps; `least` in any case.
    """
    rate = _RATE if settings.learning_rate is None else settings.learning_rate
    total = max(least, _epochs(n_labels)) if settings.epochs is None else settings.epochs
    if settings.freeze is not None:
        return (Phase(total, rate, settings.freeze),)
    body, _ = head_stages(net)
    first = max(1, total // 3) if total > 1 else 0
    moving = _with_parameters(net, body)
    if not moving:
        return (Phase(total, rate),)
    return (Phase(first, rate, freeze="|".join(body)), Phase(total - first, rate, rates={"|".join(moving): 0.1}))


def gradual_phases(net: Network, n_labels: int, rate: float = _RATE) -> tuple[Phase, ...]:
    """Return gradual unfreezing: the head first, then one more stage a phase, from the outermost on."""
    moving = _with_parameters(net, head_stages(net)[0])
    total = _epochs(n_labels)
    each = max(1, total // (len(moving) + 1))
    phases = []
    for n_thawed in range(len(moving) + 1):
        thawed = moving[len(moving) - n_thawed :]
        rates = {name: _SLOWER_INSIDE ** -(i + 1) for i, name in enumerate(reversed(thawed))}
        epochs = max(1, total - each * len(moving)) if n_thawed == len(moving) else each
        frozen = "|".join(name for name in moving if name not in thawed)
        phases.append(Phase(epochs, rate, freeze=frozen or None, rates=rates))
    return tuple(phases)


def _with_parameters(net: Network, stages: Sequence[str]) -> list[str]:
    return [name for name in stages if any(True for _ in net.get_submodule(name).parameters())]


def _epochs(n_labels: int) -> int:
    return 12 if n_labels < 300 else 8 if n_labels < 3000 else 5
