from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headstart.batches import Batches, Examples
from headstart.errors import ArtifactError, DataError, OptionError
from headstart.foreign.mxnet import ImportedNetwork, import_mxnet, parity_certificate
from headstart.inference import network_logits, network_outputs
from headstart.tasks import Binary, MultiClass

NETS = ("tiny", "tiny_lstm", "tiny_gru2", "tiny_conv")
LABELS = ("positive", "negative")


def load(files: Path, name: str, **options: Any) -> ImportedNetwork:
    return import_mxnet(files / name, **{"vocabulary": files / "tiny-vocab.json", "labels": LABELS, **options})


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("parameters", [None, "gluon"])
def test_every_network_is_imported_and_certified(mxnet_files: Path, name: str, parameters: str | None) -> None:
    chosen = mxnet_files / f"{name}.gluon.params" if parameters else None
    found = load(mxnet_files, name, parameters=chosen, expected=mxnet_files / f"{name}.expected.npz")
    assert found.parity["agrees"]
    assert 0 < found.parity["largest_difference"] < 1e-5
    assert found.parity["alone"] < 1e-5
    assert found.parity["n_texts"] == 32
    assert found.task == Binary(LABELS)
    assert found.graph.n_outputs == 1
    assert found.source["mxnet_version"] == 10901
    assert found.source["matched"].startswith("by layer" if parameters else "by name")
    assert found.source["unused"] == []
    assert [file["name"] for file in found.source["files"]] == [
        f"{name}-symbol.json",
        f"{name}{'.gluon' if parameters else '-0000'}.params",
    ]
    json.dumps([found.parity, found.source], allow_nan=False)


@pytest.mark.parametrize("name", NETS)
def test_without_expected_outputs_float32_is_held_against_float64(mxnet_files: Path, name: str) -> None:
    found = load(mxnet_files, name)
    assert "float64" in found.parity["compared_with"]
    assert found.parity["agrees"]
    assert found.parity["alone"] is None
    assert found.parity["n_outputs"] == len(found.graph.stages)
    assert next(found.graph.parameters()).dtype == torch.float32
    assert parity_certificate(found.graph, 2000) == found.parity


@pytest.mark.parametrize("name", NETS)
def test_texts_are_scored_as_the_tutorial_scored_them(mxnet_files: Path, name: str) -> None:
    """Words -> our ids -> the graph's own indices -> the score that MXNet gave the same text alone."""
    found = load(mxnet_files, name)
    with np.load(mxnet_files / f"{name}.expected.npz") as arrays:
        words, lengths, wanted = found.vocabulary.words, arrays["lengths"], arrays["output_alone"]
        rows = arrays["data0"] if "data0" in arrays.files else arrays["data"]
    texts = [
        " ".join(words[i] if words[i] != "<unk>" else "zyzzyva" for i in row[:n])
        for row, n in zip(rows, lengths, strict=True)
    ]
    examples = Examples(found.steps().transform(texts))
    assert np.array_equal(examples.ids.lengths, lengths)
    logits = network_logits(found.graph, examples)
    if name == "tiny_gru2":
        np.testing.assert_allclose(1 / (1 + np.exp(-logits[:, 0])), wanted[:, 1], rtol=0, atol=1e-5)
    else:
        np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_texts_of_every_length_are_scored(mxnet_files: Path, name: str) -> None:
    found = load(mxnet_files, name)
    texts = ["", "good", "The film, it was ... GOOD!", "x" * 50, "bad " * 300]
    examples = Examples(found.steps().transform(texts))
    together = network_logits(found.graph, examples)
    for row, text in enumerate(texts):
        alone = network_logits(found.graph, Examples(found.steps().transform([text])))
        np.testing.assert_allclose(together[row], alone[0], rtol=0, atol=1e-6)
    for stage, value in network_outputs(found.graph, examples, found.graph.stages[-3:]).items():
        assert value.shape[0] == len(texts), stage


