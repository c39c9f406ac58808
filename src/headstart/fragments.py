"""Rows of any number through a model into a folder of Parquet files: one for each fragment of the source, wherever work is done.

A fragment is a file, or of a large Parquet file some rows. Its results are one file, ``part-00000.parquet`` and so on in the order
of the source, which is there as a whole or not at all, with a note of what it holds next to it. So a run that was killed, wherever,
goes on with the fragments that have no note, and doing one again changes nothing. ``_manifest.json`` says what the folder is made of,
and at the end of each part its fragment, rows and digest. Fragments begin where the single process begins a batch, so that each row
is scored in the same company, and gets the same numbers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headstart.artifact import write
from headstart.bulk import BATCH_ROWS, OutputAsked, check_kept, embedded_tables, own_text, scored_tables
from headstart.corpus import FileOptions, OtherColumns, Scan, Source, TextColumns, scan, source_name
from headstart.corpus.finding import find_files
from headstart.corpus.opening import DataFile
from headstart.corpus.schemas import common_schema
from headstart.corpus.writing import OutputForm, TableWriter
from headstart.engines import AUTO
from headstart.errors import DataError, OptionError
from headstart.executors import Executor, Work, peak_memory
from headstart.inputs import chunk_rows
from headstart.outputs import RESUMES, atomic_write, check_folder, failed_writes, locked
from headstart.plain import Facts, Json
from headstart.predictor import Predictor
from headstart.predictor.counting import add_counts, with_rate
from headstart.printing import without_secrets

MANIFEST = "_manifest.json"
_NOTES = "_parts"
_FRAGMENT_BYTES = 16 << 20
"""About how large a fragment of a Parquet file is, unpacked."""
_PARQUET = OutputForm("parquet")
_LOOKERS = 16


class Folder:
    """A folder to write to: on a disk that every process sees, or at an fsspec address.

    Args:
        name: its path or address.
    """

    def __init__(self, name: str) -> None:
        self.name = name.rstrip("/")
        self._system: Any = None
        if "://" in name:
            import fsspec

            self._system, self._path = fsspec.core.url_to_fs(self.name)

    def place(self, name: str) -> str:
        """Return the path or address of a file in it."""
        return f"{self.name}/{name}"

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Give the path of a file to write; at the end of the block it is in its place, as a whole."""
        if self._system is None:
            path = Path(self.place(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as unfinished:
                yield unfinished
            return
        with tempfile.TemporaryDirectory() as folder, failed_writes(without_secrets(self.place(name))):
            unfinished = Path(folder) / "unfinished"
            yield unfinished
            self._system.makedirs(f"{self._path}/{name}".rpartition("/")[0], exist_ok=True)
            self._system.put_file(str(unfinished), f"{self._path}/{name}")

    def sizes(self, below: str = "") -> dict[str, int]:
        """Return what lies there, without what lies in folders, by name, with its size in bytes."""
        if self._system is None:
            folder = Path(self.name, below)
            return (
                {one.name: one.stat().st_size for one in folder.iterdir() if one.is_file()} if folder.is_dir() else {}
            )
        path = f"{self._path}/{below}".rstrip("/")
        self._system.invalidate_cache()
        found = self._system.ls(path, detail=True) if self._system.isdir(path) else []
        return {one["name"].rpartition("/")[2]: one["size"] for one in found if one["type"] == "file"}

    def read(self, name: str) -> bytes:
        """Return what a file in it holds."""
        if self._system is None:
            return Path(self.place(name)).read_bytes()
        content: bytes = self._system.cat_file(f"{self._path}/{name}")
        return content

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file in it."""
        path = f"{self._path}/{name}" if self._system is not None else ""
        with self._system.open(path, "rb") if path else Path(self.name, name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def remove(self, below: str) -> None:
        """Remove a folder of files in it."""
        for name in self.sizes(below):
            if self._system is None:
                Path(self.name, below, name).unlink()
            else:
                self._system.rm_file(f"{self._path}/{below}/{name}")
        with suppress(OSError, NotImplementedError):  # there are no folders at some addresses
            Path(self.name, below).rmdir() if self._system is None else self._system.rmdir(f"{self._path}/{below}")


def predict_folder(
    predictor: Predictor,
    source: Source,
    out: str,
    executor: Executor,
    *,
    keep: Sequence[str] = (),
    stamp: Mapping[str, str] | None = None,
    text: str | Sequence[str] | TextColumns | None = None,
    progress: Callable[[int], None] | None = None,
    **how: Any,
) -> Json:
    """Write what `headstart.bulk.predict_file` writes as a folder of Parquet files, wherever an executor works.

    Args:
        predictor: what scores.
        source: files, as `headstart.read` takes them.
        out: a folder, or an fsspec address of one; what another run of the same made there is taken.
        executor: does the fragments.
        keep, stamp, text, progress: as `headstart.bulk.predict_file` takes them.
        how: ``where``, ``files`` and ``device``, likewise.

    Returns:
        Its counts, and ``parts``: of each part the fragment, rows, digest.

    Raises:
        DataError, OptionError, OutputError: what cannot be read or written.
    """
    check_kept(predictor, keep, stamp or {})
    asked: Json = {"kind": "predict", "keep": list(dict.fromkeys(keep)), "stamp": dict(stamp or {}), **_how(**how)}
    return _made(predictor, source, out, executor, asked, own_text(predictor, text), progress)


def embed_folder(
    predictor: Predictor,
    source: Source,
    out: str,
    executor: Executor,
    *,
    layer: str,
    pooling: str = "mean",
    cache: str | Path | None = None,
    text: str | Sequence[str] | TextColumns | None = None,
    progress: Callable[[int], None] | None = None,
    **how: Any,
) -> Json:
    """Write what `headstart.bulk.embed_file` writes as a folder of Parquet files; see `predict_folder`."""
    predictor.network.engine.checked((layer,))
    where = None if cache is None else str(cache)
    asked: Json = {
        "kind": "embed", "keep": [], "stamp": {}, "layer": layer, "pooling": pooling, "cache": where, **_how(**how)
    }  # fmt: skip
    return _made(predictor, source, out, executor, asked, own_text(predictor, text), progress)


def _how(*, where: object = None, files: FileOptions | None = None, device: str = "cpu") -> Json:
    return {"where": where, "files": vars(files or FileOptions()), "device": device}


def _made(
    predictor: Predictor,
    source: Source,
    out: str,
    executor: Executor,
    asked: Json,
    text: TextColumns,
    progress: Callable[[int], None] | None,
) -> Json:
    """Do what `asked` says for every fragment that has no note yet."""
    out = out if "://" in out else str(Path(out).absolute())
    if "://" not in out:
        check_folder(out, [source], option="--out", names=(MANIFEST, _NOTES))
    found = [
        replace(file, name=_whole_name(file.name)) for file in find_files(source, FileOptions(**asked["files"]).format)
    ]
    if again := [file.name for file in found if not file.again]:
        raise DataError(
            f"{again[0]} can be read only once, and here by one process alone; write its rows to a file first."
        )
    first = _scan(found[0], predictor, asked, text)
    first.kept_schema()  # the columns that were named are there, or a sentence says so before any work
    asked |= {
        "text": {"kind": text.kind, "names": list(first.names_read)}, "columns": list(predictor.columns)
    }  # fmt: skip
    items = _fragments(found, chunk_rows(predictor.inputs, BATCH_ROWS))
    inputs = [{**item, "name": without_secrets(item["name"])} for item in items]
    plan = {**asked, "stamp": sorted(asked["stamp"]), "model": predictor.digest(), "fragments": inputs}
    busy = f"another run is at work in {out!r}; wait until it is done, or give --out another folder."
    folder = Folder(out)
    held: AbstractContextManager[None] = nullcontext() if "://" in out else locked(Path(out), busy)
    with held, _resumes():
        stamp, done = _begun(folder, plan, asked["stamp"])
        asked["stamp"] = stamp
        asked["out"] = out
        notes = {note["part"]: note for note in done}
        waiting = [item for item in items if item["part"] not in notes]
        if progress is not None:
            progress(sum(note["rows"] for note in done))
        if waiting:
            with tempfile.TemporaryDirectory(prefix="headstart-") as place:
                write(Path(place) / "model", predictor.to_parts())
                engine = _engine(predictor, asked["device"])
                work = Work(
                    open_fragments, name=out, reads=Path(place), memory=peak_memory(), gpus=int(asked["device"].startswith("cuda")),
                    packages=("torch",) if engine == "torch" else ("onnxruntime",) if engine == "onnx" else (),
                    cost=lambda item: item["bytes"], sees=[folder.place(MANIFEST), *(file.name for file in found)],
                    arguments={**asked, "engine": engine, "kept": None},
                )  # fmt: skip
                if asked["keep"]:
                    kept = _kept(first, found, executor, work)
                    work = replace(work, arguments={**work.arguments, "kept": kept})
                for item, note in executor.run(work, waiting):
                    notes[item["part"]] = note
                    if progress is not None:
                        progress(note["rows"])
        return _finished(folder, plan, stamp, [notes[part] for part in sorted(notes)], source_name(source))


def _engine(predictor: Predictor, device: str) -> str:
    """Return the name of what runs the network everywhere, so that all fragments have numbers of one kind."""
    network = predictor.scorer.network
    if network is None:
        return AUTO
    if network.spec.name is None:
        raise OptionError(
            "this model's network is code of your own, which no other machine has; predict without --ray."
        )
    return network.engine.name if device == "cpu" else network.asked


def open_fragments(reads: Path, writes: Path | None, **asked: Any) -> Callable[[Json], Json]:
    """Return what scores one fragment, or tells the types of its kept columns: a file that it writes, and a note of it.

    Args:
        reads: a folder with the model.
        writes: nothing.
        asked: what is done, see `_made`.
    """
    predictor = Predictor.load(reads / "model", engine=asked["engine"])
    return partial(_types if asked["kind"] == "types" else _part, predictor, asked)


def _part(predictor: Predictor, asked: Json, item: Json) -> Json:
    """Write a fragment's part and its note; return the note."""
    scanned = _opened(predictor, asked, item)
    counts: Json = {}
    kept = None if asked["kept"] is None else _decoded(asked["kept"])
    rows = scanned.rows(kept)
    if asked["kind"] == "predict":
        tables = scored_tables(predictor, scanned, rows, _PARQUET, counts, stamp=asked["stamp"], device=asked["device"])
    else:
        how = OutputAsked(*(asked[name] for name in OutputAsked._fields))
        tables = embedded_tables(predictor, scanned, rows, counts, how)
    name, folder = f"part-{item['part']:05d}.parquet", Folder(asked["out"])
    first = next(tables, None)
    n, digest, size = 0, None, 0
    if first is not None:
        with folder.writing(name) as path:
            with path.open("wb") as stream, TableWriter(stream, _PARQUET) as writer:
                for table in chain([first], tables):
                    writer.write(table)
                    n += table.num_rows
            with path.open("rb") as written:
                digest = hashlib.file_digest(written, "sha256").hexdigest()
            size = path.stat().st_size
    note = {
        "part": item["part"], "file": name if n else None, "input": without_secrets(item["name"]), "rows_of_input": item["rows"],
        "rows": n, "bytes": size, "sha256": digest, "counts": counts, "reading": dict(scanned.counts),
    }  # fmt: skip
    with folder.writing(f"{_NOTES}/{name}.json") as path:
        path.write_text(json.dumps(note))
    return note


def _types(predictor: Predictor, asked: Json, item: Json) -> Json:
    return {"schema": _encoded(_opened(predictor, asked, item).kept_schema())}


def _opened(predictor: Predictor, asked: Json, item: Json) -> Scan:
    """Return a scan of a fragment."""
    text = asked["text"]
    columns = TextColumns([*text["names"]]) if text["kind"] == "text" else OtherColumns(text["kind"], text["names"])
    file = find_files(item["name"], FileOptions(**asked["files"]).format)[0]
    rows = None if item["rows"] is None else (item["rows"][0], item["rows"][1])
    file = replace(file, name=item["name"], partition=item["partition"], rows=rows)
    return _scan(file, predictor, asked, columns)


def _scan(file: DataFile, predictor: Predictor, asked: Json, text: TextColumns) -> Scan:
    return scan(
        file,
        text=text,
        where=asked["where"],
        columns=predictor.columns,
        keep=asked["keep"],
        keep_types=True,
        batch_rows=chunk_rows(predictor.inputs, BATCH_ROWS),
        options=FileOptions(**asked["files"]),
    )


def _whole_name(name: str) -> str:
    return name if "://" in name else str(Path(name).expanduser().absolute())


def _fragments(files: Sequence[DataFile], every: int) -> list[Json]:
    """Return the fragments of files in their order; those of a Parquet file begin at multiples of `every` rows."""
    with ThreadPoolExecutor(_LOOKERS) as pool:
        cuts = list(pool.map(partial(_cuts, every=every), files))
    found: list[Json] = []
    for file, (size, parts) in zip(files, cuts, strict=True):
        for rows in parts:
            about = size if rows is None or parts[-1] is None else size * (rows[1] - rows[0]) // max(parts[-1][1], 1)
            found.append(
                {"part": len(found), "name": file.name, "partition": file.partition, "rows": rows, "bytes": about}
            )
    return found


def _cuts(file: DataFile, every: int) -> tuple[int, list[list[int] | None]]:
    """Return a file's size, and the first row and the end of each of its fragments; None stands for all rows."""
    try:
        with file.opener() as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            if size <= _FRAGMENT_BYTES // 8 or stream.read(4) != b"PAR1":
                return size, [None]
            metadata = pq.ParquetFile(stream).metadata
            n = metadata.num_rows
            unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    except DataError:
        raise
    except Exception:  # whatever is wrong with it, its reader says so
        return 0, [None]
    step = every * max(1, round(n * _FRAGMENT_BYTES / max(unpacked, 1) / every))
    return size, [[start, min(start + step, n)] for start in range(0, n, step)] or [None]


def _kept(first: Scan, files: Sequence[DataFile], executor: Executor, work: Work) -> str:
    """Return the types of the kept columns over all files, encoded: from one where it tells, else each file is looked at."""
    if len(files) == 1 and first.steady:
        return _encoded(common_schema([first.kept_schema().empty_table()], where=first.name))
    items: list[Json] = [
        {"part": i, "name": file.name, "partition": file.partition, "rows": None, "bytes": 0}
        for i, file in enumerate(files)
    ]
    looking = replace(work, arguments={**work.arguments, "kind": "types"}, name=f"{work.name} types")
    told = {item["part"]: _decoded(answer["schema"]) for item, answer in executor.run(looking, items)}
    keep = work.arguments["keep"]
    schema = common_schema((told[i].empty_table() for i in range(len(files))), where=first.name, as_written=keep)
    return _encoded(schema)


def _encoded(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def _decoded(text: str) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def _begun(folder: Folder, plan: Json, stamp: Facts) -> tuple[Facts, list[Json]]:
    """Write the plan into the folder, or take up what stands there; return the stamp, and notes of parts that are done.

    Raises:
        OptionError: the folder holds something else, or the parts of another plan.
    """
    plan = json.loads(json.dumps(plan))
    there = folder.sizes()
    if MANIFEST not in there:
        others = sorted(name for name in there if not name.startswith("."))
        if others:
            raise OptionError(
                f"--out is {without_secrets(folder.name)!r}, a folder in use: it holds {others[0]!r} and was not written by this command. "
                "Name a new folder, or empty that one."
            )
        _write_manifest(folder, {"plan": plan, "stamp": stamp, "done": False})
        return stamp, []
    try:
        found = json.loads(folder.read(MANIFEST))
        before, stamp, notes = found["plan"], found["stamp"], found.get("parts")
    except (ValueError, KeyError, TypeError) as error:
        place = without_secrets(folder.place(MANIFEST))
        raise OptionError(f"{place} is damaged; name a new folder with --out, or delete that one.") from error
    differ = sorted(name for name in {*before, *plan} if before.get(name) != plan.get(name))
    if differ:
        raise OptionError(
            f"--out is {without_secrets(folder.name)!r}, a folder in use: what stands there differs from this in: {', '.join(differ)}. "
            "Name a new folder, or delete that one to begin anew."
        )
    if notes is None:
        names = [name for name in folder.sizes(_NOTES) if name.endswith(".json")]
        with ThreadPoolExecutor(_LOOKERS) as pool:
            notes = [note for note in pool.map(partial(_note, folder), names) if note is not None]
    kept = [note for note in notes if note["file"] is None or there.get(note["file"]) == note["bytes"]]
    with ThreadPoolExecutor(_LOOKERS) as pool:
        found = pool.map(lambda note: note["file"] and folder.digest(note["file"]), kept)
        return stamp, [note for note, digest in zip(kept, found, strict=True) if digest == note.get("sha256")]


def _note(folder: Folder, name: str) -> Json | None:
    """Return a part's note; None for one that was cut off, whose fragment is done again."""
    try:
        found: Json = json.loads(folder.read(f"{_NOTES}/{name}"))
    except ValueError:
        return None
    return found if {"part", "file", "bytes", "rows"} <= found.keys() else None


def _finished(folder: Folder, plan: Json, stamp: Facts, notes: Sequence[Json], name: str) -> Json:
    """Write the manifest of all parts, and return what was counted in all of them."""
    counts: Json = {"n": 0}
    reading: Json = {}
    for note in notes:
        add_counts(counts, note["counts"])
        add_counts(reading, note["reading"])
        counts |= {"size": note["counts"]["size"]} if "size" in note["counts"] else {}
    if not reading.get("n_rows_read"):
        raise DataError(f"{name} has column names but no row. Give at least one row of data.")
    if plan["where"] and not counts["n"]:
        asked = " and ".join(f"{column}={value}" for column, value in plan["where"].items())
        raise DataError(f"No row of {name} ({reading['n_rows_read']} rows) has {asked}. Choose among what is there.")
    _write_manifest(folder, {"plan": plan, "stamp": stamp, "done": True, "parts": notes})
    folder.remove(_NOTES)
    return {**with_rate(counts), "reading": reading, "parts": notes}


def _write_manifest(folder: Folder, facts: Facts) -> None:
    with folder.writing(MANIFEST) as path:
        path.write_text(json.dumps(facts), encoding="utf-8")


@contextmanager
def _resumes() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(RESUMES)
        raise
