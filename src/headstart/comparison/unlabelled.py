"""Candidates that read texts without labels, and look at no label of the target.

``self-train`` lets the base teach itself (see `headstart.strategies.blend.self_training`); ``as-is+texts`` trains it on the
source's labelled rows anew, with the target's texts to learn words from, and holds out a tenth of the source to stop early
and to calibrate. One fit stands for all budgets. *Inductive* reads the texts of the rows that budgets are drawn from, but
for those that also stand among the test rows; *transductive* reads the test rows' texts too: what it reaches holds for the
texts at hand, and says less of texts that are yet to come, so it is reported only.

Another candidate of this kind is a function from `Context.texts` (and `Context.source`, where it needs that) to a
predictor, and `label_free` around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headstart.comparison.context import Context, TrainingDraw
from headstart.comparison.fitted import Fitted
from headstart.comparison.folds import DecisionRule, hold_out
from headstart.comparison.problem import labels_of
from headstart.predictor import Predictor
from headstart.strategies import LEAST_TEXTS, STRATEGIES, Settings, adapt_to_texts, is_blend, self_train

__all__ = ["fit_self_trained", "fit_with_texts", "label_free"]

_HELD_OUT = 0.1
_LEAST_HELD_OUT_OF = 100

# What a base was told when it was trained, and is told again; the rest is of the run or of the target.
_TOLD = (
    "net_options", "tokens", "min_count", "max_words", "max_tokens", "clip", "word_vectors", "epochs", "learning_rate",
    "batch_size", "trainer_options", "calibrate", "random_state",
)  # fmt: skip


def fit_with_texts(context: Context, draw: TrainingDraw, *, of_test: bool) -> Fitted:
    """Train the base's network anew on the source's labelled rows, with the target's texts to learn words from.

    Args:
        context: what candidates share.
        draw: its rows are not looked at.
        of_test: read the test rows' texts too.
    """
    source, texts = context.source(), context.texts(of_test=of_test)
    labels = labels_of(source)
    fold = None
    if len(labels) >= _LEAST_HELD_OUT_OF:
        fold = hold_out(labels, None, _HELD_OUT, draw.seed)
    train, valid = (source, None) if fold is None else (source.take(fold.fit), source.take(fold.held))
    settings = replace(told_before(context.base), device=context.device, unlabelled=texts)
    learnt = STRATEGIES["scratch"](train, valid, context.base, settings)
    counted = {"n_source": len(train), "n_texts": len(texts)}
    return label_free(context, learnt.predictor, counted)


def fit_self_trained(context: Context, draw: TrainingDraw, *, of_test: bool) -> Fitted:
    """Let the base teach itself on the target's texts; see `headstart.strategies.blend.self_training`.

    Args:
        context: what candidates share.
        draw: its rows are not looked at.
        of_test: read the test rows' texts too.
    """
    texts = context.texts(of_test=of_test)
    known = adapt_to_texts(context.base, texts)
    taught = self_train(known, texts) if is_blend(known) and len(texts) >= LEAST_TEXTS else known
    return label_free(context, taught, {"n_texts": len(texts)})


def label_free(context: Context, predictor: Predictor, choices: Mapping[str, Any]) -> Fitted:
    """Return a predictor that was made without any label of the target as a candidate's fit."""
    ready = DecisionRule(predictor.calibration, predictor.threshold)
    own = replace(predictor.with_text(column=context.text), run={})
    logits = own.score(context.corpus(context.test)).logits
    return Fitted(logits, ready, lambda: own, dict(choices))


def told_before(base: Predictor) -> Settings:
    """Return the settings that a base was trained by, as far as its file tells; the network's own defaults else."""
    stored = base.estimator if base.estimator.get("strategy") == "scratch" else {}
    return Settings(**{name: stored[name] for name in _TOLD if stored.get(name) is not None})
