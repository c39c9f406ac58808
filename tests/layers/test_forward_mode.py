"""Forward-mode differentiation: compiled loops know no tangents, and must not lose them silently."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.autograd import forward_ad

from headstart.layers import Pooling, Recurrent

LAYERS: dict[str, Any] = {"recurrent": lambda: Recurrent(3, 2), "pooling": lambda: Pooling(("mean", "max"))}


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch's own use of it
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("enabled", [True, False])
def test_a_tangent_is_that_of_a_small_step(name: str, enabled: bool) -> None:
    torch.manual_seed(0)
    layer = LAYERS[name]().double() if name == "recurrent" else LAYERS[name]()
    single = LAYERS[name]()
    if name == "recurrent":
        single.load_state_dict(layer.state_dict())
    vectors, direction = (
        torch.randn(2, 4, 3 if name == "recurrent" else 4),
        torch.randn(2, 4, 3 if name == "recurrent" else 4),
    )
    lengths = torch.tensor([4, 2])
    with torch.set_grad_enabled(enabled), forward_ad.dual_level():
        found = forward_ad.unpack_dual(single(forward_ad.make_dual(vectors, direction), lengths)).tangent
    assert found is not None
    with torch.no_grad():
        step = 1e-6
        ahead, behind = (layer(vectors.double() + sign * step * direction.double(), lengths) for sign in (1, -1))
    torch.testing.assert_close(found.double(), (ahead - behind) / (2 * step), rtol=1e-4, atol=1e-4)
