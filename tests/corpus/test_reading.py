"""Files and tables of every kind: the rows that come out, and the sentence where none can."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.corpus import delimited, read, reading, scan
from headstart.corpus.formats import read_batches
from headstart.corpus.opening import DataFile
from headstart.corpus.request import Request
from headstart.errors import DataError

CSV = b"text,label,stars\na good one,1,5\nbad one,0,2\n" + "“fine”, she said 😀\n".encode().join([b'"', b'",1,4\n'])
TEXTS = ["a good one", "bad one", "“fine”, she said 😀\n"]
TABLE = pa.table({"text": TEXTS, "label": [1, 0, 1], "stars": [5, 2, 4]})
JSON = "".join(
    f'{{"text": "{text}", "label": {label}, "stars": {stars}}}\n'.replace('\n"', '\\n"')
    for text, label, stars in zip(TEXTS, [1, 0, 1], [5, 2, 4], strict=True)
).encode()


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE, sink)
    return bytes(sink.getvalue())


def arrow(writer: Callable[..., Any]) -> bytes:
    sink = pa.BufferOutputStream()
    with writer(sink, TABLE.schema) as out:
        out.write(TABLE)
    return bytes(sink.getvalue())


def compressed(data: bytes, codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as out:
        out.write(data)
    return bytes(sink.getvalue())


GOOD_FILES = {
    "comma.csv": CSV,
    "semicolon.csv": CSV.replace(b"text,label,stars", b"text;label;stars")
    .replace(b",1,", b";1;")
    .replace(b",0,", b";0;"),
    "tabs.tsv": CSV.replace(b"text,label,stars", b"text\tlabel\tstars")
    .replace(b",1,", b"\t1\t")
    .replace(b",0,", b"\t0\t"),
    "bars.txt": CSV.replace(b"text,label,stars", b"text|label|stars").replace(b",1,", b"|1|").replace(b",0,", b"|0|"),
    "windows_lines.csv": CSV.replace(b"one,", b"one,").replace(b"5\n", b"5\r\n").replace(b"2\n", b"2\r\n"),
    "blank_lines.csv": b"\n\n" + CSV.replace(b"bad", b"\nbad") + b"\n",
    "no_end.csv": CSV[:-1],
    "mark.csv": b"\xef\xbb\xbf" + CSV,
    "utf16.csv": CSV.decode().encode("utf-16"),
    "utf32.csv": CSV.decode().encode("utf-32"),
    "packed.csv.gz": gzip.compress(CSV),
    "packed.csv.bz2": bz2.compress(CSV),
    "packed.csv.xz": lzma.compress(CSV),
    "packed.csv.zst": compressed(CSV, "zstd"),
    "packed.csv.lz4": compressed(CSV, "lz4"),
    "packed_but_not_named_so.csv": gzip.compress(CSV),
    "lines.jsonl": JSON,
    "lines.ndjson": b"\n" + JSON.replace(b"\n", b"\r\n \r\n"),
    "lines.json": b"\xef\xbb\xbf" + JSON,
    "sniffed": JSON,
    "packed.jsonl.gz": gzip.compress(JSON),
    "table.parquet": parquet(),
    "packed.parquet.gz": gzip.compress(parquet()),
    "wrongly_named.csv": parquet(),
    "file.arrow": arrow(pa.ipc.new_file),
    "file.feather": arrow(pa.ipc.new_file),
    "stream.arrow": arrow(pa.ipc.new_stream),
    "packed.arrow.zst": compressed(arrow(pa.ipc.new_file), "zstd"),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def to_file(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return to_file


@pytest.mark.parametrize("name", GOOD_FILES)
def test_every_format_gives_the_same_corpus(name: str, write: Callable[[str, bytes], Path]) -> None:
    corpus = read(write(name, GOOD_FILES[name]), label="label")
    assert corpus.texts.to_pylist() == TEXTS
    assert corpus.texts.type == pa.large_string()
    assert corpus.labels is not None
    assert corpus.labels.tolist() == [1, 0, 1]
    assert corpus.labels.dtype == np.int64
    assert (corpus.label_names, corpus.label_values) == (("0", "1"), (0, 1))
    assert corpus.columns.to_pydict() == {"stars": [5, 2, 4]}
    assert corpus.counts == {
        "n_rows": 3,
        "n_null_texts": 0,
        "n_empty_texts": 0,
        "n_duplicates": 0,
        "n_rows_read": 3,
        "n_filtered_out": 0,
        "n_null_labels_dropped": 0,
        "n_bad_encoding": 0,
    }


@pytest.mark.parametrize("name", GOOD_FILES)
def test_scanning_gives_the_rows_of_reading(name: str, write: Callable[[str, bytes], Path]) -> None:
    batches = scan(write(name, GOOD_FILES[name]), columns=["stars"], batch_rows=2)
    for _ in range(2):  # a second pass starts again
        tables = list(batches)
        assert [table.num_rows for table in tables] == [2, 1]
        assert pa.concat_tables(tables).column("text").to_pylist() == TEXTS
        assert pa.concat_tables(tables).column("stars").to_pylist() == [5, 2, 4]
        assert batches.counts["n_rows"] == 3


IN_MEMORY = {
    "Arrow table": TABLE,
    "Arrow batch": TABLE.to_batches()[0],
    "Arrow reader": TABLE.to_reader(),
    "pandas": TABLE.to_pandas(),
    "pandas objects": pd.DataFrame({"text": np.array(TEXTS, object), "label": [1, 0, 1], "stars": [5, 2, 4]}),
    "pandas categories": TABLE.to_pandas().astype({"text": "category", "label": "category"}),
    "Polars": pl.DataFrame({"text": TEXTS, "label": [1, 0, 1], "stars": [5, 2, 4]}),
    "Polars lazy": pl.LazyFrame({"text": TEXTS, "label": [1, 0, 1], "stars": [5, 2, 4]}),
    "dict of lists": TABLE.to_pydict(),
    "dict of NumPy": {"text": np.array(TEXTS), "label": np.array([1, 0, 1], np.int8), "stars": np.array([5, 2, 4])},
    "dict of NumPy strings": {"text": np.array(TEXTS, np.dtypes.StringDType()), "label": [1, 0, 1], "stars": [5, 2, 4]},
    "dict of bytes": {"text": [text.encode() for text in TEXTS], "label": [1, 0, 1], "stars": [5, 2, 4]},
    "dict of series": {"text": pd.Series(TEXTS), "label": pl.Series([1, 0, 1]), "stars": range(5, 2, -1)},
}


@pytest.mark.parametrize("name", IN_MEMORY)
def test_every_table_gives_the_same_corpus(name: str) -> None:
    corpus = read(IN_MEMORY[name], label="label", columns=[])
    assert corpus.texts.to_pylist() == TEXTS
    assert corpus.texts.type == pa.large_string()
    assert corpus.labels is not None
    assert corpus.labels.tolist() == [1, 0, 1]
    assert corpus.label_names == ("0", "1")


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty.csv": (b"", r"empty.csv is empty"),
    "blank.csv": (b"\n \n", r"blank.csv is empty"),
    "header.csv": (b"text,label\n", r"header.csv has column names but no row"),
    "header_only.csv": (b"text,label", r"has column names but no row"),
    "zeros.csv": (bytes(64), r"zeros.csv, line 1, holds a zero byte: the file looks binary"),
    "late_zero.csv": (CSV + b"\0,1,1\n", r"late_zero.csv, line 6, holds a zero byte"),
    "noise.csv": (bytes(range(1, 256)) * 9, r"noise.csv looks binary: \d+ of its first \d+ bytes"),
    "sheet.csv": (b"PK\x03\x04rest", r"is a zip archive or an Excel workbook: unpack it"),
    "old.feather": (b"FEA1rest", r"is an old Feather file \(version 1\): write it again"),
    "sheet.db": (b"SQLite format 3\0", r"is a SQLite database: export the table"),
    "damaged.csv.xz": (lzma.compress(CSV)[:40] + b"!!!!" + lzma.compress(CSV)[44:], r"damaged.csv.xz cannot be read: "),
    "damaged.csv.gz": (gzip.compress(CSV)[:40] + b"!!!!" + gzip.compress(CSV)[44:], r"damaged.csv.gz cannot be read: "),
    "pickle.parquet": (b"\x80\x04\x95rest", r"is a pickle, which can run code"),
    "short_row.csv": (b"text,label\na,1\nb\n", r"short_row.csv, line 3, holds 1 cell where the header names 2 columns"),
    "long_row.csv": (
        b'text,label\n"a\nb",1\nc,0,7\n',
        r"long_row.csv, line 4, holds 3 cells .* quotation marks around",
    ),
    "open_quote.csv": (b'text,label\na,1\n"b,0\nc,1\n', r"line 3, .* seems never to be closed: close it"),
    "twice.csv": (b"text,text,label\na,b,1\n", r"has 2 columns named 'text'; rename"),
    "wrong_column.csv": (
        b"Text,label\na,1\n",
        r"has no column 'text'\. It has: 'Text', 'label'\. Did you mean 'Text'\?",
    ),
    "far_column.csv": (b"a,label\nb,1\n", r"has no column 'text'\. It has: 'a', 'label'\. Name one of these\."),
    "no_label.csv": (b"text,labels\na,1\n", r"has no column 'label'.*Did you mean 'labels'\?"),
    "missing_labels.csv": (b"text,label\na,\nb,\n", r"The label column 'label' of .* all 2 are missing"),
    "numbers.csv": (b"text,label\n1,1\n2.5,0\n-3,1\n", r"'text' of .* holds nothing but numbers \(the first is 1\)"),
    "array.json": (
        b'[{"text": "a", "label": 1}, 7]',
        r"array.json, element 2 of the array \(line 1\), holds a JSON number, not an object",
    ),
    "broken.jsonl": (JSON + b'{"text": "a"\n', r"broken.jsonl, line 4, is not a JSON object .* starts with '\{\"text"),
    "number.jsonl": (JSON + b'{"text": 7}\n', r"number.jsonl, line 4: 'text' holds a number \(7\) .* hold a string"),
    "numbers.jsonl": (b'{"text": 7, "label": 1}\n', r"The text column 'text' of .* holds int64, not texts"),
    "half_emoji.jsonl": (
        b'{"text": "\\ud83d", "label": 1}\n',
        r"line 1: 'text' holds '\\ud83d', which no column can hold",
    ),
    "wide.jsonl": (b'{"text": "a", "label": 1' + b"0" * 30 + b"}\n", r"line 1: 'label' holds 10+, which no column"),
    "mixed_labels.jsonl": (JSON + b'{"text": "a", "label": "1"}\n', r"line 4: 'label' holds a string .* hold a number"),
    "no_text.jsonl": (b'{"txt": "a", "label": 1}\n', r"has no column 'text'.*Did you mean 'txt'"),
    "cut.parquet": (parquet()[:-9], r"cut.parquet is damaged or not what its name says: .*"),
    "cut.arrow": (arrow(pa.ipc.new_stream)[:300], r"cut.arrow is damaged or not what its name says: .*"),
    "cut.csv.gz": (gzip.compress(CSV)[:-12], r"cut.csv.gz cannot be read: .* Check that the file is whole"),
    "cut.csv.bz2": (bz2.compress(CSV)[:-12], r"cut.csv.bz2 cannot be read: .* Check that the file is whole"),
    "cut.csv.xz": (lzma.compress(CSV)[:-24], r"cut.csv.xz cannot be read: .* Check that the file is whole"),
    "cut.csv.zst": (compressed(CSV, "zstd")[:-12], r"cut.csv.zst cannot be read: .* Check that the file is whole"),
    "cut_utf16.csv": (
        CSV.decode().encode("utf-16")[:-1],
        r"starts with the mark of UTF-16 .* Save the file again as UTF-8",
    ),
    "unmarked_utf16.csv": (CSV.decode().encode("utf-16-le"), r"line 1, holds a zero byte: .* UTF-16 without its mark"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_get_their_sentence(name: str, write: Callable[[str, bytes], Path]) -> None:
    data, sentence = BAD_FILES[name]
    with pytest.raises(DataError, match=rf"(?s){sentence}"):
        read(write(name, data), label="label")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            {"text": ["a", 5], "label": [0, 1]},
            r"'text' of the dict mixes types: row 1 \(the first is row 0\) holds int 5",
        ),
        (
            pd.DataFrame({"text": ["a", 2.5], "label": [0, 1]}),
            r"'text' of the DataFrame mixes types: row 1 .* float 2\.5",
        ),
        ({"text": [1, 2], "label": [0, 1]}, r"The text column 'text' of the dict holds int64, not texts"),
        ({"text": [["a"], ["b"]], "label": [0, 1]}, r"holds list<.*>, not texts"),
        ({"text": ["a", "b"], "label": [0]}, r"differ in length: \{'text': 2, 'label': 1\}"),
        ({"text": "abc", "label": [0]}, r"'text' of the dict is one str, not a column"),
        ({"text": 5, "label": [0]}, r"'text' of the dict is one int, not a column"),
        ({"text": np.array([["a"], ["b"]]), "label": [0, 1]}, r"has shape \(2, 1\); expected one dimension"),
        ({"text": ["a\ud83d"], "label": [0]}, r"row 0 .* holds str 'a\\ud83d'"),
        (
            {"text": ["a"], "label": [{"stars": 0}]},
            r"Column 'label' of the data holds struct<.*>; expected numbers, truth values or strings",
        ),
        ({"text": [], "label": []}, r"the dict has column names but no row"),
        (["a", "b"], r"Something of type list came where a path, a table or a dict of columns was expected"),
        (pd.Series(["a"]), r"Something of type Series came"),
        (5, r"Something of type int came"),
    ],
)
def test_bad_tables_get_their_sentence(table: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read(table, label="label")


def test_a_missing_file_names_the_near_ones(write: Callable[[str, bytes], Path], tmp_path: Path) -> None:
    write("reviews.csv", CSV)
    with pytest.raises(DataError, match=r"There is no file .*revews\.csv\. Did you mean reviews\.csv\?"):
        read(tmp_path / "revews.csv")
    with pytest.raises(DataError, match=r"nor a folder .*nowhere that could hold it"):
        read(tmp_path / "nowhere" / "reviews.csv")


def test_a_folder_is_read_in_order_of_its_names(write: Callable[[str, bytes], Path], tmp_path: Path) -> None:
    for name, rows in (("b.parquet", slice(2, 1)), ("a.parquet", slice(0, 2))):
        pq.write_table(TABLE.slice(rows.start, rows.stop), tmp_path / name)
    for name in ("_SUCCESS", "_index.csv", ".a.parquet.swp", ".hidden.json"):
        write(name, b"")
    assert read(tmp_path).texts.to_pylist() == TEXTS
    write("c.csv", CSV)
    with pytest.raises(DataError, match=r"holds files of several kinds \(\.csv, \.parquet\)\. Name one file"):
        read(tmp_path)


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").mkdir()
    with pytest.raises(DataError, match=r"The folder .* holds no data file"):
        read(tmp_path)


def test_addresses_are_opened_by_fsspec() -> None:
    system = fsspec.filesystem("memory")
    for name, data in (("reviews.csv.gz", gzip.compress(CSV)), ("reviews.parquet", parquet())):
        system.pipe(f"/headstart/{name}", data)
        assert read(f"memory://headstart/{name}").texts.to_pylist() == TEXTS
    with pytest.raises(
        DataError, match=r"There is no file memory://headstart/review.csv.gz. Did you mean reviews.csv.gz"
    ):
        read("memory://headstart/review.csv.gz")
    system.rm("/headstart/reviews.parquet")
    assert read("memory://headstart").texts.to_pylist() == TEXTS
    with pytest.raises(DataError, match=r"nosuch://a/b.csv cannot be opened: .* its driver is installed"):
        read("nosuch://a/b.csv")


def test_a_file_that_may_not_be_read_is_refused() -> None:
    def refuse() -> None:
        raise PermissionError("Permission denied")

    with pytest.raises(DataError, match=r"secret.csv cannot be read: Permission denied. .* that you may read it"):
        list(read_batches(DataFile("secret.csv", refuse), Request(("text",), (), 10)))


@pytest.mark.parametrize(
    ("data", "texts", "n_lines"),
    [
        ("text,label\ncafé “good”,1\nplain,0\n".encode("cp1252"), ["café “good”", "plain"], 1),
        (b"text,label\ncaf\xc3\xa9 and caf\xe9,1\nna\xefve,0\n", ["café and café", "naïve"], 2),
        (b"text,label\n\x81\x8d,1\nb,0\n", ["\x81\x8d", "b"], 1),
    ],
)
def test_bytes_that_are_no_utf8_are_repaired_and_counted(
    data: bytes, texts: list[str], n_lines: int, write: Callable[[str, bytes], Path]
) -> None:
    corpus = read(write("mixed.csv", data), label="label")
    assert corpus.texts.to_pylist() == texts
    assert corpus.counts["n_bad_encoding"] == n_lines


def test_bad_utf8_inside_arrow_strings_is_repaired_and_counted() -> None:
    broken = pa.array([b"caf\xe9", b"fine", None]).view(pa.string())
    corpus = read(pa.table({"text": broken}))
    assert corpus.texts.to_pylist() == ["café", "fine", None]
    assert corpus.counts["n_bad_encoding"] == 1


def test_what_cannot_be_used_is_counted() -> None:
    texts = ["same", None, "", " \t", "same", "other", "same"]
    corpus = read({"text": texts, "label": ["b", "a", "a", "b", None, "", "b"]}, label="label")
    assert corpus.texts.to_pylist() == ["same", None, "", " \t", "same"]
    assert corpus.counts == {
        "n_rows": 5,
        "n_null_texts": 1,
        "n_empty_texts": 2,
        "n_duplicates": 1,
        "n_rows_read": 7,
        "n_filtered_out": 0,
        "n_null_labels_dropped": 2,
        "n_bad_encoding": 0,
    }


def test_texts_of_csv_stay_as_written(write: Callable[[str, bytes], Path]) -> None:
    texts = ["NA", "null", "1", "007", "true", "", "nan"]
    data = "text,label\n" + "".join(f'"{text}",{i % 2}\n' for i, text in enumerate(texts))
    assert read(write("odd.csv", data.encode())).texts.to_pylist() == texts


def test_columns_of_csv_take_the_type_that_all_their_cells_have(write: Callable[[str, bytes], Path]) -> None:
    data = b"text,n,x,yes,code,mixed,none,big\na,1,1.5,true,007,1,,1\nb,NA,2,FALSE,010,x,,12345678901234567890\n"
    columns = read(write("types.csv", data)).columns
    assert columns.to_pydict() == {
        "n": [1, None],
        "x": [1.5, 2.0],
        "yes": [True, False],
        "code": ["007", "010"],
        "mixed": ["1", "x"],
        "none": ["", ""],
        "big": [1.0, 12345678901234567890.0],
    }


@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_scanning_in_pieces_gives_the_types_of_reading(batch_rows: int, write: Callable[[str, bytes], Path]) -> None:
    cells = {
        "n": "1 2 NA",
        "x": "1 2.5 3",
        "yes": "true FALSE NA",
        "code": "7 07 7",
        "late": "NA NA x",
        "none": "NA NA NA",
    }
    rows = zip(*([name, *column.split()] for name, column in cells.items()), strict=True)
    path = write(
        "types.csv", "".join(",".join(["text", *row] if row[0] == "n" else ["a", *row]) + "\n" for row in rows).encode()
    )
    whole, pieces = read(path), pa.concat_tables(scan(path, columns=list(cells), batch_rows=batch_rows))
    assert pieces.to_pydict() == whole.frame().to_pydict()
    assert pieces.schema.types == whole.frame().schema.types
    assert whole.columns.to_pydict() == {
        "n": [1, 2, None],
        "x": [1.0, 2.5, 3.0],
        "yes": [True, False, None],
        "code": ["7", "07", "7"],
        "late": ["NA", "NA", "x"],
        "none": ["NA", "NA", "NA"],
    }


@pytest.mark.parametrize("name", ["lines.jsonl", "comma.csv", "table.parquet"])
def test_only_the_columns_asked_for_are_kept(name: str, write: Callable[[str, bytes], Path]) -> None:
    path = write(name, GOOD_FILES[name])
    assert read(path, label="label", columns=()).columns.num_columns == 0
    assert read(path, where={"stars": 5}, columns=["label"]).columns.to_pydict() == {"label": [1]}
    with pytest.raises(DataError, match=r"has no column 'star'.*Did you mean 'stars'"):
        read(path, columns=["star"])


def test_the_same_column_cannot_play_two_parts() -> None:
    with pytest.raises(DataError, match="'text' was named as both the text and the label"):
        read({"text": ["a"]}, label="text")
    with pytest.raises(DataError, match="'label' was named as the label and among the columns"):
        read({"text": ["a"], "label": [1]}, label="label", columns=["label"])


@pytest.mark.parametrize("name", ["long.csv", "long.jsonl"])
def test_a_text_of_five_megabytes_and_a_row_of_emoji(name: str, write: Callable[[str, bytes], Path]) -> None:
    texts = ["word " * 1_000_000, "😀" * 7]
    pattern = '"{}",{}\n' if name.endswith("csv") else '{{"text": "{}", "label": {}}}\n'
    header = "text,label\n" if name.endswith("csv") else ""
    data = header + "".join(pattern.format(text, label) for label, text in enumerate(texts))
    assert read(write(name, data.encode()), label="label").texts.to_pylist() == texts


def test_a_row_longer_than_a_block_is_refused(
    write: Callable[[str, bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1 << 10)
    with pytest.raises(DataError, match=r"holds a row longer than 0 MB, which mostly means a quotation mark"):
        read(write("long.csv", b'text,label\na,1\n"' + b"x" * 5000 + b'",0\nc,1\n'))


def test_many_small_chunks_give_the_same_rows(
    write: Callable[[str, bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"review {i} “quoted”" for i in range(200)]
    csv = "text,label\n" + "".join(f'"{text}\nmore",{i % 2}\n' for i, text in enumerate(texts))
    lines = "".join(f'{{"text": "{text}\\nmore", "label": {i % 2}}}\n' for i, text in enumerate(texts))
    monkeypatch.setattr("headstart.corpus.decoding.CHUNK_BYTES", 7)
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 200)
    for name, data in (("small.csv", csv), ("small.jsonl", lines)):
        for encoding in ("utf-8", "utf-16"):
            corpus = read(write(name, data.encode(encoding)), label="label")
            assert corpus.texts.to_pylist() == [f"{text}\nmore" for text in texts]


def test_a_field_may_come_and_go_between_chunks(
    write: Callable[[str, bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.corpus.decoding.CHUNK_BYTES", 8)
    path = write("gaps.jsonl", b'{"text": "a", "n": 1}\n{"n": 2.5, "new": true}\n{"text": "c"}\n')
    corpus = read(path)
    assert corpus.texts.to_pylist() == ["a", None, "c"]
    assert corpus.columns.to_pydict() == {"n": [1.0, 2.5, None], "new": [None, True, None]}
    assert pa.concat_tables(scan(path, columns=["n"])).to_pydict() == {"text": ["a", None, "c"], "n": [1.0, 2.5, None]}
    torn = write("torn.jsonl", b'{"text": "a", "n": 1}\n{"text": "b", "n": "x"}\n')
    for take in (read, lambda path: list(scan(path, columns=["n"]))):
        with pytest.raises(
            DataError, match=r"torn.jsonl change their type on the way \(.*\)\. Give each column one type"
        ):
            take(torn)


@pytest.mark.parametrize(("name", "columns"), [("comma.csv", []), ("lines.jsonl", []), ("table.parquet", ["stars"])])
def test_one_pass_is_enough_where_types_are_known(
    name: str, columns: list[str], write: Callable[[str, bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(reading, "read_batches", lambda *args: (opened.append(1), read_batches(*args))[1])
    assert pa.concat_tables(scan(write(name, GOOD_FILES[name]), columns=columns)).column("text").to_pylist() == TEXTS
    assert len(opened) == 1  # so a pipe can be scanned


@pytest.mark.parametrize(
    ("name", "last", "sentence"),
    [
        ("late.csv", b"b\0,1\n", "late.csv, line 43, holds a zero byte"),
        ("late.csv", b"b\n", "late.csv, line 43, holds 1 cell"),
        ("late.jsonl", b"{\n", "late.jsonl, line 43, is not a JSON object"),
    ],
)
def test_lines_are_counted_across_chunks(
    name: str, last: bytes, sentence: str, write: Callable[[str, bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.corpus.decoding.CHUNK_BYTES", 64)
    start = b"text,label\n" + b"a,1\n" * 41 if name.endswith("csv") else b'{"text": "a"}\n' * 42
    with pytest.raises(DataError, match=sentence):
        read(write(name, start + last))


WRITTEN = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"))


@given(st.lists(WRITTEN.map(lambda text: text + "."), min_size=1))
@settings(deadline=None, max_examples=50)
def test_what_was_written_is_read(texts: list[str]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([["text", "n"], *([text, n] for n, text in enumerate(texts))])
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    system = fsspec.filesystem("memory")
    for name, data in (("written.csv", written.getvalue()), ("written.jsonl", lines)):
        system.pipe(f"/headstart-written/{name}", data.encode())
        assert read(f"memory://headstart-written/{name}").texts.to_pylist() == texts


def test_scanning_stops_at_the_faulty_line(write: Callable[[str, bytes], Path]) -> None:
    with pytest.raises(DataError, match="line 5, holds 1 cell"):
        list(scan(write("late.csv", b"text,label\na,1\nb,1\nc,1\nd\n")))


def test_dates_in_json_stay_strings(write: Callable[[str, bytes], Path]) -> None:
    path = write("dates.jsonl", b'{"text": "a", "day": "2020-01-31"}\n')
    assert read(path).columns.to_pydict() == {"day": ["2020-01-31"]}
