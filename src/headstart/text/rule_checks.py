"""What a ``tokenizer.json`` may do to a text: known steps, each in the time of the text, and no text without bound.

The file is a program of its own: forty rules ``ž -> žž`` make a terabyte of one letter, and a regular expression may
run for ever. What is not on the lists below, or makes more than `MOST_GROWTH` characters of one, has to be trusted.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headstart.errors import ArtifactError
from headstart.plain import Facts
from headstart.text.trust import is_linear, untrusted

MOST_GROWTH = 100
MOST_ADDED = 1000  # characters put in front of a text
MOST_STEPS = 256  # model2vec writes a rule for each sign of punctuation
MOST_AROUND = 64  # pieces put around a text
MOST_IN_WORD = 1000  # characters of a word that WordPiece looks up, in time that grows with their square

# Expressions that real tokenizers cut by and that are not plain: runs of blanks, and those of GPT-2 and its heirs. Their
# alternatives begin with different characters, so that a matcher takes back a step at most.
_KNOWN = {
    r" {2,}",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
_NORMALIZERS = {
    "BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled", "Prepend", "Replace",
    "Strip", "StripAccents",
}  # fmt: skip
_CUTS = {
    "BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "FixedLength", "Metaspace", "Punctuation", "Split",
    "UnicodeScripts", "Whitespace", "WhitespaceSplit",
}  # fmt: skip
_AROUND = {"BertProcessing", "ByteLevel", "RobertaProcessing", "TemplateProcessing"}
_DECODERS = {"BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace", "Replace", "Strip", "WordPiece"}
_MODELS = {"BPE", "Unigram", "WordLevel", "WordPiece"}
_KINDS = {
    "normalizer": ("normalizers", _NORMALIZERS), "pre_tokenizer": ("pretokenizers", _CUTS),
    "post_processor": ("processors", _AROUND), "decoder": ("decoders", _DECODERS),
}  # fmt: skip
Step = Facts


def check_rules(rules: Facts, *, trusted: bool = False) -> None:
    """Refuse a ``tokenizer.json`` whose steps are not known, or bounded, unless it is trusted.

    Args:
        rules: the file, parsed.
        trusted: take any.

    Raises:
        ArtifactError: says what is not known or bounded, and how to trust it.
    """
    try:
        for fault in _faults(rules):
            untrusted(f"cuts texts by {fault}", trusted)
    except RecursionError as error:
        raise ArtifactError("the tokenizer.json is nested too deep; copy the model again, whole.") from error


def _faults(rules: Facts) -> Iterator[str]:
    steps: dict[str, list[Step]] = {}
    for name, (inner, known) in _KINDS.items():
        found = list(_flat(rules.get(name), inner, 0))
        steps[name] = found
        if len(found) > MOST_STEPS:
            yield f"{len(found):,} steps of the kind {name}"
        for step in found:
            if not _is_of(step.get("type"), known):
                yield f"the {name} {step.get('type')!r:.60}, which is not known here"
        yield from _expressions(found)
    for name in ("normalizer", "pre_tokenizer"):
        if sum(step.get("type") == "ByteLevel" for step in steps[name]) > 1:
            yield f"the {name} ByteLevel more than once, which doubles a text each time"
    try:
        growth, added = _growth(steps["normalizer"])
    except (TypeError, ValueError, KeyError, binascii.Error, re.error) as error:
        yield f"rules whose growth cannot be told ({type(error).__name__}: {error!s:.80})"
    else:
        if growth > MOST_GROWTH or added > MOST_ADDED:
            yield f"rules that may make {max(growth, added):,.0f} characters of one"
    if any(_largest(step) > MOST_AROUND for step in steps["post_processor"]):
        yield f"a rule that puts more than {MOST_AROUND} pieces around each text"
    if len(steps["post_processor"]) > 8:
        yield "more than 8 rules that put pieces around each text"
    yield from _model_faults(rules.get("model"))


def _flat(step: object, inner: str, depth: int) -> Iterator[Step]:
    """Yield the steps of a part in their order, those of sequences one by one."""
    if step is None:
        return
    if not isinstance(step, Mapping) or depth > 8:
        yield {"type": f"a {type(step).__name__}"}
    elif step.get("type") == "Sequence" and isinstance(step.get(inner), list):
        for one in step[inner]:
            yield from _flat(one, inner, depth + 1)
    else:
        yield step


def _expressions(steps: list[Step]) -> Iterator[str]:
    for step in steps:
        pattern = step.get("pattern")
        expression = pattern.get("Regex") if isinstance(pattern, Mapping) else None
        if expression is not None and not _is_bounded(expression):
            yield f"the regular expression {expression!r:.80}, and nothing bounds how long that may run"


def _is_bounded(expression: object) -> bool:
    return isinstance(expression, str) and (expression in _KNOWN or is_linear(expression))


def _is_of(kind: object, known: set[str]) -> bool:
    return isinstance(kind, str) and kind in known


def _model_faults(model: Any) -> Iterator[str]:
    kind = model.get("type") if isinstance(model, Mapping) else None
    if not _is_of(kind, _MODELS):
        yield f"a model of the kind {kind!r:.60}, which is not known here"
    elif kind == "WordPiece":
        longest = model.get("max_input_chars_per_word", 100)
        if type(longest) is not int or not 0 <= longest <= MOST_IN_WORD:
            yield f"words of up to {longest!r:.40} characters, looked up piece by piece"
    elif kind == "BPE" and model.get("dropout") not in (None, 0, 0.0):
        yield f"dice: its dropout is {model['dropout']!r:.40}, so that a text would not be cut twice the same"
    elif kind == "Unigram":
        pieces = model.get("vocab")
        lengths = (len(p[0]) for p in pieces if p and isinstance(p[0], str)) if isinstance(pieces, list) else ()
        if max(lengths, default=0) > MOST_IN_WORD:
            yield f"pieces of more than {MOST_IN_WORD:,} characters"


def _largest(value: object) -> int:
    """Return the length of the longest list in a parsed document."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    own = len(value) if isinstance(value, list) else 0
    return max([own, *map(_largest, inner)])


