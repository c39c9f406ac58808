"""Carrying a base over: as it is, as features, as initialisation; and TF-IDF, which has to be beaten."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.errors import MissingDependencyError, OptionError, unknown_name
from headstart.features import layer_outputs
from headstart.heads import CatBoostHead, ColumnEncoder, Head, LinearHead, NothingVariesError, TfidfHead
from headstart.inference import network_outputs, on_device, resolve_device
from headstart.layers import Network
from headstart.nets.mxnet import MXNetGraph
from headstart.predictor import LayerScorer, NetSpec, NetworkScorer, Predictor, Provenance, TextScorer, reads
from headstart.strategies.blend.linear_branch import is_blend
from headstart.strategies.blend.ridge_fine_tuning import fine_tune_blend
from headstart.strategies.blend.self_training import LEAST_TEXTS, NOTHING_LEARNT, self_train, with_own_texts
from headstart.strategies.blend.vocabulary import extend_vocabulary
from headstart.strategies.calibration import fit_calibration, held_out_metrics
from headstart.strategies.scratch import carried, examples_of, finish, labels_of, needed, text_counts
from headstart.strategies.settings import FitResult, Settings
from headstart.text import encode
from headstart.train import Phase

__all__ = ["as_is", "default_layer", "features", "fine_tune", "has_closed_form", "head_stages", "tfidf"]

HEADS = ("auto", "linear", "catboost")


def as_is(train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings) -> FitResult:
    """Return the base unchanged but for what it has taught itself on texts without labels; no label is looked at."""
    base = needed(base)
    if not base.label_names:
        raise OptionError(
            "this base is an encoder without labels, so as it is it predicts nothing; "
            "use strategy 'features', which learns your labels from its layers."
        )
    if settings.unlabelled is None or not is_blend(base) or len(settings.unlabelled) < LEAST_TEXTS:
        return FitResult(replace(base, run={}))
    taught = self_train(base, settings.unlabelled, **settings.guessing("taught"))
    return FitResult(replace(taught, run={}), notes=(NOTHING_LEARNT,) if taught is base else ())


def features(train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings) -> FitResult:
    """Fit a head on outputs of the base's layers, beside tabular columns where they are named."""
    base = needed(base)
    labels = labels_of(train)
    layers = chosen_layers(base, settings.layer)
    encoded = encode(base.steps, train.texts)
    examples = examples_of(base, train, encoded)
    outputs = _outputs(base, train, examples, layers, settings)
    inputs = np.concatenate([outputs[layer] for layer in layers], axis=1)
    encoder, table, column_counts = _columns(train, settings)
    kind = _head_class(settings.head, columns=bool(settings.columns))
    how: dict[str, Any] = {"table": table, "encoder": encoder, "random_state": settings.random_state}
    how["weights"] = train.weights
    try:
        head: Head = kind.fit(inputs, labels, **how)
    except NothingVariesError:
        if settings.head != "auto":
            raise
        head = LinearHead.fit(inputs, labels, **how)
    net, spec = _cut(base, layers)
    scorer = LayerScorer(net, spec, layers, head, settings.pooling)
    predictor = replace(
        base.with_columns(settings.columns),
        scorer=scorer,
        label_names=base.label_names or (train.label_names[0], train.label_names[1]),
        calibration=(1.0, 0.0),
        threshold=0.5,
        info=carried(base),
        run={},
    )
    counts = {**text_counts(encoded, base.max_tokens), **column_counts}
    return _finish_head(predictor, train, valid, settings, counts)


