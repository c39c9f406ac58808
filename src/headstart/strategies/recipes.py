"""How each network is trained from random weights, and what the number of rows changes about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from headstart.plain import Facts
from headstart.strategies.settings import Settings
from headstart.train import Phase, Trainer


@dataclass(frozen=True)
class Recipe:
    """Defaults that suit a network.

    Attributes:
        tokens: definition of a token; a name that `headstart.text.text_steps` knows.
        min_count: a word rarer than this in the training texts gets no id.
        max_tokens: where longer texts are cut: a number, or a percentile of the training lengths.
        word_vectors: whether the embedding starts from the words' neighbours.
        vector_length: mean length of those vectors.
        least_deep: of `blend`: a word rarer than this is unknown to the recurrent part, which would learn titles
            and names by heart from it; the n-grams know it.
        rates: factors on the learning rate by pattern.
        epochs: passes over the training rows, where they are many.
        learning_rate: top rate.
        batch_size: rows a step, where they are many.
        follows_rows: whether few rows get more epochs and smaller batches, for steps enough.
        least_steps: of few rows so many epochs that there are this many steps at least.
        trainer: more options of `headstart.train.Trainer`.
    """

    tokens: str = "words"
    min_count: int = 2
    max_tokens: int | str | None = "95%"
    word_vectors: bool = True
    vector_length: float = 1.0
    least_deep: int = 1
    rates: Mapping[str, float] = field(default_factory=dict)
    epochs: int = 4
    learning_rate: float = 3e-3
    batch_size: int = 64
    follows_rows: bool = True
    least_steps: int = 0
    trainer: Facts = field(default_factory=dict)


_FEW_ROWS = 4000
"""With fewer texts than this, words that are rare in them are too many to do without."""

_MORE_EPOCHS = ((10_000, 1), (3000, 2), (500, 3), (0, 6))
"""From so many texts on, so many times the recipe's epochs, which suit tens of thousands (docs/log.md)."""
_SMALLER_BATCHES = ((3000, 64), (1000, 32), (0, 16))
"""From so many texts on, at most so many of them make a batch."""

_DECAYING = {"optimizer": "adamw", "weight_decay": 1e-2}

RECIPES: dict[str, Recipe] = {
    "blend": Recipe(
        max_tokens="99%",
        epochs=3,
        learning_rate=2e-3,
        vector_length=2.0,
        least_deep=4,
        trainer={"label_smoothing": 0.1},
    ),
    "fast": Recipe(epochs=3, learning_rate=2e-3, vector_length=2.0, rates={"embedding": 2.0}),
    "gru": Recipe(min_count=4, learning_rate=2e-3, vector_length=1.6, trainer={"label_smoothing": 0.1}),
    # The tutorial's own: five length buckets, Adam at .01 with a tenth of it for the last of six epochs.
    "tutorial": Recipe(
        tokens="tutorial",
        min_count=1,
        max_tokens="90%",
        word_vectors=False,
        follows_rows=False,
        epochs=6,
        learning_rate=1e-2,
        trainer={"schedule": "step", "weight_decay": 3e-6, "n_buckets": 5, "clip_norm": None},
    ),
    "inception": Recipe(epochs=5, least_steps=200, trainer=_DECAYING),
    "mlp": Recipe(epochs=5, learning_rate=2e-3, batch_size=128, least_steps=300, trainer=_DECAYING),
    "resnet": Recipe(epochs=3, least_steps=200, trainer=_DECAYING),
}


def trainer_of(moving: nn.Module, n_rows: int, recipe: Recipe, settings: Settings, **options: Any) -> Trainer:
    """Return the trainer of a network on so many rows: the recipe's, unless the settings say otherwise."""
    return settings.trainer(
        moving,
        phases=phases_of(recipe, settings, n_rows),
        learning_rate=recipe.learning_rate if settings.learning_rate is None else settings.learning_rate,
        batch_size=settings.batch_size or batch_size_of(recipe, n_rows),
        **{**recipe.trainer, **options},
    )


def least_count(count: int, n_rows: int) -> int:
    """Return from which count on a word is kept: of few rows most words are rare."""
    return min(count, 2) if n_rows < _FEW_ROWS else count


def phases_of(recipe: Recipe, settings: Settings, n_rows: int) -> tuple[Phase, ...]:
    """Return the phases that were asked for, or the recipe's for so many rows."""
    if settings.phases:
        return tuple(settings.phases)
    times = _by_rows(_MORE_EPOCHS, n_rows) if recipe.follows_rows else 1
    enough = epochs_for(recipe.least_steps, n_rows, settings.batch_size or batch_size_of(recipe, n_rows))
    epochs = max(recipe.epochs * times, enough) if settings.epochs is None else settings.epochs
    return (Phase(epochs, rates=recipe.rates),)


def epochs_for(n_steps: int, n_rows: int, batch_size: int) -> int:
    """Return how many epochs make so many steps."""
    return -(-n_steps // max(1, -(-n_rows // batch_size)))


def batch_size_of(recipe: Recipe, n_rows: int) -> int:
    """Return the recipe's size of a batch for so many rows."""
    return min(recipe.batch_size, _by_rows(_SMALLER_BATCHES, n_rows)) if recipe.follows_rows else recipe.batch_size


def _by_rows(table: Sequence[tuple[int, int]], n_rows: int) -> int:
    """Return what a table says for so many rows."""
    return next(value for least, value in table if n_rows >= least)
