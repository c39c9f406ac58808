"""A ``tokenizer.json``, stored or imported, checked and tried out before this process uses it."""

from __future__ import annotations

from headstart.artifact.probing import rewritten_in_child
from headstart.text.rule_checks import check_rules
from headstart.text.rules import parsed_rules, require_library, try_rules


def checked_tokenizer(raw: bytes, *, trusted: bool = False) -> bytes:
    """Return the file once its steps are known and bounded, or trusted, and a child process has cut texts by it.

    Raises:
        ArtifactError: it cannot be used, or not unasked.
        MissingDependencyError: the package `tokenizers` is not installed.
    """
    require_library()
    check_rules(parsed_rules(raw), trusted=trusted)
    return rewritten_in_child(try_rules, raw, what="tokenizer.json")