def fine_tune(train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings) -> FitResult:
    """Train on from the base's weights: by default the head alone first, then everything, inner parts slower."""
    base = needed(base)
    labels = labels_of(train)
    if not isinstance(base.scorer, NetworkScorer):
        instead = "'features', which learns a head on its layers" if base.scorer.kind == "encoder" else "'as-is'"
        raise OptionError(
            f"this base is of kind {base.scorer.kind!r} and has no network to fine-tune; "
            f"pass a base made by `headstart train`, or use strategy {instead}."
        )
    if has_closed_form(base, settings):
        return _fine_tune_blend(train, valid, base, settings)
    net = copy.deepcopy(base.net)
    encoded = encode(base.steps, train.texts)
    examples = replace(examples_of(base, train, encoded), labels=labels)
    valid_examples = None if valid is None else examples_of(base, valid)
    trainer = settings.trainer(
        net,
        phases=settings.phases or default_phases(net, len(train), settings),
        batch_size=settings.batch_size or (16 if len(train) < 1000 else 64),
        schedule="linear",
        monitor="valid_loss",
    )
    trainer.fit(examples, valid_examples)
    scorer = NetworkScorer(net, base.scorer.spec)
    predictor = replace(
        base, scorer=scorer, threshold=0.5, info=carried(base), run={}
    )  # the base's cut is for its scores
    return finish(predictor, trainer, train, valid_examples, text_counts(encoded, base.max_tokens), settings)


def has_closed_form(base: Predictor, settings: Settings) -> bool:
    """Tell whether fine-tuning has no epochs, and so no use for held-out rows: a `blend`, and no schedule of one's own."""
    asked = (settings.phases, settings.freeze, settings.epochs, settings.learning_rate, settings.batch_size)
    by_gradient = any(option is not None for option in asked) or bool(settings.trainer_options)
    return is_blend(base) and not by_gradient


def _fine_tune_blend(train: Corpus, valid: Corpus | None, base: Predictor, settings: Settings) -> FitResult:
    """Fine-tune in closed form, then let it teach itself on these texts and those that came without labels.

    Nothing is stopped early, so validation rows only measure.
    """
    extended = extend_vocabulary(base, train)
    examples = replace(examples_of(extended.predictor, train), labels=labels_of(train))
    tuned = predictor = fine_tune_blend(extended.predictor, examples)
    texts = with_own_texts(train, settings.unlabelled)
    if len(texts) >= LEAST_TEXTS:
        predictor = self_train(tuned, texts, n_labelled=len(train), **settings.guessing("taught"))
    facts: Provenance = {
        "n_train": len(train),
        "n_new_words": extended.n_new_words,
        "unknown_token_rate": extended.unknown_token_rate,
        "unknown_token_rate_after": extended.unknown_token_rate_after,
        "n_unlabelled": 0 if settings.unlabelled is None else len(settings.unlabelled),
        "n_self_trained": 0 if predictor is tuned else len(texts),
    }
    predictor = replace(predictor, threshold=0.5, info={**carried(base), **facts}, run={})
    counts = text_counts(encode(predictor.steps, train.texts), predictor.max_tokens)
    return _finish_head(predictor, train, valid, replace(settings, calibrate=False), counts)


def tfidf(train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings) -> FitResult:
    """Fit TF-IDF and logistic regression on the target alone; a base has no part in it."""
    labels = labels_of(train)
    encoder, table, column_counts = _columns(train, settings)
    texts = ["" if text is None else text for text in train.texts.to_pylist()]
    how: dict[str, Any] = {"table": table, "encoder": encoder, "random_state": settings.random_state}
    head = TfidfHead.fit(texts, labels, weights=train.weights, **how)
    names = train.label_names
    predictor = Predictor(
        TextScorer(head), (names[0], names[1]), inputs=reads(settings.columns, column=train.text_name)
    )
    return _finish_head(predictor, train, valid, settings, {"n_null": train.texts.null_count, **column_counts})


def head_stages(net: Network) -> tuple[list[str], list[str]]:
    """Return a network's stages in two parts: the body, and the head that fine-tuning trains first.

    The head is what comes behind the pooled states: the dense blocks and the output.
    """
    return [name for name in net.stages if name not in net.head], list(net.head)


