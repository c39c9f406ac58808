"""What other libraries saved: encoders, and MXNet's graphs and parameters."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from fuzzing.kind import TESTS, TEXTS, Files, Found, Kind, Rng, finite
from fuzzing.models import tokenizers_in_this_process
from fuzzing.mutations import mutate_bytes, mutate_document, mutate_graph, mutate_safetensors

__all__ = ["Encoders", "Folders", "MXNet"]


def hf_makers() -> Any:
    """The makers of small folders that the tests use."""
    spec = importlib.util.spec_from_file_location("hf_folders", TESTS / "foreign" / "hf" / "conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_encoders(folder: Path) -> None:
    """A BERT with what sentence-transformers adds, a RoBERTa, and static vectors with the rules that model2vec writes."""
    from safetensors.numpy import save_file as save
    from safetensors.torch import save_file

    makers = hf_makers()
    sentence = {
        "modules.json": [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))],
        "1_Pooling/config.json": {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": 16, "do_lower_case": True},
        "tokenizer_config.json": {"model_max_length": 20},
    }  # fmt: skip
    for name, more in (("bert", sentence), ("roberta", {})):
        (folder / name).mkdir(parents=True)
        save_file(makers.weights_of(name), folder / name / "model.safetensors")
        makers.write_files(
            folder / name, {"config.json": makers.config_of(name), "tokenizer.json": makers.word_pieces(), **more}
        )
    rules = makers.word_pieces(framed=False)
    steps = [{"type": "Replace", "pattern": {"String": sign}, "content": f" {sign} "} for sign in "!,."]
    steps += [{"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Prepend", "prepend": " "}]
    rules["normalizer"] = {"type": "Sequence", "normalizers": [rules["normalizer"], *steps]}
    rng = np.random.default_rng(0)
    (folder / "static").mkdir()
    drawn = {"embeddings": rng.normal(0, 1, (9, 6)).astype("f4"), "weights": np.ones(len(makers.WORDS), "f4"), "mapping": rng.integers(0, 9, len(makers.WORDS))}  # fmt: skip
    save(drawn, folder / "static" / "model.safetensors")
    makers.write_files(
        folder / "static", {"config.json": {"model_type": "model2vec", "normalize": True}, "tokenizer.json": rules}
    )


class Encoders(Kind):
    """Folders of transformers, sentence-transformers and model2vec."""

    name = "encoders"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        tokenizers_in_this_process()

    @classmethod
    def prepare(cls, folder: Path) -> None:
        write_encoders(folder)

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        name = rng.choice(["tokenizer.json", *sorted(files)])
        if rng.random() < 0.2:
            return super().damage(files, rng)
        try:
            if name.endswith(".json"):
                return f"document {name}", {**files, name: mutate_document(files[name], rng)}
            return "tensors", {**files, name: mutate_safetensors(files[name], rng)}
        except (ValueError, TypeError, OverflowError, RecursionError, UnicodeError):
            return "unwritable", files

    def use(self, name: str, folder: Path) -> str:
        import headstart as hs
        from headstart.features import layer_outputs

        model = (hs.import_model2vec if name == "static" else hs.import_hf)(folder)
        corpus = hs.read({"text": TEXTS})
        for outputs in layer_outputs(model, corpus, ("pooled",), cache="off"):
            finite(outputs["pooled"])
        return "used"


class Folders(Encoders):
    """The same folders; tokenizers are tried in a process of their own, as users have it."""

    name = "folders"
    n_cases = 1000

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        tokenizers_in_this_process(yes=False)


class MXNet(Kind):
    """Graphs and parameters that MXNet exported."""

    name = "mxnet"
    nets = ("tiny", "tiny_lstm", "tiny_gru2", "tiny_conv", "zoo_textcnn", "zoo_attention", "zoo_stacked")
    arrays = ("nd_dict", "nd_list", "nd_npshape", "nd_sparse", "nd_v1", "nd_v0", "nd_single", "nd_empty")

    @classmethod
    def prepare(cls, folder: Path) -> None:
        data = TESTS / "data" / "mxnet"
        for name in (*cls.nets, *cls.arrays):
            (folder / name).mkdir(parents=True)
            ends = ("-0000.params", "-symbol.json", ".gluon.params") if name in cls.nets else (".params",)
            for end in ends:
                shutil.copy(data / f"{name}{end}", folder / name / f"net{end}")

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        from headstart.nets.mxnet.operators import OPERATORS

        name = rng.choice(sorted(files))
        if name.endswith(".json") and rng.random() < 0.7:
            with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError, IndexError):
                return "graph", {**files, name: mutate_graph(files[name], rng, sorted(OPERATORS))}
        return f"bytes {name}", {**files, name: mutate_bytes(files[name], rng, list(files.values()))}

    def use(self, name: str, folder: Path) -> str:
        import torch

        from headstart.batches import Batch
        from headstart.foreign.mxnet import MXNetGraph, read_params, read_symbol
        from headstart.foreign.mxnet.params import _SPARSE_ALLOWANCE

        n_bytes = 0
        for path in sorted(folder.glob("*.params")):
            found = read_params(path)
            n_bytes += sum(array.nbytes for array in (found.values() if isinstance(found, dict) else found))
        if n_bytes > _SPARSE_ALLOWANCE + 16 * sum(path.stat().st_size for path in folder.iterdir()):
            raise Found("more numbers than the file holds", f"{n_bytes:,} bytes")
        if not (folder / "net-symbol.json").exists():
            return "read"
        arrays = read_params(folder / "net-0000.params")
        if not isinstance(arrays, dict):
            return "read"
        tensors = {key.split(":")[-1]: torch.from_numpy(array).clone() for key, array in arrays.items()}
        graph = MXNetGraph(read_symbol(folder / "net-symbol.json"), tensors)
        batch = Batch(ids=torch.tensor([[5, 2, 9, 0], [7, 1, 3, 4]]), lengths=torch.tensor([3, 4]))
        with torch.no_grad():
            logits = graph.eval()(batch)
        if logits.shape != (2, graph.n_outputs) or logits.dtype != torch.float32:
            raise Found("another shape", f"{logits.dtype} {tuple(logits.shape)}")
        return "used"
