"""Quotation marks: cells that they enclose are read whole, rows that they would swallow are refused with their line."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.corpus import quoting, read, scan
from headstart.errors import DataError, OptionError

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(name: str, data: str) -> Path:
        path = tmp_path / name
        path.write_bytes(data.encode())
        return path

    return to_file


QUOTED = {
    "a cell over two lines": ("a.csv", 'text,n\n"one\ntwo",1\nthree,2\n', ["one\ntwo", "three"]),
    "commas in prose on each line": ("a.csv", 'text,n\n"Nice, clean\nand kind, too",1\n', ["Nice, clean\nand kind, too"]),
    "a line that only looks like a row": ("a.csv", 'text,n\n"Nice,clean\nGood",1\nbad,0\n', ["Nice,clean\nGood", "bad"]),
    "Windows lines with others inside": ("a.csv", 'text,n\r\n"a,1\nb",1\r\n', ["a,1\nb"]),
    "doubled marks": ("a.csv", 'text,n\n"a ""q"" b",1\n"""",2\n"",3\n', ['a "q" b', '"', ""]),
    "a mark inside a cell": ("a.csv", 'text,n\n5" pipe,1\nit "is",2\n', ['5" pipe', 'it "is"']),
    "a cell that goes on after its mark": ("a.csv", 'text,n\n"so" they said,1\n', ["so they said"]),
    "a mark at the very end": ("a.csv", 'n,text\n1,"a"', ["a"]),
    "one column": ("a.csv", 'text\n"a\nb"\nc\n', ["a\nb", "c"]),
    "one column of TSV": ("a.tsv", 'text\n"a\nb"\nc\n', ["a\nb", "c"]),
    "TSV with doubled marks": ("a.tsv", 'text\tn\n"a ""q"" b"\t1\nb\t0\n', ['a "q" b', "b"]),
    "TSV with a tab inside": ("a.tsv", 'text\tn\n"a\tb"\t1\nb\t0\n', ["a\tb", "b"]),
    "TSV over lines": ("a.tsv", 'text\tn\n"a\nb"\t1\nb\t0\n', ["a\nb", "b"]),
    "TSV with all cells in marks": ("a.tsv", '"text"\t"n"\n"a"\t"1"\n"b"\t"0"\n', ["a", "b"]),
    "a header over lines": ("a.csv", '"text","a\nb"\nx,1\n', ["x"]),
    "carriage returns alone": ("a.csv", 'text,n\ra,1\r"b\rc",0\r', ["a", "b\rc"]),
}  # fmt: skip
UNQUOTED = {
    "marks that begin cells": (
        "a.tsv",
        'n\ttext\n1\t"a\n2\tb\n3\t"c, he said\n4\td\n',
        ['"a', "b", '"c, he said', "d"],
    ),
    "a pair lines apart": ("a.tsv", 'text\tn\n"a\t1\nb"\t0\nc\t1\n', ['"a', 'b"', "c"]),
    "a pair in one cell": ("a.tsv", 'text\tn\n"a"\t1\nb\t0\n', ['"a"', "b"]),
    "the last mark never closed": ("a.tsv", 'text\tn\na\t1\n"b\t0\n', ["a", '"b']),
    "a mark in the last column": ("a.tsv", 'n\ttext\n1\ta\n2\t"b\n3\tc"\n4\td\n', ["a", '"b', 'c"', "d"]),
}


