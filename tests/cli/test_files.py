"""Files as they come, through the commands: what is read, what goes through, what is said."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headstart.corpus import read

TEXTS = ["The film was lovely", "The plot was rude", "The cast was splendid"]


def rows(out: Path) -> list[dict[str, Any]]:
    """What was written, every cell as a string or null."""
    if ".jsonl" in out.name:
        raw = gzip.decompress(out.read_bytes()) if out.suffix == ".gz" else out.read_bytes()
        return [json.loads(line, parse_constant=pytest.fail) for line in raw.decode().splitlines()]
    if out.suffix in (".parquet", ".feather"):
        return (pd.read_parquet if out.suffix == ".parquet" else pd.read_feather)(out).to_dict("records")  # type: ignore[operator, no-any-return]
    sep = "\t" if ".tsv" in out.name else ","
    return pd.read_csv(out, sep=sep, dtype=str, keep_default_na=False).to_dict("records")  # type: ignore[return-value]


@pytest.fixture
def predict(cli: Any, place: Path, base_folder: Path) -> Callable[..., Any]:
    """Run `predict` on a source; give the command's end and, if all went well, the rows."""

    def run(source: str | list[str], *options: str, out: str = "out.csv") -> tuple[Any, list[dict[str, Any]]]:
        sources = [source] if isinstance(source, str) else source
        ended = cli("predict", base_folder, *sources, "--out", out, *options)
        return ended, rows(place / out) if ended.code == 0 and out != "-" else []

    return run


OUTPUTS = [
    "out.csv",
    "out.tsv",
    "out.jsonl",
    "out.parquet",
    "out.csv.gz",
    "out.tsv.gz",
    "out.jsonl.gz",
    "out.feather",
    "OUT.CSV",
]
CELLS = {
    "id": ["17446744073709551615", "17446744073709551616", "17446744073709551617"],
    "version": ["1.10", "1.1", "2.0"],
    "code": ["1e5", "007", "-0"],
    "day": ["2024-01-31", "01/02/2024", "NA"],
    "truth": ["true", "TRUE", "1"],
}


@pytest.mark.parametrize("out", OUTPUTS)
@pytest.mark.parametrize("form", ["csv", "tsv", "csv.gz", "CSV"])
def test_kept_cells_go_through_as_they_stand(form: str, out: str, predict: Any, place: Path) -> None:
    frame = pd.DataFrame({"text": TEXTS, **CELLS})
    path = place / f"rows.{form}"
    frame.to_csv(path, index=False, sep="\t" if form == "tsv" else ",", compression="gzip" if "gz" in form else None)
    ended, found = predict(path.name, "--keep", ",".join(CELLS), out=out)
    assert ended.code == 0, ended
    assert {name: [str(row[name]) for row in found] for name in CELLS} == CELLS


@pytest.mark.parametrize("out", ["out.csv", "out.jsonl"])
def test_kept_numbers_of_json_stand_to_the_digit(out: str, predict: Any, place: Path) -> None:
    lines = [
        f'{{"text": "{text}", "id": {id_}, "n": {n}}}\n'
        for text, id_, n in zip(TEXTS, CELLS["id"], ["1.10", "1e5", "null"], strict=True)
    ]
    (place / "rows.jsonl").write_text("".join(lines))
    ended, _ = predict("rows.jsonl", "--keep", "id,n", out=out)
    assert ended.code == 0
    written = (place / out).read_text().splitlines()[-3:]
    for line, id_, n in zip(
        written, CELLS["id"], ["1.10", "1e5", "null" if out.endswith("jsonl") else ""], strict=True
    ):
        assert id_ in line and n in line


def test_missing_is_told_from_empty(predict: Any, place: Path) -> None:
    (place / "rows.csv").write_text('text,a\ngood,\nbad,""\n')
    predict("rows.csv", "--keep", "a", out="out.jsonl")
    assert [row["a"] for row in rows(place / "out.jsonl")] == [None, ""]
    predict("rows.csv", "--keep", "a", out="out.csv")
    assert [line.split(",")[0] for line in (place / "out.csv").read_text().splitlines()] == ['"a"', "", '""']


