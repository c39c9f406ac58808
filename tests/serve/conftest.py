"""Stored models behind an application, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from headstart.serve import application

STORED = Path(__file__).parent.parent / "data" / "artifacts"
KINDS = ("v1.1-tfidf", "v1-blend", "v1.2-multiclass-blend", "v1.2-multiclass-tfidf", "v1.2-multilabel-linear", "v1.2-ordinal-tfidf", "v1.2-regression-nbsvm")  # fmt: skip


def stored_rows(name: str) -> list[dict[str, Any]]:
    """The rows that a stored model comes with."""
    facts = json.loads((STORED / f"{name}.json").read_text())
    columns = facts.get("columns", {})
    return [
        {"text": text, **{column: values[i] for column, values in columns.items()}}
        for i, text in enumerate(facts["texts"])
    ]


@pytest.fixture(scope="session")
def serving() -> Callable[..., TestClient]:
    """Return a client of an application; what is asked for once is kept."""
    kept: dict[str, TestClient] = {}

    def client(name: str = "v1.1-nbsvm", **options: Any) -> TestClient:
        key = f"{name} {options}"
        if key not in kept:
            kept[key] = TestClient(application({name: STORED / name}, **options), raise_server_exceptions=False)
        return kept[key]

    return client
