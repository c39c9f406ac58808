"""The commands `import ...`: models that other tools saved."""

from __future__ import annotations

from pathlib import Path

from headstart.cli import console, reading
from headstart.cli.commands import ImportEncoder, ImportImages, ImportMxnet, ImportVectors
from headstart.errors import OptionError
from headstart.estimators import ModelPlace, TextEstimator, import_mxnet
from headstart.features import layer_table
from headstart.inputs import ImageInput
from headstart.pretrained import import_efficientnet, import_hf, import_model2vec


def mxnet(options: ImportMxnet) -> None:
    """Read a network that Apache MXNet exported, and write it as a model."""
    inputs = (options.prefix, options.vocab, options.parameters, options.expected)
    place = ModelPlace(options.out, inputs, options.force)
    place.check()
    names = [name.strip() for name in options.labels.split(",")]
    if len(names) < 2 or not all(names):
        raise OptionError(
            f"--labels {options.labels!r} must be labels with commas between: of one score what a low and what a high one "
            "mean, else the label of each output."
        )
    model = import_mxnet(
        options.prefix,
        vocabulary=options.vocab,
        labels=names,
        epoch=options.epoch,
        max_tokens=options.max_tokens,
        parameters=options.parameters,
        expected=options.expected,
    )
    parity = model.predictor_.info["parity"]
    result = {
        "model": str(options.out),
        "content_hash": place.save(model),
        **reading.label_facts(model.predictor_.task),
        "parity": parity,
        "source": model.predictor_.info["imported"],
    }
    lines = [f"model: {options.out}", "parity:", *(f"  {name}: {value}" for name, value in parity.items())]
    console.emit(result, as_json=options.as_json, lines=lines)


def hf(options: ImportEncoder) -> None:
    """Read an encoder that others trained, and write it as a model to build on."""
    place = _checked_place(options.out, options.folder, options.force)
    pooling = None if options.pooling is None else reading.column_list(options.pooling)
    model = import_hf(options.folder, pooling=pooling, max_tokens=options.max_tokens)
    _write_base(model, place, as_json=options.as_json)


def model2vec(options: ImportVectors) -> None:
    """Read static vectors that model2vec made, and write them as a model to build on."""
    place = _checked_place(options.out, options.folder, options.force)
    _write_base(import_model2vec(options.folder, max_tokens=options.max_tokens), place, as_json=options.as_json)


def efficientnet(options: ImportImages) -> None:
    """Read EfficientNet-Lite, and write it as a model to build on."""
    place = _checked_place(options.out, options.path, options.force)
    _write_base(import_efficientnet(options.path, size=options.size), place, as_json=options.as_json)


def _checked_place(out: Path, read: Path, force: bool) -> ModelPlace:
    place = ModelPlace(out, (read,), force)
    place.check()
    return place


def _write_base(model: TextEstimator, place: ModelPlace, *, as_json: bool) -> None:
    rows = layer_table(model)
    source, images = model.predictor_.info["imported"], model.predictor_.inputs.get("image")
    read = f"texts cut at {model.predictor_.max_tokens or 'no'} pieces"
    if isinstance(images, ImageInput):
        read = f"images of {images.height} x {images.width} points"
    result = {
        "model": str(place.out),
        "content_hash": place.save(model),
        "architecture": source["architecture"],
        "layers": rows,
        "size": rows[-1]["shape"][-1],
        "max_tokens": model.predictor_.max_tokens,
        "n_parameters": sum(row["parameters"] for row in rows),
        "source": source,
    }
    lines = [
        f"model: {place.out}",
        f"{result['architecture']}, {result['n_parameters']:,} parameters, vectors of size {result['size']}, {read}",
        f"layers: {', '.join(row['layer'] for row in rows)}",
        "next: headstart transfer MODEL DATA --strategy features, or headstart compare MODEL DATA",
    ]
    console.emit(result, as_json=as_json, lines=lines)
