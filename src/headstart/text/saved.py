"""Fitted text steps <-> plain JSON values, with the vocabulary or the tokenizer's rules next to them.

What comes in is checked before anything is built from it: it may be damaged, or made by somebody.
A regular expression from a file is used unasked only if it is plain: nothing bounds how long another may run.
``fused_from_json`` needs no scikit-learn, whose import takes about a second.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from headstart.errors import ArtifactError, HeadstartError
from headstart.plain import Json
from headstart.text.definitions import DEFINITIONS, compiled_table
from headstart.text.fused import FusedSteps
from headstart.text.options import check_fill_value, check_limits, check_pattern, expression_of
from headstart.text.unicode_forms import check_form
from headstart.text.vocabulary import Lookup, checked_counts, checked_vocabulary

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["fused_from_json", "steps_from_json", "steps_to_json"]

JSON_FORMAT = 1
_OPTIONS: dict[str, dict[str, tuple[type, ...]]] = {  # the kinds in their standard order
    "NullImputer": {"fill_value": (str,)},
    "UnicodeNormalizer": {"form": (str,)},
    "LowerCaser": {},
    "Tokenizer": {"pattern": (str,)},
    "TokenIndexer": {"min_count": (int,), "max_size": (int, type(None))},
}
_PRETRAINED = "PretrainedTokenizer"
_MEND = "The model is damaged, or another version of headstart wrote it: copy it anew, or load it with that version."


class _Step(NamedTuple):
    name: str
    kind: str
    options: Json


def steps_to_json(pipeline: "Pipeline") -> Json:
    """The steps and their options. The vocabulary is kept next to it: the last step's ``vocabulary_`` and ``counts_``,
    or a `PretrainedTokenizer`'s ``rules``.

    Raises:
        ArtifactError: a step is not one of ours, so that code would be needed to bring it back.
    """
    from headstart.text import pretrained, steps

    only = pipeline.steps[0][1]
    if len(pipeline.steps) == 1 and type(only) is pretrained.PretrainedTokenizer:
        return _pretrained_spec(framed=bool(only.framed))
    written = []
    for name, step in pipeline.steps:
        kind = type(step).__name__
        if kind not in _OPTIONS or type(step) is not getattr(steps, kind):
            raise ArtifactError(
                f"The text step {name!r} is a {kind}, which cannot be saved, because a saved model holds no code. "
                f"Use only {', '.join(_OPTIONS)} in the model, and apply this step to the texts before they reach it."
            )
        options = {key: _plain(value) for key, value in step.get_params(deep=False).items()}
        definition = DEFINITIONS.get(options.get("pattern", ""))
        version = {} if definition is None else {"version": definition.version}
        written.append({"name": name, "kind": kind, "options": options, **version})
    spec = {"format": JSON_FORMAT, "steps": written}
    _checked(spec, trusted=True)
    return spec


def steps_from_json(
    spec: Any, words: Any, counts: Any = None, *, rules: bytes | None = None, trust_patterns: bool = False
) -> "Pipeline":
    """The fitted pipeline again.

    Args:
        spec: what ``steps_to_json`` gave.
        words: the indexer's ``vocabulary_``, [n_ids] Arrow strings or a list of str.
        counts: its ``counts_``, [n_ids] whole numbers; None for zeros.
        rules: the ``tokenizer.json`` of a `PretrainedTokenizer`.
        trust_patterns: use any regular expression, and not only such as cannot run for ever.

    Raises:
        ArtifactError: one of the three is damaged or from another version; the message says what is wrong.
    """
    from headstart.text import steps

    if _is_pretrained(spec):
        return _pretrained(spec, rules)
    restored: list[tuple[str, Any]] = []
    try:
        for name, kind, options in _checked(spec, trust_patterns):
            if kind == "TokenIndexer":
                restored.append((name, steps.TokenIndexer.from_vocabulary(words, counts, **options)))
            else:
                restored.append((name, getattr(steps, kind)(**options).fit([])))
    except ArtifactError:
        raise
    except HeadstartError as fault:
        raise _not_restored(fault) from fault
    return _pipeline(restored)


def fused_from_json(spec: Any, words: Any, counts: Any = None, *, trust_patterns: bool = False) -> FusedSteps | None:
    """The same as one function, ``FusedSteps.encode``; None when the steps do not allow it (see ``encode``).

    Raises:
        ArtifactError: as ``steps_from_json``.
    """
    if _is_pretrained(spec):
        return None
    steps = _checked(spec, trust_patterns)
    try:
        for step in steps:
            _check_options(step)
        vocabulary = checked_vocabulary(words)
        checked_counts(counts, len(vocabulary))
        lookup = Lookup.of(vocabulary)
    except HeadstartError as fault:
        raise _not_restored(fault) from fault
    kinds = [step.kind for step in steps]
    pattern = steps[-2].options["pattern"]
    if kinds != [kind for kind in _OPTIONS if kind in kinds] or pattern not in DEFINITIONS:
        return None
    options = {key: value for step in steps for key, value in step.options.items()}
    table = compiled_table(pattern, "LowerCaser" in kinds)
    return FusedSteps(table, options.get("fill_value"), lookup, options.get("form"))


def _pipeline(steps: list[tuple[str, Any]]) -> "Pipeline":
    from sklearn.pipeline import Pipeline

    return Pipeline(steps)


def _pretrained_spec(*, framed: bool) -> Json:
    return {"format": JSON_FORMAT, "steps": [{"name": "tokenizer", "kind": _PRETRAINED, "options": {"framed": framed}}]}


def _is_pretrained(spec: Any) -> bool:
    steps = spec.get("steps") if isinstance(spec, Mapping) else None
    return isinstance(steps, list) and any(
        isinstance(step, Mapping) and step.get("kind") == _PRETRAINED for step in steps
    )


def _pretrained(spec: Any, rules: bytes | None) -> "Pipeline":
    from headstart.text.pretrained import PretrainedTokenizer

    known = [_pretrained_spec(framed=framed) for framed in (True, False)]
    if spec not in known or rules is None:
        raise ArtifactError(
            f"Expected one text step {_PRETRAINED} called 'tokenizer' with the option framed, and its rules, "
            f"got {spec!r:.120} {'without' if rules is None else 'with'} rules. {_MEND}"
        )
    return _pipeline([("tokenizer", PretrainedTokenizer(rules.decode(), spec == known[0]))])


def _checked(spec: Any, trusted: bool) -> list[_Step]:
    """The steps of a specification, whose shape, names, kinds and types of options are right."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("steps"), list):
        raise ArtifactError(f"Expected text steps as an object with a list 'steps', got {spec!r:.80}. {_MEND}")
    if spec.get("format") != JSON_FORMAT:
        raise ArtifactError(
            f"The text steps of this model are of format {spec.get('format')!r:.20}, and this version of headstart "
            f"reads format {JSON_FORMAT}. Install the version that wrote the model, or a newer one."
        )
    steps = [_checked_step(step) for step in spec["steps"]]
    kinds = [step.kind for step in steps]
    if kinds[-2:] != ["Tokenizer", "TokenIndexer"] or len({*kinds}) < len(kinds):
        raise ArtifactError(
            f"Expected text steps that end in Tokenizer and TokenIndexer, none twice, got {kinds}. {_MEND}"
        )
    if len({step.name for step in steps}) < len(steps):
        raise ArtifactError(f"Expected text steps of different names, got {[step.name for step in steps]}. {_MEND}")
    pattern = steps[-2].options["pattern"]
    _check_version(pattern, spec["steps"][-2].get("version"))
    check_pattern(pattern, trusted)
    return steps


def _check_version(pattern: str, version: Any) -> None:
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


def _checked_step(step: Any) -> _Step:
    fields = step if isinstance(step, Mapping) else {}
    name, kind, options = fields.get("name"), fields.get("kind"), fields.get("options")
    named = isinstance(name, str) and name != "" and "__" not in name
    if not named or not isinstance(kind, str) or kind not in _OPTIONS or not isinstance(options, Mapping):
        raise ArtifactError(
            f"Expected a text step with a name, a kind among {', '.join(_OPTIONS)}, and options; "
            f"got {step!r:.120}. {_MEND}"
        )
    known = _OPTIONS[kind]
    if {*options} != {*known} or not all(_fits(options[key], kinds) for key, kinds in known.items()):
        raise ArtifactError(
            f"Expected options {[*known]} for the text step {kind}, got {dict(options)!r:.120}. {_MEND}"
        )
    return _Step(str(name), kind, dict(options))


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


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """NumPy numbers and strings as Python's, which JSON knows."""
    return value.item() if isinstance(value, np.generic) else value
