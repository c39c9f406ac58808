"""The pages: what they link to and name is there, and every public name is in the API reference."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

import headstart

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "headstart"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "saved" not in path.parts)
CHAPTERS = sorted((DOCS / "tutorial").glob("0*.md"))
MODULES = ("batches", "evaluation", "report")
"""Modules all of whose names are public, beside the package's own."""


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose_of(page: Path) -> str:
    return re.sub(
        r"^(```+|~~~+)(?!\{toctree\}).*?^\1", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


def anchors_of(page: Path) -> set[str]:
    """What a link may name behind ``#``, as GitHub and the site make it of a heading."""
    headings = re.findall(r"^#+ +(.+?) *$", prose_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def there(name: str) -> bool:
    """Whether a dotted name is a module, or stands in one."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for part in parts[n:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if re.match(r"\w+:", target):
            continue
        file, _, anchor = target.partition("#")
        to = page if not file else page.parent / file
        assert to.exists(), f"{shown(page)} links to {target}, and there is no such file"
        if anchor:
            assert anchor in anchors_of(to), f"{shown(page)} links to {target}, and that page has no such heading"


def test_every_page_is_in_a_table_of_contents() -> None:
    listed = set()
    for page in PAGES:
        for entries in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
            names = [line for line in entries.split() if not line.startswith(":")]
            listed |= {(page.parent / f"{name}.md").resolve() for name in names}
    missing = [shown(page) for page in PAGES if page.resolve() not in listed and page != DOCS / "index.md"]
    assert not missing, f"add these pages to a toctree, such as that of docs/index.md: {missing}"


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES, SOURCE], ids=shown)
def test_names_on_a_page_are_there(page: Path) -> None:
    """Dotted names in code marks, also of the package's docstrings."""
    if page.name == "log.md":  # names what was there once
        return
    files = sorted(page.rglob("*.py")) if page.is_dir() else [page]
    names = set(
        re.findall(r"`(headstart(?!\.js)(?:\.\w+)+)", "".join(file.read_text(encoding="utf-8") for file in files))
    )
    missing = sorted(name for name in names if not there(name))
    assert not missing, f"{shown(page)} names what is not there"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=shown)
def test_a_chapter_parses_and_imports_what_is_there(chapter: Path) -> None:
    code = "\n".join(re.findall(r"```\{code-cell\}\n(.*?)```", chapter.read_text(encoding="utf-8"), flags=re.DOTALL))
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("headstart"):
            module = importlib.import_module(str(node.module))
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            assert not missing, f"{node.module} has no {missing}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "hs":
            assert node.attr in headstart.__all__, f"hs.{node.attr} is not public"


def test_every_public_name_is_in_the_reference() -> None:
    reference = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "api").glob("*.md"))
    listed = set(re.findall(r"^\.\. (?:auto|py:)\w+:: (?:[\w.]+\.)?(\w+)$", reference, flags=re.MULTILINE))
    public = set(headstart.__all__).union(*(importlib.import_module(f"headstart.{name}").__all__ for name in MODULES))
    public -= {"AUC", "METRICS", "Clip"}
    missing = sorted(public - listed)
    assert not missing, f"add these to a page of docs/api/: {missing}"
