"""Where compiled loops are kept, and that nothing which is wrong with the kept ones is ever noticed."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headstart.kernels
from headstart.kernels import compiling

PACKAGE = Path(headstart.__file__).parent
FOLDER = PACKAGE / "kernels"

LOOPS = """
from headstart.kernels.compiling import compiled

@compiled(inline=True)
def _inlined(a):
    return a + 1

@compiled(part=True)
def _part(a):
    return _inlined(a) * 2

@compiled
def loop(a):
    total = a * 0
    for i in range(5):
        total += _part(a + i)
    return total
"""


def loaded(folder: Path) -> Any:
    """The loops above as a module that was never imported before."""
    file = folder / "loops_for_tests.py"
    if not file.exists():
        file.write_text(LOOPS)
    specification = importlib.util.spec_from_file_location("loops_for_tests", file)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def hits(module: Any) -> int:
    return sum(module.loop.stats.cache_hits.values())


def test_every_loop_is_compiled_here() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path != FOLDER / "compiling.py":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\b(njit|numba\.jit|vectorize|guvectorize|cache=True)\b", text), (
                f"{path.name}: use compiled"
            )


def test_loops_have_no_namesakes() -> None:
    """Numba tells functions of one qualified name apart by a number that begins anew in every process."""
    for path in FOLDER.glob("*.py"):
        names = re.findall(r"^(    )?@compiled.*\n *def (\w+)", path.read_text(), re.MULTILINE)
        assert not any(indented for indented, _ in names), f"{path.name} compiles a function made by a function"
        assert len({name for _, name in names}) == len(names)


def test_machine_code_is_kept_and_taken_up(tmp_path: Path) -> None:
    assert loaded(tmp_path).loop(1) == 40
    again = loaded(tmp_path)
    assert (again.loop(1), hits(again)) == (40, 1)
    assert (again.loop(1.5), hits(again)) == (45.0, 1)


def test_a_change_in_any_loop_is_a_change_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code holds what the file imports too, which Numba does not look at."""
    for path in FOLDER.glob("*.py"):
        shutil.copy(path, tmp_path)
    before = compiling.digest_of(tmp_path)
    assert before == compiling._sources()
    for name in ("lanes.py", "compiling.py"):
        with (tmp_path / name).open("a") as file:
            file.write("# changed\n")
        assert compiling.digest_of(tmp_path) != before
        before = compiling.digest_of(tmp_path)
    loaded(tmp_path).loop(1)
    monkeypatch.setattr(compiling, "_sources", lambda: "another")
    again = loaded(tmp_path)
    assert (again.loop(1), hits(again)) == (40, 0)


def _swap_functions(folder: Path) -> None:
    """What two processes that write at once can leave: the index says the one, the file holds the other."""
    first, second = sorted(folder.glob("*.nbc"))
    shutil.copy(second, first)


def _stale(folder: Path) -> None:
    """What a process killed between index and file leaves after an upgrade: the index is new, the file old."""
    old = {path: path.read_bytes() for path in folder.glob("*.nbc")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "_sources", lambda: "of the next version")
        _both(loaded(folder.parent))
    for path, raw in old.items():
        path.write_bytes(raw)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "empty files": lambda folder: [path.write_bytes(b"") for path in folder.glob("*.nb*")] and None,
    "cut files": lambda folder: [path.write_bytes(path.read_bytes()[:-9]) for path in folder.glob("*.nb*")] and None,
    "cut code": lambda folder: [path.write_bytes(path.read_bytes()[:-9]) for path in folder.glob("*.nbc")] and None,
    "no pickle": lambda folder: [path.write_bytes(b"\x80\x05cno\nthing\n.") for path in folder.glob("*.nbc")] and None,
    "as Numba writes it": lambda folder: [path.write_bytes(b"\x80\x04)N.") for path in folder.glob("*.nbc")] and None,
    "no code": lambda folder: [path.unlink() for path in folder.glob("*.nbc")] and None,
    "another function's code": _swap_functions,
    "another version's code": _stale,
    "a folder": lambda folder: [(path.unlink(), path.mkdir()) for path in folder.glob("*.nbi")] and None,
    "no folder": shutil.rmtree,
    "a file": lambda folder: shutil.rmtree(folder) or folder.write_text(""),
}


