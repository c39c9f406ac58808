"""What a folder for ONNX Runtime says is what the model says: every kind of model and task. Stages: `test_engines.py`."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'headstart[onnx]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'headstart[onnx]'")

import headstart as hs
from headstart.engines import HeldNetwork, NetSpec
from headstart.engines.onnx.networks import stages_of
from headstart.errors import OptionError
from headstart.foreign.onnx import agreement, export_onnx
from headstart.foreign.onnx.score import Model
from headstart.inputs import reads
from headstart.nets import STORED, spec_of
from headstart.predictor import NetworkScorer, Predictor
from headstart.tasks import Binary, MultiClass, MultiLabel, Ordinal, Regression, Rule
from headstart.text import fit_steps, text_steps

ARTIFACTS = Path(__file__).parents[1] / "data" / "artifacts"
WORDS = "hotel room food staff clean dirty good bad great awful nice rude a with view the".split()
NOT_EXPORTED = {
    "catboost": "reads the columns",
    "columns": "reads columns and no text",
    "encoder": "a tokenizer of the kind WordLevel",
    "image-hog": "reads rows of the kind 'image'",
    "image-pixels": "reads rows of the kind 'image'",
    "image-resnet": "torch runs it",
    "imported": "torch runs it",
    "linear": "reads the columns",
    "multiclass-catboost": "reads the columns",
    "multilabel-linear": "reads the columns",
    "series-inception": "torch runs it",
    "series-minirocket": "reads rows of the kind 'series'",
    "static": "a tokenizer of the kind WordLevel",
    "table-mlp": "torch runs it",
    "tfidf": "reads the columns",
    "tuned-static": "a tokenizer of the kind WordLevel",
    "tuned-static-classes": "a tokenizer of the kind WordLevel",
    # Its head weighs values that hardly vary, so that sums in another order move its logits by 2e-4, between all engines.
    "tuned-transformer": "does not agree with the model",
    "typed-catboost": "reads the columns",
    "typed-tfidf": "reads the columns",
}
"""By what a stored model's name says after its format; the sentence names the reason."""
STORED_MODELS = sorted(path.name for path in ARTIFACTS.iterdir() if path.is_dir() and not path.name.startswith("v1-"))


def test_a_row_does_not_depend_on_its_batch(
    small_net: Callable[..., Any], small_options: Callable[..., Any], make_examples: Callable[..., Any]
) -> None:
    net = small_net("blend").eval()
    engine = HeldNetwork(spec_of("blend", 40, small_options("blend")), net=net, engine="onnx").engine
    examples = make_examples(30)
    alone = np.concatenate([engine.outputs(examples[i], ("",))[""] for i in range(30)])
    np.testing.assert_allclose(engine.outputs(examples, ("",))[""], alone, atol=1e-6)
    assert engine.outputs(examples[:0], ("", "pooled"))["pooled"].shape == (0, 36)


MANY = ("[v1.2-multiclass-blend]", "[v1.2-multilabel-new-head]")


@pytest.fixture(autouse=True)
def fewer_texts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Most models are tried on fewer texts than an export takes, for the time's sake."""
    n = agreement.N_TEXTS if request.node.name.endswith(MANY) else 200
    texts = agreement.odd_texts
    monkeypatch.setattr(agreement, "odd_texts", lambda words, **options: texts(words, **{"n": n, **options}))
    return n