def default_phases(net: Network, n_labels: int, settings: Settings) -> tuple[Phase, ...]:
    """Return the default schedule of what is trained in epochs: the head alone, then all, the body at a tenth of the rate.

    Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018, call these
    gradual unfreezing and discriminative rates. Few labels get more epochs, for as many steps.
    """
    rate = 1e-3 if settings.learning_rate is None else settings.learning_rate
    if settings.freeze is not None:
        return (Phase(_epochs(n_labels) if settings.epochs is None else settings.epochs, rate, settings.freeze),)
    body, _ = head_stages(net)
    total = _epochs(n_labels) if settings.epochs is None else settings.epochs
    first = max(1, total // 3) if total > 1 else 0
    moving = [name for name in body if any(True for _ in net.get_submodule(name).parameters())]
    if not moving:
        return (Phase(total, rate),)
    pattern = "|".join(body)
    return (Phase(first, rate, freeze=pattern), Phase(total - first, rate, rates={"|".join(moving): 0.1}))


def default_layer(net: Network) -> str:
    """Return the layer whose output serves best as features where none was named: the pooled states."""
    body, _ = head_stages(net)
    return "pooled" if "pooled" in net.stages else body[-1] if body else net.stages[0]


def chosen_layers(base: Predictor, layer: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the named layers, checked, or the default one."""
    known = base.net.stages
    layers = (default_layer(base.net),) if layer is None else (layer,) if isinstance(layer, str) else tuple(layer)
    for name in layers:
        if name not in known:
            raise unknown_name("layer", name, known)
    return layers


def _outputs(
    base: Predictor, train: Corpus, examples: Examples, layers: tuple[str, ...], settings: Settings
) -> dict[str, NDArray[np.float32]]:
    """Return the layers' outputs for the training rows; those that take long are looked up on disk first."""
    device = resolve_device(settings.device)
    if not base.net.keep_outputs:
        return network_outputs(on_device(base.net, device), examples, layers, pooling=settings.pooling, device=device)
    how: dict[str, Any] = {"pooling": settings.pooling, "device": str(device), "cache": settings.cache}
    parts = list(layer_outputs(base, train, layers, **how))
    return {name: np.concatenate([part[name] for part in parts]) for name in layers}


def _epochs(n_labels: int) -> int:
    return 12 if n_labels < 300 else 8 if n_labels < 3000 else 5


def _columns(train: Corpus, settings: Settings) -> tuple[ColumnEncoder | None, Any, dict[str, Any]]:
    """Return the encoder of the columns that are read, these columns as it has them, and what was counted in them."""
    if not settings.columns:
        return None, None, {}
    encoder = ColumnEncoder.fit(train.columns, settings.columns, types=settings.column_types)
    table, counts = encoder.impose(train.columns)
    return encoder, table, {"columns": counts}


def _head_class(name: str, *, columns: bool) -> type[Head]:
    """Return what `name` stands for; ``"auto"`` is CatBoost beside columns, if it is there, and linear else."""
    if name not in HEADS:
        raise unknown_name("head", name, HEADS)
    if name == "linear" or (name == "auto" and not columns):
        return LinearHead
    if name == "auto":
        try:
            import catboost
        except ImportError:
            return LinearHead
    else:
        try:
            import catboost  # noqa: F401
        except ImportError as error:
            raise MissingDependencyError("catboost", "catboost", "head='catboost'") from error
    return CatBoostHead


def _cut(base: Predictor, layers: tuple[str, ...]) -> tuple[Network, NetSpec]:
    """Return a copy of the base's network that ends at the last layer needed, where it can be cut."""
    scorer = base.scorer
    spec = scorer.spec or NetSpec(None, 0)
    net = copy.deepcopy(base.net)
    last = max(layers, key=net.stages.index)
    if spec.name is None or spec.until is not None:
        return net, spec
    shorter = net.until(last)
    if not set(layers) <= set(shorter.stages):
        return net, spec
    if isinstance(shorter, MXNetGraph):  # a shorter graph is a graph of its own
        return shorter, replace(spec, options=shorter.config())
    return shorter, replace(spec, until=last)


def _finish_head(
    predictor: Predictor, train: Corpus, valid: Corpus | None, settings: Settings, counts: dict[str, Any]
) -> FitResult:
    facts: Provenance = {"n_train": len(train), "train_counts": counts}
    if valid is not None and valid.labels is not None:
        scores = predictor.score(valid, device=settings.device)
        if settings.calibrate:
            predictor = replace(predictor, calibration=fit_calibration(scores.logits, valid.labels, valid.weights))
        probabilities = predictor.probabilities(scores.logits)
        facts["n_valid"], facts["valid"] = len(valid), held_out_metrics(valid.labels, probabilities)
    return FitResult(predictor.with_facts(**facts), refit=True)
