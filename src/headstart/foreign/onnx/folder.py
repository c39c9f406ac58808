"""The folder that `headstart export onnx` writes: whole, and in agreement with the model, or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headstart import __version__
from headstart.corpus import Corpus
from headstart.engines.onnx.engine import onnxruntime_package
from headstart.engines.onnx.graph import onnx_package
from headstart.errors import OptionError, unknown_name
from headstart.foreign.onnx.building import built
from headstart.outputs import check_folder, failed_writes, replaced
from headstart.plain import Json
from headstart.predictor import Predictor

NAMES = ("model.onnx", "reader.json", "score.py")
"""The files of a folder."""


def export_onnx(
    predictor: Predictor,
    out: str | os.PathLike[str],
    *,
    layers: Sequence[str] = (),
    dtype: str = "float32",
    labelled: Corpus | None = None,
) -> Json:
    """Write a predictor as a folder that ONNX Runtime scores texts with.

    The folder holds ``model.onnx``, ``reader.json`` and ``score.py``, which reads texts for the graph and needs NumPy and
    onnxruntime alone. It is written only once it agrees with the predictor on a thousand texts, odd ones among them.

    Args:
        predictor: what to export.
        out: the folder. One that this function wrote before, or nothing, is replaced; parents are made.
        layers: stages of the network whose outputs the graph is to give as well, under their names.
        dtype: ``"float32"``; ``"float16"`` and ``"int8"`` make the file smaller and the scores other ones, so that they are
            measured and not held against 1e-5 (the float32 graph that they are made of is).
        labelled: rows with labels to measure on what the smaller types cost.

    Returns:
        ``bytes`` of the folder by file; ``agreement``: see `headstart.foreign.onnx.agreement.check_agreement`; of the smaller types
        ``measured``, of float32 and of the type: see `headstart.foreign.onnx.variants.measured`.

    Raises:
        OptionError: the model is of a kind that cannot be exported (the message says what runs it), a layer is not there, or
            something else stands at `out`.
        ArtifactError: the folder does not agree with the model.
        MissingDependencyError: the packages `onnx` and `onnxruntime` are not installed.
    """
    target = check_place(out)
    check_packages()
    from headstart.foreign.onnx.agreement import check_agreement, known_words, odd_texts
    from headstart.foreign.onnx.variants import DTYPES, measured, smaller

    if dtype not in DTYPES:
        raise unknown_name("dtype", dtype, DTYPES)
    model, reader = built(predictor, layers)

    reader = {"written_by": f"headstart {__version__}", "dtype": dtype, **reader}
    with failed_writes(target, "the ONNX folder"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with replaced(target, lambda: _check_replaceable(target)) as folder:
            _write(folder, model, reader)
            texts = odd_texts(known_words(predictor), longest=predictor.max_tokens)
            found: Json = {"agreement": check_agreement(folder, predictor, texts, layers)}
            if dtype != "float32":
                found["measured"] = {"float32": measured(folder, predictor, labelled)}
                _write(folder, smaller(model, dtype), reader)
                found["measured"][dtype] = measured(folder, predictor, labelled)
            found["bytes"] = {name: (folder / name).stat().st_size for name in NAMES}
    return found


def check_packages() -> None:
    """Raise `MissingDependencyError` unless the packages are installed that exporting needs."""
    onnx_package()
    onnxruntime_package()


def check_place(out: str | os.PathLike[str], inputs: Sequence[Any] = ()) -> Path:
    """Return where the folder goes; refuse a place that holds something else.

    Raises:
        OptionError, OutputError: as `headstart.outputs.check_folder` does.
    """
    check_folder(out, inputs, option="--out")
    target = Path(out).resolve()
    _check_replaceable(target)
    return target


def _check_replaceable(target: Path) -> None:
    others = sorted({entry.name for entry in target.iterdir()} - {*NAMES, "__pycache__"}) if target.is_dir() else []
    if others:
        raise OptionError(
            f"--out is {str(target)!r}, a folder with {', '.join(map(repr, others[:3]))} in it, which an ONNX folder does not "
            "hold; give a new folder, or one that an export made."
        )


def _write(folder: Path, model: Any, reader: Json) -> None:
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    text = json.dumps(reader, ensure_ascii=False, separators=(",", ":"))
    (folder / "reader.json").write_text(text + "\n", encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name("score.py"), folder / "score.py")
