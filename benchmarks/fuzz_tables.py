"""Read mutated tables, and look for whatever is neither a refusal in a sentence nor rows that a second reading confirms.

    python benchmarks/fuzz_tables.py [--cases 20000] [--seed 0] [--only NUMBER]

Small tables of every format (Arrow files and streams, plain, lz4 and zstd; Parquet, plain, snappy and zstd; CSV, TSV, JSON
lines, a JSON array; some of them packed again as .gz or .zst), with strings of every kind, dictionaries, lists, records,
times, decimals and nulls. A case takes one and changes it: bytes flipped, cut, spliced and overwritten; of text
also marks, delimiters, line ends and whole lines. Then all of it is read into memory, scanned in small batches with every
column kept, and what was kept is written to CSV, JSON lines and Parquet.

A finding is: the process died; an exception that is no `HeadstartError`; two readings that differ; of CSV other rows than the
standard library's parser gives; a written file that cannot be read again; more than two seconds of processor time; more
memory than four times the file and 256 MB. A case is made of the seed and its number alone: ``--only`` repeats it.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import decimal
import gzip
import io
import json
import random
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from fuzz_artifacts import Meter, report, watched
from mutations import mutate_bytes

HERE = Path(__file__).resolve().parent
SECONDS, SLACK = 2.0, 256 * 2**20
TEXTS = ["a good hotel", 'she said "fine", and left', "two\nlines", "naïve café 😀", "", None, "tab\there", "x" * 300]
MARKS = [
    b'"',
    b'""',
    b",",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b"\\",
    b"'",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
]


def table() -> pa.Table:
    """Twenty-four rows with columns of most types."""
    n = 24
    texts = [TEXTS[i % len(TEXTS)] for i in range(n)]
    return pa.table({
        "text": pa.array(texts, pa.string()),
        "large": pa.array(texts, pa.large_string()),
        "view": pa.array(texts, pa.string()).cast(pa.string_view()),
        "words": pa.array([["phone", "tablet", None][i % 3] for i in range(n)]).dictionary_encode(),
        "number": pa.array([i if i % 5 else None for i in range(n)], pa.int64()),
        "fraction": pa.array([i / 7 for i in range(n)]),
        "truth": pa.array([bool(i % 2) for i in range(n)]),
        "day": pa.array([datetime.date(2024, 1, 1 + i) for i in range(n)]),
        "price": pa.array([decimal.Decimal(i) / 4 for i in range(n)], pa.decimal128(9, 2)),
        "tags": pa.array([["a", "b"][: i % 3] for i in range(n)]),
        "record": pa.array([{"a": i, "b": str(i)} for i in range(n)]),
    })  # fmt: skip


def arrow(made: pa.Table, opener: Callable[..., Any], codec: str | None) -> bytes:
    """A table as Arrow writes it, in batches of seven rows."""
    sink = pa.BufferOutputStream()
    with opener(sink, made.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(made, max_chunksize=7)
    return bytes(sink.getvalue())


def parquet(made: pa.Table, **options: Any) -> bytes:
    """A table as Parquet, in row groups of nine rows."""
    sink = io.BytesIO()
    pq.write_table(made.drop_columns(["view"]), sink, row_group_size=9, **options)
    return sink.getvalue()


def delimited(made: pa.Table, delimiter: str, quoting: int) -> bytes:
    """The simple columns of a table as the standard library writes CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    writer.writerow(("text", "number", "words"))
    for row in made.select(["text", "number", "words"]).to_pylist():
        writer.writerow("" if cell is None else cell for cell in row.values())
    return out.getvalue().encode()


