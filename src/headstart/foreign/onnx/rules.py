"""From logits to answers, inside the graph: what `headstart.tasks` does with a model's rule, in float64 as there."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.arrays import Array
from headstart.engines.onnx.graph import Graph
from headstart.plain import Json
from headstart.tasks import Rule, Task


def add_answers(g: Graph, logits: str, task: Task, rule: Rule) -> None:
    """Add the outputs that a task has, of logits float64 [rows, outputs].

    ``logits``; ``probabilities`` float64 [rows, classes]; ``decision`` int32: a class's code [rows], -1 where the rule abstains,
    or 0 and 1 a label [rows, labels]; ``in_scope`` float64 [rows] of several classes; ``label_set`` bool [rows, classes] of a
    model that gives conformal sets. Of numbers ``number`` [rows], with ``low`` and ``high`` of its interval where the model
    gives one.
    """
    g.output("logits", logits, np.float64, ("rows", task.n_outputs))
    if task.kind == "regression":
        _add_numbers(g, logits, task, rule)
        return
    probabilities = _PROBABILITIES[task.kind](g, logits, task, rule)
    g.output("probabilities", probabilities, np.float64, ("rows", len(task.names)))
    if task.kind == "multilabel":
        least = _doubles(rule.thresholds) if rule.thresholds else np.array([rule.threshold])
        decided = g.cast(g.op("GreaterOrEqual", probabilities, least), np.int32)
        g.output("decision", decided, np.int32, ("rows", len(task.names)))
    else:
        g.output(
            "decision", _abstained(g, _decided(g, probabilities, task, rule), probabilities, rule), np.int32, ("rows",)
        )
    if task.kind == "multiclass":
        logs = g.op("Log", g.op("Max", probabilities, np.float64(np.finfo(np.float64).tiny)))
        most, mean = (g.op(kind, logs, [1], keepdims=0) for kind in ("ReduceMax", "ReduceMean"))
        g.output("in_scope", g.op("Sub", most, mean), np.float64, ("rows",))
    if rule.quantile is not None:
        held = g.op("LessOrEqual", _misfits(g, probabilities, task), np.float64(rule.quantile))
        g.output("label_set", held, np.bool_, ("rows", len(task.names)))


def _doubles(values: object) -> Array:
    return np.asarray(values, np.float64)


def _sigmoid(g: Graph, logits: str) -> str:
    """As `headstart.evaluation.sigmoid`: one beyond 80 is certain already."""
    held = g.op("Clip", logits, np.float64(-80), np.float64(80))
    return str(g.op("Div", np.float64(1), g.op("Add", np.float64(1), g.op("Exp", g.op("Neg", held)))))


def _calibrated(g: Graph, logits: str, rule: Rule) -> str:
    slope, intercept = rule.calibration
    return str(g.op("Add", g.op("Mul", logits, np.float64(slope)), np.float64(intercept)))


def _binary(g: Graph, logits: str, _task: Task, rule: Rule) -> str:
    second = _sigmoid(g, _calibrated(g, logits, rule))
    return str(g.op("Concat", g.op("Sub", np.float64(1), second), second, axis=1))


def _multiclass(g: Graph, logits: str, _task: Task, rule: Rule) -> str:
    scaled = g.op("Mul", logits, np.float64(rule.calibration[0]))
    if rule.offsets:
        scaled = g.op("Add", scaled, _doubles(rule.offsets))
    powers = g.op("Exp", g.op("Sub", scaled, g.op("ReduceMax", scaled, [1], keepdims=1)))
    return str(g.op("Div", powers, g.op("ReduceSum", powers, [1], keepdims=1)))


def _multilabel(g: Graph, logits: str, _task: Task, rule: Rule) -> str:
    if rule.factors:
        return _sigmoid(g, g.op("Add", g.op("Mul", logits, _doubles(rule.factors)), _doubles(rule.offsets)))
    return _sigmoid(g, _calibrated(g, logits, rule))


def _ordinal(g: Graph, logits: str, task: Task, rule: Rule) -> str:
    n_cuts = len(task.names) - 1
    fractions = (np.arange(n_cuts) + 0.5) / n_cuts
    cuts = _doubles(rule.offsets) if rule.offsets else np.log(fractions / (1 - fractions))
    above = _sigmoid(g, g.op("Sub", _calibrated(g, logits, rule), cuts))
    upper = g.op("Pad", above, [0, 1, 0, 0], np.float64(1))
    return str(g.op("Sub", upper, g.op("Pad", above, [0, 0, 0, 1], np.float64(0))))


_PROBABILITIES: Json = {
    "binary": _binary,
    "multiclass": _multiclass,
    "multilabel": _multilabel,
    "ordinal": _ordinal,
}


def _decided(g: Graph, probabilities: str, task: Task, rule: Rule) -> str:
    """The predicted class's code, int32 [rows]."""
    n_classes = len(task.names)
    if task.kind == "binary":
        second = g.op("Gather", probabilities, np.array(1), axis=1)
        found = g.op("GreaterOrEqual", second, np.float64(rule.threshold))
    elif rule.costs:
        costs = g.op("MatMul", probabilities, _doubles(rule.costs).reshape(n_classes, n_classes))
        found = g.op("ArgMin", costs, axis=1, keepdims=0)
    elif task.kind == "multiclass":
        found = g.op("ArgMax", probabilities, axis=1, keepdims=0)
    elif rule.thresholds:
        expected = g.op("MatMul", probabilities, np.arange(n_classes, dtype=np.float64)[:, None])
        passed = g.op("GreaterOrEqual", expected, _doubles(rule.thresholds)[None])
        found = g.op("ReduceSum", g.cast(passed, np.int32), [1], keepdims=0)
    else:
        upto = g.op("Slice", g.op("CumSum", probabilities, np.array(1)), [0], [-1], [1])
        below = g.cast(g.op("Less", upto, np.float64(0.5)), np.int32)
        found = g.op("ReduceSum", below, [1], keepdims=0)
    return g.cast(found, np.int32)


