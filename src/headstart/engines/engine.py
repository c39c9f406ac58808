"""What every engine does, and what a stored network is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from headstart.arrays import Floats
from headstart.batches import Examples
from headstart.errors import OptionError
from headstart.plain import Facts
from headstart.records import Name, Record, Text, Whole

POOLINGS = ("last", "mean", "max")
"""How outputs of every token become one a row."""

LOGITS = ""
"""The name under which a network's own result is asked for."""

Shape = tuple[int | str, ...]
"""Sizes of a stage's output; ``"rows"`` and ``"tokens"`` stand for the batch's own."""


class CannotRunError(OptionError):
    """An engine cannot run a network that another can; the model itself is sound."""


class Engine(Protocol):
    """Runs a network that is done learning.

    Attributes:
        name: as `headstart.load` takes it.
        stages: names of the stages, in the order in which they run.
        shapes: the shape of each stage's output, where it is known.
    """

    name: str

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in the order in which they run."""

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of each stage's output, where it is known."""

    def checked(self, names: Sequence[str]) -> None:
        """Refuse names of outputs that the network does not have.

        Raises:
            OptionError: names the near ones.
        """

    def outputs(self, examples: Examples, names: Sequence[str], pooling: str = "mean") -> dict[str, Floats]:
        """Return named outputs of every row, all in one pass, each float32 [rows, size], in the order of the rows.

        Args:
            examples: the rows; the engine makes batches of them. A row's numbers do not depend on its batch (1e-5).
            names: stages; ``""`` (`LOGITS`) is the network's own result.
            pooling: how outputs of every token become one a row: ``"mean"``, ``"max"`` or ``"last"``.

        Raises:
            OptionError: there is no such stage.
        """


class NetSpec(Record, frozen=True):
    """How a network is built anew, for its weights to be put in.

    Attributes:
        name: a name from `headstart.nets.STORED`; None for a module of the user's own.
        n_words: rows of its embedding.
        options: its options, all of them for what is to be stored: a later version's defaults then change no model.
        until: the stage at which it was cut off, or None.
    """

    name: Text | None
    n_words: Whole
    options: Facts = msgspec.field(default_factory=dict)
    until: Name | None = None

    @property
    def reads_columns(self) -> bool:
        """Whether it was built for tabular columns next to what else it reads, which torch alone runs."""
        return bool(self.options.get("n_numbers") or self.options.get("n_categories"))
