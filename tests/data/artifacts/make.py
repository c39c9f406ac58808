"""Make the small models of the present format that every later version has to load.

    python tests/data/artifacts/make.py

Run once for a released format, commit what it writes, and never again for that format: the point of these
folders is that they are old, so those that are there stay. Models of format 1.0 (``v1-NAME``) to 1.3 were written by the code
of their time, with this very script as it was then. Next to each model lies what it said of three rows, ``NAME.json``: the
probability of the label that is last in sorted order.
"""

from __future__ import annotations

import datetime
import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import headstart as hs
from headstart.artifact import FORMAT
from headstart.estimators import import_mxnet

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
    """Sixty made-up reviews with columns of every type, and their labels."""
    rng = np.random.default_rng(0)
    words = ["hotel", "room", "food", "staff", "clean", "dirty", "good", "bad", "great", "awful", "nice", "rude"]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(60)]
    table = pa.table(
        {"text": texts, "stars": rng.integers(1, 6, 60).astype(float), "device": rng.choice(["phone", "pc"], 60)}
    )
    days = [
        None if i % 9 == 4 else datetime.date(2024, 1, 1) + datetime.timedelta(int(rng.integers(300)))
        for i in range(60)
    ]
    more = {
        "paid": [None if i % 7 == 3 else bool(rng.random() < 0.5) for i in range(60)],
        "day": days,
        "version": [["1.10", "2.0", "007", "beta"][rng.integers(4)] for _ in range(60)],
        "title": [" ".join(["rather", *rng.choice(words, 4)]) for _ in range(60)],
        "nothing": pa.nulls(60),
    }
    for name, values in more.items():
        table = table.append_column(name, [values] if name == "nothing" else pa.array(values))
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
    typed = {**plain, "columns": ["stars", "device", "paid", "day", "version", "title", "nothing"]}
    made["typed-tfidf"] = hs.TextClassifier(strategy="tfidf", **typed).fit(table, labels)
    made["typed-catboost"] = hs.TextClassifier(base=made["fast"], strategy="features", head="catboost", **typed)
    made["typed-catboost"].fit(table, labels)
    made["encoder"] = static_encoder()
    made["static"] = hs.TextClassifier(base=made["encoder"], strategy="features", **plain).fit(table, labels)
    made["columns"] = hs.TextClassifier(strategy="columns", head="linear", **mixed).fit(table, labels)
    made["nbsvm"] = hs.TextClassifier(strategy="nbsvm", **plain).fit(table, labels)
    named = np.array(["bad", "good"])[labels]
    made["positive-first"] = hs.TextClassifier(strategy="tfidf", positive="bad", **plain).fit(table, named)
    return made


def of_tasks(table: pa.Table) -> dict[str, Any]:
    """One fitted model of each task but two labels, and of each kind of head and network that has several outputs."""
    plain: dict[str, Any] = {"text": "text", "device": "cpu", "random_state": 0}
    small: dict[str, Any] = {**plain, "net_options": SMALL["blend"], "epochs": 2}
    rng = np.random.default_rng(1)
    classes = np.array(["dirty", "fine", "rude"])[rng.integers(0, 3, 60)]
    several = (rng.random((60, 3)) < 0.4).astype(int)
    stars, price = rng.integers(1, 6, 60), rng.normal(100, 20, 60).round(2)
    base = hs.TextClassifier(**small).fit(table, classes)
    carried: dict[str, Any] = {**plain, "base": base, "strategy": "fine-tune"}
    mixed: dict[str, Any] = {**plain, "columns": ["stars", "device"], "base": base, "strategy": "features"}
    return {
        "multiclass-blend": base,
        "multiclass-tfidf": hs.TextClassifier(strategy="tfidf", abstain_below=0.3, **plain).fit(table, classes),
        "multiclass-catboost": hs.TextClassifier(head="catboost", **mixed).fit(table, classes),
        "multilabel-new-head": hs.TextClassifier(**carried).fit(table, several),
        "multilabel-linear": hs.TextClassifier(head="linear", **mixed).fit(table, several),
        "ordinal-tfidf": hs.TextClassifier(strategy="tfidf", task="ordinal", **plain).fit(table, stars),
        "ordinal-gru": hs.TextClassifier(
            net="gru", net_options=SMALL["gru"], epochs=2, task="ordinal", coverage=0.5, valid_fraction=0.3, **plain
        ).fit(pa.concat_tables([table, table]), np.tile(stars, 2)),
        "regression-nbsvm": hs.TextRegressor(strategy="nbsvm", coverage=0.8, **plain).fit(table, price),
        "regression-new-head": hs.TextRegressor(**carried).fit(table, price),
    }


def of_encoders(table: pa.Table, labels: list[int]) -> dict[str, Any]:
    """Encoders with a head of ours: fine-tuned."""
    plain: dict[str, Any] = {"text": "text", "device": "cpu", "random_state": 0, "epochs": 1, "strategy": "fine-tune"}
    classes = np.array(["dirty", "fine", "rude"])[np.random.default_rng(1).integers(0, 3, 60)]
    return {
        "tuned-static": hs.TextClassifier(base=static_encoder(), **plain).fit(table, labels),
        "tuned-static-classes": hs.TextClassifier(base=static_encoder(), **plain).fit(table, classes),
    }


def static_encoder() -> Any:
    """An encoder as model2vec saves one, with random vectors and a tokenizer of whole words."""
    from safetensors.numpy import save_file

    words = ["[UNK]", *sorted(VOCABULARY)]
    rules = {
        "version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordLevel", "vocab": {word: i for i, word in enumerate(words)}, "unk_token": "[UNK]"},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vectors = np.random.default_rng(1).normal(0, 1, (len(words), 6)).astype(np.float32)
        save_file({"embeddings": vectors}, folder / "model.safetensors")
        (folder / "tokenizer.json").write_text(json.dumps(rules))
        (folder / "config.json").write_text(json.dumps({"model_type": "model2vec", "normalize": True}))
        return hs.import_model2vec(folder)


