"""Fitted text steps as scikit-learn's, to and from what a model stores of them."""

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from headstart.errors import ArtifactError
from headstart.plain import Json
from headstart.text import steps
from headstart.text.definitions import DEFINITIONS
from headstart.text.pretrained import PretrainedTokenizer
from headstart.text.saved import JSON_FORMAT, OPTIONS, StoredSteps, check_spec, pretrained_spec


def steps_to_json(pipeline: Pipeline) -> Json:
    """The steps and their options. The vocabulary is kept next to it: the last step's ``vocabulary_`` and ``counts_``,
    or a `PretrainedTokenizer`'s ``rules``.

    Raises:
        ArtifactError: a step is not one of ours, so that code would be needed to bring it back.
    """
    only = pipeline.steps[0][1]
    if len(pipeline.steps) == 1 and type(only) is PretrainedTokenizer:
        return pretrained_spec(framed=bool(only.framed))
    written = []
    for name, step in pipeline.steps:
        kind = type(step).__name__
        if kind not in OPTIONS or type(step) is not getattr(steps, kind):
            raise ArtifactError(
                f"The text step {name!r} is a {kind}, which cannot be saved, because a saved model holds no code. "
                f"Use only {', '.join(OPTIONS)} in the model, and apply this step to the texts before they reach it."
            )
        options = {key: _plain(value) for key, value in step.get_params(deep=False).items()}
        definition = DEFINITIONS.get(options.get("pattern", ""))
        version = {} if definition is None else {"version": definition.version}
        written.append({"name": name, "kind": kind, "options": options, **version})
    spec = {"format": JSON_FORMAT, "steps": written}
    check_spec(spec)
    return spec


def steps_from_json(
    spec: object, words: object, counts: object = None, *, rules: bytes | None = None, trust_patterns: bool = False
) -> Pipeline:
    """The fitted pipeline again; arguments and errors are those of `headstart.text.saved.StoredSteps`."""
    return StoredSteps(spec, words, counts, rules=rules, trust_patterns=trust_patterns).pipeline


def pipeline_of(stored: StoredSteps) -> Pipeline:
    """The fitted pipeline of stored steps."""
    if stored.rules is not None:
        return Pipeline([("tokenizer", PretrainedTokenizer(stored.rules, stored.framed))])
    restored: list[tuple[str, Any]] = []
    for name, kind, options in stored.parts():
        if kind == "TokenIndexer":
            indexer = steps.TokenIndexer.from_vocabulary(stored.vocabulary, stored.counts, **options)
            restored.append((name, indexer))
        else:
            restored.append((name, getattr(steps, kind)(**options).fit([])))
    return Pipeline(restored)


def _plain(value: object) -> Any:
    """NumPy numbers and strings as Python's, which JSON knows."""
    return value.item() if isinstance(value, np.generic) else value
