"""Regular expressions and other rules of a stored model, which may run for ever: used if they are plain, or trusted."""

import os

from headstart.errors import ArtifactError
from headstart.text.definitions import DEFINITIONS
from headstart.text.options import is_linear

__all__ = ["TRUST", "check_pattern", "untrusted"]

TRUST = "HEADSTART_TRUST_PATTERNS"
"""Set to 1 it says, for commands and all that loads a model by its path, what ``trust_patterns=True`` says."""


def check_pattern(pattern: str, trusted: bool) -> None:
    """Refuse a regular expression of a model that is not plain, unless whoever reads the model trusts it.

    Raises:
        ArtifactError: says how to trust it.
    """
    if pattern not in DEFINITIONS and not is_linear(pattern):
        untrusted(f"holds the regular expression {pattern!r:.80}, and nothing bounds how long that may run", trusted)


def untrusted(fault: str, trusted: bool) -> None:
    """Refuse a model for what its texts would be put through, unless it is trusted; `fault` says what it holds.

    Raises:
        ArtifactError: says how to trust it.
    """
    if not (trusted or os.environ.get(TRUST) == "1"):
        raise ArtifactError(
            f"This model {fault}, so it is not used unasked. If you trust whoever made the model, load it with "
            f"headstart.load(path, trust_patterns=True), or set {TRUST}=1 for commands and imports."
        )
