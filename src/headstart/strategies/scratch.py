"""A network from random weights: how a base begins, and what a transfer is measured against."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
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
from headstart.layers import StageGraph
from headstart.nets import build
from headstart.predictor import NetSpec, NetworkScorer, Predictor
from headstart.strategies.blending import fit_parts, list_sizes, share_unknown, weigh_parts, without_rare
from headstart.strategies.calibration import fit_calibration, held_out_metrics
from headstart.strategies.guesses import (
    GUESSED_WEIGHTS,
    enough,
    guess,
    some_rows,
    together,
    with_words,
)
from headstart.strategies.settings import Learnt, Settings
from headstart.text import Encoded, RaggedIds, encode, fit_steps, text_steps
from headstart.train import Phase, Trainer
from headstart.vectors import neighbour_vectors

__all__ = [
    "RECIPES",
    "Recipe",
    "carried",
    "examples_of",
    "finish",
    "labels_of",
    "law_counts",
    "needed",
    "train_network",
]


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
    trainer: Mapping[str, Any] = field(default_factory=dict)


_FEW_ROWS = 4000
"""With fewer texts than this, words that are rare in them are too many to do without."""

_MORE_EPOCHS = ((10_000, 1), (3000, 2), (500, 3), (0, 6))
"""From so many texts on, so many times the recipe's epochs, which suit tens of thousands (docs/log.md)."""
_SMALLER_BATCHES = ((3000, 64), (1000, 32), (0, 16))
"""From so many texts on, at most so many of them make a batch."""

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
}


_WORDS_ALONE = (
    "from the texts without labels words were learnt, and no label was guessed: that is for the network blend, a thousand "
    "texts and a quarter of the labelled rows or more, and validation rows"
)


def train_network(train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings) -> Learnt:
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
        steps=steps,
        max_tokens=limit,
        clip=settings.clip,
        info={"source": source_facts(encoded)},
    )
    examples = replace(examples_of(predictor, train, encoded), labels=labels)
    law = law_counts(encoded, limit)
    del encoded  # half of all that is held by now, where texts were cut
    valid_examples = None if valid is None else examples_of(predictor, valid)
    more = None if settings.unlabelled is None else encode(steps, settings.unlabelled.texts).ids
    moving = _prepare(net, name, examples, more, steps, recipe, settings)
    if moving is net or not isinstance(net, StageGraph):
        trainer = _trainer(moving, len(examples), recipe, settings)
        trainer.fit(examples, valid_examples)
    else:
        texts = None if more is None else Examples(clip_ids(more, limit, settings.clip)[0])
        del more
        texts = _to_guess(texts, examples, valid_examples, settings)
        trainer, predictor.info["n_guessed"] = _train_parts(
            net, moving, examples, texts, valid_examples, recipe, settings
        )
        predictor.scorer = NetworkScorer(net, NetSpec(name, steps[-1].n_ids, {**options, **list_sizes(net)}))
    learnt = finish(predictor, trainer, train, valid_examples, law, settings)
    words_alone = settings.unlabelled is not None and not predictor.info.get("n_guessed")
    return replace(learnt, notes=(_WORDS_ALONE,)) if words_alone else learnt


def _trainer(moving: nn.Module, n_rows: int, recipe: Recipe, settings: Settings, **options: Any) -> Trainer:
    return settings.trainer(
        moving,
        phases=_phases(recipe, settings, n_rows),
        learning_rate=recipe.learning_rate if settings.learning_rate is None else settings.learning_rate,
        batch_size=settings.batch_size or _batch_size(recipe, n_rows),
        **{**recipe.trainer, **options},
    )


def _to_guess(
    texts: Examples | None, examples: Examples, valid: Examples | None, settings: Settings
) -> Examples | None:
    """Return the texts whose labels are to be guessed, or None.

    Without validation rows nobody could tell how sure the guesses may be, and a loss of one's own may want labels.
    """
    if texts is None or valid is None or settings.trainer_options.get("loss", "binary") != "binary":
        return None
    texts = with_words(texts)
    return some_rows(texts, settings.random_state) if enough(texts, examples) else None


