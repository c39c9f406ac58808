"""`import hf` and `import model2vec`, and what the commands do with such a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'headstart[hf]'")

Cli = Callable[..., Any]
WORDS = ["[PAD]", "[UNK]", "great", "awful", "film", "hotel", "room", "was", "lovely", "dreary", "story", "superb"]


def definition() -> dict[str, Any]:
    return {
        "version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordLevel", "vocab": {word: i for i, word in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }  # fmt: skip


def write_model(folder: Path, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(definition()))
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.fixture
def static(files: Path) -> Path:
    table = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (len(WORDS), 8)).astype(np.float32))
    return write_model(files / "static", {"normalize": True}, {"embeddings": table})


@pytest.fixture
def bert(files: Path) -> Path:
    sizes = {"hidden_size": 8, "intermediate_size": 6, "num_hidden_layers": 1, "num_attention_heads": 2}
    shapes: dict[str, tuple[int, ...]] = {
        "word_embeddings.weight": (len(WORDS), 8), "position_embeddings.weight": (32, 8),
        "token_type_embeddings.weight": (2, 8), "LayerNorm.weight": (8,), "LayerNorm.bias": (8,),
    }  # fmt: skip
    shapes = {f"embeddings.{name}": shape for name, shape in shapes.items()}
    parts = [*(f"attention.self.{name}" for name in ("query", "key", "value")), "attention.output.dense"]
    dense: dict[str, tuple[int, int]] = dict.fromkeys(parts, (8, 8))
    for name, (rows, columns) in (dense | {"intermediate.dense": (6, 8), "output.dense": (8, 6)}).items():
        shapes |= {f"encoder.layer.0.{name}.weight": (rows, columns), f"encoder.layer.0.{name}.bias": (rows,)}
    for name in ("attention.output.LayerNorm", "output.LayerNorm"):
        shapes |= {f"encoder.layer.0.{name}.{kind}": (8,) for kind in ("weight", "bias")}
    rng = np.random.default_rng(0)
    weights = {name: torch.from_numpy(rng.normal(0, 1, shape).astype(np.float32)) for name, shape in shapes.items()}
    return write_model(files / "bert", {"model_type": "bert", **sizes, "max_position_embeddings": 32}, weights)


@pytest.mark.parametrize(
    ("kind", "layers"), [("hf", ["embeddings", "layer0", "pooled"]), ("model2vec", ["embeddings", "pooled"])]
)
def test_import_tells_what_it_found(cli: Cli, bert: Path, static: Path, kind: str, layers: list[str]) -> None:
    source = bert if kind == "hf" else static
    found = cli("import", kind, source, "--out", "base", "--max-tokens", 20, "--json").json
    assert [row["layer"] for row in found["layers"]] == layers
    assert found["size"] == 8 and found["max_tokens"] == 20 and found["source"]["format"] == kind
    assert {file["name"] for file in found["source"]["files"]} == {"config.json", "model.safetensors", "tokenizer.json"}
    assert cli("inspect", "base", "--json").json["content_hash"] == found["content_hash"]
    assert [row["layer"] for row in cli("layers", "base", "--json").json["layers"]] == layers
    assert "next: headstart transfer" in cli("import", kind, source, "--out", "again").out


def test_the_pooling_is_an_option(cli: Cli, bert: Path) -> None:
    assert cli("import", "hf", bert, "--out", "base", "--pooling", "cls,max", "--json").json["size"] == 16


def test_what_the_commands_do_with_it(cli: Cli, bert: Path) -> None:
    cli("import", "hf", bert, "--out", "base")
    told = cli(
        "transfer",
        "base",
        "reviews.csv",
        "--strategy",
        "features",
        "--cache",
        "kept",
        "--test",
        "0.2",
        "--out",
        "own",
        "--json",
    )
    assert told.json["test"]["n"] == 60 and told.json["labels"]["names"] == ["0", "1"]
    assert [path.name for path in Path("kept").iterdir()] == ["vectors-1.sqlite3"]
    assert cli("predict", "own", "hotel.csv", "--out", "scored.parquet", "--json").json["n"] == 120
    assert (
        cli("embed", "base", "hotel.csv", "--layer", "layer0", "--cache", "kept", "--out", "v.parquet", "--json").json[
            "size"
        ]
        == 8
    )
    assert pq.read_table("v.parquet").num_rows == 120


def test_compare_leaves_out_what_it_cannot_be(cli: Cli, static: Path) -> None:
    cli("import", "model2vec", static, "--out", "base")
    ended = cli(
        "compare", "base", "reviews.csv", "--budgets", "60", "--seeds", "1", "--jobs", "1", "--out", "out",
        "--candidates", "as-is,features,tfidf", "--json",
    )  # fmt: skip
    assert {row["strategy"] for row in ended.json["rows"]} == {"features", "tfidf"}
    assert "as-is is left out: the base is an encoder that has learnt no labels" in ended.err
    assert Path("out/report.html").is_file()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("import", "hf", "nowhere", "--out", "x"), "does not exist; expected the folder of a model on this machine"),
        (("import", "hf", "static", "--out", "x"), "of the architecture None; expected an encoder of one of bert"),
        (("import", "hf", "bert", "--out", "x", "--pooling", "median"), "there is no pooling 'median'"),
        (
            ("import", "hf", "bert", "--out", "x", "--max-tokens", "99"),
            "max_tokens is 99; this model reads texts of 1 to 32",
        ),
        (("import", "model2vec", "bert", "--out", "x"), "holds no tensor 'embedding.weight'"),
        (("import", "hf", "bert", "--out", "reviews.csv"), "is a file, and a model is a folder"),
        (("evaluate", "base", "reviews.csv"), "an encoder without labels, so it predicts nothing by itself"),
        (("predict", "base", "reviews.csv", "--out", "x.csv"), "an encoder without labels"),
        (("transfer", "base", "reviews.csv", "--strategy", "as-is", "--out", "x"), "as it is it predicts nothing"),
        (("map", "base", "--top", "5", "--out", "x.png"), "keeps no list of words to draw"),
        (("map", "base", "--data", "reviews.csv", "--out", "x.png"), "no labels to colour texts by; name a column"),
        (("embed", "base", "reviews.csv", "--layer", "layer9", "--out", "x.parquet"), "there is no layer 'layer9'"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, tuple) else "",
)
def test_mistakes(cli: Cli, bert: Path, static: Path, command: tuple[str, ...], sentence: str) -> None:
    if "base" in command:
        cli("import", "hf", bert, "--out", "base")
    ended = cli(*command)
    assert ended.code == 2 and ended.out == ""
    assert sentence in ended.err and "Traceback" not in ended.err
