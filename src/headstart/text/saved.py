"""Fitted text steps <-> plain JSON values, with the vocabulary or the tokenizer's rules next to them.

What comes in is checked before anything is built from it: it may be damaged, or made by somebody.
A regular expression from a file is used unasked only if it is plain: nothing bounds how long another may run.
Nothing here needs scikit-learn, whose import takes about a second; `headstart.text.restored` makes its steps of these.
"""

from functools import cached_property, partial
from typing import Annotated, Any, Literal

import msgspec
import pyarrow as pa

from headstart.errors import ArtifactError, HeadstartError
from headstart.extras import learning_half
from headstart.kernels.tokens import FIRST_WORD_ID
from headstart.plain import Json
from headstart.records import Record, decoded
from headstart.text.columns import text_column
from headstart.text.definitions import DEFINITIONS, compiled_table
from headstart.text.fused import Encoded, FusedSteps
from headstart.text.options import check_fill_value, check_limits, check_pattern, expression_of
from headstart.text.ragged import RaggedIds
from headstart.text.rules import vocabulary_of
from headstart.text.single_steps import filled, indexed, joined, lowered, pieces_of, tokens_of
from headstart.text.unicode_forms import check_form, normalized
from headstart.text.vocabulary import Lookup, checked_counts, checked_vocabulary

JSON_FORMAT = 1
_MEND = "The model is damaged, or another version of headstart wrote it: copy it anew, or load it with that version."
_PRETRAINED = "PretrainedTokenizer"
OPTIONS: dict[str, list[tuple[str, Any]]] = {  # the kinds in their standard order
    "NullImputer": [("fill_value", str)],
    "UnicodeNormalizer": [("form", str)],
    "LowerCaser": [],
    "Tokenizer": [("pattern", str)],
    "TokenIndexer": [("min_count", int), ("max_size", int | None)],
}
_OPTIONS = {
    kind: msgspec.defstruct(kind, options, forbid_unknown_fields=True)
    for kind, options in {**OPTIONS, _PRETRAINED: [("framed", bool)]}.items()
}


class _Step(Record, frozen=True):
    """A text step as a model stores it."""

    name: Annotated[str, msgspec.Meta(pattern="^(?!.*__).+$", max_length=1000)]
    kind: Literal["NullImputer", "UnicodeNormalizer", "LowerCaser", "Tokenizer", "TokenIndexer", "PretrainedTokenizer"]
    options: dict[str, Any]
    version: Any = None


class _Spec(Record, frozen=True):
    """What ``steps_to_json`` gives."""

    format: Literal[1]
    steps: tuple[_Step, ...]


class StoredSteps:
    """Fitted text steps as a model has them: they encode without scikit-learn, and become a `Pipeline` when one is asked for.

    Args:
        spec: what ``steps_to_json`` gave.
        words: the indexer's vocabulary, [n_ids] Arrow strings or a list of str.
        counts: how often each occurred, [n_ids] whole numbers; None for zeros.
        rules: the ``tokenizer.json`` of a `PretrainedTokenizer`.
        trust_patterns: use any regular expression, and not only such as cannot run for ever.

    Attributes:
        spec: the steps and their options.
        vocabulary: Arrow large strings [n_ids]; None of a tokenizer that cuts words into pieces.
        counts: int64 [n_ids], or None likewise.
        rules: the tokenizer's rules, or None.
        framed: whether each text gets the tokenizer's special pieces in front and behind.

    Raises:
        ArtifactError: one of them is damaged or from another version; the message says what is wrong.
    """

    def __init__(
        self, spec: Any, words: Any, counts: Any = None, *, rules: bytes | None = None, trust_patterns: bool = False
    ) -> None:
        self.spec, self.vocabulary, self.counts, self.rules, self.framed = spec, None, None, None, False
        self._steps: list[_Step] = []
        steps = steps_of(spec)
        if _is_pretrained(steps):
            self.rules, self.framed = _pretrained(steps, rules)
            return
        _check(steps, trust_patterns)
        self._steps = steps
        try:
            for step in self._steps:
                _check_options(step)
            self.vocabulary = checked_vocabulary(words)
            self.counts = checked_counts(counts, len(self.vocabulary))
            self._lookup = Lookup.of(self.vocabulary)
        except HeadstartError as fault:
            raise _not_restored(fault) from fault

    @property
    def n_ids(self) -> int:
        """Ids in use, padding and unknown among them: the rows that an embedding needs."""
        if self.rules is not None:
            return vocabulary_of(self.rules, self.framed).n_pieces + FIRST_WORD_ID
        return 0 if self.vocabulary is None else len(self.vocabulary)

    def encode(self, texts: object, n_threads: int | None = None) -> Encoded:
        """Return token ids of texts, and counts of what a report should mention; see ``headstart.text.encode``."""
        if self.fused is not None:
            return self.fused.encode(texts, n_threads)
        column = text_column(texts)
        cut = self._cut if self.rules is None else partial(pieces_of, self.rules, self.framed)
        return joined((piece.null_count, n_replaced, cut(piece)) for piece, n_replaced in column.pieces())

    @cached_property
    def fused(self) -> FusedSteps | None:
        """The steps as one compiled function; None where they do not allow it."""
        kinds = [step.kind for step in self._steps]
        if not kinds or kinds != [kind for kind in OPTIONS if kind in kinds]:
            return None
        pattern = self._steps[-2].options["pattern"]
        if pattern not in DEFINITIONS:
            return None
        options = {key: value for step in self._steps for key, value in step.options.items()}
        table = compiled_table(pattern, "LowerCaser" in kinds)
        return FusedSteps(table, options.get("fill_value"), self._lookup, options.get("form"))

    @cached_property
    def pipeline(self) -> Any:
        """The steps as a fitted scikit-learn ``Pipeline``.

        Raises:
            MissingDependencyError: scikit-learn is not installed.
        """
        restored = learning_half("headstart.text.restored", "A scikit-learn pipeline of a model's text steps")
        return restored.pipeline_of(self)

    def parts(self) -> list[tuple[str, str, Json]]:
        """Return name, kind and options of each step."""
        return [(step.name, step.kind, step.options) for step in self._steps]

    def _cut(self, texts: "pa.LargeStringArray") -> RaggedIds:
        found: Any = texts
        for step in self._steps:
            if step.kind == "NullImputer":
                found = filled(found, **step.options)
            elif step.kind == "UnicodeNormalizer":
                found = normalized(found, **step.options)
            elif step.kind == "LowerCaser":
                found = lowered(found)
            elif step.kind == "Tokenizer":
                found = tokens_of(found, **step.options)
        return indexed(found, self.vocabulary)

    def __getstate__(self) -> Json:
        return {name: value for name, value in self.__dict__.items() if name not in ("fused", "pipeline")}

    def __repr__(self) -> str:
        kinds = [step["kind"] for step in self.spec["steps"]]
        return f"StoredSteps({' > '.join(kinds)}, n_ids={self.n_ids})"


