"""Kinds of answers: one of two labels, one of several, any number of several, one of an order, or a number.

A `Task` says how targets become goals, how wide a model's output is, what makes probabilities of logits, decisions of
these, and which figures are measured. One file a kind; `TASKS` lists them. Nothing here fits or knows a network.
"""

from __future__ import annotations

from headstart.errors import ArtifactError
from headstart.plain import Facts
from headstart.tasks.binary import Binary
from headstart.tasks.goals import Goals
from headstart.tasks.multiclass import MultiClass
from headstart.tasks.multilabel import MultiLabel
from headstart.tasks.ordinal import Ordinal
from headstart.tasks.regression import Regression
from headstart.tasks.task import PLAIN, Rule, Task

TASKS: dict[str, type[Task]] = {one.kind: one for one in (Binary, MultiClass, MultiLabel, Ordinal, Regression)}
"""All kinds by name."""


def task_from_json(stored: Facts) -> Task:
    """Build a task again from what its `to_json` gave.

    Raises:
        ArtifactError: of a kind that is not known here.
    """
    if stored.get("kind") not in TASKS:
        raise ArtifactError(
            f"this model's task is of kind {stored.get('kind')!r:.40}, which this version does not know; upgrade headstart."
        )
    return TASKS[stored["kind"]].from_json(stored)
