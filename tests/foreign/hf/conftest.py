"""Small folders as transformers, sentence-transformers and model2vec write them, with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'headstart[hf]'")

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] a the great awful film hotel room was lovely dreary ##s ##ly story . ! superb boring charming "
    "clumsy warm cold delightful terrible plot actor scene with and very music end of in we stayed saw".split()
)
SIZE, INNER, LAYERS, HEADS, PLACES = 12, 20, 3, 2, 24
SPELLINGS: dict[str, dict[str, str]] = {
    "bert": {
        "layer": "encoder.layer.{}.", "query": "attention.self.query", "key": "attention.self.key",
        "value": "attention.self.value", "mix": "attention.output.dense", "mix_norm": "attention.output.LayerNorm",
        "widen": "intermediate.dense", "narrow": "output.dense", "narrow_norm": "output.LayerNorm",
    },
    "distilbert": {
        "layer": "transformer.layer.{}.", "query": "attention.q_lin", "key": "attention.k_lin",
        "value": "attention.v_lin", "mix": "attention.out_lin", "mix_norm": "sa_layer_norm",
        "widen": "ffn.lin1", "narrow": "ffn.lin2", "narrow_norm": "output_layer_norm",
    },
}  # fmt: skip
SPELLINGS["mpnet"] = SPELLINGS["bert"] | {
    "query": "attention.attn.q", "key": "attention.attn.k", "value": "attention.attn.v", "mix": "attention.attn.o",
    "mix_norm": "attention.LayerNorm",
}  # fmt: skip
SPELLINGS |= dict.fromkeys(("roberta", "xlm-roberta", "camembert"), SPELLINGS["bert"])

Folder = Callable[..., Path]
Array = NDArray[np.float64]


def word_pieces(*, framed: bool = True, words: list[str] = WORDS) -> dict[str, Any]:
    """A ``tokenizer.json`` as BERT's, which pads and truncates by itself as saved ones often do."""
    frame = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    frame += [{"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    specials = {name: {"id": name, "ids": [words.index(name)], "tokens": [name]} for name in ("[CLS]", "[SEP]")}
    return {
        "version": "1.0",
        "truncation": {"max_length": 5, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {
            "strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
        "added_tokens": [
            {"id": words.index(name), "content": name, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True}
            for name in ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
        ],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": frame, "pair": frame, "special_tokens": specials}
        if framed
        else None,
        "decoder": None,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {word: i for i, word in enumerate(words)}},
    }  # fmt: skip


def config_of(family: str) -> dict[str, Any]:
    """A ``config.json`` of the family."""
    if family == "distilbert":
        sizes: dict[str, Any] = {"dim": SIZE, "hidden_dim": INNER, "n_layers": LAYERS, "n_heads": HEADS}
    else:
        sizes = {"hidden_size": SIZE, "intermediate_size": INNER, "num_hidden_layers": LAYERS}
        sizes |= {"num_attention_heads": HEADS, "hidden_act": "gelu", "layer_norm_eps": 1e-5}
    places = PLACES + (0 if family in ("bert", "distilbert") else 2)
    pad = {} if family in ("bert", "distilbert") else {"pad_token_id": 1}
    return {"model_type": family, **sizes, "max_position_embeddings": places, "vocab_size": len(WORDS), **pad}


def weights_of(family: str, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights in the family's own spelling, far enough from 0 that every part shows in the output."""
    spelling, rng = SPELLINGS[family], np.random.default_rng(seed)
    places = config_of(family)["max_position_embeddings"]
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(WORDS), SIZE), "embeddings.position_embeddings.weight": (places, SIZE),
        "embeddings.LayerNorm.weight": (SIZE,), "embeddings.LayerNorm.bias": (SIZE,),
    }  # fmt: skip
    if family == "mpnet":
        shapes["encoder.relative_attention_bias.weight"] = (32, HEADS)
    elif family != "distilbert":
        shapes["embeddings.token_type_embeddings.weight"] = (2, SIZE)
    for i in range(LAYERS):
        start = spelling["layer"].format(i)
        for part in ("query", "key", "value", "mix", "widen", "narrow"):
            rows, columns = {"widen": (INNER, SIZE), "narrow": (SIZE, INNER)}.get(part, (SIZE, SIZE))
            shapes |= {f"{start}{spelling[part]}.weight": (rows, columns), f"{start}{spelling[part]}.bias": (rows,)}
        for part in ("mix_norm", "narrow_norm"):
            shapes |= {f"{start}{spelling[part]}.{kind}": (SIZE,) for kind in ("weight", "bias")}
    return {name: torch.from_numpy(rng.normal(0, 0.6, shape).astype(np.float32)) for name, shape in shapes.items()}


@pytest.fixture
def make_folder(tmp_path: Path) -> Folder:
    """Write a folder of transformers; what is given replaces parts of it, None leaves a file out."""

    def make(
        family: str = "bert",
        *,
        name: str = "model",
        config: Mapping[str, Any] | None = None,
        weights: Mapping[str, torch.Tensor] | None = None,
        tokenizer: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({**config_of(family), **(config or {})}))
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer or word_pieces()))
        save_file(dict(weights or weights_of(family)), folder / "model.safetensors")
        write_files(folder, files or {})
        return folder

    return make


def write_files(folder: Path, files: Mapping[str, Any]) -> None:
    """Write files by name: bytes as they are, anything else as JSON; None takes one away."""
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


