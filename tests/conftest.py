"""Small made-up reviews, small networks over them, and one trained base for all tests that need one."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

# The first call of a compiled loop takes a second or more; nothing here is a matter of time.
settings.register_profile("headstart", deadline=None)
settings.load_profile("headstart")

# A run in the background (`make test &` in a script) inherits an interrupt that is ignored, and Python leaves it so.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

GOOD = ("great", "lovely", "superb", "charming", "delightful", "warm")
BAD = ("awful", "dreary", "boring", "clumsy", "terrible", "cold")
FILLING = tuple("the film plot actor scene hotel room was with and a very story music end of in we stayed saw".split())

# What makes each network small. A network without a line here has no contract tests, so they fail.
SMALL_NETS: dict[str, dict[str, Any]] = {
    "blend": {
        "embedding_size": 8,
        "hidden_size": 6,
        "n_ngrams": 30,
        "n_cluster_ngrams": 10,
        "n_tail_ngrams": 20,
        "n_target_ngrams": 30,
    },
    "fast": {"embedding_size": 8, "hidden_size": 6, "window": 2, "dense": (8,)},
    "gru": {"embedding_size": 8, "hidden_size": 6, "dense": (8,)},
    "tutorial": {"embedding_size": 6, "hidden_size": 5, "dense": (7, 4)},
}


@dataclass(frozen=True)
class Reviews:
    """Texts of 4 to 24 words, three of them good words (label 1) or bad ones (label 0), and columns beside them."""

    texts: list[str]
    labels: list[int]
    stars: list[int | None]
    device: list[str | None]

    def frame(self) -> Any:
        """The reviews as an Arrow table."""
        import pyarrow as pa

        return pa.table({"text": self.texts, "label": self.labels, "stars": self.stars, "device": self.device})

    def write(self, path: Path) -> Path:
        """Write the reviews to a CSV file."""
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label", "stars", "device"])
            writer.writerows(zip(self.texts, self.labels, self.stars, self.device, strict=True))
        return path


def make_reviews(n: int, seed: int = 0) -> Reviews:
    """Draw `n` reviews, half of them good; stars tell a little of the label, the device nothing."""
    rng = np.random.default_rng(seed)
    texts, labels, stars, device = [], [], [], []
    for i in range(n):
        label = i % 2
        words = [*rng.choice(FILLING, rng.integers(1, 22)), *rng.choice(GOOD if label else BAD, 3)]
        rng.shuffle(words)
        texts.append(" ".join(words))
        labels.append(label)
        stars.append(None if i % 11 == 3 else int(rng.integers(1, 4) + 2 * label))
        device.append(None if i % 13 == 5 else str(rng.choice(["phone", "tablet", "desktop"])))
    return Reviews(texts, labels, stars, device)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache for this run alone: nothing of the user's is read or written."""
    folder: Path = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def unflushed() -> Iterator[None]:
    """What these tests write need not outlive a power cut, and on a busy disk waiting for it took half of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def reviews() -> Reviews:
    return make_reviews(300)


@pytest.fixture(scope="session")
def others() -> Reviews:
    """Reviews that nothing was trained on."""
    return make_reviews(120, seed=1)


@pytest.fixture(scope="session")
def draw_reviews() -> Callable[..., Reviews]:
    return make_reviews


@pytest.fixture(scope="session")
def small_options() -> Callable[[str], dict[str, Any]]:
    """Options that make the network of that name small."""

    def options(name: str) -> dict[str, Any]:
        if name not in SMALL_NETS:
            pytest.fail(f"the network {name!r} has no case: add options that make it small to SMALL_NETS")
        return dict(SMALL_NETS[name])

    return options


@pytest.fixture(scope="session")
def small_net(small_options: Callable[[str], dict[str, Any]]) -> Callable[..., Any]:
    """Build a small network of that name, always with the same weights."""

    def build(name: str = "gru", n_words: int = 40, *, seed: int = 0, **options: Any) -> Any:
        import torch

        from headstart import nets

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = nets.build(name, n_words, {**small_options(name), **options})
            _fill_lists(net, n_words)
            return net

    return build


def _fill_lists(net: Any, n_words: int) -> None:
    """List the commonest words in every n-gram part, as training would, with scales and weights that differ."""
    import numpy as np
    import torch

    from headstart.layers import NgramLogit

    for part in net.modules():
        if isinstance(part, NgramLogit):
            n = len(part.weight)
            if part.group is not None:
                part.group = torch.arange(n_words, dtype=torch.int32) % n + 2
            weights = np.linspace(-1.0, 1.0, part.weight.numel()).reshape(part.weight.shape)
            part.set_list(np.arange(2, 2 + n), np.linspace(0.5, 2.0, n), weights)


@pytest.fixture(scope="session")
def make_examples() -> Callable[..., Any]:
    """Draw rows of token ids in which low ids mean label 1 and high ids label 0."""

    def make(n: int = 60, *, n_words: int = 40, longest: int = 12, seed: int = 0, weights: bool = False) -> Any:
        from headstart.batches import Examples
        from headstart.text import RaggedIds

        rng = np.random.default_rng(seed)
        labels = np.arange(n) % 2
        middle = (n_words + 2) // 2
        rows = [
            np.where(
                rng.random(size := rng.integers(1, longest + 1)) < 0.9,
                rng.integers(2, middle, size) if label else rng.integers(middle, n_words, size),
                rng.integers(1, n_words, size),
            )
            for label in labels
        ]
        drawn = rng.uniform(0.5, 2, n).astype(np.float32) if weights else None
        return Examples(RaggedIds.from_lists(rows), labels.astype(np.float32), drawn)

    return make


@pytest.fixture(scope="session")
def gru_base(reviews: Reviews, small_options: Callable[[str], dict[str, Any]]) -> Any:
    """A trained base. Tests read it and never change it."""
    return _trained("gru", reviews, small_options("gru"))


@pytest.fixture(scope="session")
def blend_base(reviews: Reviews) -> Any:
    """A trained base of the default kind."""
    return _trained("blend", reviews, {"embedding_size": 8, "hidden_size": 6})


def _trained(net: str, reviews: Reviews, options: dict[str, Any]) -> Any:
    from headstart import TextClassifier

    return TextClassifier(
        net=net, net_options=options, epochs=2, learning_rate=0.03, batch_size=16, device="cpu", random_state=3
    ).fit(reviews.texts, reviews.labels)


@pytest.fixture(scope="session")
def base_folders(gru_base: Any, blend_base: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The trained bases as models' folders. Tests that change one copy it first."""
    folder: Path = tmp_path_factory.mktemp("models")
    for name, model in (("base", gru_base), ("blend", blend_base)):
        model.save(folder / name)
    return {"gru": folder / "base", "blend": folder / "blend"}


