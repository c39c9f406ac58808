"""How a model decides: from which probability on, at which costs, and below which confidence not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from headstart.corpus import label_name
from headstart.errors import OptionError
from headstart.plain import Json
from headstart.predictor.predictor import Predictor
from headstart.tasks import Rule, Task

Costs = Mapping[Any, Mapping[Any, float]]
"""What a mistake costs, by true and predicted label."""


def check_decisions(
    threshold: float | None, costs: Costs | None, abstain_below: float | None, coverage: float | None = None
) -> None:
    """Refuse values that no model can decide by.

    Raises:
        OptionError: says which, and what was expected.
    """
    for name, value in (("threshold", threshold), ("abstain_below", abstain_below)):
        if value is not None and not 0 <= value <= 1:
            raise OptionError(f"{name} is {value}; expected a probability, from 0 to 1.")
    if coverage is not None and not 0 < coverage <= 1:
        raise OptionError(f"coverage is {coverage}; expected a fraction of rows above 0, such as 0.9.")
    for true, row in (costs or {}).items():
        for predicted, cost in row.items():
            if isinstance(cost, bool) or not isinstance(cost, int | float | np.number) or not 0 <= cost < np.inf:
                raise OptionError(
                    f"costs of predicting {predicted!r} where {true!r} is true are {cost!r}; expected a number of 0 or more."
                )


def decided(
    predictor: Predictor, threshold: float | None = None, costs: Costs | None = None, abstain_below: float | None = None
) -> Predictor:
    """Return the same model with other decisions; what is None stays as it is.

    Args:
        predictor: the model.
        threshold: the probability from which the positive label, or each of several labels, is predicted.
        costs: what a mistake costs; a pair that is left out costs nothing where it is right, and 1 where not.
        abstain_below: no class is predicted where its probability lies below this.

    Raises:
        OptionError: a value that cannot be, or one that means nothing to the model's task.
    """
    if threshold is None and costs is None and abstain_below is None:
        return predictor
    return replace(predictor, rule=decided_rule(predictor.answers, predictor.rule, threshold, costs, abstain_below))


def decided_rule(
    task: Task, rule: Rule, threshold: float | None, costs: Costs | None, abstain_below: float | None
) -> Rule:
    """Return a task's rule with other decisions; see `decided`."""
    check_decisions(threshold, costs, abstain_below)
    changes: Json = {}
    if threshold is not None:
        _require(task, "threshold", ("binary", "multilabel"))
        changes |= {"threshold": float(threshold), "thresholds": ()}
    if costs is not None:
        _require(task, "costs", ("binary", "multiclass", "ordinal"))
        table = _table(task, costs)
        if task.kind != "binary":
            changes |= {"costs": tuple(table.ravel().tolist())}
        elif threshold is not None:
            raise OptionError(
                "threshold and costs both came, and of two labels the costs say the threshold; give one of them."
            )
        else:
            changes |= {"threshold": _threshold(table)}
    if abstain_below is not None:
        _require(task, "abstain_below", ("binary", "multiclass", "ordinal"))
        changes |= {"abstain_below": float(abstain_below)}
    return rule.replace(**changes)


def _require(task: Task, option: str, kinds: tuple[str, ...]) -> None:
    if task.kind not in kinds:
        written = f"--{option.replace('_', '-')} ({option}=)"
        raise OptionError(
            f"{written} came, and this model's task is {task.kind}; it means something to {', '.join(kinds)} only. Leave it out."
        )


def _table(task: Task, costs: Costs) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the costs [true classes, predicted classes]."""
    places = {name: place for place, name in enumerate(task.names)}
    found = 1.0 - np.eye(len(places))
    for true, row in costs.items():
        for predicted, cost in row.items():
            for value in (true, predicted):
                if label_name(value) not in places:
                    shown = ", ".join(task.names[:12]) + (" and more" if len(task.names) > 12 else "")
                    raise OptionError(f"costs name the label {value!r}, and this model's are {shown}; name only these.")
            found[places[str(label_name(true))], places[str(label_name(predicted))]] = cost
    return found


def _threshold(table: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Return the probability of the second label from which it costs less to predict it."""
    false_alarm, miss = table[0, 1] - table[0, 0], table[1, 0] - table[1, 1]
    if false_alarm < 0 or miss < 0 or false_alarm + miss == 0:
        raise OptionError(
            "costs say that a mistake costs less than being right; give a right prediction the lower cost."
        )
    return float(false_alarm / (false_alarm + miss))