def test_prefix_epoch_and_parameters(mxnet_files: Path, tmp_path: Path) -> None:
    shutil.copy(mxnet_files / "tiny-symbol.json", tmp_path / "net-symbol.json")
    for epoch in ("0000", "0009", "0010"):
        shutil.copy(mxnet_files / "tiny-0000.params", tmp_path / f"net-{epoch}.params")
    options = {"vocabulary": mxnet_files / "tiny-vocab.json", "labels": LABELS}

    def used(prefix: str, **more: Any) -> str:
        name: str = import_mxnet(tmp_path / prefix, **options, **more).source["files"][1]["name"]
        return name

    assert used("net") == "net-0010.params"
    assert used("net-symbol.json") == "net-0010.params"
    assert used("net", epoch=9) == "net-0009.params"
    with pytest.raises(ArtifactError, match=r"net-0003\.params"):
        used("net", epoch=3)
    with pytest.raises(ArtifactError, match=r"nothing-symbol\.json|nothing-NNNN\.params"):
        used("nothing")


def test_an_inner_output_as_the_result(mxnet_files: Path) -> None:
    found = load(mxnet_files, "tiny_gru2", output="Gru2Net_output_fwd_output")
    assert found.graph.result == "logits"
    with pytest.raises(OptionError, match=r"there is no output 'dense'.*CustomSeqNet_dense0_fwd_output"):
        load(mxnet_files, "tiny", output="dense")
    with pytest.raises(ArtifactError, match=r"has 10 outputs .*and 2 labels came"):
        load(mxnet_files, "tiny", output="CustomSeqNet_dense0_fwd_output")
    classes = tuple("abcdefghij")
    several = load(mxnet_files, "tiny", output="CustomSeqNet_dense0_fwd_output", labels=classes)
    assert several.task == MultiClass(classes) and several.graph.n_outputs == 10
    with pytest.raises(ArtifactError, match=r"expected \('rows', number of outputs\)"):
        load(mxnet_files, "tiny", output="CustomSeqNet_token_embed_fwd_output")


