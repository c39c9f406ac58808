"""Texts to ragged token ids: scikit-learn transformers, and the same in one compiled pass.

``encode`` and ``fit_steps`` run a pipeline of the standard steps as one loop over the text's
bytes, and any other pipeline step by step. scikit-learn is imported only when a step is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from headstart.text.ragged import RaggedIds

if TYPE_CHECKING:
    from headstart.text.definitions import DEFINITIONS, TokenDefinition
    from headstart.text.fused import Encoded, FusedSteps
    from headstart.text.pipelines import encode, fit_steps, fused_steps, text_steps
    from headstart.text.pretrained import PretrainedTokenizer
    from headstart.text.restored import steps_from_json, steps_to_json
    from headstart.text.saved import StoredSteps, fused_from_json
    from headstart.text.steps import LowerCaser, NullImputer, TokenIndexer, Tokenizer, UnicodeNormalizer

_HOME = {
    "DEFINITIONS": "definitions",
    "Encoded": "fused",
    "FusedSteps": "fused",
    "LowerCaser": "steps",
    "NullImputer": "steps",
    "PretrainedTokenizer": "pretrained",
    "StoredSteps": "saved",
    "TokenDefinition": "definitions",
    "TokenIndexer": "steps",
    "Tokenizer": "steps",
    "UnicodeNormalizer": "steps",
    "encode": "pipelines",
    "fit_steps": "pipelines",
    "fused_from_json": "saved",
    "fused_steps": "pipelines",
    "steps_from_json": "restored",
    "steps_to_json": "restored",
    "text_steps": "pipelines",
}

__all__ = [
    "DEFINITIONS",
    "Encoded",
    "FusedSteps",
    "LowerCaser",
    "NullImputer",
    "PretrainedTokenizer",
    "RaggedIds",
    "StoredSteps",
    "TokenDefinition",
    "TokenIndexer",
    "Tokenizer",
    "UnicodeNormalizer",
    "encode",
    "fit_steps",
    "fused_from_json",
    "fused_steps",
    "steps_from_json",
    "steps_to_json",
    "text_steps",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
