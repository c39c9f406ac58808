"""Files of any number of rows through a predictor, in bounded memory and in order.

Reading, computing and writing overlap: one thread reads ahead, one writes behind.
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from headstart.arrays import Array
from headstart.corpus import FileOptions, Rows, Scan, Source, TextColumns, scan
from headstart.corpus.writing import OutputForm, TableWriter, output_form
from headstart.errors import ArtifactError, OptionError
from headstart.inputs import chunk_rows
from headstart.named_outputs import layer_outputs
from headstart.outputs import atomic_write, check_file
from headstart.outputs.spreadsheets import Spreadsheet
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.predictor.counting import add_counts, with_rate

STDOUT = "-"
"""The output that stands for standard output."""

BATCH_ROWS = 16_384


def predict_file(
    predictor: Predictor,
    source: Source,
    out: Path | str,
    *,
    text: str | Sequence[str] | TextColumns | None = None,
    where: Any = None,
    keep: Sequence[str] = (),
    spreadsheet_safe: bool = False,
    stamp: Mapping[str, str] | None = None,
    files: FileOptions | None = None,
    format: str | None = None,
    device: str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> Json:
    """Write ``prediction``, one probability column a label, and what else the model's task gives for every row of `source`.

    A list of labels is a list in Parquet, Feather and JSON lines, and JSON (``["a", "b"]``) in a cell of CSV and TSV, from where
    `headstart.read` reads it as labels again.

    Args:
        predictor: what scores.
        source: files, as `headstart.read` takes them.
        out: a ``.parquet``, ``.feather``, ``.csv``, ``.tsv`` or ``.jsonl`` file, of text also ``.csv.gz``; replaced when all
            is written. ``-`` writes to standard output.
        text: the column of texts, or several; None takes the one that the model was trained on, or else ``text``.
        where: a row filter.
        keep: columns of the source to write next to the predictions; cells of text files go through as they stand.
        spreadsheet_safe: put ``'`` in front of cells of CSV or TSV that a spreadsheet would take for formulas.
        stamp: columns with the same value in every row, such as ``model_hash`` and ``scored_at``.
        files: how to read the files.
        format: what is written to standard output; CSV if nothing is said.
        device: where to compute.
        progress: called with the number of rows done since the last call.

    Returns:
        The counts of `headstart.predictor.Scores` over all rows, and those of reading under ``reading``; ``n_abstained`` of a
        model that may give no prediction; of CSV or TSV
        ``n_formulas``: cells that a spreadsheet would take for formulas; ``n_not_finite`` if kept numbers became null, since
        JSON has no NaN.

    Raises:
        DataError, OptionError: what cannot be read or written.
        ArtifactError: if the model gives a row no finite number; then `out` is left as it was.
    """
    if str(out) != STDOUT:
        check_file(out, [source], option="--out")
    form = output_form(str(out), format or "csv" if str(out) == STDOUT else None)
    keep = tuple(dict.fromkeys(keep))
    stamped = dict(stamp or {})
    check_kept(predictor, keep, stamped)
    scanned = scan(
        source,
        text=own_text(predictor, text),
        where=where,
        columns=predictor.columns,
        keep=keep,
        keep_types=form.has_types,
        batch_rows=chunk_rows(predictor.inputs, BATCH_ROWS),
        options=files,
    )
    totals: Json = {}
    tables = scored_tables(predictor, scanned, scanned.rows(), form, totals, stamp=stamped, device=device)
    look = Spreadsheet(quoted=spreadsheet_safe) if form.format in ("csv", "tsv") else None
    lost = _write(_told(tables, progress), out, form, look) + Counter(
        n_not_finite=scanned.counts.pop("n_not_finite", 0)
    )
    formulas = {} if look is None else {"n_formulas": look.n_formulas}
    return {"n": 0, **with_rate(totals), **lost, "reading": dict(scanned.counts), **formulas}


def check_kept(predictor: Predictor, keep: Sequence[str], stamp: Mapping[str, str]) -> None:
    """Refuse to keep a column that is called as one of the results is.

    Raises:
        OptionError: names it.
        DataError: the model is an encoder, which predicts nothing.
    """
    task = predictor.answers
    nothing = np.zeros(0 if task.kind in ("binary", "regression") else (0, len(task.names)))
    results = {*task.columns(nothing, predictor.rule), *stamp}
    for name in keep:
        if name in results:
            raise OptionError(
                f"the column {name!r} was to be kept, and the results have a column of that name; "
                "rename it in the data, or leave it out of --keep."
            )


def scored_tables(
    predictor: Predictor,
    scanned: Scan,
    batches: Iterator[Rows],
    form: OutputForm,
    totals: Json,
    *,
    stamp: Mapping[str, str],
    device: str,
) -> Iterator[pa.Table]:
    """Yield a table of results, with the columns that are kept, for each batch of rows; counts go into `totals`."""
    task, rule = predictor.answers, predictor.rule
    for number, rows in enumerate(_read_ahead(batches)):
        if not number:
            TableWriter(io.BytesIO(), form).check(rows.kept)
        scores = predictor.score(scanned.corpus(rows), device=device)
        add_counts(totals, scores.counts)
        if rule.abstain_below is not None:
            add_counts(totals, {"n_abstained": int(task.abstains(scores.probabilities, rule).sum())})
        result = rows.kept
        for name, values in task.columns(scores.probabilities, rule).items():
            result = result.append_column(
                name, _as_arrow(values, of_lists=name == "label_set" or task.kind == "multilabel")
            )
        for name, value in stamp.items():
            result = result.append_column(name, pa.repeat(value, len(rows.texts)))
        yield result


def _told(tables: Iterator[pa.Table], progress: Callable[[int], None] | None) -> Iterator[pa.Table]:
    """Yield tables, and tell of each, once it is being written, how many rows it has."""
    for table in tables:
        yield table
        if progress is not None:
            progress(table.num_rows)


def _as_arrow(values: Array, *, of_lists: bool) -> Any:
    """Return numbers, names, or lists of names as an Arrow array; a name may be None."""
    if values.dtype != object:
        return pa.array(values)
    return pa.array(values.tolist(), pa.list_(pa.string()) if of_lists else pa.string())


def own_text(predictor: Predictor, text: str | Sequence[str] | TextColumns | None) -> TextColumns:
    """Return the column of texts that was named, or the one that a model was trained on, or else ``text``; of a model that reads
    other rows the columns of these.
    """
    if isinstance(text, TextColumns):
        return text
    rows = predictor.row_columns
    return TextColumns(text, (predictor.text, "text")) if isinstance(rows, str) else rows


def embed_file(
    predictor: Predictor,
    source: Source,
    out: Path,
    *,
    layer: str,
    pooling: str = "mean",
    text: str | Sequence[str] | TextColumns | None = None,
    where: Any = None,
    files: FileOptions | None = None,
    device: str = "cpu",
    cache: str | Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Json:
    """Write a layer's output for every row of `source` to a Parquet file with one column, ``vector``.

    The arguments are those of `predict_file` and of `headstart.features.layer_outputs`.

    Returns:
        ``n`` rows and the ``size`` of a vector, and the counts of reading under ``reading``.

    Raises:
        DataError, OptionError: what cannot be read or written, or a layer that is not there.
        ArtifactError: if the layer gives a value that is no finite number; then `out` is left as it was.
    """
    check_file(out, [source], option="--out")
    predictor.network.engine.checked((layer,))
    if out.suffix != ".parquet":
        raise OptionError(
            f"--out is {out.name!r}; vectors are written to Parquet only: name a file that ends in .parquet."
        )
    scanned = scan(
        source,
        text=own_text(predictor, text),
        where=where,
        columns=predictor.columns,
        batch_rows=chunk_rows(predictor.inputs, BATCH_ROWS),
        options=files,
    )

    found = {"n": 0, "size": 0}
    tables = embedded_tables(predictor, scanned, scanned.rows(), found, OutputAsked(layer, pooling, device, cache))
    _write(_told(tables, progress), out, output_form(out.name))
    return {**found, "reading": dict(scanned.counts)}


class OutputAsked(NamedTuple):
    """Which output of a network is asked for, and how it is computed; see `headstart.features.layer_outputs`."""

    layer: str
    pooling: str
    device: str
    cache: str | Path | None


def embedded_tables(
    predictor: Predictor, scanned: Scan, batches: Iterator[Rows], found: Json, asked: OutputAsked
) -> Iterator[pa.Table]:
    """Yield tables with the one column ``vector`` for batches of rows; ``n`` and ``size`` in `found` grow.

    Raises:
        ArtifactError: if the layer gives a value that is no finite number.
    """
    how: Json = {"pooling": asked.pooling, "device": asked.device, "cache": asked.cache}
    layer = asked.layer
    for rows in _read_ahead(batches):
        corpus = scanned.corpus(rows)
        for outputs in layer_outputs(predictor, corpus, (layer,), **how):
            vectors = outputs[layer]
            if not np.isfinite(vectors).all():
                raise ArtifactError(
                    f"the layer {layer!r} of this model gives values that are no finite numbers: its weights "
                    "overflow. Copy the model again, or train it anew with a lower learning rate."
                )
            add_counts(found, {"n": len(vectors)})
            found["size"] = vectors.shape[1]
            flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
            yield pa.table({"vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])})


def _read_ahead(batches: Iterator[Rows]) -> Iterator[Rows]:
    """Yield the batches while a thread already reads the next."""
    with ThreadPoolExecutor(1, "headstart-read") as pool:
        ahead: Future[Rows | None] = pool.submit(next, batches, None)
        while (rows := ahead.result()) is not None:
            ahead = pool.submit(next, batches, None)
            yield rows


def _write(
    tables: Iterator[pa.Table], out: Path | str, form: OutputForm, look: Spreadsheet | None = None
) -> Counter[str]:
    """Write tables to `out`; a file appears when it is whole. Return what was counted in writing."""
    if str(out) == STDOUT:
        return _written(tables, sys.stdout.buffer, form, look)
    with atomic_write(out) as unfinished, unfinished.open("wb") as file:
        return _written(tables, file, form, look)


def _written(tables: Iterator[pa.Table], stream: Any, form: OutputForm, look: Spreadsheet | None) -> Counter[str]:
    """Write tables to a stream, each while the next is computed."""
    with TableWriter(stream, form, look) as writer, ThreadPoolExecutor(1, "headstart-write") as pool:
        behind: Future[None] | None = None
        for table in tables:
            if behind is not None:
                behind.result()
            behind = pool.submit(writer.write, table)
        if behind is not None:
            behind.result()
    stream.flush()
    return writer.counts
