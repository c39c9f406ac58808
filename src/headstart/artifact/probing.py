"""Native readers that are not ours, run in a process whose end is not ours.

A library such as CatBoost reads its own files with C++ that was not written for hostile ones. A crash
there would take the user's process with it. So a child reads the file, and writes what it read anew; what kills the
child is an error here. This process reads only what the library itself wrote: what a damaged file left to chance
(offsets beyond its end, memory never set) was settled in the child.
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

__all__ = ["rewritten_in_child"]

_REFUSED = 3
_ROOM = 2 * 1024**3  # bytes of private memory beyond what the child has before it reads: a guard, not a budget
_PASSED: set[tuple[str, str, str]] = set()

# Runs in the child. What `rewrite` prints is thrown away; the answer is what it returned, or raised.
_CHILD = """
import importlib, json, os, sys
request = json.loads(sys.argv[1])
sys.path[:] = request["path"]
rewrite = importlib.import_module(request["module"])
for name in request["name"].split("."):
    rewrite = getattr(rewrite, name)
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open("/proc/self/status") as status:
        used = sum(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (used + request["room"], used + request["room"]))
except (ImportError, OSError, ValueError):
    pass
blob = sys.stdin.buffer.read()
answer = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
code = 0
try:
    said = rewrite(blob)
except BaseException as error:
    said = f"{type(error).__name__}: {error}".encode(errors="replace")[:2000]
    code = request["refused"]
answer.write(said)
answer.flush()
os._exit(code)
"""


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
        if child.stdout == blob:
            _PASSED.add(key)
        return child.stdout
    raise ArtifactError(f"{what} cannot be read: {_ending(child)}. {REMEDY}")


def _ending(child: subprocess.CompletedProcess[bytes]) -> str:
    if child.returncode == _REFUSED:
        return child.stdout.decode(errors="replace").strip(" :\n") or "its reader refuses it"
    if child.returncode < 0:
        return f"its reader crashed on it ({signal.Signals(-child.returncode).name})"
    last = child.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
    return f"the process that tried it ended with code {child.returncode} ({last[:500]})"
