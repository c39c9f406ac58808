"""An encoder that others trained as one more branch of a `blend`: its vectors know sentences, the n-grams know reviews.

The branch is a logistic regression on the encoder's vectors of the rows that the blend has learnt from. What it counts for is
chosen on rows that neither has seen: of the shares of the blend's spread, the largest that is not shown to be worse than the
best, or a larger one up to `_SHARE` that costs little. What others trained on all kinds of texts errs less where texts are of
another kind than the source's, which validation rows of the source cannot tell: of movie reviews .2 took .002 from an AUC of
.980, and gave reviews of hotels and books .012 (docs/encoders.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from headstart.arrays import Doubles
from headstart.corpus import Corpus
from headstart.errors import OptionError
from headstart.fitting.calibration import rule_of_goals
from headstart.fitting.logistic import losses_of
from headstart.inputs import EncoderInput, text_input_of
from headstart.nets import build
from headstart.nets.blend import PARTS
from headstart.plain import Json
from headstart.predictor import NetSpec, NetworkScorer, Predictor
from headstart.strategies.blend.fit_branches import spread_of
from headstart.strategies.blend.linear_branch import blend_of
from headstart.strategies.finishing import folds_of, held_out_facts, rule_of
from headstart.strategies.head_choice import choose_linear, fit_linear_head
from headstart.strategies.inputs import goals_of
from headstart.strategies.label_names import is_encoder
from headstart.strategies.settings import FitResult, Settings
from headstart.tasks import Goals

_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
_SHARE, _COST = 0.3, 0.05
"""Of the blend's spread, where no validation rows choose; what part of the loss may be given up for it."""


def check_encoder(net: str | None, encoder: Predictor) -> None:
    """Refuse, before anything is trained, what cannot be read next to the words of a network.

    Raises:
        OptionError: the network is no blend, or the model is no encoder.
    """
    if net != "blend":
        raise OptionError(
            f"an encoder is read next to the words of the network 'blend', and the network is {net or 'one of your own'}; leave one of the "
            "two out."
        )
    if not is_encoder(encoder) or encoder.task is not None:
        raise OptionError(
            f"a model of kind {encoder.scorer.kind!r} came to be read next to the words; expected an encoder that others trained: "
            "what `headstart import hf` or `headstart import model2vec` writes."
        )


def add_encoder(
    result: FitResult, encoder: Predictor, train: Corpus, valid: Corpus | None, settings: Settings
) -> FitResult:
    """Return a blend that reads an encoder's vectors next to its words, calibrated and measured anew.

    Args:
        result: of training a `blend`; left as it is.
        encoder: what `check_encoder` has passed.
        train: the rows that the blend has learnt from, with labels.
        valid: rows that it has not seen, or None.
        settings: of the fit; may name C.
    """
    predictor, share = with_encoder(result.predictor, encoder, train, valid, settings)
    settings.say(f"the encoder counts for {share:g} of the spread of what the words say")
    if valid is not None and valid.labels is not None:
        logits = predictor.score(valid, device=settings.device).logits
        predictor = replace(predictor, rule=rule_of(predictor, logits, valid, settings))
        predictor = predictor.with_facts(**held_out_facts(predictor, valid, logits))
    return replace(result, predictor=predictor, choices={**result.choices, "encoder_share": share})


def with_encoder(
    base: Predictor, encoder: Predictor, train: Corpus, valid: Corpus | None, settings: Settings
) -> tuple[Predictor, float]:
    """Return a blend with the branch, not calibrated yet, and what share of its spread that has; see `add_encoder`."""
    net, spec = blend_of(base)
    reads = EncoderInput(text_input_of(encoder.inputs), encoder.network)
    goals, vectors = goals_of(train), reads.vectors(train)  # labels that lack are told first
    choice = choose_linear(vectors, None, goals, folds_of(train, settings), settings)
    head = fit_linear_head(vectors, None, goals, choice.cost)
    weights = np.atleast_2d(head.coefficients) / head.scale
    longer, options = _with_branch(net, spec, reads.size)
    known = valid is not None and valid.labels is not None
    rows = valid if known and valid is not None else train
    logits = base.score(rows, device=settings.device).logits.reshape(len(rows), -1)
    opinions = reads.vectors(rows) @ weights.T
    means = opinions.mean(0)
    opinions = opinions - means
    ratio = spread_of(logits) / max(spread_of(opinions), 1e-9)
    held = Goals(goals.task, goals.task.goals(np.asarray(rows.labels)), rows.weights)
    share = _chosen(logits, ratio * opinions, held) if known else _SHARE
    with torch.no_grad():
        longer.sentence.weight.copy_(torch.from_numpy(weights))
        longer.sentence.bias.copy_(torch.from_numpy(-means))
        longer.output.weight[len(PARTS)] = share * ratio
    together = replace(base, scorer=NetworkScorer(longer, spec.replace(options=options)))
    return replace(together, inputs={**base.inputs, "encoder": reads}), share


def _chosen(logits: Doubles, opinions: Doubles, goals: Goals) -> float:
    """Return the largest share that rows do not show to be worse than the best, by one standard error of the difference; or, up
    to `_SHARE`, that costs no more than `_COST` of the loss.
    """
    losses = {share: _losses(logits + share * opinions, goals) for share in _SHARES}
    means = {share: float(np.average(one, weights=goals.weights)) for share, one in losses.items()}
    best = min(_SHARES, key=means.__getitem__)

    def will_do(share: float) -> bool:
        error = (losses[share] - losses[best]).std() / np.sqrt(len(logits))
        allowed = max(error, _COST * means[best] if share <= _SHARE else 0.0)
        return bool(means[share] - means[best] <= allowed)

    return max(filter(will_do, _SHARES))


def _losses(logits: Doubles, goals: Goals) -> Doubles:
    """Return the loss of each row once the logits [rows, outputs] are calibrated."""
    task, values, weights = goals
    found = logits[:, 0] if values.ndim == 1 else logits
    return losses_of(values, rule_of_goals(found, values, weights, task.link).calibrated(found), task.link)


def _with_branch(net: Any, spec: NetSpec, size: int) -> tuple[Any, Json]:
    """Return a copy of the network with the branch, which counts for nothing yet, and its options."""
    options = {**spec.options, "vector_size": size}
    with torch.random.fork_rng(devices=[]):
        longer: Any = build("blend", spec.n_words, options)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    at, weight = len(PARTS), state["output.weight"]
    state["output.weight"] = torch.cat([weight[:at], torch.zeros(1), weight[at:]])
    longer.load_state_dict(state, strict=False)
    return longer.eval(), options
