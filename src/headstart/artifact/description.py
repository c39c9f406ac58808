"""What ``model`` in the manifest has to look like: the schema of docs/format.md, section "The model".

A description whose digests are right may still be nonsense, written by a slip or on purpose. Whoever uses one,
to build a model or only to show it, checks it first. What its values mean to one another, `headstart.predictor` checks.
"""

from __future__ import annotations

from headstart.artifact.arguments import check_arguments
from headstart.artifact.manifest import FORMAT, MINOR
from headstart.artifact.schema import (
    anything,
    boolean,
    either,
    holding,
    integer,
    mapping,
    nullable,
    number,
    record,
    sequence,
    text,
)
from headstart.errors import ArtifactError
from headstart.plain import Facts
from headstart.tasks import TASKS

_LARGE = 2**53
_NUMBER = number(-1e308, 1e308)
_NAME = text(longest=10_000, users_own=True)
_STAGE = text(longest=10_000)
_WORD = text(longest=1_000_000, users_own=True)
_LEARNT = record(
    {"values": sequence(_WORD, longest=100_000), "n_values": integer(0, _LARGE), "from_numbers": boolean}, type=text()
)
_COLUMNS = record(
    {"learnt": mapping(_LEARNT, keys=_NAME)},
    kinds=sequence(sequence(_NAME, shortest=2, longest=2)),
    categories=mapping(sequence(_WORD, longest=100_000)),
    means=mapping(_NUMBER),
)
_HEAD = record(
    {"constants": sequence(nullable(_NUMBER), shortest=2, longest=100_000)},
    kind=text(choices=("linear", "catboost")),
    size=integer(0, _LARGE),
    columns=nullable(_COLUMNS),
)
_TFIDF = record(
    {"tokens": text(), "counts": text()},
    kind=text(choices=("tfidf",)),
    longest=integer(1, 5),
    columns=nullable(_COLUMNS),
)
_NET = record(name=nullable(text()), n_words=integer(0, _LARGE), options=mapping(anything), until=nullable(_STAGE))
_SCORERS = {
    "network": record(net=_NET),
    "layers": record(net=_NET, layers=sequence(_STAGE, shortest=1), pooling=text(), head=_HEAD),
    "tfidf": record(head=_TFIDF),
    "columns": record(head=_HEAD),
    "encoder": record(net=_NET),
    "transform": record(transform=holding(kind=text()), head=_HEAD),
}
_STEP = record({"version": anything}, kind=text(), name=text(), options=mapping(anything))
_TEXT = record(
    column=_NAME,
    steps=nullable(holding(steps=sequence(_STEP))),
    max_tokens=nullable(integer(1, 2**63 - 1)),
    clip=text(choices=("head", "tail", "both")),
)
_METRICS = holding(
    confidence=nullable(number(0, 1)), **{name: nullable(_NUMBER) for task in TASKS.values() for name in task.metrics}
)
_SOURCE = holding(unknown_token_rate=nullable(_NUMBER), length_percentiles=mapping(_NUMBER))
_CARD_TEXT = text(longest=10_000, users_own=True)
_CARD = record(
    {
        **dict.fromkeys(("description", "licence", "intended_use"), _CARD_TEXT),
        "tags": sequence(_CARD_TEXT, longest=1000),
    }
)
_INFO = holding(
    card=_CARD,
    strategy=text(),
    label_types=sequence(text(), longest=100_000),
    label_values=sequence(either(boolean, integer(-(2**63), 2**63), _NUMBER, _NAME), shortest=2, longest=100_000),
    **dict.fromkeys(("n_train", "n_guessed", "n_self_trained"), nullable(integer(0, _LARGE))),
    valid=nullable(_METRICS),
    held_out_scores=sequence(_NUMBER, longest=101),
    test=nullable(_METRICS),
    source=_SOURCE,
)
_NUMBERS = sequence(_NUMBER, longest=100_000)
_TASK = record({"knots": _NUMBERS, "places": _NUMBERS}, kind=text(), names=sequence(_NAME, longest=100_000))
_RULE = record(
    {
        **dict.fromkeys(("factors", "offsets", "thresholds", "inputs", "values", "costs"), _NUMBERS),
        "coverage": number(0, 1),
        "quantile": _NUMBER,
        "abstain_below": number(0, 1),
    }
)
_MODEL = record(
    {"minor": integer(0, MINOR), "task": _TASK, "rule": _RULE, "inputs": mapping(mapping(anything), keys=_NAME)},
    kind=text(),
    labels=sequence(_NAME, longest=100_000),
    text=_TEXT,
    scorer=mapping(anything),
    columns=sequence(_NAME),
    calibration=sequence(_NUMBER, shortest=2, longest=2),
    threshold=number(0, 1),
    info=_INFO,
    estimator=check_arguments,
)


def check_description(model: Facts) -> None:
    """Refuse a description with keys or values that no model has.

    Raises:
        ArtifactError: names the place, what it holds and what was expected.
    """
    minor = model.get("minor", 0)
    if type(minor) is int and minor > MINOR:
        raise ArtifactError(
            f"this model is of format {FORMAT}.{minor}, and this version of headstart reads up to {FORMAT}.{MINOR}; "
            "upgrade headstart."
        )
    _MODEL(model, "model")
    if model["kind"] not in _SCORERS:
        raise ArtifactError(
            f"this model is of kind {model['kind']!r:.60}, which this version does not know; upgrade headstart."
        )
    _SCORERS[model["kind"]](model["scorer"], "model.scorer")
