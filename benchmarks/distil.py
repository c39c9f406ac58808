"""What a student keeps of its teacher: an encoder with a head, or any model, distilled into a network of ours.

    HEADSTART_DATA=DIR python benchmarks/distil.py TEACHER [--nets fast blend] [--texts 20000] [--test 5000] [--protocol DIR]

`TEACHER` is a model of IMDB's two labels, such as `headstart transfer MINILM out/protocol/train.parquet --strategy features` makes or
`headstart train --with MINILM`. It labels reviews of IMDB that nobody has labelled; teacher and students are measured on the
protocol's test rows. Prints a JSON line a model: AUC, accuracy, seconds to learn, texts a second on one thread, bytes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import headstart as hs
from headstart.metrics import auc
from protocol import data_folder, write_protocol
from together import some


def told(name: str, model: Any, test: Any, seconds: float) -> str:
    """Return a model's line."""
    predictor = model.predictor_
    predictor.score(test.take(np.arange(8)))
    started = time.perf_counter()
    scores = predictor.score(test)
    rate = len(test) / (time.perf_counter() - started)
    right = float(np.mean((scores.probabilities >= predictor.threshold) == test.labels))
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        n_bytes = sum(path.stat().st_size for path in (Path(folder) / "model").iterdir())
    row = {"model": name, "auc": round(auc(test.labels, scores.logits), 4), "accuracy": round(right, 4)}
    return json.dumps({**row, "seconds": round(seconds, 1), "texts_a_second": round(rate, 1), "bytes": n_bytes})


def main() -> None:
    """Teach, measure and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("teacher", type=Path)
    asked.add_argument("--nets", nargs="+", default=["fast", "blend"])
    asked.add_argument("--texts", type=int, default=20_000)
    asked.add_argument("--test", type=int, default=5000)
    asked.add_argument("--protocol", type=Path, default=Path("out/protocol"))
    given = asked.parse_args()
    if not (given.protocol / "test.parquet").exists():
        write_protocol(given.protocol)
    teacher = hs.load(given.teacher)
    test = some(hs.read(str(given.protocol / "test.parquet"), label="label", columns=()), given.test, 0)
    texts = some(hs.read(str(data_folder() / "imdb_unlabelled.parquet"), columns=()), given.texts, 0)
    print(told("teacher", teacher, test, 0.0), flush=True)
    for net in given.nets:
        started = time.perf_counter()
        student = hs.TextClassifier(teacher=teacher, net=net, random_state=0).fit(texts)
        print(told(net, student, test, time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
