"""Commands on a cluster: rows of one machine, one JSON object on stdout, sentences for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

MODEL = Path(__file__).parents[1] / "data" / "artifacts" / "v1-fast"
TIMES = ("seconds", "cpu_seconds", "ms_per_row", "digest")


def rows_of(out: Path) -> list[Any]:
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    return sorted(({name: row[name] for name in row if name not in TIMES} for row in rows), key=str)


def test_compare_gives_the_rows_of_one_machine_and_goes_on(cluster: Any, files: Path, cli: Any) -> None:
    asked = ("compare", MODEL, "hotel.csv", "--budgets", "20,40", "--seeds", 2, "--candidates", "as-is,tfidf", "--json")
    found = cli(*asked, "--out", "away", "--ray", cluster.address).json
    assert found["verdict"]["ship"] and (files / "away" / "model").is_dir()
    cli(*asked, "--out", "here", "--jobs", 2)
    assert rows_of(files / "away") == rows_of(files / "here")
    again = files / "away" / "rows.jsonl"
    # The rows of the strategy that ships are fitted again for its model, so what goes on keeps the others' lines alone.
    others = [
        line
        for line in again.read_text().splitlines(keepends=True)
        if json.loads(line)["strategy"] != found["verdict"]["ship"]
    ]
    again.write_text("".join(others[:2]))
    assert cli(*asked, "--out", "away").json["verdict"] == found["verdict"]
    assert set(others[:2]) <= set(again.read_text().splitlines(keepends=True))
    assert rows_of(files / "away") == rows_of(files / "here")


def test_predict_and_embed_write_folders(cluster: Any, files: Path, cli: Any) -> None:
    found = cli(
        "predict", MODEL, "hotel.csv", "--out", "scored", "--ray", cluster.address, "--keep", "label", "--json"
    ).json
    cli("predict", MODEL, "hotel.csv", "--out", "one.parquet", "--keep", "label")
    assert pq.read_table("scored/part-00000.parquet").equals(pq.read_table("one.parquet"))
    assert found["n"] == len(pq.read_table("one.parquet")) and found["parts"][0]["input"].endswith("hotel.csv")
    assert (
        "cores"
        not in cli("predict", MODEL, "hotel.csv", "--out", "scored", "--ray", cluster.address, "--keep", "label").err
    )
    found = cli("embed", MODEL, "hotel.csv", "--out", "vectors", "--ray", cluster.address, "--json").json
    assert found["size"] and len(pq.read_table("vectors/part-00000.parquet")) == found["n"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("predict", MODEL, "hotel.csv", "--out", "one.csv", "--ray", "auto"), "a folder of Parquet files is written"),
        (("embed", MODEL, "hotel.csv", "--out", "-", "--ray", "auto"), "a folder of Parquet files is written"),
        (("compare", MODEL, "hotel.csv", "--out", "x", "--ray", "auto", "--jobs", 2), "give one of them"),
        (("predict", MODEL, "hotel.csv", "--out", "x", "--ray", "127.0.0.1:9"), "no Ray cluster answers"),
        (("compare", MODEL, "hotel.csv", "--out", "x", "--ray", "ray://a:pass@h:1"), "'ray://h:1'"),
    ],
)
def test_mistakes_get_a_sentence(files: Path, cli: Any, asked: Any, told: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'headstart[ray]'")
    ended = cli(*asked)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err and "Traceback" not in ended.err and "pass" not in ended.err
