"""The arguments of an estimator that a model keeps: one table for what is written and what is read.

A model tells how it was trained, so that the same can be done again. Where its reader's files are read and written, on
what device and with whose functions, is the reader's own business: such arguments are neither written nor read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from headstart.plain import Facts, Json
from headstart.records import Fraction, Name, Number, Text, Whole, any_of, decoded

READERS_OWN = (
    "base",
    "cache",
    "checkpoint",
    "device",
    "encoder",
    "events",
    "phases",
    "source",
    "teacher",
    "unlabelled",
    "verbose",
)
"""Arguments that no model decides for whoever reads it."""

_TRAINERS_OWN = (*READERS_OWN, "net", "save_epochs")
_Scalar = bool | Number | Name | None
_Many = Meta(max_length=1000)
_Value = _Scalar | Annotated[list[_Scalar], _Many] | Annotated[dict[Name, _Scalar], _Many]
_Options = Annotated[dict[Text, _Value], _Many] | None
_Names = Name | tuple[Name, ...] | None
_Amount = Annotated[float, Meta(ge=0, le=1e308)]
_Count = Annotated[int, Meta(ge=1, le=2**53)]


STORED: dict[str, Any] = {
    "C": _Amount | None,
    "abstain_below": Fraction | None,
    "batch_size": _Count | None,
    "calibrate": bool,
    "class_weight": dict[Name, _Amount] | Text | None,
    "clip": Text,
    "column_types": dict[Name, Text] | None,
    "column": _Names,
    "columns": _Names,
    "coverage": Fraction | None,
    "costs": dict[Name, dict[Name, _Amount]] | None,
    "epochs": Whole | None,
    "freeze": Text | None,
    "groups": Name | None,
    "head": Text,
    "label_map": dict[Name, _Scalar] | None,
    "layer": _Names,
    "learning_rate": _Amount | None,
    "max_tokens": _Count | Text | None,
    "max_words": Whole | None,
    "metric": Text | None,
    "min_count": _Count | None,
    "net": Text | None,
    "net_options": _Options,
    "order": _Names,
    "pooling": Text,
    "positive": _Scalar,
    "random_state": Annotated[int, Meta(ge=0, le=2**63 - 1)] | None,
    "strategy": Text | None,
    "task": Text,
    "text": Name | None,
    "threshold": Fraction | None,
    "tokens": Name | None,
    "trainer_options": _Options,
    "valid_fraction": Fraction,
    "word_vectors": bool | None,
}
"""What each argument that a model keeps may be; a model holds as many of them as the version that made it had."""

_OF_TRAINER: dict[str, Any] = {
    "batch_size": _Count,
    "checkpoint_seconds": _Amount,
    "learning_rate": _Amount,
    "n_buckets": _Count,
    "patience": _Count | None,
    "weight_decay": _Amount,
}
_Arguments = any_of("Arguments", STORED)
_OfTrainer = any_of("TrainerOptions", _OF_TRAINER, others=True)


def kept_arguments(given: Facts) -> Json:
    """Return the arguments that a model keeps, of an estimator's, or of those that a model of any version holds."""
    kept = {name: value for name, value in given.items() if name in STORED}
    options = kept.get("trainer_options")
    if isinstance(options, Mapping):
        kept["trainer_options"] = {name: value for name, value in options.items() if name not in _TRAINERS_OWN}
    return kept


def check_arguments(stored: Any, where: str) -> None:
    """Refuse arguments that no model keeps, or with values that cannot be.

    Raises:
        ArtifactError: names the argument.
    """
    decoded(_Arguments, stored, where)
    decoded(_OfTrainer, stored.get("trainer_options") or {}, f"{where}.trainer_options")


def is_quick(pattern: str) -> bool:
    """Tell whether a pattern that names layers ends soon on any name: few repetitions, and none of them repeated."""
    return len(re.findall(r"[*+{]", pattern)) <= 4 and not re.search(r"\)[*+{]", pattern)
