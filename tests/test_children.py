"""Child processes import nothing from the current folder, and die with their parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headstart import children
from headstart.children import Child, safe_path, safely_spawned

POISONED = ("json", "random", "signal", "ctypes", "threading", "importlib", "multiprocessing", "resource", "numpy",
            "torch", "catboost", "sitecustomize", "usercustomize", "headstart", "numba")  # fmt: skip


@pytest.fixture
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: modules and packages in it leave a file behind, and end the process that imports them."""
    code = f"open({str(tmp_path)!r} + '/RAN-' + __name__, 'w').close()\nraise SystemExit(0)\n"
    for name in POISONED:
        if name in ("headstart", "multiprocessing"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").write_text(code)
        else:
            (tmp_path / f"{name}.py").write_text(code)
    for entry in ("", ".", str(tmp_path)):  # as `python -c`, a careless PYTHONPATH and `python -m` leave them
        monkeypatch.setattr(sys, "path", [*sys.path, entry])
    monkeypatch.setenv("PYTHONPATH", f"{os.pathsep}.{os.pathsep}{tmp_path}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def probe() -> None:
    from headstart.artifact import probing

    probing._PASSED.clear()
    assert probing.rewritten_in_child(trees, b"trees", what="head.cbm") == b"trees"


def trees(blob: bytes) -> bytes:
    import json
    import random

    return blob if json.loads("1") == 1 and random.random() < 1 else b""


def work() -> None:
    spec = json.dumps(["headstart.comparison.running:open_fits", "no-context", "no-out", {}])
    with Child("headstart.executors.process:serve", spec, stderr=subprocess.PIPE) as child:
        told = child.communicate()[1].decode()
    assert "no-context" in told, told  # it came so far as to look for its folder


def spawn() -> None:
    import multiprocessing

    with safely_spawned():
        process = multiprocessing.get_context("spawn").Process(target=trees, args=(b"trees",))
        process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.parametrize("user", [probe, work, spawn])
def test_nothing_of_the_current_folder_is_imported(poisoned: Path, user: Callable[[], None]) -> None:
    before = list(sys.path)
    user()
    assert not list(poisoned.glob("RAN-*"))
    assert sys.path == before and os.environ["PYTHONPATH"]


def test_python_m_headstart_is_safe_from_what_python_itself_does_not_need(poisoned: Path) -> None:
    for name in (
        "importlib",
        "signal",
        "threading",
        "ctypes",
        "multiprocessing",
        "headstart",
        "sitecustomize",
        "usercustomize",
    ):
        found = poisoned / name
        for path in (found / "__init__.py", found.with_suffix(".py")):
            path.unlink(missing_ok=True)
        if found.is_dir():
            found.rmdir()
    where = {**os.environ, "PYTHONPATH": str(Path(children.__file__).parent.parent)}
    ended = subprocess.run(
        [sys.executable, "-m", "headstart", "--version"], env=where, capture_output=True, text=True, check=False
    )
    assert ended.stdout.startswith("headstart "), ended
    assert not list(poisoned.glob("RAN-*"))


def test_the_path_for_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, purelib = str(tmp_path / "other"), sysconfig.get_paths()["purelib"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setattr(sys, "path", ["", ".", "lib", str(tmp_path), str(tmp_path / "link"), other, purelib])
    own = str(Path(children.__file__).parent.parent)
    assert safe_path() == [other, purelib, own]
    monkeypatch.chdir(purelib)  # who works in there still needs it
    monkeypatch.setattr(sys, "path", [purelib, own])
    assert safe_path() == [purelib, own]


NAPS = """
import ctypes, sys, time
def nap(linux_kills):
    if linux_kills == "no":
        ctypes.CDLL(None).prctl(1, 0)
    print("asleep", flush=True)
    time.sleep(60)
"""
PARENT = """
import sys
sys.path[:0] = {folders!r}
from headstart.children import Child
child = Child("naps:nap", {linux_kills!r})
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("linux_kills", ["yes", "no"])
def test_a_child_dies_with_its_parent(tmp_path: Path, linux_kills: str) -> None:
    """By the kernel's hand; and, where that is switched off, by its own once the pipe has closed."""
    (tmp_path / "naps.py").write_text(NAPS)
    folders = [str(tmp_path), str(Path(children.__file__).parent.parent)]
    code = PARENT.format(folders=folders, linux_kills=linux_kills)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.05)


def test_ctrl_c_is_the_parents_business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "naps.py").write_text(NAPS)
    monkeypatch.syspath_prepend(str(tmp_path))
    with Child("naps:nap", "yes") as child:
        assert child.ask("") == b"asleep\n"
        child.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.3)
        child.kill()


def test_a_child_that_does_not_start_leaves_no_pipe_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children.sys, "executable", "/no/such/python")
    before = set(Path("/proc/self/fd").iterdir()) if sys.platform == "linux" else set()
    with pytest.raises(OSError, match="No such file"):
        Child("os:getpid")
    assert not before or set(Path("/proc/self/fd").iterdir()) == before
