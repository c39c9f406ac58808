"""The bases, beside the simple models that a user could pick instead: on the source, and on sets never seen.

    python benchmarks/bases.py [--protocol DIR] [--seeds 5] [--nets blend,gru,tutorial] [--out DIR]

Every model is trained on the tutorial protocol's 16,000 IMDB reviews (benchmarks/protocol.py writes them) and
measured on the 5,000 and 25,000 test rows and, without any label of theirs, on the other sets in the folder
given by HEADSTART_DATA. The peers (scikit-learn's TF-IDF and an NB-SVM) run in the same process, before the
bases. Rows stream to ``rows.jsonl``; the table goes to ``table.md``. AUC, mean over seeds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import headstart as hs
from headstart.corpus import Corpus
from headstart.metrics import auc
from protocol import data_folder

TARGETS = ("hotel_hackerearth_sample", "hotel_datafiniti", "hotel_opspam", "hotel_tripadvisor_aspects", "amazon_books")
Scorer = Callable[[Corpus], Any]


def tfidf(train: Corpus) -> Scorer:
    """TF-IDF of 1- and 2-grams, min_df 2, sublinear, logistic regression with C=10."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = LogisticRegression(C=10, max_iter=1000).fit(vectorizer.fit_transform(texts(train)), train.labels)
    return lambda corpus: model.decision_function(vectorizer.transform(texts(corpus)))


def nbsvm(train: Corpus) -> Scorer:
    """NB-SVM of 1-, 2- and 3-grams (Wang and Manning, 2012): binary, ! and ? kept, min_df 2, C=1."""
    vectorizer = CountVectorizer(ngram_range=(1, 3), min_df=2, binary=True, token_pattern=r"\w+|[!?]")
    counts = vectorizer.fit_transform(texts(train))
    high, low = (np.asarray(counts[train.labels == label].sum(0)).ravel() + 1 for label in (1, 0))
    ratio = sp.diags(np.log((high / high.sum()) / (low / low.sum())))
    model = LogisticRegression(C=1, max_iter=1000).fit(counts @ ratio, train.labels)
    return lambda corpus: model.decision_function(vectorizer.transform(texts(corpus)) @ ratio)


def base(net: str, seed: int, valid: Corpus) -> Callable[[Corpus], Scorer]:
    """Return a trainer of one of our networks."""

    def trained(train: Corpus) -> Scorer:
        model = hs.TextClassifier(net=net, random_state=seed).fit(train, valid=valid)
        return lambda corpus: model.score_rows(corpus).logits

    return trained


def texts(corpus: Corpus) -> list[str]:
    """Return a corpus' texts as Python strings."""
    return ["" if text is None else text for text in corpus.texts.to_pylist()]


def measured(name: str, seed: int, train: Callable[[Corpus], Scorer], sets: dict[str, Corpus]) -> dict[str, Any]:
    """Return one row: seconds to train, AUC on every set."""
    started = time.perf_counter()
    scorer = train(sets["train"])
    row: dict[str, Any] = {"model": name, "seed": seed, "seconds": time.perf_counter() - started}
    return row | {part: auc(corpus.labels, scorer(corpus)) for part, corpus in sets.items() if part != "train"}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table: means over seeds, and the standard deviation where there are several."""
    columns = [name for name in rows[0] if name not in ("model", "seed")]
    lines = ["| trained on 16,000 | seeds | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        cells = [cell([row[column] for row in own], column == "seconds") for column in columns]
        lines.append(f"| {model} | {len(own)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def cell(values: list[float], seconds: bool) -> str:
    """Return a mean; of AUCs with the standard deviation over seeds."""
    if seconds:
        return f"{np.median(values):.0f}"
    spread = f" ({np.std(values, ddof=1):.4f})" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", type=Path, default=Path("out/protocol"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--nets", default="blend,gru,tutorial")
    parser.add_argument("--out", type=Path, default=Path("out/bases"))
    arguments = parser.parse_args()
    names = ("train", "valid", "test", "official")
    sets = {name: hs.read(str(arguments.protocol / f"{name}.parquet"), label="label", columns=()) for name in names}
    valid = sets["valid"]
    sets |= {name: hs.read(str(data_folder() / f"{name}.parquet"), label="label", columns=()) for name in TARGETS}
    jobs: list[tuple[str, int, Callable[[Corpus], Scorer]]] = [("TF-IDF 1,2 + LR", 0, tfidf), ("NB-SVM 1-3", 0, nbsvm)]
    jobs += [
        (net, seed, base(net, seed, valid)) for net in arguments.nets.split(",") for seed in range(arguments.seeds)
    ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    with path.open("a") as file:
        for name, seed, train in jobs:
            if any(row["model"] == name and row["seed"] == seed for row in rows):
                continue
            row = measured(name, seed, train, sets)
            rows.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            print(json.dumps(row), flush=True)
    (arguments.out / "table.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
