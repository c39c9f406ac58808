"""Arrays in temporary files: the same as in memory, to the bit, and forgotten once they were looked at."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from headstart import TextClassifier, spill
from headstart.corpus import read
from headstart.errors import OutputError
from headstart.spill import Growing, GrowingTexts, looked_at, slices
from headstart.text import RaggedIds


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing but a few bytes stay in memory, and give pages back all the time."""
    monkeypatch.setattr(spill, "LARGE", 64)
    monkeypatch.setattr(spill, "_GIVEN_BACK", 4096)


@pytest.mark.usefixtures("in_files")
@pytest.mark.parametrize("sizes", [[], [0], [3], [3, 0, 40], [100, 1, 5000, 2]])
@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_])
def test_what_grows_is_what_was_appended(sizes, dtype):
    parts = [np.arange(size).astype(dtype) for size in sizes]
    growing = Growing(dtype)
    for part in parts:
        growing.append(part)
    found = growing.finish()
    np.testing.assert_array_equal(found, np.concatenate([np.empty(0, dtype), *parts]))
    assert found.dtype == dtype
    assert growing.size == len(found)


@pytest.mark.usefixtures("in_files")
@pytest.mark.parametrize("texts", [[], [None], ["a", None, "", "äöü" * 40], ["x" * 100] * 30 + [None] * 3])
def test_texts_that_grow_are_the_same_texts(texts):
    array, growing = pa.array(["left out", *texts], pa.large_string()), GrowingTexts()
    for part in (array[1:2], array[2:2], array[2:]):
        growing.append(part)
    found = growing.finish()
    found.validate(full=True)
    assert found.equals(pa.array(texts, pa.large_string()))
    assert found.null_count == texts.count(None)


@pytest.mark.usefixtures("in_files")
def test_ragged_rows_in_files_are_the_same_rows():
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 9, size).tolist() for size in rng.integers(0, 30, 60)]
    ids = RaggedIds.concatenate([RaggedIds.from_lists(rows[:20]), RaggedIds.from_lists(rows[20:])])
    order = rng.permutation(60)
    by = np.arange(9, dtype=np.int32)[::-1].copy()
    assert ids == RaggedIds.from_lists(rows)
    assert ids.take(order) == RaggedIds.from_lists([rows[i] for i in order])
    assert ids.replaced(by) == RaggedIds.from_lists([[8 - one for one in row] for row in rows])
    np.testing.assert_array_equal(ids.counts(9), np.bincount(np.concatenate(rows).astype(int), minlength=9))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not say how much memory is resident")
def test_what_was_looked_at_is_given_back(monkeypatch):
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    monkeypatch.setattr(spill, "LARGE", 1 << 20)
    growing, part = Growing(np.uint8), np.ones(1 << 20, np.uint8)
    for _ in range(96):
        growing.append(part)
    found = growing.finish()
    before, most, total = resident(), 0, 0
    for some in slices(found, 1 << 22):
        total += int(found[some].sum())
        most = max(most, resident() - before)
    assert total == len(found) == 96 << 20
    assert most < 64 << 20
    looked_at(1 << 30)
    assert resident() - before < 16 << 20


def test_a_full_disk_is_a_sentence(in_files, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: open("/dev/full", "wb", buffering=0))  # noqa: PTH123, SIM115
    with pytest.raises(OutputError, match=r"what does not fit into memory .* cannot be written: .*Set TMPDIR"):
        Growing(np.int32).append(np.zeros(100, np.int32))


@pytest.mark.parametrize("net", ["blend", "fast"])
def test_a_model_learnt_from_files_is_the_same_to_the_bit(net, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(40)])
    rows = [
        (" ".join(rng.choice(words[label * 10 : label * 10 + 30], 12)), int(label)) for label in rng.integers(0, 2, 130)
    ]
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))

    def learnt() -> tuple[str, bytes]:
        corpus = read(path, label="label")
        model = TextClassifier(net=net, epochs=1, net_options={"embedding_size": 8}, random_state=0).fit(corpus)
        return model.save(tmp_path / f"model{spill.LARGE}"), model.predict_proba(corpus.texts).tobytes()

    before = learnt()
    monkeypatch.setattr(spill, "LARGE", 64)
    monkeypatch.setattr(spill, "_GIVEN_BACK", 4096)
    assert learnt() == before


def test_a_hundred_files_are_one_corpus(tmp_path):
    rows = [(f"text {i} of many", i % 2) for i in range(300)]
    for start in range(0, 300, 3):
        lines = "".join(f"{text},{label}\n" for text, label in rows[start : start + 3])
        (tmp_path / f"rows-{start:03}.csv").write_text("text,label\n" + lines)
    for source in (tmp_path, tmp_path / "*.csv", sorted(tmp_path.iterdir())):
        found = read(source, label="label")
        assert list(zip(found.texts.to_pylist(), found.labels.tolist(), strict=True)) == rows
