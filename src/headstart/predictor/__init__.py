"""A model that is done learning: texts (and columns) in, probabilities out."""

from headstart.predictor.predictor import Predictor, Scores
from headstart.predictor.scorers import (
    ColumnScorer,
    EncoderScorer,
    LayerScorer,
    NetSpec,
    NetworkScorer,
    Rows,
    Scorer,
    TextScorer,
)

__all__ = [
    "ColumnScorer",
    "EncoderScorer",
    "LayerScorer",
    "NetSpec",
    "NetworkScorer",
    "Predictor",
    "Rows",
    "Scorer",
    "Scores",
    "TextScorer",
]
