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
from headstart.text.columns import bytes_and_offsets


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


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_buffers_may_be_longer_than_their_rows_by_any_number_of_bytes(kind: Any) -> None:
    plain = pa.array(["a", None, "some more than twelve bytes"]).cast(kind)
    valid, where, *data = plain.buffers()
    longer = pa.Array.from_buffers(kind, 3, [valid, pa.py_buffer(where.to_pybytes() + b"odd"), *data])
    table = pa.table({"text": longer, "other": longer, "few": longer.dictionary_encode()}).slice(1)
    expected = plain.to_pylist()[1:]
    (rows,) = scan(table, keep=["other", "few"]).rows()
    assert rows.texts.to_pylist() == rows.kept["other"].to_pylist() == rows.kept["few"].to_pylist() == expected
    letters, bounds = bytes_and_offsets(rows.texts.fill_null(""))
    assert letters[bounds[1] : bounds[2]].tobytes() == expected[1].encode()
    letters, bounds = bytes_and_offsets(longer.cast(pa.large_string()))
    assert letters[bounds[2] : bounds[3]].tobytes() == expected[1].encode()


def test_pieces_are_cut_by_what_cells_hold_and_not_by_what_stands_where_they_are_null() -> None:
    plain = pa.array(["x" * 30, None, "y" * 40, None]).cast(pa.string_view())
    valid, views, *data = plain.buffers()
    lengths = np.frombuffer(views, np.int32).copy()
    lengths[4] = 2**31 - 1
    odd = pa.Array.from_buffers(pa.string_view(), 4, [valid, pa.py_buffer(lengths), *data])
    assert [len(piece) for piece in pieces(pa.table({"view": odd}), 100)] == [4]
    assert list(pieces(pa.table({"view": odd}).slice(4), 100)) == []