@pytest.mark.parametrize("form", ["array", "pretty", "mark"])
def test_arrays_of_json(form: str, predict: Any, place: Path) -> None:
    text = pd.DataFrame({"text": TEXTS}).to_json(orient="records", indent=2 if form == "pretty" else None)
    (place / "rows.json").write_text(text, encoding="utf-8-sig" if form == "mark" else "utf-8")
    assert len(predict("rows.json")[1]) == 3


@pytest.fixture
def odd(place: Path) -> str:
    table = pa.table({
        "text": TEXTS,
        "tags": [["a", "b"], [], None],
        "raw": [b"\x00\xff", b"", None],
        "score": [1.0, float("nan"), float("inf")],
        "label": ["x", "y", "z"],
    })  # fmt: skip
    pq.write_table(table, place / "odd.parquet")
    return "odd.parquet"


@pytest.mark.parametrize("out", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("column", ["tags", "raw", "score"])
def test_columns_of_odd_types_are_written_or_refused(
    column: str, out: str, odd: str, predict: Any, place: Path
) -> None:
    ended, found = predict(odd, "--keep", column, out=out)
    if column == "raw" and not out.endswith("parquet"):
        assert ended.code == 2 and "'raw' holds binary, which" in ended.err and ended.err.count("\n") == 1
        assert not (place / out).exists()
        return
    assert ended.code == 0 and len(found) == 3
    if (column, out) == ("score", "out.jsonl"):
        assert [row["score"] for row in found] == [1.0, None, None]
        assert "warning: 2 kept numbers are NaN or infinite and became null" in ended.err
    if (column, out) == ("tags", "out.csv"):
        assert [row["tags"] for row in found] == ['["a", "b"]', "[]", ""]


def test_a_column_is_kept_once(odd: str, predict: Any, place: Path) -> None:
    assert list(predict(odd, "--keep", "label,label")[1][0])[:2] == ["label", "prediction"]


def test_missing_labels_are_left_out_whatever_the_others_are(cli: Any, place: Path, small: tuple[str, ...]) -> None:
    marks = ["", "NA", "NaN", "null", "None", "N/A", "<NA>", "nan", "NULL", "n/a"]
    for number, values in enumerate((["0", "1"], ["neg", "pos"], ["none", "some"])):
        labels = [*values * 10, *marks]
        lines = "".join(f"the film {i} was fine,{label}\n" for i, label in enumerate(labels))
        (place / "reviews.csv").write_text(f"text,label\n{lines}")
        ended = cli("train", "reviews.csv", *small, "--out", f"m{number}", "--json")
        assert ended.json["labels"]["names"] == values
        assert ended.json["counts"]["train"]["n_null_labels_dropped"] == len(marks)
        assert f"rows left out because their label is missing: {len(marks)}" in ended.err


def test_a_model_reads_its_own_text_column(cli: Any, place: Path, small: tuple[str, ...], reviews: Any) -> None:
    frame = pd.DataFrame({"review": reviews.texts[:60], "verdict": reviews.labels[:60], "title": ["t"] * 60})
    frame.to_csv(place / "train.csv", index=False)
    assert cli("train", "train.csv", "--text", "review", "--label", "verdict", *small, "--out", "own").code == 0
    assert cli("predict", "own", "train.csv", "--out", "out.csv", "--json").json["n"] == 60
    assert cli("evaluate", "own", "train.csv", "--label", "verdict", "--json").json["n"] == 60
    assert cli("embed", "own", "train.csv", "--out", "out.parquet", "--json").json["n"] == 60
    moved = cli(
        "transfer", "own", "train.csv", "--label", "verdict", "--strategy", "features", "--out", "moved", "--json"
    )
    assert moved.json["counts"]["train"]["n_rows"] == 60
    # As in 0.1: a column called text is read where the model's own is not there.
    frame.rename(columns={"review": "text"}).to_csv(place / "other.csv", index=False)
    assert cli("predict", "own", "other.csv", "--out", "out.csv", "--json").json["n"] == 60
    ended = cli("predict", "own", "train.csv", "--text", "titel", "--out", "out.csv")
    assert ended.code == 2 and "has no column 'titel'" in ended.err and "Did you mean 'title'?" in ended.err


def test_several_columns_become_one_text(cli: Any, place: Path, small: tuple[str, ...], reviews: Any) -> None:
    texts = reviews.texts[:60]
    frame = pd.DataFrame(
        {"title": [text[:10] for text in texts], "body": [text[10:] for text in texts], "label": reviews.labels[:60]}
    )
    frame.loc[0, "title"] = None
    frame.to_csv(place / "train.csv", index=False)
    assert cli("train", "train.csv", "--text", "title,body", *small, "--out", "m").code == 0
    assert cli("inspect", "m", "--json").json["model"]["text"]["column"] == "title,body"
    assert cli("predict", "m", "train.csv", "--out", "several.csv", "--json").json["n"] == 60
    joined = [
        f"{title}\n{body}" if isinstance(title, str) else body
        for title, body in zip(frame["title"], frame["body"], strict=True)
    ]
    pd.DataFrame({"text": joined}).to_csv(place / "joined.csv", index=False)
    cli("predict", "m", "joined.csv", "--out", "joined_out.csv")
    assert (place / "several.csv").read_text() == (place / "joined_out.csv").read_text()
    assert read(place / "train.csv", text=["title", "body"]).texts.to_pylist() == joined


def test_partitions_patterns_and_several_files(predict: Any, place: Path) -> None:
    for year in (2023, 2024):
        (place / "rows" / f"year={year}").mkdir(parents=True)
        pq.write_table(pa.table({"text": TEXTS[:2]}), place / "rows" / f"year={year}" / "part-0.parquet")
    files = sorted(str(path.relative_to(place)) for path in (place / "rows").rglob("*.parquet"))
    for source in ("rows", "rows/*/*.parquet", "rows/**/*.parquet", files):
        ended, found = predict(source, "--keep", "year")
        assert ended.code == 0, ended
        assert [row["year"] for row in found] == ["2023", "2023", "2024", "2024"]


@pytest.mark.parametrize("quoting", [(), ("--quoting", "auto"), ("--quoting", "none")])
def test_marks_in_unquoted_files_are_letters(quoting: tuple[str, ...], predict: Any, place: Path) -> None:
    lines = [
        "id\ttext",
        '1\t"The room was lovely',
        "2\tThe desk was rude",
        '3\t"The bar was splendid, he said',
        "4\tThe pool was cold",
        "5\tThe bed was clean",
    ]
    (place / "messages.tsv").write_text("\n".join(lines) + "\n")
    _, found = predict("messages.tsv", "--keep", "id", *quoting)
    assert [row["id"] for row in found] == ["1", "2", "3", "4", "5"]


def test_texts_in_another_encoding_are_refused_until_it_is_named(predict: Any, place: Path) -> None:
    (place / "reviews.csv").write_bytes("id,text\n1,这家酒店很好\n2,房间很脏\n".encode("gbk"))
    ended, _ = predict("reviews.csv", "--keep", "text")
    assert ended.code == 2 and "line 2 is the first of 2 lines" in ended.err and "--encoding" in ended.err
    _, found = predict("reviews.csv", "--keep", "text", "--encoding", "gbk")
    assert [row["text"] for row in found] == ["这家酒店很好", "房间很脏"]
    (place / "western.csv").write_bytes("text\ncafé très bon\nplain and simple\n".encode("cp1252"))
    ended, _ = predict("western.csv")
    assert (
        ended.code == 0
        and "warning: 1 lines or cells of western.csv are not UTF-8" in ended.err
        and "--encoding" in ended.err
    )


@pytest.mark.parametrize("options", [(), ("--keep", "id")])
@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_named_pipes_are_read_once(options: tuple[str, ...], out: str, predict: Any, place: Path) -> None:
    os.mkfifo(place / "rows")
    data = "id,text\n" + "".join(f"{i},{text}\n" for i, text in enumerate(TEXTS))
    threading.Thread(target=(place / "rows").write_text, args=(data,), daemon=True).start()
    ended, found = predict("rows", *options, out=out)
    assert ended.code == 0 and len(found) == 3


FORMS = {
    "csv": "id,text\n1,good\n2,bad\n",
    "tsv": "id\ttext\n1\tgood\n2\tbad\n",
    "jsonl": '{"id": 1, "text": "good"}\n{"id": 2, "text": "bad"}\n',
    "json": '[{"id": 1, "text": "good"}, {"id": 2, "text": "bad"}]',
}


@pytest.mark.parametrize("form", FORMS)
def test_standard_input_and_output(form: str, predict: Any, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def given() -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(FORMS[form].encode())))

    given()
    assert len(predict("-", "--format", form, "--keep", "id")[1]) == 2
    given()
    assert len(predict("-", "--keep", "id", out="out.jsonl")[1]) == 2
    given()
    ended, _ = predict("-", "--format", form, "--keep", "id", out="-")
    assert ended.code == 0 and "2 rows scored into standard output" in ended.err
    if form == "csv":
        assert [line.split(",")[0] for line in ended.out.splitlines()] == ['"id"', '"1"', '"2"']
    (place / "rows.csv").write_text(FORMS["csv"])
    ended, _ = predict("rows.csv", "--format", "jsonl", "--keep", "id", out="-")
    assert [json.loads(line)["id"] for line in ended.out.splitlines()] == ["1", "2"]
    ended, _ = predict("rows.csv", "--json", out="-")
    assert ended.code == 2 and "both write to standard output" in ended.err


