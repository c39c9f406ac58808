"""Reads a node's options: texts such as ``"True"``, ``"(1,)"``, ``"1e-05"`` and ``"None"``, checked one by one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NoReturn, overload

from headstart.errors import ArtifactError
from headstart.nets.mxnet.symbol import Node

_LARGEST = 2**40
_MOST_SIZES = 64
_WHOLE = re.compile(r"[+-]?\d{1,18}L?")
_IGNORED = frozenset(
    {"workspace", "cudnn_tune", "cudnn_off", "ctx", "sparse_grad", "name", "forward_stype", "key", "ndev"}
)
"""Options that say where and how fast an operator runs and not what it computes."""
_HIDDEN = frozenset({"ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage", "profiler_scope"})
"""Options that old files keep on any node; new files write them with underscores, ``__lr_mult__``."""


class Attributes:
    """The options of one node, read by type.

    Args:
        node: the node.
        index: its place in the graph, for messages.

    Every reader takes the option's name and its default, and raises `ArtifactError` where the text is not of
    that type. An option without default is required. `finish` refuses options that were never read: they
    would change what the operator computes in a way unknown here.
    """

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.place = f"node {index}, the {node.op} called {node.name!r}"
        self.n_inputs = len(node.inputs)
        self._read: set[str] = set()

    def fail(self, fault: str, remedy: str = "Save the network again from MXNet, or leave this layer out.") -> NoReturn:
        """Raise the error for a fault of this node."""
        raise ArtifactError(f"{self.place}: {fault}. {remedy}")

    def expects(self, *n_inputs: int) -> None:
        """Check how many inputs the node has."""
        if self.n_inputs not in n_inputs:
            expected = " or ".join(map(str, n_inputs))
            self.fail(f"it has {self.n_inputs} inputs; this operator with these options takes {expected}")

    def finish(self) -> None:
        """Refuse what was not understood."""
        for name in self.node.attrs:
            if name not in self._read | _IGNORED | _HIDDEN and not name.startswith("__"):
                self.fail(
                    f"its option {name!r} = {self.node.attrs[name]!r} is not known here, and may change the result",
                    "If MXNet's documentation says that it does not, delete the option from the JSON file.",
                )

    def skip(self, *names: str) -> None:
        """Mark options as having no bearing on the result."""
        self._read.update(names)

    def text(self, name: str, default: str | None = None) -> str:
        """Return the option as it stands."""
        self._read.add(name)
        value = self.node.attrs.get(name, default)
        if value is None:
            self.fail(f"its required option {name!r} is missing")
        return value

    def choice(self, name: str, known: Sequence[str], default: str | None = None) -> str:
        """Return one of the `known` texts."""
        value = self.text(name, default)
        if value not in known:
            self.fail(f"its option {name!r} is {value!r}; the ones covered are {', '.join(map(repr, known))}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return a yes or no, written as ``"True"`` or ``"1"`` and ``"False"``, ``"0"`` or ``"None"``."""
        value = self.text(name, str(default)).lower()
        if value not in ("true", "1", "false", "0", "none"):
            self.fail(f"its option {name!r} is {value!r}; expected 'True' or 'False'")
        return value in ("true", "1")

    def real(self, name: str, default: float | None = None, *, low: float = -math.inf, high: float = math.inf) -> float:
        """Return a finite number in [low, high]."""
        value = self.text(name, None if default is None else repr(default))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or not low <= number <= high:
            self.fail(f"its option {name!r} is {value!r}; expected a number from {low} to {high}")
        return number

    def optional_real(self, name: str) -> float | None:
        """Return a finite number, or None where it is absent or ``"None"``."""
        return None if self.text(name, "None") == "None" else self.real(name)

    def integer(self, name: str, default: int | None = None, *, low: int = -_LARGEST, high: int = _LARGEST) -> int:
        """Return a whole number in [low, high]."""
        value = self.text(name, None if default is None else str(default))
        if not _WHOLE.fullmatch(value) or not low <= int(value.rstrip("L")) <= high:
            self.fail(f"its option {name!r} is {value!r}; expected a whole number from {low:,} to {high:,}")
        return int(value.rstrip("L"))

    @overload
    def optional_integer(self, name: str) -> int | None: ...
    @overload
    def optional_integer(self, name: str, default: int) -> int | None: ...
    def optional_integer(self, name: str, default: int | None = None) -> int | None:
        """Return a whole number, `default` where it is absent, or None where it is ``"None"``."""
        return None if self.text(name, str(default)) == "None" else self.integer(name, default)

    def sizes(self, name: str, default: tuple[int | None, ...] | None = None) -> tuple[int | None, ...]:
        """Return whole numbers: ``"(1, 2)"``, ``"[1, 2]"``, ``"1"`` or ``"()"``; a ``None`` among them stays None."""
        if name not in self.node.attrs and default is not None:
            self._read.add(name)
            return default
        value = self.text(name)
        inner = value.strip().removeprefix("(").removeprefix("[").removesuffix(")").removesuffix("]")
        parts = [part.strip() for part in inner.split(",")] if inner.strip() else []
        if parts and not parts[-1]:
            parts.pop()
        if len(parts) > _MOST_SIZES or not all(part == "None" or _WHOLE.fullmatch(part) for part in parts):
            self.fail(
                f"its option {name!r} is {value!r:.80}; expected whole numbers such as '(1, 2)', {_MOST_SIZES} at most"
            )
        numbers = tuple(None if part == "None" else int(part.rstrip("L")) for part in parts)
        if any(number is not None and abs(number) > _LARGEST for number in numbers):
            self.fail(f"its option {name!r} is {value!r:.80}, which holds a number beyond any array's size")
        return numbers

    def shape(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """Return whole numbers, none of them None."""
        numbers = self.sizes(name, default)
        whole = tuple(number for number in numbers if number is not None)
        if len(whole) != len(numbers):
            self.fail(f"its option {name!r} is {self.node.attrs[name]!r:.80}; expected whole numbers only")
        return whole

    def axes(self, name: str = "axis") -> tuple[int, ...] | None:
        """Return axes as a tuple, or None where they are absent, ``"None"`` or ``"()"``."""
        if self.text(name, "None") == "None":
            return None
        return self.shape(name) or None

    def per_axis(self, name: str, n_axes: int, default: int, *, low: int = 0, high: int = 65_535) -> tuple[int, ...]:
        """Return a whole number in [low, high] for each of `n_axes` axes; absent or ``"()"`` means `default`."""
        numbers = self.shape(name, ()) or (default,) * n_axes
        if len(numbers) != n_axes or not all(low <= number <= high for number in numbers):
            self.fail(f"its option {name!r} is {numbers}; expected {n_axes} whole numbers from {low} to {high:,}")
        return numbers
