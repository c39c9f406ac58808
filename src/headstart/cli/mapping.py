"""What `map` draws: words of a model, or texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.cli import console, reading

if TYPE_CHECKING:
    from headstart.corpus import Corpus
    from headstart.report import MapFigure

__all__ = ["text_map", "word_map"]

_MOST_LABELS = 36  # looks of a dot that can be told apart, see `headstart.report.style`


def word_map(
    model: Path, words: str | None, top: int, *, layer: str, how: dict[str, Any]
) -> tuple[MapFigure, dict[str, Any]]:
    """Return a map of the named words, or of the `top` most telling ones, coloured by what each says alone."""
    from headstart.estimators import load
    from headstart.report import map_figure
    from headstart.words import important_words, word_vectors

    predictor = load(model).predictor_
    asked = important_words(predictor, top) if words is None else _word_list(words)
    found = word_vectors(predictor, asked, layer=layer)
    if found.unknown:
        console.warn(f"not in the model's vocabulary, and left out: {', '.join(found.unknown)}")
    points = _points(found.vectors, how)
    # A word's side is taken against the middle of these words: single words lie far from whole texts.
    middle = float(np.median(found.probabilities))
    sides = (found.probabilities > middle).astype(int)
    names = predictor.label_names or ("", "")
    figure = map_figure(
        points,
        found.words,
        scores=found.probabilities,
        score_name=f"probability of {names[1]}",
        centre=middle,
        title=f"Words at the layer {layer}",
    )
    return figure, {"n": len(found.words), "layer": layer, "unknown": found.unknown, **_vote(points, sides)}


def text_map(
    model: Path, options: reading.DataOptions, source: str, *, layer: str, n_rows: int, seed: int, how: dict[str, Any]
) -> tuple[MapFigure, dict[str, Any]]:
    """Return a map of texts, coloured by label where one is named, else by score."""
    from headstart.errors import OptionError
    from headstart.estimators import load
    from headstart.features import layer_outputs
    from headstart.report import map_figure

    predictor = load(model).predictor_
    if not options.label and not predictor.label_names:
        raise OptionError(
            "this model has learnt no labels to colour texts by; name a column of labels with --label COL."
        )
    options = replace(options, otherwise=(predictor.text, "text"))
    corpus = _in_model_order(options.read(source), predictor.label_names)
    sides = corpus.label_names or predictor.label_names
    if len(sides) > _MOST_LABELS:
        raise OptionError(
            f"the column {options.label!r} of {source} holds {len(sides):,} values, and a map tells {_MOST_LABELS} colours "
            "and markers apart; name another column, keep fewer rows with --where, or join values with --label-map."
        )
    if len(corpus) > n_rows:
        console.note(f"drawing {n_rows:,} of the {len(corpus):,} texts, chosen at random")
        corpus = corpus.take(np.sort(np.random.default_rng(seed).choice(len(corpus), n_rows, replace=False)))
    vectors = np.concatenate([part[layer] for part in layer_outputs(predictor, corpus, (layer,))])
    points = _points(vectors, how)
    names = ["" if text is None else " ".join(text.split())[:200] for text in corpus.texts.to_pylist()]
    scores = None if corpus.labels is not None else predictor.score(corpus).probabilities
    figure = map_figure(
        points,
        names,
        labels=corpus.labels,
        scores=scores,
        label_names=sides,
        score_name=f"probability of {sides[-1]}",
        title=f"Texts at the layer {layer}",
        n_named=0,
    )
    vote = {} if corpus.labels is None or len(sides) != 2 else _vote(points, corpus.labels)
    return figure, {"n": len(corpus), "layer": layer, **vote}


def _in_model_order(corpus: Corpus, names: Sequence[str]) -> Corpus:
    """Put labels that are all the model's own into its order; others are colours of their own."""
    if corpus.labels is None or not names or not set(corpus.label_names) <= set(names):
        return corpus
    places = np.array([list(names).index(name) for name in corpus.label_names])
    return replace(corpus, labels=places[corpus.labels], label_names=tuple(names))


def _points(vectors: Any, how: dict[str, Any]) -> Any:
    from headstart.report import tsne

    perplexity = how["perplexity"]
    if perplexity is None:
        perplexity = min(30.0, max(1.0, (len(vectors) - 1) / 3))
    return tsne(vectors, **{**how, "perplexity": perplexity})


def _vote(points: Any, labels: Any) -> dict[str, float]:
    from headstart.report import neighbour_vote_auc

    return {"neighbour_vote_auc": neighbour_vote_auc(points, labels)} if len(np.unique(labels)) == 2 else {}


def _word_list(words: str) -> list[str]:
    path = Path(words)
    if "," not in words and path.is_file():
        return path.read_text(encoding="utf-8").split()
    return words.split(",")
