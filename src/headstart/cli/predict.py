"""The command `predict`: texts of any number, scored into a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from headstart.artifact import content_hash, inspect
from headstart.bulk import STDOUT, predict_file
from headstart.cli import console, reading
from headstart.cli.clusters import check_cluster_out, on_cluster
from headstart.cli.commands import Predict
from headstart.cli.deciding import decided_by
from headstart.cli.measuring import warn_of_quality
from headstart.cli.progress import track
from headstart.cli.row_kinds import rows_asked
from headstart.corpus import parse_where, source_name
from headstart.errors import OptionError
from headstart.fragments import predict_folder
from headstart.outputs import check_file
from headstart.plain import Json
from headstart.predictor import Predictor


def predict(options: Predict) -> None:
    """Score texts into a file, or onto standard output."""
    data, out = options.data, options.out
    to_stdout = out == STDOUT
    if to_stdout and options.as_json:
        raise OptionError("--out - and --json both write to standard output; give one of them.")
    if options.ray is not None:
        check_cluster_out(out)
    elif not to_stdout:
        check_file(out, (reading.model_files(options.model), data, options.costs), option="--out")
    files = reading.file_options(options)
    stored = Predictor.load(options.model, engine=options.engine)
    predictor = decided_by(stored, options)
    stamp = _stamp(predictor, None if predictor.rule != stored.rule else options.model) if options.stamp else None
    asked: Json = {
        "text": rows_asked(options) or options.text,
        "where": parse_where(options.where) if options.where else None,
        "keep": reading.column_list(options.keep),
        "stamp": stamp,
    }
    with on_cluster(options.ray, options.device) as (cluster, device), track("rows", None) as bar:
        if cluster is not None:
            counts = predict_folder(
                predictor,
                reading.as_source(data),
                out,
                cluster,
                files=files,
                device=device,
                progress=bar.advance,
                **asked,
            )
        else:
            counts = predict_file(
                predictor,
                reading.as_source(data),
                out,
                # --format says what - is, be it what is read, what is written, or both
                files=replace(files, format=None) if to_stdout and "-" not in data else files,
                format=files.format,
                spreadsheet_safe=options.spreadsheet_safe,
                device=device,
                progress=bar.advance,
                **asked,
            )
    warn_of_quality(counts, predictor)
    if counts.get("n_formulas") and not options.spreadsheet_safe:
        console.warn(
            f"{counts['n_formulas']:,} cells of {out} begin as a formula does, and a spreadsheet that opens the file will "
            "calculate them; --spreadsheet-safe puts ' before each"
        )
    reading.tell_counts(source_name(data), counts["reading"])
    if n_lost := counts.get("n_not_finite"):
        console.warn(f"{n_lost:,} kept numbers are NaN or infinite and became null, since JSON has neither")
    if n_none := counts.get("n_abstained"):
        console.note(f"{n_none:,} rows have no prediction: its probability is below {predictor.rule.abstain_below:g}")
    line = f"{counts['n']:,} rows scored into {'standard output' if to_stdout else out}"
    if to_stdout:
        console.note(line)
    else:
        result = {"out": str(out), **(stamp or {}), **reading.label_facts(predictor.task), **counts}
        console.emit(result, as_json=options.as_json, lines=[line])


def _stamp(predictor: Predictor, folder: Path | None) -> dict[str, str]:
    """Return what tells later which model gave scores, and when: its content hash as `inspect` has it of `folder`, or the one that it would
    have with a rule that the command line changed; and the time in UTC.
    """
    return {
        "model_hash": content_hash(predictor.to_parts()) if folder is None else str(inspect(folder)["content_hash"]),
        "scored_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
