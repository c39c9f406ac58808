"""The recurrent layer: compiled and plain, against torch's own packed sequences in float64."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from numba.core import config
from torch import Tensor, nn

from headstart.errors import DataError, OptionError
from headstart.layers import IndexedVectors, Recurrent
from headstart.layers.one_way import reverse_rows

TORCH_CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}
LENGTHS = torch.tensor([9, 0, 1, 4, 9, 3, 7])


def a_layer(**options: Any) -> Recurrent:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Recurrent(6, 5, **options)


def vectors(rows: int = 7, tokens: int = 9, size: int = 6) -> Tensor:
    return torch.randn(rows, tokens, size, generator=torch.Generator().manual_seed(1))


def packed(layer: Recurrent, inputs: Tensor, lengths: Tensor) -> Tensor:
    """What torch's layer with the same weights gives in float64 for packed rows; zeros for empty ones."""
    peer = TORCH_CELLS[layer.cell](
        layer.input_size, layer.hidden_size, layer.n_layers, bidirectional=layer.bidirectional, batch_first=True
    ).double()
    peer.load_state_dict(layer.state_dict())
    kept = lengths > 0
    rows = nn.utils.rnn.pack_padded_sequence(
        inputs.double()[kept], lengths[kept], batch_first=True, enforce_sorted=False
    )
    states = torch.zeros(*inputs.shape[:2], layer.output_size, dtype=torch.float64)
    states[kept] = nn.utils.rnn.pad_packed_sequence(peer(rows)[0], batch_first=True, total_length=inputs.shape[1])[0]
    return states


SHAPES = [(cell, n_layers, both) for cell in ("gru", "lstm") for n_layers in (1, 2) for both in (True, False)]


@pytest.mark.parametrize(("cell", "n_layers", "bidirectional"), SHAPES)
def test_states_are_those_of_packed_sequences(cell: str, n_layers: int, bidirectional: bool) -> None:
    layer = a_layer(cell=cell, n_layers=n_layers, bidirectional=bidirectional)
    expected = packed(layer, vectors(), LENGTHS)
    for precise in (False, True):
        states = (layer.double() if precise else layer)(
            vectors().to(torch.float64 if precise else torch.float32), LENGTHS
        )
        torch.testing.assert_close(states.double(), expected, rtol=0, atol=1e-14 if precise else 5e-7)


