"""The glossary names what is public, and words that were dropped do not come back."""

from __future__ import annotations

import re
from pathlib import Path

import headstart

PAGES = Path(__file__).parents[1]
GLOSSARY = (PAGES / "docs" / "glossary.md").read_text(encoding="utf-8")


def test_every_public_name_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", GLOSSARY))
    assert set(headstart.__all__) - explained == set()


def test_a_term_is_explained_once() -> None:
    terms = [term for term in re.findall(r"^\| ([a-z][^|`]*) \|", GLOSSARY, flags=re.MULTILINE) if term != "term"]
    assert len(terms) > 30 and sorted(set(terms)) == sorted(terms)
