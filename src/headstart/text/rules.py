"""A ``tokenizer.json``: opened, asked for what a network has to know of it, and tried out.

The rules are run by the `tokenizers` library, which they were written for. Nothing else of weight is imported here:
a process that is started to try a stored model's rules has to be there at once.
"""

import functools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from headstart.errors import ArtifactError
from headstart.extras import optional
from headstart.plain import Json

_REMEDY = "Write it anew with the library that made the model: tokenizer.save_pretrained(folder)."
_MOST_AROUND = 32  # pieces in front of and behind a text
_PROBES = ["", "a", "a b c " * 40, "\u00e9\u4e2d \U0001f600 <unk> \x00"]


class Vocabulary(NamedTuple):
    """What a network has to know of its tokenizer, in the tokenizer's own numbers.

    Attributes:
        n_pieces: one more than the largest number of a piece.
        unknown: the unknown piece; None where any text can be spelt.
        before: the pieces put in front of every text, such as ``[CLS]``.
        after: those put behind it, such as ``[SEP]``.
    """

    n_pieces: int
    unknown: int | None
    before: tuple[int, ...]
    after: tuple[int, ...]


def bare_rules(raw: bytes, *, lower_case: bool = False) -> str:
    """A ``tokenizer.json`` as text, with padding and truncation taken out: batches and models see to these.

    Args:
        raw: the file.
        lower_case: whether texts are to be lower-cased before all else.

    Raises:
        ArtifactError: it is no such file.
    """
    found = parsed_rules(raw)
    found |= {"padding": None, "truncation": None}
    if lower_case:
        steps = [{"type": "Lowercase"}, *([found["normalizer"]] if found.get("normalizer") else [])]
        found["normalizer"] = {"type": "Sequence", "normalizers": steps}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def try_rules(raw: bytes) -> bytes:
    """Open the rules of a stored model and cut some texts by them, in a process that may end by it; returns them.

    Raises:
        ArtifactError: they cannot be used.
    """
    found = parsed_rules(raw)
    if found.get("padding") is not None or found.get("truncation") is not None:
        raise ArtifactError(
            f"the tokenizer of this model pads or cuts texts by itself, which none here does. {_REMEDY}"
        )
    rules = raw.decode()
    for framed in (True, False):
        vocabulary_of(rules, framed)
        encoded(rules, _PROBES, framed=framed)
    return raw


def encoded(rules: str, texts: Sequence[str], *, framed: bool) -> list[list[int]]:
    """Return the numbers of each text's pieces, those around it included if `framed`.

    Raises:
        ArtifactError: the rules cannot be used, or not on these texts.
    """
    tokenizer = opened_rules(rules)
    with _library("does not cut these texts"):
        return [found.ids for found in tokenizer.encode_batch_fast(list(texts), add_special_tokens=framed)]


@contextmanager
def _library(fault: str) -> Iterator[None]:
    """Turn whatever the library raises into an `ArtifactError`: bare exceptions, and panics, which are none."""
    try:
        yield
    except (ArtifactError, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise ArtifactError(f"the tokenizer.json {fault} ({str(error)[:200]}). {_REMEDY}") from error


@functools.lru_cache(maxsize=8)
def vocabulary_of(rules: str, framed: bool) -> Vocabulary:
    """What a network has to know of the tokenizer; without `framed`, no pieces are put around a text."""
    tokenizer = opened_rules(rules)
    with _library("cannot be used"):
        largest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
        before, after = _frame(tokenizer) if framed else ((), ())
        unknown = _unknown(tokenizer)
    if len(before) + len(after) > _MOST_AROUND:
        raise ArtifactError(
            f"the tokenizer.json puts {len(before) + len(after):,} pieces around each text; expected at most "
            f"{_MOST_AROUND}. {_REMEDY}"
        )
    return Vocabulary(largest + 1, unknown, before, after)


@functools.lru_cache(maxsize=8)
def opened_rules(rules: str) -> Any:
    """The `tokenizers.Tokenizer` with these rules.

    Raises:
        ArtifactError: the rules cannot be used.
        MissingDependencyError: the package `tokenizers` is not installed.
    """
    library = require_library()
    with _library("cannot be used"):
        tokenizer = library.Tokenizer.from_str(rules)
        tokenizer.no_padding()
        tokenizer.no_truncation()
    return tokenizer


def require_library() -> Any:
    """Return the module `tokenizers`; raise `MissingDependencyError` unless it is installed."""
    return optional("tokenizers", "hf", "a model's own tokenizer")


def _frame(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The pieces that are put in front of a text and behind it."""
    bare = tokenizer.encode("a", add_special_tokens=False).ids
    whole = tokenizer.encode("a", add_special_tokens=True).ids
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return tuple(whole[:start]), tuple(whole[start + len(bare) :])
    raise ArtifactError(f"the tokenizer's special pieces do not stand around the text but within it. {_REMEDY}")


def _unknown(tokenizer: Any) -> int | None:
    name = getattr(tokenizer.model, "unk_token", None)
    if name is not None:
        found: int | None = tokenizer.token_to_id(name)
        return found
    stored = json.loads(tokenizer.to_str())["model"].get("unk_id")  # Unigram says it by number, and only here
    return stored if type(stored) is int else None


def parsed_rules(raw: bytes) -> Json:
    """A ``tokenizer.json`` as JSON values.

    Raises:
        ArtifactError: it is no such file.
    """
    try:
        found = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"the tokenizer.json is not JSON in UTF-8 ({str(error)[:100]}). {_REMEDY}") from error
    if not isinstance(found, dict) or not isinstance(found.get("model"), dict):
        raise ArtifactError(f"the tokenizer.json describes no tokenizer: it has no 'model'. {_REMEDY}")
    return found
