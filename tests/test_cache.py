"""Vectors on disk: kept, bounded, safe against other writers and damage, and never in the way."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from headstart.cache import VectorCache, cache_folder, text_keys

Vectors = dict[bytes, NDArray[np.float32]]


def drawn(n: int, *, size: int = 16, start: int = 0) -> Vectors:
    rng = np.random.default_rng(start)
    keys = text_keys(b"model", [f"text {i}" for i in range(start, start + n)])
    return {key: rng.normal(0, 1, size).astype(np.float32) for key in keys}


def same(found: Vectors, expected: Vectors) -> bool:
    return set(found) == set(expected) and all(np.array_equal(found[key], expected[key]) for key in found)


def test_what_is_put_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    vectors = drawn(1200)
    VectorCache(tmp_path / "new" / "folder").put(vectors)
    cache = VectorCache(tmp_path / "new" / "folder")
    assert same(cache.get([*vectors, b"another", *vectors], 16), vectors)
    assert cache.get([], 16) == {} and cache.get([b"another"], 16) == {}


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    assert VectorCache(tmp_path / "none").get(list(drawn(3)), 16) == {}
    assert not (tmp_path / "none").exists()


def test_the_last_one_put_counts(tmp_path: Path) -> None:
    key = text_keys(b"model", ["a"])[0]
    cache = VectorCache(tmp_path)
    for value in (1, 2):
        cache.put({key: np.full(3, value, np.float32)})
    assert cache.get([key], 3)[key].tolist() == [2, 2, 2]


def test_keys_tell_models_and_texts_apart() -> None:
    keys = text_keys(b"a", ["x", "y", "", "\ud83d"]) + text_keys(b"b", ["x"])
    assert len(set(keys)) == 5 and all(len(key) == 16 for key in keys)
    assert text_keys(b"a", ["x"]) == keys[:1]


def test_it_stays_below_its_bound_and_the_oldest_go_first(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, most_bytes=300_000)
    for start in range(0, 2000, 100):
        cache.put(drawn(100, size=100, start=start))
        assert cache.path.stat().st_size < 400_000
    assert same(cache.get(list(drawn(100, size=100, start=1900)), 100), drawn(100, size=100, start=1900))
    assert cache.get(list(drawn(100, size=100)), 100) == {}


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "no database": lambda raw: b"this is no database, but it is long enough to be taken for one" * 20,
    "cut": lambda raw: raw[: len(raw) // 2],
    "a page of zeros": lambda raw: raw[:4096] + bytes(4096) + raw[8192:],
    "a header of noise": lambda raw: raw[:20] + b"\xff" * 60 + raw[80:],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_thrown_away(tmp_path: Path, damage: str) -> None:
    vectors = drawn(400)
    cache = VectorCache(tmp_path)
    cache.put(vectors)
    cache.path.write_bytes(DAMAGE[damage](cache.path.read_bytes()))
    found = VectorCache(tmp_path).get(list(vectors), 16)
    assert all(np.array_equal(found[key], vectors[key]) for key in found)
    again = VectorCache(tmp_path)
    again.put(vectors)
    again.put(vectors)
    assert same(VectorCache(tmp_path).get(list(vectors), 16), vectors)


def test_any_byte_may_be_another(tmp_path: Path) -> None:
    """Whatever SQLite or its driver make of it: no vector is another one, and what is put afterwards is kept."""
    vectors = drawn(3, size=4)
    cache = VectorCache(tmp_path)
    cache.put(vectors)
    sound = cache.path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for at, byte in enumerate(sound):
            if byte == 0 and at % 64:  # most of the file is empty
                continue
            for path in tmp_path.iterdir():
                path.unlink()
            cache.path.write_bytes(sound[:at] + bytes([byte ^ 0xC3]) + sound[at + 1 :])
            fresh = VectorCache(tmp_path)
            found = fresh.get(list(vectors), 4)
            assert all(np.array_equal(found[key], vectors[key]) for key in found), at
            fresh.put(vectors)
            assert not fresh._usable or same(fresh.get(list(vectors), 4), vectors), at


@pytest.mark.parametrize("change", ["UPDATE vectors SET value = zeroblob(length(value))", "UPDATE vectors SET value = 'text'",
                                    "UPDATE vectors SET value = substr(value, 1, 30)"])  # fmt: skip
def test_a_damaged_vector_is_left_out(tmp_path: Path, change: str) -> None:
    vectors = drawn(10)
    cache = VectorCache(tmp_path)
    cache.put(vectors)
    with sqlite3.connect(cache.path) as connection:
        connection.execute(f"{change} WHERE id <= 4")
    connection.close()
    assert same(cache.get(list(vectors), 16), dict(list(vectors.items())[4:]))


def test_a_vector_of_another_size_or_without_numbers_is_left_out(tmp_path: Path) -> None:
    vectors, broken = drawn(3), drawn(2, start=50)
    first, second = broken
    broken[first][3] = np.nan
    broken[second][0] = np.inf
    cache = VectorCache(tmp_path)
    cache.put({**vectors, **broken})
    assert same(cache.get([*vectors, *broken], 16), vectors)
    assert cache.get(list(vectors), 15) == {} and cache.get(list(vectors), 0) == {}


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE vectors; CREATE VIEW vectors AS WITH RECURSIVE n(key, value) AS (SELECT 1, 2 UNION ALL SELECT key + 1, 2 FROM n) SELECT * FROM n",
        "DROP TABLE vectors; CREATE TABLE vectors (key, value)",
        "DROP TABLE vectors; CREATE TABLE vectors (id INTEGER PRIMARY KEY, other TEXT)",
    ],
)
def test_another_schema_never_answers(tmp_path: Path, sql: str) -> None:
    vectors = drawn(3)
    cache = VectorCache(tmp_path)
    cache.put(vectors)
    with sqlite3.connect(cache.path) as connection:
        connection.executescript(sql)
    connection.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert cache.get(list(vectors), 16) == {}
    cache = VectorCache(tmp_path)
    cache.put(vectors)
    assert same(cache.get(list(vectors), 16), vectors)


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="who may read and write is told otherwise there")


@POSIX
def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "new")
    cache.put(drawn(3))
    assert cache.path.parent.stat().st_mode & 0o777 == 0o700
    assert cache.path.stat().st_mode & 0o777 == 0o600
    cache.path.chmod(0o644)  # as 0.1 made it
    assert same(cache.get(list(drawn(3)), 16), drawn(3))
    assert cache.path.stat().st_mode & 0o777 == 0o600


@POSIX
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path, mode: int) -> None:
    VectorCache(tmp_path).put(drawn(3))
    tmp_path.chmod(mode)
    with pytest.warns(RuntimeWarning, match="others may write to the folder: chmod 700"):
        assert VectorCache(tmp_path).get(list(drawn(3)), 16) == {}
    tmp_path.chmod(0o700)
    assert same(VectorCache(tmp_path).get(list(drawn(3)), 16), drawn(3))


@POSIX
def test_a_link_or_a_pipe_is_not_followed(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "own")
    cache.put(drawn(3))
    cache.path.rename(tmp_path / "elsewhere")
    for make in (lambda: cache.path.symlink_to(tmp_path / "elsewhere"), lambda: os.mkfifo(cache.path)):
        make()
        with pytest.warns(RuntimeWarning, match="it is not a plain file"):
            assert VectorCache(tmp_path / "own").get(list(drawn(3)), 16) == {}
        cache.path.unlink()


def test_a_vector_under_the_key_of_another_is_left_out(tmp_path: Path) -> None:
    vectors = drawn(2)
    first, second = vectors
    cache = VectorCache(tmp_path)
    cache.put({first: vectors[first]})
    with sqlite3.connect(cache.path) as connection:
        connection.execute("UPDATE vectors SET key = ?", (second,))
    connection.close()
    assert cache.get([first, second], 16) == {}


def write_many(folder: Path, start: int) -> None:
    """What one of several processes writes; at the top of the module, so that another process finds it."""
    cache = VectorCache(folder)
    for i in range(start, start + 200, 20):
        cache.put(drawn(20, start=i))


@pytest.mark.skipif(sys.platform == "win32", reason="the processes are forked")
def test_several_writers_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # Python warns of forks beside threads
        processes = [context.Process(target=write_many, args=(tmp_path, 200 * i)) for i in range(4)]
        for process in processes:
            process.start()
    threads = [threading.Thread(target=write_many, args=(tmp_path, 200 * i)) for i in (4, 5)]
    for thread in threads:
        thread.start()
    for worker in [*threads, *processes]:
        worker.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    expected = {key: value for start in range(0, 1200, 20) for key, value in drawn(20, start=start).items()}
    assert same(VectorCache(tmp_path).get(list(expected), 16), expected)


def test_a_cache_that_cannot_be_used_warns_once_and_stands_aside(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = VectorCache(tmp_path / "file")
    with pytest.warns(
        RuntimeWarning, match="cannot be used .* computed anew. Set HEADSTART_CACHE to another folder, or to off"
    ):
        cache.put(drawn(3))
    cache.put(drawn(3))
    assert cache.get(list(drawn(3)), 16) == {}


def test_a_lock_that_is_not_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headstart.cache._PATIENCE", 0.05)
    cache = VectorCache(tmp_path)
    cache.put(drawn(3))
    holder = sqlite3.connect(cache.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.warns(RuntimeWarning, match="locked"):
        assert cache.get(list(drawn(3)), 16) == {}
    holder.close()
    assert same(VectorCache(tmp_path).get(list(drawn(3)), 16), drawn(3))


@pytest.mark.parametrize(
    ("option", "variable", "expected"),
    [
        ("here", "there", "here"),
        (None, "there", "there"),
        ("off", "there", None),
        (None, "OFF", None),
        (None, "0", None),
        (None, "", "own/headstart"),
        (None, None, "own/headstart"),
    ],
)
def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, option: Any, variable: Any, expected: Any) -> None:
    monkeypatch.delenv("HEADSTART_CACHE")
    monkeypatch.setattr("headstart.cache._users_own", lambda: Path("own"))
    if variable is not None:
        monkeypatch.setenv("HEADSTART_CACHE", variable)
    assert cache_folder(option) == (None if expected is None else Path(expected))


@pytest.mark.parametrize(
    ("platform", "variables", "end"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x/cache"}, "x/cache/headstart"),
        ("linux", {"XDG_CACHE_HOME": "", "HOME": "/h"}, "h/.cache/headstart"),
        ("darwin", {"HOME": "/h"}, "h/Library/Caches/headstart"),
        ("win32", {"LOCALAPPDATA": "/l"}, "l/headstart"),
    ],
)
def test_the_users_own_folder(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], end: str
) -> None:
    monkeypatch.delenv("HEADSTART_CACHE")
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    folder = cache_folder()
    assert folder is not None and folder.as_posix().endswith(end)
