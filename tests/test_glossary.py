"""The glossary names what is public, and words that were dropped do not come back."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import headstart

PAGES = Path(__file__).parents[1]
GLOSSARY = (PAGES / "docs" / "glossary.md").read_text(encoding="utf-8")


def test_every_public_name_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", GLOSSARY))
    assert set(headstart.__all__) - explained == set()


def test_a_term_is_explained_once() -> None:
    terms = [term for term in re.findall(r"^\| ([a-z][^|`]*) \|", GLOSSARY, flags=re.MULTILINE) if term != "term"]
    assert len(terms) > 30 and sorted(set(terms)) == sorted(terms)


# Names of 0.1 that no reader could search for, and what they are called now.
DROPPED_NAMES = {
    "Gathered": "IndexedVectors", "Learnt": "FitResult", "as_dense": "expand", "carried": "base_provenance",
    "dear": "expensive", "defer": "postpone", "guesses": "pseudo_labels", "honest_auc": "split_half_auc",
    "in_closed_form": "has_closed_form", "lanes": "simd", "law_counts": "text_counts", "neighbour_vectors":
    "cooccurrence_vectors", "one_a_row": "pool_rows", "owed": "pending", "passes": "bidirectional",
    "read_beforehand": "adapt_to_texts", "ridge_path": "logistic_path", "slopes": "gradients", "towers": "recurrent_net",
    "well_read": "adapted_base", "with_student": "distil", "without_numpy": "to_python",
}  # fmt: skip
DROPPED_WORDS = {
    "beside": "next to",
    "guesses": "pseudo-labels",
    "law 5": "data-quality counts",
    "held rows": "held-out rows",
}
MODULES = sorted(Path(headstart.__file__).parent.rglob("*.py"))
STAY = {"passes": {"corpus/filters.py"}, "lanes": {"kernels/simd.py"}}
"""Where a dropped name means something else."""


def names_in(tree: ast.AST) -> set[str]:
    """Return what a module defines: functions, classes, arguments and variables."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return {name.strip("_") for name in found}


NAMES = {path: names_in(ast.parse(path.read_text(encoding="utf-8"))) | {path.stem} for path in MODULES}


@pytest.mark.parametrize("old", sorted(DROPPED_NAMES))
def test_a_dropped_name_does_not_come_back(old: str) -> None:
    found = [
        place
        for path, names in NAMES.items()
        if old in names
        and (place := path.relative_to(Path(headstart.__file__).parent).as_posix()) not in STAY.get(old, ())
    ]
    assert not found, f"{old!r} is called {DROPPED_NAMES[old]!r} now"


@pytest.mark.parametrize("old", sorted(DROPPED_WORDS))
def test_a_dropped_word_does_not_come_back(old: str) -> None:
    pages = [*MODULES, PAGES / "README.md", *(page for page in PAGES.glob("docs/*.md") if page.name != "log.md")]
    found = [page.name for page in pages if re.search(rf"\b{old}\b", page.read_text(encoding="utf-8"))]
    assert not found, f"say {DROPPED_WORDS[old]!r} for {old!r}"
