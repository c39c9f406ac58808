"""Law 2: a text gets the same output alone as in any batch; every stage has the stated shape; everything learns.

Runs over every network in `headstart.nets.NETS` and every stage that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from headstart.batches import Batch, Batches, Examples
from headstart.inference import network_logits, network_outputs
from headstart.nets import NETS, net_options
from headstart.text import RaggedIds

BuildNet = Callable[..., nn.Module]

LENGTHS = (7, 1, 12, 4, 4, 2, 9, 12)
# Options that change how a network computes. Taken by every network that has an option of that name.
VARIANTS: list[dict[str, Any]] = [
    {},
    {"cell": "lstm"},
    {"bidirectional": False},
    {"n_layers": 2},
    {"pooling": ("last",)},
    {"pooling": ("last", "max", "mean"), "dense": ()},
    {"batch_norm": False, "activation": "gelu"},
    {"embedding_dropout": 0.5, "word_dropout": 0.5},
]
CASES = [
    pytest.param((name, variant), id=",".join([name, *map(str, variant)]))
    for name in sorted(NETS)
    for variant in VARIANTS
    if set(variant) <= set(net_options(name))
]


@pytest.fixture(params=CASES)
def net(request: pytest.FixtureRequest, small_net: BuildNet) -> nn.Module:
    name, variant = request.param
    built = small_net(name, **variant)
    _move_statistics(built)
    return built.eval()


@pytest.fixture
def examples() -> Examples:
    rng = np.random.default_rng(5)
    return Examples(RaggedIds.from_lists([rng.integers(1, 40, length) for length in LENGTHS]))


def _move_statistics(net: nn.Module) -> None:
    """Give batch normalisation something other than 0 and 1 to normalise by."""
    rng = np.random.default_rng(1)
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            size = module.num_features
            module.running_mean = torch.from_numpy(rng.normal(0, 0.3, size).astype(np.float32))
            module.running_var = torch.from_numpy(rng.uniform(0.5, 2, size).astype(np.float32))


def padded(examples: Examples, rows: list[int], width: int) -> Batch:
    """The rows as one batch that is `width` tokens wide."""
    ids = np.zeros((len(rows), width), np.int32)
    for i, row in enumerate(rows):
        ids[i, : len(examples.ids[row])] = examples.ids[row]
    return Batch(ids, examples.ids.lengths[rows], rows=np.array(rows)).tensors()


def every_stage(net: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        return {**net.outputs(batch, net.stages), "the logits": net(batch)}


def test_a_row_is_the_same_alone_and_in_any_batch(net: nn.Module, examples: Examples) -> None:
    if net.sees_padding:
        pytest.skip("declares that it sees padding; held by the test of scoring below")
    alone = [every_stage(net, padded(examples, [row], LENGTHS[row])) for row in range(len(LENGTHS))]
    rows = np.random.default_rng(0).permutation(len(LENGTHS)).tolist()
    for width in (12, 31):
        together = every_stage(net, padded(examples, rows, width))
        for name, values in together.items():
            for place, row in enumerate(rows):
                expected = alone[row][name][0]
                found = values[place, : LENGTHS[row]] if values.dim() == 3 else values[place]
                torch.testing.assert_close(found, expected, rtol=0, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


def test_scoring_gives_a_row_the_same_logit_whatever_is_scored_beside_it(net: nn.Module, examples: Examples) -> None:
    alone = np.concatenate([network_logits(net, examples[row]) for row in range(len(examples))])
    backward = network_logits(net, examples[::-1])[::-1]
    for together in (network_logits(net, examples), backward, network_logits(net, examples, batch_size=3)):
        np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


def test_every_layer_is_the_same_alone_and_beside_others(net: nn.Module, examples: Examples) -> None:
    names = net.stages
    for pooling in ("mean", "max", "last"):
        together = network_outputs(net, examples, names, pooling=pooling)
        for row in (0, 2, 5):
            alone = network_outputs(net, examples[row], names, pooling=pooling)
            for name in names:
                np.testing.assert_allclose(together[name][row], alone[name][0], rtol=0, atol=1e-5, err_msg=name)


def test_it_sees_padding_only_if_it_says_so(net: nn.Module, examples: Examples) -> None:
    with torch.no_grad():
        moved = (net(padded(examples, [0], 7)) - net(padded(examples, [0], 20))).abs().max()
    assert (moved > 1e-4) == net.sees_padding


def test_evaluation_is_the_same_every_time(net: nn.Module, examples: Examples) -> None:
    batch = padded(examples, [0, 1, 2], 12)
    with torch.no_grad():
        assert torch.equal(net(batch), net(batch))


@pytest.mark.parametrize("lengths", [[7, 1, 12], [1], [0], [0, 3], [5, 5]], ids=str)
def test_every_stage_has_the_stated_shape(net: nn.Module, lengths: list[int]) -> None:
    examples = Examples(RaggedIds.from_lists([[2] * length for length in lengths]))
    batch = Batches(examples)[0].tensors()
    sizes = {"rows": len(lengths), "tokens": batch.ids.shape[1]}
    assert set(net.shapes) == set(net.stages)
    for name, values in net.outputs(batch, net.stages).items():
        assert tuple(values.shape) == tuple(sizes.get(size, size) for size in net.shapes[name]), name
    assert net(batch).shape == (len(lengths), 1)


def test_an_empty_text_has_finite_outputs(net: nn.Module) -> None:
    batch = Batches(Examples(RaggedIds.from_lists([[], [3, 4]])))[0].tensors()
    for name, values in every_stage(net, batch).items():
        assert torch.isfinite(values).all(), name


def test_gradient_reaches_every_trainable_parameter(net: nn.Module, make_examples: Callable[..., Examples]) -> None:
    # Several batches: a relu may sleep through one.
    reached: dict[str, bool] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net.train()
        for batch in Batches(make_examples(96), batch_size=16):
            net.zero_grad(set_to_none=True)
            rows = batch.tensors()
            nn.functional.binary_cross_entropy_with_logits(net(rows)[:, 0], rows.labels).backward()
            for name, parameter in net.named_parameters():
                assert parameter.grad is None or torch.isfinite(parameter.grad).all(), name
                reached[name] = reached.get(name, False) or bool(parameter.grad is not None and parameter.grad.any())
    assert [name for name, parameter in net.named_parameters() if parameter.requires_grad and not reached[name]] == []


def test_padding_learns_nothing_unless_it_is_seen(net: nn.Module, examples: Examples) -> None:
    if net.sees_padding:
        pytest.skip("declares that it sees padding")
    net(padded(examples, [0, 1], 12)).sum().backward()
    tables = [module.weight for module in net.modules() if getattr(module, "padding_idx", None) == 0]
    assert tables
    for table in tables:
        assert not table[0].any()
        assert table.grad is not None and not table.grad[0].any()


def test_as_many_logits_as_outputs_are_asked_for(net_name: str, small_net: BuildNet, examples: Examples) -> None:
    if "n_outputs" not in net_options(net_name):
        pytest.skip(f"{net_name} is for two classes")
    net = small_net(net_name, n_outputs=3)
    assert network_logits(net, examples).shape == (len(LENGTHS), 3)
