"""The command `map`: words of a model, or texts, as points near what they are like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.arrays import Array, Doubles
from headstart.cli import console, reading
from headstart.cli.commands import Map
from headstart.cli.row_kinds import rows_read
from headstart.corpus import Corpus, FileOptions
from headstart.errors import OptionError
from headstart.named_outputs import layer_outputs
from headstart.outputs import check_file
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.report import MapFigure, Page, map_figure, neighbour_vote_auc, tsne
from headstart.words import important_words, word_vectors

_MOST_LABELS = 36  # looks of a dot that can be told apart, see `headstart.report.style`


def draw_map(options: Map) -> None:
    """Draw a map, and say how well neighbours on it agree."""
    out, asked = options.out, (options.words, options.top, options.data)
    if sum(one is not None for one in asked) > 1:
        raise OptionError("--words, --top and --data exclude one another; give one of them.")
    if out.suffix not in (".html", ".png", ".svg", ".pdf"):
        raise OptionError(f"--out is {out.name!r}; a map is written to a file that ends in .html, .png, .svg or .pdf.")
    check_file(out, (reading.model_files(options.model), options.data, options.words), option="--out")
    files, predictor = reading.file_options(options), Predictor.load(options.model)
    if options.data is None:
        figure, facts = _word_map(predictor, options)
    else:
        figure, facts = _text_map(predictor, options, options.data, files)
    if out.suffix == ".html":
        Page(figure.title).figure(figure).write(out)
    else:
        figure.save(out)
    vote = facts.get("neighbour_vote_auc")
    told = "" if vote is None else f"; AUC of a vote of neighbours {vote:.3f}"
    lines = [f"{facts['n']:,} points in {out}{told}"]
    console.emit({"out": str(out), **facts}, as_json=options.as_json, lines=lines)


def _word_map(predictor: Predictor, options: Map) -> tuple[MapFigure, Json]:
    """Return a map of the named words, or of the most telling ones, coloured by what each says alone."""
    layer = options.layer or "embedding"
    asked = important_words(predictor, options.top or 100) if options.words is None else _word_list(options.words)
    found = word_vectors(predictor, asked, layer=layer)
    if found.unknown:
        console.warn(f"not in the model's vocabulary, and left out: {', '.join(found.unknown)}")
    points = _points(found.vectors, options)
    # A word's side is taken against the middle of these words: single words lie far from whole texts.
    colours, vote = _colours(predictor, found.probabilities, middle=True), {}
    if "centre" in colours:
        vote = _vote(points, (found.probabilities > colours["centre"]).astype(int))
    figure = map_figure(points, found.words, title=f"Words at the layer {layer}", **colours)
    return figure, {"n": len(found.words), "layer": layer, "unknown": found.unknown, **vote}


def _colours(predictor: Predictor, probabilities: Doubles, *, middle: bool = False) -> Json:
    """Return what `map_figure` takes to colour points by what a model says of them: its score, or the class it decides for.

    Args:
        predictor: the model.
        probabilities: see `headstart.predictor.Scores`.
        middle: whether a score's grey lies at the middle of these.
    """
    task = predictor.task
    if task is None or probabilities.ndim == 1:
        names = predictor.label_names or ("", "")
        name = "predicted number" if task is not None and task.kind == "regression" else f"probability of {names[-1]}"
        centre = {"centre": float(np.median(probabilities))} if middle or name == "predicted number" else {}
        return {"scores": probabilities, "score_name": name, "label_names": names, **centre}
    codes, names = predictor.decide(probabilities), predictor.label_names
    if codes.ndim > 1:  # of several labels, the likeliest
        codes = probabilities.argmax(1)
    if len(names) > _MOST_LABELS:
        raise OptionError(
            f"the model has {len(names):,} classes, and a map tells {_MOST_LABELS} colours and markers apart; draw texts, "
            "coloured by another column: --data DATA --label COL."
        )
    return {"labels": codes, "label_names": names}


def _text_map(predictor: Predictor, options: Map, source: str, files: FileOptions) -> tuple[MapFigure, Json]:
    """Return a map of texts, coloured by label where one is named, else by score."""
    layer = options.layer or "pooled"
    if not options.label and predictor.task is None:
        raise OptionError(
            "this model has learnt no labels to colour texts by; name a column of labels with --label COL."
        )
    rows = reading.DataOptions(
        options.text,
        options.label,
        options.where or (),
        options.label_map,
        files=files,
        otherwise=(predictor.text, "text"),
        rows=rows_read(options, source, predictor),
    )
    corpus = _in_model_order(_of_one_label(rows.read(source)), predictor.label_names)
    sides = corpus.label_names or predictor.label_names
    if len(sides) > _MOST_LABELS:
        raise OptionError(
            f"the column {options.label!r} of {source} holds {len(sides):,} values, and a map tells {_MOST_LABELS} colours "
            "and markers apart; name another column, keep fewer rows with --where, or join values with --label-map."
        )
    if len(corpus) > options.n_rows:
        console.note(f"drawing {options.n_rows:,} of the {len(corpus):,} texts, chosen at random")
        drawn = np.random.default_rng(options.seed).choice(len(corpus), options.n_rows, replace=False)
        corpus = corpus.take(np.sort(drawn))
    vectors = np.concatenate([part[layer] for part in layer_outputs(predictor, corpus, (layer,))])
    points = _points(vectors, options)
    names = ["" if text is None else " ".join(text.split())[:200] for text in corpus.texts.to_pylist()]
    colours: Json = {"labels": corpus.labels, "label_names": sides}
    if corpus.labels is None:
        colours = _colours(predictor, predictor.score(corpus).probabilities)
    elif corpus.kind == "regression":
        colours = {"scores": corpus.labels, "score_name": options.label, "centre": float(np.median(corpus.labels))}
    figure = map_figure(points, names, title=f"Texts at the layer {layer}", n_named=0, **colours)
    vote = {} if corpus.labels is None or len(sides) != 2 else _vote(points, corpus.labels)
    return figure, {"n": len(corpus), "layer": layer, **vote}


def _of_one_label(corpus: Corpus) -> Corpus:
    """Make each combination of several labels a row a label of its own."""
    if corpus.labels is None or corpus.kind != "multilabel":
        return corpus
    held, codes = np.unique(np.asarray(corpus.labels), axis=0, return_inverse=True)
    names = tuple(" + ".join(corpus.label_names[i] for i in np.flatnonzero(row)) or "no label" for row in held)
    return replace(
        corpus, kind="multiclass", labels=codes.reshape(-1).astype(np.int64), label_names=names, label_values=names
    )


def _in_model_order(corpus: Corpus, names: Sequence[str]) -> Corpus:
    """Put labels that are all the model's own into its order; others are colours of their own."""
    if corpus.labels is None or not names or not corpus.label_names or not {*corpus.label_names} <= {*names}:
        return corpus
    places = np.array([list(names).index(name) for name in corpus.label_names])
    return replace(corpus, labels=places[corpus.labels], label_names=tuple(names))


def _points(vectors: Array, options: Map) -> Array:
    perplexity = options.perplexity
    if perplexity is None:
        perplexity = min(30.0, max(1.0, (len(vectors) - 1) / 3))
    return tsne(
        vectors,
        n_components=options.dimensions,
        perplexity=perplexity,
        n_iter=options.iterations,
        random_state=options.seed,
    )


def _vote(points: Array, labels: Array) -> dict[str, float]:
    return {"neighbour_vote_auc": neighbour_vote_auc(points, labels)} if len(np.unique(labels)) == 2 else {}


def _word_list(words: str) -> list[str]:
    path = Path(words)
    if "," not in words and path.is_file():
        return path.read_text(encoding="utf-8").split()
    return words.split(",")
