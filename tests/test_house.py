"""The house: imports run one way, no file grows past its story, nothing in the package asserts or unpickles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import headstart

ROOT = Path(headstart.__file__).parent

# Each may import those above it. A folder counts as its module.
ORDER = [
    "printing", "errors", "options", "progress", "notebook", "children", "outputs", "evaluation", "metrics", "corpus", "kernels",
    "text",
    "batches", "vectors", "artifact", "heads", "layers", "optim", "nets", "inference", "predictor", "cache", "features", "words",
    "bulk", "foreign", "explain", "serve",
    "freezing", "train", "distributed", "strategies", "estimators", "pretrained", "comparison", "report", "demo", "cli", "__main__",
]  # fmt: skip
NO_TORCH = {
    "printing", "errors", "options", "progress", "notebook", "children", "outputs", "evaluation", "metrics", "corpus", "kernels",
    "text",
    "artifact", "report", "heads",
}  # fmt: skip
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def module_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Modules that are imported when the file is: not inside functions, not for type checkers only."""
    waiting: list[ast.AST] = list(TREES[path].body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)} imports relative to itself: write the whole name"
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


def test_imports_run_one_way() -> None:
    upward = []
    for path in FILES:
        own = module_of(path)
        ours = [name.split(".") for name in imports(path) if name.split(".")[0] == "headstart"]
        if own == "__init__":
            upward += [(shown(path), name) for name in ours]
            continue
        for _, *rest in ours:
            if rest and rest[0] not in (own, "__version__") and ORDER.index(rest[0]) >= ORDER.index(own):
                upward.append((shown(path), rest))
    assert upward == [], "each imports what stands below it"


def test_networks_do_not_import_each_other() -> None:
    others = []
    for path in FILES:
        own = ".".join(("headstart", *path.relative_to(ROOT).with_suffix("").parts[:2]))  # a network may be a folder
        if own.startswith("headstart.nets.") and path != ROOT / "nets" / "__init__.py":
            found = [name for name in imports(path) if name.startswith("headstart.nets")]
            others += [(shown(path), name) for name in found if name != own and not name.startswith(f"{own}.")]
    assert others == []


def test_what_needs_no_torch_imports_none() -> None:
    free = [path for path in FILES if module_of(path) in NO_TORCH]
    assert [shown(path) for path in free if "torch" in {name.split(".")[0] for name in imports(path)}] == []


def test_no_assert_pickle_or_eval() -> None:
    found = []
    for path in FILES:
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.Assert):
                found.append(f"{shown(path)}:{node.lineno} asserts; raise an error that says what to do")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"):
                found.append(f"{shown(path)}:{node.lineno} runs code from data")
        used = {"pickle", "marshal", "joblib", "dill"} & {name.split(".")[0] for name in imports(path)}
        found += [f"{shown(path)} imports {name}" for name in used]
    assert found == []


def test_children_are_started_in_one_place() -> None:
    forbidden = ("subprocess.run", "subprocess.Popen", "os.system", "os.fork", "os.popen")
    found = [
        f"{shown(path)}:{node.lineno}"
        for path in FILES
        if path.name != "children.py"
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if f"{node.value.id}.{node.attr}" in forbidden
    ]
    assert found == [], "start it with headstart.children.Child"


def code_lines(path: Path) -> int:
    """Lines of code: no blank line, comment or docstring."""
    docstrings: set[int] = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            first = node.body[0]
            docstrings |= set(range(first.lineno, (first.end_lineno or 0) + 1))
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    return sum(i not in docstrings and bool(line.strip()) and not line.strip().startswith("#") for i, line in lines)


def test_a_file_can_be_read_in_one_sitting() -> None:
    long = {shown(path): n for path in FILES if (n := code_lines(path)) > 350}
    assert long == {}, "something in it is asking for its own name"


def test_there_is_no_module_for_odds_and_ends() -> None:
    names = {path.stem for path in FILES} | {path.name for path in ROOT.rglob("*") if path.is_dir()}
    assert not names & {"utils", "util", "common", "core", "models", "config", "helpers", "misc"}


def test_no_path_of_a_machine_stands_in_the_package() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for found in ("/home/", "/root/", "/tmp/"):
            assert found not in text, f"{path.relative_to(ROOT)} holds {found}"
