"""A folder takes another's place in one move; what the dead leave is removed, what the living write is not."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headstart.outputs import folders, former_of, replaced, staging


def nothing() -> None:
    """Anything may be replaced."""


def fill(target: Path, text: str, check: Callable[[], None] = nothing) -> None:
    with replaced(target, check) as folder:
        (folder / "file").write_text(text)


@pytest.fixture(params=["exchange", "two renames"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "two renames":
        monkeypatch.setattr(folders, "_exchange", lambda *_: False)
    return tmp_path / "[imdb].v1*"  # a name that a pattern would read otherwise


def beside(target: Path) -> list[str]:
    return [path.name for path in target.parent.iterdir() if path != target]


def test_it_takes_the_place_of_nothing_of_an_empty_folder_and_of_a_full_one(target: Path) -> None:
    fill(target, "one")
    assert (target / "file").read_text() == "one"
    fill(target, "two")
    assert (target / "file").read_text() == "two"
    (target / "file").unlink()
    fill(target, "three")
    assert (target / "file").read_text() == "three"
    assert beside(target) == []


def test_after_an_error_in_the_block_nothing_has_changed(target: Path) -> None:
    fill(target, "one")
    with pytest.raises(ZeroDivisionError, match="division"), replaced(target, nothing) as folder:
        (folder / "file").write_text(str(1 / 0))
    assert (target / "file").read_text() == "one"
    assert beside(target) == []


def left_by_the_dead(target: Path, name: str = "") -> Path:
    """A folder as a killed writer leaves it."""
    leftover = target.parent / (name or f".{target.name}.0123abcd.partial")
    (leftover / "new").mkdir(parents=True)
    (leftover / ".headstart").touch()
    (leftover / "new" / "file").write_text("half")
    return leftover


def test_what_the_dead_left_is_removed(target: Path) -> None:
    fill(target, "one")
    left_by_the_dead(target)
    (target.parent / f".{target.name}.3210dcba.partial").mkdir()  # killed before it could mark it
    fill(target, "two")
    assert beside(target) == []


def test_a_former_model_is_put_back_when_its_writer_died_between_two_renames(target: Path) -> None:
    fill(target, "one")
    target.rename(left_by_the_dead(target) / "former")
    assert former_of(target) == target.parent / f".{target.name}.0123abcd.partial" / "former"
    with pytest.raises(ZeroDivisionError, match="division"), replaced(target, nothing):
        _ = 1 / 0
    assert (target / "file").read_text() == "one"
    assert beside(target) == []


@pytest.mark.parametrize(
    "name",
    [".other.0123abcd.partial", ".[imdb].v1*.partial.txt", "i.v1x.0123abcd.partial", ".[imdb].v1*.notes.partial"],
)
def test_what_belongs_to_others_is_left_alone(target: Path, name: str) -> None:
    left_by_the_dead(target, name)
    fill(target, "one")
    assert beside(target) == [name]


def test_a_folder_without_our_mark_is_left_alone(target: Path) -> None:
    """Whatever it is called."""
    precious = target.parent / f".{target.name}.0123abcd.partial"
    precious.mkdir()
    (precious / "notes.txt").touch()
    fill(target, "one")
    assert (precious / "notes.txt").exists()


def test_a_link_that_looks_like_a_leftover_is_left_alone(target: Path, tmp_path: Path) -> None:
    precious = left_by_the_dead(target, "precious")
    (tmp_path / f".{target.name}.0123abcd.partial").symlink_to(precious)
    fill(target, "one")
    assert (precious / "new" / "file").exists()


def test_what_the_living_write_is_left_alone_and_the_last_to_finish_stays(target: Path) -> None:
    with replaced(target, nothing) as first:
        (first / "file").write_text("first")
        fill(target, "second")
        assert first.exists()
        assert (target / "file").read_text() == "second"
    assert (target / "file").read_text() == "first"
    assert beside(target) == []


def test_many_writers_at_once_leave_one_whole_folder(target: Path) -> None:
    failures: list[BaseException] = []

    def save(number: int) -> None:
        try:
            for _ in range(10):
                fill(target, str(number) * 1000)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(set((target / "file").read_text())) == 1
    assert beside(target) == []


def test_what_was_replaced_never_comes_back_where_another_writer_has_moved_ours_away(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(target, "one")

    def moved_away(folder: Path) -> None:
        if folder == target.parent:
            target.rename(target.with_name("with another"))

    monkeypatch.setattr(folders, "flush_folder", moved_away)
    fill(target, "two")
    assert beside(target) == ["with another"] and not target.exists()


def test_a_former_folder_gives_way_to_another_writers(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(target, "newer")
    former = left_by_the_dead(target) / "former"
    former.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(staging.os.path, "lexists", lambda _: False)  # it came right after the look
        staging.put_back(former, target)
    assert (target / "file").read_text() == "newer"


def test_a_target_that_may_no_longer_be_replaced_is_not(target: Path) -> None:
    fill(target, "one")
    answers = iter([None, PermissionError(1, "somebody put notes there")])

    def check() -> None:
        if answer := next(answers):
            raise answer

    with pytest.raises(PermissionError, match="notes"):
        fill(target, "two", check)
    assert (target / "file").read_text() == "one"


def test_a_folder_taken_for_a_dead_writers_is_begun_anew(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, taken = staging.lock, []

    def taken_once(mark: Path) -> int | None:
        if not taken:
            taken.append(mark)
            mark.unlink()
            mark.parent.rmdir()
        return lock(mark)

    monkeypatch.setattr(staging, "lock", taken_once)
    fill(target, "one")
    assert (target / "file").read_text() == "one"


@pytest.mark.parametrize("step", ["_begin", "_move_in"])
def test_endless_disturbance_ends_in_an_error(target: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def disturbed(*_: Any) -> Any:
        raise OSError(errno.ENOTEMPTY, "Directory not empty")

    monkeypatch.setattr(Path, "rename", disturbed)
    if step == "_begin":
        monkeypatch.setattr(staging, "lock", lambda _: None)
    with pytest.raises(OSError, match=r"another process removes every|other processes replace it without end"):
        fill(target, "one")


@pytest.mark.parametrize(("code", "answer"), [(errno.ENOSYS, False), (errno.EINVAL, False), (errno.EACCES, None)])
def test_a_system_that_cannot_exchange_says_so(
    tmp_path: Path, code: int, answer: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Library:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def renameat2(self, *_: Any) -> int:
            return -1

    monkeypatch.setattr(folders.ctypes, "CDLL", Library)
    monkeypatch.setattr(folders.ctypes, "get_errno", lambda: code)
    if answer is None:
        with pytest.raises(PermissionError, match=os.strerror(code)):
            folders._exchange(tmp_path / "a", tmp_path / "b")
    else:
        assert folders._exchange(tmp_path / "a", tmp_path / "b") is answer
