"""What a stored model may say about how it was trained: no more than what was written, and nothing about its reader."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headstart import Trainer, load
from headstart.artifact import Parts, read, write
from headstart.artifact.arguments import READERS_OWN, STORED, is_quick, kept_arguments
from headstart.artifact.format1 import converted
from headstart.errors import ArtifactError
from headstart.estimators import SeriesClassifier, TextClassifier
from headstart.estimators.loading import estimator_of

ODD = [True, -1, 10**400, float("nan"), 1e300, "x" * 20_000, "\x1b[31m", [], [[]], {}, {"a": {"b": {}}}, ["a"] * 20_000]


def test_every_argument_is_a_models_or_its_readers() -> None:
    arguments = {name for one in (TextClassifier, SeriesClassifier) for name in inspect.signature(one).parameters}
    assert set(STORED) | set(READERS_OWN) == arguments
    assert not set(STORED) & set(READERS_OWN)


def edited(folder: Path, target: Path, **arguments: Any) -> Path:
    """A copy of the model with these arguments of its estimator changed, its digests right."""
    parts = read(folder)
    model = json.loads(json.dumps(parts.model))
    model["estimator"] |= arguments
    write(target, Parts(model, parts.tensors, parts.words, parts.blobs, parts.run))
    return target


@pytest.mark.parametrize("name", sorted({*READERS_OWN} - {"device"}))
def test_a_model_does_not_decide_for_its_reader(base_folder: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match=rf"estimator: object contains unknown field `{name}`"):
        load(edited(base_folder, tmp_path / "m", **{name: "/etc/passwd"}))


def test_what_0_1_wrote_of_its_reader_does_not_count() -> None:
    options = {"save_epochs": "elsewhere", "checkpoint": "elsewhere", "device": "cuda:7", "patience": 2}
    old = {"labels": ["0", "1"], "calibration": [1.0, 0.0], "threshold": 0.5}
    own = {"device": "cuda:7", "cache": "/c", "of_0_1": 1, "epochs": 3, "trainer_options": options}
    new, minor = converted({**old, "estimator": own, "minor": 1})
    assert (new["estimator"], minor) == ({"epochs": 3, "trainer_options": {"patience": 2}}, 1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"minor": 7}, r"of format 1\.7, and this version of headstart reads up to 1\.3 and 2; upgrade"),
        ({"minor": "1"}, r"of format 1\.'1', and this version"),
        ({"labels": None}, "names of its task"),
        ({"task": 3}, "lacks what every model of format 1 has"),
        ({"estimator": None}, "lacks what every model of format 1 has"),
    ],
)
def test_what_no_version_wrote_in_format_1_is_refused(changes: dict[str, Any], sentence: str) -> None:
    task = {"kind": "binary", "names": ["0", "1"]}
    old = {"labels": ["0", "1"], "calibration": [1.0, 0.0], "threshold": 0.5, "task": task, "estimator": {}}
    with pytest.raises(ArtifactError, match=sentence):
        converted({**old, **changes})


def test_they_are_not_written_either(tmp_path: Path) -> None:
    given = TextClassifier(
        cache="/c", checkpoint="/d", device="cpu", trainer_options={"save_epochs": "/e"}
    ).get_params()
    stored = kept_arguments(given)
    assert stored["trainer_options"] == {} and not {*READERS_OWN} & set(stored)


@pytest.mark.parametrize("name", sorted(STORED))
def test_odd_values_are_refused_or_taken_but_never_run(base_folder: Path, name: str) -> None:
    parts = read(base_folder)
    n_refused = 0
    for value in ODD:
        model = {**parts.model, "estimator": {**parts.model["estimator"], name: value}}
        try:
            estimator_of(type(load(base_folder).predictor_).from_parts(replace(parts, model=model)))
        except ArtifactError as error:
            assert len(str(error).split()) >= 8 and len(str(error)) < 1000, error
            n_refused += 1
    assert n_refused >= 6


def test_a_pattern_that_may_run_for_ever_is_used_only_if_trusted(base_folder: Path, tmp_path: Path) -> None:
    for name, pattern in (("tokens", "(a+)+b"), ("freeze", "(a+)+b"), ("freeze", "a*a*a*a*a*b")):
        folder = edited(base_folder, tmp_path / "m", **{name: pattern})
        with pytest.raises(ArtifactError, match="trust_patterns=True"):
            load(folder)
        assert getattr(load(folder, trust_patterns=True), name) == pattern
    for pattern in ("embedding|encoder", r"dense\d", r".*\.bias", "dense(0|1)", "embedding|encoder|dense.*"):
        assert is_quick(pattern)
        assert load(edited(base_folder, tmp_path / "m", freeze=pattern)).freeze == pattern


def test_options_of_the_trainer_are_known_by_name() -> None:
    from headstart.artifact.arguments import _OF_TRAINER, _TRAINERS_OWN

    known = set(inspect.signature(Trainer).parameters)
    assert set(_OF_TRAINER) <= known and {"checkpoint", "save_epochs", "events", "device"} <= set(_TRAINERS_OWN) & known