def _both(module: Any) -> tuple[int, float]:
    return module.loop(1), module.loop(1.5)


@pytest.mark.parametrize("damage", DAMAGE)
def test_whatever_is_wrong_with_the_kept_code_it_is_compiled_again(tmp_path: Path, damage: str) -> None:
    _both(loaded(tmp_path))
    DAMAGE[damage](tmp_path / "__pycache__")
    with pytest.MonkeyPatch.context() as patch:
        if damage == "another version's code":
            patch.setattr(compiling, "_sources", lambda: "of the next version")
        first = loaded(tmp_path)
        assert _both(first) == (40, 45.0)
        assert hits(first) == (1 if damage == "another function's code" else 0)
        again = loaded(tmp_path)
        assert _both(again) == (40, 45.0)
        if not damage.startswith("a f"):  # what is no file or folder stays
            assert hits(again) == 2


def test_a_disk_that_fills_up_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiling.IndexDataCacheFile, "_save_data", full)
    assert loaded(tmp_path).loop(1) == 40


class TestPlaces:
    @pytest.fixture
    def nowhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Neither the module's folder nor the user's cache can be written; as root permissions would not bind."""
        monkeypatch.setenv("HOME", "/proc/none")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(compiling.numba.config, "CACHE_DIR", "")
        monkeypatch.setattr(compiling.tempfile, "tempdir", str(tmp_path / "temporary"))
        (tmp_path / "temporary").mkdir()
        (tmp_path / "module").mkdir()
        (tmp_path / "module" / "__pycache__").touch()
        return tmp_path / "module"

    def test_a_folder_of_ones_own_in_the_temporary_folder_is_the_last(self, nowhere: Path, tmp_path: Path) -> None:
        for wanted in (0, 1):
            module = loaded(nowhere)
            assert (module.loop(1), hits(module)) == (40, wanted)
        own = tmp_path / "temporary" / f"headstart-{os.geteuid()}"
        assert own.stat().st_mode & 0o777 == 0o700
        assert list(own.rglob("*.nbc"))

    @pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
    def test_the_current_folder_is_no_place(
        self, nowhere: Path, tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An empty or relative folder of the user's would have code from the current folder run."""
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        monkeypatch.setenv(variable, "." if variable == "HOME" else "")
        assert loaded(nowhere).loop(1) == 40
        assert list((tmp_path / "here").iterdir()) == []

    @pytest.mark.parametrize("fault", ["others may write", "a link", "a file", "nowhere at all"])
    def test_code_that_others_could_have_written_is_not_run(self, nowhere: Path, tmp_path: Path, fault: str) -> None:
        own = tmp_path / "temporary" / f"headstart-{os.geteuid()}"
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        match fault:
            case "others may write":
                own.mkdir()
                own.chmod(0o770)
            case "a link":
                own.symlink_to(tmp_path / "elsewhere")
            case "a file":
                own.touch()
            case _:
                own.parent.rmdir()
        for _ in range(2):
            module = loaded(nowhere)
            assert (module.loop(1), hits(module)) == (40, 0)
        assert not list(tmp_path.rglob("*.nbc"))


def test_two_interpreters_that_compile_at_once_agree(tmp_path: Path) -> None:
    """With different types each, over and over, so that both write the index and number their files."""
    (tmp_path / "loops_for_tests.py").write_text(LOOPS)
    script = """
import sys, numpy as np
import loops_for_tests as loops
for kind in sys.argv[1:]:
    found = loops.loop(np.dtype(kind).type(1))
    assert found == 40, (kind, found)
"""
    kinds = ["i1", "i2", "i4", "i8", "f4", "f8"]
    path = os.pathsep.join([str(tmp_path), str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])

    def run(*orders: list[str]) -> None:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", script, *order],
                env={**os.environ, "PYTHONPATH": path},
                stderr=subprocess.PIPE,
                text=True,
            )
            for order in orders
        ]
        ended = [(process.communicate()[1], process.returncode) for process in processes]
        assert ended == [("", 0)] * len(orders)

    run(kinds, kinds[::-1], kinds[::-1])
    run(kinds)  # from what they left
