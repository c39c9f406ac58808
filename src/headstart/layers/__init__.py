"""The pieces that networks share."""

from headstart.layers.dense import ACTIVATIONS, DenseBlock, xavier
from headstart.layers.ngrams import NgramLogit
from headstart.layers.pooling import POOLINGS, Pooling, pool
from headstart.layers.recurrent import Gathered, Recurrent, TokenEmbedding
from headstart.layers.stages import Shape, Stage, StageGraph, capture, stage_names, until

__all__ = [
    "ACTIVATIONS",
    "POOLINGS",
    "DenseBlock",
    "Gathered",
    "NgramLogit",
    "Pooling",
    "Recurrent",
    "Shape",
    "Stage",
    "StageGraph",
    "TokenEmbedding",
    "capture",
    "pool",
    "stage_names",
    "until",
    "xavier",
]
