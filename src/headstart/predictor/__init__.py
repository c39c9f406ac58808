"""A model that is done learning: texts (and columns) in, probabilities out."""

from headstart.engines import NetSpec
from headstart.inputs import ColumnInput, Inputs, TextInput, reads
from headstart.predictor.predictor import Predictor, Scores, words_of
from headstart.predictor.provenance import Provenance, SourceFacts, kept, without
from headstart.predictor.rows import Rows
from headstart.predictor.scorers import (
    ColumnScorer,
    EncoderScorer,
    LayerScorer,
    NetScorer,
    NetworkScorer,
    Scorer,
    TextScorer,
    TransformScorer,
)

__all__ = [
    "ColumnInput",
    "ColumnScorer",
    "EncoderScorer",
    "Inputs",
    "LayerScorer",
    "NetScorer",
    "NetSpec",
    "NetworkScorer",
    "Predictor",
    "Provenance",
    "Rows",
    "Scorer",
    "Scores",
    "SourceFacts",
    "TextInput",
    "TextScorer",
    "TransformScorer",
    "kept",
    "reads",
    "without",
    "words_of",
]
