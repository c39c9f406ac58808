"""What reading the test rows' texts, without their labels, is worth: figures that no model for texts yet to come will have.

    python benchmarks/transductive.py MODEL [SET ...] [--source SOURCE.parquet] [--out FILE.json]

A fifth of each set is held out. Two ways of using texts without labels are measured, each with the texts of the other rows
(inductive) and with those of the test rows too (transductive): the base taught by itself (``self-train``), and, with
``--source``, the base's network trained anew on the source's labelled rows by the options that the base was trained by, with
such texts to learn words from. ``headstart compare`` had them as candidates in 0.1.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa

import headstart as hs
from headstart.corpus import Corpus, duplicates, split
from headstart.metrics import auc
from headstart.predictor import Predictor
from headstart.strategies import STRATEGIES, Settings, learn
from protocol import data_folder

SETS = ("hotel_opspam", "amazon_books", "hotel_tripadvisor_aspects")


def self_trained(base: Predictor, texts: Corpus, source: Corpus | None) -> Predictor:
    """Return the base, taught by itself on the texts."""
    return learn(STRATEGIES["self-train"], texts, None, base, Settings()).predictor


def trained_anew(base: Predictor, texts: Corpus, source: Corpus | None) -> Predictor:
    """Return the base's network, trained anew on the source with the texts to learn words from."""
    if source is None:
        raise SystemExit("--source is missing")
    known = {field.name for field in fields(Settings)} - {"groups", "columns", "device"}
    told = {name: value for name, value in base.estimator.items() if name in known and value is not None}
    return learn(STRATEGIES["scratch"], source, None, base, Settings(**{**told, "unlabelled": texts})).predictor


WAYS: dict[str, Callable[[Predictor, Corpus, Corpus | None], Predictor]] = {
    "self-train": self_trained,
    "trained anew": trained_anew,
}


def measure(base: Predictor, name: str, source: Corpus | None) -> dict[str, Any]:
    """Return AUCs on one set, with seconds."""
    corpus = hs.read(str(data_folder() / f"{name}.parquet"), label="label", label_names=base.label_names)
    rest, held = (corpus.take(rows) for rows in split(corpus, 0.2))
    inductive = Corpus(rest.texts).take(~duplicates(rest.texts, held.texts).in_a)
    transductive = Corpus(pa.concat_arrays([rest.texts, held.texts]))
    found: dict[str, Any] = {"as-is": round(auc(held.labels, base.score(held).logits), 4)}
    for way, make in WAYS.items():
        if way == "trained anew" and source is None:
            continue
        for kind, texts in (("inductive", inductive), ("transductive", transductive)):
            started = time.perf_counter()
            value = auc(held.labels, make(base, texts, source).score(held).logits)
            found[f"{way}, {kind}"] = {"auc": round(value, 4), "seconds": round(time.perf_counter() - started)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--source")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "transductive.json")
    options = parser.parse_args()
    base = hs.load(options.model).predictor_
    source = None if options.source is None else hs.read(options.source, label="label", label_names=base.label_names)
    found = {}
    for name in options.sets or SETS:
        found[name] = measure(base, name, source)
        print(f"{name}: {json.dumps(found[name])}", flush=True)
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