MISTAKES = {
    "": "path of the data is empty",
    "~nosuch": "no file ~nosuch",
    "/dev/zero": "is a device",
    "dir://a": "an address begins with one of",
    "nosuch*.csv": "No file matches nosuch",
}


@pytest.mark.parametrize("source", MISTAKES)
def test_what_is_no_source_is_a_sentence(source: str, predict: Any, place: Path) -> None:
    ended, _ = predict(source)
    assert ended.code == 2 and MISTAKES[source] in ended.err and ended.err.count("\n") == 1
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    "options", [("--format", "xlsx"), ("--delimiter", "ab"), ("--quoting", "much"), ("--encoding", "utf-9")]
)
@pytest.mark.parametrize("command", [("train", "--out", "m"), ("evaluate",), ("transfer", "--out", "m"), ("compare", "--out", "m"), ("embed", "--out", "v.parquet"), ("map", "--out", "m.html")])  # fmt: skip
def test_every_command_that_reads_takes_the_options(
    command: tuple[str, ...], options: tuple[str, ...], cli: Any, files: Path, base_folder: Path
) -> None:
    model = () if command[0] == "train" else (base_folder,)
    data = ("--data", "hotel.csv") if command[0] == "map" else ("hotel.csv",)
    ended = cli(command[0], *model, *data, *command[1:], *options)
    assert ended.code == 2 and options[1] in ended.err and ended.err.count("\n") == 1
    assert sorted(path.name for path in files.iterdir()) == ["hotel.csv", "reviews.csv"]


def test_a_delimiter_reaches_every_file(cli: Any, files: Path, base_folder: Path) -> None:
    for name in ("hotel", "reviews"):
        text = (files / f"{name}.csv").read_text()
        pd.read_csv(io.StringIO(text)).to_csv(files / f"{name}.txt", sep="^", index=False)
    found = cli("transfer", base_folder, "hotel.txt", "--test", "reviews.txt", "--strategy", "as-is", "--delimiter", "^", "--out", "m", "--json").json  # fmt: skip
    assert (found["counts"]["train"]["n_rows"], found["test"]["n"]) == (120, 300)


def test_rows_that_are_left_out_are_said(predict: Any, place: Path) -> None:
    (place / "rows.jsonl").write_text(
        '{"text": null, "n": 1}\n{"text": " ", "n": 1}\n{"text": "good", "n": 2}\n{"text": "a b c", "n": 1}\n'
    )
    ended, _ = predict("rows.jsonl", "--where", "n=1")
    assert "rows left out by --where: 1" in ended.err
    assert "null texts: 1" in ended.err and "empty texts: 1" in ended.err and "3 rows scored" in ended.out
