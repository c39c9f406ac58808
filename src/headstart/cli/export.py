"""The commands `export ...`: models for other programs."""

from __future__ import annotations

from headstart.cli import console, reading
from headstart.cli.commands import ExportOnnx
from headstart.corpus import Corpus
from headstart.errors import OptionError
from headstart.foreign.onnx import check_place, export_onnx
from headstart.plain import Json
from headstart.predictor import Predictor


def onnx(options: ExportOnnx) -> None:
    """Write a model as a folder that ONNX Runtime scores texts with."""
    check_place(options.out, [reading.model_files(options.model), options.data])
    if options.data is not None and options.dtype == "float32":
        raise OptionError(
            "--data measures what float16 or int8 cost, and the export is of float32, which agrees with the model; leave "
            "--data out, or give --dtype."
        )
    predictor = Predictor.load(options.model)
    labelled = None if options.data is None else _labelled(options, predictor)
    found = export_onnx(
        predictor, options.out, layers=tuple(options.layer or ()), dtype=options.dtype, labelled=labelled
    )
    result = {"out": str(options.out), "dtype": options.dtype, **found}
    console.emit(result, as_json=options.as_json, lines=_lines(result, predictor))


def _labelled(options: ExportOnnx, predictor: Predictor) -> Corpus:
    rows = reading.data_options(options, predictor)
    return reading.read_labelled(rows.of(predictor.answers), str(options.data))


def _lines(result: Json, predictor: Predictor) -> list[str]:
    agreement = result["agreement"]
    lines = [
        f"{result['out']}: {', '.join(f'{name} {n:,} bytes' for name, n in result['bytes'].items())}",
        f"agrees with the model on {agreement['n_texts']:,} texts, largest difference {agreement['largest_difference']:.1e}",
    ]
    if "measured" in result:
        before, after = result["measured"]["float32"], result["measured"][result["dtype"]]
        lines.append(
            f"{result['dtype']}: model.onnx of {after['bytes']:,} bytes, {before['bytes'] - after['bytes']:,} saved"
        )
        if "milliseconds" in after:
            name = predictor.answers.primary.name
            lost = None if before[name] is None or after[name] is None else before[name] - after[name]
            saved = before["milliseconds"] - after["milliseconds"]
            told = "it cannot be measured on these rows" if lost is None else f"{after[name]:.4f}, {lost:+.4f} lost"
            lines.append(f"  {name} {told}; one text {after['milliseconds']:.2f} ms, {saved:+.2f} ms saved")
    return [*lines, f"next: pip install numpy onnxruntime, then python {result['out']}/score.py TEXTS"]
