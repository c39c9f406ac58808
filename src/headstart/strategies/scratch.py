"""A network from random weights: how a base begins, and what a transfer is measured against."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.batches import Examples, clip_ids, token_limit
from headstart.corpus import Corpus
from headstart.errors import OptionError
from headstart.inputs import ColumnInput, Inputs, net_options_of
from headstart.layers import Network, adapt
from headstart.nets import NETS, build, net_options, spec_of
from headstart.plain import Facts, Json
from headstart.predictor import NetworkScorer, Predictor, reads, without
from headstart.strategies import blend
from headstart.strategies.encoder_branch import add_encoder, check_encoder
from headstart.strategies.epochs import Learner, Material, finish_network, train_in_epochs
from headstart.strategies.inputs import examples_of, require_goals, source_facts, task_of, text_counts
from headstart.strategies.other_rows import fit_other_rows
from headstart.strategies.recipes import RECIPES, Recipe, least_count
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows
from headstart.text import RaggedIds, encode, fit_steps, text_steps
from headstart.vectors import cooccurrence_vectors

_OF_A_TRANSFER = ("n_target_ngrams", "new_heads", "n_outputs", "vector_size", "n_numbers", "n_categories")
"""Options of a network that say what a transfer added to it, or what its base answered."""

LEARNERS: dict[str, Learner] = {"blend": blend.fit}
"""How networks learn that do not simply train in epochs."""

_WORDS_ALONE = (
    "from the texts without labels words were learnt, and no label was guessed: that is for the network blend, a thousand "
    "texts and a quarter of the labelled rows or more, and validation rows"
)


def fit_scratch(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Train a network from random weights on `train`; of a `base`, only the architecture is taken."""
    if train.input != "text":
        return fit_other_rows(train, valid, base, settings)
    task = task_of(train)
    goals = require_goals(train, task) if settings.teacher is None else settings.teacher.goals(train, task)
    name, options, recipe = _architecture(base, settings)
    if settings.encoder is not None:
        check_encoder(name, settings.encoder)
    if task.n_outputs > 1:
        options["n_outputs"] = task.n_outputs
    columns = _columns(train, name, settings)
    options |= net_options_of(columns)
    steps = text_steps(
        settings.tokens or recipe.tokens,
        min_count=_min_count(recipe, settings, len(train)),
        max_size=settings.max_words,
    )
    fit_steps(steps, _all_texts(train, settings))
    encoded = encode(steps, train.texts)
    longest = recipe.max_tokens if settings.max_tokens == "auto" else settings.max_tokens
    limit, n_words = token_limit(encoded.ids.lengths, longest), steps[-1].n_ids
    net = _fresh_net(settings, name, n_words, options)
    predictor = Predictor(
        scorer=NetworkScorer(net, spec_of(name, n_words, options)),
        task=task,
        inputs={**reads(steps=steps, max_tokens=limit, clip=settings.clip), **columns},
        info={"source": source_facts(encoded)},
    )
    examples = examples_of(predictor, train, None if columns else encoded)
    counts = text_counts(encoded, limit)
    del encoded  # half of all that is held by now, where texts were cut
    valid_examples = None if valid is None else examples_of(predictor, valid)
    if settings.teacher is not None:
        examples = replace(examples, labels=goals)
        if valid is not None and valid_examples is not None:
            valid_examples = replace(valid_examples, labels=settings.teacher.goals(valid, task))
    texts, vectors = None, None
    more = None if settings.unlabelled is None else encode(steps, settings.unlabelled.texts).ids
    if recipe.word_vectors if settings.word_vectors is None else settings.word_vectors:
        read = examples.ids if more is None else RaggedIds.concatenate([examples.ids, more])
        vectors = start_from_neighbours(net, read, recipe.vector_length, settings.random_state)
    if more is not None:
        texts = Examples(clip_ids(more, limit, settings.clip)[0])
        del more
    learner = LEARNERS.get(name or "", train_in_epochs)
    material = Material(examples, goals, valid_examples, texts, vectors, steps[-1].counts_, recipe, settings, task)
    trained = learner(net, material)
    predictor = replace(predictor, scorer=NetworkScorer(net, spec_of(name, n_words, {**options, **trained.options})))
    if trained.n_guessed is not None:
        predictor = predictor.with_facts(n_guessed=trained.n_guessed)
    held = None if valid is None or valid_examples is None else (valid, valid_examples)
    found = finish_network(predictor, trained.trainer, train, held, counts, settings)
    if settings.teacher is not None:  # what was measured is how often both say the same
        agreement = {"agreement": found.predictor.info.get("valid")}
        info = without(found.predictor.info, ("valid", "n_valid"))
        found = replace(found, predictor=replace(found.predictor, info=info), choices={**found.choices, **agreement})
    if settings.encoder is not None:
        found = add_encoder(found, settings.encoder, train, valid, settings)
    words_alone = settings.unlabelled is not None and not trained.n_guessed
    return replace(found, notes=(_WORDS_ALONE,)) if words_alone else found


