"""Seconds, memory and accuracy of `tfidf` with many classes, next to scikit-learn's or fastText's on the same rows.

    python benchmarks/many_classes.py [clinc150 wide] [--repeats 3] [--out FILE.json]

``clinc150``: its 150 classes and 15,000 training rows, next to TF-IDF 1,2-grams with `LogisticRegression(C=10)`. ``wide``: 20,000
made rows of 10,000 classes, two words of whose own stand in each text among eight of all, next to fastText where it is
installed, else to scikit-learn's linear model by stochastic gradient on the same TF-IDF. Every fit has a process of its own, whose
largest resident memory is told. Reads the folder HEADSTART_DATA. Keeps ``results/many_classes.json``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from measuring import machine, spread, versions, write
from protocol import data_folder

CASES = {"clinc150": ("headstart", "scikit-learn"), "wide": ("headstart", "peer")}
Rows = tuple[list[str], np.ndarray]


def rows_of(case: str) -> tuple[Rows, Rows]:
    """Return training and test rows: texts and class codes."""
    if case == "clinc150":
        import headstart as hs

        path = str(data_folder() / "clinc150.parquet")
        all_rows = hs.read(path, text="text", label="label", columns=("split", "domain"))
        inside = np.asarray(all_rows.column("domain").to_numpy(zero_copy_only=False)) != "out_of_scope"
        splits = np.asarray(all_rows.column("split").to_numpy(zero_copy_only=False))
        parts = [all_rows.take(np.flatnonzero(inside & (splits == name))) for name in ("train", "test")]
        train, test = [(part.texts.to_pylist(), np.asarray(part.labels)) for part in parts]
        return train, test
    rng, n = np.random.default_rng(0), 10_000
    codes = np.concatenate([np.tile(np.arange(n), 2), rng.choice(n, 2000)])
    own, shared = rng.integers(0, 30_000, (n, 4)), rng.zipf(1.3, (len(codes), 8)) % 5000
    words = [
        [f"w{rng.choice(own[code])}", f"w{rng.choice(own[code])}", *(f"s{k}" for k in row)]
        for code, row in zip(codes, shared, strict=True)
    ]
    texts = [" ".join(rng.permutation(row)) for row in words]
    return (texts[: 2 * n], codes[: 2 * n]), (texts[2 * n :], codes[2 * n :])


def fitted(who: str, train: Rows) -> Any:
    """Fit, and return what predicts codes of texts."""
    texts, codes = train
    if who == "headstart":
        import headstart as hs

        return hs.TextClassifier(strategy="tfidf", C=10.0, valid_fraction=0).fit(texts, codes).predict
    if who == "peer" and importlib.util.find_spec("fasttext") is not None:
        return _fasttext(texts, codes)
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.pipeline import make_pipeline

    head = LogisticRegression(C=10, max_iter=1000) if who == "scikit-learn" else SGDClassifier(max_iter=20, tol=None)
    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), head).fit(texts, codes).predict


def _fasttext(texts: list[str], codes: np.ndarray) -> Any:
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        path.write_text("\n".join(f"__label__{code} {text}" for text, code in zip(texts, codes, strict=True)))
        model = fasttext.train_supervised(str(path), wordNgrams=2, epoch=25, thread=1)
    return lambda others: np.array([int(model.predict(text)[0][0].removeprefix("__label__")) for text in others])


def one(case: str, who: str) -> dict[str, float]:
    """Return the figures of one fit in this process."""
    train, test = rows_of(case)
    before = time.perf_counter()
    predict = fitted(who, train)
    seconds = time.perf_counter() - before
    found = float(np.mean(np.asarray(predict(test[0])) == test[1]))
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": round(seconds, 2), "gib": round(gib, 2), "accuracy": round(found, 4)}


def main() -> None:
    """Measure, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("CASE", "WHO"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(*options.one)))
        return
    result: dict[str, Any] = {"machine": machine(), "versions": versions("scikit-learn", "fasttext", "numpy")}
    for case in options.cases:
        for who in CASES[case]:
            command = [sys.executable, __file__, "--one", case, who]
            runs = []
            for _ in range(options.repeats):
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                runs.append(json.loads(done.stdout.splitlines()[-1]))
            result.setdefault(case, {})[who] = {key: spread([run[key] for run in runs], 4) for key in runs[0]}
            print(case, who, result[case][who], flush=True)
    write("many_classes", result, options.out)


if __name__ == "__main__":
    main()
