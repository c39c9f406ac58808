"""A network from random weights over rows that are no texts: series, images, tabular rows, or a kind of the user's own."""

from __future__ import annotations

import copy

import torch
from torch import nn

from headstart.corpus import Corpus
from headstart.errors import OptionError, unknown_name
from headstart.inputs import encode_rows, fit_inputs, net_options_of
from headstart.layers import Network, adapt
from headstart.nets import NETS, build, nets_for, spec_of
from headstart.plain import Facts, Json
from headstart.predictor import NetworkScorer, Predictor
from headstart.strategies.epochs import aims, finish_network
from headstart.strategies.inputs import read_rows, require_goals, task_of, with_labels
from headstart.strategies.recipes import RECIPES, Recipe, trainer_of
from headstart.strategies.settings import FitResult, Settings

_UNKNOWN = Recipe(least_steps=200)
_OF_THE_ROWS = ("n_outputs", "channels", "n_numbers", "n_categories")
"""Options of a base's network that say what its rows were, and not how it is built."""


def fit_other_rows(train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings) -> FitResult:
    """Train a network on `train`; of a `base`, only the architecture is taken."""
    if settings.unlabelled is not None:
        raise OptionError(
            f"rows without labels came, and what is learnt from such are words; of {train.input} rows leave them out."
        )
    task = task_of(train)
    require_goals(train, task)
    name, own = _architecture(train.input, base, settings)
    inputs = fit_inputs(train, settings.columns, settings.column_types)
    options: Json = {**own, **net_options_of(inputs)}
    if task.n_outputs > 1:
        options["n_outputs"] = task.n_outputs
    net = _fresh(settings, name, options)
    spec = spec_of(name, 0, {} if name is None else options)
    predictor = Predictor(NetworkScorer(net, spec), task, inputs)
    examples, counts = read_rows(predictor, train)
    held = None if valid is None else (valid, with_labels(encode_rows(inputs, valid).examples, predictor, valid))
    recipe = RECIPES.get(name or "", _UNKNOWN)
    trainer = trainer_of(net, len(examples), recipe, settings, **aims(task, settings))
    trainer.fit(examples, None if held is None else held[1])
    predictor = Predictor(NetworkScorer(net, spec), task, inputs)
    return finish_network(predictor, trainer, train, held, counts, settings)


def _architecture(kind: str, base: Predictor | None, settings: Settings) -> tuple[str | None, Json]:
    """Return the network's name, None for one of the user's own, and the options that were asked for or are the base's."""
    if not isinstance(settings.net, str):
        return None, {}
    known, spec = nets_for(kind), None if base is None else base.scorer.spec
    if spec is not None and spec.name in known and settings.net in (spec.name, _default_of_texts()):
        options = {option: value for option, value in spec.options.items() if option not in _OF_THE_ROWS}
        return spec.name, {**options, **settings.net_options}
    if not known:
        raise OptionError(f"there is no network for rows of the kind {kind!r}; pass one of your own as net=.")
    name = next(iter(known)) if settings.net == _default_of_texts() else settings.net
    if name not in known:
        raise unknown_name(f"network for {kind} rows called", name, known)
    return name, dict(settings.net_options)


def _default_of_texts() -> str:
    """Return the network that is named where nobody names one."""
    return next(iter(NETS))


def _fresh(settings: Settings, name: str | None, options: Facts) -> Network:
    if isinstance(settings.net, nn.Module):
        return adapt(copy.deepcopy(settings.net))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.random_state)
        return build(name, 0, options) if name is not None else adapt(settings.net(0))  # type: ignore[operator]