def _suits(request: pytest.FixtureRequest) -> str:
    """Name the base for a test: only a `blend` can teach itself."""
    params = getattr(getattr(request.node, "callspec", None), "params", {})
    return "blend" if str(params.get("strategy")).startswith("self-train") else "gru"


@pytest.fixture
def base(request: pytest.FixtureRequest) -> Any:
    """The base that suits the test's strategy."""
    return request.getfixturevalue(f"{_suits(request)}_base")


@pytest.fixture
def base_folder(request: pytest.FixtureRequest, base_folders: dict[str, Path]) -> Path:
    """The folder of the base that suits the test's strategy."""
    return base_folders[_suits(request)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a ``net_name`` or a ``strategy`` once for every one that the package has."""
    if "net_name" in metafunc.fixturenames:
        from headstart.nets import NETS

        metafunc.parametrize("net_name", sorted(NETS))
    if "strategy" in metafunc.fixturenames:
        from headstart.strategies import STRATEGIES

        # What needs more than texts and a base has cases of its own.
        usual = [
            name for name, one in STRATEGIES.items() if not {"columns", "source", "series", "image"} & {*one.needs}
        ]
        metafunc.parametrize("strategy", sorted(usual))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Ray cluster of two nodes with a processor each, on this machine, to which this process is connected.

    Its nodes find the package, and modules in `modules`. `poisoned` was the current folder when the connection was made.
    """
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'headstart[ray]'")
    import headstart

    modules = tmp_path_factory.mktemp("modules")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(headstart.__file__).parent.parent), str(modules)]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")  # other tests' memory is no reason to end workers
        from ray.cluster_utils import Cluster

        from headstart.executors import RayCluster

        before = signal.getsignal(signal.SIGTERM)
        node = {"num_cpus": 1, "object_store_memory": 100 << 20}
        for attempt in range(3):  # a node that a busy machine does not start within half a minute is given up by Ray
            cluster = Cluster()
            try:
                cluster.add_node(**node, include_dashboard=False)
                cluster.add_node(**node)
                break
            except Exception:
                cluster.shutdown()
                if attempt == 2:
                    raise
        signal.signal(signal.SIGTERM, before)  # which starting a node replaces
        cluster.modules, cluster.poisoned = modules, tmp_path_factory.mktemp("poisoned")
        for name in ("numpy", "headstart", "fsspec", "json", "sums_for_tests"):
            code = f"open({str(cluster.poisoned)!r} + '/RAN-{name}', 'w').close()\nraise SystemExit(1)\n"
            (cluster.poisoned / f"{name}.py").write_text(code)
        with contextlib.ExitStack() as closing:
            with contextlib.chdir(cluster.poisoned):
                closing.enter_context(RayCluster(cluster.address).connected())
            cluster.keeps_sigterm = signal.getsignal(signal.SIGTERM) is before
            yield cluster
        cluster.shutdown()
