"""What holds on the processor holds on a GPU; skipped where there is none."""

import numpy as np
import pytest
import torch

import headstart as hs
from headstart.batches import Examples
from headstart.inference import network_logits
from headstart.nets import NETS, build
from headstart.text import RaggedIds
from headstart.train import Phase, Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

N_WORDS = 60


def rows(n=48):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 40, n)
    ids = RaggedIds.from_lists([rng.integers(1, N_WORDS, length) for length in lengths])
    return Examples(ids, np.array([float(np.mean(ids[row]) > N_WORDS / 2) for row in range(n)], np.float32))


@pytest.mark.parametrize("name", NETS)
def test_a_network_gives_the_same_logits_on_both_devices(name):
    torch.manual_seed(0)
    net, examples = build(name, N_WORDS), rows()
    here = network_logits(net.eval(), examples, device="cpu")
    there = network_logits(net.to("cuda"), examples, device="cuda")
    np.testing.assert_allclose(there, here, atol=1e-5)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_training_lowers_the_loss_and_leaves_frozen_parts_alone(name, mixed):
    torch.manual_seed(0)
    net, examples = build(name, N_WORDS), rows()
    frozen = "tokens" if "tokens" in net.stages else net.stages[0]
    before = {key: value.clone() for key, value in net.state_dict().items() if key.startswith(frozen)}
    trainer = Trainer(
        net, phases=[Phase(6, freeze=frozen)], device="cuda", mixed_precision=mixed, learning_rate=1e-2, batch_size=16
    )
    history = trainer.fit(examples, examples)
    assert history[-1]["valid_loss"] < history[0]["valid_loss"]
    assert all(torch.equal(value, net.state_dict()[key].cpu()) for key, value in before.items())


def test_a_run_on_a_gpu_goes_on_from_its_checkpoint(tmp_path):
    def trained(checkpoint, stop_after=None):
        torch.manual_seed(0)
        net, seen = build("gru", N_WORDS), []

        def stop(event, trainer, row):
            if event == "step_end":
                seen.append(row)
                trainer.stop = len(seen) == stop_after

        Trainer(
            net, phases=3, device="cuda", batch_size=8, checkpoint=checkpoint, checkpoint_seconds=0, events=[stop]
        ).fit(rows(), rows())
        return net.state_dict()

    whole = trained(tmp_path / "whole")
    trained(tmp_path / "cut", stop_after=9)
    again = trained(tmp_path / "cut")
    for name, value in whole.items():
        torch.testing.assert_close(again[name], value, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("way", ["scratch", "fine-tune", "features", "as-is"])
def test_strategies_run_on_a_gpu_and_predict_without_one(way, tmp_path):
    words = ["good", "fine", "room", "bad", "poor", "bed"]
    rng = np.random.default_rng(0)
    labels = np.array(["pos", "neg"] * 40)
    texts = [
        " ".join(rng.choice(words[:3] if label == "pos" else words[3:], 4)) + " " + " ".join(rng.choice(words, 4))
        for label in labels
    ]
    base = hs.TextClassifier(net="fast", epochs=2, device="cuda", random_state=0).fit(texts, labels)
    model = base if way == "scratch" else hs.TextClassifier(
        base=base, strategy=way, device="cuda", random_state=0
    ).fit(texts, labels)  # fmt: skip
    model.save(tmp_path / "model")
    there, here = model.predict_proba(texts), hs.load(tmp_path / "model").predict_proba(texts)
    np.testing.assert_allclose(there, here, atol=1e-4)