def fused_from_json(
    spec: object, words: object, counts: object = None, *, trust_patterns: bool = False
) -> FusedSteps | None:
    """The same as one function, ``FusedSteps.encode``; None when the steps do not allow it (see ``encode``).

    Raises:
        ArtifactError: as `StoredSteps`.
    """
    pretrained = _is_pretrained(steps_of(spec))
    return None if pretrained else StoredSteps(spec, words, counts, trust_patterns=trust_patterns).fused


def pretrained_spec(*, framed: bool) -> Json:
    """What is stored of a `PretrainedTokenizer` next to its rules."""
    return {"format": JSON_FORMAT, "steps": [{"name": "tokenizer", "kind": _PRETRAINED, "options": {"framed": framed}}]}


def check_spec(spec: object) -> None:
    """Refuse a specification that could not be read again; its expression is trusted.

    Raises:
        ArtifactError: says what was found.
    """
    _check(steps_of(spec), trusted=True)


def steps_of(spec: object) -> list[_Step]:
    """The steps of a specification, whose names, kinds and types of options are right.

    Raises:
        ArtifactError: says what does not fit.
    """
    steps = decoded(_Spec, spec, "the text steps of this model")
    for step in steps.steps:
        decoded(_OPTIONS[step.kind], step.options, f"options of the text step {step.kind}")
    return list(steps.steps)


def _is_pretrained(steps: list[_Step]) -> bool:
    return any(step.kind == _PRETRAINED for step in steps)


def _pretrained(steps: list[_Step], rules: bytes | None) -> tuple[str, bool]:
    """Rules and frame of a `PretrainedTokenizer`."""
    if len(steps) > 1 or rules is None:
        raise ArtifactError(
            f"Expected {_PRETRAINED} as the only text step, and its rules, "
            f"got {len(steps)} {'without' if rules is None else 'with'} rules. {_MEND}"
        )
    return rules.decode(), bool(steps[0].options["framed"])


def _check(steps: list[_Step], trusted: bool) -> None:
    """Refuse steps in another order, and an expression that nobody trusts."""
    kinds = [step.kind for step in steps]
    if kinds[-2:] != ["Tokenizer", "TokenIndexer"] or len({*kinds}) < len(kinds):
        raise ArtifactError(
            f"Expected text steps that end in Tokenizer and TokenIndexer, none twice, got {kinds}. {_MEND}"
        )
    if len({step.name for step in steps}) < len(steps):
        raise ArtifactError(f"Expected text steps of different names, got {[step.name for step in steps]}. {_MEND}")
    pattern = steps[-2].options["pattern"]
    _check_version(pattern, steps[-2].version)
    check_pattern(pattern, trusted)


def _check_version(pattern: str, version: object) -> None:
    known = DEFINITIONS.get(pattern)
    if known is None and version is None:
        return  # a regular expression
    # Files without a version are older than the second version of anything.
    if known is not None and (1 if version is None else version) == known.version:
        return
    raise ArtifactError(
        f"This model cuts texts by version {version!r:.20} of the token definition {pattern!r:.80}, and this version of "
        f"headstart knows {', '.join(f'{name} {one.version}' for name, one in DEFINITIONS.items())}. Install the "
        f"version that wrote the model, or a newer one."
    )


def _check_options(step: _Step) -> None:
    if step.kind == "NullImputer":
        check_fill_value(step.options["fill_value"])
    elif step.kind == "UnicodeNormalizer":
        check_form(step.options["form"])
    elif step.kind == "Tokenizer":
        expression_of(step.options["pattern"])
    elif step.kind == "TokenIndexer":
        check_limits(**step.options)


def _not_restored(fault: HeadstartError) -> ArtifactError:
    return ArtifactError(f"The text steps of this model cannot be restored. {fault} {_MEND}")
