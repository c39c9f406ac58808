"""Native readers that are not ours, tried in a process whose end is not ours.

A library such as CatBoost reads its own files with C++ that was not written for hostile ones. A crash
there would take the user's process with it. So the file is first read by a child; what kills the child is
an error here.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from headstart.artifact.faults import REMEDY
from headstart.errors import ArtifactError

__all__ = ["check_in_child"]

_REFUSED = 3
_ROOM = 2 * 1024**3  # bytes of private memory beyond what the child has before it reads: a guard, not a budget
_PASSED: set[tuple[str, str, str]] = set()

# Runs in the child. What `load` prints is thrown away; the last line is what it raised.
_CHILD = """
import importlib, json, os, sys
request = json.loads(sys.argv[1])
sys.path[:] = request["path"]
load = importlib.import_module(request["module"])
for name in request["name"].split("."):
    load = getattr(load, name)
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open("/proc/self/status") as status:
        used = sum(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (used + request["room"], used + request["room"]))
except (ImportError, OSError, ValueError):
    pass
blob = sys.stdin.buffer.read()
answer = os.dup(1)
os.dup2(2, 1)
try:
    load(blob)
except BaseException as error:
    os.write(answer, f"{type(error).__name__}: {error}".encode(errors="replace")[:2000])
    os._exit(request["refused"])
os._exit(0)
"""


def check_in_child(load: Callable[[bytes], object], blob: bytes, *, what: str, seconds: float = 60) -> None:
    """Have a child process call ``load(blob)``, and return if it lived and raised nothing.

    It costs the start of a Python process and the imports of `load`'s module, about half a second for
    CatBoost; a blob that passed is not tried again in this process.

    Args:
        load: a function at the top of a module that can be imported; what it returns is dropped. It has
            to import the native library itself. Let it use what it read, too: a reader may take a file
            whose use then crashes.
        blob: the file.
        what: names the file in messages, such as ``"head.cbm"``.
        seconds: after so long the child is stopped and the file refused.

    Raises:
        ArtifactError: if the child crashed, raised, took too long or too much memory.
        TypeError: if the child could not find `load` by its name.
    """
    if "<" in load.__qualname__ or load.__module__ == "__main__":
        raise TypeError(
            f"check_in_child needs a function of an importable module, not {load.__module__}.{load.__qualname__}."
        )
    key = (load.__module__, load.__qualname__, hashlib.sha256(blob).hexdigest())
    if key in _PASSED:
        return
    request = {"path": sys.path, "module": key[0], "name": key[1], "room": _ROOM + 16 * len(blob), "refused": _REFUSED}
    try:
        child = subprocess.run(
            [sys.executable, "-c", _CHILD, json.dumps(request)],
            input=blob, capture_output=True, timeout=seconds, check=False, env={**os.environ, "PYTHONFAULTHANDLER": ""},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ArtifactError(f"{what} could not be read within {seconds:g} seconds: it is damaged. {REMEDY}") from error
    except OSError as error:
        raise ArtifactError(
            f"{what} cannot be tried: no second Python process starts ({error}). Check sys.executable and free memory."
        ) from error
    if child.returncode == 0:
        _PASSED.add(key)
        return
    raise ArtifactError(f"{what} cannot be read: {_ending(child)}. {REMEDY}")


def _ending(child: subprocess.CompletedProcess[bytes]) -> str:
    if child.returncode == _REFUSED:
        return child.stdout.decode(errors="replace").strip(" :\n") or "its reader refuses it"
    if child.returncode < 0:
        return f"its reader crashed on it ({signal.Signals(-child.returncode).name})"
    last = child.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
    return f"the process that tried it ended with code {child.returncode} ({last[:500]})"