@pytest.fixture
def sentence_files() -> Callable[..., dict[str, Any]]:
    """What sentence-transformers writes beside an encoder."""

    def files(pooling: Mapping[str, Any], *, normalize: bool = False, **settings: Any) -> dict[str, Any]:
        kinds = ["Transformer", "Pooling", *(["Normalize"] if normalize else [])]
        paths = ["", "1_Pooling", "2_Normalize"]
        modules = [
            {"idx": i, "name": str(i), "path": paths[i], "type": f"sentence_transformers.models.{kind}"}
            for i, kind in enumerate(kinds)
        ]
        return {
            "modules.json": modules,
            "1_Pooling/config.json": {"word_embedding_dimension": SIZE, **pooling},
            "sentence_bert_config.json": {"max_seq_length": None, "do_lower_case": False, **settings},
        }

    return files


@pytest.fixture
def make_static(tmp_path: Path) -> Folder:
    """Write a folder of model2vec with these tensors."""

    def make(
        tensors: Mapping[str, torch.Tensor] | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        inner: str = "",
    ) -> Path:
        folder = tmp_path / "static"
        (folder / inner).mkdir(parents=True)
        rng = np.random.default_rng(1)
        drawn = {"embeddings": torch.from_numpy(rng.normal(0, 1, (len(WORDS), 6)).astype(np.float32))}
        save_file(dict(drawn if tensors is None else tensors), folder / inner / "model.safetensors")
        (folder / inner / "tokenizer.json").write_text(json.dumps(word_pieces(framed=False)))
        (folder / "config.json").write_text(
            json.dumps({"model_type": "model2vec", "normalize": True, **(config or {})})
        )
        write_files(folder, files or {})
        return folder

    return make


@pytest.fixture
def pieces() -> Callable[[str], list[int]]:
    """The model's own numbers of a text's pieces, found by hand: longest word first, [CLS] and [SEP] around."""

    def cut(text: str) -> list[int]:
        found = []
        for word in text.lower().replace(".", " . ").replace("!", " ! ").split():
            stem = next((word[:i] for i in range(len(word), 0, -1) if word[:i] in WORDS), None)
            rest = "" if stem is None else word[len(stem) :]
            known = stem is not None and (not rest or f"##{rest}" in WORDS)
            found += [WORDS.index(stem), *([WORDS.index(f"##{rest}")] if rest else [])] if known and stem else [1]
        return found

    return cut


def gelu(x: Array) -> Array:
    return x * 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2)))


def gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


ACTIVATIONS = {"gelu": gelu, "gelu_new": gelu_tanh, "gelu_pytorch_tanh": gelu_tanh, "relu": relu}


def t5_kind(ahead: int) -> int:
    """The row of T5's table for a token so far ahead: of 32, 8 exact distances a side and 8 that grow up to 128."""
    away = abs(ahead)
    kind = away if away < 8 else min(15, 8 + int(np.log(away / 8) / np.log(16) * 8 + 1e-9))
    return kind + (16 if ahead > 0 else 0)


def forward_by_hand(
    folder: Path, family: str, ids: list[int], *, activation: str = "gelu", epsilon: float = 1e-5
) -> list[Array]:
    """The states of one text after the embeddings and after every layer, each [pieces, size], in float64."""
    from safetensors.numpy import load_file

    w = {name: value.astype(np.float64) for name, value in load_file(folder / "model.safetensors").items()}
    spelling, n = SPELLINGS[family], len(ids)

    def norm(x: Array, name: str) -> Array:
        centred = x - x.mean(1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(1, keepdims=True) + epsilon)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(x: Array, name: str) -> Array:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    first = 0 if family in ("bert", "distilbert") else 2
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][first : first + n]
    if family not in ("distilbert", "mpnet"):
        x = x + w["embeddings.token_type_embeddings.weight"][0]
    states = [norm(x, "embeddings.LayerNorm")]
    for i in range(LAYERS):
        start, x = spelling["layer"].format(i), states[-1]
        query, key, value = (dense(x, start + spelling[part]) for part in ("query", "key", "value"))
        seen = np.zeros_like(x)
        for head in range(HEADS):
            part = slice(head * SIZE // HEADS, (head + 1) * SIZE // HEADS)
            added = 0.0
            if family == "mpnet":
                kinds = [[t5_kind(j - i) for j in range(n)] for i in range(n)]
                added = w["encoder.relative_attention_bias.weight"][kinds, head]
            scores = np.exp(query[:, part] @ key[:, part].T / np.sqrt(SIZE // HEADS) + added)
            seen[:, part] = scores / scores.sum(1, keepdims=True) @ value[:, part]
        x = norm(x + dense(seen, start + spelling["mix"]), start + spelling["mix_norm"])
        wide = dense(ACTIVATIONS[activation](dense(x, start + spelling["widen"])), start + spelling["narrow"])
        states.append(norm(x + wide, start + spelling["narrow_norm"]))
    return states


@pytest.fixture
def by_hand() -> Callable[..., list[Array]]:
    """The forward pass of every family in NumPy: see `forward_by_hand`."""
    return forward_by_hand


@pytest.fixture
def random_weights() -> Callable[..., dict[str, torch.Tensor]]:
    """Random weights in a family's own spelling: see `weights_of`."""
    return weights_of


@pytest.fixture
def kind_of_distance() -> Callable[[int], int]:
    """Where a distance stands in T5's table: see `t5_kind`."""
    return t5_kind
