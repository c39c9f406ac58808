"""The public names: the list is true, and importing the package brings in nothing heavy."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import headstart


def test_every_public_name_is_there_and_comes_from_where_it_says() -> None:
    assert sorted(headstart._HOME) == sorted(headstart.__all__) == sorted(set(headstart.__all__))
    for name, home in headstart._HOME.items():
        module = importlib.import_module(f"headstart.{home}")
        assert getattr(headstart, name) is getattr(module, name)


def test_the_list_is_sorted_and_what_dir_shows() -> None:
    assert headstart.__all__ == sorted(headstart.__all__)
    assert dir(headstart) == headstart.__all__


def test_no_public_name_is_that_of_a_module() -> None:
    import pkgutil

    modules = {module.name for module in pkgutil.iter_modules(headstart.__path__)}
    assert not modules & set(headstart.__all__)


def test_every_public_thing_is_documented() -> None:
    assert [name for name in headstart.__all__ if not (getattr(headstart, name).__doc__ or "").strip()] == []


def test_a_name_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(
        AttributeError, match="module 'headstart' has no attribute 'Classifier'; it has .*TextClassifier"
    ):
        _ = headstart.Classifier


def test_importing_brings_in_nothing_heavy() -> None:
    code = "import sys, headstart\nprint(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "sklearn", "numba", "numpy", "pyarrow", "pandas", "scipy", "catboost"} & set(loaded)


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("headstart.corpus", {"torch", "numba", "sklearn"}),
        ("headstart.metrics", {"torch", "numba", "sklearn"}),
        ("headstart.kernels", {"torch"}),
        ("headstart.text", {"torch", "sklearn"}),
        ("headstart.artifact", {"torch", "sklearn", "numba"}),
        ("headstart.report", {"torch"}),
    ],
)
def test_parts_that_need_no_torch_bring_in_none(module: str, without: set[str]) -> None:
    code = f"import sys, {module}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not without & set(loaded)


def test_predicting_brings_in_no_training_code() -> None:
    code = "import sys, headstart.predictor, headstart.artifact\nprint(*sorted(n for n in sys.modules if n.startswith('headstart.')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    training = (
        "headstart.train",
        "headstart.strategies",
        "headstart.freezing",
        "headstart.estimators",
        "headstart.comparison",
        "headstart.cli",
    )
    assert [name for name in loaded if name.startswith(training)] == []