class _Weights:
    """How many characters one character may become in the steps that are still to come."""

    def __init__(self) -> None:
        self.named: dict[str, float] = {}
        self.other = 1.0

    def of(self, text: str) -> float:
        return sum(self.named.get(character, self.other) for character in text)

    @property
    def largest(self) -> float:
        return max([self.other, *self.named.values()])


def _growth(steps: list[Step]) -> tuple[float, float]:
    """Return how many characters a character may become, and how many come in front of a text: upper bounds.

    The steps are gone through from the last to the first, so that what a step writes is counted as what the steps
    behind it make of that. Unicode's own rules count once for one, whatever text they are put to: the file does not
    choose what they do.
    """
    weights, added = _Weights(), 0.0
    for step in reversed(steps):
        kind = str(step.get("type"))
        if kind == "Prepend":
            added += weights.of(_text(step["prepend"]))
        else:
            _CHANGES.get(kind, _anything)(step, weights)
    return weights.largest, added


def _replace(step: Step, weights: _Weights) -> None:
    content, pattern = _text(step["content"]), step["pattern"]
    gain = weights.of(content)
    if "String" in pattern:
        found = _text(pattern["String"])
        if not found:
            raise ValueError("it replaces nothing by something")
        stays = len(found) > 1  # a longer one may be met in part, and then stays
        weights.named[found[0]] = max(gain, weights.of(found[0])) if stays else gain
        return
    if not _is_bounded(pattern["Regex"]) or re.match(_python(pattern["Regex"]), "") is not None:
        raise ValueError("it replaces nothing by something")
    weights.named = {character: max(value, gain) for character, value in weights.named.items()}
    weights.other = max(weights.other, gain)


def _python(expression: object) -> str:
    """Return an expression of the library as one of Python's that matches the empty text if it does."""
    return re.sub(r"\\p\{\w+\}", r"\\w", _text(expression))


def _precompiled(step: Step, weights: _Weights) -> None:
    """Count what a map of sentencepiece writes: its size, a search tree of that size, texts with a zero behind each."""
    raw = base64.b64decode(_text(step["precompiled_charsmap"]), validate=True)
    size = int.from_bytes(raw[:4], "little")
    texts = raw[4 + size :].decode("utf-8", "replace").split("\0")
    # A place within a text is a text, too, but a shorter one.
    gain = max(map(weights.of, texts), default=0.0)
    weights.other, weights.named = max(weights.largest, gain), {}


def _bert(_step: Step, weights: _Weights) -> None:
    """An ideograph gets a blank on either side."""
    weights.other, weights.named = weights.largest + 2 * weights.of(" "), {}


def _bytes(_step: Step, weights: _Weights) -> None:
    weights.other, weights.named = 4 * weights.largest, {}


def _anything(_step: Step, weights: _Weights) -> None:
    """A character may become another one."""
    weights.other, weights.named = weights.largest, {}


def _nothing(_step: Step, _weights: _Weights) -> None:
    """Characters are left out, and none is written."""


_CHANGES: dict[str, Callable[[Step, _Weights], None]] = {
    "BertNormalizer": _bert,
    "ByteLevel": _bytes,
    "Precompiled": _precompiled,
    "Replace": _replace,
    "Strip": _nothing,
    "StripAccents": _nothing,
}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value
