"""The half of the package that learns, and what it needs: imported when it is asked for, or named with its install command."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from headstart.errors import MissingDependencyError

LEARNING = ("torch", "sklearn", "scipy")
"""What learning needs, as it is imported; ``pip install 'headstart[train]'`` brings it."""

_TRAIN = {"torch": "torch", "sklearn": "scikit-learn", "scipy": "scipy", "joblib": "joblib", "jinja2": "jinja2"}


def is_installed(package: str) -> bool:
    """Tell whether a package can be imported; it is not imported for that."""
    return bool(sys.modules[package] if package in sys.modules else importlib.util.find_spec(package))


def optional(module: str, extra: str, purpose: str, package: str = "") -> Any:
    """Return a module that an extra of the package brings; what it holds has no types here.

    Args:
        module: its whole name.
        extra: that brings it.
        purpose: begins the sentence of the error, such as ``"Reading images"``.
        package: that holds it, where that is not the first part of its name.

    Raises:
        MissingDependencyError: says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(package or module.partition(".")[0], extra, purpose) from error


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
        if package not in _TRAIN:
            raise
        raise MissingDependencyError(_TRAIN[package], "train", purpose, whole=True) from error
