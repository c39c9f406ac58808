"""What an encoder that others trained is worth as a base: features, fine-tuning, and what they cost.

    HEADSTART_DATA=DIR python benchmarks/encoders.py ENCODER [--data clinc150] [--labels 1 5] [--strategies features fine-tune]
                                                             [--device cpu|cuda] [--mixed] [--seconds 480] [--draws 2]

`ENCODER` is a folder of sentence-transformers or transformers, or a model that `headstart import hf` wrote. Each line printed is a
JSON object: set, labels (texts a class of `clinc150`, rows of the others), draw, strategy, figures on validation rows (test
rows with `--test`), seconds. No fit is begun once `--seconds` have passed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import headstart as hs

Frame = Any
SETS = ("clinc150", "sst5", "imdb", "hotel_datafiniti")


def rows_of(name: str, most: int, *, test: bool) -> tuple[Frame, Frame]:
    """Return rows to draw from, and rows to measure on; `split` is the set's own, or a fifth drawn by seed 1."""
    found = pd.read_parquet(Path(os.environ["HEADSTART_DATA"]) / f"{name}.parquet")
    found = found[found["label"] != "out_of_scope"].reset_index(drop=True)
    if "split" in found:
        pool, held = found[found["split"] == "train"], found[found["split"] == ("test" if test else "valid")]
        if not len(held):
            order = np.random.default_rng(0).permutation(len(pool))
            cut = len(pool) // 5
            pool, held = pool.iloc[order[cut:]], pool.iloc[order[:cut]]
    else:
        order = np.random.default_rng(1).permutation(len(found))
        fifth = len(found) // 5
        first = 0 if test else fifth
        held, pool = found.iloc[order[first : first + fifth]], found.iloc[order[2 * fifth :]]
    return pool, held.sample(min(len(held), most), random_state=0)


def drawn(pool: Frame, name: str, n: int, seed: int) -> Frame:
    """Return a draw: n texts a class of `clinc150`, n rows of another set; all rows of 0."""
    if not n:
        return pool
    if name == "clinc150":
        return pool.groupby("label").sample(n, random_state=seed)
    return pool.sample(n, random_state=seed)


def main() -> None:
    """Fit, measure and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("encoder")
    asked.add_argument("--data", nargs="+", default=["clinc150"], choices=SETS)
    asked.add_argument("--labels", nargs="+", type=int, default=[1, 5])
    asked.add_argument("--strategies", nargs="+", default=["tfidf", "features", "fine-tune"])
    asked.add_argument("--draws", type=int, default=1)
    asked.add_argument("--device", default="cpu")
    asked.add_argument("--mixed", action="store_true", help="bfloat16 in training, on a GPU")
    asked.add_argument("--accumulate", type=int, default=1)
    asked.add_argument("--epochs", type=int)
    asked.add_argument("--learning-rate", type=float)
    asked.add_argument("--freeze")
    asked.add_argument("--measured", type=int, default=3000, help="most rows to measure on")
    asked.add_argument("--seconds", type=float, default=480.0)
    asked.add_argument("--test", action="store_true", help="measure on test rows: for published figures alone")
    given = asked.parse_args()
    started = time.perf_counter()
    folder = Path(given.encoder)
    base = hs.load(folder) if (folder / "headstart.json").exists() else hs.import_hf(folder)
    device = torch.cuda.get_device_name(0) if given.device.startswith("cuda") else "cpu"
    trainer = {"mixed_precision": given.mixed, "accumulate": given.accumulate}
    tuning = {
        "epochs": given.epochs,
        "learning_rate": given.learning_rate,
        "freeze": given.freeze,
        "trainer_options": trainer,
    }
    for name in given.data:
        pool, held = rows_of(name, given.measured, test=given.test)
        for n in given.labels:
            for draw in range(given.draws):
                rows = drawn(pool, name, n, draw)
                for strategy in given.strategies:
                    if time.perf_counter() - started > given.seconds:
                        return
                    own = {"features": {"layer": "pooled"}, "fine-tune": tuning}.get(strategy, {})
                    of_base = {} if strategy == "tfidf" else {"base": base}
                    # Vectors that another fit has kept on disk would not be this one's seconds.
                    how = {"strategy": strategy, "device": given.device, "cache": "off"}
                    ordinal = {"task": "ordinal", "order": ORDER} if name == "sst5" else {}
                    model = hs.TextClassifier(**how, **of_base, **own, **ordinal)
                    begun, used = time.perf_counter(), time.process_time()
                    model.fit(rows["text"].tolist(), rows["label"].tolist())
                    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
                    begun = time.perf_counter()
                    figures = measured(model, held)
                    told = {"set": name, "labels": n, "rows": len(rows), "draw": draw, "strategy": strategy, **figures}
                    spent = {"seconds": seconds, "cpu_seconds": cpu, "seconds_of_scoring": time.perf_counter() - begun}
                    told |= {what: round(value, 3) for what, value in spent.items()}
                    if given.device.startswith("cuda"):
                        told["gpu_mib"] = torch.cuda.max_memory_allocated() >> 20
                    print(json.dumps({**told, "device": device, "test": given.test}), flush=True)


ORDER = ["very negative", "negative", "neutral", "positive", "very positive"]


def measured(model: Any, rows: Frame) -> dict[str, float]:
    """Return the primary metric and the accuracy on rows."""
    right = model.predict(rows["text"].tolist()) == rows["label"].to_numpy()
    figures = {"accuracy": round(float(np.mean(right)), 4)}
    if len(model.classes_) == 2:
        from sklearn.metrics import roc_auc_score

        scores = model.predict_proba(rows["text"].tolist())[:, 1]
        figures["auc"] = round(float(roc_auc_score(rows["label"].to_numpy() == model.classes_[1], scores)), 4)
    return figures


if __name__ == "__main__":
    main()
