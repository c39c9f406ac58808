"""What describes a model is held against a schema before anything is built or shown."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headstart.artifact import check_description, inspect, read, write
from headstart.artifact.parts import Parts
from headstart.cli.app import app
from headstart.errors import ArtifactError

OLD = sorted((Path(__file__).parents[1] / "data" / "artifacts").glob("v*-*/"))
DAMAGE: dict[str, tuple[str, Callable[[dict[str, Any]], Any], str]] = {
    "a key fewer": ("gru", lambda m: m.pop("threshold"), "model lacks threshold, which every model of this kind has"),
    "a key more": ("gru", lambda m: m.update(colour="red"), "model has the key 'colour', which is not one of kind"),
    "a kind of the future": ("gru", lambda m: m.update(kind="oracle"), "is of kind 'oracle', .* upgrade headstart"),
    "a format of the future": (
        "gru",
        lambda m: m.update(minor=7, colour="red"),
        r"is of format 1\.7, and this version of headstart reads up to 1\.\d; upgrade",
    ),
    "a format that is no number": ("gru", lambda m: m.update(minor="1"), r"model\.minor is '1', expected a whole"),
    "what was learnt of a column": (
        "catboost",
        lambda m: m["scorer"]["head"]["columns"].update(learnt={"stars": {"type": "number", "colour": 1}}),
        r"learnt\.stars has the key 'colour', which is not one of type",
    ),
    "labels": ("gru", lambda m: m.update(labels=["a", 1]), r"model\.labels\[1\] is 1, expected text"),
    "calibration": ("gru", lambda m: m.update(calibration=[1]), r"model\.calibration is \[1\], expected a list of 2"),
    "text": ("gru", lambda m: m.update(text="text"), r"model\.text is 'text', expected an object with column, steps"),
    "steps": ("gru", lambda m: m["text"].update(steps=3), r"model\.text\.steps is 3, expected an object"),
    "a step": (
        "gru",
        lambda m: m["text"]["steps"]["steps"][0].pop("kind"),
        r"steps\.steps\[0\] lacks kind, which every",
    ),
    "clip": ("gru", lambda m: m["text"].update(clip="middle"), r"clip is 'middle', expected one of head, tail, both"),
    "info": ("gru", lambda m: m.update(info=[]), r"model\.info is \[\], expected an object"),
    "metrics": (
        "gru",
        lambda m: m["info"].update(valid={"auc": "high"}),
        r"info\.valid\.auc is 'high', expected a number",
    ),
    "metrics of another task": (
        "gru",
        lambda m: m["info"].update(valid={"mae": {}}),
        r"info\.valid\.mae is \{\}, expected a number",
    ),
    "pseudo-labels": (
        "gru",
        lambda m: m["info"].update(n_guessed="1"),
        r"info\.n_guessed is '1', expected a whole number",
    ),
    "confidence": (
        "gru",
        lambda m: m["info"].update(valid={"confidence": 2}),
        r"info\.valid\.confidence is 2, expected a number from 0 to 1",
    ),
    "rows": ("gru", lambda m: m["info"].update(n_train=-1), r"info\.n_train is -1, expected a whole number from 0"),
    "source": ("gru", lambda m: m["info"].update(source=1), r"info\.source is 1, expected an object"),
    "network": (
        "gru",
        lambda m: m["scorer"].update(net=[]),
        r"scorer\.net is \[\], expected an object with name, n_words",
    ),
    "head": (
        "catboost",
        lambda m: m["scorer"]["head"].update(kind="tree"),
        r"head\.kind is 'tree', expected one of linear",
    ),
    "size": (
        "catboost",
        lambda m: m["scorer"]["head"].update(size="12"),
        r"head\.size is '12', expected a whole number",
    ),
    "layers": ("linear", lambda m: m["scorer"].update(layers=[]), r"scorer\.layers is \[\], expected a list of 1 to"),
    "n-grams": (
        "tfidf",
        lambda m: m["scorer"]["head"].update(longest=6),
        r"longest is 6, expected a whole number from 1",
    ),
    "columns": (
        "tfidf",
        lambda m: m["scorer"]["head"]["columns"]["means"].update(stars=None),
        r"means\.stars is None, expected a number",
    ),
}


@pytest.mark.parametrize("folder", OLD, ids=lambda folder: folder.name)
def test_every_stored_model_passes(folder: Path) -> None:
    check_description(read(folder).model)


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_another_description_is_refused_by_all_who_read_it(
    tmp_path: Path, name: str, damage: Callable[[dict[str, Any]], Any], message: str
) -> None:
    parts = read(next(folder for folder in OLD if folder.name == f"v1-{name}"))
    model = copy.deepcopy(json.loads(json.dumps(parts.model)))
    damage(model)
    with pytest.raises(ArtifactError, match=message):
        check_description(model)
    write(tmp_path / "model", Parts(model, parts.tensors, parts.words, parts.blobs, parts.run))
    assert inspect(tmp_path / "model")["model"] == model
    shown = CliRunner().invoke(app, ["inspect", str(tmp_path / "model")])
    assert isinstance(shown.exception, ArtifactError)
