"""Tables into files: every cell as it stands, and a sentence for what a format cannot hold."""

import csv
import datetime
import decimal
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headstart.corpus.writing import TableWriter, output_form
from headstart.errors import DataError, OptionError

D = decimal.Decimal
COLUMNS: dict[str, tuple[Any, list[str | None], list[Any]]] = {
    # name: values, their text, their JSON
    "strings": (["007", "", None], ["007", "", None], ["007", "", None]),
    "odd strings": (['a"b', "c\nd", "é,😀"], ['a"b', "c\nd", "é,😀"], ['a"b', "c\nd", "é,😀"]),
    "large ints": (pa.array([2**64 - 1, None], pa.uint64()), ["18446744073709551615", None], [2**64 - 1, None]),
    "truth": ([True, False, None], ["true", "false", None], [True, False, None]),
    "fractions": ([0.1, float("nan"), float("inf")], ["0.1", "nan", "inf"], [0.1, None, None]),
    "half": (pa.array([1.5], pa.float16()), ["1.5"], [1.5]),
    "decimals": ([D("1.10"), D("20.00")], ["1.10", "20.00"], ["1.10", "20.00"]),
    "dates": ([datetime.date(2024, 1, 31)], ["2024-01-31"], ["2024-01-31"]),
    "times": (pa.array([0], pa.timestamp("s", "UTC")), ["1970-01-01 00:00:00Z"], ["1970-01-01 00:00:00Z"]),
    "lists": ([["a", "b"], [], None], ['["a", "b"]', "[]", None], [["a", "b"], [], None]),
    "records": ([{"a": 1, "b": [None]}], ['{"a": 1, "b": [null]}'], [{"a": 1, "b": [None]}]),
    "maps": (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), ['[["k", 1]]'], [[["k", 1]]]),
    "dictionary": (pa.array(["x", None, "x"]).dictionary_encode(), ["x", None, "x"], ["x", None, "x"]),
    "views": (pa.array(["x", None]).cast(pa.string_view()), ["x", None], ["x", None]),
    "runs": (pa.RunEndEncodedArray.from_arrays([2, 3], ["x", "y"]), ["x", "x", "y"], ["x", "x", "y"]),
    "nothing": (pa.nulls(2), [None, None], [None, None]),
    "list views": (pa.array([[1]], pa.list_view(pa.int64())), ["[1]"], [[1]]),
}
BYTES = (pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2), pa.list_(pa.binary()), pa.struct([("a", pa.list_(pa.binary()))]))  # fmt: skip
REFUSED: dict[str, tuple[Any, ...]] = {
    "csv": (*BYTES, pa.duration("s"), pa.month_day_nano_interval()),
    "tsv": (*BYTES, pa.duration("s"), pa.month_day_nano_interval()),
    "jsonl": (*BYTES, pa.duration("s"), pa.month_day_nano_interval()),
    "parquet": (pa.month_day_nano_interval(),),
}


def write(table: pa.Table, name: str) -> bytes:
    sink = io.BytesIO()
    with TableWriter(sink, output_form(name)) as writer:
        writer.check(table)
        for part in (table.slice(0, 1), table.slice(1)):
            writer.write(part)
    assert not sink.closed
    return sink.getvalue()


@pytest.mark.parametrize("name", COLUMNS)
def test_delimited_cells(name: str) -> None:
    values, texts, _ = COLUMNS[name]
    for out, delimiter in (("x.csv", ","), ("x.tsv", "\t")):
        data = write(pa.table({"column": values, "last": ["x"] * len(values)}), out).decode()
        rows = list(csv.reader(io.StringIO(data, newline=""), delimiter=delimiter))
        assert [row[0] for row in rows] == ["column", *(text or "" for text in texts)]
        missing = pd.read_csv(io.StringIO(data), sep=delimiter, dtype=str, keep_default_na=False, na_values=[]).iloc[
            :, 0
        ]
        assert missing.tolist() == [text or "" for text in texts]


@pytest.mark.parametrize("name", COLUMNS)
def test_json_cells(name: str) -> None:
    values, _, cells = COLUMNS[name]
    data = write(pa.table({'a "column"%s': values}), "x.jsonl").decode()
    found = [json.loads(line, parse_constant=pytest.fail) for line in data.splitlines()]
    assert found == [{'a "column"%s': cell} for cell in cells]


@pytest.mark.parametrize("name", COLUMNS)
def test_typed_cells(name: str) -> None:
    values, _, _ = COLUMNS[name]
    table = pa.table({"column": values})
    expected = str(table.column(0).to_pylist())
    assert str(pq.read_table(io.BytesIO(write(table, "x.parquet"))).column(0).to_pylist()) == expected
    assert str(pa.ipc.open_file(write(table, "x.feather")).read_all().column(0).to_pylist()) == expected


@pytest.mark.parametrize(("form", "kind"), [(form, kind) for form, kinds in REFUSED.items() for kind in kinds], ids=str)
def test_what_a_format_cannot_hold_is_refused(form: str, kind: Any) -> None:
    table = pa.table({"id": [1], "raw": pa.nulls(1, kind)})
    with pytest.raises(
        DataError, match=rf"The column 'raw' holds .*, which {form.upper()} cannot hold; leave it out of --keep"
    ):
        write(table, f"x.{form}")


def test_an_empty_string_is_told_from_a_null() -> None:
    data = write(pa.table({"a": ["", None], "b": ["x", "y"]}), "x.csv")
    assert data == b'"a","b"\n"","x"\n,"y"\n'
    assert pl.read_csv(data)["a"].to_list() == ["", None]


OPENERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.decompress,
    "zst": lambda data: pa.CompressedInputStream(pa.BufferReader(data), "zstd").read(),
    "bz2": lambda data: pa.CompressedInputStream(pa.BufferReader(data), "bz2").read(),
}


@pytest.mark.parametrize("codec", OPENERS)
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "NDJSON", "CSV"])
def test_text_may_be_packed(codec: str, kind: str) -> None:
    table = pa.table({"a": ["x", "é"] * 100})
    assert OPENERS[codec](write(table, f"x.{kind}.{codec}")) == write(table, f"x.{kind}")


@pytest.mark.parametrize("name", ["x.xlsx", "x", "x.gz", "x.parquet.gz", "csv", ".hidden", "x.csv.rar"])
def test_names_that_say_no_format(name: str) -> None:
    with pytest.raises(OptionError, match=r"no file format .*\.parquet, \.csv, \.tsv, \.jsonl"):
        output_form(name)


def test_a_dictionary_that_comes_to_gigabytes_is_written_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.corpus.validating.PIECE_BYTES", 1 << 20)
    words = pa.array(["x" * 2**16, "y" * 2**16])
    table = pa.table({"word": pa.DictionaryArray.from_arrays(pa.array([0, 1] * 100, pa.int32()), words)})
    lines = write(table, "x.csv").splitlines()
    assert [line[1:2] for line in lines[1:]] == [b"x", b"y"] * 100
