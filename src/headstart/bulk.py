"""Files of any number of rows through a predictor, in bounded memory and in order.

Reading, computing and writing overlap: one thread reads ahead, one writes behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from headstart.corpus import Corpus, scan
from headstart.errors import ArtifactError, OptionError, unknown_name
from headstart.features import layer_outputs
from headstart.outputs import Spreadsheet, atomic_write, check_file
from headstart.predictor import Predictor
from headstart.predictor.counting import add_counts, with_rate

__all__ = ["embed_file", "predict_file"]

_BATCH_ROWS = 16_384


def predict_file(
    predictor: Predictor,
    source: str,
    out: Path,
    *,
    text: str = "text",
    where: Any = None,
    keep: Sequence[str] = (),
    spreadsheet_safe: bool = False,
    device: str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Write ``prediction`` and one probability column a label for every row of `source`.

    Args:
        predictor: what scores.
        source: a file, folder or URL that `headstart.corpus.scan` reads.
        out: a ``.parquet``, ``.csv``, ``.tsv`` or ``.jsonl`` file; replaced when all is written.
        text: the column of texts.
        where: a row filter.
        keep: columns of the source to write beside the predictions.
        spreadsheet_safe: put ``'`` in front of cells of a CSV or TSV file that a spreadsheet would take for formulas.
        device: where to compute.
        progress: called with the number of rows done since the last call.

    Returns:
        The counts of `headstart.predictor.Scores` over all rows, and those of reading under ``reading``; of a CSV or TSV
        file ``n_formulas``: cells that a spreadsheet would take for formulas.

    Raises:
        DataError, OptionError: what cannot be read or written.
        ArtifactError: if the model gives a row no finite number; then `out` is left as it was.
    """
    check_file(out, [source], option="--out")
    written = ("prediction", *(f"probability_{label}" for label in predictor.label_names))
    for name in keep:
        if name in written:
            raise OptionError(
                f"the column {name!r} was to be kept, and the results have a column of that name; "
                "rename it in the data, or leave it out of --keep."
            )
    columns = tuple(dict.fromkeys((*predictor.columns, *keep)))
    totals: dict[str, Any] = {}

    scanned = scan(source, text=text, where=where, columns=columns, batch_rows=_BATCH_ROWS)

    def scored() -> Iterator[pa.Table]:
        for table in _read_ahead(iter(scanned)):
            corpus = Corpus(table.column(text).combine_chunks(), columns=table)
            scores = predictor.score(corpus, device=device)
            add_counts(totals, scores.counts)
            result = table.select(list(keep))
            result = result.append_column("prediction", pa.array(predictor.names(scores.probabilities), pa.string()))
            for label, values in zip(
                predictor.label_names, (1 - scores.probabilities, scores.probabilities), strict=True
            ):
                result = result.append_column(f"probability_{label}", pa.array(values))
            yield result
            if progress is not None:
                progress(len(corpus))

    if out.suffix not in (".csv", ".tsv"):
        _write(scored(), out)
        return {"n": 0, **with_rate(totals), "reading": dict(scanned.counts)}
    look = Spreadsheet(quoted=spreadsheet_safe)
    _write(map(look, scored()), out)
    return {"n": 0, **with_rate(totals), "reading": dict(scanned.counts), "n_formulas": look.n_formulas}


def embed_file(
    predictor: Predictor,
    source: str,
    out: Path,
    *,
    layer: str,
    pooling: str = "mean",
    text: str = "text",
    where: Any = None,
    device: str = "cpu",
    cache: str | Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Write a layer's output for every row of `source` to a Parquet file with one column, ``vector``.

    The arguments are those of `predict_file` and of `headstart.features.layer_outputs`.

    Returns:
        ``n`` rows and the ``size`` of a vector.

    Raises:
        DataError, OptionError: what cannot be read or written, or a layer that is not there.
        ArtifactError: if the layer gives a value that is no finite number; then `out` is left as it was.
    """
    check_file(out, [source], option="--out")
    predictor.net.checked((layer,))
    if out.suffix != ".parquet":
        raise OptionError(
            f"--out is {out.name!r}; vectors are written to Parquet only: name a file that ends in .parquet."
        )
    found = {"n": 0, "size": 0}

    def embedded() -> Iterator[pa.Table]:
        columns = tuple(predictor.columns)
        for table in _read_ahead(iter(scan(source, text=text, where=where, columns=columns, batch_rows=_BATCH_ROWS))):
            corpus = Corpus(table.column(text).combine_chunks(), columns=table)
            for outputs in layer_outputs(predictor, corpus, (layer,), pooling=pooling, device=device, cache=cache):
                vectors = outputs[layer]
                if not np.isfinite(vectors).all():
                    raise ArtifactError(
                        f"the layer {layer!r} of this model gives values that are no finite numbers: its weights "
                        "overflow. Copy the model again, or train it anew with a lower learning rate."
                    )
                found["n"] += len(vectors)
                found["size"] = vectors.shape[1]
                flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
                yield pa.table({"vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])})
                if progress is not None:
                    progress(len(vectors))

    _write(embedded(), out)
    return found


def _read_ahead(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the tables while a thread already reads the next."""
    with ThreadPoolExecutor(1, "headstart-read") as pool:
        ahead: Future[pa.Table | None] = pool.submit(next, tables, None)
        while (table := ahead.result()) is not None:
            ahead = pool.submit(next, tables, None)
            yield table


def _write(tables: Iterator[pa.Table], out: Path) -> None:
    """Write tables to `out` by its suffix; the file appears when it is whole."""
    if out.suffix not in _WRITERS:
        raise unknown_name("file format", out.suffix or out.name, _WRITERS)
    with (
        atomic_write(out) as unfinished,
        _WRITERS[out.suffix](unfinished) as write,
        ThreadPoolExecutor(1, "headstart-write") as pool,
    ):
        behind: Future[None] | None = None
        for table in tables:
            if behind is not None:
                behind.result()
            behind = pool.submit(write, table)
        if behind is not None:
            behind.result()


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[pa.Table], None]]:
    writer: pa.parquet.ParquetWriter | None = None

    def write(table: pa.Table) -> None:
        nonlocal writer
        if writer is None:
            writer = pa.parquet.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _delimited(delimiter: str) -> Any:
    @contextmanager
    def opened(path: Path) -> Iterator[Callable[[pa.Table], None]]:
        writer: Any = None

        def write(table: pa.Table) -> None:
            nonlocal writer
            if writer is None:
                options = pa.csv.WriteOptions(delimiter=delimiter)
                writer = pa.csv.CSVWriter(path, table.schema, write_options=options)
            writer.write_table(table)

        try:
            yield write
        finally:
            if writer is not None:
                writer.close()

    return opened


@contextmanager
def _json_lines(path: Path) -> Iterator[Callable[[pa.Table], None]]:
    with path.open("w", encoding="utf-8") as file:

        def write(table: pa.Table) -> None:
            file.writelines(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in table.to_pylist())

        yield write


_WRITERS: dict[str, Any] = {
    ".parquet": _parquet,
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".jsonl": _json_lines,
}