def _abstained(g: Graph, decided: str, probabilities: str, rule: Rule) -> str:
    if rule.abstain_below is None:
        return decided
    place = g.op("Unsqueeze", g.cast(decided, np.int64), [1])
    own = g.op("GatherND", probabilities, place, batch_dims=1)
    return str(g.op("Where", g.op("Less", own, np.float64(rule.abstain_below)), np.int32(-1), decided))


def _misfits(g: Graph, probabilities: str, task: Task) -> str:
    if task.kind != "ordinal":
        return str(g.op("Sub", np.float64(1), probabilities))
    upto = g.op("CumSum", probabilities, np.array(1))
    before = g.op("Sub", g.op("Sub", upto, probabilities), np.float64(0.5))
    return str(g.op("Max", before, g.op("Sub", np.float64(0.5), upto)))


def _add_numbers(g: Graph, logits: str, task: Any, rule: Rule) -> None:
    knots, values = (rule.inputs, rule.values) if rule.inputs else (task.places, task.knots)
    places = _sigmoid(g, _calibrated(g, logits, rule))
    number = g.op("Squeeze", _interpolated(g, places, _doubles(knots), _doubles(values)), [1])
    g.output("number", number, np.float64, ("rows",))
    if rule.quantile is not None:
        for name, kind in (("low", "Sub"), ("high", "Add")):
            g.output(name, g.op(kind, number, np.float64(rule.quantile)), np.float64, ("rows",))


def _interpolated(g: Graph, x: str, knots: Any, values: Any) -> str:
    """What ``numpy.interp`` gives of x [rows, 1]."""
    rise, run = np.diff(values), np.diff(knots)
    steepness = np.append(np.divide(rise, run, out=np.zeros(len(run)), where=run > 0), 0.0)
    held = g.op("Max", x, np.float64(knots[0]))
    passed = g.cast(g.op("GreaterOrEqual", held, knots[None]), np.int64)
    at = g.op("Sub", g.op("ReduceSum", passed, [1], keepdims=1), [1])
    begin, value, slope = (g.op("Gather", g.constant(one), at) for one in (knots, values, steepness))
    return str(g.op("Add", value, g.op("Mul", g.op("Sub", held, begin), slope)))