def test_an_operator_that_is_not_covered_behind_the_chosen_output_does_no_harm(
    mxnet_files: Path, tmp_path: Path
) -> None:
    graph = json.loads((mxnet_files / "tiny-symbol.json").read_text())
    graph["nodes"].append({"op": "Mystery", "name": "behind", "inputs": [[49, 0, 0]]})
    graph["heads"] = [[50, 0, 0]]
    (tmp_path / "net-symbol.json").write_text(json.dumps(graph))
    shutil.copy(mxnet_files / "tiny-0000.params", tmp_path / "net-0000.params")
    options = {"vocabulary": mxnet_files / "tiny-vocab.json", "labels": LABELS}
    with pytest.raises(ArtifactError, match="'Mystery' at node 50 of 51, called 'behind'"):
        import_mxnet(tmp_path / "net", **options)
    assert import_mxnet(tmp_path / "net", output="CustomSeqNet_output_fwd_output", **options).graph.n_outputs == 1


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "one label": ({"labels": ["good"]}, OptionError, "expected two different labels or more"),
    "a label twice": ({"labels": ["good", "good"]}, OptionError, "expected two different labels or more"),
    "labels in one text": ({"labels": "ab"}, OptionError, "expected two different labels or more"),
    "no tokens": ({"max_tokens": 0}, OptionError, "max_tokens is 0"),
    "another vocabulary": ({"vocabulary": ["a", "<unk>"]}, ArtifactError, "2 words but the network's embedding 2,000"),
    "no unknown word": ({"unknown": "NONE"}, DataError, "holds no 'NONE'"),
    "inputs that are not there": ({"inputs": {"data": "ids"}}, ArtifactError, "data0, data1 of the graph are not in"),
    "inputs the wrong way round": ({"inputs": {"data1": "ids", "data0": "lengths"}}, ArtifactError, "cannot run|expected"),
    "tokens before rows": ({"inputs": {"data0": "ids_time_major", "data1": "lengths"}}, ArtifactError, "first state has the shape"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_options_that_do_not_fit_are_refused(mxnet_files: Path, fault: str) -> None:
    options, kind, message = REFUSED[fault]
    with pytest.raises(kind, match=message):
        load(mxnet_files, "tiny", **options)


def test_a_list_of_arrays_has_no_names_to_go_by(mxnet_files: Path) -> None:
    with pytest.raises(ArtifactError, match="5 arrays without names"):
        load(mxnet_files, "tiny", parameters=mxnet_files / "nd_list.params")


def test_a_certificate_that_does_not_agree_says_so(mxnet_files: Path) -> None:
    found = load(mxnet_files, "tiny")
    with torch.no_grad():
        found.graph.tensor("CustomSeqNet_output_bias").add_(0.5)
    certificate = parity_certificate(found.graph, 2000, expected=mxnet_files / "tiny.expected.npz")
    assert not certificate["agrees"]
    assert certificate["largest_difference"] == pytest.approx(0.5, abs=1e-3)
    assert certificate["at"] == "CustomSeqNet_output_fwd_output"
    with torch.no_grad():
        found.graph.tensor("CustomSeqNet_output_bias").fill_(torch.nan)
    certificate = parity_certificate(found.graph, 2000, expected=mxnet_files / "tiny.expected.npz")
    assert not certificate["agrees"]
    assert certificate["largest_difference"] is None


@pytest.mark.parametrize("file", ["tiny-symbol.json", "nowhere.npz", "nd_dict.expected.npz"])
def test_expected_outputs_that_cannot_be_used_are_refused(mxnet_files: Path, file: str) -> None:
    with pytest.raises(DataError, match=r"the file of expected outputs .*(cannot be read|must hold the inputs)"):
        load(mxnet_files, "tiny", expected=mxnet_files / file)


def test_an_imported_network_trains(mxnet_files: Path) -> None:
    found = load(mxnet_files, "tiny_gru2")
    with np.load(mxnet_files / "tiny_gru2.expected.npz") as arrays:
        words, rows, lengths, label = found.vocabulary.words, arrays["data0"], arrays["lengths"], arrays["label"]
    texts = [" ".join(words[i] for i in row[:n]) for row, n in zip(rows, lengths, strict=True)]
    examples = Examples(found.steps().transform(texts), labels=label.astype(np.float32))
    graph = found.graph.train()
    optimizer = torch.optim.Adam(graph.parameters(), lr=1e-2)
    torch.manual_seed(0)
    history = []
    for epoch in range(6):
        for batch in Batches(examples, batch_size=16, order="shuffled").epoch(epoch):
            tensors = batch.tensors()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(graph(tensors)[:, 0], tensors.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history.append(loss.item())
    assert np.mean(history[-4:]) < 0.7 * np.mean(history[:4])


@pytest.mark.parametrize(("corpus", "auc"), [("hotel_opspam", 0.9596), ("hotel_tripadvisor_aspects", 0.8501)])
def test_the_tutorials_own_network_scores_hotels_as_it_did(saved: Any, corpus: str, auc: float) -> None:
    if not os.environ.get("HEADSTART_DATA"):
        pytest.skip("HEADSTART_DATA is not set: it names the folder with the review files")
    import pyarrow.parquet as pq
    from sklearn.metrics import roc_auc_score

    prefix = saved("imdb_v1").prefix
    found = import_mxnet(prefix, vocabulary=prefix.with_name("vocab.json"), labels=LABELS)
    table = pq.read_table(Path(os.environ["HEADSTART_DATA"]) / f"{corpus}.parquet")
    logits = network_logits(found.graph, Examples(found.steps().transform(table["text"])))
    # There label 1 is positive; a high score of this network means negative.
    assert roc_auc_score(table["label"].to_numpy(), -logits[:, 0]) == pytest.approx(auc, abs=1e-3)
