"""The command `embed`: a layer's output for every text."""

from __future__ import annotations

from pathlib import Path

from headstart.bulk import embed_file
from headstart.cli import console, reading
from headstart.cli.clusters import check_cluster_out, on_cluster
from headstart.cli.commands import Embed
from headstart.cli.progress import track
from headstart.cli.row_kinds import rows_asked
from headstart.corpus import parse_where, source_name
from headstart.fragments import embed_folder
from headstart.outputs import check_file
from headstart.plain import Json
from headstart.predictor import Predictor


def embed(options: Embed) -> None:
    """Write a layer's output for every text to a file, part by part."""
    data, out, layer = options.data, options.out, options.layer
    if options.ray is not None:
        check_cluster_out(out)
    else:
        check_file(out, (reading.model_files(options.model), data), option="--out")
    files, predictor = reading.file_options(options), Predictor.load(options.model, engine=options.engine)
    asked: Json = {
        "layer": layer,
        "pooling": options.pooling,
        "text": rows_asked(options) or options.text,
        "where": parse_where(options.where) if options.where else None,
        "files": files,
        "cache": options.cache,
    }
    source = reading.as_source(data)
    with on_cluster(options.ray, options.device) as (cluster, device), track("rows", None) as bar:
        how = {"device": device, "progress": bar.advance, **asked}
        if cluster is not None:
            result = embed_folder(predictor, source, out, cluster, **how)
        else:
            result = embed_file(predictor, source, Path(out), **how)
    reading.tell_counts(source_name(data), result["reading"])
    line = f"{result['n']:,} vectors of size {result['size']} from {layer} in {out}"
    console.emit({"out": str(out), "layer": layer, **result}, as_json=options.as_json, lines=[line])
