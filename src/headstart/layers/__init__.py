"""The pieces that networks share."""

from headstart.layers.dense import ACTIVATIONS, DenseBlock, xavier
from headstart.layers.encoder_head import with_output
from headstart.layers.fast import FastRecurrent
from headstart.layers.network import Network, Shape, adapt
from headstart.layers.ngrams import NgramLogit
from headstart.layers.plain_pooling import POOLINGS, pool
from headstart.layers.pooling import Pooling
from headstart.layers.recurrent import IndexedVectors, Recurrent, TokenEmbedding
from headstart.layers.stages import Stage, StageGraph

__all__ = [
    "ACTIVATIONS",
    "POOLINGS",
    "DenseBlock",
    "FastRecurrent",
    "IndexedVectors",
    "Network",
    "NgramLogit",
    "Pooling",
    "Recurrent",
    "Shape",
    "Stage",
    "StageGraph",
    "TokenEmbedding",
    "adapt",
    "pool",
    "with_output",
    "xavier",
]
