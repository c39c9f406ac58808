"""Arrow data that say of themselves what is not so: one error, no crash, nothing of the memory beyond them."""

import io
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headstart.corpus import read, scan
from headstart.corpus.validating import pieces, validated
from headstart.errors import DataError


def _ints(*values: int) -> bytes:
    return np.array(values, np.int32).tobytes()


STRINGS = ["abc", "defghij"]
DAMAGE: dict[str, tuple[Any, bytes, bytes]] = {
    # what a file holds, the bytes that say where, and what they say after the damage
    "offsets beyond": (pa.array(STRINGS), _ints(0, 3, 10), _ints(0, 3, 2**31 - 5)),
    "offsets below": (pa.array(STRINGS), _ints(0, 3, 10), _ints(0, -3, 10)),
    "offsets that go down": (pa.array(STRINGS), _ints(0, 3, 10), _ints(0, 11, 10)),
    "a view beyond": (
        pa.array(["x" * 30, "y" * 40]).cast(pa.string_view()),
        _ints(30) + b"xxxx" + _ints(0, 0),
        _ints(3000) + b"xxxx" + _ints(0, 0),
    ),
    "a view of no buffer": (
        pa.array(["x" * 30, "y" * 40]).cast(pa.string_view()),
        b"yyyy" + _ints(0, 30),
        b"yyyy" + _ints(9, 30),
    ),
    "an index beyond": (pa.array(["a", "b", "b"]).dictionary_encode(), _ints(0, 1, 1), _ints(0, 1, 10**6)),
    "an index below": (pa.array(["a", "b", "b"]).dictionary_encode(), _ints(0, 1, 1), _ints(0, -1, 1)),
    "a list beyond": (pa.array([[7, 7, 7], [7]]), _ints(0, 3, 4), _ints(0, 3, 2**30)),
}


@pytest.mark.parametrize("case", DAMAGE)
@pytest.mark.parametrize("opener", [pa.ipc.new_file, pa.ipc.new_stream])
def test_damaged_buffers_are_refused(case: str, opener: Any, tmp_path: Path) -> None:
    array, sound, damage = DAMAGE[case]
    sink = pa.BufferOutputStream()
    table = pa.table({"text": ["some text"] * len(array), "other": array})
    with opener(sink, table.schema) as writer:
        writer.write_table(table)
    raw = bytes(sink.getvalue())
    assert raw.count(sound) == 1
    path = tmp_path / "a.arrow"
    path.write_bytes(raw)
    assert read(path).columns.column("other").to_pylist() == array.to_pylist()
    path.write_bytes(raw.replace(sound, damage))
    for take in (read, lambda path: list(scan(path, keep=["other"]).rows())):
        with pytest.raises(DataError, match=r"The column 'other' of .*a\.arrow is damaged: "):
            take(path)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_strings_that_are_no_utf8_are_repaired_wherever_they_stand(kind: Any) -> None:
    bad = pa.array([b"caf\xe9", None, b"fine"])
    if pa.types.is_dictionary(kind):
        column: Any = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int8()), bad.view(pa.string()))
    else:
        raw = {pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}.get(kind, pa.binary())
        column = bad.cast(raw).view(kind)
    table = pa.Table.from_arrays([pa.array(["x", "y", "z"]), column], names=["text", "other"])
    (rows,) = scan(table, keep=["other"]).rows()
    assert rows.kept.column("other").to_pylist() == ["café", None, "fine"]
    counts: Counter[str] = Counter()
    validated(table, "the table", counts)
    assert counts == {"n_bad_encoding": 1}


def arrow_file() -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({
        "text": ["a good hotel", "é😀", None] * 5,
        "view": pa.array(["x" * 30, "y", None] * 5).cast(pa.string_view()),
        "word": pa.array(["p", "q", None] * 5).dictionary_encode(),
        "tags": [["a"], [], None] * 5,
    })  # fmt: skip
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=4)
    return bytes(sink.getvalue())


def parquet_file() -> bytes:
    sink = io.BytesIO()
    pq.write_table(
        pa.table({"text": ["a", "é", None] * 20, "n": range(60), "tags": [["a"]] * 60}), sink, row_group_size=20
    )
    return sink.getvalue()


@pytest.mark.parametrize("make", [arrow_file, parquet_file])
def test_damaged_files_end_in_one_error(make: Any, tmp_path: Path) -> None:
    raw, rng = make(), Random(0)
    path = tmp_path / "damaged.arrow"
    n_refused = 0
    for _ in range(150):
        data = bytearray(raw)
        for _ in range(rng.choice((1, 2, 8))):
            data[rng.randrange(8, len(data) - 8)] = rng.randrange(256)
        path.write_bytes(data)
        try:
            first, second = read(path), read(path)
        except DataError as error:
            n_refused += 1
            assert "damaged.arrow" in str(error)
        else:
            assert first.texts.to_pylist() == second.texts.to_pylist()
    assert n_refused > 30


def test_pieces_hold_all_rows_in_order() -> None:
    table = pa.table({"n": range(10), "word": pa.array(["a", "b"] * 5).dictionary_encode()})
    for most in (1, 3, 100):
        assert pa.concat_tables(pieces(table, most)).to_pydict() == table.to_pydict()
    assert list(pieces(table.slice(0, 0), 5)) == []
