"""The one way in which this package starts another Python process.

A child runs a function of an importable module. It never imports anything from the current folder, whatever
``sys.path``, ``PYTHONPATH`` or a ``sitecustomize.py`` there say: it starts with ``python -P``, and the path that it
is given holds absolute folders only. It dies with the process that started it: at once on Linux, where the kernel
sees to it, and elsewhere as soon as it notices that a pipe of its parent's has closed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from headstart.plain import Json

# Runs in the child before anything else. Up to the second line only the standard library can be found: ``-P`` keeps
# the current folder out of the path, and the environment holds no PYTHONPATH.
_START = """
import json, sys
request = json.loads(sys.argv[1])
sys.path[:] = request["path"]
import importlib, os, signal, threading
signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() != request["parent"] and os.name == "posix":
    os._exit(1)
def leave_with_parent():
    os.read(request["lifeline"], 1)
    os._exit(1)
if request["lifeline"] is not None:
    threading.Thread(target=leave_with_parent, daemon=True).start()
module, _, name = request["target"].partition(":")
getattr(importlib.import_module(module), name)(*request["arguments"])
"""


class Child(subprocess.Popen[bytes]):
    """A Python process that calls one function and ends with it.

    Its standard input and output are pipes to this process, as bytes; it ignores SIGINT, and is killed when this
    process ends.

    Args:
        target: the function as ``"module:name"``; it is called with `arguments`.
        arguments: strings.
        variables: environment variables to set next to those of this process.
        stderr: as in `subprocess.Popen`; None shares this process's.
        pass_fds: descriptors, such as a socket's, that the child gets under the same numbers.

    Raises:
        OSError: if no process can be started.
    """

    def __init__(
        self,
        target: str,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        stderr: int | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        ours, theirs = _lifeline()
        request = {
            "path": safe_path(), "parent": os.getpid(), "lifeline": theirs, "target": target, "arguments": arguments,
        }  # fmt: skip
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        more: Json = {} if theirs is None else {"pass_fds": (theirs, *pass_fds)}
        try:
            super().__init__(
                [sys.executable, "-P", "-c", _START, json.dumps(request)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**environment, **(variables or {})},
                **more,
            )
        except BaseException:
            if ours is not None:
                os.close(ours)
            raise
        finally:
            if theirs is not None:
                os.close(theirs)
        if ours is not None:
            weakref.finalize(self, os.close, ours)

    def ask(self, line: str) -> bytes:
        """Send a line and return the line that comes back; empty if the child has ended.

        Raises:
            OSError: if the child can no longer be reached.
        """
        if self.stdin is None or self.stdout is None:
            return b""
        self.stdin.write(line.encode() + b"\n")
        self.stdin.flush()
        return self.stdout.readline()


def safe_path() -> list[str]:
    """Return the folders of ``sys.path`` that may be handed to a child.

    Left out are relative ones, the empty one, and the current folder under any name; what Python itself and its
    packages are installed in stays. The folder that holds this package comes last, if it is not there already.
    """
    installed = {os.path.realpath(folder) for folder in sysconfig.get_paths().values()}
    here = _current_folder()
    kept = [
        entry
        for entry in sys.path
        if Path(entry).is_absolute() and (os.path.realpath(entry) in installed or os.path.realpath(entry) != here)
    ]
    own = str(Path(__file__).resolve().parent.parent)
    return kept if own in map(os.path.realpath, kept) else [*kept, own]


@contextmanager
def safely_spawned() -> Iterator[None]:
    """Let processes that `multiprocessing` spawns in this block look into the current folder last of all.

    They unpickle what the caller wrote, which may well be defined in a module there, so it cannot be left out.
    """
    path, here = list(sys.path), _current_folder()
    safe = safe_path()
    variables = {name: os.environ.get(name) for name in ("PYTHONPATH", "PYTHONSAFEPATH")}
    sys.path[:] = [*safe, here] if here is not None and not set(path) <= set(safe) else safe
    os.environ.pop("PYTHONPATH", None)
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        sys.path[:] = path
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _current_folder() -> str | None:
    with suppress(OSError):  # it may have been removed
        return os.path.realpath(Path.cwd())
    return None


def _lifeline() -> tuple[int | None, int | None]:
    """Return the two ends of a pipe: the child's closes when this process has ended, however it ended."""
    if os.name == "nt":  # pragma: no cover - such a child cannot be given a descriptor
        return None, None
    theirs, ours = os.pipe()
    return ours, theirs
