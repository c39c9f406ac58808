"""Law 7 over engines: a network gives the same numbers in every engine that takes it, stage by stage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import headstart as hs
from headstart.batches import Examples
from headstart.engines import ENGINES, LOGITS, HeldNetwork, NetSpec
from headstart.engines.compiled.tables import TABLES
from headstart.errors import OptionError
from headstart.nets import NETS, STORED, spec_of
from headstart.text import RaggedIds

N_WORDS = 40

SEVERAL = {"n_outputs": 3}
ENCODER: dict[str, Any] = {
    "size": 8, "inner_size": 12, "n_layers": 2, "n_heads": 2, "n_positions": 64, "activation": "gelu", "epsilon": 1e-5,
    "unknown": 1, "before": [2], "after": [3], "pooling": ["mean", "cls", "max", "last"], "normalize": True,
}  # fmt: skip
ENCODERS: dict[str, list[dict[str, Any]]] = {
    "static": [{"size": 6, "normalize": True}, {"size": 6, "normalize": False}],
    "transformer": [
        ENCODER,
        {**ENCODER, "activation": "gelu_tanh", "n_heads": 1, "pooling": ["mean"], "normalize": False},
        {**ENCODER, "activation": "relu", "unknown": None, "before": [], "after": [], "n_layers": 1},
    ],
}
OTHERS: dict[str, list[dict[str, Any]]] = {
    "blend": [SEVERAL, {"new_heads": [[2, 20]], "n_target_ngrams": [10, 0, 20]}, {**SEVERAL, "new_heads": [[1, 9], [4, 8]]}],
    "fast": [SEVERAL, {"window": 1, "n_layers": 2}, {"bidirectional": False, "pooling": ("last", "mean", "last")}],
    "gru": [
        SEVERAL, {"cell": "lstm", "n_layers": 2}, {"bidirectional": False, "n_layers": 2, "pooling": ("last",)},
        *({"activation": name, "dense": (8, 5)} for name in ("tanh", "gelu", "silu", "leaky-relu", "elu")),
        {"batch_norm": False},
    ],
    "tutorial": [SEVERAL, {"dense": ()}],
}  # fmt: skip
CASES = [(name, {}) for name in NETS] + [
    (name, one) for table in (OTHERS, ENCODERS) for name in table for one in table[name]
]
WITHOUT = {"efficientnet", "inception", "mlp", "mxnet", "resnet"}
"""What is run by torch alone; docs/deploy.md says so."""
DOCUMENT = Path(__file__).parents[2] / "docs" / "deploy.md"


def test_every_stored_network_has_a_case() -> None:
    assert {name for name, _ in CASES} | WITHOUT == STORED.keys()
    assert TABLES.keys() | WITHOUT == STORED.keys()


def table_of_engines() -> dict[str, dict[str, bool]]:
    """What docs/deploy.md says: by network, which engines run it."""
    rows = [line.strip("| ").split(" | ") for line in DOCUMENT.read_text(encoding="utf-8").splitlines()]
    head = next(row for row in rows if row[0] == "network")
    found: dict[str, dict[str, bool]] = {}
    for row in rows[rows.index(head) + 2 :]:
        if len(row) < len(head):
            return found
        name = row[0].split("`")[1] if "`" in row[0] else ""
        found[name] = {engine.strip("`"): said == "yes" for engine, said in zip(head[1:], row[1:], strict=True)}
    return found


def test_the_page_says_what_each_engine_runs() -> None:
    said = table_of_engines()
    assert said.keys() == {*STORED, ""}, "a network of every kind, and one's own, has a line in docs/deploy.md"
    for name, engines in said.items():
        assert engines.keys() == ENGINES.keys()
        assert engines == {"compiled": name in TABLES, "torch": True, "onnx": name in TABLES}, name


@pytest.mark.parametrize("engine", ["compiled", "onnx"])
@pytest.mark.parametrize("name", [*sorted(WITHOUT), None])
def test_what_an_engine_does_not_run_is_refused_by_name(name: str | None, engine: str) -> None:
    own = None if name else torch.nn.Linear(2, 1)
    with pytest.raises(OptionError, match="torch"):
        HeldNetwork(NetSpec(name, N_WORDS), {} if own is None else own_arrays(own), own=own, engine=engine)


def own_arrays(net: torch.nn.Module) -> dict[str, Any]:
    return {name: value.detach().numpy() for name, value in net.state_dict().items()}


CHILD = """
import json, sys
for name in ("torch", "sklearn", "scipy", "joblib", "jinja2"):
    sys.modules[name] = None  # as if it were not installed
