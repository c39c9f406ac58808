"""What the strategies are told, and what they give back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from headstart.batches import Clip
from headstart.corpus import Corpus
from headstart.errors import unknown_name
from headstart.plain import Facts, Json
from headstart.predictor import Predictor
from headstart.strategies.teacher import Teacher
from headstart.train import Event, Phase, Trainer


@dataclass(frozen=True)
class Settings:
    """Options of learning; None takes the strategy's or the network's own default.

    The attributes are those of `headstart.TextClassifier`, which documents them.
    """

    net: str | nn.Module | Callable[[int], nn.Module] = "blend"
    net_options: Facts = field(default_factory=dict)
    tokens: str | None = None
    unlabelled: Corpus | None = None
    source: Corpus | None = None
    encoder: Predictor | None = None
    teacher: Teacher | None = None
    min_count: int | None = None
    max_words: int | None = None
    max_tokens: int | str | None = "auto"
    clip: Clip = "head"
    word_vectors: bool | None = None
    epochs: int | None = None
    phases: Sequence[Phase] | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    freeze: str | None = None
    trainer_options: Facts = field(default_factory=dict)
    layer: str | Sequence[str] | None = None
    head: str = "auto"
    pooling: str = "mean"
    columns: tuple[str, ...] = ()
    column_types: Mapping[str, str] | None = None
    C: float | None = None
    groups: str | None = None
    valid_fraction: float | int = 0.1
    calibrate: bool = True
    coverage: float | None = None
    metric: str | None = None
    random_state: int = 0
    device: str = "auto"
    events: Sequence[Event] = ()
    checkpoint: str | Path | None = None
    cache: str | Path | None = None

    def second_training(self, name: str = "pseudo_labels") -> Json:
        """Return options of a `Trainer` that learns from pseudo-labels; its checkpoint stands next to that of the main training.

        Args:
            name: of the folder of its checkpoint.
        """
        folder = None if self.checkpoint is None else Path(self.checkpoint) / name
        own = {name: self.trainer_options[name] for name in ("checkpoint_seconds",) if name in self.trainer_options}
        return {"random_state": self.random_state, "events": self.events, "checkpoint": folder, **own}

    def say(self, sentence: str) -> None:
        """Tell those events that take sentences, by a method `note`, what was decided."""
        for event in self.events:
            note = getattr(event, "note", None)
            if note is not None:
                note(sentence)

    def trainer(self, net: nn.Module, **defaults: Any) -> Trainer:
        """Return a trainer of `net`: the strategy's `defaults`, overruled by `trainer_options`.

        Raises:
            OptionError: if one of these is no option of `headstart.train.Trainer`, or has a value that cannot be.
        """
        known = sorted(set(inspect.signature(Trainer).parameters) - {"net"})
        for name in self.trainer_options:
            if name not in known:
                raise unknown_name("option of Trainer called", name, known)
        own = {name: getattr(self, name) for name in ("random_state", "device", "events", "checkpoint")}
        taught = {} if self.teacher is None else self.teacher.training
        return Trainer(net, **{**own, **defaults, **taught, **self.trainer_options})


@dataclass(frozen=True)
class FitResult:
    """A predictor, and what tells how it came to be.

    Attributes:
        predictor: ready to predict.
        history: one row an epoch, or, with its name as ``step``, a step; empty where nothing was measured on the way.
        notes: sentences about what was decided on the way, for the log and the report.
        choices: what was chosen on the way, by the names of `Settings` where there is one; JSON-able. The same settings with
            these choices give the same model.
        score_shared: gives the logits of other rows of the same `SharedRows` without reading their texts again; None where
            the predictor has to.
    """

    predictor: Predictor
    history: list[Json] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    choices: Json = field(default_factory=dict)
    score_shared: Callable[[Any], NDArray[np.float64]] | None = field(default=None, repr=False, compare=False)
