"""Rows like those of a real run, and a reader of pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

VOID = {"meta", "br", "hr", "img", "link", "input", "path", "circle", "rect"}


@dataclass
class Element:
    """A tag with its attributes and the text directly or indirectly in it."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Read(HTMLParser):
    """A page taken apart: its elements in order; a tag that is not closed in turn is an error."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def __hash__(self) -> int:
        return id(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self.open.pop().tag != tag:
            raise ValueError(f"</{tag}> closes another element")

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]


@pytest.fixture
def read_page() -> Callable[[str], Read]:
    def read(html: str) -> Read:
        page = Read()
        page.feed(html)
        page.close()
        assert page.open == []
        return page

    return read


@pytest.fixture
def epochs() -> list[dict[str, Any]]:
    """Five epochs after a start at chance."""
    measured = [(0.694, 0.6935, 0.507, 0.503), (0.412, 0.301, 0.893, 0.949), (0.262, 0.262, 0.959, 0.9608)]
    measured += [(0.207, 0.2548, 0.974, 0.9643), (0.161, 0.271, 0.984, 0.9646), (0.119, 0.302, 0.991, 0.9629)]
    names = ("train_loss", "valid_loss", "train_auc", "valid_auc")
    rows = [{"epoch": k, **dict(zip(names, row, strict=True)), "seconds": 21.0} for k, row in enumerate(measured)]
    return [{**rows[0], "seconds": None}, *rows[1:]]


@pytest.fixture
def scored() -> tuple[list[int], list[float]]:
    """Labels and probabilities of 600 rows, an AUC of about .97."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 600)
    logits = rng.normal(size=600) * 2.2 + np.where(labels == 1, 2.8, -2.8)
    return labels.tolist(), (1 / (1 + np.exp(-logits))).tolist()


@pytest.fixture
def comparison() -> list[dict[str, Any]]:
    """Five strategies at four budgets, three draws each."""
    rng = np.random.default_rng(0)
    means = {"tfidf": (0.787, 0.845, 0.864, 0.896), "as-is": (0.832,) * 4, "scratch": (0.557, 0.65, 0.784, 0.885)}
    means |= {"features": (0.836, 0.843, 0.851, 0.868), "fine-tune": (0.826, 0.842, 0.861, 0.9)}
    return [
        {"strategy": name, "budget": budget, "seed": seed, "auc": mean + rng.normal() * 0.01}
        for name, row in means.items()
        for budget, mean in zip((100, 500, 2000, 13766), row, strict=True)
        for seed in range(3)
    ]


@pytest.fixture
def words() -> list[str]:
    """A hundred words of 3 to 14 letters."""
    rng = np.random.default_rng(1)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    return ["".join(rng.choice(letters, rng.integers(3, 15))) for _ in range(100)]
