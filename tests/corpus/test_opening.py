"""Files that unpack without end, lines without end, and encodings that are not what they seem."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headstart.corpus import opening, read, scan
from headstart.errors import DataError

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: bytes(pa.Codec("zstd").compress(data)),
}


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "FREE_BYTES", 1 << 20)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("inside", ["csv", "parquet"])
def test_what_unpacks_to_far_too_much_is_refused(packer: str, inside: str, tmp_path: Path) -> None:
    data = b"text,n\n" + b"the same,1\n" * 2_000_000
    if inside == "parquet":
        sink = io.BytesIO()
        pq.write_table(
            pa.table({"text": ["a"], "zeros": pa.array(np.zeros((1, 3_000_000)).tolist())}),
            sink,
            compression="none",
            use_dictionary=False,
        )
        data = sink.getvalue()
    path = tmp_path / f"bomb.{inside}.{packer}"
    path.write_bytes(PACKERS[packer](data))
    with pytest.raises(DataError, match=r"unpacks to more than 200 times its size .* Unpack it yourself"):
        read(path, columns=())


@pytest.mark.usefixtures("_small")
def test_text_that_packs_well_is_no_bomb(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{rng.integers(10**9)} {'word ' * 20},1" for _ in range(20_000)]
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress("\n".join(["text,n", *lines]).encode()))
    assert len(read(path)) == 20_000


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_a_line_without_end_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headstart.corpus.decoding.LONGEST_LINE", 1000)
    monkeypatch.setattr("headstart.corpus.json_rows.LONGEST_LINE", 1000)
    monkeypatch.setattr("headstart.corpus.decoding.CHUNK_BYTES", 100)
    start = {"a.csv": "text\n", "a.jsonl": '{"text": "a"}\n{"text": "', "a.json": '[{"text": "a"}, {"text": "'}[name]
    path = tmp_path / name
    path.write_text(start + "x" * 5000)
    with pytest.raises(DataError, match=r"a\.\w+, line [12], (is longer than|holds an element of more than) \d+ MB"):
        read(path)


def test_what_is_unpacked_for_parquet_is_closed_again(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "a.parquet")
    path = tmp_path / "a.parquet.gz"
    path.write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    for _ in range(3):
        assert read(path).texts.to_pylist() == ["a", "b"]


def test_a_full_temporary_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))

    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(opening.tempfile, "TemporaryFile", Full)
    with pytest.raises(
        DataError, match=r"a\.parquet\.gz cannot be read in place .* No space left on device\. Make room there"
    ):
        read(tmp_path / "a.parquet.gz")


ENCODED = {
    "gbk": ("这家酒店很好，房间干净", "gbk"),
    "shift_jis": ("部屋はとても綺麗でした", "shift_jis"),
    "cp1251": ("Отличный отель и чистые номера", "cp1251"),
    "euc-kr": ("방이 아주 깨끗했습니다", "euc-kr"),
    "big5": ("房間非常乾淨", "big5"),
}


@pytest.mark.parametrize("case", ENCODED)
def test_other_encodings_are_refused_until_they_are_named(case: str, tmp_path: Path) -> None:
    text, encoding = ENCODED[case]
    path = tmp_path / "a.csv"
    path.write_bytes("".join(["id,text\n", *(f"{i},{text} {i}\n" for i in range(5))]).encode(encoding))
    with pytest.raises(
        DataError, match=r"a\.csv is not UTF-8: line 2 is the first of 5 lines .* --encoding .* gb18030"
    ):
        read(path)
    assert read(path, encoding=encoding).texts.to_pylist() == [f"{text} {i}" for i in range(5)]
    with pytest.raises(DataError, match=r"a\.csv, about line 2, is not utf-8 .* Name another encoding with --encoding"):
        read(path, encoding="utf-8")


@pytest.mark.parametrize("text", ["Très “bien” à Genève", "Größe: schön, müßig", "¿Qué tal, señor Núñez?"])
def test_western_letters_are_repaired_as_before(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"text\n{text.replace(',', '')}\nplain\n".encode("cp1252"))
    corpus = read(path)
    assert (corpus.texts.to_pylist(), corpus.counts["n_bad_encoding"]) == ([text.replace(",", ""), "plain"], 1)


def test_a_broken_line_among_many_good_ones_is_repaired(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    good = "这家酒店很好\n".encode()
    path.write_bytes(b"text\n" + good * 3 + "这家酒店".encode("gbk") + b"\n")
    assert read(path).counts["n_bad_encoding"] == 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32", "utf-8-sig", "latin-1", "cp1252"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_an_encoding_may_be_named(encoding: str, name: str, tmp_path: Path) -> None:
    data = {
        "a.csv": "text,n\ncafé,1\n",
        "a.jsonl": '{"text": "café", "n": 1}\n',
        "a.json": '[{"text": "café", "n": 1}]',
    }
    (tmp_path / name).write_bytes(data[name].encode(encoding))
    corpus = read(tmp_path / name, encoding=encoding)
    assert (corpus.texts.to_pylist(), corpus.columns.to_pydict()) == (["café"], {"n": [1]})


def test_a_mark_inside_a_file_is_a_letter(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("\ufefftext,n\n\ufeffa,1\nb\ufeff,2\n".encode())
    assert read(tmp_path / "a.csv").texts.to_pylist() == ["\ufeffa", "b\ufeff"]


def test_the_first_block_of_an_endless_source_is_looked_at(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        n_read = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object, /) -> int:
            view = memoryview(buffer)  # type: ignore[arg-type]
            view[:] = bytes(len(view))
            self.n_read += len(view)
            return len(view)

    endless = Endless()
    file = opening.DataFile("endless", lambda: io.BufferedReader(endless), again=False)
    from headstart.corpus.formats import read_batches
    from headstart.corpus.request import Request, TextColumns

    with pytest.raises(DataError, match="endless, line 1, holds a zero byte"):
        next(read_batches(file, Request(TextColumns("text"))))
    assert endless.n_read < 1 << 20


def test_scanning_a_bomb_in_pieces_takes_no_memory(tmp_path: Path) -> None:
    """A dictionary's cells may come to gigabytes: they are handed on in pieces."""
    words = pa.array(["x" * 2**20, "y" * 2**20])
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 600, pa.int32()), words)
    pq.write_table(pa.table({"text": ["a"] * 1200, "word": column}), tmp_path / "a.parquet")
    sizes = [len(rows.texts) for rows in scan(tmp_path / "a.parquet", keep=["word"]).rows()]
    assert sum(sizes) == 1200 and max(sizes) <= 128