@pytest.mark.parametrize("case", [*QUOTED, *UNQUOTED])
@pytest.mark.parametrize("chunk", [3, 20, 1 << 20])
def test_each_kind_of_quoting_is_told(case: str, chunk: int, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    name, data, texts = (QUOTED | UNQUOTED)[case]
    monkeypatch.setattr("headstart.corpus.decoding.CHUNK_BYTES", chunk)
    path = write(name, data)
    if case in UNQUOTED and chunk < len(data):
        pytest.skip("lines that are read later are held to what the first with such marks say")
    assert read(path).texts.to_pylist() == texts
    assert [text for rows in scan(path, batch_rows=1).rows() for text in rows.texts.to_pylist()] == texts


REFUSED = {
    "lines that are rows": ("a.csv", 'id,text\n1,"The room\n2,The desk\n3,The bar"\n4,ok\n', r"line 2, .* closed in line 4"),
    "of three columns": ("a.csv", 'id,text,l\n1,"a b,p\n2,f,n\n3,b",n\n4,ok,p\n', r"line 2, .* closed in line 4"),
    "two lines": ("a.csv", 'text,l\n"great movie,1\nbad one",0\nok,1\n', r"line 2, .* closed in line 3"),
    "all of a file": ("a.csv", 'id,text\n1,"a\n2,b\n3,c"\n', r"line 2, .* closed in line 4"),
    "the first column": ("a.csv", 'text,id\nx,0\n"a,1\nb,2\nc",3\n', r"line 3, .* closed in line 5"),
    "a mark closed amid a cell": ("a.csv", 'id,text\n1,"The room\n2,The desk\n3,"The bar, he said\n', r"line 2, opens .* never"),
    "never closed": ("a.csv", 'text,n\na,1\n"b,0\nc,1\n', r"line 3, opens a quotation mark that seems never to be closed"),
    "never closed in the last row": ("a.csv", 'n,text\n1,a\n2,"b\n', r"line 3, opens"),
    "in the header": ("a.csv", '"text,n\na,1\nb,0\n', r"line 1, opens"),
    "a column, with other marks": ("a.csv", 'text\nhe said "no"\n"b\nc"\nd\n', r"line 3, .* closed in line 4"),
    "TSV that is neither": ("a.tsv", 'text\tn\n"a\t1\nb\t0\t7\nc\t1\n', r"line 2, opens"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_rows_are_not_swallowed(case: str, write: Write) -> None:
    name, data, sentence = REFUSED[case]
    with pytest.raises(DataError, match=rf"{name}, {sentence}.*--quoting none"):
        read(write(name, data))


@pytest.mark.parametrize("n_lines", [200, 40_000])
def test_the_line_is_right_far_into_a_file(n_lines: int, write: Write) -> None:
    data = "id,text\n" + "".join(f'{i},"a, {i}"\n' for i in range(n_lines)) + f'{n_lines},"x\n1,b\n2,"c d\n'
    with pytest.raises(DataError, match=rf"line {n_lines + 2}, opens"):
        read(write("long.csv", data))


@pytest.mark.parametrize("word", ["minimal", "MINIMAL", "QUOTE_ALL", "nonnumeric", csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_one_may_say_that_marks_enclose_cells(word: Any, write: Write) -> None:
    path = write("a.csv", 'id,text\n1,"The room\n2,The desk\n3,The bar"\n4,ok\n')
    assert read(path, quoting=word).texts.to_pylist() == ["The room\n2,The desk\n3,The bar", "ok"]


@pytest.mark.parametrize("word", ["none", "None", "QUOTE_NONE", csv.QUOTE_NONE])
def test_one_may_say_that_marks_are_letters(word: Any, write: Write) -> None:
    path = write("a.csv", 'id,text\n1,"The room\n2,The desk\n3,The bar"\n4,"ok"\n')
    assert read(path, quoting=word).texts.to_pylist() == ['"The room', "The desk", 'The bar"', '"ok"']


def test_texts_of_several_lines_in_one_column_are_counted(write: Write) -> None:
    assert read(write("a.csv", 'text\n"a\nb"\nc\n"d\ne"\n')).counts["n_cells_over_lines"] == 2
    assert "n_cells_over_lines" not in read(write("b.csv", 'text,n\n"a\nb",1\n')).counts


def test_a_cell_longer_than_any_is_a_mark_never_closed(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quoting, "LONGEST_CELL", 100)
    monkeypatch.setattr("headstart.corpus.decoding.CHUNK_BYTES", 50)
    with pytest.raises(DataError, match="line 2, opens a quotation mark that seems never"):
        read(write("a.csv", 'text,n\n"' + "word " * 5 + "\nmore" * 50 + '",1\n'))


def test_a_blank_line_in_a_file_of_one_column_is_a_row(write: Write) -> None:
    assert read(write("a.csv", "text\na\n\nb\n")).texts.to_pylist() == ["a", "", "b"]
    assert read(write("b.csv", "\n\ntext\r\na\r\n\r\nb")).texts.to_pylist() == ["a", "", "b"]
    assert read(write("c.csv", "text,n\na,1\n\nb,2\n")).texts.to_pylist() == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        ("sep=;\ntext;n\na,b;1\n", ["a,b"]),
        ('\ufeff"sep=\t"\r\nn\ttext\r\n1\ta\r\n', ["a"]),
        ("SEP=|\ntext|n\na|1\n", ["a"]),
        ("text;a,b;c\nx;1,2;3\n", ["x"]),
        ('"a;b;c;d",text\n1,x\n', ["x"]),
    ],
)
def test_the_delimiter_is_told(data: str, texts: list[str], write: Write) -> None:
    assert read(write("a.csv", data)).texts.to_pylist() == texts


@pytest.mark.parametrize(
    ("given", "mark"), [("|", "|"), ("tab", "\t"), (r"\t", "\t"), ("semicolon", ";"), (" ", " "), ("^", "^")]
)
def test_the_delimiter_may_be_said(given: str, mark: str, write: Write) -> None:
    path = write("a.csv", f"n,x{mark}text\n1,2{mark}a,b\n")
    assert read(path, delimiter=given).texts.to_pylist() == ["a,b"]


@pytest.mark.parametrize("options", [{"delimiter": "ab"}, {"delimiter": '"'}, {"delimiter": "\n"}, {"delimiter": "é"}, {"delimiter": ""}, {"delimiter": "1"}, {"quoting": "maximal"}, {"quoting": 9}, {"encoding": "utf-9"}, {"encoding": "base64"}, {"format": "xlsx"}])  # fmt: skip
def test_options_that_are_none_are_refused(options: dict[str, Any], write: Write) -> None:
    with pytest.raises(OptionError, match=r".{40}"):
        read(write("a.csv", "text\na\n"), **options)


CELLS = st.text(st.sampled_from('ab 1,;\t\n"é.'), max_size=12)


@given(
    st.lists(st.tuples(CELLS, CELLS, st.integers(0, 99)), min_size=1, max_size=8),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([("csv", ","), ("csv", ";"), ("tsv", "\t")]),
)
@settings(deadline=None, max_examples=150)
def test_what_programs_write_is_read_or_refused_never_otherwise(
    rows: list[tuple[str, str, int]], how: int, end: str, kind: tuple[str, str]
) -> None:
    suffix, delimiter = kind
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=how, lineterminator=end, delimiter=delimiter)
    writer.writerows([("text", "other", "n"), *rows])
    path = f"memory://headstart-quoting/rows.{suffix}"
    fsspec.filesystem("memory").pipe(f"/headstart-quoting/rows.{suffix}", out.getvalue().encode())
    try:
        corpus = read(path, as_written=["other"], delimiter=delimiter)
    except DataError as error:
        assert "is closed in line" in str(error) or "nothing but numbers" in str(error)
        corpus = (
            read(path, as_written=["other"], delimiter=delimiter, quoting="minimal") if "closed" in str(error) else None
        )
    if corpus is not None:
        assert corpus.texts.to_pylist() == [text for text, _, _ in rows]
        assert [cell or "" for cell in corpus.columns["other"].to_pylist()] == [other for _, other, _ in rows]
