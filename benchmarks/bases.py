"""The bases, next to the simple models that a user could pick instead: on the source, and on sets never seen.

    python benchmarks/bases.py [--protocol DIR] [--seeds 5] [--nets blend,gru,tutorial] [--parts A,B] [--save DIR] [--out DIR]

Every model is trained on the tutorial protocol's 16,000 IMDB reviews (benchmarks/protocol.py writes them) and
measured on the 5,000 and 25,000 test rows and, without any label of theirs, on the other sets in the folder
given by HEADSTART_DATA. The peers (scikit-learn's TF-IDF and an NB-SVM) run in the same process, before the
bases. Parts:

- ``16000``: the above.
- ``self-train``: the same bases after they have taught themselves on a target's texts without labels; inductive: five
  folds, every text scored by a base that has read the others; transductive: by one that has read all, itself among them.
- ``reviews``: the default base with IMDB's 50,000 unlabelled reviews, those left out that stand in a test set.
- ``reviews-self-train``: that base after it has taught itself on a target's texts, inductive as above.
- ``25000``: NB-SVM and the default base, trained on all 25,000 of IMDB's training rows, on the official test.
- ``25000-reviews``: the default base, trained on these with the unlabelled reviews.

With ``--save`` bases are written to ``DIR/NET-SEED``, and those that are there are read in place of being trained; their
seconds are then those of reading, so such a run is for the parts that go on from a base. Rows stream to ``rows.jsonl``; the
tables go to ``table.md``. AUC, mean over seeds, with Student's 95% interval.
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
from headstart.corpus import Corpus, duplicates
from headstart.metrics import auc
from measuring import half_width
from protocol import data_folder

TARGETS = ("hotel_hackerearth_sample", "hotel_datafiniti", "hotel_opspam", "hotel_tripadvisor_aspects", "amazon_books")
SIMPLE = ("TF-IDF 1,2 + LR", "NB-SVM 1-3")
PARTS = ("16000", "self-train", "reviews", "reviews-self-train", "25000", "25000-reviews")
N_FOLDS = 5
Scorer = Callable[[Corpus], Any]
Sets = dict[str, Corpus]
Job = tuple[str, int, Callable[[], tuple[float, dict[str, Any]]]]


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


def texts(corpus: Corpus) -> list[str]:
    """Return a corpus' texts as Python strings."""
    return ["" if text is None else text for text in corpus.texts.to_pylist()]


