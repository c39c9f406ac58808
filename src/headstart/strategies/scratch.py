"""A network from random weights: how a base begins, and what a transfer is measured against."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from torch import nn

from headstart.batches import Examples, clip_ids, token_limit
from headstart.corpus import Corpus, require_two_classes
from headstart.errors import DataError, OptionError
from headstart.inference import network_logits, on_device
from headstart.layers import Network, StageGraph, adapt
from headstart.nets import build
from headstart.predictor import NetSpec, NetworkScorer, Predictor, Provenance, SourceFacts, kept, reads
from headstart.strategies.blend.fit_branches import fit_parts, list_sizes
from headstart.strategies.blend.train_branches import to_guess, train_parts
from headstart.strategies.calibration import fit_calibration, held_out_metrics
from headstart.strategies.recipes import RECIPES, Recipe, least_count, trainer_of
from headstart.strategies.settings import FitResult, Settings
from headstart.text import Encoded, RaggedIds, encode, fit_steps, text_steps
from headstart.train import Trainer
from headstart.vectors import neighbour_vectors

__all__ = [
    "carried",
    "examples_of",
    "finish",
    "labels_of",
    "needed",
    "text_counts",
    "train_network",
]


_WORDS_ALONE = (
    "from the texts without labels words were learnt, and no label was guessed: that is for the network blend, a thousand "
    "texts and a quarter of the labelled rows or more, and validation rows"
)


def train_network(train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings) -> FitResult:
    """Train a network from random weights on `train`; of a `base`, only the architecture is taken."""
    labels = labels_of(train)
    name, options, recipe = _architecture(base, settings)
    steps = text_steps(
        settings.tokens or recipe.tokens,
        min_count=_min_count(recipe, settings, len(train)),
        max_size=settings.max_words,
    )
    fit_steps(steps, _all_texts(train, settings))
    encoded = encode(steps, train.texts)
    longest = recipe.max_tokens if settings.max_tokens == "auto" else settings.max_tokens
    limit = token_limit(encoded.ids.lengths, longest)
    net = _fresh_net(settings, name, steps[-1].n_ids, options)
    predictor = Predictor(
        scorer=NetworkScorer(net, NetSpec(name, steps[-1].n_ids, options)),
        label_names=_two(train.label_names),
        inputs=reads(steps=steps, max_tokens=limit, clip=settings.clip),
        info={"source": source_facts(encoded)},
    )
    examples = replace(examples_of(predictor, train, encoded), labels=labels)
    law = text_counts(encoded, limit)
    del encoded  # half of all that is held by now, where texts were cut
    valid_examples = None if valid is None else examples_of(predictor, valid)
    more = None if settings.unlabelled is None else encode(steps, settings.unlabelled.texts).ids
    moving = _prepare(net, name, examples, more, steps, recipe, settings)
    if moving is net or not isinstance(net, StageGraph):
        trainer = trainer_of(moving, len(examples), recipe, settings)
        trainer.fit(examples, valid_examples)
    else:
        texts = None if more is None else Examples(clip_ids(more, limit, settings.clip)[0])
        del more
        texts = to_guess(texts, examples, valid_examples, settings)
        trainer, n_guessed = train_parts(net, moving, examples, texts, valid_examples, recipe, settings)
        scorer = NetworkScorer(net, NetSpec(name, steps[-1].n_ids, {**options, **list_sizes(net)}))
        predictor = replace(predictor.with_facts(n_guessed=n_guessed), scorer=scorer)
    learnt = finish(predictor, trainer, train, valid_examples, law, settings)
    words_alone = settings.unlabelled is not None and not predictor.info.get("n_guessed")
    return replace(learnt, notes=(_WORDS_ALONE,)) if words_alone else learnt


def _min_count(recipe: Recipe, settings: Settings, n_rows: int) -> int:
    if settings.min_count is not None:
        return settings.min_count
    return least_count(recipe.min_count, n_rows)


def _all_texts(train: Corpus, settings: Settings) -> Any:
    if settings.unlabelled is None:
        return train.texts
    return pa.concat_arrays([pa.array(texts, pa.string()) for texts in (train.texts, settings.unlabelled.texts)])


def _prepare(
    net: nn.Module,
    name: str | None,
    examples: Examples,
    more: RaggedIds | None,
    steps: Pipeline,
    recipe: Recipe,
    settings: Settings,
) -> nn.Module:
    """Set what is learnt in closed form, and return the part of the network that training moves.

    Words are learnt from the examples, and from `more` texts, without labels.
    """
    vectors = None
    if recipe.word_vectors if settings.word_vectors is None else settings.word_vectors:
        read = examples.ids if more is None else RaggedIds.concatenate([examples.ids, more])
        vectors = start_from_neighbours(net, read, recipe.vector_length, settings.random_state)
    if name != "blend" or not isinstance(net, StageGraph):
        return net
    fit_parts(net, examples, vectors, steps[-1].counts_)
    return net.until("deep")


def start_from_neighbours(
    net: nn.Module, ids: RaggedIds, length: float, random_state: int
) -> NDArray[np.float32] | None:
    """Start the network's embedding from `neighbour_vectors` of the training texts, and return these.

    Args:
        net: changed in place; a network without an embedding is left alone.
        ids: the training texts.
        length: mean length of a vector.
        random_state: seed of the vectors.
    """
    weight = dict(net.named_parameters()).get("embedding.weight")
    if weight is None or weight.dim() != 2:
        return None
    vectors = neighbour_vectors(ids, weight.shape[0], weight.shape[1], random_state=random_state)
    met = np.abs(vectors).sum(1) > 0
    with torch.no_grad():
        weight[torch.from_numpy(met)] = torch.from_numpy(vectors[met] * np.float32(length))
    return vectors


def finish(
    predictor: Predictor,
    trainer: Trainer,
    train: Corpus,
    valid: Examples | None,
    counts: dict[str, Any],
    settings: Settings,
) -> FitResult:
    """Calibrate a trained network on the validation rows and write down how it came to be."""
    facts: Provenance = {
        "n_unlabelled": 0 if settings.unlabelled is None else len(settings.unlabelled),
        "n_train": len(train),
        "train_counts": counts,
        "best_epoch": trainer.best_epoch,
        "history": [without_seconds(row) for row in trainer.history],
    }
    if valid is not None and valid.labels is not None:
        net = on_device(predictor.net, trainer.device)
        logits = network_logits(net, valid, device=trainer.device)[:, 0].astype(np.float64)
        if settings.calibrate:
            predictor = replace(predictor, calibration=fit_calibration(logits, valid.labels, valid.weights))
        facts["n_valid"] = len(valid)
        facts["valid"] = held_out_metrics(valid.labels, predictor.probabilities(logits))
    predictor.net.to("cpu").eval()
    predictor = predictor.with_facts(**facts)
    run = {**predictor.run, "history": trainer.history, "training": _training(trainer)}
    return FitResult(replace(predictor, run=run), trainer.history)


def _training(trainer: Trainer) -> dict[str, Any]:
    """Return with what the epochs were run: what was asked for may have been left to a recipe."""
    rates = [trainer.learning_rate if phase.learning_rate is None else phase.learning_rate for phase in trainer.phases]
    return {
        "batch size": trainer.batch_size,
        "epochs": [phase.epochs for phase in trainer.phases],
        "learning rates": rates,
        "weight decay": trainer.weight_decay,
        "best epoch": trainer.best_epoch,
    }


def examples_of(predictor: Predictor, corpus: Corpus, encoded: Encoded | None = None) -> Examples:
    """Return a corpus as the network sees it, labels included."""
    found = predictor.inputs["text"].encode(corpus.texts, encoded).examples
    labels, weights = (None if part is None else part.astype(np.float32) for part in (corpus.labels, corpus.weights))
    return replace(found, labels=labels, weights=weights)


def text_counts(encoded: Encoded, limit: int | None) -> dict[str, Any]:
    """Return what must not stay silent about the training texts."""
    n_truncated = 0 if limit is None else int((encoded.ids.lengths > limit).sum())
    return {
        "n_null": encoded.n_null,
        "n_truncated": n_truncated,
        "n_tokens": encoded.n_tokens,
        "n_unknown_tokens": encoded.n_unknown,
        "unknown_token_rate": encoded.n_unknown / max(encoded.n_tokens, 1),
    }


def needed(base: Predictor | None) -> Predictor:
    """Return the base of a strategy that carries one over.

    Raises:
        OptionError: none came.
    """
    if base is None:
        raise OptionError("this strategy carries a base over, and none came; pass base= (a trained model or its path).")
    return base


_CARRIED = (
    "n_train", "train_counts", "valid", "source", "n_unlabelled", "n_guessed", "n_words_of_unlabelled", "n_self_trained",
)  # fmt: skip


def carried(base: Predictor) -> Provenance:
    """Return what a carried model keeps of its base's facts."""
    return {"base": kept(base.info, _CARRIED), **kept(base.info, ("source",))}


