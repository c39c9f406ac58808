"""The pieces that networks share."""

from headstart.engines.engine import POOLINGS, Shape
from headstart.layers.dense import ACTIVATIONS, DenseBlock, xavier
from headstart.layers.embedding import TokenEmbedding
from headstart.layers.encoder_head import with_output
from headstart.layers.fast import FastRecurrent
from headstart.layers.indexed_vectors import IndexedVectors
from headstart.layers.network import Network, adapt
from headstart.layers.ngrams import NgramLogit
from headstart.layers.plain_pooling import pool
from headstart.layers.pooling import Pooling
from headstart.layers.recurrent import Recurrent
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
