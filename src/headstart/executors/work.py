"""What is to be done, and the contract of those who do it."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from headstart import errors
from headstart.errors import HeadstartError
from headstart.plain import Facts, Json

ONE_THREAD = dict.fromkeys(
    ("HEADSTART_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""Environment variables of a process that has one core to itself."""


@dataclass(frozen=True)
class Work:
    """What is done for each of some items.

    Attributes:
        open: a function of a module, called once in each process with `reads`, `writes` and `arguments`, that returns what does
            one item: a function from JSON to JSON.
        name: what tells this work from all other, such as the path of its output.
        reads: a folder with what all items need; each machine of a cluster gets a copy.
        writes: a folder for files that belong to a result, which are there when the result is; None if there are none.
        arguments: further ones, ready for JSON.
        opened: what `open` would return, where this process has it already.
        cost: about how long an item takes, in any unit; a cluster begins with the longest.
        memory: bytes that a process needs.
        gpus: GPUs that a process needs.
        packages: what has to be installed where it is done, as it is imported.
        sees: files that every process has to see under the same name.
    """

    open: Callable[..., Callable[[Json], Json]]
    name: str
    reads: Path
    writes: Path | None = None
    arguments: Facts = field(default_factory=dict)
    opened: Callable[[Json], Json] | None = None
    cost: Callable[[Json], float] | None = None
    memory: int = 0
    gpus: int = 0
    packages: Sequence[str] = ()
    sees: Sequence[str] = ()

    @property
    def target(self) -> str:
        """The name of `open`, as ``"module:function"``."""
        return f"{self.open.__module__}:{self.open.__qualname__}"


class Executor(Protocol):
    """Does work somewhere."""

    @property
    def width(self) -> int:
        """About how many items are in the doing at once."""

    def run(self, work: Work, items: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
        """Do all items, and yield each with its result as soon as it has one.

        What stops early, by an error or since nobody asks for more, ends the processes that are at work.

        Raises:
            HeadstartError: the first that an item raised.
            RuntimeError: anything else that went wrong in another process, with its traceback.
        """


def opened_by_name(
    target: str, reads: Path, writes: Path | None, arguments: Mapping[str, object]
) -> Callable[[Json], Json]:
    """Return what does one item, opened in this process."""
    module, _, name = target.partition(":")
    found: Callable[[Json], Json] = getattr(importlib.import_module(module), name)(reads, writes, **arguments)
    return found


def peak_memory() -> int:
    """Return the most bytes that this process has held: what one that opens the same will need, as near as it can be told."""
    if sys.platform == "win32":  # pragma: no cover - which does not tell
        return 1 << 30
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def answer(do: Callable[[Json], Json], item: Json) -> Json:
    """Return ``{"result": ...}``, or what is to be told of the error, as JSON."""
    try:
        return {"result": do(item)}
    except Exception as error:
        return {"kind": type(error).__name__, "error": str(error), "traceback": traceback.format_exc()}


def result_of(item: Json | None, answered: Facts) -> Json:
    """Return the result in an answer.

    Raises:
        HeadstartError: the error in it, if it is one of ours.
        RuntimeError: any other, with its traceback.
    """
    if "result" in answered:
        result: Json = answered["result"]
        return result
    kind, message = getattr(errors, str(answered.get("kind")), None), str(answered["error"])
    if isinstance(kind, type) and issubclass(kind, HeadstartError) and kind is not errors.MissingDependencyError:
        raise kind(message)
    where = "" if item is None else f" at {item}"
    told = f"{answered['kind']}: {message}" if "kind" in answered else message
    raise RuntimeError(f"a worker failed{where}: {told}\n{answered.get('traceback', '')}")
