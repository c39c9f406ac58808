"""The base, taught by itself on the target's texts: no label is looked at."""

from __future__ import annotations

from dataclasses import replace

from headstart.corpus import Corpus
from headstart.errors import OptionError
from headstart.predictor import Predictor, Provenance, kept
from headstart.strategies.blend import NOTHING_LEARNT, OF_SELF_TRAINING, blend_of, is_blend, self_train, with_own_texts
from headstart.strategies.finishing import measured
from headstart.strategies.inputs import base_provenance, require_base, text_counts
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows
from headstart.text import encode


def fit_self_train(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Let the base teach itself on the texts of `train` and those that came without labels.

    No label of them is looked at. Those of `valid` are, to measure by, once nothing is left to learn.

    Raises:
        DataError: fewer texts than `LEAST_TEXTS`.
        OptionError: no base came, or one without n-grams.
    """
    base = require_base(base)
    blend_of(base)
    if not is_blend(base):
        raise OptionError(
            f"this base answers {base.answers.said()}, and a base teaches itself by one logit; use 'as-is', or 'fine-tune' with "
            "labels of yours."
        )
    texts = with_own_texts(train, settings.unlabelled)
    known = shared.adapted_base(base, texts)
    taught = self_train(known, texts, **settings.second_training("taught"))
    counts = text_counts(encode(base.steps, train.texts), base.max_tokens)
    info: Provenance = {
        **kept(taught.info, OF_SELF_TRAINING), **base_provenance(base), "n_train": len(train), "train_counts": counts,
        **measured(taught, valid, settings.device),
    }  # fmt: skip
    notes = () if "n_self_trained" in taught.info else (NOTHING_LEARNT,)
    return FitResult(replace(taught, info=info, run={}), notes=notes, choices={"n_texts": len(texts)})
