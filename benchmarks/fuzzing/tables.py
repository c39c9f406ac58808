"""Files of rows in every format: read, scanned in small batches, scored and written; all have to agree."""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fuzzing.kind import TESTS, Files, Found, Kind, Rng
from fuzzing.mutations import mutate_bytes, mutate_lines

__all__ = ["Arrow", "Csv", "Json", "Parquet"]

CELLS = ["a good hotel", 'she said "fine", and left', "two\nlines", "naïve café 😀", "", None, "tab\there", "x" * 300]
PACKED: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    ".gz": (gzip.decompress, lambda raw: gzip.compress(raw, 1, mtime=0)),
    ".zst": (
        lambda raw: pa.CompressedInputStream(pa.BufferReader(raw), "zstd").read(),
        lambda raw: bytes(pa.Codec("zstd").compress(raw)),
    ),
}


def table() -> pa.Table:
    """Twenty-four rows with columns of most types."""
    n = 24
    texts = [CELLS[i % len(CELLS)] for i in range(n)]
    return pa.table({
        "text": pa.array(texts, pa.string()),
        "large": pa.array(texts, pa.large_string()),
        "view": pa.array(texts, pa.string()).cast(pa.string_view()),
        "words": pa.array([["phone", "tablet", None][i % 3] for i in range(n)]).dictionary_encode(),
        "number": pa.array([i if i % 5 else None for i in range(n)], pa.int64()),
        "version": [["1.10", "1.1", "x"][i % 3] for i in range(n)],
        "fraction": pa.array([i / 7 for i in range(n)]),
        "truth": pa.array([bool(i % 2) for i in range(n)]),
        "day": pa.array([datetime.date(2024, 1, 1 + i) for i in range(n)]),
        "when": pa.array([datetime.datetime(2024, 1, 1 + i, 5) for i in range(n)]),
        "price": pa.array([decimal.Decimal(i) / 4 for i in range(n)], pa.decimal128(9, 2)),
        "tags": pa.array([["a", "b"][: i % 3] for i in range(n)]),
        "record": pa.array([{"a": i, "b": str(i)} for i in range(n)]),
    })  # fmt: skip


class Tables(Kind):
    """Files of rows."""

    seconds, memory = 2.0, 256 * 2**20

    @classmethod
    def prepare(cls, folder: Path) -> None:
        for name, raw in cls.sources(table()).items():
            (folder / name).mkdir(parents=True)
            (folder / name / f"rows.{name}").write_bytes(raw)

    @classmethod
    def sources(cls, rows: pa.Table) -> Files:
        """Return the sound files by the ends of their names; what stands before the kind of file tells them apart."""
        raise NotImplementedError

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        ((path, raw),) = files.items()
        others = [base[name] for base in self.bases.values() for name in base]
        ending = Path(path).suffix
        if ending in PACKED and rng.random() < 0.8:
            unpack, pack = PACKED[ending]
            return f"{path}, inside", {path: pack(self.changed(unpack(raw), others, rng))}
        return path, {path: mutate_bytes(raw, rng, others) if ending in PACKED else self.changed(raw, others, rng)}

    def changed(self, raw: bytes, others: list[bytes], rng: Rng) -> bytes:
        """Return a file's content changed."""
        return mutate_bytes(raw, rng, others)

    def use(self, name: str, folder: Path) -> str:
        import headstart as hs
        from headstart.corpus import scan
        from headstart.errors import HeadstartError

        (path,) = folder.iterdir()
        refusal: HeadstartError | None = None
        keep: list[str] = []
        try:
            corpus = hs.read(path)
            keep = corpus.columns.column_names
        except HeadstartError as error:
            refusal = error  # perhaps of types that change: of a column that nobody asks for, they do not matter
        try:
            texts = [text for part in scan(path, batch_rows=5, keep=keep).rows() for text in part.texts.to_pylist()]
        except HeadstartError as error:
            if refusal is None:
                raise Found("read, but not scanned", str(error)) from error
            raise
        if refusal is not None:
            raise refusal
        if texts != corpus.texts.to_pylist():
            raise Found("readings that differ", f"{len(texts)} texts scanned, {len(corpus)} read")
        self.check(path, texts, corpus.counts)
        return self.score(path, keep, texts)

    def check(self, path: Path, texts: list[str | None], counts: dict[str, int]) -> None:
        """Raise `Found` if another reader finds other texts."""

    def score(self, path: Path, keep: list[str], texts: list[str | None]) -> str:
        """Score the file, keep all columns, and read what was written."""
        import headstart as hs
        from headstart.bulk import predict_file
        from headstart.errors import HeadstartError

        if not hasattr(self, "model"):
            self.model = hs.load(TESTS / "data" / "artifacts" / "v1-gru").predictor_
        out = path.parent.with_name(
            "scored" + (".jsonl", ".csv", ".parquet", ".feather")[zlib.crc32(path.read_bytes()) % 4]
        )
        try:
            counts = predict_file(self.model, str(path), out, keep=("text", *keep))
        except HeadstartError as error:
            if "be kept" in str(error) or "cannot be written" in str(error) or "hold" in str(error):
                return "read, not written"
            raise Found("read, but not scored", str(error)) from error
        if out.suffix == ".jsonl":
            for line in out.read_text("utf-8").splitlines():
                json.loads(line, parse_constant=lambda name: 1 / 0)
        again = hs.read(out).texts.to_pylist()
        if counts["n"] != len(texts) or [text or None for text in again] != [text or None for text in texts]:
            raise Found("other rows written", f"{counts['n']} scored, {len(again)} written, {len(texts)} read")
        return "read and written"