def tuned_transformer(table: pa.Table, labels: list[int]) -> Any:
    """A transformer with a head of ours: fine-tuned."""
    from safetensors.torch import save_file

    at = importlib.util.spec_from_file_location("small", HERE.parents[1] / "foreign" / "hf" / "conftest.py")
    small: Any = importlib.util.module_from_spec(at)  # type: ignore[arg-type]
    at.loader.exec_module(small)  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.json").write_text(json.dumps(small.config_of("bert")))
        (folder / "tokenizer.json").write_text(json.dumps(small.word_pieces()))
        save_file(small.weights_of("bert"), folder / "model.safetensors")
        encoder = hs.import_hf(folder)
    how: dict[str, Any] = {"text": "text", "device": "cpu", "random_state": 0, "epochs": 1, "strategy": "fine-tune"}
    return hs.TextClassifier(base=encoder, **how).fit(table, labels)


def of_other_rows() -> dict[str, tuple[Any, Any]]:
    """One fitted model of each network and each kind of fixed features over rows that are no texts, and the rows to ask."""
    rng = np.random.default_rng(2)
    labels = np.arange(40) % 2
    series = [rng.normal(label, 1, (2, int(rng.integers(9, 20)))).round(3) for label in labels]
    images = (rng.integers(0, 150, (40, 6, 6, 3)) + labels[:, None, None, None] * 90).astype(np.uint8)
    numbers = [None if i == 5 else round(float(rng.normal(i % 2, 1)), 3) for i in range(40)]
    table = pa.table({"n": numbers, "c": [["a", "b"][int(rng.integers(2))] if i % 7 else None for i in range(40)]})
    how: dict[str, Any] = {"epochs": 1, "random_state": 0, "device": "cpu"}
    of_series = {
        "series-inception": hs.SeriesClassifier(net_options={"n_filters": 2, "n_blocks": 1}, **how),
        "series-minirocket": hs.SeriesClassifier(strategy="minirocket", **how),
    }
    of_images = {
        "image-resnet": hs.ImageClassifier(net_options={"sizes": [16]}, **how),
        "image-pixels": hs.ImageClassifier(strategy="pixels", **how),
        "image-hog": hs.ImageClassifier(strategy="hog", **how),
    }
    of_tables = {"table-mlp": hs.TabularClassifier(net_options={"size": 4, "n_blocks": 1, "embedding_size": 2}, **how)}
    asked = {"series": [one.tolist() for one in series[:3]]}, {"images": images[:3].tolist()}, table[3:6].to_pydict()
    return {
        **{name: (one.fit(series, labels), asked[0]) for name, one in of_series.items()},
        **{name: (one.fit(images, labels), asked[1]) for name, one in of_images.items()},
        **{name: (one.fit(table, labels), {"table": asked[2]}) for name, one in of_tables.items()},
    }


def rows_of(said: dict[str, Any]) -> Any:
    """The rows that a model was asked about."""
    if "series" in said:
        return [np.array(one) for one in said["series"]]
    if "images" in said:
        return np.array(said["images"], np.uint8)
    return pa.table(said["table"]) if "table" in said else pa.table({"text": said["texts"], **said["columns"]})


def answers(classifier: Any, asked: pa.Table) -> dict[str, Any]:
    """What a model says of the texts asked."""
    task = classifier.predictor_.task
    if task is None:
        return {"vectors": hs.LayerFeatures(classifier, layer="pooled").transform(TEXTS).tolist()}
    probabilities = classifier.score_rows(asked).probabilities
    if task.kind != "binary":
        said = classifier.predictor_.names(probabilities).tolist()
        return {"task": task.kind, "probabilities": probabilities.tolist(), "predictions": said}
    last = np.argmax(classifier.classes_)  # 0.1 had the positive label last
    return {
        "classes": sorted(classifier.classes_.tolist()),
        "probabilities": classifier.predict_proba(asked)[:, last].tolist(),
    }


NOT_AGAIN = ("tutorial", "catboost", "nbsvm", "positive-first", "multiclass-tfidf", "multiclass-catboost", "regression-nbsvm",
             "tuned-static-classes")  # fmt: skip
"""Made in earlier formats, and nothing that others do not show."""


def main() -> None:
    """Write the models of the present format, and what they say."""
    table, labels = reviews()
    of_texts = table.slice(0, len(TEXTS)).set_column(0, "text", [TEXTS])
    columns = json.loads(json.dumps(of_texts.drop_columns(["text"]).to_pydict(), default=str))
    made = {**classifiers(table, labels), **of_tasks(table), **of_encoders(table, labels)}
    made["tuned-transformer"] = tuned_transformer(table, labels)
    for name, classifier in made.items():
        if name not in NOT_AGAIN:
            write(name, classifier, {"texts": TEXTS, "columns": columns}, of_texts)
    for name, (classifier, rows) in of_other_rows().items():
        write(name, classifier, rows, rows_of(rows))


def write(name: str, classifier: Any, rows: dict[str, Any], asked: Any) -> None:
    """Write a model and what it says of the rows asked, unless it is there."""
    folder = HERE / f"v{FORMAT}-{name}"
    if folder.exists():
        return
    classifier.set_params(device="cpu")
    said = {"content_hash": classifier.save(folder), **rows, **answers(classifier, asked)}
    folder.with_name(folder.name + ".json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
