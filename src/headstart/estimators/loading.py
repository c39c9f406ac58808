"""Estimators of what is stored: a model of ours, or what MXNet exported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.errors import ArtifactError
from headstart.estimators.by_rows import estimator_for
from headstart.estimators.classifier import TextClassifier
from headstart.estimators.text_estimator import install
from headstart.foreign import mxnet
from headstart.plain import Facts, Json
from headstart.predictor import NetSpec, NetworkScorer, Predictor, reads

_REMEDY = "Copy the model again, or train it anew."


def estimator_of(predictor: Predictor) -> Any:
    """Return a predictor as the fitted estimator that it was made by.

    Raises:
        ArtifactError: what is stored of its arguments or its history is not what such an estimator has.
    """
    numbers = predictor.task is not None and predictor.task.kind == "regression"
    kind = estimator_for(predictor.reads_kind, numbers=numbers)
    if unknown := sorted(set(predictor.estimator) - set(kind._get_param_names())):
        raise ArtifactError(
            f"the model's stored arguments hold {', '.join(unknown)}, which a {kind.__name__} does not take. {_REMEDY}"
        )
    return install(kind(**predictor.estimator), predictor, history=_history(predictor.run))


def import_mxnet(prefix: str | Path, **options: Any) -> TextClassifier:
    """Return a network that Apache MXNet exported as a fitted classifier; MXNet itself is not needed.

    Args:
        prefix: the path up to ``-symbol.json``.
        options: those of `headstart.foreign.mxnet.import_mxnet`; ``vocabulary`` and ``labels`` must be given.
    """
    found = mxnet.import_mxnet(prefix, **options)
    spec = NetSpec("mxnet", len(found.vocabulary.words) + 1, found.graph.config())
    model = TextClassifier(tokens="tutorial", max_tokens=found.max_tokens, strategy="as-is")
    predictor = Predictor(
        NetworkScorer(found.graph, spec),
        found.task,
        inputs=reads(steps=found.steps(), max_tokens=found.max_tokens),
        info={"strategy": "import", "parity": found.parity, "imported": found.source},
        estimator={"tokens": "tutorial", "max_tokens": found.max_tokens},
    )
    return install(model, predictor)


def _history(run: Facts) -> list[Json]:
    """Return one row an epoch, as `Trainer` wrote them."""
    rows = run.get("history", [])
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ArtifactError(
            f"the history in this model's run.json is {rows!r:.60}; expected a list with an object for each epoch. {_REMEDY}"
        )
    return [dict(row) for row in rows]
