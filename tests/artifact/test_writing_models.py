"""A model is written whole or not at all, and the same model is the same bytes."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.artifact import Parts, check_target, read, write
from headstart.errors import ArtifactError
from headstart.outputs import folders

OTHER = Parts({"kind": "tfidf"}, {"weights": {"b": np.ones(5)}}, run={"seconds": 2})


def test_the_same_parts_are_the_same_bytes(
    tmp_path: Path, parts: Parts, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    turned = Parts(
        dict(reversed(parts.model.items())),
        {stem: dict(reversed(parts.tensors[stem].items())) for stem in reversed(parts.tensors)},
        list(parts.words or []),
        parts.blobs,
        {"seconds": 99, "date": "tomorrow"},
    )
    hashes = {write(tmp_path / "one", parts), write(tmp_path / "two", turned)}
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert len(hashes) == 1
    assert one.pop("run.json") != two.pop("run.json")
    assert one == two


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"kind": "other"}},
        {"tensors": {"weights": {"a": np.zeros(1)}}},
        {"words": ["a"]},
        {"words": None},
        {"blobs": {"head.cbm": b"treez"}},
        {"blobs": {"tail.cbm": b"trees"}},
    ],
)
def test_the_content_hash_covers_everything_but_the_run(tmp_path: Path, parts: Parts, change: dict[str, Any]) -> None:
    changed = Parts(**{**vars(parts), **change})
    assert write(tmp_path / "one", parts) != write(tmp_path / "two", changed)


def test_the_folder_holds_these_files_and_nothing_stands_beside_it(tmp_path: Path, model: Path) -> None:
    assert sorted(path.name for path in model.iterdir()) == [
        "head.cbm", "head.safetensors", "headstart.json", "run.json", "vocabulary.txt", "weights.safetensors"
    ]  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["imdb"]


def test_parents_are_made_and_the_usual_permissions_given(tmp_path: Path, parts: Parts) -> None:
    write(tmp_path / "a" / "b" / "imdb", parts)
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "file").touch()
    folder = tmp_path / "a" / "b" / "imdb"
    assert folder.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert {path.stat().st_mode for path in folder.iterdir()} == {(tmp_path / "plain" / "file").stat().st_mode}


def test_a_model_is_replaced(model: Path, laid_open: Callable[[Parts], dict[str, Any]]) -> None:
    write(model, OTHER)
    assert laid_open(read(model)) == laid_open(OTHER)
    assert [path.name for path in model.parent.iterdir()] == ["imdb"]


def test_a_read_model_can_be_written_again_over_itself(model: Path, parts: Parts) -> None:
    before = read(model)
    mapped = read(model, mapped=True)
    assert write(model, mapped) == before.content_hash
    assert mapped.tensors["weights"]["a.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_link_stays_a_link_to_the_new_model(model: Path) -> None:
    link = model.parent / "best"
    link.symlink_to("imdb")
    write(link, OTHER)
    assert link.is_symlink()
    assert read(model).model["kind"] == "tfidf"


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini"])
def test_what_file_managers_leave_is_no_hindrance(model: Path, name: str) -> None:
    (model / name).touch()
    write(model, OTHER)
    assert read(model).model["kind"] == "tfidf"


def _file(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("a,b")


def _notes(folder: Path) -> None:
    write(folder, OTHER)
    (folder / "notes.md").write_text("mine")


def _subfolder(folder: Path) -> None:
    write(folder, OTHER)
    (folder / "data").mkdir()


def _damaged(folder: Path) -> None:
    write(folder, OTHER)
    (folder / "headstart.json").write_bytes(b"{}")


TARGETS = {
    "a file": (_file, r"'.*there' is a file, and a model is a folder\. Choose another name, or move the file away"),
    "other things": (
        lambda folder: (folder / "a.csv").touch(),
        r"is not empty and holds no model .*Choose another folder, or delete it .*no headstart\.json",
    ),
    "a model and more": (_notes, r"holds 'notes\.md' next to its model, and would lose it\. Move that elsewhere, or choose"),
    "a model and a folder": (_subfolder, r"holds 'data' next to its model, and would lose it"),
    "a damaged model": (_damaged, r"is not empty and holds no model that can be read.*headstart\.json .* does not begin with"),
}  # fmt: skip


@pytest.mark.parametrize(("prepare", "sentence"), TARGETS.values(), ids=TARGETS.keys())
@pytest.mark.parametrize("save", [lambda path: write(path, OTHER), check_target], ids=["write", "check_target"])
def test_what_is_no_model_is_not_replaced(
    tmp_path: Path, save: Callable[[Path], Any], prepare: Callable[[Path], Any], sentence: str
) -> None:
    (tmp_path / "there").mkdir()
    prepare(tmp_path / "there")
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    with pytest.raises(ArtifactError, match=sentence):
        save(tmp_path / "there")
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


def test_the_current_folder_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ArtifactError, match=r"is the current folder, which cannot be replaced\. Give the name of a new"
    ):
        write(".", OTHER)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (Parts({"a": np.float32(1)}), r"model\.a is np\.float32\(1\.0\), a numpy\.float32"),
        (Parts({}, run={"a": {1}}), r"run\.a is \{1\}, a builtins\.set"),
        (Parts({}, {"weights": {"a": [1]}}), r"weights\.a is a list; a model stores NumPy arrays"),
        (
            Parts({}, {"../weights": {}}),
            r"the name of a model's file, '\.\./weights\.safetensors': expected `str` matching",
        ),
        (
            Parts({}, {"Weights": {}}),
            r"the name of a model's file, 'Weights\.safetensors': expected `str` matching",
        ),
        (Parts({}, words=["a", None]), r"1 of the model's words are null"),
        (Parts({}, blobs={"run.json": b""}), r"run\.json is written by Headstart itself; give your file another name"),
        (Parts({}, blobs={"head": b""}), r"the name of a model's file, 'head': expected `str` matching"),
        (
            Parts({}, blobs={"a.safetensors": b""}),
            r"the blob a\.safetensors has a name that is kept for tensors or words",
        ),
        (Parts({}, blobs={"vocabulary.txt": b""}), r"the blob vocabulary\.txt has a name that is kept for"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_the_disk_is_touched(
    tmp_path: Path, parts: Parts, sentence: str
) -> None:
    with pytest.raises(ArtifactError, match=sentence):
        write(tmp_path / "new" / "imdb", parts)
    assert list(tmp_path.iterdir()) == []


# --- failures and deaths -----------------------------------------------------------------------------


class _FailingOnce:
    """Fails the `n`-th of the calls that a save makes to the system, and counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, n: int, fault: BaseException) -> None:
        self.n, self.fault, self.calls = n, fault, 0
        monkeypatch.setattr(Path, "mkdir", self.around(Path.mkdir))
        monkeypatch.setattr(Path, "open", self.around(Path.open))
        monkeypatch.setattr(Path, "rename", self.around(Path.rename))
        monkeypatch.setattr(Path, "iterdir", self.around(Path.iterdir))
        monkeypatch.setattr(os, "open", self.around(os.open))
        monkeypatch.setattr(os, "fsync", self.around(os.fsync))
        monkeypatch.setattr("headstart.outputs.folders._exchange", self.around(folders._exchange))

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*arguments: Any, **options: Any) -> Any:
            # Removing leftovers may fail silently: the next save does it.
            caller = sys._getframe(1).f_code
            if Path(caller.co_filename).name != "shutil.py" and caller.co_name != "remove_marked":
                self.calls += 1
                if self.calls == self.n:
                    raise self.fault
            return call(*arguments, **options)

        return failing