def sources() -> dict[str, bytes]:
    """Every file that is mutated, by name."""
    made = table()
    simple = made.select(["text", "number", "fraction", "truth", "words", "tags", "record"])
    lines = [json.dumps(row, ensure_ascii=False) for row in simple.to_pylist()]
    unquoted = [
        line.replace('"', "")
        for line in ("text\tnumber", *(f'{i} "a {word} b\t{i}' for i, word in enumerate("xyzuvw")))
    ]
    found = {
        "file.arrow": arrow(made, pa.ipc.new_file, None),
        "lz4.feather": arrow(made, pa.ipc.new_file, "lz4"),
        "zstd.arrow": arrow(made, pa.ipc.new_file, "zstd"),
        "stream.arrows": arrow(made, pa.ipc.new_stream, None),
        "snappy.parquet": parquet(made),
        "zstd.parquet": parquet(made, compression="zstd", data_page_version="2.0"),
        "plain.parquet": parquet(made, compression="none", use_dictionary=False),
        "quoted.csv": delimited(made, ",", csv.QUOTE_MINIMAL),
        "all.csv": delimited(made, ";", csv.QUOTE_ALL),
        "quoted.tsv": delimited(made, "\t", csv.QUOTE_MINIMAL),
        "unquoted.tsv": "\n".join(unquoted).encode(),
        "lines.jsonl": "\n".join(lines).encode(),
        "array.json": json.dumps(simple.to_pylist(), indent=1).encode(),
    }
    found["packed.csv.gz"] = gzip.compress(found["quoted.csv"])
    found["packed.parquet.gz"] = gzip.compress(found["plain.parquet"])
    found["packed.jsonl.zst"] = bytes(pa.Codec("zstd").compress(found["lines.jsonl"]))
    return found


def mutate_text(raw: bytes, rng: random.Random) -> bytes:
    """Put marks where they do not belong, or move lines."""
    data = raw
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        lines = data.split(b"\n")
        line = rng.randrange(len(lines))
        match rng.randrange(6):
            case 0 | 1:
                data = data[:at] + rng.choice(MARKS) + data[at:]
            case 2:
                mark = rng.choice(MARKS)
                data = data.replace(mark, rng.choice(MARKS), rng.choice((1, 1, 3, -1)))
            case 3:
                data = b"\n".join((*lines[:line], *lines[line + 1 :]))
            case 4:
                data = b"\n".join((*lines[:line], b"".join(lines[line : line + 2]), *lines[line + 2 :]))
            case _:
                data = b"\n".join((*lines, *lines[line:]))
    return data


def mutated(name: str, files: dict[str, bytes], rng: random.Random) -> bytes:
    """A changed file; of a packed one, mostly what is inside."""
    raw = files[name]
    text = any(kind in name for kind in (".csv", ".tsv", ".json")) and not name.endswith((".gz", ".zst"))
    if name.endswith(".gz") and rng.random() < 0.8:
        inner = gzip.decompress(raw)
        return gzip.compress(
            mutate_text(inner, rng) if ".csv" in name else mutate_bytes(inner, rng, list(files.values())), 1
        )
    return mutate_text(raw, rng) if text and rng.random() < 0.7 else mutate_bytes(raw, rng, list(files.values()))


def attempt(path: Path) -> tuple[str, str]:
    """Read, scan and write what lies at `path`; return the outcome and a sentence on it."""
    from headstart.corpus import read, scan
    from headstart.errors import HeadstartError

    try:
        corpus = read(path)
    except HeadstartError as error:
        first = ("refused" if len(str(error).split()) >= 8 else "FOUND short sentence"), str(error)
        corpus = None
    except Exception:
        return "FOUND exception in reading", traceback.format_exc()
    try:
        rows = list(scan(path, batch_rows=5, keep=() if corpus is None else corpus.columns.column_names).rows())
        texts = [text for part in rows for text in part.texts.to_pylist()]
    except HeadstartError as error:
        # Types that change show only where columns are typed, and are refused only there.
        return first if corpus is None else ("FOUND readings differ", f"read, but not scanned: {error}")
    except Exception:
        return "FOUND exception in scanning", traceback.format_exc()
    if corpus is None:
        return first
    if texts != corpus.texts.to_pylist():
        return "FOUND readings differ", f"{len(texts)} texts scanned, {len(corpus)} read"
    if path.suffix in (".csv", ".tsv") and not corpus.counts["n_bad_encoding"]:
        known = by_standard_library(path)
        if known is not None and known != texts:
            return "FOUND other rows", f"{len(known)} by the csv module, {len(texts)} by us"
    return written(rows, path) or ("read", "")


