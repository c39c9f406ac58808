"""The half of the package that learns, and what it needs: imported when it is asked for, or named with its install command."""

from __future__ import annotations

import importlib
from types import ModuleType

from headstart.errors import MissingDependencyError

__all__ = ["TRAIN", "learning_half"]

TRAIN = ("torch", "sklearn", "scipy", "joblib", "jinja2")
"""What ``pip install 'headstart[train]'`` brings, as it is imported."""


def learning_half(module: str, purpose: str) -> ModuleType:
    """Return a module that may need what a prediction install lacks.

    Args:
        module: its whole name.
        purpose: begins the sentence of the error, such as ``"Training"``.

    Raises:
        MissingDependencyError: says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in TRAIN:
            raise
        raise MissingDependencyError(package, "train", purpose, whole=True) from error