class Bases:
    """Bases by network and seed, each trained once in a run.

    Attributes:
        sets: corpora by name.
        saved: the folder that bases are kept in, or None.
    """

    def __init__(self, sets: Sets, saved: Path | None = None) -> None:
        self.sets = sets
        self.saved = saved
        self._made: dict[tuple[str, int], tuple[float, hs.TextClassifier]] = {}

    def get(self, net: str, seed: int) -> tuple[float, hs.TextClassifier]:
        """Return seconds to train, and the base; ``reviews`` is the default one with the unlabelled reviews."""
        if (net, seed) not in self._made:
            self._made = {(net, seed): self._found(net, seed)}
        return self._made[net, seed]

    def _found(self, net: str, seed: int) -> tuple[float, hs.TextClassifier]:
        folder = None if self.saved is None else self.saved / f"{net}-{seed}"
        started = time.perf_counter()
        if folder is not None and folder.exists():
            model = hs.load(folder)
            return time.perf_counter() - started, model
        how = {"unlabelled": self.reviews()} if net == "reviews" else {"net": net}
        found = self.trained("train", random_state=seed, **how)
        if folder is not None:
            found[1].save(folder)
        return found

    def trained(self, part: str, **options: Any) -> tuple[float, hs.TextClassifier]:
        """Train on a part, with the protocol's validation rows where these are not in it."""
        started = time.perf_counter()
        valid = self.sets["valid"] if part == "train" else None
        return (lambda model: (time.perf_counter() - started, model))(
            hs.TextClassifier(**options).fit(self.sets[part], valid=valid)
        )

    def plain(self, net: str, seed: int) -> tuple[float, dict[str, Any]]:
        """Measure a base as it is on every set."""
        seconds, model = self.get(net, seed)
        return seconds, aucs(
            lambda corpus: model.score_rows(corpus).logits, self.sets, ("valid", "test", "official", *TARGETS)
        )

    def peer(self, train: Callable[[Corpus], Scorer]) -> tuple[float, dict[str, Any]]:
        """Measure a simple model on every set."""
        started = time.perf_counter()
        scorer = train(self.sets["train"])
        return time.perf_counter() - started, aucs(scorer, self.sets, ("valid", "test", "official", *TARGETS))

    def self_trained(self, net: str, seed: int, *, inductive: bool) -> tuple[float, dict[str, Any]]:
        """Measure a base after it has taught itself on each target; seconds are of all targets."""
        model = self.get(net, seed)[1]
        started = time.perf_counter()
        found = aucs(lambda corpus: taught(model, corpus, inductive), self.sets, TARGETS)
        return time.perf_counter() - started, found

    def reviews(self) -> Corpus:
        """Return the unlabelled reviews that stand in no set that is measured on."""
        more = hs.read(str(data_folder() / "imdb_unlabelled.parquet"), columns=())
        for part in ("valid", "test", "official"):
            more = more.take(np.flatnonzero(~duplicates(more.texts, self.sets[part].texts).in_a))
        return more

    def whole(self, seed: int, *, reviews: bool = False) -> tuple[float, dict[str, Any]]:
        """Measure the default base trained on all 25,000 rows: a twentieth of them weighs its parts and calibrates."""
        more = self.reviews() if reviews else None
        seconds, model = self.trained("all", random_state=seed, valid_fraction=0.05, unlabelled=more)
        official = self.sets["official"]
        scores = model.score_rows(official)
        right = np.mean((scores.probabilities >= model.predictor_.threshold) == official.labels)
        return seconds, {"official": auc(official.labels, scores.logits), "official_accuracy": float(right)}

    def whole_peer(self) -> tuple[float, dict[str, Any]]:
        """Measure the NB-SVM trained on the same."""
        started, official = time.perf_counter(), self.sets["official"]
        scorer = nbsvm(self.sets["all"])
        seconds, scores = time.perf_counter() - started, scorer(official)
        right = float(np.mean((scores > 0) == official.labels))
        return seconds, {"official": auc(official.labels, scores), "official_accuracy": right}


def taught(model: hs.TextClassifier, corpus: Corpus, inductive: bool) -> Any:
    """Return the logits of a corpus by the model after it has taught itself on its texts."""
    if not inductive:
        return hs.TextClassifier(base=model, strategy="self-train").fit(corpus.texts).score_rows(corpus).logits
    fold = np.random.default_rng(0).integers(0, N_FOLDS, len(corpus))
    logits = np.zeros(len(corpus))
    for held in range(N_FOLDS):
        rest = corpus.take(np.flatnonzero(fold != held))
        own = hs.TextClassifier(base=model, strategy="self-train").fit(rest.texts)
        logits[fold == held] = own.score_rows(corpus.take(np.flatnonzero(fold == held))).logits
    return logits


def aucs(scorer: Scorer, sets: Sets, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: auc(sets[name].labels, scorer(sets[name])) for name in names}


