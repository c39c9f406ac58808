"""Regular expressions and other rules of a stored model, which may run for ever: used if they are plain, or trusted."""

import os
import re

from headstart.errors import ArtifactError

TRUST = "HEADSTART_TRUST_PATTERNS"
"""Set to 1 it says, for commands and all that loads a model by its path, what ``trust_patterns=True`` says."""

# One character: an escaped class or sign, a set, any sign without a meaning of its own, or the dot.
_CHARACTER = r"""(?:\\[wWdDsS]|\\[^A-Za-z0-9]|\[\^?(?:\\.|[^\]\\\[])+\]|[^\\\[\](){}|.*+?^$]|\.)"""
_RUN = rf"{_CHARACTER}+[*+]?"
_LINEAR = re.compile(rf"(?:\(\?[aiu]+\))?(\()?{_RUN}(?:\|{_RUN})*(?(1)\))", re.DOTALL)


def is_linear(pattern: str) -> bool:
    r"""Whether a regular expression is so plain that its running time is bounded by text times pattern.

    That is so for alternatives (with or without one group around all) that each are a row of characters or sets, of
    which only the last may be repeated, as in ``\w+|[!?]`` or ``[a-z][a-z']*``: nothing follows a repetition, so the
    matcher never steps back into one.

    >>> is_linear(r"(\w+)"), is_linear(r"(?:\w+)+x")
    (True, False)
    """
    return len(pattern) <= 1000 and _LINEAR.fullmatch(pattern) is not None


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
