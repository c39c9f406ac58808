"""How far the three engines are from one another: logits and labels of reviews and of odd strings.

    HEADSTART_DATA=folder python benchmarks/agreement.py MODEL [MODEL ...] [--reviews 25000] [--odd 100000]

Every model is scored by each engine that runs it, on IMDB's test reviews and on strings that nobody writes (see
`headstart.foreign.onnx.agreement.odd_texts`). A label that differs
is beyond a tie where probabilities differ by more than 1e-5.
Into ``results/agreement.json``, by model.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from headstart.corpus import Corpus, text_array
from headstart.errors import HeadstartError
from headstart.foreign.onnx.agreement import known_words, odd_texts
from headstart.predictor import Predictor
from measuring import RESULTS, machine, versions, write
from protocol import data_folder

ENGINES = ("compiled", "torch", "onnx")
TIE = 1e-5
ROWS = 5_000


def scored(predictor: Predictor, texts: list[Any]) -> tuple[Any, Any]:
    """Return logits and probabilities of texts, scored some thousands at a time."""
    parts = [
        predictor.score(Corpus(text_array(texts[start : start + ROWS])), device="cpu")
        for start in range(0, len(texts), ROWS)
    ]
    return np.concatenate([one.logits for one in parts]), np.concatenate([one.probabilities for one in parts])


def apart(predictor: Predictor, one: tuple[Any, Any], other: tuple[Any, Any]) -> dict[str, Any]:
    """Return the largest differences, and how many labels differ where neither side is at a border."""
    (logits, probabilities), (logits_2, probabilities_2) = one, other
    far = np.abs(probabilities - probabilities_2).reshape(len(logits), -1).max(1)
    found = {"logits": float(np.abs(logits - logits_2).max()), "probabilities": float(far.max())}
    task = predictor.answers
    if task.kind == "regression":
        return found
    differ = np.not_equal(*(task.decide(value, predictor.rule) for value in (probabilities, probabilities_2)))
    differ = differ.reshape(len(logits), -1).any(1)
    return {**found, "labels": int(differ.sum()), "labels_beyond_ties": int((differ & (far > TIE)).sum())}


def agreement(folder: Path, reviews: list[Any], n_odd: int) -> dict[str, Any]:
    """Return how far each engine is from the first that runs a model, by kind of text."""
    predictors: dict[str, Predictor] = {}
    result: dict[str, Any] = {}
    for engine in ENGINES:
        try:
            predictors[engine] = Predictor.load(folder, engine=engine)
        except HeadstartError as error:
            result[engine] = str(error)
    (base, first), *others = predictors.items()
    odd = [one.encode(errors="replace").decode() for one in odd_texts(known_words(first), n_odd)]
    texts = {"reviews": reviews, "odd": odd}
    wanted = {kind: scored(first, some) for kind, some in texts.items()}
    for name, predictor in others:
        result[f"{name} to {base}"] = {
            kind: {"texts": len(some), **apart(first, wanted[kind], scored(predictor, some))}
            for kind, some in texts.items()
        }
    return result


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--reviews", type=int, default=25_000)
    parser.add_argument("--odd", type=int, default=100_000)
    given = parser.parse_args()
    table = pq.read_table(data_folder() / "imdb.parquet", columns=["text"], filters=[("split", "==", "test")])
    reviews = table["text"].to_pylist()[: given.reviews]
    known = RESULTS / "agreement.json"
    found = json.loads(known.read_text(encoding="utf-8"))["models"] if known.exists() else {}
    for folder in given.models:
        try:
            found[folder.name] = agreement(folder, reviews, given.odd)
        except HeadstartError as error:  # it reads columns, or has no labels
            found[folder.name] = {"left out": str(error)}
        print(folder.name, json.dumps(found[folder.name]), flush=True)
    write("agreement", {"machine": machine(), "versions": versions("numpy", "onnxruntime"), "models": found})


if __name__ == "__main__":
    main()
