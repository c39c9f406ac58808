"""What a source may be: files, folders, partitions, patterns, addresses, pipes; and what it may not."""

import gzip
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headstart.corpus import finding, read, scan, source_name
from headstart.errors import DataError

CSV = "text,label\n{0} one,1\n{0} two,0\n"


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A partitioned folder, which lies in the current one."""
    monkeypatch.chdir(tmp_path)
    for year, country in ((2023, "de"), (2023, "fr"), (2024, "__HIVE_DEFAULT_PARTITION__")):
        folder = tmp_path / "rows" / f"year={year}" / f"country={country}"
        folder.mkdir(parents=True)
        (folder / "part-0.csv").write_text(CSV.format(f"{year} {country[:2]}"))
    (tmp_path / "rows" / "_SUCCESS").write_text("")
    (tmp_path / "rows" / ".cache").mkdir()
    return Path("rows")


@pytest.mark.parametrize(
    "source", ["rows", "rows/*/*/*.csv", "rows/**/*.csv", "rows/*", "./rows/year=*", "SEVERAL", "memory"]
)
def test_partitions_become_columns(source: str, rows: Path) -> None:
    given: Any = sorted(map(str, rows.glob("*/*/*.csv"))) if source == "SEVERAL" else source
    if source == "memory":
        system = fsspec.filesystem("memory")
        for path in rows.glob("*/*/*.csv"):
            system.pipe(f"/partitions/{path}", path.read_bytes())
        given = "memory://partitions/rows"
    corpus = read(given, label="label")
    assert corpus.texts.to_pylist()[::2] == ["2023 de one", "2023 fr one", "2024 __ one"]
    columns = {name: column[::2] for name, column in corpus.columns.to_pydict().items()}
    assert columns == {"year": [2023, 2023, 2024], "country": ["de", "fr", ""]}
    kept = [rows.kept.to_pydict() for rows in scan(given, keep=["year", "text"]).rows()]
    assert [cell for part in kept for cell in part["year"]] == ["2023"] * 4 + ["2024"] * 2
    assert len(read(given, where={"year": 2024})) == 2


def test_partitions_of_typed_files(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", "b", "c"], "year": [1, 1, 2], "n": [1.5, None, 2]})
    frame.to_parquet(tmp_path / "rows", partition_cols=["year"])
    corpus = read(tmp_path / "rows")
    assert corpus.texts.to_pylist() == ["a", "b", "c"]
    assert corpus.columns.to_pydict() == {"n": [1.5, None, 2.0], "year": [1, 1, 2]}


def test_a_partition_does_not_replace_a_column_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "n=7").mkdir()
    (tmp_path / "n=7" / "a.csv").write_text("text,n\na,1\n")
    assert read(tmp_path).columns.to_pydict() == {"n": [1]}


def test_files_are_read_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    names = [tmp_path / "b.csv", tmp_path / "a.csv.gz", tmp_path / "c.CSV"]
    for path in names:
        data = CSV.format(path.name[0]).encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    texts = ["b one", "b two", "a one", "a two", "c one", "c two"]
    assert read([*map(str, names)]).texts.to_pylist() == texts
    assert read(tuple(names)).texts.to_pylist() == texts
    assert read(str(tmp_path / "*")).texts.to_pylist() == sorted(texts)
    assert read(str(tmp_path / "[bc].*")).texts.to_pylist() == texts[:2] + texts[4:]
    assert source_name(tuple(names)) == f"{names[0]} and 2 more"


def test_columns_may_differ_between_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,n\na,1\n")
    (tmp_path / "b.csv").write_text("x,text\nyes,b\n")
    assert read(tmp_path).columns.to_pydict() == {"n": [1, None], "x": [None, "yes"]}


def test_a_name_with_the_letters_of_a_pattern_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_text(CSV.format("a"))
    assert len(read(tmp_path / "a[1].csv")) == 2


def test_a_folder_may_hold_files_of_any_ending_if_their_format_is_said(tmp_path: Path) -> None:
    (tmp_path / "part-00000").write_text(CSV.format("a"))
    (tmp_path / "part-00001").write_text(CSV.format("b"))
    assert len(read(tmp_path, format="csv")) == 4


REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": ("", r"The path of the data is empty\. Name a file or folder; for this folder write a dot"),
    "blanks": ("  ", r"The path of the data is empty"),
    "no home": ("~nosuch", r"There is no file ~nosuch"),
    "a null": ("a\0b.csv", r"There is no file a\\x00b\.csv"),
    "a link to nothing": (
        "link.csv",
        r"^link\.csv is a link to gone\.csv, where there is no file\. Mend the link, or name the file",
    ),
    "a link to itself": (
        "loop.csv",
        r"^loop\.csv is a link to loop\.csv, where there is no file\. Mend the link, or name the file",
    ),
    "a long name": ("x" * 5000 + ".csv", r"cannot be looked at: File name too long"),
    "no match": ("nosuch/*.csv", r"No file matches nosuch/\*\.csv"),
    "matches no data": ("*", r"The folder deep holds no data file"),
    "no list": ([], r"Something of type list came"),
    "a device": ("/dev/zero", r"/dev/zero is a device, which may never end, not a file of rows"),
    "other folders": ("folders", r"holds no data file of its own, only folders \(deep\).*folders/\*/\*\.csv"),
    "a mixture": (["a.csv", "b.jsonl"], r"The data holds files of several kinds \(\.csv, \.jsonl\)"),
    "one is missing": (("a.csv", "c.csv"), r"There is no file c\.csv\. Did you mean a\.csv"),
    **{
        address: (address, r"cannot be opened: an address begins with one of file, .*its driver is installed")
        for address in (
            "dir://a",
            "reference://a",
            "data://x",
            "zip://a.csv::b.zip",
            "sqlite://x",
            "nosuch://a/b.csv",
            "cached://a",
        )
    },
    "no driver": ("s3://bucket/a.csv", r"s3://bucket/a\.csv cannot be opened: .*its driver is installed|cannot be"),
    "no host": ("ftp://127.0.0.1:1/a.csv", r"cannot be opened: .*its driver is installed"),
    "no user": ("github://a.csv", r"cannot be opened: .*its driver is installed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_stands_for_no_rows(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "folders" / "deep").mkdir(parents=True)
    (tmp_path / "link.csv").symlink_to("gone.csv")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    if case == "matches no data":
        monkeypatch.chdir(tmp_path / "folders")
    source, sentence = REFUSED[case]
    with pytest.raises(DataError, match=sentence):
        read(source)


def test_any_exception_of_a_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Driver:
        def isdir(self, path: str) -> bool:
            return False

        def exists(self, path: str) -> bool:
            return True

        def open(self, path: str, mode: str) -> Any:
            class File(io.BytesIO):
                def read(self, n: int | None = -1, /) -> bytes:
                    raise RuntimeError("the session expired\nsecond line")

            return File(b"text\na\n")

    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda url: (Driver(), url))
    with pytest.raises(DataError, match=r"memory://x\.csv cannot be opened: the session expired\. Check"):
        read("memory://x.csv")


def test_an_address_may_go_through_a_cache(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    assert len(read(f"simplecache::file://{tmp_path}/a.csv")) == 2


@pytest.fixture
def pipe(tmp_path: Path) -> Callable[[bytes], Path]:
    """Give a named pipe through which data come, once."""

    def opened(data: bytes) -> Path:
        path = tmp_path / "rows"
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(data,), daemon=True).start()
        return path

    return opened


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ["a", "b"], "id": [2**62, 1]}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b"text,id\na,17446744073709551615\nb,1.10\n", ["17446744073709551615", "1.10"]),
        (b'{"text": "a", "id": 17446744073709551615}\n{"text": "b", "id": 1.10}\n', ["17446744073709551615", "1.10"]),
        (parquet(), [2**62, 1]),
        (gzip.compress(parquet()), [2**62, 1]),
    ],
)
def test_a_pipe_is_read_once(data: bytes, kept: list[Any], pipe: Callable[[bytes], Path]) -> None:
    (found,) = scan(pipe(data), keep=["id"]).rows()
    assert found.texts.to_pylist() == ["a", "b"]
    assert found.kept.to_pydict() == {"id": kept}


def test_a_pipe_is_copied_where_types_are_asked_for(pipe: Callable[[bytes], Path]) -> None:
    path = pipe(b'{"text": "a", "id": 1}\n{"text": "b", "id": 1.5}\n')
    assert [rows.kept.to_pydict() for rows in scan(path, keep=["id"], keep_types=True).rows()] == [{"id": [1.0, 1.5]}]


def test_a_faulty_row_of_a_pipe_is_told_by_its_number(pipe: Callable[[bytes], Path]) -> None:
    with pytest.raises(DataError, match=r"rows, row 2, holds 1 cell where the header names 2"):
        read(pipe(b"text,n\na,1\nb\n"))


def test_an_empty_pipe_says_that_it_is_read_once(pipe: Callable[[bytes], Path]) -> None:
    with pytest.raises(DataError, match="is empty .* a pipe can be read only once"):
        read(pipe(b""))


def test_standard_input_is_a_source_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"text;n\na;1\n")))  # type: ignore[arg-type]
    monkeypatch.setattr("sys.stdin", stdin)
    assert read("-", format="csv").columns.to_pydict() == {"n": [1]}
    with pytest.raises(DataError, match="Standard input was named twice"):
        read("-")
    assert not stdin.buffer.closed
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DataError, match="Standard input is closed"):
        read("-")


def test_what_is_passed_over_is_known() -> None:
    assert finding.is_source(["a.csv", Path("b.csv")]) and not finding.is_source([]) and not finding.is_source(["a", 1])