def _columns(train: Corpus, name: str | None, settings: Settings) -> Inputs:
    """Return the tabular columns that a network reads next to the texts, where some are named.

    Raises:
        OptionError: it is a network of texts alone.
    """
    if not settings.columns:
        return {}
    able = [net for net in NETS if "n_numbers" in net_options(net)]
    if name not in able:
        raise OptionError(
            f"columns were named ({', '.join(settings.columns)}), and the network {name or 'of your own'!r} reads texts alone; take one "
            f"that reads both ({', '.join(able)}), the strategy 'features', whose head reads them, or name no columns."
        )
    return {"columns": ColumnInput.fit(train, settings.columns, settings.column_types)}


def _min_count(recipe: Recipe, settings: Settings, n_rows: int) -> int:
    if settings.min_count is not None:
        return settings.min_count
    return least_count(recipe.min_count, n_rows)


def _all_texts(train: Corpus, settings: Settings) -> Any:
    if settings.unlabelled is None:
        return train.texts
    return pa.chunked_array([train.texts, settings.unlabelled.texts], pa.large_string())


def start_from_neighbours(
    net: nn.Module, ids: RaggedIds, length: float, random_state: int
) -> NDArray[np.float32] | None:
    """Start the network's embedding from `cooccurrence_vectors` of the training texts, and return these.

    Args:
        net: changed in place; a network without an embedding is left alone.
        ids: the training texts.
        length: mean length of a vector.
        random_state: seed of the vectors.
    """
    weight = dict(net.named_parameters()).get("embedding.weight")
    if weight is None or weight.dim() != 2:
        return None
    vectors = cooccurrence_vectors(ids, weight.shape[0], weight.shape[1], random_state=random_state)
    met = np.abs(vectors).sum(1) > 0
    with torch.no_grad():
        weight[torch.from_numpy(met)] = torch.from_numpy(vectors[met] * np.float32(length))
    return vectors


def _architecture(base: Predictor | None, settings: Settings) -> tuple[str | None, Json, Recipe]:
    if not isinstance(settings.net, str):
        return None, {}, Recipe()
    spec = None if base is None or base.reads_kind != "text" else base.scorer.spec
    if spec is not None and spec.name in RECIPES:
        # What transfers added to the base is learnt, and no part of its architecture.
        options = {name: value for name, value in spec.options.items() if name not in _OF_A_TRANSFER}
        return spec.name, {**options, **settings.net_options}, RECIPES[spec.name]
    return settings.net, dict(settings.net_options), RECIPES.get(settings.net, Recipe())


def _fresh_net(settings: Settings, name: str | None, n_words: int, options: Facts) -> Network:
    if isinstance(settings.net, nn.Module):
        return adapt(copy.deepcopy(settings.net))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.random_state)
        if not isinstance(settings.net, str) and name is None:
            return adapt(settings.net(n_words))
        return build(str(name), n_words, options)