def _attempt(folder: Path, fault: BaseException, n: int) -> tuple[int, bool]:
    """Save over `folder` with the n-th call failing; return the number of calls and whether it was saved."""
    with pytest.MonkeyPatch.context() as patch:
        failing = _FailingOnce(patch, n, fault)
        try:
            write(folder, OTHER)
        except (ArtifactError, KeyboardInterrupt):
            return failing.calls, False
    return failing.calls, True


@pytest.mark.parametrize("there", [True, False], ids=["over a model", "anew"])
@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "two renames"])
@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=["disk full", "interrupted"]
)
def test_a_failure_at_any_step_leaves_the_old_model_or_the_new_one(
    tmp_path: Path, parts: Parts, fault: BaseException, exchange: bool, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchange:
        monkeypatch.setattr("headstart.outputs.folders._exchange", lambda *_: False)
    folder, failures = tmp_path / "imdb", 0
    for n in range(1, 200):
        if there:
            write(folder, parts)
        calls, saved = _attempt(folder, fault, n)
        kind = read(folder).model["kind"] if folder.exists() else None
        assert kind in ({"tfidf"} if saved else {"network" if there else None, "tfidf"})
        assert [path.name for path in tmp_path.iterdir() if path.name != "imdb"] == []
        failures += not saved
        if calls < n:
            break
        if not there and folder.exists():
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
    assert failures > 10
    assert calls < n


SAVER = """
import sys
import numpy as np
from headstart.artifact import Parts, write
rng = np.random.default_rng(0)
print("ready", flush=True)
for number in range(10**6):
    write(sys.argv[1], Parts({"number": number}, {"weights": {"a": np.full(300_000, number, np.int32)}}))
"""


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_a_whole_model_stands_there(tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "imdb"
    write(folder, Parts({"number": -1}, {"weights": {"a": np.full(10, -1, np.int32)}}))
    saver = subprocess.Popen([sys.executable, "-c", SAVER, str(folder)], stdout=subprocess.PIPE)
    with saver:
        assert saver.stdout is not None
        assert saver.stdout.readline() == b"ready\n"
        time.sleep(random.Random(seed).uniform(0.01, 0.2))
        saver.send_signal(signal.SIGKILL)
    found = read(folder)
    assert set(found.tensors["weights"]["a"].tolist()) == {found.model["number"]}
    write(folder, OTHER)
    assert [path.name for path in tmp_path.iterdir()] == ["imdb"]


FULL_DISK = """
import resource, signal, sys
import numpy as np
from headstart.artifact import Parts, write
from headstart.errors import ArtifactError
from headstart.outputs import folders
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    write(sys.argv[1], Parts({"kind": "tfidf"}, {"weights": {"a": np.zeros(50_000)}}, ["good"] * 9, {"head.cbm": b"x" * 9000}))
except ArtifactError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 300, 8_999, 399_999])
def test_a_full_disk_is_an_error_and_the_old_model_stays(model: Path, room: int) -> None:
    pytest.importorskip("resource", reason="limits on the size of files exist on POSIX only")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(model), str(room)], capture_output=True, text=True, check=True
    )
    assert f"the model ({model}) cannot be written: File too large (" in done.stdout
    assert "free there). What was there stays as it was. Free some space" in done.stdout
    assert read(model).model["kind"] == "network"
    assert [path.name for path in model.parent.iterdir()] == ["imdb"]


def test_what_is_only_told_may_be_no_utf_8(tmp_path: Path) -> None:
    """Python gives a file's name that is no UTF-8 with halves of surrogate pairs in it."""
    write(tmp_path / "m", Parts({"kind": "x"}, run={"command": "train d\udcff.csv", "a\udcff": ["\udc80", 1, None]}))
    assert read(tmp_path / "m").run == {"command": "train d\\udcff.csv", "a\\udcff": ["\\udc80", 1, None]}