def _train_parts(
    net: StageGraph,
    moving: nn.Module,
    examples: Examples,
    texts: Examples | None,
    valid: Examples | None,
    recipe: Recipe,
    settings: Settings,
) -> tuple[Trainer, int]:
    """Train the recurrent part of a `blend` and weigh the parts; where there are `texts` to guess labels of, twice.

    The second time that part begins anew and learns from what the whole guesses of these texts, too.

    Returns:
        The trainer of what the network now holds, and how many guesses that has learnt from.
    """
    held = examples if valid is None else valid
    start = None if texts is None else copy.deepcopy(moving.state_dict())
    trainer = _trainer(moving, len(examples), recipe, settings)
    _fit_recurrent(net, trainer, examples, valid, recipe)
    weigh_parts(net, held, device=trainer.device)
    if texts is None or start is None or trainer.stop:
        return trainer, 0
    for event in settings.events:
        event("guessed", trainer, {"n_rows": len(texts)})
    guesses = guess(net, held, texts, device=trainer.device)
    options = {**recipe.trainer, **settings.trainer_options}
    rows = together(examples, texts, guesses, options.get("label_smoothing", 0.0))
    taught = copy.deepcopy(moving.state_dict())
    moving.load_state_dict(start)
    again = _trainer(moving, len(rows), recipe, _beside(settings), label_smoothing=0.0)
    _fit_recurrent(net, again, rows, valid, recipe)
    if again.best_epoch == 0:  # stopped before anything was learnt
        moving.load_state_dict(taught)
        weigh_parts(net, held, device=trainer.device)
        return trainer, 0
    weigh_parts(net, held, GUESSED_WEIGHTS, device=again.device)
    return again, len(texts)


def _beside(settings: Settings) -> Settings:
    """Return the settings of a second training, which smooths no label and writes its files beside the first's."""
    options = {name: value for name, value in settings.trainer_options.items() if name != "label_smoothing"}
    options |= {name: Path(options[name]) / "guesses" for name in ("checkpoint", "save_epochs") if options.get(name)}
    return replace(settings, trainer_options=options, checkpoint=settings.guessing["checkpoint"])


def _fit_recurrent(
    net: StageGraph, trainer: Trainer, examples: Examples, valid: Examples | None, recipe: Recipe
) -> None:
    """Train a `blend`'s recurrent part, to which words that are rare among the examples are the unknown word."""
    counts = np.bincount(examples.ids.values, minlength=len(net.get_parameter("embedding.weight")))
    known = counts >= _least_count(recipe.least_deep, len(examples))
    trainer.fit(without_rare(examples, known), valid and without_rare(valid, known))
    share_unknown(net, known)
    on_device(net, trainer.device)  # it has moved what it trains, and the n-grams go where that is


def _min_count(recipe: Recipe, settings: Settings, n_rows: int) -> int:
    if settings.min_count is not None:
        return settings.min_count
    return _least_count(recipe.min_count, n_rows)


def _all_texts(train: Corpus, settings: Settings) -> Any:
    if settings.unlabelled is None:
        return train.texts
    return pa.concat_arrays([pa.array(texts, pa.string()) for texts in (train.texts, settings.unlabelled.texts)])


def _least_count(count: int, n_rows: int) -> int:
    return min(count, 2) if n_rows < _FEW_ROWS else count


def _phases(recipe: Recipe, settings: Settings, n_rows: int) -> tuple[Phase, ...]:
    if settings.phases:
        return tuple(settings.phases)
    times = _by_rows(_MORE_EPOCHS, n_rows) if recipe.follows_rows else 1
    return (Phase(recipe.epochs * times if settings.epochs is None else settings.epochs, rates=recipe.rates),)