class Arrow(Tables):
    """Arrow's files and streams, plain and compressed."""

    name = "arrow"

    @classmethod
    def sources(cls, rows: pa.Table) -> Files:
        found = {}
        for name, opener, codec in (
            ("arrow", pa.ipc.new_file, None),
            ("lz4.feather", pa.ipc.new_file, "lz4"),
            ("zstd.arrow", pa.ipc.new_file, "zstd"),
            ("arrows", pa.ipc.new_stream, None),
        ):
            sink = pa.BufferOutputStream()
            with opener(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
                writer.write_table(rows, max_chunksize=7)
            found[name] = bytes(sink.getvalue())
        return found


class Parquet(Tables):
    """Parquet in several forms."""

    name = "parquet"

    @classmethod
    def sources(cls, rows: pa.Table) -> Files:
        found = {}
        for name, options in (
            ("parquet", {}),
            ("zstd.parquet", {"compression": "zstd", "data_page_version": "2.0"}),
            ("plain.parquet", {"compression": "none", "use_dictionary": False}),
        ):
            sink = io.BytesIO()
            pq.write_table(rows.drop_columns(["view"]), sink, row_group_size=9, **options)
            found[name] = sink.getvalue()
        found["parquet.gz"] = PACKED[".gz"][1](found["plain.parquet"])
        return found


class Json(Tables):
    """JSON lines and arrays."""

    name = "json"

    @classmethod
    def sources(cls, rows: pa.Table) -> Files:
        simple = rows.select(["text", "number", "version", "fraction", "truth", "words", "tags", "record"]).to_pylist()
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in simple).encode()
        found = {"jsonl": lines, "json": json.dumps(simple, indent=1).encode()}
        return {**found, "jsonl.zst": PACKED[".zst"][1](lines)}

    def changed(self, raw: bytes, others: list[bytes], rng: Rng) -> bytes:
        return (mutate_lines if rng.random() < 0.7 else mutate_bytes)(raw, rng, others)


class Csv(Json):
    """CSV and TSV, quoted and not; the standard library's parser has to find the same texts."""

    name = "csv"

    @classmethod
    def sources(cls, rows: pa.Table) -> Files:
        found = {
            "csv": cls.delimited(rows, ",", csv.QUOTE_MINIMAL),
            "all.csv": cls.delimited(rows, ";", csv.QUOTE_ALL),
            "tsv": cls.delimited(rows, "\t", csv.QUOTE_MINIMAL),
            "bare.tsv": "\n".join(
                ["text\tnumber", *(f'{i} "a {word} b\t{i}' for i, word in enumerate("xyzuvw"))]
            ).encode(),
        }
        return {**found, "csv.gz": PACKED[".gz"][1](found["csv"])}

    @staticmethod
    def delimited(rows: pa.Table, delimiter: str, quoting: Any) -> bytes:
        """Return the simple columns as the standard library writes CSV."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\n")
        simple = rows.select(["text", "number", "words", "version", "day", "truth"])
        writer.writerow(simple.column_names)
        for row in simple.to_pylist():
            writer.writerow("" if cell is None else cell for cell in row.values())
        return out.getvalue().encode()

    def check(self, path: Path, texts: list[str | None], counts: dict[str, int]) -> None:
        if path.suffix == ".gz" or counts["n_bad_encoding"]:
            return
        raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode().lstrip("\r\n")
        ways = (csv.QUOTE_MINIMAL,) if path.suffix == ".csv" else (csv.QUOTE_MINIMAL, csv.QUOTE_NONE)
        known = [
            found for quoting in ways if (found := self.by_standard_library(raw, path.suffix, quoting)) is not None
        ]
        if known and [text or None for text in texts] not in known:
            raise Found("other rows than the csv module's", f"{len(known[0])} and {len(texts)}: {known[0]} {texts}")

    @staticmethod
    def by_standard_library(raw: str, suffix: str, quoting: Any) -> list[str | None] | None:
        """Return the texts as the csv module reads them; None where it cannot."""
        delimiter = "\t" if suffix == ".tsv" else max(",\t;|", key=raw.splitlines()[0].count)
        try:
            header, *rows = csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter, quoting=quoting)
        except csv.Error:
            return None
        rows = [row or [""] for row in rows] if len(header) == 1 else [row for row in rows if row]
        if "text" not in header or any(len(row) != len(header) for row in rows):
            return None
        place = header.index("text")
        return [row[place] or None for row in rows]
