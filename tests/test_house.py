"""The house: imports run one way, no file grows past its story, nothing in the package asserts or unpickles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import headstart

ROOT = Path(headstart.__file__).parent

# Each may import those above it. A folder counts as its module.
ORDER = [
    "printing", "errors", "options", "progress", "children", "outputs", "evaluation", "metrics", "corpus", "kernels", "text", "batches", "vectors", "layers", "optim", "nets",
    "artifact", "heads", "inference", "predictor", "cache", "features", "words", "bulk", "foreign", "explain", "serve",
    "freezing", "train", "distributed", "strategies", "estimators", "pretrained", "comparison", "report", "demo", "cli", "__main__",
]  # fmt: skip
NO_TORCH = {
    "printing", "errors", "options", "progress", "children", "outputs", "evaluation", "metrics", "corpus", "kernels", "text",
    "artifact", "report", "heads",
}  # fmt: skip
FILES = sorted(ROOT.rglob("*.py"))
SHOWN = [str(path.relative_to(ROOT)) for path in FILES]


def module_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Modules that are imported when the file is: not inside functions, not for type checkers only."""
    waiting: list[ast.AST] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relative to itself: write the whole name"
            yield from (
                [f"headstart.{alias.name}" for alias in node.names]
                if node.module == "headstart"
                else [str(node.module)]
            )
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def test_every_module_has_its_place() -> None:
    found = {module_of(path) for path in FILES} - {"__init__"}
    assert found <= set(ORDER), f"say in ORDER where {found - set(ORDER)} belong"


@pytest.mark.parametrize("path", FILES, ids=SHOWN)
def test_imports_run_one_way(path: Path) -> None:
    own = module_of(path)
    if own == "__init__":
        assert not [name for name in imports(path) if name.startswith("headstart")]
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "headstart" and len(parts) > 1 and parts[1] not in (own, "__version__"):
            assert ORDER.index(parts[1]) < ORDER.index(own), f"{own} imports {parts[1]}, which stands below it"


@pytest.mark.parametrize("path", [path for path in FILES if module_of(path) == "nets"], ids=lambda path: str(path.name))
def test_networks_do_not_import_each_other(path: Path) -> None:
    if path.name != "__init__.py":
        assert not [name for name in imports(path) if name.startswith("headstart.nets")]


@pytest.mark.parametrize(
    "path", [path for path in FILES if module_of(path) in NO_TORCH], ids=lambda path: str(path.relative_to(ROOT))
)
def test_what_needs_no_torch_imports_none(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0] == "torch"]


@pytest.mark.parametrize("path", FILES, ids=SHOWN)
def test_no_assert_pickle_or_eval(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: raise an error that says what to do"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec"), f"line {node.lineno}: runs code from data"
    assert not {"pickle", "marshal", "joblib", "dill"} & {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name != "children.py"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_children_are_started_in_one_place(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            called = f"{node.value.id}.{node.attr}"
            assert called not in ("subprocess.run", "subprocess.Popen", "os.system", "os.fork", "os.popen"), (
                f"line {node.lineno}: start it with headstart.children.Child"
            )


@pytest.mark.parametrize("path", FILES, ids=SHOWN)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            first = node.body[0]
            docstrings |= set(range(first.lineno, (first.end_lineno or 0) + 1))
    lines = path.read_text(encoding="utf-8").splitlines()
    code = [
        line for i, line in enumerate(lines, 1)
        if i not in docstrings and line.strip() and not line.strip().startswith("#")
    ]  # fmt: skip
    assert len(code) <= 350, f"{len(code)} lines of code: something in it is asking for its own name"


def test_there_is_no_module_for_odds_and_ends() -> None:
    names = {path.stem for path in FILES} | {path.name for path in ROOT.rglob("*") if path.is_dir()}
    assert not names & {"utils", "util", "common", "core", "models", "config", "helpers", "misc"}


def test_no_path_of_a_machine_stands_in_the_package() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for found in ("/home/", "/root/", "/tmp/"):
            assert found not in text, f"{path.relative_to(ROOT)} holds {found}"
