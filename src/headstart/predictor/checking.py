"""What a stored model must be, beyond what its bytes are: the parts are held against one another before use."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from headstart.engines import POOLINGS
from headstart.errors import ArtifactError
from headstart.heads import ColumnEncoder
from headstart.predictor.stored import Model
from headstart.tasks import Rule, Task

_REMEDY = "The model's files do not belong together or are damaged; copy the model again or train it anew."


def check_model(model: Model) -> None:
    """Refuse labels and columns that no trained model has.

    Raises:
        ArtifactError: says which, and what was expected.
    """
    labels, columns, info = model.labels, model.columns, model.info
    types, values = info.get("label_types", ()), info.get("label_values", ())
    of_two = len(labels) == 2 if model.task is not None and model.task.kind == "binary" else True
    checks = {
        f"the labels {labels!r:.60}; expected different names, as many as its answers": of_two
        and all(labels)
        and len(set(labels)) == len(labels)
        and (model.task is not None or (model.kind == "encoder" and not labels)),
        "labels that are no whole numbers where whole numbers are declared": "int" not in types
        or all(label.lstrip("-").isdecimal() for label in labels),
        "other label values than labels": len(set(values)) == len(values) and len(values) in (0, len(labels)),
        f"the columns {columns!r:.60}; expected names, each of them once": len(set(columns)) == len(columns),
    }
    for found, fits in checks.items():
        if not fits:
            raise ArtifactError(f"this model has {found}. {_REMEDY}")


def check_layers(layers: Sequence[str], known: Sequence[str], pooling: str) -> None:
    """Refuse layers that the network does not have, and an unknown pooling.

    Raises:
        ArtifactError: names what was found.
    """
    if not all(layer in known for layer in layers):
        raise ArtifactError(
            f"this model reads the layers {layers!r:.80}, and its network has {', '.join(known)}. {_REMEDY}"
        )
    if pooling not in POOLINGS:
        raise ArtifactError(f"this model pools by {pooling!r:.40}; expected one of {', '.join(POOLINGS)}. {_REMEDY}")


def check_columns(columns: Sequence[str], encoder: ColumnEncoder | None) -> None:
    """Refuse a head that reads other columns than the model asks of the data.

    Raises:
        ArtifactError: names both.
    """
    read = [] if encoder is None else list(encoder.kinds)
    if read != list(columns):
        raise ArtifactError(
            f"this model asks for the columns {', '.join(columns) or 'none'}, and its head reads "
            f"{', '.join(read) or 'none'}. {_REMEDY}"
        )


def check_answers(task: Task, rule: Rule, n_outputs: int | None) -> None:
    """Refuse a task that no training gives, a rule of other sizes than its task, and another number of logits than it needs.

    Args:
        task: from a model's file.
        rule: likewise.
        n_outputs: logits a row of its head or network; None where only running it would tell.

    Raises:
        ArtifactError: says what does not fit.
    """
    n = len(task.names)
    sizes = {
        "factors": (n,),
        "offsets": (n - 1,) if task.kind == "ordinal" else (n,),
        "thresholds": (n - 1,) if task.kind == "ordinal" else (n,),
        "inputs": (len(rule.values),),
        "costs": (n * n,),
    }
    for name, fitting in sizes.items():
        if (found := len(getattr(rule, name))) not in (0, *fitting):
            raise ArtifactError(
                f"this model's rule has {found} {name} for {task.said()}; expected {fitting[0]}. {_REMEDY}"
            )
    least = {"binary": 2, "multiclass": 2, "ordinal": 2, "multilabel": 1}.get(task.kind, 0)
    if task.kind == "multilabel" and rule.factors and len(rule.offsets) != n:
        raise ArtifactError(f"this model's rule has factors and {len(rule.offsets)} offsets; expected {n}. {_REMEDY}")
    knots = (*getattr(task, "knots", ()),), (*getattr(task, "places", ()),)
    cuts = (rule.offsets, rule.thresholds) if task.kind == "ordinal" else ()
    ascending = all(a <= b for one in (*knots, rule.inputs, *cuts) for a, b in pairwise(one))
    if n < least or (n and task.kind == "regression") or len(knots[0]) != len(knots[1]) or not ascending:
        raise ArtifactError(f"this model's answers, {task.kind} of {n} names, are such as no training gives. {_REMEDY}")
    if task.kind == "regression" and not knots[0]:
        raise ArtifactError(f"this model predicts numbers and does not say which. {_REMEDY}")
    if n_outputs is not None and n_outputs != task.n_outputs:
        raise ArtifactError(
            f"this model's end gives {n_outputs} logits a row, and its {task.kind} answers need {task.n_outputs}. {_REMEDY}"
        )


def check_size(what: str, found: int, expected: int) -> None:
    """Refuse a head that reads another number of inputs than it gets.

    Raises:
        ArtifactError: names both numbers.
    """
    if found != expected:
        raise ArtifactError(f"this model's {what} weighs {found} inputs and gets {expected}. {_REMEDY}")
