"""Native readers that are not ours, run in a process whose end is not ours.

A library such as CatBoost reads its own files with C++ that was not written for hostile ones. A crash
there would take the user's process with it. So a child reads the file, and writes what it read anew; what kills the
child is an error here. This process reads only what the library itself wrote: what a damaged file left to chance
(offsets beyond its end, memory never set) was settled in the child.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from headstart.children import Child
from headstart.errors import ArtifactError
from headstart.records import REMEDY

_REFUSED = 3
_ROOM = 2 * 1024**3  # bytes of private memory beyond what the child has before it reads: a guard, not a budget
_PASSED: set[tuple[str, str, str]] = set()


def rewritten_in_child(rewrite: Callable[[bytes], bytes], blob: bytes, *, what: str, seconds: float = 60) -> bytes:
    """Return ``rewrite(blob)`` as a child process computed it.

    It costs the start of a Python process and the imports of `rewrite`'s module, about half a second for
    CatBoost; a blob that came back as it was is not tried again in this process.

    Args:
        rewrite: a function at the top of a module that can be imported: it reads the file, uses what it read (a reader
            may take a file whose use then crashes), and returns the same, written anew. It has to import the
            native library itself.
        blob: the file.
        what: names the file in messages, such as ``"head.cbm"``.
        seconds: after so long the child is stopped and the file refused.

    Raises:
        ArtifactError: if the child crashed, raised, took too long or too much memory.
        TypeError: if the child could not find `rewrite` by its name.
    """
    if "<" in rewrite.__qualname__ or rewrite.__module__ == "__main__":
        raise TypeError(
            f"rewritten_in_child needs a function of an importable module, not {rewrite.__module__}.{rewrite.__qualname__}."
        )
    key = (rewrite.__module__, rewrite.__qualname__, hashlib.sha256(blob).hexdigest())
    if key in _PASSED:
        return blob
    mark = secrets.token_hex(8)  # stands before an answer: a child that ends early is not taken for one that is done
    room = _ROOM + 16 * len(blob)
    try:
        with Child(f"{__name__}:answer", key[0], key[1], str(room), mark, variables={"PYTHONFAULTHANDLER": ""},
                   stderr=subprocess.PIPE) as child:  # fmt: skip
            try:
                found, told = child.communicate(blob, timeout=seconds)
            except BaseException:
                child.kill()
                raise
    except subprocess.TimeoutExpired as error:
        raise ArtifactError(f"{what} could not be read within {seconds:g} seconds: it is damaged. {REMEDY}") from error
    except OSError as error:
        raise ArtifactError(
            f"{what} cannot be tried: no second Python process starts ({error}). Check sys.executable and free memory."
        ) from error
    start = mark.encode()
    if child.returncode == 0 and found.startswith(start) and len(found) > len(start):
        answered = found[len(start) :]
        if answered == blob:
            _PASSED.add(key)
        return answered
    raise ArtifactError(f"{what} cannot be read: {_ending(child.returncode, found, told)}. {REMEDY}")


def answer(module: str, name: str, room: str, mark: str) -> NoReturn:
    """Do the child's part: rewrite what comes on the standard input, write it to the standard output, and end.

    Args:
        module: where the rewriting function is found.
        name: its dotted name there.
        room: bytes of private memory that it may take.
        mark: is written before the answer.
    """
    rewrite: object = importlib.import_module(module)
    for part in name.split("."):
        rewrite = getattr(rewrite, part)
    _limit_memory(int(room))
    blob = sys.stdin.buffer.read()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print goes where messages go
    code = 0
    try:
        said = mark.encode() + rewrite(blob)  # type: ignore[operator]
    except BaseException as error:
        said, code = f"{type(error).__name__}: {error}".encode(errors="replace")[:2000], _REFUSED
    answers.write(said)
    answers.flush()
    os._exit(code)


def _limit_memory(room: int) -> None:
    """Let this process take `room` bytes beyond what it has, and leave no core file; on Linux only."""
    if sys.platform != "linux":
        return
    import resource

    with suppress(OSError, ValueError):  # what is limited further already, or has no /proc
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        used = sum(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
        resource.setrlimit(resource.RLIMIT_DATA, (used + room, used + room))


def _ending(code: int, found: bytes, told: bytes) -> str:
    if code == _REFUSED:
        return found.decode(errors="replace").strip(" :\n") or "its reader refuses it"
    if code < 0:
        return f"its reader crashed on it ({signal.Signals(-code).name})"
    last = told.decode(errors="replace").strip().rsplit("\n", 1)[-1]
    return f"the process that tried it ended with code {code} and no answer" + (f" ({last[:500]})" if last else "")
