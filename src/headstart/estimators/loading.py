"""`load`, which brings a saved classifier back, and `import_mxnet`, which makes one of what MXNet exported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from headstart.engines import AUTO
from headstart.errors import ArtifactError
from headstart.estimators.classifier import TextClassifier
from headstart.estimators.regressor import TextRegressor
from headstart.estimators.text_estimator import install
from headstart.foreign import mxnet
from headstart.plain import Facts, Json
from headstart.predictor import NetSpec, NetworkScorer, Predictor, reads

__all__ = ["import_mxnet", "load"]

_REMEDY = "Copy the model again, or train it anew."


def load(
    path: str | Path, *, net: nn.Module | None = None, trust_patterns: bool = False, engine: str = AUTO
) -> TextClassifier | TextRegressor:
    """Bring a saved model back: a `TextRegressor` if it predicts numbers, else a `TextClassifier`.

    Args:
        path: the model's folder.
        net: the network, where it is a module of your own: a model file holds weights and no code.
        trust_patterns: use whatever regular expression the model cuts texts by. Without it only plain ones are used
            (see `headstart.text.trust.is_linear`): nothing bounds how long another may run.
        engine: what runs the model's network: ``"compiled"``, ``"torch"``, ``"onnx"``, or ``"auto"`` for the fastest that is exact.

    Raises:
        ArtifactError: if there is no sound model at `path`.
        OptionError: if the engine cannot run its network.
    """
    predictor = Predictor.load(path, net=net, trust_patterns=trust_patterns, engine=engine)
    numbers = predictor.task is not None and predictor.task.kind == "regression"
    model = (TextRegressor if numbers else TextClassifier)(**predictor.estimator)
    return install(model, predictor, history=_history(predictor.run))


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
