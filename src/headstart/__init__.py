"""Headstart: train a text network where you have labels, transfer it to where you do not.

::

    import headstart as hs

    base = hs.TextClassifier().fit(texts, labels)
    hotel = hs.TextClassifier(base=base, strategy="fine-tune").fit(hotel_texts, hotel_labels)
    hotel.save("hotel")
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.comparison import Comparison, compare
    from headstart.corpus import Corpus, read
    from headstart.errors import ArtifactError, DataError, HeadstartError, MissingDependencyError, OptionError
    from headstart.estimators import (
        ImageClassifier,
        ImageRegressor,
        SeriesClassifier,
        SeriesRegressor,
        TabularClassifier,
        TabularRegressor,
        TextClassifier,
        TextRegressor,
    )
    from headstart.features import LayerFeatures, submodel
    from headstart.loading import load
    from headstart.predictor import Predictor
    from headstart.pretrained import import_efficientnet, import_hf, import_model2vec
    from headstart.text import LowerCaser, NullImputer, TokenIndexer, Tokenizer, UnicodeNormalizer
    from headstart.train import Phase, Trainer

__version__ = "0.1.0"

# Names are found where they live when they are first asked for: `import headstart` brings in neither
# torch nor scikit-learn, and `headstart --help` answers at once.
_HOME = {
    "ArtifactError": "errors",
    "Comparison": "comparison",
    "Corpus": "corpus",
    "DataError": "errors",
    "HeadstartError": "errors",
    "LayerFeatures": "features",
    "LowerCaser": "text",
    "MissingDependencyError": "errors",
    "NullImputer": "text",
    "OptionError": "errors",
    "Phase": "train",
    "Predictor": "predictor",
    "ImageClassifier": "estimators",
    "ImageRegressor": "estimators",
    "SeriesClassifier": "estimators",
    "SeriesRegressor": "estimators",
    "TabularClassifier": "estimators",
    "TabularRegressor": "estimators",
    "TextClassifier": "estimators",
    "TextRegressor": "estimators",
    "TokenIndexer": "text",
    "Tokenizer": "text",
    "Trainer": "train",
    "UnicodeNormalizer": "text",
    "compare": "comparison",
    "import_efficientnet": "pretrained",
    "import_hf": "pretrained",
    "import_model2vec": "pretrained",
    "load": "loading",
    "read": "corpus",
    "submodel": "features",
}

__all__ = [
    "ArtifactError",
    "Comparison",
    "Corpus",
    "DataError",
    "HeadstartError",
    "ImageClassifier",
    "ImageRegressor",
    "LayerFeatures",
    "LowerCaser",
    "MissingDependencyError",
    "NullImputer",
    "OptionError",
    "Phase",
    "Predictor",
    "SeriesClassifier",
    "SeriesRegressor",
    "TabularClassifier",
    "TabularRegressor",
    "TextClassifier",
    "TextRegressor",
    "TokenIndexer",
    "Tokenizer",
    "Trainer",
    "UnicodeNormalizer",
    "compare",
    "import_efficientnet",
    "import_hf",
    "import_model2vec",
    "load",
    "read",
    "submodel",
]


_IN_PLACE_OF = {
    "Batches": "headstart.batches.Batches",
    "ClipSequence": "headstart.batches.clip_ids",
    "DataLoader": "headstart.batches.Batches",
    "Examples": "headstart.batches.Examples",
    "FixedBucketSampler": "headstart.batches.Batches",
    "SimpleDataset": "headstart.batches.Examples",
    "SymbolBlock": "headstart.load",
    "Tok2Idx": "headstart.TokenIndexer",
    "Tokenize": "headstart.Tokenizer",
    "load_base_model": "headstart.submodel",
}
"""Names that readers of the tutorial of Gluon look for here, and what does the same (docs/tutorial/names.md)."""


def __getattr__(name: str) -> Any:
    if name in _IN_PLACE_OF:
        raise AttributeError(f"module 'headstart' has no attribute {name!r}; what you want is {_IN_PLACE_OF[name]}")
    if name not in _HOME:
        raise AttributeError(f"module 'headstart' has no attribute {name!r}; it has {', '.join(__all__)}")
    extras = importlib.import_module("headstart.extras")
    return getattr(extras.learning_half(f"headstart.{_HOME[name]}", f"headstart.{name}"), name)


def __dir__() -> list[str]:
    return __all__