def _batch_size(recipe: Recipe, n_rows: int) -> int:
    return min(recipe.batch_size, _by_rows(_SMALLER_BATCHES, n_rows)) if recipe.follows_rows else recipe.batch_size


def _by_rows(table: Sequence[tuple[int, int]], n_rows: int) -> int:
    """Return what a table says for so many rows."""
    return next(value for least, value in table if n_rows >= least)


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
    weight = getattr(getattr(net, "embedding", None), "weight", None)
    if not isinstance(weight, nn.Parameter) or weight.dim() != 2:
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
) -> Learnt:
    """Calibrate a trained network on the validation rows and write down how it came to be."""
    facts: dict[str, Any] = {
        "n_unlabelled": 0 if settings.unlabelled is None else len(settings.unlabelled),
        "n_train": len(train),
        "train_counts": counts,
        "best_epoch": trainer.best_epoch,
    }
    if valid is not None and valid.labels is not None:
        net = on_device(predictor.net, trainer.device)
        logits = network_logits(net, valid, device=trainer.device)[:, 0].astype(np.float64)
        if settings.calibrate:
            predictor.calibration = fit_calibration(logits, valid.labels)
        facts |= {"n_valid": len(valid), "valid": held_out_metrics(valid.labels, predictor.probabilities(logits))}
    predictor.net.to("cpu").eval()
    predictor.info |= {**facts, "history": [without_seconds(row) for row in trainer.history]}
    predictor.run |= {"history": trainer.history}
    return Learnt(predictor, trainer.history)


def examples_of(predictor: Predictor, corpus: Corpus, encoded: Encoded | None = None) -> Examples:
    """Return a corpus as the network sees it, labels included."""
    found = encode(predictor.steps, corpus.texts) if encoded is None else encoded
    ids, _ = clip_ids(found.ids, predictor.max_tokens, predictor.clip)
    return Examples(ids, None if corpus.labels is None else corpus.labels.astype(np.float32))


def law_counts(encoded: Encoded, limit: int | None) -> dict[str, Any]:
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


def carried(base: Predictor) -> dict[str, Any]:
    """Return what a carried model keeps of its base's facts."""
    kept = {name: base.info[name] for name in _CARRIED if name in base.info}
    return {"base": kept, "source": base.info.get("source", {})}


def source_facts(encoded: Encoded) -> dict[str, Any]:
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
    _two(corpus.label_names)
    require_two_classes(corpus.labels, corpus.label_names)
    return corpus.labels.astype(np.float32)


def _two(names: tuple[str, ...]) -> tuple[str, str]:
    if len(names) != 2:
        raise DataError(
            f"the labels are {', '.join(names) or 'none'}: {len(names)} values, and this version tells two apart; "
            "map them to two with --label-map A=x,B=y (label_map=), or keep two with --where."
        )
    return names[0], names[1]


def _architecture(base: Predictor | None, settings: Settings) -> tuple[str | None, dict[str, Any], Recipe]:
    if not isinstance(settings.net, str):
        return None, {}, Recipe()
    scorer = None if base is None else base.scorer
    spec = getattr(scorer, "spec", None)
    if isinstance(spec, NetSpec) and spec.name in RECIPES:
        # What transfers added to the base is learnt, and no part of its architecture.
        options = {option: value for option, value in spec.options.items() if option != "n_target_ngrams"}
        return spec.name, {**options, **settings.net_options}, RECIPES[spec.name]
    return settings.net, dict(settings.net_options), RECIPES.get(settings.net, Recipe())


def _fresh_net(settings: Settings, name: str | None, n_words: int, options: Mapping[str, Any]) -> nn.Module:
    if isinstance(settings.net, nn.Module):
        return copy.deepcopy(settings.net)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.random_state)
        if not isinstance(settings.net, str) and name is None:
            return settings.net(n_words)
        return build(str(name), n_words, options)
