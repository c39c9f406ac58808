"""Law 4: what is saved comes back the same, no code is stored or run, damage is named, and old formats load for ever.

Runs over every network in `headstart.nets.NETS`, every kind of scorer and head that `headstart.predictor` names, and
every model in ``tests/data/artifacts``.
"""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

import headstart as hs
from headstart import predictor as scorers
from headstart.artifact import FORMAT, Parts, inspect, read, write
from headstart.errors import ArtifactError
from headstart.inputs import INPUTS
from headstart.nets import NETS, STORED
from headstart.predictor.scorers import Head
from headstart.tasks import TASKS

PACKAGE = Path(hs.__file__).parent
OLD = Path(__file__).parents[1] / "data" / "artifacts"
COLUMNS = ["stars", "device"]
TEXTS = ["a great film", "", "the dreary, dreary plot", "naïve 👍🏽 \ud83d", "superb " * 60]


def net_models(reviews: Any, small_options: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """A classifier for each network, made small. Sizes that begin with ``n_`` are left for the texts to decide."""
    how: dict[str, Any] = {"epochs": 1, "batch_size": 16, "text": "text", "device": "cpu", "random_state": 3}
    made = {}
    for name in NETS:
        small = {option: value for option, value in small_options(name).items() if not option.startswith("n_")}
        made[name] = hs.TextClassifier(net=name, net_options=small, **how).fit(reviews.frame(), reviews.labels)
    return made


def other_models(reviews: Any, base: Any) -> dict[str, Any]:
    """A classifier for each scorer that is no bare network."""
    options: dict[str, Any] = {"text": "text", "device": "cpu", "random_state": 3}
    mixed: dict[str, Any] = {**options, "columns": COLUMNS}
    made = {
        "tfidf": hs.TextClassifier(strategy="tfidf", **options),
        "tfidf, columns": hs.TextClassifier(strategy="tfidf", **mixed),
        "layers, linear": hs.TextClassifier(base=base, strategy="features", head="linear", **options),
        "layers, linear, columns": hs.TextClassifier(base=base, strategy="features", head="linear", **mixed),
        "layers, catboost, columns": hs.TextClassifier(base=base, strategy="features", head="catboost", **mixed),
    }
    return {name: classifier.fit(reviews.frame(), reviews.labels) for name, classifier in made.items()}


@pytest.fixture(scope="module")
def models(reviews: Any, gru_base: Any, small_options: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return {**net_models(reviews, small_options), **other_models(reviews, gru_base)}


@pytest.fixture(scope="module")
def asked(others: Any) -> pa.Table:
    """Rows nothing was trained on, odd texts and nulls among them."""
    frame = others.frame()
    odd = [text.encode("utf-8", "replace").decode() for text in TEXTS]
    return frame.set_column(0, "text", [pa.array([*odd, None, *frame["text"].to_pylist()[len(odd) + 1 :]])])


def test_every_kind_of_scorer_and_head_has_a_case(models: dict[str, Any]) -> None:
    kinds = {scorer.kind for scorer in vars(scorers).values() if isinstance(getattr(scorer, "kind", None), str)}
    heads = {head.kind for head in get_args(Head)}
    covered = {model.predictor_.scorer.kind for model in models.values()}
    # An encoder predicts nothing; tests/foreign/hf holds what it gives against what it gave before it was saved.
    assert kinds - covered <= {"columns", "encoder", "transform"}, "add a case to other_models"
    assert {getattr(getattr(model.predictor_.scorer, "head", None), "kind", None) for model in models.values()} >= heads


def test_predictions_are_the_same_to_the_last_bit(models: dict[str, Any], asked: pa.Table, tmp_path: Path) -> None:
    for name, model in models.items():
        model.save(tmp_path / name)
        back = hs.load(tmp_path / name)
        np.testing.assert_array_equal(back.predict_proba(asked), model.predict_proba(asked), err_msg=name)
        assert back.predict(asked).tolist() == model.predict(asked).tolist()
        assert back.classes_.tolist() == model.classes_.tolist()


def test_the_same_model_is_the_same_bytes(models: dict[str, Any], tmp_path: Path) -> None:
    for name, model in models.items():
        first = model.save(tmp_path / name / "one")
        assert hs.load(tmp_path / name / "one").save(tmp_path / name / "two") == first, name
        for path in (tmp_path / name / "one").iterdir():
            assert path.name == "run.json" or path.read_bytes() == (tmp_path / name / "two" / path.name).read_bytes()


def test_training_twice_gives_the_same_hash(
    models: dict[str, Any], reviews: Any, base: Any, small_options: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    again = {**net_models(reviews, small_options), **other_models(reviews, base)}
    for name, model in models.items():
        assert again[name].save(tmp_path / name / "one") == model.save(tmp_path / name / "two"), name


def test_a_changed_byte_in_any_file_is_named(models: dict[str, Any], tmp_path: Path) -> None:
    for name, model in models.items():
        model.save(tmp_path / name)
        for path in sorted((tmp_path / name).iterdir()):
            whole = path.read_bytes()
            middle = len(whole) // 2
            path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
            with pytest.raises(ArtifactError, match=rf"{path.name} in the model .* Copy the model again"):
                hs.load(tmp_path / name)
            path.write_bytes(whole)


def test_inspect_needs_no_weights(models: dict[str, Any], tmp_path: Path) -> None:
    for name, model in models.items():
        content_hash = model.save(tmp_path / name)
        found = inspect(tmp_path / name)
        assert found["content_hash"] == content_hash
        assert found["model"]["labels"] == ["0", "1"]
        assert found["other_files"] == []


def test_a_text_step_of_the_users_own_is_refused_with_the_remedy(base: Any, tmp_path: Path) -> None:
    class Shouting(TransformerMixin, BaseEstimator):
        def fit(self, texts: Any, y: Any = None) -> Any:
            return self

        def transform(self, texts: Any) -> Any:
            return texts

    predictor = hs.load(base.save(tmp_path / "m") and tmp_path / "m").predictor_
    predictor = predictor.with_text(steps=Pipeline([("shouting", Shouting()), *predictor.steps.steps]))
    with pytest.raises(ArtifactError, match=r"'shouting' is a Shouting, which cannot be saved, .* no code\. Use only"):
        predictor.to_parts()


# What benchmarks/fuzz.py found, digests made right: how a model's parts were changed.
Change = Callable[[dict[str, Any], dict[str, dict[str, Any]]], Any]
FOUND: dict[str, tuple[str, Change]] = {
    "a huge hidden size": ("gru", lambda m, t: m["scorer"]["net"]["options"].update(hidden_size=10**9)),
    "a huge vocabulary": ("gru", lambda m, t: m["scorer"]["net"].update(n_words=10**12)),
    "a million layers": ("gru", lambda m, t: m["scorer"]["net"]["options"].update(n_layers=10**6)),
    "a negative size": ("gru", lambda m, t: m["scorer"]["net"]["options"].update(hidden_size=-3)),
    "an unknown option": ("gru", lambda m, t: m["scorer"]["net"]["options"].update(colour=1)),
    "a weight that is no number": ("gru", lambda m, t: t["weights"]["output.weight"].fill(np.nan)),
    "a weight of another type": ("gru", lambda m, t: t["weights"].update({"output.bias": np.zeros(1, np.float64)})),
    "a weight too many": ("gru", lambda m, t: t["weights"].update(extra=np.zeros(1, np.float32))),
    "lengths in a list": ("gru", lambda m, t: m["text"].update(max_tokens=[0] * 5000)),
    "a fractional length": ("gru", lambda m, t: m["text"].update(max_tokens=0.5)),
    "labels that are no numbers": ("gru", lambda m, t: m.update(labels=["", "1"])),
    "twice the same label": ("gru", lambda m, t: m.update(labels=["1", "1"])),
    "label types of another kind": ("gru", lambda m, t: m["info"].update(label_types=1)),
    "a threshold over 1": ("gru", lambda m, t: m["rule"].update(threshold=2**53)),
    "label values of others": ("gru", lambda m, t: m["info"].update(label_values=["a", "b", "c"])),
    "a layer that is a number": ("layers, linear", lambda m, t: m["scorer"].update(layers=[7])),
    "another layer": ("layers, linear", lambda m, t: m["scorer"].update(layers=["embedding", "pooled"])),
    "an unknown pooling": ("layers, linear", lambda m, t: m["scorer"].update(pooling="middle")),
    "a column fewer": ("layers, linear, columns", lambda m, t: m["scorer"]["head"]["columns"]["kinds"].pop()),
    "other categories": (
        "layers, linear, columns",
        lambda m, t: m["scorer"]["head"]["columns"]["categories"]["device"].pop(),
    ),
    "coefficients twice": (
        "tfidf, columns",
        lambda m, t: t["head"].update(coefficients=np.concatenate([t["head"]["coefficients"]] * 2)),
    ),
    "longer n-grams": ("tfidf", lambda m, t: m["scorer"]["head"].update(longest=10**9)),
    "a kind of the future": ("tfidf", lambda m, t: m.update(kind="oracle")),
    "no scorer": ("tfidf", lambda m, t: m.pop("scorer")),
}


@pytest.mark.parametrize(("name", "change"), FOUND.values(), ids=FOUND.keys())
def test_parts_that_do_not_fit_are_refused_at_loading(
    models: dict[str, Any], name: str, change: Change, tmp_path: Path
) -> None:
    models[name].save(tmp_path / "whole")
    parts = read(tmp_path / "whole")
    model = json.loads(json.dumps(parts.model))
    change(model, {stem: arrays for stem, arrays in parts.tensors.items() if isinstance(arrays, dict)})
    write(tmp_path / "changed", Parts(model, parts.tensors, parts.words, parts.blobs, parts.run))
    with pytest.raises(ArtifactError, match=r"(?s)(\S+ ){11}.*([Cc]opy|train|upgrade)"):
        hs.load(tmp_path / "changed")


FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "torch.load", "torch.save", "torch.jit.load"}


def may_run_code(node: ast.AST) -> bool:
    """Whether a piece of the package imports a library that unpickles, or calls what runs text or unpickles."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = node.module if isinstance(node, ast.ImportFrom) else None
        names = [module or "", *(alias.name for alias in node.names)]
        return bool({name.split(".")[0] for name in names} & FORBIDDEN_MODULES)
    if isinstance(node, ast.Call):
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if ast.unparse(node.func) == "torch.load" and options.get("weights_only") == "True":
            return (
                False  # names tensors and plain containers alone; what others trained for images comes in no other form
            )
        return ast.unparse(node.func) in FORBIDDEN_CALLS or options.get("allow_pickle", "False") != "False"
    return False


def test_no_pickle_and_no_evaluated_code_in_the_package() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if may_run_code(node)
    ]
    assert found == []


@pytest.mark.filterwarnings("ignore:classes_ is sorted:FutureWarning")
@pytest.mark.parametrize("folder", sorted(OLD.glob("v*-*/")), ids=lambda folder: folder.name)
def test_every_format_since_the_first_loads(folder: Path, tmp_path: Path) -> None:
    said = json.loads(folder.with_name(f"{folder.name}.json").read_text())
    assert read(folder).content_hash == said["content_hash"]
    model = hs.load(folder)
    if "texts" not in said:
        rows = {"series": list, "images": lambda one: np.array(one, np.uint8), "table": pa.table}
        asked = next(rows[kind](said[kind]) for kind in rows if kind in said)
        np.testing.assert_allclose(model.predict_proba(asked)[:, 1], said["probabilities"], rtol=0, atol=1e-5)
        return
    table = pa.table({"text": said["texts"], **said["columns"]})
    if "vectors" in said:
        np.testing.assert_allclose(
            hs.LayerFeatures(model, layer="pooled").transform(said["texts"]), said["vectors"], atol=1e-5
        )
        return
    if folder.name.startswith("v1-"):  # 1.0 knew a date only by the column's type
        table = (
            table.set_column(table.column_names.index("day"), "day", table["day"].cast(pa.date32()))
            if "day" in said["columns"]
            else table
        )
    if "task" in said:
        scores = model.score_rows(table)
        np.testing.assert_allclose(scores.probabilities, said["probabilities"], rtol=1e-5, atol=1e-5)
        assert model.predictor_.answers.kind == said["task"]
        again = model.predictor_.names(scores.probabilities).tolist()
        assert again == said["predictions"] if said["task"] != "regression" else np.allclose(again, said["predictions"])
        model.save(tmp_path / "again")
        np.testing.assert_array_equal(hs.load(tmp_path / "again").score_rows(table).probabilities, scores.probabilities)
        return
    if "classes" in said:
        assert model.classes_.tolist() == said["classes"]
    np.testing.assert_allclose(model.predict_proba(table)[:, 1], said["probabilities"], rtol=0, atol=1e-5)
    model.save(tmp_path / "again")
    np.testing.assert_array_equal(hs.load(tmp_path / "again").predict_proba(table), model.predict_proba(table))


def test_every_format_has_models() -> None:
    kinds = {scorer.kind for scorer in vars(scorers).values() if isinstance(getattr(scorer, "kind", None), str)}
    for version, missing in (("1", {"transform"}), ("1.1", {"transform"}), (str(FORMAT), set())):
        models = [inspect(folder) for folder in OLD.glob(f"v{version}-*/")]
        assert {model["model"]["kind"] for model in models} == kinds - missing, (
            f"run tests/data/artifacts/make.py for format {version}"
        )
    assert {model["model"]["task"]["kind"] for model in models if "task" in model["model"]} == set(TASKS)
    assert {kind for model in models for kind in model["model"].get("inputs", {})} == set(INPUTS)
    nets = {model["model"]["scorer"].get("net", {}).get("name") for model in models}
    large = {"efficientnet"}  # of one size, 13 MB: tests/foreign holds what it gives once it was saved
    assert {*STORED} - {"tutorial"} - large <= nets, "run tests/data/artifacts/make.py"
    assert {f"v1.{inspect(folder)['minor']}" for folder in OLD.glob("v1*-*/")} == {"v1.0", "v1.1", "v1.2", "v1.3"}


def test_a_copy_on_another_path_is_the_same_model(models: dict[str, Any], asked: pa.Table, tmp_path: Path) -> None:
    models["gru"].save(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "elsewhere" / "renamed")
    np.testing.assert_array_equal(
        hs.load(tmp_path / "elsewhere" / "renamed").predict_proba(asked), models["gru"].predict_proba(asked)
    )
