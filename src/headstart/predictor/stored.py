"""What ``model`` in a manifest is: the records of docs/format.md, section "The model".

A description whose digests are right may still be nonsense, written by a slip or on purpose. Whoever uses one, to build a
model or only to show it, decodes it first. What its values mean to one another, `headstart.predictor.checking` checks.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from headstart.artifact.arguments import check_arguments
from headstart.batches import Clip
from headstart.engines import NetSpec
from headstart.errors import ArtifactError
from headstart.heads.columns import StoredColumns
from headstart.heads.stored import StoredHead
from headstart.plain import Facts
from headstart.predictor.card import Card
from headstart.predictor.provenance import Provenance, SourceFacts
from headstart.records import Fraction, Name, Number, Positive, Record, Text, any_of, decoded
from headstart.tasks import PLAIN, TASKS, Rule
from headstart.text.saved import steps_of


class StoredText(Record, frozen=True):
    """How texts are read; `steps` is None where they are read as they are, or not at all."""

    column: Name
    steps: dict[str, Any] | None
    max_tokens: Positive | None
    clip: Clip


class StoredTask(Record, frozen=True):
    """The kind of answers; of numbers also what places among them mean."""

    kind: Text
    knots: tuple[Number, ...] = ()
    places: tuple[Number, ...] = ()


class StoredNgrams(Record, frozen=True):
    """A TF-IDF head, next to its n-grams and arrays."""

    kind: Literal["tfidf"]
    longest: Annotated[int, Meta(ge=1, le=5)]
    columns: StoredColumns | None
    tokens: Text = "words"
    counts: Text = "sublinear"


class StoredEncoder(Record, frozen=True):
    """An encoder whose vectors the network reads next to its words, next to its weights and its tokenizer."""

    net: NetSpec
    text: StoredText
    layers: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=100)]


class OfNetwork(Record, frozen=True):
    """A network, with its own logits or as an encoder."""

    net: NetSpec


class OfLayers(Record, frozen=True):
    """A head over a network's layers."""

    net: NetSpec
    layers: Annotated[tuple[Name, ...], Meta(min_length=1)]
    pooling: Text
    head: StoredHead


class OfNgrams(Record, frozen=True):
    """A head over the bare texts."""

    head: StoredNgrams


class OfColumns(Record, frozen=True):
    """A head over columns alone."""

    head: StoredHead


class OfTransform(Record, frozen=True):
    """A head over features that need no training."""

    transform: dict[str, Any]
    head: StoredHead


StoredScorer = OfNetwork | OfLayers | OfNgrams | OfColumns | OfTransform
SCORERS: dict[str, type[StoredScorer]] = {
    "network": OfNetwork,
    "layers": OfLayers,
    "tfidf": OfNgrams,
    "columns": OfColumns,
    "encoder": OfNetwork,
    "transform": OfTransform,
}
"""What is stored of each kind of scorer."""

_figures = {name: Number | None for task in TASKS.values() for name in task.metrics}
_Figures = any_of("Figures", {"confidence": Fraction | None, **_figures}, others=True)
_facts = get_type_hints(Provenance) | {
    "card": any_of("Card", get_type_hints(Card)),
    "source": any_of("Source", get_type_hints(SourceFacts)),
    "valid": _Figures | None,
    "test": _Figures | None,
}
_Base = any_of("Base", {**_facts, "base": dict[str, Any]})
_Info = any_of("Info", {**_facts, "base": _Base})


class Model(Record, frozen=True):
    """All that rebuilds a model but for its arrays, words and other files."""

    kind: Text
    labels: tuple[Name, ...]
    text: StoredText
    scorer: dict[str, Any]
    columns: tuple[Name, ...]
    info: dict[str, Any]
    estimator: dict[str, Any]
    task: StoredTask | None = None
    rule: Rule = PLAIN
    inputs: dict[Name, dict[str, Any]] = msgspec.field(default_factory=dict)


def decoded_model(description: Facts) -> tuple[Model, StoredScorer]:
    """Return a description, and what it says of its scorer, as records.

    Raises:
        ArtifactError: a field or a value that no model has; names the place, and what was expected.
    """
    model = decoded(Model, description, "model")
    if model.kind not in SCORERS:
        raise ArtifactError(
            f"this model is of kind {model.kind!r:.60}, which this version does not know; upgrade headstart."
        )
    decoded(_Info, model.info, "model.info")
    check_arguments(model.estimator, "model.estimator")
    if model.text.steps is not None:
        steps_of(model.text.steps)
    return model, decoded(SCORERS[model.kind], model.scorer, "model.scorer")
