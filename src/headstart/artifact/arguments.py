"""The arguments of an estimator that a model keeps: one table for what is written and what is read.

A model tells how it was trained, so that the same can be done again. Where its reader's files are read and written, on
what device and with whose functions, is the reader's own business: such arguments are neither written nor read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headstart.artifact.faults import REMEDY, shortened
from headstart.artifact.schema import (
    Check,
    anything,
    boolean,
    either,
    integer,
    mapping,
    nullable,
    number,
    sequence,
    text,
)
from headstart.errors import ArtifactError
from headstart.plain import Facts, Json

READERS_OWN = ("base", "cache", "checkpoint", "device", "events", "phases", "source", "unlabelled", "verbose")
"""Arguments that no model decides for whoever reads it."""

_TRAINERS_OWN = (*READERS_OWN, "net", "save_epochs")
_WHOLE = 2**53
_NAME = text(longest=10_000, users_own=True)
_SCALAR = nullable(either(boolean, number(-1e308, 1e308), _NAME))
_VALUE = either(_SCALAR, sequence(_SCALAR, longest=1000), mapping(_SCALAR, most=1000))
_OPTIONS = nullable(mapping(_VALUE, keys=text(), most=1000))
_NAMES = either(_NAME, sequence(_NAME))
_OF_TRAINER: dict[str, Check] = {
    "batch_size": integer(1, _WHOLE),
    "checkpoint_seconds": number(0, 1e308),
    "learning_rate": number(0, 1e308),
    "n_buckets": integer(1, _WHOLE),
    "patience": nullable(integer(1, _WHOLE)),
    "weight_decay": number(0, 1e308),
}

STORED: dict[str, Check] = {
    "C": nullable(number(0, 1e308)),
    "abstain_below": nullable(number(0, 1)),
    "batch_size": nullable(integer(1, _WHOLE)),
    "calibrate": boolean,
    "class_weight": nullable(either(mapping(number(0, 1e308), keys=_NAME), text(longest=100))),
    "clip": text(longest=100),
    "column_types": nullable(mapping(text(longest=100), keys=_NAME)),
    "column": nullable(_NAMES),
    "columns": nullable(_NAMES),
    "coverage": nullable(number(0, 1)),
    "costs": nullable(mapping(mapping(number(0, 1e308), keys=_NAME), keys=_NAME)),
    "epochs": nullable(integer(0, _WHOLE)),
    "freeze": nullable(text()),
    "groups": nullable(_NAME),
    "head": text(longest=100),
    "label_map": nullable(mapping(_SCALAR, keys=_NAME)),
    "layer": nullable(_NAMES),
    "learning_rate": nullable(number(0, 1e308)),
    "max_tokens": nullable(either(integer(1, _WHOLE), text(longest=100))),
    "max_words": nullable(integer(0, _WHOLE)),
    "min_count": nullable(integer(1, _WHOLE)),
    "net": nullable(text(longest=100)),
    "net_options": _OPTIONS,
    "order": nullable(_NAMES),
    "pooling": text(longest=100),
    "positive": _SCALAR,
    "random_state": nullable(integer(0, 2**63 - 1)),
    "strategy": nullable(text(longest=100)),
    "task": text(longest=100),
    "text": nullable(_NAME),
    "threshold": nullable(number(0, 1)),
    "tokens": nullable(text(longest=10_000, users_own=True)),
    "trainer_options": _OPTIONS,
    "valid_fraction": number(0, 1),
    "word_vectors": nullable(boolean),
}
"""What each argument that a model keeps may be."""


def kept_arguments(given: Facts) -> Json:
    """Return the arguments that a model keeps, of an estimator's, or of those that a model of any version holds."""
    kept = {name: value for name, value in given.items() if name in STORED}
    options = kept.get("trainer_options")
    if isinstance(options, Mapping):
        kept["trainer_options"] = {name: value for name, value in options.items() if name not in _TRAINERS_OWN}
    return kept


def check_arguments(stored: Any, where: str) -> None:
    """Refuse arguments that no model keeps, or with values that cannot be: a check of `headstart.artifact.schema`."""
    mapping(anything, keys=text(), most=1000)(stored, where)
    for name, value in stored.items():
        if name in READERS_OWN and name != "device":  # 0.1 wrote the device; it does not count
            raise ArtifactError(
                f"{where}.{name} is {shortened(value)}, and no model decides for its reader where files are read and "
                f"written, or what is run: this one was edited. {REMEDY}"
            )
        if name in STORED:
            STORED[name](value, f"{where}.{name}")
    for name, value in (stored.get("trainer_options") or {}).items():
        _OF_TRAINER.get(name, anything)(value, f"{where}.trainer_options.{name}")


def is_quick(pattern: str) -> bool:
    """Tell whether a pattern that names layers ends soon on any name: few repetitions, and none of them repeated."""
    return len(re.findall(r"[*+{]", pattern)) <= 4 and not re.search(r"\)[*+{]", pattern)
