"""A place is looked at before any work is done: what may stand there, and that it is no input."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headstart.errors import HeadstartError, OptionError, OutputError
from headstart.outputs import check_apart, check_file, check_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a file, a folder with a file in it, links, a pipe."""
    (tmp_path / "in.csv").write_text("text\n")
    (tmp_path / "data" / "deep").mkdir(parents=True)
    for name in ("data/a.csv", "data/b.csv", "data/deep/c.csv"):
        (tmp_path / name).write_text("text\n")
    (tmp_path / "link.csv").symlink_to("in.csv")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "in.csv")
    (tmp_path / "data-link").symlink_to("data")
    (tmp_path / "dangling").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("data", "--out is 'data', a folder; name a file in it"),
        ("data/", "a folder"),
        (".", "a folder"),
        ("", "a folder"),
        ("link.csv", "a link to 'in.csv'; name the file itself"),
        ("dangling", "a link to 'nothing'"),
        ("pipe.csv", "a device or pipe; name a plain file"),
        ("/dev/null", "a device or pipe"),
        ("/dev/stdout", "a link|a device or pipe"),
        ("nowhere/x.csv", "the folder 'nowhere' for --out x.csv does not exist; make it"),
        ("in.csv/x.csv", "the folder 'in.csv' for --out x.csv does not exist|Not a directory"),
        ("x" * 300 + ".csv", "File name too long"),
        ("a\0b.csv", "null"),
    ],
)
def test_no_place_for_a_file(place: Path, path: str, sentence: str) -> None:
    with pytest.raises(HeadstartError, match=sentence):
        check_file(path, option="--out")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize("path", ["/proc/x.csv", "/sys/x.csv"])
def test_a_place_where_nothing_can_be_made(path: str) -> None:
    """Permissions alone do not tell: root may write anywhere, and cannot."""
    with pytest.raises(OutputError, match=f"'{path}' cannot be written: .*\\. What was there stays"):
        check_file(path)


@pytest.mark.parametrize(
    "path", ["new.csv", "in.csv", "data/new.csv", "data-link/new.csv", "y" * 250 + ".csv", "č.csv"]
)
def test_a_place_for_a_file(place: Path, path: str) -> None:
    before = sorted(place.rglob("*"))
    check_file(path, ["-", None, "https://example.org/in.csv", {"text": []}])
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("in.csv", "'in.csv', a file, and a folder is to be written"),
        ("dangling", "a link to nothing"),
        ("in.csv/model", "in.csv' is a file"),
        ("/proc/x", "cannot be written"),
    ],
)
def test_no_place_for_a_folder(place: Path, path: str, sentence: str) -> None:
    for names in (None, ["rows.jsonl"]):
        with pytest.raises(HeadstartError, match=sentence):
            check_folder(path, names=names)


@pytest.mark.parametrize("path", ["new", "deep/deeper/new", "data", "data-link"])
def test_a_place_for_a_folder(place: Path, path: str) -> None:
    before = sorted(place.rglob("*"))
    check_folder(path)
    check_folder(path, names=["rows.jsonl"])
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    ("path", "source", "how"),
    [
        ("in.csv", "in.csv", "is"),
        ("data/../in.csv", Path("in.csv"), "is"),
        ("in.csv", "link.csv", "is"),
        ("link.csv", "in.csv", "is"),
        ("hard.csv", "in.csv", "is"),
        ("in.csv", "HERE/in.csv", "is"),
        ("in.csv", "file://HERE/in.csv", "is"),
        ("in.csv", ["data", "in.csv"], "is"),
        ("data/a.csv", "data", "lies in"),
        ("data/new.csv", "data", "lies in"),
        ("data-link/deep/new.csv", "data", "lies in"),
        ("data/deep/new/er.csv", "data-link", "lies in"),
        ("new.csv", ".", "lies in"),
        ("data/a.csv", "data/*.csv", "is"),
        ("data/new.csv", "data/*.csv", "would be one of"),
        ("data/new.csv", ["in.csv", ("data/*.csv",)], "would be one of"),
        ("data/deep/c.csv", "data/**/*.csv", "is"),
        ("data", "data/deep/c.csv", "holds"),
        ("data-link", "data/a.csv", "holds"),
        ("data/deep", "data/**/*.csv", "holds"),
    ],
)
def test_an_output_that_is_an_input_or_part_of_one(place: Path, path: str, source: object, how: str) -> None:
    given = source.replace("HERE", str(place)) if isinstance(source, str) else source
    with pytest.raises(OptionError, match=f"--out is '{path}', which {how} what is read"):
        check_apart(path, [None, given], option="--out")


@pytest.mark.parametrize(
    ("path", "source"),
    [("data", "in.csv"), ("new.csv", "in.csv"), ("data/new.csv", "data/a.csv"), ("data/new.csv", "data/[ab].csv"),
     ("data/deep/new.csv", "data/*.csv"), ("in.csv", "nowhere.csv"), ("in.csv", "s3://bucket/in.csv"), ("in.csv", "data")],
)  # fmt: skip
def test_an_output_that_is_apart(place: Path, path: str, source: str) -> None:
    check_apart(path, [source])


def test_the_standard_input_is_an_input(place: Path) -> None:
    code = "from headstart.outputs import check_apart\ncheck_apart('data/a.csv', ['-'])\ncheck_apart('in.csv', ['-'])"
    with (place / "in.csv").open() as file:
        ended = subprocess.run([sys.executable, "-c", code], stdin=file, capture_output=True, text=True, check=False)
    assert "'in.csv', which is what is read ('-')" in ended.stderr


@pytest.mark.parametrize("check", [check_file, check_folder, check_apart])
def test_a_table_in_memory_is_no_place(place: Path, check: Callable[..., None]) -> None:
    check("new", [{"text": ["in.csv"]}, 3, object()])
