"""Encoders of transformers and sentence-transformers, held against a forward pass written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import headstart as hs
from headstart.corpus import as_corpus
from headstart.engines.options import distance_kinds
from headstart.errors import ArtifactError, MissingDependencyError, OptionError
from headstart.features import layer_outputs, layer_table
from headstart.foreign.hf import import_hf

Folder = Callable[..., Path]

SIZE, LAYERS, PLACES = 12, 3, 24
FAMILIES = ("bert", "distilbert", "roberta", "xlm-roberta", "camembert", "mpnet")
TEXTS = ["a great film.", "The hotel rooms was zzz lovely!", "", "awful", "very " * 40, "[SEP] a [PAD] story"]
CLS, SEP = 2, 3


def framed(ids: list[int], limit: int = PLACES) -> list[int]:
    return [CLS, *ids[: limit - 2], SEP]


def vectors(model: Any, texts: list[str], layers: tuple[str, ...] = ("pooled",)) -> dict[str, NDArray[np.float32]]:
    parts = list(layer_outputs(model, as_corpus(texts), layers, cache="off"))
    return {layer: np.concatenate([part[layer] for part in parts]) for layer in layers}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_is_what_the_architecture_says(make_folder: Folder, pieces: Any, by_hand: Any, family: str) -> None:
    folder = make_folder(family)
    found = import_hf(folder)
    names = ("embeddings", *(f"layer{i}" for i in range(LAYERS)))
    assert found.net.stages == (*names, "pooled")
    together = vectors(hs.import_hf(folder), TEXTS, (*names, "pooled"))
    epsilon = 1e-12 if family == "distilbert" else 1e-5
    for row, text in enumerate(TEXTS[:-1]):
        states = by_hand(folder, family, framed(pieces(text)), epsilon=epsilon)
        for name, expected in zip(names, states, strict=True):
            np.testing.assert_allclose(together[name][row], expected.mean(0), atol=1e-5, err_msg=f"{name}, {text!r}")
        np.testing.assert_allclose(together["pooled"][row], states[-1].mean(0), atol=1e-5)


def test_kinds_of_distances_grow_by_the_logarithm(kind_of_distance: Any) -> None:
    kinds, n = distance_kinds(200, 32), 200
    assert kinds.tolist() == [kind_of_distance(ahead) for ahead in range(1 - n, n)]


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"])
def test_activations(make_folder: Folder, pieces: Any, by_hand: Any, activation: str) -> None:
    folder = make_folder(config={"hidden_act": activation})
    expected = by_hand(folder, "bert", framed(pieces(TEXTS[0])), activation=activation)[-1].mean(0)
    np.testing.assert_allclose(vectors(hs.import_hf(folder), TEXTS[:1])["pooled"][0], expected, atol=1e-5)


def test_special_pieces_in_a_text_are_read_as_such(make_folder: Folder) -> None:
    step = import_hf(make_folder()).tokenizer
    assert (step.transform(TEXTS[-1:])[0] - 2).tolist() == [CLS, SEP, 4, 0, 16, SEP]
    assert step.transform(["zzz a"])[0].tolist() == [
        CLS + 2,
        1,
        4 + 2,
        SEP + 2,
    ]  # 1: the unknown piece, here as anywhere


@pytest.mark.parametrize(
    ("pooling", "normalize", "expected"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, False, ["mean"]),
        ({"pooling_mode_mean_tokens": True}, True, ["mean"]),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, True, ["cls"]),
        ({"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}, False, ["cls", "max"]),
        ({"pooling_mode": "lasttoken"}, False, ["last"]),
        ({"pooling_mode": ["mean", "cls"]}, True, ["mean", "cls"]),
        ({}, False, ["mean"]),
    ],
    ids=str,
)
def test_sentence_transformers_pooling_is_honoured(
    make_folder: Folder,
    sentence_files: Any,
    pieces: Any,
    by_hand: Any,
    pooling: Any,
    normalize: bool,
    expected: list[str],
) -> None:
    folder = make_folder(files=sentence_files(pooling, normalize=normalize))
    ways = {"mean": lambda s: s.mean(0), "cls": lambda s: s[0], "max": lambda s: s.max(0), "last": lambda s: s[-1]}
    found = vectors(hs.import_hf(folder), TEXTS[:2])["pooled"]
    for row, text in enumerate(TEXTS[:2]):
        states = by_hand(folder, "bert", framed(pieces(text)))[-1]
        vector = np.concatenate([ways[kind](states) for kind in expected])
        np.testing.assert_allclose(found[row], vector / (np.linalg.norm(vector) if normalize else 1), atol=1e-5)


def test_an_encoder_in_a_folder_of_its_own(make_folder: Folder, sentence_files: Any) -> None:
    expected = vectors(hs.import_hf(make_folder(name="flat")), TEXTS)["pooled"]
    folder = make_folder(files=sentence_files({}))
    inner = folder / "0_Transformer"
    inner.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "sentence_bert_config.json"):
        (folder / name).rename(inner / name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    np.testing.assert_array_equal(vectors(hs.import_hf(folder), TEXTS)["pooled"], expected)


@pytest.mark.parametrize("pooling", ["cls", ("mean", "max")], ids=str)
def test_the_pooling_may_be_chosen(make_folder: Folder, pooling: Any) -> None:
    base = hs.import_hf(make_folder(), pooling=pooling)
    kinds = (pooling,) if isinstance(pooling, str) else pooling
    assert layer_table(base)[-1]["shape"] == ["rows", SIZE * len(kinds)]


@pytest.mark.parametrize(
    ("files", "option", "expected"),
    [
        ({}, None, PLACES),
        ({"tokenizer_config.json": {"model_max_length": 7}}, None, 7),
        ({"tokenizer_config.json": {"model_max_length": 10**30}}, None, PLACES),
        ({"tokenizer_config.json": {"model_max_length": 7}, "limit": 9}, None, 9),
        ({"limit": 9}, 5, 5),
        ({"limit": 1000}, None, PLACES),
        ({"limit": 1}, None, 3),
    ],
    ids=str,
)
def test_texts_are_cut_to_the_models_limit(
    make_folder: Folder, sentence_files: Any, pieces: Any, by_hand: Any, files: Any, option: Any, expected: int
) -> None:
    limit = files.pop("limit", None)
    folder = make_folder(files={**files, **(sentence_files({}, max_seq_length=limit) if limit else {})})
    base = hs.import_hf(folder, max_tokens=option)
    assert base.predictor_.max_tokens == expected
    states = by_hand(folder, "bert", framed(pieces(TEXTS[4]), expected))[-1]
    np.testing.assert_allclose(vectors(base, TEXTS[4:5])["pooled"][0], states.mean(0), atol=1e-5)


@pytest.mark.parametrize("max_tokens", [0, 2, PLACES + 1, True, "9"], ids=str)
def test_limits_that_cannot_be(make_folder: Folder, max_tokens: Any) -> None:
    with pytest.raises(OptionError, match="max_tokens is"):
        import_hf(make_folder(), max_tokens=max_tokens)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_weights_of_any_precision_become_float32(make_folder: Folder, random_weights: Any, dtype: torch.dtype) -> None:
    full = random_weights("bert")
    folder = make_folder(weights={name: value.to(dtype) for name, value in full.items()})
    expected = make_folder(name="rounded", weights={name: value.to(dtype).float() for name, value in full.items()})
    np.testing.assert_array_equal(
        vectors(hs.import_hf(folder), TEXTS)["pooled"], vectors(hs.import_hf(expected), TEXTS)["pooled"]
    )


def test_old_names_and_a_prefix_and_a_head_are_understood(make_folder: Folder, random_weights: Any) -> None:
    old = {
        "bert." + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in random_weights("bert").items()
    }
    extra = {"bert.embeddings.position_ids": torch.arange(5), "bert.pooler.dense.bias": torch.ones(2)}
    folder = make_folder(weights={**old, **extra, "cls.predictions.bias": torch.ones(3)})
    expected = vectors(hs.import_hf(make_folder(name="plain")), TEXTS)["pooled"]
    np.testing.assert_array_equal(vectors(hs.import_hf(folder), TEXTS)["pooled"], expected)


def test_lower_casing_before_all_else(make_folder: Folder, sentence_files: Any) -> None:
    from copy import deepcopy

    cased = import_hf(make_folder(name="cased")).tokenizer
    definition = json.loads(deepcopy(cased.rules))
    definition["normalizer"]["lowercase"] = False
    folder = make_folder(tokenizer=definition, files=sentence_files({}, do_lower_case=True))
    assert import_hf(folder).tokenizer.transform(["A GREAT film"]) == cased.transform(["a great film"])


def test_a_text_is_the_same_alone_and_in_any_batch(make_folder: Folder) -> None:
    base = hs.import_hf(make_folder())
    together = vectors(base, TEXTS * 3, ("layer1", "pooled"))
    for row, text in enumerate(TEXTS):
        alone = vectors(base, [text], ("layer1", "pooled"))
        for layer in alone:
            np.testing.assert_allclose(together[layer][row], alone[layer][0], atol=1e-5)


def test_rows_without_any_token_have_finite_outputs(make_folder: Folder) -> None:
    from headstart.batches import Batch

    net = import_hf(make_folder()).net
    batch = Batch(torch.zeros(2, 3, dtype=torch.int32), torch.tensor([0, 2])).tensors()
    with torch.no_grad():
        outputs = net.outputs(batch, net.stages)
    assert all(torch.isfinite(value).all() for value in outputs.values())
    assert (outputs["pooled"][0] == 0).all()


def test_it_is_saved_and_loaded_to_the_last_bit(make_folder: Folder, tmp_path: Path) -> None:
    base = hs.import_hf(make_folder())
    base.save(tmp_path / "base")
    loaded = hs.load(tmp_path / "base")
    names = loaded.predictor_.net.stages
    for layer, values in vectors(base, TEXTS, names).items():
        np.testing.assert_array_equal(vectors(loaded, TEXTS, names)[layer], values)
    assert loaded.predictor_.info["imported"]["architecture"] == "bert"
    assert loaded.save(tmp_path / "again") == base.save(tmp_path / "once more")


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "another architecture": ({"config": {"model_type": "gpt2"}}, "of the architecture gpt2; expected an encoder of one of bert"),
    "model2vec": ({"config": {"model_type": "model2vec"}}, "Import it with: headstart import model2vec"),
    "a decoder": ({"config": {"is_decoder": True}}, "is_decoder = True, a variant of bert that is not covered"),
    "relative places": ({"config": {"position_embedding_type": "relative_key"}}, "a variant of bert"),
    "an activation": ({"config": {"hidden_act": "swiglu"}}, "asks for the activation swiglu; expected one of gelu"),
    "a size as text": ({"config": {"hidden_size": "12"}}, "hidden_size = '12', where every such model has a whole number"),
    "another size": ({"config": {"intermediate_size": 21}}, r"has the shape \[20, 12\], and config.json speaks of \[21, 12\]"),
    "more layers": ({"config": {"num_hidden_layers": 4}}, "holds no tensor 'encoder.layer.3"),
    "fewer layers": ({"config": {"num_hidden_layers": 2}}, "which the architecture in config.json does not have"),
    "no layers": ({"config": {"num_hidden_layers": 0}}, "which the architecture in config.json does not have"),
    "heads": ({"config": {"num_attention_heads": 5}}, "cannot be shared among 5 heads"),
    "places": ({"config": {"max_position_embeddings": 25}}, r"has the shape \[24, 12\], and config.json speaks of \[25"),
    "no places": ({"config": {"max_position_embeddings": None}}, "max_position_embeddings = None"),
    "no config": ({"files": {"config.json": None}}, "holds no config.json; expected a model as save_pretrained writes it"),
    "config of a list": ({"files": {"config.json": []}}, "holds a list, not an object"),
    "broken config": ({"files": {"config.json": b"{"}}, "config.json in .* is not JSON"),
    "deep config": ({"files": {"config.json": b"[" * 100_000}}, "config.json in .* is not JSON"),
    "no tokenizer": ({"files": {"tokenizer.json": None}}, "holds no tokenizer.json, without which texts cannot be cut"),
    "no tokenizer in it": ({"files": {"tokenizer.json": {"a": 1}}}, "describes no tokenizer: it has no 'model'"),
    "odd tokenizer": ({"files": {"tokenizer.json": {"model": {"type": "Magic"}}}}, "'Magic', which is not known here"),
    "no weights": ({"files": {"model.safetensors": None}}, "holds no model.safetensors; expected one"),
    "pickled weights": (
        {"files": {"model.safetensors": None, "pytorch_model.bin": b"x"}},
        "its weights in pytorch_model.bin, a format that can run code .* Save it as safetensors",
    ),
    "shards": (
        {"files": {"model.safetensors": None, "model.safetensors.index.json": {}}},
        "its weights in several files; expected one",
    ),
    "cut weights": ({"files": {"model.safetensors": b"\x10\0\0\0\0\0\0\0{}"}}, "is damaged or cut short"),
    "modules": (
        {"files": {"modules.json": [{"type": "a.Transformer", "path": ""}, {"type": "a.Dense", "path": "1_Dense"}]}},
        "modules.json puts Transformer, Dense one behind another",
    ),
    "static modules": ({"files": {"modules.json": [{"type": "a.StaticEmbedding"}]}}, "headstart import model2vec DIR"),
    "modules elsewhere": (
        {"files": {"modules.json": [{"type": "Transformer", "path": "../x"}, {"type": "Pooling", "path": ""}]}},
        "outside of the model's own",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_is_said(make_folder: Folder, case: str) -> None:
    parts, message = BROKEN[case]
    with pytest.raises(ArtifactError, match=message):
        import_hf(make_folder(**parts))


@pytest.mark.parametrize(
    ("pooling", "message"),
    [
        ({"pooling_mode_weightedmean_tokens": True}, "pools by pooling_mode_weightedmean_tokens; expected one of mean"),
        ({"pooling_mode": "attention"}, "pools by attention"),
        ({"pooling_mode": ["mean", "mean_sqrt_len_tokens"]}, "pools by mean_sqrt_len_tokens"),
    ],
)
def test_a_pooling_that_is_not_covered(make_folder: Folder, sentence_files: Any, pooling: Any, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        import_hf(make_folder(files=sentence_files(pooling)))


def test_a_prompt_that_would_be_left_out(make_folder: Folder, sentence_files: Any) -> None:
    prompts = {"config_sentence_transformers.json": {"default_prompt_name": "query"}}
    with pytest.raises(ArtifactError, match="puts the prompt 'query' before every text by default"):
        import_hf(make_folder(files={**sentence_files({}), **prompts}))


def test_weights_that_are_no_numbers(make_folder: Folder, random_weights: Any) -> None:
    weights = random_weights("bert")
    weights["embeddings.LayerNorm.bias"][3] = torch.nan
    with pytest.raises(ArtifactError, match="embeddings.LayerNorm.bias .* no finite numbers"):
        import_hf(make_folder(weights=weights))


def test_a_tokenizer_that_knows_more_pieces_than_the_model(make_folder: Folder) -> None:
    definition = json.loads(import_hf(make_folder(name="sound")).tokenizer.rules)
    definition["model"]["vocab"]["extra"] = 200
    with pytest.raises(ArtifactError, match="knows 201 pieces, and the model has vectors for 40"):
        import_hf(make_folder(tokenizer=definition))


@pytest.mark.parametrize("pooling", ["median", (), ""], ids=str)
def test_an_unknown_pooling_is_named(make_folder: Folder, pooling: Any) -> None:
    with pytest.raises(OptionError, match="there is no pooling"):
        import_hf(make_folder(), pooling=pooling)


def test_no_such_folder_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="does not exist; expected the folder .* Nothing is fetched from a hub"):
        import_hf("sentence-transformers/all-MiniLM-L6-v2")
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="is a file; expected the folder"):
        import_hf(tmp_path / "file")


def test_without_the_library_the_answer_installs_it(make_folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    from headstart.text import rules

    folder = make_folder()
    for cached in (rules.opened_rules, rules.vocabulary_of):
        cached.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(MissingDependencyError, match="pip install tokenizers .*'hf'"):
        import_hf(folder)


def changed(folder: Path, **parts: Any) -> Any:
    """The stored model with some of its parts replaced."""
    from dataclasses import replace

    from headstart.artifact import read

    stored = read(folder)
    model = json.loads(json.dumps(dict(stored.model)))
    options = model["scorer"]["net"]["options"]
    options |= parts.pop("options", {})
    model["scorer"]["net"] |= parts.pop("net", {})
    model |= parts.pop("model", {})
    return replace(stored, model=model, **parts)


HOSTILE: dict[str, tuple[Mapping[str, Any], str]] = {
    "a million layers": ({"options": {"n_layers": 10**6}}, r"options.n_layers: expected `int` <= 256"),
    "heads": ({"options": {"n_heads": 7}}, "cannot be shared among 7 heads"),
    "an option": ({"options": {"colour": 1}}, "unknown field `colour`"),
    "pieces": ({"options": {"before": [99]}}, "names piece 99, and its table has 40"),
    "fewer words": ({"net": {"n_words": 20}}, "expects embeddings.word of shape|tokenizer gives ids"),
    "more words": ({"net": {"n_words": 10**9}}, "expects embeddings.word of shape"),
    "no tokenizer": ({"blobs": {}}, "its rules"),
    "odd tokenizer": ({"blobs": {"tokenizer.json": b'{"model": {"type": "Magic"}}'}}, "'Magic', which is not known here"),
    "labels": ({"model": {"labels": ["only one"]}}, "expected different names"),
    "no labels": ({"model": {"kind": "network", "labels": []}}, "expected different names"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_stored_encoder_is_checked_before_it_is_used(make_folder: Folder, tmp_path: Path, case: str) -> None:
    from headstart.predictor import Predictor

    parts, message = HOSTILE[case]
    hs.import_hf(make_folder()).save(tmp_path / "base")
    with pytest.raises(ArtifactError, match=message):
        Predictor.from_parts(changed(tmp_path / "base", **parts))
