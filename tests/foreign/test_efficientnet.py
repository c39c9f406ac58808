"""EfficientNet-Lite from a checkpoint of PyTorch: the same numbers, with normalisation folded in, and a base like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import headstart as hs
from headstart.batches import Batches, Examples
from headstart.errors import ArtifactError, OptionError
from headstart.nets.efficientnet import STAGES

WIDTHS = (8, 8, 16, 8, 16, 8, 16, 8, 12)


def weights_of(seed: int = 0) -> dict[str, Tensor]:
    """A small network in the other library's spelling, one block a stage."""
    make, found = torch.Generator().manual_seed(seed), {}

    def conv(name: str, norm: str, *shape: int) -> None:
        found[f"{name}.weight"] = torch.randn(shape, generator=make) * (2 / np.prod(shape[1:])) ** 0.5
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"{norm}.{part}"] = torch.rand(shape[0], generator=make) + 0.5
        found[f"{norm}.num_batches_tracked"] = torch.tensor(1)

    stem, *sizes, top = WIDTHS
    conv("_conv_stem", "_bn0", stem, 3, 3, 3)
    before = stem
    for i, (size, (width, _, times)) in enumerate(zip(sizes, STAGES, strict=True)):
        block, inner = f"_blocks.{i}.", before * times
        if times > 1:
            conv(f"{block}_expand_conv", f"{block}_bn0", inner, before, 1, 1)
        conv(f"{block}_depthwise_conv", f"{block}_bn1", inner, 1, width, width)
        conv(f"{block}_project_conv", f"{block}_bn2", size, inner, 1, 1)
        before = size
    conv("_conv_head", "_bn1", top, before, 1, 1)
    return {**found, "_fc.weight": torch.rand(5, top), "_fc.bias": torch.rand(5)}


def theirs(stored: dict[str, Tensor], pixels: Tensor) -> Tensor:
    """The pooled vector, by convolutions and normalisations one after the other."""

    def conv(values: Tensor, name: str, norm: str, stride: int = 1, groups: int = 1) -> Tensor:
        kernel, around = stored[f"{name}.weight"], []
        for length in (values.shape[3], values.shape[2]):
            total = max(0, (-(-length // stride) - 1) * stride + kernel.shape[2] - length)
            around += [total // 2, total - total // 2]
        values = functional.conv2d(functional.pad(values, around), kernel, None, stride, groups=groups)
        parts = (stored[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(values, *parts, eps=1e-3)

    values = functional.relu6(conv((pixels.float() - 127) / 128, "_conv_stem", "_bn0", 2))
    for i, (_, stride, times) in enumerate(STAGES):
        block, inner = f"_blocks.{i}.", values
        if times > 1:
            inner = functional.relu6(conv(inner, f"{block}_expand_conv", f"{block}_bn0"))
        inner = functional.relu6(conv(inner, f"{block}_depthwise_conv", f"{block}_bn1", stride, inner.shape[1]))
        inner = conv(inner, f"{block}_project_conv", f"{block}_bn2")
        values = values + inner if inner.shape == values.shape and stride == 1 else inner
    return functional.relu6(conv(values, "_conv_head", "_bn1")).mean((2, 3))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("efficientnet") / "lite.pth"
    torch.save(weights_of(), path)
    return hs.import_efficientnet(path, size=32)


def images(n: int = 24) -> tuple[Any, Any]:
    rng, labels = np.random.default_rng(0), np.arange(n) % 2
    return rng.integers(0, 120, (n, 20, 20, 3), dtype=np.uint8) + (labels[:, None, None, None] * 120).astype(
        np.uint8
    ), labels


def test_it_computes_what_they_compute(base: Any) -> None:
    pixels = torch.randint(0, 256, (2, 3, 33, 40), dtype=torch.uint8)
    batch = Batches(Examples(fields={"pixels": pixels.numpy()}), batch_size=2)[0].tensors()
    found = base.predictor_.net.outputs(batch, ["pooled"])["pooled"]
    torch.testing.assert_close(found, theirs(weights_of(), pixels), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("way", ["features", "fine-tune"])
def test_it_is_a_base_like_any_other(base: Any, way: str, tmp_path: Path) -> None:
    rows, labels = images()
    options: dict[str, Any] = {"valid_fraction": 0, **({"epochs": 2} if way == "fine-tune" else {})}
    model = hs.ImageClassifier(base=base, strategy=way, **options).fit(rows, labels)
    whole = model.predict_proba(rows)
    assert whole[labels == 1, 1].mean() > whole[labels == 0, 1].mean()
    np.testing.assert_allclose(model.predict_proba(rows[3:4]), whole[3:4], atol=1e-6)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(hs.load(tmp_path / "model").predict_proba(rows), whole)
    before, after = base.predictor_.net.state_dict(), model.predictor_.net.state_dict()
    still = [name for name in after if name in before and torch.equal(before[name], after[name])]
    assert (set(still) == set(after)) == (way == "features")
    assert way == "features" or ("stage5.0.each.conv.weight" in still and "top.conv.weight" not in still)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no checkpoint", "it is damaged, or no checkpoint"),
        ([torch.zeros(1)], "no table of weights"),
        ({"weight": torch.zeros(1)}, "is no EfficientNet-Lite"),
        ({**weights_of(), "_bn1.bias": torch.zeros(3)}, "is no EfficientNet-Lite"),
        ({**weights_of(), "_conv_head.weight": torch.full((12, 8, 1, 1), torch.nan)}, "is no EfficientNet-Lite"),
        (nn.Linear(1, 1), "it is damaged, or no checkpoint"),
    ],
    ids=["bytes", "a list", "others", "shapes", "numbers", "code"],
)
def test_another_file_gets_a_sentence(content: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(ArtifactError, match=said):
        hs.import_efficientnet(path)


def test_a_missing_file_and_an_odd_size_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="No such file"):
        hs.import_efficientnet(tmp_path / "none.pth")
    with pytest.raises(OptionError, match="images of 8 points"):
        hs.import_efficientnet(tmp_path / "none.pth", size=8)
