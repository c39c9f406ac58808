"""The pieces that networks share."""

from headstart.layers.dense import ACTIVATIONS, DenseBlock, xavier
from headstart.layers.fast import FastRecurrent
from headstart.layers.ngrams import NgramLogit
from headstart.layers.pooling import POOLINGS, Pooling, pool
from headstart.layers.recurrent import Gathered, Recurrent, TokenEmbedding
from headstart.layers.stages import Shape, Stage, StageGraph, capture, stage_names, until
from headstart.layers.towers import recurrent_net

__all__ = [
    "ACTIVATIONS",
    "POOLINGS",
    "DenseBlock",
    "FastRecurrent",
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
    "recurrent_net",
    "stage_names",
    "until",
    "xavier",
]
