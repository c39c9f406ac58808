"""A native reader's crash is an error and not ours."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from headstart.artifact import probing, rewritten_in_child
from headstart.errors import ArtifactError

READERS = """
import ctypes, os, sys
def reads(blob):
    print("chatter")
    if blob == b"old trees": return b"trees"
    if blob != b"trees": raise ValueError(f"these are {len(blob)} bytes of no trees")
    return blob
def crashes(blob): ctypes.string_at(0)
def aborts(blob): os.abort()
def leaves(blob): os._exit(7)
def slips_away(blob): os._exit(0)
def says_nothing(blob): return b""
def hangs(blob):
    while True: pass
def swells(blob): return bytearray(8 * 1024**3)
class Reader:
    @staticmethod
    def reads(blob): return reads(blob)
"""


@pytest.fixture
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "readers_for_test.py").write_text(textwrap.dedent(READERS))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "readers_for_test", raising=False)
    monkeypatch.setattr(probing, "_PASSED", set())
    return __import__("readers_for_test")


def test_a_file_that_can_be_read_passes(readers: ModuleType) -> None:
    assert rewritten_in_child(readers.reads, b"trees", what="head.cbm") == b"trees"
    assert rewritten_in_child(readers.Reader.reads, b"trees", what="head.cbm") == b"trees"


def test_what_another_version_wrote_comes_back_as_this_one_writes_it(readers: ModuleType) -> None:
    for _ in range(2):
        assert rewritten_in_child(readers.reads, b"old trees", what="head.cbm") == b"trees"


def test_what_passed_is_not_tried_again(readers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    rewritten_in_child(readers.reads, b"trees", what="head.cbm")
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert rewritten_in_child(readers.reads, b"trees", what="head.cbm") == b"trees"
    with pytest.raises(ArtifactError, match=r"head\.cbm cannot be tried: .*No such file"):
        rewritten_in_child(readers.reads, b"other", what="head.cbm")


@pytest.mark.parametrize(
    ("reader", "sentence"),
    [
        ("reads", r"head\.cbm cannot be read: ValueError: these are 3 bytes of no trees\. Copy the model again"),
        ("crashes", r"head\.cbm cannot be read: its reader crashed on it \(SIGSEGV\)\. Copy the model again"),
        ("aborts", r"head\.cbm cannot be read: its reader crashed on it \(SIGABRT\)\. Copy"),
        ("leaves", r"head\.cbm cannot be read: the process that tried it ended with code 7"),
        ("slips_away", r"head\.cbm cannot be read: the process that tried it ended with code 0 and no answer\. Copy"),
        ("says_nothing", r"head\.cbm cannot be read: the process that tried it ended with code 0 and no answer\. Copy"),
        ("hangs", r"head\.cbm could not be read within 1 seconds: it is damaged\. Copy"),
        ("swells", r"head\.cbm cannot be read: MemoryError\. Copy"),
    ],
)
def test_what_ends_the_child_is_an_error_here(readers: ModuleType, reader: str, sentence: str) -> None:
    if reader == "swells" and sys.platform != "linux":
        pytest.skip("memory is limited on Linux only")
    with pytest.raises(ArtifactError, match=sentence):
        rewritten_in_child(getattr(readers, reader), b"bad", what="head.cbm", seconds=1 if reader == "hangs" else 60)


def test_a_function_that_the_child_cannot_find_is_our_mistake() -> None:
    with pytest.raises(TypeError, match="needs a function of an importable module"):
        rewritten_in_child(lambda blob: blob, b"", what="head.cbm")