@pytest.mark.parametrize(("cell", "n_layers", "bidirectional"), SHAPES)
def test_slopes_are_those_in_float64(cell: str, n_layers: int, bidirectional: bool) -> None:
    gradients = []
    for kind in (torch.float32, torch.float64):
        layer = a_layer(cell=cell, n_layers=n_layers, bidirectional=bidirectional).to(kind)
        inputs = vectors().to(kind).requires_grad_()
        (layer(inputs, LENGTHS) * vectors(size=layer.output_size).to(kind)).sum().backward()
        gradients.append([inputs.grad, *(parameter.grad for parameter in layer.parameters())])
    for single, double in zip(*gradients, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_long_random_rows_are_right_to_rounding(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(0, 80, (70,), generator=generator)
    lengths[:2] = torch.tensor([0, 1])
    table, index = torch.randn(300, 20, generator=generator), torch.randint(0, 300, (70, 80), generator=generator)
    weight = torch.randn(70, 80, 24, generator=generator) / 70
    gradients = []
    for kind in (torch.float32, torch.float64):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layer = Recurrent(20, 12).to(kind)
        leaf = table.to(kind, copy=True).requires_grad_()
        states = layer(IndexedVectors(leaf, index), lengths)
        (states * weight.to(kind)).sum().backward()
        gradients.append([states, leaf.grad, *(parameter.grad for parameter in layer.parameters())])
    for single, double in zip(*gradients, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_weights_load_into_torch_and_back(cell: str) -> None:
    layer = a_layer(cell=cell, n_layers=2)
    peer = TORCH_CELLS[cell](6, 5, 2, bidirectional=True, batch_first=True)
    peer.load_state_dict(layer.state_dict())
    layer.load_state_dict(peer.state_dict())
    assert [name for name, _ in layer.named_parameters()] == [name for name, _ in peer.named_parameters()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = TORCH_CELLS[cell](6, 5, 2, bidirectional=True)
    for name, value in a_layer(cell=cell, n_layers=2).state_dict().items():
        assert torch.equal(value, fresh.state_dict()[name])


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_row_depends_on_its_own_tokens_only(cell: str) -> None:
    layer = a_layer(cell=cell)
    together = layer(vectors(), LENGTHS)
    noisy = layer(torch.where(reverse_rows(LENGTHS, 9)[1].unsqueeze(-1), vectors(), torch.tensor(1e6)), LENGTHS)
    torch.testing.assert_close(noisy, together)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = layer(vectors()[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], together[row, :length], rtol=0, atol=1e-6)
        assert not together[row, length:].any()


def test_gathered_vectors_give_what_dense_ones_do() -> None:
    layer = a_layer(n_layers=2)
    gathered = IndexedVectors(vectors(1, 4)[0].requires_grad_(), torch.randint(0, 4, (7, 9)))
    gradients = []
    for inputs in (gathered, gathered.dense()):
        states = layer(inputs, LENGTHS)
        gradients.append((states, *torch.autograd.grad(states.square().sum(), [gathered.table, *layer.parameters()])))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_slopes_of_slopes_are_those_in_float64() -> None:
    found = []
    for kind in (torch.float32, torch.float64):
        layer, inputs = a_layer().to(kind), vectors().to(kind).requires_grad_()
        (slope,) = torch.autograd.grad(layer(inputs, LENGTHS).square().sum(), inputs, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), [inputs, *layer.parameters()]))
    for single, double in zip(*found, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)


def test_only_what_learns_gets_slopes() -> None:
    layer = a_layer()
    layer.weight_hh_l0.requires_grad_(False)
    layer(vectors(), LENGTHS).sum().backward()
    learnt = {name for name, parameter in layer.named_parameters() if parameter.grad is not None}
    assert learnt == {name for name, _ in layer.named_parameters()} - {"weight_hh_l0"}
    assert not layer.requires_grad_(False)(vectors(), LENGTHS).requires_grad


def test_changing_weights_between_forward_and_backward_is_noticed() -> None:
    layer = a_layer()
    loss = layer(vectors(), LENGTHS).sum()
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("shape", [(0, 9), (3, 0), (0, 0)])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_an_empty_batch_has_empty_states(cell: str, shape: tuple[int, int]) -> None:
    states = a_layer(cell=cell)(torch.zeros(*shape, 6), torch.zeros(shape[0], dtype=torch.int64))
    assert states.shape == (*shape, 10)


@pytest.mark.parametrize(
    ("prepare", "path"),
    [
        (lambda layer: (layer, vectors()), "compiled"),
        (lambda layer: (layer.double(), vectors().double()), r"torch: the numbers are torch.float64"),
        (lambda layer: (layer.to("meta"), vectors().to("meta")), r"torch: the tensor is on meta"),
        (
            lambda layer: (Recurrent(6, 5, cell="lstm"), vectors()),
            r"torch: there are no compiled loops for cell='lstm'",
        ),
    ],
    ids=["float32", "float64", "elsewhere", "lstm"],
)
def test_the_path_is_said(prepare: Any, path: str) -> None:
    layer, inputs = prepare(a_layer())
    assert layer.path(inputs) == path


def test_autocast_takes_the_plain_path() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert a_layer().path(vectors()) == "torch: the numbers are torch.bfloat16"


def test_with_the_compiler_switched_off_torch_does_it_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = a_layer()
    expected = layer(vectors(), LENGTHS)
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    assert layer.path(vectors()) == "torch: Numba's compiler is switched off (NUMBA_DISABLE_JIT)"
    torch.testing.assert_close(layer(vectors(), LENGTHS), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", ["gru"])  # ten seconds for each
def test_exports_with_any_number_of_rows_and_tokens(cell: str) -> None:
    patches = pytest.importorskip("torch.export._patches", reason="this torch cannot export a loop over tokens")
    layer = a_layer(cell=cell).eval()
    rows, tokens = torch.export.Dim("rows"), torch.export.Dim("tokens")
    with getattr(patches, f"register_{cell}_while_loop_decomposition")(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own
        exported = torch.export.export(
            layer, (vectors(), LENGTHS), dynamic_shapes={"vectors": {0: rows, 1: tokens}, "lengths": {0: rows}}
        )
        inputs, lengths = vectors(3, 21), torch.tensor([21, 2, 0])
        torch.testing.assert_close(exported.module()(inputs, lengths), layer(inputs, lengths), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "rnn"}, r"cell='rnn' is not a recurrent cell .* Use one of: gru, lstm\."),
        ({"n_layers": 0}, r"n_layers=0 leaves a recurrent layer without weights\. Give a whole number"),
    ],
)
def test_an_option_that_cannot_work_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        a_layer(**options)


@pytest.mark.parametrize(
    ("lengths", "index", "message"),
    [
        (
            [3, 10],
            [[0, 1, 2]] * 2,
            r"lengths of a recurrent layer's input run from 3 to 10, but the batch has 3 tokens",
        ),
        ([3, -1], [[0, 1, 2]] * 2, r"lengths .* run from -1 to 3"),
        ([3, 1], [[0, 1, 9]] * 2, r"the index .* run from 0 to 9, but its table has 4 rows.* numbers from 0 to 3"),
    ],
)
def test_what_points_outside_the_batch_is_an_error(lengths: Any, index: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        a_layer()(IndexedVectors(vectors(1, 4)[0], torch.tensor(index)), torch.tensor(lengths))


def test_dropout_acts_between_layers_in_training_only() -> None:
    layer = a_layer(n_layers=2, dropout=0.5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert not torch.equal(layer(vectors(), LENGTHS), layer(vectors(), LENGTHS))
    layer.eval()
    assert torch.equal(layer(vectors(), LENGTHS), layer(vectors(), LENGTHS))
