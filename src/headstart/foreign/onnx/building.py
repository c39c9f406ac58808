"""A predictor as a graph, and as what its reader needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from headstart.engines import HeldNetwork
from headstart.engines.onnx.graph import Graph
from headstart.engines.onnx.layers import pooled
from headstart.engines.onnx.networks import Stages, stages_of
from headstart.errors import OptionError
from headstart.foreign.onnx.heads import add_terms, head_logits
from headstart.foreign.onnx.reading import FORMAT, ngram_specs, pretrained_spec, terms_spec, words_spec
from headstart.foreign.onnx.rules import add_answers
from headstart.heads import TfidfHead
from headstart.inputs import text_input_of
from headstart.plain import Json
from headstart.predictor import Predictor


def built(predictor: Predictor, layers: Sequence[str] = ()) -> tuple[Any, Json]:
    """Return a predictor as an ``onnx.ModelProto``, and what ``reader.json`` says of it.

    Args:
        predictor: of any kind that has ONNX operators.
        layers: stages of its network whose outputs the graph is to give as well.

    Raises:
        OptionError: it is of a kind that cannot be exported; the message says what runs it.
        MissingDependencyError: the package `onnx` is not installed.
    """
    parts = predictor.to_parts()
    kind, scorer, task = predictor.scorer.kind, parts.model["scorer"], predictor.task
    g, ngrams = Graph(), {}
    if kind == "tfidf":
        if layers:
            raise OptionError("this model holds no network, so it has no layers; leave --layer out.")
        logits = add_terms(g, cast(TfidfHead, predictor.scorer.head))
    elif kind == "columns":
        raise OptionError(
            "this model reads columns and no text, and the reader of an ONNX folder reads texts alone; predict with "
            "headstart itself, which reads columns with every engine."
        )
    elif kind == "transform":
        raise OptionError(
            f"this model reads rows of the kind {predictor.reads_kind!r} and holds no network, and the reader of an ONNX folder "
            "reads texts alone; predict with headstart itself."
        )
    else:
        network = cast(HeldNetwork, predictor.scorer.network)
        stages = stages_of(network.spec, network.weights)
        wanted = scorer["layers"] if kind == "layers" else stages.names[-1:]
        asked = stages.checked(tuple(dict.fromkeys([*wanted, *layers])))
        values, ngrams = stages.add(g, asked), stages.ngrams(asked)
        logits = _logits(g, predictor, [_of_rows(g, stages, values, one, predictor) for one in wanted])
        for name in layers:
            *shape, size = stages.shapes[name]
            g.output(name, values[name], np.float32, (*shape, size))
    if task is not None:
        add_answers(g, logits, task, predictor.rule)
    reader = {
        "format": FORMAT,
        "column": predictor.text,
        "task": None if task is None else task.kind,
        "names": list(predictor.label_names),
        "layers": list(layers),
        "model": predictor.digest(),
        **_reading(predictor, parts),
        "ngrams": ngram_specs(ngrams),
        "max_tokens": predictor.max_tokens,
        "clip": predictor.clip,
    }
    return g.model("headstart"), reader


def _of_rows(g: Graph, stages: Stages, values: dict[str, str], name: str, predictor: Predictor) -> str:
    """Return a stage's output of each row; those of tokens are pooled as the predictor has it."""
    if len(stages.shapes[name]) == 2:
        return values[name]
    return pooled(g, values[name], [getattr(predictor.scorer, "pooling", "mean")])


def _logits(g: Graph, predictor: Predictor, outputs: list[str]) -> str:
    """Return logits, float64 [rows, outputs]; an encoder, which has none, gives out its vectors."""
    joined = outputs[0] if len(outputs) == 1 else str(g.op("Concat", *outputs, axis=1))
    if predictor.task is None:
        return g.output("vectors", joined, np.float32, ("rows", "vectors.size"))
    if predictor.scorer.kind == "layers":
        return head_logits(g, joined, predictor.scorer.head)
    return g.cast(joined, np.float64)


def _reading(predictor: Predictor, parts: Any) -> Json:
    text = parts.model["text"]
    if text["steps"] is None:
        head = parts.model["scorer"]["head"]
        return terms_spec(head["tokens"], int(head["longest"]), list(parts.words))
    pieces = text_input_of(predictor.inputs).pieces
    if pieces is not None:
        return pretrained_spec(pieces.rules, framed=pieces.framed)
    words = parts.words if isinstance(parts.words, list) else parts.words.to_pylist()
    return words_spec(text["steps"]["steps"], words)
