"""What describes a model is held against a schema before anything is built or shown."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headstart.artifact import inspect, read, write
from headstart.artifact.parts import Parts
from headstart.cli.app import app
from headstart.errors import ArtifactError
from headstart.predictor.stored import decoded_model

OLD = sorted((Path(__file__).parents[1] / "data" / "artifacts").glob("v*-*/"))
DAMAGE: dict[str, tuple[str, Callable[[dict[str, Any]], Any], str]] = {
    "a key fewer": ("gru", lambda m: m.pop("columns"), "model: object missing required field `columns`"),
    "a key more": ("gru", lambda m: m.update(colour="red"), "model: object contains unknown field `colour`"),
    "a kind of the future": ("gru", lambda m: m.update(kind="oracle"), "is of kind 'oracle', .* upgrade headstart"),
    "what was learnt of a column": (
        "catboost",
        lambda m: m["scorer"]["head"]["columns"].update(learnt={"stars": {"type": "number", "colour": 1}}),
        r"learnt\[\.\.\.\]: object contains unknown field `colour`",
    ),
    "labels": ("gru", lambda m: m.update(labels=["a", 1]), r"model\.labels\[1\]: expected `str`, got `int`"),
    "calibration": (
        "gru",
        lambda m: m["rule"].update(calibration=[1]),
        r"model\.rule\.calibration: expected `array` of length 2",
    ),
    "text": ("gru", lambda m: m.update(text="text"), r"model\.text: expected `object`, got `str`"),
    "steps": ("gru", lambda m: m["text"].update(steps=3), r"model\.text\.steps: expected `object"),
    "a step": (
        "gru",
        lambda m: m["text"]["steps"]["steps"][0].pop("kind"),
        r"steps\[0\]: object missing required field `kind`",
    ),
    "clip": ("gru", lambda m: m["text"].update(clip="middle"), r"text\.clip: invalid enum value 'middle'"),
    "info": ("gru", lambda m: m.update(info=[]), r"model\.info: expected `object`"),
    "metrics": (
        "gru",
        lambda m: m["info"].update(valid={"auc": "high"}),
        r"info\.valid\.auc: expected `float \| null`, got `str`",
    ),
    "metrics of another task": (
        "gru",
        lambda m: m["info"].update(valid={"mae": {}}),
        r"info\.valid\.mae: expected `float \| null`, got `object`",
    ),
    "pseudo-labels": (
        "gru",
        lambda m: m["info"].update(n_guessed="1"),
        r"info\.n_guessed: expected `int`, got `str`",
    ),
    "confidence": (
        "gru",
        lambda m: m["info"].update(valid={"confidence": 2}),
        r"info\.valid\.confidence: expected `float` <= 1",
    ),
    "facts": ("gru", lambda m: m["info"].update(colour="red"), r"model\.info: object contains unknown field `colour`"),
    "source": ("gru", lambda m: m["info"].update(source=1), r"info\.source: expected `object`"),
    "network": (
        "gru",
        lambda m: m["scorer"].update(net=[]),
        r"scorer\.net: expected `object`",
    ),
    "head": (
        "catboost",
        lambda m: m["scorer"]["head"].update(kind="tree"),
        r"head\.kind: invalid enum value 'tree'",
    ),
    "size": (
        "catboost",
        lambda m: m["scorer"]["head"].update(size="12"),
        r"head\.size: expected `int`",
    ),
    "layers": ("linear", lambda m: m["scorer"].update(layers=[]), r"scorer\.layers: expected `array` of length >= 1"),
    "n-grams": (
        "tfidf",
        lambda m: m["scorer"]["head"].update(longest=6),
        r"head\.longest: expected `int` <= 5",
    ),
    "columns": (
        "tfidf",
        lambda m: m["scorer"]["head"]["columns"]["means"].update(stars=None),
        r"means\[\.\.\.\]: expected `float`, got `null`",
    ),
}


@pytest.mark.parametrize("folder", OLD, ids=lambda folder: folder.name)
def test_every_stored_model_passes(folder: Path) -> None:
    decoded_model(read(folder).model)


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_another_description_is_refused_by_all_who_read_it(
    tmp_path: Path, name: str, damage: Callable[[dict[str, Any]], Any], message: str
) -> None:
    parts = read(next(folder for folder in OLD if folder.name == f"v1-{name}"))
    model = copy.deepcopy(json.loads(json.dumps(parts.model)))
    damage(model)
    with pytest.raises(ArtifactError, match=message):
        decoded_model(model)
    write(tmp_path / "model", Parts(model, parts.tensors, parts.words, parts.blobs, parts.run))
    assert inspect(tmp_path / "model")["model"] == model
    shown = CliRunner().invoke(app, ["inspect", str(tmp_path / "model")])
    assert isinstance(shown.exception, ArtifactError)