@pytest.mark.parametrize("name", STORED_MODELS)
def test_a_stored_model_agrees_with_its_folder_or_is_refused_by_name(
    name: str, tmp_path: Path, fewer_texts: int
) -> None:
    predictor = hs.load(ARTIFACTS / name).predictor_
    reason = NOT_EXPORTED.get(name.partition("-")[2])
    if reason is not None:
        with pytest.raises((OptionError, hs.errors.ArtifactError), match=reason):
            export_onnx(predictor, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return
    found = export_onnx(predictor, tmp_path / "out")["agreement"]
    assert found["n_texts"] == fewer_texts
    assert found["largest_difference"] <= 1e-5
    expected = json.loads((ARTIFACTS / f"{name}.json").read_text())
    rows = Model(tmp_path / "out", threads=1).predictions(expected["texts"])
    if "predictions" in expected:
        said = [row["prediction"] for row in rows]
        assert said == (
            pytest.approx(expected["predictions"]) if isinstance(said[0], float) else expected["predictions"]
        )


THREE = ("low", "middle", "high")
RULES: dict[str, tuple[Any, Rule]] = {
    "binary": (Binary(("no", "yes")), Rule((0.7, -0.2), 0.4, coverage=0.9, quantile=0.6)),
    "binary, abstaining": (Binary(("no", "yes")), Rule(abstain_below=0.6)),
    "multiclass": (MultiClass(THREE), Rule((0.8, 0.0), offsets=(0.1, -0.2, 0.3), coverage=0.9, quantile=0.65)),
    "multiclass, costs": (MultiClass(THREE), Rule(costs=(0, 1, 5, 1, 0, 1, 3, 1, 0), abstain_below=0.34)),
    "multilabel": (MultiLabel(THREE), Rule(factors=(0.5, 1.0, 2.0), offsets=(0.1, 0.0, -0.1), thresholds=(0.4, 0.5, 0.6))),
    "multilabel, alike": (MultiLabel(THREE), Rule((0.9, 0.1), 0.45, coverage=0.9, quantile=0.5)),
    "ordinal": (Ordinal(THREE), Rule((1.5, 0.1), offsets=(-0.2, 0.2), coverage=0.9, quantile=0.3)),
    "ordinal, thresholds": (Ordinal(THREE), Rule(offsets=(-0.2, 0.2), thresholds=(0.8, 1.2), abstain_below=0.34)),
    "ordinal, costs": (Ordinal(THREE), Rule((4.0, 0.0), costs=(0, 1, 2, 1, 0, 1, 2, 1, 0))),
    "regression": (Regression((), (1.0, 2.0, 9.0), (0.2, 0.5, 0.9)), Rule((0.5, 0.1), coverage=0.9, quantile=0.7)),
    "regression, knots": (Regression((), (1.0, 9.0), (0.2, 0.9)), Rule(inputs=(0.1, 0.4, 0.4, 0.6), values=(-1, 5.0, 6.0, 90.0))),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(RULES))
def test_a_rule_decides_the_same_in_a_graph(kind: str, small_net: Callable[..., Any], tmp_path: Path) -> None:
    task, rule = RULES[kind]
    net = small_net("gru", len(WORDS) + 2, n_outputs=task.n_outputs)
    texts = [" ".join(WORDS[: i % 15]) + " good" * (i % 4) for i in range(40)]
    small = {"embedding_size": 8, "hidden_size": 6, "dense": (8,), "n_outputs": task.n_outputs}
    spec = spec_of("gru", len(WORDS) + 2, small)
    steps = fit_steps(text_steps(min_count=1), [" ".join(WORDS)])
    net.eval()
    plain = Predictor(NetworkScorer(net, spec), task, reads(steps=steps), rule)
    logits = torch.from_numpy(plain.score(agreement._corpus(texts)).logits.reshape(len(texts), -1))
    with torch.no_grad():  # logits of another size, so that texts get different answers
        net.output.weight.div_(2 * logits.std(0)[:, None])
        net.output.bias.sub_(logits.mean(0)).div_(2 * logits.std(0))
    predictor = Predictor(NetworkScorer(net, spec), task, reads(steps=steps), rule)
    export_onnx(predictor, tmp_path / "out")
    scores = predictor.score(agreement._corpus(texts))
    rows = Model(tmp_path / "out", threads=1).predictions(texts)
    for name, values in task.columns(scores.probabilities, rule).items():
        found = [row[name] for row in rows]
        if isinstance(found[0], float):
            np.testing.assert_allclose(found, values, atol=1e-5 * max(1, float(np.abs(values).max())))
        else:
            assert found == list(values)
    said = {str(row["prediction"]) for row in rows}
    assert len(said) > 1, "texts that all get one answer show nothing"


def test_the_reader_of_a_folder_needs_numpy_and_onnxruntime_alone(tmp_path: Path) -> None:
    export_onnx(hs.load(ARTIFACTS / "v1.2-ordinal-gru").predictor_, tmp_path / "out")
    tree = ast.parse((tmp_path / "out" / "score.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    others = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names)
    assert others == {"numpy", "onnxruntime"}
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "a good hotel"}\n"awful"\n{"text": null}\n')
    called = subprocess.run(
        [sys.executable, str(tmp_path / "out" / "score.py"), str(texts)], capture_output=True, text=True, check=True, cwd=tmp_path
    )  # fmt: skip
    header, *rows = called.stdout.splitlines()
    assert header.startswith("prediction,probability_1,")
    assert len(rows) == 3


def test_networks_of_a_model_file_are_exported_or_refused_by_name() -> None:
    for name in STORED:
        spec = NetSpec(name, 40, {})
        if name in ("blend", "fast", "gru", "static", "transformer", "tutorial"):
            with pytest.raises(hs.errors.ArtifactError, match=r"lacks an option|missing required field"):
                stages_of(spec, {})
        else:
            with pytest.raises(OptionError, match=rf"'{name}'.*torch runs it"):
                stages_of(spec, {})


@pytest.mark.parametrize("engine", ["onnx", "compiled"])
def test_an_engine_that_cannot_run_a_sound_model_names_one_that_can(engine: str) -> None:
    with pytest.raises(OptionError, match=r"^(this model's network|the engine 'compiled').*engine=.torch"):
        hs.load(ARTIFACTS / "v1.1-imported", engine=engine)
