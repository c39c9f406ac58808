"""A folder of parts: the rows of the single process, each once, in order, however often the run was ended; here and on a cluster."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headstart import bulk, fragments
from headstart.bulk import embed_file, predict_file
from headstart.errors import DataError, OptionError
from headstart.executors import Cores, Here, RayCluster, Work
from headstart.fragments import MANIFEST, embed_folder, predict_folder
from headstart.plain import Json
from headstart.predictor import Predictor

ARTIFACTS = Path(__file__).parent / "data" / "artifacts"
TEXTS = [
    f"the {word} film of {i % 7} rooms was {'great' if i % 3 else 'awful'} x{i}"
    for i, word in enumerate("a great dull warm cold".split() * 60)
]


@pytest.fixture(scope="module")
def model() -> Predictor:
    return Predictor.load(ARTIFACTS / "v1-fast")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 16 rows, fragments of 32."""
    for module in (bulk, fragments):
        monkeypatch.setattr(module, "BATCH_ROWS", 16)
    monkeypatch.setattr(fragments, "_FRAGMENT_BYTES", 800)


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A folder of two Parquet files with ids, the second of one row."""
    folder = tmp_path / "rows"
    folder.mkdir()
    table = pa.table({"text": TEXTS, "id": [f"{i:04d}" for i in range(len(TEXTS))], "n": list(range(len(TEXTS)))})
    pq.write_table(table.slice(0, 299), folder / "a.parquet", row_group_size=50)
    pq.write_table(table.slice(299), folder / "b.parquet")
    return str(folder)


def rows_of(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("part-*.parquet"))]).combine_chunks()


class Killed(Exception):
    pass


class Dying:
    """Does `n` items and is gone, in the middle of another."""

    width = 1

    def __init__(self, n: int) -> None:
        self.n = n

    def run(self, work: Work, items: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
        for place, done in enumerate(Here().run(work, items)):
            if place == self.n:
                raise Killed
            yield done


def test_rows_are_those_of_the_single_process(model: Predictor, source: str, tmp_path: Path) -> None:
    counts = predict_folder(model, source, str(tmp_path / "out"), Here(), keep=["id", "n"])
    told = predict_file(model, source, tmp_path / "one.parquet", keep=["id", "n"])
    assert rows_of(tmp_path / "out").equals(pq.read_table(tmp_path / "one.parquet").combine_chunks())
    parts = counts.pop("parts")
    assert counts == told
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert manifest["done"] and manifest["parts"] == parts
    assert len(parts) > 5 and sum(part["rows"] for part in parts) == 300
    for part in parts:
        path = tmp_path / "out" / part["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == part["sha256"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [MANIFEST, *(part["file"] for part in parts)]


@pytest.mark.parametrize("n_done", [0, 1, 4])
def test_a_killed_run_goes_on_with_what_has_no_note(model: Predictor, source: str, tmp_path: Path, n_done: int) -> None:
    out = tmp_path / "out"
    with pytest.raises(Killed):
        predict_folder(model, source, str(out), Dying(n_done))
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*")}
    predict_folder(model, source, str(out), Here())
    predict_file(model, source, tmp_path / "one.parquet")
    assert rows_of(out).equals(pq.read_table(tmp_path / "one.parquet").combine_chunks())
    assert len(before) == n_done + 1
    assert all((out / name).stat().st_mtime_ns == time for name, time in before.items()), (
        "what was done is not done again"
    )
    again = predict_folder(model, source, str(out), Dying(0))
    assert again["n"] == 300, "what is whole is only counted"


def test_a_part_that_was_cut_is_done_again(model: Predictor, source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_folder(model, source, str(out), Here())
    part, other = out / "part-00002.parquet", out / "part-00001.parquet"
    whole = part.read_bytes(), other.read_bytes()
    part.write_bytes(b"cut")
    other.write_bytes(whole[1][:40] + bytes([whole[1][40] ^ 1]) + whole[1][41:])  # of the same size
    predict_folder(model, source, str(out), Here())
    assert (part.read_bytes(), other.read_bytes()) == whole


@pytest.mark.parametrize(
    "how", [{"where": {"n": ["1", "17", "298"]}}, {"stamp": {"model_hash": "abc"}}, {"keep": ["n"]}]
)
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_format_and_option(model: Predictor, tmp_path: Path, how: Any, ending: str) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    for place, start in enumerate((0, 40)):
        rows = [(text, start + i) for i, text in enumerate(TEXTS[start : start + 40])]
        path = folder / f"{place}.{ending}"
        if ending == "csv":
            path.write_text("text,n\n" + "".join(f"{text},{n}\n" for text, n in rows))
        elif ending == "jsonl":  # whole numbers in the one file, fractions in the other
            path.write_text("".join(json.dumps({"text": text, "n": n + place * 0.5}) + "\n" for text, n in rows))
        else:
            pq.write_table(pa.table({"text": [text for text, _ in rows], "n": [n for _, n in rows]}), path)
    if ending == "jsonl" and "where" in how:
        how = {"where": {"n": ["1", "17"]}}
    predict_folder(model, f"{folder}/*.{ending}", str(tmp_path / "out"), Here(), **how)
    predict_file(model, f"{folder}/*.{ending}", tmp_path / "one.parquet", **how)
    assert rows_of(tmp_path / "out").equals(pq.read_table(tmp_path / "one.parquet").combine_chunks())


def test_addresses_on_both_sides(model: Predictor, source: str) -> None:
    import fsspec

    name = uuid.uuid4().hex
    memory = fsspec.filesystem("memory")
    memory.put(f"{source}/a.parquet", f"/{name}/rows.parquet")
    counts = predict_folder(model, f"memory://{name}/rows.parquet", f"memory://{name}/out", Here())
    with pytest.raises(OptionError, match="differs from this in: keep"):
        predict_folder(model, f"memory://{name}/rows.parquet", f"memory://{name}/out", Here(), keep=["id"])
    assert counts["n"] == 299
    found = sorted(path.rpartition("/")[2] for path in memory.ls(f"/{name}/out", detail=False))
    assert found == [MANIFEST, *(part["file"] for part in counts["parts"])]


def test_vectors(source: str, tmp_path: Path) -> None:
    model = Predictor.load(ARTIFACTS / "v1-fast")
    counts = embed_folder(model, source, str(tmp_path / "out"), Here(), layer="pooled")
    told = embed_file(model, source, tmp_path / "one.parquet", layer="pooled")
    assert rows_of(tmp_path / "out").equals(pq.read_table(tmp_path / "one.parquet").combine_chunks())
    assert {name: counts[name] for name in told} == told


@pytest.mark.parametrize(
    ("spoil", "error", "told"),
    [
        (lambda out: (out / "notes.txt").write_text("mine"), OptionError, "a folder in use: it holds 'notes.txt'"),
        (lambda out: (out / MANIFEST).write_text("{"), OptionError, "is damaged"),
        (
            lambda out: (out / MANIFEST).write_text('{"plan": {"kind": "embed"}, "stamp": {}}'),
            OptionError,
            "differs from this in: columns",
        ),
    ],
)
def test_a_folder_in_use_is_left_as_it_is(
    model: Predictor, source: str, tmp_path: Path, spoil: Any, error: type[Exception], told: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    spoil(out)
    before = sorted(path.name for path in out.iterdir())
    with pytest.raises(error, match=told):
        predict_folder(model, source, str(out), Here())
    assert sorted(path.name for path in out.iterdir()) == before


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"text": "words"}, "words"),
        ({"keep": ["nothing"]}, "nothing"),
        ({"where": {"colour": ["red"]}}, "colour"),
        ({"where": {"id": ["none such"]}}, "No row of .* has id"),
    ],
)
def test_mistakes_are_told_as_of_one_file(model: Predictor, source: str, tmp_path: Path, how: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        predict_folder(model, source, str(tmp_path / "out"), Here(), **how)


def test_the_cluster_gives_the_rows_of_cores(cluster: Any, model: Predictor, source: str, tmp_path: Path) -> None:
    predict_folder(model, source, str(tmp_path / "out"), RayCluster(cluster.address), keep=["id"])
    predict_folder(model, source, str(tmp_path / "here"), Cores(1), keep=["id"])
    one, other = ([path.read_bytes() for path in sorted((tmp_path / name).glob("part-*"))] for name in ("out", "here"))
    assert one == other


def test_a_path_that_workers_do_not_see(cluster: Any, model: Predictor, source: str, tmp_path: Path) -> None:
    from headstart.executors import node

    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(OptionError, match=r"the node \S+ does not see '.*a.parquet'"),
    ):
        known = node.fingerprint
        patch.setattr(
            "headstart.executors.cluster.fingerprint", lambda name: "0 bytes" if "a.parq" in name else known(name)
        )
        predict_folder(model, source, str(tmp_path / "out"), RayCluster(cluster.address))
