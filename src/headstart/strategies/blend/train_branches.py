"""How the recurrent part of a `blend` is trained, once or twice, and its parts are weighed."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

from torch import nn

from headstart.batches import Examples
from headstart.inference import on_device
from headstart.layers import StageGraph
from headstart.strategies.blend.distillation import (
    DISTILLED_WEIGHTS,
    enough,
    pseudo_label,
    some_rows,
    with_pseudo_labels,
    with_words,
)
from headstart.strategies.blend.fit_branches import share_unknown, weigh_branches, without_rare
from headstart.strategies.epochs import Material, aims
from headstart.strategies.recipes import Recipe, least_count, trainer_of
from headstart.strategies.settings import Settings
from headstart.train import Trainer


def texts_to_label(material: Material) -> Examples | None:
    """Return the texts that are to get pseudo-labels, or None: these are for one logit.

    Without validation rows nobody could tell how sure the pseudo-labels may be, and a loss of one's own may want labels.
    """
    settings, texts = material.settings, material.texts
    own_loss = settings.trainer_options.get("loss", "binary") != "binary"
    if texts is None or material.valid is None or own_loss or material.task.n_outputs > 1:
        return None
    texts = with_words(texts)
    return some_rows(texts, settings.random_state) if enough(texts, material.examples) else None


def train_branch(net: StageGraph, moving: nn.Module, material: Material, texts: Examples | None) -> tuple[Trainer, int]:
    """Train the recurrent part of a `blend` and weigh the parts; where there are `texts` for pseudo-labels, twice.

    The second time that part begins anew and learns from the whole's pseudo-labels of these texts, too.

    Returns:
        The trainer of what the network now holds, and how many pseudo-labels that has learnt from.
    """
    examples, valid, recipe, settings = material.examples, material.valid, material.recipe, material.settings
    options = aims(material.task, settings)
    held = examples if valid is None else valid
    start = None if texts is None else copy.deepcopy(moving.state_dict())
    trainer = trainer_of(moving, len(examples), recipe, settings, **options)
    _fit_recurrent(net, trainer, examples, valid, recipe)
    weigh_branches(net, held, device=trainer.device)
    if texts is None or start is None or trainer.stop:
        return trainer, 0
    for event in settings.events:
        event("guessed", trainer, {"n_rows": len(texts), "anew": True})
    pseudo_labels = pseudo_label(net, held, texts, device=trainer.device)
    smoothing = {**recipe.trainer, **settings.trainer_options}.get("label_smoothing", 0.0)
    rows = with_pseudo_labels(examples, texts, pseudo_labels, smoothing)
    taught = copy.deepcopy(moving.state_dict())
    moving.load_state_dict(start)
    again = trainer_of(moving, len(rows), recipe, _second(settings), **{**options, "label_smoothing": 0.0})
    _fit_recurrent(net, again, rows, valid, recipe)
    if again.best_epoch == 0:  # stopped before anything was learnt
        moving.load_state_dict(taught)
        weigh_branches(net, held, device=trainer.device)
        return trainer, 0
    weigh_branches(net, held, DISTILLED_WEIGHTS, device=again.device)
    return again, len(texts)


def _second(settings: Settings) -> Settings:
    """Return the settings of a second training, which smooths no label and writes its files next to the first's."""
    options = {name: value for name, value in settings.trainer_options.items() if name != "label_smoothing"}
    options |= {
        name: Path(options[name]) / "pseudo_labels" for name in ("checkpoint", "save_epochs") if options.get(name)
    }
    return replace(settings, trainer_options=options, checkpoint=settings.second_training()["checkpoint"])


def _fit_recurrent(
    net: StageGraph, trainer: Trainer, examples: Examples, valid: Examples | None, recipe: Recipe
) -> None:
    """Train a `blend`'s recurrent part, to which words that are rare among the examples are the unknown word."""
    counts = examples.ids.counts(len(net.get_parameter("embedding.weight")))
    known = counts >= least_count(recipe.least_deep, len(examples))
    trainer.fit(without_rare(examples, known), valid and without_rare(valid, known))
    share_unknown(net, known)
    on_device(net, trainer.device)  # it has moved what it trains, and the n-grams go where that is