import headstart as hs
from headstart.kernels.compiling import n_compiled
found = {}
for path in sys.argv[1:]:
    told = json.load(open(path + ".json"))
    scores = hs.load(path).score_rows(told["texts"]).probabilities
    found[path] = abs(scores - __import__("numpy").array(told["probabilities"])).max()
try:
    hs.TextClassifier
except ImportError as error:
    found["said"] = str(error)
print(json.dumps([found, n_compiled()]))
"""
MODELS = Path(__file__).parents[1] / "data" / "artifacts"


def test_prediction_needs_nothing_that_learns_and_a_warmed_folder_needs_no_compiling(tmp_path: Path) -> None:
    """A copy of the package that cannot keep machine code beside itself, and a folder that was warmed and is then in nobody's way."""
    model = str(MODELS / "v1.1-fast")
    where = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "code"), "PYTHONPATH": str(Path(hs.__file__).parents[1])}
    warm = [sys.executable, "-m", "headstart", "warm", model, "--to", str(tmp_path / "code"), "--json"]
    told = json.loads(subprocess.run(warm, env=where, capture_output=True, text=True, check=True).stdout)
    assert told["n_compiled"] > 0
    command = [sys.executable, "-c", CHILD, model]
    found, n_compiled = json.loads(
        subprocess.run(command, env=where, capture_output=True, text=True, check=True).stdout
    )
    assert "pip install 'headstart[train]'" in found.pop("said")
    assert max(found.values()) < 1e-5
    assert n_compiled == 0


@pytest.fixture(scope="module")
def examples() -> Examples:
    rng = np.random.default_rng(5)
    lengths = [0, 1, 2, 3, 7, 12, 30, 30, *rng.integers(1, 25, 40)]
    return Examples(RaggedIds.from_lists([rng.integers(1, N_WORDS, length) for length in lengths]))


def made(
    name: str, options: dict[str, Any], small_net: Callable[..., Any], small_options: Callable[..., Any]
) -> HeldNetwork:
    """A small network with weights and statistics that are not those of a new one."""
    if name in ENCODERS:
        spec = NetSpec(name, N_WORDS, options)
        net = STORED[name](N_WORDS, options, {}).to_empty(device="cpu")
    else:
        spec = spec_of(name, N_WORDS, {**small_options(name), **options})
        net = small_net(name, N_WORDS, **options)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        for key, value in net.state_dict().items():
            if value.is_floating_point() and "scale" not in key:
                value.copy_(torch.rand_like(value) + 0.5 if "running_var" in key else torch.randn_like(value))
    return HeldNetwork(spec, net=net.eval())


@pytest.mark.parametrize("engine", ["compiled", "onnx"])
@pytest.mark.parametrize(
    ("name", "options"), CASES, ids=lambda one: one if isinstance(one, str) else "-".join(one) or "plain"
)
def test_engines_agree(
    engine: str,
    name: str,
    options: dict[str, Any],
    examples: Examples,
    small_net: Callable[..., Any],
    small_options: Callable[..., Any],
) -> None:
    if engine == "onnx":
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'headstart[onnx]'")
    held = made(name, options, small_net, small_options)
    spec, weights = held.spec, dict(held.weights)
    torch_engine = HeldNetwork(spec, weights, engine="torch").engine
    other = HeldNetwork(NetSpec(**_through_json(spec)), weights, engine=engine).engine
    assert other.stages == torch_engine.stages
    assert dict(other.shapes) == dict(torch_engine.shapes)
    for pooling in ("mean", "max", "last"):
        names = (*other.stages, LOGITS)
        expected, found = (one.outputs(examples, names, pooling) for one in (torch_engine, other))
        for stage in names:
            assert found[stage].dtype == np.float32
            check_close(engine, found[stage], expected[stage], f"{stage} {pooling}")
    for stage in other.stages:
        shorter = HeldNetwork(NetSpec(spec.name, spec.n_words, spec.options, until=stage), net=held.net.until(stage))
        part = HeldNetwork(shorter.spec, dict(shorter.weights), engine=engine).engine
        assert part.stages == shorter.net.stages
        expected = torch_engine.outputs(examples, (stage,))
        check_close(engine, part.outputs(examples, (stage,))[stage], expected[stage], f"{stage}, cut off")


def check_close(engine: str, found: Any, expected: Any, what: str) -> None:
    # ONNX Runtime's tanh and sigmoid are rougher, which layers with weights of size 1 multiply: 1e-5 of the range.
    range_ = 1.0 if engine == "compiled" else max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * range_, err_msg=what)


def _through_json(spec: NetSpec) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(spec.to_json()))
    return found
