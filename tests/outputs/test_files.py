"""A file appears whole or not at all; leftovers of the dead go, and a failure is one sentence."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from safetensors import SafetensorError

from headstart.errors import ArtifactError, DataError, OptionError, OutputError
from headstart.outputs import atomic_write, failed_writes, locked, own_folder, remove_own


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["page.html", "x" * 250 + ".csv", "[a]*.csv", ".hidden"])
def test_a_file_is_replaced_in_one_move(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    for text in ("one", "two"):
        with atomic_write(target) as unfinished:
            assert unfinished.name == name
            unfinished.write_text(text)
            assert not target.exists() or target.read_text() == "one"
        assert target.read_text() == text
    assert names(tmp_path) == [name]


def test_after_an_error_nothing_has_changed(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("one")
    with pytest.raises(ZeroDivisionError), atomic_write(target) as unfinished:
        unfinished.write_text(str(1 / 0))
    assert target.read_text() == "one"
    assert names(tmp_path) == ["page.html"]


def test_a_private_file_stays_private(tmp_path: Path) -> None:
    target = tmp_path / "scored.csv"
    target.touch(mode=0o600)
    with atomic_write(target) as unfinished:
        unfinished.write_text("one")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_no_other_thing_is_replaced(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "page.html"
    target.symlink_to("elsewhere") if kind == "link" else target.mkdir()
    with pytest.raises(OptionError, match=f"a {kind}"), atomic_write(target):
        pytest.fail("the block ran")


KILLED = """
import os, signal, sys
from headstart.outputs import atomic_write
with atomic_write(sys.argv[1]) as unfinished:
    unfinished.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    target = tmp_path / "scored.csv"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 1 and not target.exists()
    with atomic_write(target) as unfinished, atomic_write(target) as other:  # the living are left alone
        unfinished.write_text("first")
        other.write_text("second")
    assert names(tmp_path) == ["scored.csv"]


def short(_: Path) -> None:
    raise OSError("131072 requested and 5120 written")


def safetensors(_: Path) -> None:
    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


def catboost(_: Path) -> None:
    raise RuntimeError("util/system/file.cpp: (No space left on device) can't write 4096 bytes")  # CatBoostError is one


def arrow(path: Path) -> None:
    with pa.OSFile(str(path.parent / "no" / "such"), "wb"):
        pass


def numpy(path: Path) -> None:
    np.save(path, np.zeros(3))
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


@pytest.mark.parametrize(
    ("fail", "sentence"),
    [
        (short, r"131072 requested and 5120 written \(.* free there\)\. What was there .* Free some space"),
        (safetensors, r"No space left on device \(.* free there\)\. What was there .* Free some space"),
        (catboost, r"No space left on device \(.* free there\)\. What was there .* Free some space"),
        (numpy, r"Disk quota exceeded \(.* free there\)\. What was there .* Free some space"),
        (arrow, r"No such file or directory\. What was there .* Check the path"),
    ],
)
def test_whoever_fails_to_write_it_is_one_sentence(tmp_path: Path, fail: object, sentence: str) -> None:
    target = tmp_path / "out.bin"
    with pytest.raises(OutputError, match=f"^'{target}' cannot be written: {sentence}"), atomic_write(target) as path:
        fail(path)  # type: ignore[operator]
    assert names(tmp_path) == []
    with pytest.raises(ArtifactError, match="the model"), failed_writes(target, "the model", error=ArtifactError):
        fail(target)  # type: ignore[operator]


@pytest.mark.parametrize(
    "fault",
    [
        DataError("a row is too long."),
        ValueError("no number"),
        FileNotFoundError(2, "No such file", "/elsewhere/in.csv"),
    ],
)
def test_faults_of_other_things_pass(tmp_path: Path, fault: Exception) -> None:
    with pytest.raises(type(fault)) as found, atomic_write(tmp_path / "out.csv"):
        raise fault
    assert found.value is fault


class TestOwnFolders:
    def test_made_emptied_kept_and_removed(self, tmp_path: Path) -> None:
        folder = own_folder(tmp_path / "out" / "work")
        (folder / "deep").mkdir()
        (folder / "deep" / "file").touch()
        assert (own_folder(folder, keep=True) / "deep" / "file").exists()
        assert names(own_folder(folder)) == [".headstart"]
        remove_own(folder)
        assert names(tmp_path / "out") == []

    @pytest.mark.parametrize("kind", ["folder", "link", "file"])
    def test_what_is_not_ours_is_refused_and_stays(self, tmp_path: Path, kind: str) -> None:
        precious, work = own_folder(tmp_path / "precious"), tmp_path / "work"
        (precious / "notes.txt").touch()
        if kind == "folder":
            work.mkdir()
            (work / "notes.txt").touch()
        elif kind == "link":
            work.symlink_to(precious)
        else:
            work.touch()
        remove_own(work)
        with pytest.raises(OptionError, match="what stands there was not made for that"):
            own_folder(work)
        assert (precious / "notes.txt").exists()
        assert kind != "folder" or (work / "notes.txt").exists()

    def test_one_process_at_a_time(self, tmp_path: Path) -> None:
        folder = tmp_path / "deep" / "out"
        with locked(folder, "busy"):
            with pytest.raises(OptionError, match="busy"), locked(folder, "busy"):
                pytest.fail("two at once")
            (folder / "rows").touch()
        with locked(folder, "busy"):
            (folder / "rows").unlink()
        assert names(folder) == []

    def test_an_empty_folder_is_not_left_behind(self, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError), locked(tmp_path / "deep" / "out", "busy"):
            _ = 1 / 0
        assert names(tmp_path) == []
