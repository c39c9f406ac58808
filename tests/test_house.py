"""The house: imports run one way, no file grows past its story, nothing in the package asserts or unpickles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import headstart

ROOT = Path(headstart.__file__).parent

# Each may import those above it. A folder counts as its module.
USING = [
    "arrays", "plain", "printing", "errors", "records", "options", "extras", "progress", "notebook", "children", "outputs", "spill", "executors", "evaluation", "tasks",
    "metrics", "corpus", "kernels", "text", "fields", "batches", "artifact", "engines", "heads", "inputs", "predictor", "cache",
    "named_outputs", "words", "bulk", "fragments", "loading", "drift", "serve",
]  # fmt: skip
"""What a model is used by. None of it imports torch, scikit-learn or SciPy, inside functions neither."""
LEARNING = [
    "report", "vectors", "fitting", "layers", "optim", "nets", "inference", "engines/torch", "features", "foreign", "explain", "freezing",
    "train", "distributed", "strategies", "estimators", "pretrained", "comparison", "demo", "cli", "__main__",
]  # fmt: skip
ORDER = USING + LEARNING
FACES = {f"text/{name}.py" for name in ("pipelines", "pretrained", "restored", "steps", "tables")}
"""scikit-learn's faces of the text steps, under the names that they have had since 0.1; imported when they are asked for."""
COMMANDS = {f"cli/{name}.py" for name in (
    "__init__", "app", "arguments", "clusters", "commands", "console", "deciding", "embed", "evaluate", "inspect", "layers", "measuring", "predict",
    "process", "progress", "reading", "row_kinds", "serve", "warm",
)}  # fmt: skip
"""Commands of an install for prediction, and what they share."""
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def module_of(path: Path) -> str:
    if (
        path == ROOT / "engines" / "torch.py"
    ):  # it builds networks, so it lies below them; who needs it finds it by name
        return "engines/torch"
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


Import = ast.Import | ast.ImportFrom


def outer_imports(path: Path) -> Iterator[Import]:
    """What is imported when the file is: not inside functions, not for type checkers only."""
    waiting: list[ast.AST] = list(TREES[path].body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Import):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def every_import(path: Path) -> Iterator[Import]:
    """What is imported anywhere in the file, inside functions and for type checkers too."""
    yield from (node for node in ast.walk(TREES[path]) if isinstance(node, Import))


def names_of(node: Import) -> list[str]:
    """The modules, or what stands in a package, that an import names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def imports(path: Path) -> Iterator[str]:
    """Names that are imported when the file is."""
    for node in outer_imports(path):
        yield from names_of(node)


def imported_files(path: Path) -> set[Path]:
    """Files of the package that this one imports anywhere; the package itself, for its version, does not count."""
    found = set()
    for node in every_import(path):
        for name in names_of(node):
            place = ROOT.parent.joinpath(*name.split("."))
            home = place.parent  # what an import from a module names stands in the module
            for one in (place.with_suffix(".py"), place / "__init__.py", home.with_suffix(".py"), home / "__init__.py"):
                if one in TREES:
                    found.add(one)
                    break
    return found - {path, ROOT / "__init__.py"}


def test_every_module_has_its_place() -> None:
    found = {module_of(path) for path in FILES} - {"__init__"}
    assert found <= set(ORDER), f"say in ORDER where {found - set(ORDER)} belong"


def test_imports_run_one_way() -> None:
    upward = []
    for path in FILES:
        own = module_of(path)
        if own == "__init__":  # names it may give, once they are asked for
            upward += [(shown(path), name) for name in imports(path) if name.startswith("headstart.")]
            continue
        others = {module_of(other) for other in imported_files(path)} - {own}
        upward += [(shown(path), other) for other in others if ORDER.index(other) >= ORDER.index(own)]
    assert upward == [], "each imports what stands below it, inside functions too"


def test_no_two_files_need_each_other() -> None:
    """Not even inside functions, or for type checkers: what forms a ring is read as one piece."""
    rest = {path: imported_files(path) for path in FILES if path.name != "__init__.py"}
    n_left = len(rest) + 1
    while len(rest) < n_left:  # what imports none of the others, or is imported by none, stands in no ring
        n_left = len(rest)
        wanted = set().union(*rest.values())
        rest = {path: found & rest.keys() for path, found in rest.items() if found & rest.keys() and path in wanted}
    assert sorted(map(shown, rest)) == []


def test_no_import_is_relative() -> None:
    relative = [
        f"{shown(path)}:{node.lineno}"
        for path in FILES
        for node in every_import(path)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == [], "write the whole name"


def test_networks_do_not_import_each_other() -> None:
    others = []
    for path in FILES:
        own = ".".join(("headstart", *path.relative_to(ROOT).with_suffix("").parts[:2]))  # a network may be a folder
        if own.startswith("headstart.nets.") and path != ROOT / "nets" / "__init__.py":
            found = [name for name in imports(path) if name.startswith("headstart.nets")]
            others += [(shown(path), name) for name in found if name != own and not name.startswith(f"{own}.")]
    assert others == []


def test_what_uses_a_model_needs_nothing_that_learns() -> None:
    """Not inside functions either, nor for type checkers only; what may be asked for by name, `extras` finds."""
    heavy = {"torch", "sklearn", "scipy", "joblib", "jinja2"}
    using = [
        path for path in FILES if (module_of(path) in USING and shown(path) not in FACES) or shown(path) in COMMANDS
    ]
    found = [
        (shown(path), name)
        for path in using
        for node in every_import(path)
        for name in names_of(node)
        if name.partition(".")[0] in heavy
    ]
    assert found == []
    below = {*LEARNING} - {"cli"}
    learning = [
        (shown(path), shown(other))
        for path in using
        for other in imported_files(path)
        if module_of(other) in below
        or shown(other) in FACES
        or (module_of(other) == "cli" and shown(other) not in COMMANDS)
    ]
    assert [pair for pair in learning if pair[0] != "text/__init__.py"] == []


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
