"""Heads as ONNX operators: logits, float64 [rows, outputs], of features or of the terms of a text."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.engines.onnx.graph import Graph
from headstart.errors import OptionError
from headstart.heads import TfidfHead
from headstart.heads.linear import LinearHead

_LEAST_NORM = np.float32(1e-30)


def head_logits(g: Graph, features: str, head: Any) -> str:
    """Logits of features [rows, size].

    Raises:
        OptionError: the head reads columns.
    """
    refuse_columns(head)
    if isinstance(head, LinearHead):
        weights = np.atleast_2d(head.coefficients / head.scale)
        intercept = np.atleast_1d(head.intercept) - weights @ head.mean
        product = g.op("MatMul", g.cast(features, np.float64), np.ascontiguousarray(weights.T))
        return str(g.op("Add", product, intercept))
    raise OptionError(
        f"this model ends in a head of the kind {head.kind!r}, and its trees may take another leaf for a feature that differs in the "
        "seventh digit, so an ONNX folder could not be held to its scores; predict with headstart itself, where CatBoost runs it."
    )


def add_terms(g: Graph, head: TfidfHead) -> str:
    """Logits of a TF-IDF model.

    Adds the inputs ``places`` int32 [rows, found], where each term of a text stands in the list, each once and -1 for none, and
    ``counts`` float32 [rows, found], how often it stands in the text.

    Raises:
        OptionError: the head reads columns.
    """
    refuse_columns(head)
    places = g.input("places", np.int32, ("rows", "found"))
    counts = g.input("counts", np.float32, ("rows", "found"))
    one, size = np.float32(1), len(head.ngrams)
    coefficients = np.atleast_2d(head.coefficients)[:, :size]
    factors = np.append(head.idf, 0.0).astype(np.float32)  # -1 is the last: nothing
    weights = np.concatenate([coefficients.T, np.zeros((1, len(coefficients)))]).astype(np.float32)
    often = g.op("Max", counts, one)
    times = g.op("Add", g.op("Log", often), one) if head.counts == "sublinear" else g.op("Div", often, often)
    values = g.op("Mul", times, g.op("Gather", g.constant(factors), places))
    norm = g.op("Max", g.op("Sqrt", g.op("ReduceSumSquare", values, [1], keepdims=1)), _LEAST_NORM)
    scaled = g.op("Unsqueeze", g.op("Div", values, norm), [2])
    total = g.op("ReduceSum", g.op("Mul", scaled, g.op("Gather", g.constant(weights), places)), [1], keepdims=0)
    return str(g.op("Add", g.cast(total, np.float64), np.atleast_1d(np.asarray(head.intercept, np.float64))))


def refuse_columns(head: Any) -> None:
    """Refuse a head that reads columns next to the texts."""
    if head.encoder is not None:
        names = ", ".join(head.encoder.kinds)
        raise OptionError(
            f"this model reads the columns {names}, and the reader of an ONNX folder reads texts alone; predict with headstart "
            "itself, which reads columns with every engine."
        )
