"""Law 7: in float32 a model gives the same numbers to 1e-5 wherever it is asked.

Runs over every strategy and every network: the trained model, the loaded one, one row at a time, in bulk from
every file format, by the command line, and through the layers that it ends in.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch

from headstart import LayerFeatures, Predictor, TextClassifier, load, submodel
from headstart.batches import Batches
from headstart.bulk import predict_file
from headstart.cli.app import run
from headstart.corpus import as_corpus
from headstart.strategies.inputs import examples_of

ODD = [None, "", "🙂", "great " * 300, "Ünïcode plot", "one", "a  b\t c\n d"]


@pytest.fixture(scope="module")
def trained(small_options: Callable[[str], dict[str, Any]], reviews: Any) -> Callable[[str], Any]:
    """A trained classifier around each network, made once."""
    made: dict[str, Any] = {}

    def of(net_name: str) -> Any:
        if net_name not in made:
            # How long a list is found in training.
            small = {name: value for name, value in small_options(net_name).items() if not name.endswith("ngrams")}
            options = {"net": net_name, "net_options": small, "epochs": 1, "batch_size": 16}
            made[net_name] = TextClassifier(device="cpu", **options).fit(reviews.texts, reviews.labels)
        return made[net_name]

    return of


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(found, np.float64), np.asarray(expected, np.float64), rtol=0, atol=1e-5)


def everywhere(model: Any, texts: list[str | None], tmp_path: Path) -> None:
    """Hold all ways of asking `model` against its own ``predict_proba``."""
    expected = model.predict_proba(texts)[:, 1]
    same(np.concatenate([model.predict_proba([text]) for text in texts])[:, 1], expected)
    order = np.random.default_rng(0).permutation(len(texts))
    same(model.predict_proba([texts[i] for i in order])[:, 1], expected[order])
    same(model.predict_proba(pd.Series(texts, dtype=object))[:, 1], expected)

    model.save(tmp_path / "model")
    again = load(tmp_path / "model").set_params(device="cpu")
    assert again.predict_proba(texts)[:, 1].tobytes() == expected.tobytes()
    same(Predictor.from_parts(again.predictor_.to_parts()).score(as_corpus(texts)).probabilities, expected)

    pa.parquet.write_table(pa.table({"text": pa.array(texts, pa.string())}), tmp_path / "rows.parquet")
    pd.DataFrame({"text": texts}).to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    for source in ("rows.parquet", "rows.jsonl"):
        for target in ("scored.parquet", "scored.csv"):
            predict_file(again.predictor_, str(tmp_path / source), tmp_path / target)
            read = pd.read_parquet if target.endswith("parquet") else pd.read_csv
            same(read(tmp_path / target)["probability_1"], expected)
    code = run(
        [
            "predict",
            str(tmp_path / "model"),
            str(tmp_path / "rows.parquet"),
            "--out",
            str(tmp_path / "by_cli.parquet"),
            "--json",
        ]
    )
    assert code == 0
    same(pd.read_parquet(tmp_path / "by_cli.parquet")["probability_1"], expected)


def test_every_network_everywhere(net_name: str, trained: Callable[[str], Any], others: Any, tmp_path: Path) -> None:
    everywhere(trained(net_name), [*others.texts[:20], *ODD], tmp_path)


def test_every_strategy_everywhere(strategy: str, base: Any, others: Any, tmp_path: Path) -> None:
    model = TextClassifier(base=base, strategy=strategy, epochs=1, device="cpu", head="linear").fit(
        others.texts, others.labels
    )
    everywhere(model, [*others.texts[:20], *ODD], tmp_path)


def test_every_layer_of_every_network_everywhere(net_name: str, trained: Callable[[str], Any], others: Any) -> None:
    model, texts = trained(net_name), others.texts[:12]
    net = model.predictor_.net
    examples = examples_of(model.predictor_, as_corpus(texts))
    for layer in net.stages:
        together = LayerFeatures(model, layer=layer).transform(texts)
        same(np.concatenate([LayerFeatures(model, layer=layer).transform([text]) for text in texts]), together)
        part = submodel(model, layer).eval()
        batch = Batches(examples)[0].tensors()
        with torch.no_grad():
            same(part(batch), net.outputs(batch, (layer,))[layer])


def test_double_precision_agrees_with_single(net_name: str, trained: Callable[[str], Any], others: Any) -> None:
    # A peer for the fast paths: float64 runs through torch's own operations.
    predictor = trained(net_name).predictor_
    examples = examples_of(predictor, as_corpus(others.texts[:30]))
    exact = copy.deepcopy(predictor.net).double()
    for batch in Batches(examples, batch_size=1):
        tensors = batch.tensors()
        with torch.no_grad():
            same(predictor.net(tensors), exact(tensors))
