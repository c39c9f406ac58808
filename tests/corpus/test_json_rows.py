"""JSON arrays and lines: every object a row, every fault with its place, every kept number to the digit."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.corpus import read, scan
from headstart.corpus.json_rows import written
from headstart.errors import DataError

FRAME = pd.DataFrame(
    {"text": ["a, [b]", 'c "}{"\n', None, "é😀"], "n": [1, 2, 3, 4], "tags": [["x"], [], None, ["y", "z"]]}
)


def made(form: str) -> bytes:
    if form == "lines":
        return FRAME.to_json(orient="records", lines=True).encode()
    pretty = form.endswith("pretty")
    data = FRAME.to_json(orient="records", indent=1 if pretty else None, force_ascii="ascii" in form).encode()
    return (
        {"BOM": b"\xef\xbb\xbf", "blanks": b" \n\t\r\n "}.get(form.split()[0], b"")
        + data
        + (b"\n \n" if pretty else b"")
    )


@pytest.mark.parametrize("form", ["lines", "compact", "pretty", "ascii", "BOM compact", "BOM pretty", "blanks pretty"])
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows", "rows.JSON"])
@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
def test_what_pandas_writes_is_read(
    form: str, name: str, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.corpus.decoding.CHUNK_BYTES", chunk)
    (tmp_path / name).write_bytes(made(form))
    corpus = read(tmp_path / name)
    assert corpus.texts.to_pylist() == ["a, [b]", 'c "}{"\n', None, "é😀"]
    assert corpus.columns.to_pydict() == {"n": [1, 2, 3, 4], "tags": [["x"], [], None, ["y", "z"]]}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ('[{"text": "a"},]', r"element 2 of the array \(line 1\), is not a JSON object"),
        ('[\n{"text": "a"},\n{"text": b}]', r"element 2 of the array \(line 3\), is not a JSON object .* starts with"),
        ('[{"text": "a"}', r"ends in the middle of its array, after 1 rows"),
        ('[{"text": "a"}, {"text": "b', r"element 2 of the array \(line 1\), is not a JSON object \(Unterminated"),
        ('[{"text": "a"}] x', r"line 1, goes on after its array is closed"),
        ('[{"text": "a"}\n{"text": "b"}]', r"line 2, holds '\{' where ',' was expected"),
        ('[["a"]]', r"element 1 of the array \(line 1\), holds a JSON array, not an object"),
        ("[7.5]", r"element 1 of the array \(line 1\), holds a JSON number"),
        ('{"text": "a", "text": "b"}', r"line 1, is not a JSON object \(the field 'text' stands there twice\)"),
        ('{"text": "a", "n": {"x": 1, "x": 2}}', r"line 1, .*'x' stands there twice"),
        ('[{"text": "a"}, {"text": "a", "text": "b"}]', r"element 2 .*'text' stands there twice"),
        ('[{"text": "a"}, {"text": 7}]', r"element 2 of the array \(line 1\): 'text' holds a number \(7\)"),
        (
            '[{"text": "a"}, {"text": ["b"]}]',
            r"'text' holds an array \(\['b'\]\) .* hold a string. Give .* or leave it out",
        ),
        ("[" * 100_000, r"is not a JSON object|holds a JSON array"),
        ("[]", r"no row"),
    ],
)
def test_faults_are_told_with_their_place(data: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(data)
    with pytest.raises(DataError, match=rf"(?s)rows\.json.*{sentence}"):
        read(tmp_path / "rows.json")


def test_lines_may_end_as_they_like(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\r{"text": "b"}\r\n\r\n{"text": "c\\r"}')
    assert read(tmp_path / "a.jsonl").texts.to_pylist() == ["a", "b", "c\r"]


NUMBERS = [
    "17446744073709551616",
    "1.10",
    "1e5",
    "-0",
    "0.1000000000000000055511151231257827",
    "1E400",
    "123456789012345678901234567890",
]


@pytest.mark.parametrize("form", ["lines", "array"])
def test_kept_numbers_stand_to_the_digit(form: str, tmp_path: Path) -> None:
    rows = [f'{{"text": "a", "n": {number}, "list": [{number}, {{"x": {number}}}]}}' for number in NUMBERS]
    data = "".join(f"{row}\n" for row in rows) if form == "lines" else f"[{','.join(rows)}]"
    (tmp_path / "a.json").write_text(data)
    (found,) = scan(tmp_path / "a.json", keep=["n", "list", "text"]).rows()
    assert found.kept.column("n").to_pylist() == NUMBERS
    assert found.kept.column("list").to_pylist() == [f'[{number}, {{"x": {number}}}]' for number in NUMBERS]
    assert found.kept.column("text").to_pylist() == ['"a"'] * len(NUMBERS)


def test_columns_of_a_model_have_types_next_to_kept_cells(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "n": 1.10, "m": {"x": 2}}\n{"text": "b"}\n')
    (found,) = scan(tmp_path / "a.jsonl", keep=["n"], columns=["n", "m"]).rows()
    assert found.columns.to_pydict() == {"n": [1.1, None], "m": [{"x": 2}, None]}
    assert found.kept.to_pydict() == {"n": ["1.10", None]}


@pytest.mark.parametrize("form", ["jsonl", "json", "jsonl.gz"])
@pytest.mark.parametrize("way", ["kept", "kept with types", "columns"])
def test_a_column_of_the_last_row_alone_is_found_however_it_is_read(form: str, way: str, tmp_path: Path) -> None:
    lines = ['{"text": "a", "n": 1}'] * 3 + ['{"text": "b", "late": 7}']
    data = f"[{','.join(lines)}]" if form == "json" else "\n".join(lines)  # no line end: a chunk of its own
    path = tmp_path / f"a.{form}"
    path.write_bytes(gzip.compress(data.encode()) if form.endswith("gz") else data.encode())
    options: Any = {"keep": ["late"], "keep_types": way != "kept"} if "kept" in way else {"columns": ["late"]}
    found = [
        row
        for rows in scan(path, **options).rows()
        for row in (rows.kept if options.get("keep") else rows.columns)["late"].to_pylist()
    ]
    assert found == [None, None, None, "7" if way == "kept" else 7]
    assert read(path, columns=["late"]).columns["late"].to_pylist() == [None, None, None, 7]
    with pytest.raises(DataError, match="has no column 'lates'.*Did you mean 'late'"):
        list(scan(path, keep=["lates"]).rows())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_is_json(value: Any) -> None:
    assert json.loads(written(value, Counter())) == value


def test_what_json_has_not_is_null_and_counted() -> None:
    counts: Counter[str] = Counter()
    assert written([float("nan"), {"x": float("-inf")}, 1.5, "NaN"], counts) == '[null, {"x": null}, 1.5, "NaN"]'
    assert counts == {"n_not_finite": 2}
    assert json.loads(written("half \ud83d", counts)) == "half \ud83d"