def source_facts(encoded: Encoded) -> SourceFacts:
    """Return what is kept of the training texts, to tell later how far another set is from them."""
    lengths = encoded.ids.lengths
    shares = [1, 5, 25, 50, 75, 95, 99]
    return {
        "n_texts": len(lengths),
        "length_percentiles": {str(s): float(np.percentile(lengths, s)) if len(lengths) else 0.0 for s in shares},
        "unknown_token_rate": encoded.n_unknown / max(encoded.n_tokens, 1),
    }


def without_seconds(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a history row without what differs from run to run."""
    return {name: value for name, value in row.items() if name != "seconds"}


def labels_of(corpus: Corpus) -> NDArray[np.float32]:
    """Return the class codes of two classes that both occur, float32 [rows].

    Raises:
        DataError: if there are no labels, or not two classes.
    """
    if corpus.labels is None:
        raise DataError("learning needs labels, and none came; name the label column (--label, or y).")
    require_two_classes(corpus.labels, corpus.label_names, corpus.source)
    _two(corpus.label_names)
    return corpus.labels.astype(np.float32)


def _two(names: tuple[str, ...]) -> tuple[str, str]:
    if len(names) > 2:
        raise DataError(
            f"Only binary classification is supported. The labels are {', '.join(names)}: {len(names)} values; "
            "map them to two with --label-map A=x,B=y (label_map=), or keep two with --where."
        )
    return names[0], names[1]


def _architecture(base: Predictor | None, settings: Settings) -> tuple[str | None, dict[str, Any], Recipe]:
    if not isinstance(settings.net, str):
        return None, {}, Recipe()
    spec = None if base is None else base.scorer.spec
    if spec is not None and spec.name in RECIPES:
        # What transfers added to the base is learnt, and no part of its architecture.
        options = {option: value for option, value in spec.options.items() if option != "n_target_ngrams"}
        return spec.name, {**options, **settings.net_options}, RECIPES[spec.name]
    return settings.net, dict(settings.net_options), RECIPES.get(settings.net, Recipe())


def _fresh_net(settings: Settings, name: str | None, n_words: int, options: Mapping[str, Any]) -> Network:
    if isinstance(settings.net, nn.Module):
        return adapt(copy.deepcopy(settings.net))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.random_state)
        if not isinstance(settings.net, str) and name is None:
            return adapt(settings.net(n_words))
        return build(str(name), n_words, options)