def table(rows: list[dict[str, Any]], names: list[str]) -> str:
    """Return a Markdown table of some models: means over seeds, and their 95% intervals where there are several."""
    rows = [row for row in rows if row["model"] in names]
    columns = list(dict.fromkeys(name for row in rows for name in row if name not in ("model", "seed")))
    lines = ["| model | seeds | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for model in (name for name in names if any(row["model"] == name for row in rows)):
        own = [row for row in rows if row["model"] == model]
        cells = [cell([row[column] for row in own if column in row], column == "seconds") for column in columns]
        lines.append(f"| {model} | {len(own)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def cell(values: list[float], seconds: bool) -> str:
    """Return a mean with its interval; of seconds the median."""
    if not values:
        return ""
    if seconds:
        return f"{np.median(values):.0f}"
    return f"{np.mean(values):.4f}{spread(values)}"


def spread(values: list[float]) -> str:
    """Return half the width of the mean's interval, with its sign; of one value nothing."""
    return f" ± {half_width(values):.4f}" if len(values) > 1 else ""


def gain(rows: list[dict[str, Any]], name: str) -> str:
    """Return how far a model is ahead of the better simple one, mean over the targets, with its interval over seeds."""
    peers = [row for row in rows if row["model"] in SIMPLE]
    own = [row for row in rows if row["model"] == name]
    if not own or not peers:
        return ""
    best = {target: max(row[target] for row in peers) for target in TARGETS}
    gains = [float(np.mean([row[target] - best[target] for target in TARGETS])) for row in own]
    return f"{name}: mean gain over the better simple model of each target {np.mean(gains):+.4f}{spread(gains)}\n"


def jobs(bases: Bases, parts: list[str], nets: list[str], n_seeds: int) -> list[Job]:
    """Return what is to be measured: name, seed, and the function that does it; a base's own jobs side by side."""
    found: list[Job] = []
    if "16000" in parts:
        found += [(SIMPLE[0], 0, lambda: bases.peer(tfidf)), (SIMPLE[1], 0, lambda: bases.peer(nbsvm))]
    for seed in range(n_seeds):
        if "16000" in parts:
            found += [(net, seed, lambda net=net, seed=seed: bases.plain(net, seed)) for net in nets]
        if "self-train" in parts:
            found += [
                (
                    f"self-train, {way}",
                    seed,
                    lambda seed=seed, way=way: bases.self_trained("blend", seed, inductive=way == "inductive"),
                )
                for way in ("inductive", "transductive")
            ]
        if "reviews" in parts:
            found.append(("with 50,000 reviews", seed, lambda seed=seed: bases.plain("reviews", seed)))
        if "reviews-self-train" in parts:
            found.append(
                (
                    "with 50,000 reviews, self-train",
                    seed,
                    lambda seed=seed: bases.self_trained("reviews", seed, inductive=True),
                )
            )
    if "25000" in parts:
        found.append(("NB-SVM, 25,000", 0, bases.whole_peer))
        found += [("blend, 25,000", seed, lambda seed=seed: bases.whole(seed)) for seed in range(n_seeds)]
    if "25000-reviews" in parts:
        found += [
            ("blend with 50,000 reviews, 25,000", seed, lambda seed=seed: bases.whole(seed, reviews=True))
            for seed in range(n_seeds)
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", type=Path, default=Path("out/protocol"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--nets", default="gru,tutorial,blend")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--save", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/bases"))
    arguments = parser.parse_args()
    names = ("train", "valid", "test", "official")
    sets = {name: hs.read(str(arguments.protocol / f"{name}.parquet"), label="label", columns=()) for name in names}
    sets |= {name: hs.read(str(data_folder() / f"{name}.parquet"), label="label", columns=()) for name in TARGETS}
    sets["all"] = hs.read(str(data_folder() / "imdb.parquet"), label="label", where={"split": "train"}, columns=())
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    with path.open("a") as file:
        for name, seed, run in jobs(
            Bases(sets, arguments.save), arguments.parts.split(","), arguments.nets.split(","), arguments.seeds
        ):
            if any(row["model"] == name and row["seed"] == seed for row in rows):
                continue
            seconds, found = run()
            rows.append({"model": name, "seed": seed, "seconds": seconds, **found})
            file.write(json.dumps(rows[-1]) + "\n")
            file.flush()
            print(json.dumps(rows[-1]), flush=True)
    known = list(dict.fromkeys(row["model"] for row in rows))
    whole = [name for name in known if name.endswith("25,000")]
    said = [table(rows, [name for name in known if name not in whole]), table(rows, whole) if whole else ""]
    said += [gain(rows, name) for name in known if name not in SIMPLE and name not in whole]
    (arguments.out / "table.md").write_text("\n".join(part for part in said if part))
    print("\n".join(part for part in said if part))


if __name__ == "__main__":
    main()
