"""The tokenizer that came with somebody else's model, as a text step.

Its rules (a ``tokenizer.json``) are run by the `tokenizers` library, which they were written for; here its ids
become ours: 0 is padding, 1 is unknown, and piece ``i`` of the model is ``i + 2``.
"""

import functools
import json
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc

from headstart.errors import ArtifactError, MissingDependencyError
from headstart.kernels.tokens import FIRST_WORD_ID, UNKNOWN_ID
from headstart.text.columns import text_column
from headstart.text.ragged import RaggedIds
from headstart.text.steps import _KeepsOutput, _TextStep

__all__ = ["PretrainedTokenizer", "Vocabulary", "bare_definition", "try_definition", "vocabulary_of"]

_REMEDY = "Write it anew with the library that made the model: tokenizer.save_pretrained(folder)."
_PROBES = ("", "a", "a b c " * 40, "\u00e9\u4e2d \U0001f600 <unk> \x00")
_AT_A_TIME = 4096  # texts: what the library makes of each is a Python object of its own


class Vocabulary(NamedTuple):
    """What a network has to know of its tokenizer.

    Attributes:
        n_ids: ids in use, padding and unknown among them.
        unknown: the model's own number of the unknown piece; None where any text can be spelt.
        before: the model's own numbers of the pieces put in front of every text, such as ``[CLS]``.
        after: of those put behind it, such as ``[SEP]``.
    """

    n_ids: int
    unknown: int | None
    before: tuple[int, ...]
    after: tuple[int, ...]


class PretrainedTokenizer(_KeepsOutput, _TextStep, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Cut every text as somebody else's model has it, and give each piece its id. Nothing is learnt; nulls are empty.

    Args:
        definition: a ``tokenizer.json`` as text, without padding and truncation (see `bare_definition`).
        framed: whether each text gets the model's special pieces in front and behind.
    """

    def __init__(self, definition: str, framed: bool = True) -> None:
        self.definition = definition
        self.framed = framed

    def transform(self, X: Any) -> RaggedIds:
        """Ids of every text: 1 for the model's unknown piece, from 2 on its other ones.

        Raises:
            DataError: ``X`` is no column of strings and nulls.
            ArtifactError: the definition cannot be used.
            MissingDependencyError: the package `tokenizers` is not installed.
        """
        tokenizer, unknown = _opened(self.definition), self.vocabulary().unknown
        rows: list[list[int]] = []
        for piece, _ in text_column(X).pieces():
            texts = pc.fill_null(piece, "").to_pylist()
            for start in range(0, len(texts), _AT_A_TIME):
                part = tokenizer.encode_batch_fast(texts[start : start + _AT_A_TIME], add_special_tokens=self.framed)
                rows += [found.ids for found in part]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        own = np.fromiter(chain.from_iterable(rows), np.int32, int(offsets[-1]))
        ids = own + np.int32(FIRST_WORD_ID)
        return RaggedIds(ids if unknown is None else np.where(own == unknown, np.int32(UNKNOWN_ID), ids), offsets)

    def vocabulary(self) -> Vocabulary:
        """What a network has to know: see `Vocabulary`."""
        return vocabulary_of(self.definition, self.framed)

    @property
    def n_ids(self) -> int:
        """Ids in use, padding and unknown among them: the rows that an embedding needs."""
        return self.vocabulary().n_ids


def bare_definition(raw: bytes, *, lower_case: bool = False) -> str:
    """A ``tokenizer.json`` as text, with padding and truncation taken out: batches and models see to these.

    Args:
        raw: the file.
        lower_case: whether texts are to be lower-cased before all else.

    Raises:
        ArtifactError: it is no such file.
    """
    found = _parsed(raw)
    found |= {"padding": None, "truncation": None}
    if lower_case:
        rules = [{"type": "Lowercase"}, *([found["normalizer"]] if found.get("normalizer") else [])]
        found["normalizer"] = {"type": "Sequence", "normalizers": rules}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def try_definition(raw: bytes) -> None:
    """Open a definition from a stored model and cut some texts by it; for a process that may end by it."""
    definition = _parsed(raw)
    if definition.get("padding") is not None or definition.get("truncation") is not None:
        raise ArtifactError(
            f"the tokenizer of this model pads or cuts texts by itself, which none here does. {_REMEDY}"
        )
    text = raw.decode()
    vocabulary_of(text, True)
    for framed in (True, False):
        PretrainedTokenizer(text, framed).transform(list(_PROBES))


@functools.lru_cache(maxsize=8)
def vocabulary_of(definition: str, framed: bool) -> Vocabulary:
    """What a network has to know of the tokenizer: see `Vocabulary`."""
    tokenizer = _opened(definition)
    largest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    before, after = _frame(tokenizer) if framed else ((), ())
    return Vocabulary(largest + 1 + FIRST_WORD_ID, _unknown(tokenizer), before, after)


def _frame(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The model's numbers of what is put in front of a text and behind it."""
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


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"the tokenizer.json is not JSON in UTF-8 ({str(error)[:100]}). {_REMEDY}") from error
    if not isinstance(found, dict) or not isinstance(found.get("model"), dict):
        raise ArtifactError(f"the tokenizer.json describes no tokenizer: it has no 'model'. {_REMEDY}")
    return found


@functools.lru_cache(maxsize=8)
def _opened(definition: str) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingDependencyError("tokenizers", "hf", "a model's own tokenizer") from error
    try:
        tokenizer = Tokenizer.from_str(definition)
    except Exception as error:  # the library raises bare exceptions
        raise ArtifactError(f"the tokenizer.json cannot be used ({str(error)[:200]}). {_REMEDY}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