def by_standard_library(path: Path) -> list[str] | None:
    """The texts as the csv module reads them, quoted or, of TSV, unquoted; None where it cannot be asked."""
    raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode()
    options = []
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        first = raw.lstrip("\r\n").splitlines()[0]
        delimiter = "\t" if path.suffix == ".tsv" else max(",\t;|", key=first.count)
        try:
            lines = io.StringIO(raw.lstrip("\r\n"), newline="")
            rows = list(csv.reader(lines, delimiter=delimiter, quoting=quoting))
        except csv.Error:
            continue
        if "text" in rows[0]:
            place = rows[0].index("text")
            rows = [row or [""] for row in rows[1:]] if len(rows[0]) == 1 else [row for row in rows[1:] if row]
            if all(len(row) > place for row in rows):
                options.append([row[place] for row in rows])
    ours = options[:1] if path.suffix == ".csv" else options
    if not ours:
        return None
    from headstart.corpus import read

    texts = read(path).texts.to_pylist()
    return texts if texts in ours else ours[0]


def written(rows: list[Any], path: Path) -> tuple[str, str] | None:
    """Write kept columns in every format and read them again; None where all is well."""
    from headstart.corpus.writing import TableWriter, output_form
    from headstart.errors import HeadstartError

    for name in ("out.csv", "out.jsonl", "out.parquet", "out.feather"):
        out = path.with_name(name)
        try:
            with out.open("wb") as file, TableWriter(file, output_form(name)) as writer:
                writer.check(rows[0].kept)
                for part in rows:
                    writer.write(part.kept)
        except HeadstartError:
            continue
        except Exception:
            return f"FOUND exception in writing {name}", traceback.format_exc()
        n_rows = sum(len(part.texts) for part in rows)
        if rows[0].kept.num_columns and name == "out.jsonl":
            found = [json.loads(line, parse_constant=refuse) for line in out.read_text("utf-8").splitlines()]
            if len(found) != n_rows:
                return "FOUND lines lost", f"{len(found)} of {n_rows}"
        if rows[0].kept.num_columns and name == "out.parquet" and pq.read_metadata(out).num_rows != n_rows:
            return "FOUND rows lost", name
    return None


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def run_case(number: int, seed: int, files: dict[str, bytes], folder: Path) -> dict[str, Any]:
    """Make and try one case."""
    rng = random.Random(f"{seed}/{number}")
    name = sorted(files)[number % len(files)]
    data = mutated(name, files, rng)
    path = folder / name
    path.write_bytes(data)
    with Meter() as meter:
        outcome, detail = attempt(path)
    if meter.seconds > SECONDS and not outcome.startswith("FOUND"):
        outcome, detail = "FOUND hang", f"{meter.seconds:.1f} s; {outcome}: {detail}"
    if meter.memory > 4 * len(data) + SLACK:
        outcome, detail = "FOUND memory", f"{meter.memory / 2**20:.0f} MB for {len(data):,} bytes; {outcome}: {detail}"
    return {
        "number": number, "kind": name, "model": "table", "outcome": outcome, "seconds": meter.seconds,
        "memory": meter.memory, "detail": detail if outcome.startswith("FOUND") else detail[:200],
    }  # fmt: skip


def work(folder: Path, seed: int, numbers: range) -> None:
    """Run cases in this process and print a line of JSON for each."""
    files = sources()
    scratch = Path(tempfile.mkdtemp(dir=folder))
    for name, data in files.items():  # What is imported at first use is not a case's doing.
        (scratch / name).write_bytes(data)
        outcome, detail = attempt(scratch / name)
        if outcome != "read":
            raise SystemExit(f"the unchanged table {name} is not read: {outcome} {detail}")
    for number in numbers:
        sys.stdout.write(json.dumps(run_case(number, seed, files, scratch)) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case, to go on with a run")
    parser.add_argument("--only", type=int, help="run this one case and print all about it")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "fuzz_tables.json")
    options = parser.parse_args()
    if options.work:
        work(Path(options.work[0]), options.seed, range(int(options.work[1]), int(options.work[2])))
        return
    first = options.first if options.only is None else options.only
    numbers = range(first, first + (options.cases if options.only is None else 1))
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        report(watched(Path(place), options.seed, numbers, script=__file__), options)


if __name__ == "__main__":
    main()
