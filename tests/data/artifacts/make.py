"""Make the small models of the present format that every later version has to load.

    python tests/data/artifacts/make.py

Run once for a released format, commit what it writes, and never again for that format: the point of these
folders is that they are old. Beside each model lies what it said of three texts, ``NAME.json``.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import headstart as hs
from headstart.artifact import FORMAT
from headstart.estimators import import_mxnet
from headstart.heads import ColumnEncoder, LinearHead
from headstart.predictor import ColumnScorer, Predictor

HERE = Path(__file__).resolve().parent
TEXTS = ["a good hotel with a nice view", "", "awful, rude staff!"]
VOCABULARY = "hotel room food staff clean dirty good bad great awful nice rude a with view . , ! the".split()
SMALL: dict[str, dict[str, Any]] = {
    "blend": {"embedding_size": 4, "hidden_size": 3},
    "fast": {"embedding_size": 4, "hidden_size": 3, "window": 2},
    "gru": {"embedding_size": 4, "hidden_size": 3, "dense": (4,)},
    "tutorial": {"embedding_size": 4, "hidden_size": 3, "dense": (4,)},
}


def reviews() -> tuple[pa.Table, list[int]]:
    """Sixty made-up reviews with two columns, and their labels."""
    rng = np.random.default_rng(0)
    words = ["hotel", "room", "food", "staff", "clean", "dirty", "good", "bad", "great", "awful", "nice", "rude"]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(60)]
    table = pa.table(
        {"text": texts, "stars": rng.integers(1, 6, 60).astype(float), "device": rng.choice(["phone", "pc"], 60)}
    )
    return table, [int("good" in text or "great" in text) for text in texts]


def classifiers(table: pa.Table, labels: list[int]) -> dict[str, Any]:
    """One fitted classifier of each kind that the format knows, by name."""
    plain: dict[str, Any] = {"text": "text", "device": "cpu", "random_state": 0}
    mixed: dict[str, Any] = {**plain, "columns": ["stars", "device"]}
    made = {
        name: hs.TextClassifier(net=name, net_options=options, epochs=2, **plain).fit(table, labels)
        for name, options in SMALL.items()
    }
    made["tfidf"] = hs.TextClassifier(strategy="tfidf", **mixed).fit(table, labels)
    for head in ("linear", "catboost"):
        made[head] = hs.TextClassifier(base=made["gru"], strategy="features", head=head, **mixed).fit(table, labels)
    made["imported"] = import_mxnet(
        HERE.parent / "mxnet" / "zoo_textcnn", vocabulary=[*VOCABULARY, "<unk>"], labels=("0", "1")
    )
    made["columns"] = copy.copy(made["tfidf"])
    made["columns"].predictor_ = columns_alone(table, labels)
    return made


def columns_alone(table: pa.Table, labels: list[int]) -> Predictor:
    """A linear model of the two columns, which leaves the texts unread."""
    encoder = ColumnEncoder.fit(table, ["stars", "device"])
    nothing = np.zeros((len(labels), 0), np.float32)
    head = LinearHead.fit(nothing, np.array(labels), table=table, encoder=encoder)
    return Predictor(ColumnScorer(head), ("0", "1"), columns=("stars", "device"))


def main() -> None:
    """Write the models of the present format and what they say."""
    table, labels = reviews()
    asked = table.slice(0, len(TEXTS)).set_column(0, "text", [TEXTS])
    for name, classifier in classifiers(table, labels).items():
        folder = HERE / f"v{FORMAT}-{name}"
        classifier.set_params(device="cpu")
        content_hash = classifier.save(folder)
        said = {
            "content_hash": content_hash,
            "columns": asked.drop_columns(["text"]).to_pydict(),
            "texts": TEXTS,
            "probabilities": classifier.predict_proba(asked)[:, 1].tolist(),
        }
        folder.with_suffix(".json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
