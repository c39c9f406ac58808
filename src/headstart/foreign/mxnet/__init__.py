"""Reads networks that Apache MXNet saved, without MXNet.

::

    found = import_mxnet("imdb_v1", vocabulary="vocab.json", labels=("positive", "negative"))
    found.graph.outputs(batch, ["CustomSeqNet_sequencelast0_output"])

    files -> params.py (arrays), symbol.py (graph) -> matching.py (which array is which)
          -> importing.py (a network of `headstart.nets.mxnet`, with a vocabulary and labels)

A file is read and never believed: see each reader for what is checked. No code in a file is ever run.
"""

from headstart.foreign.mxnet.adam import MXNetAdam
from headstart.foreign.mxnet.importing import ImportedNetwork, import_mxnet
from headstart.foreign.mxnet.params import read_params
from headstart.foreign.mxnet.parity import parity_certificate
from headstart.foreign.mxnet.symbol import read_symbol
from headstart.foreign.mxnet.vocabulary import Vocabulary, read_vocabulary
from headstart.nets.mxnet import Feeding, MXNetGraph, Symbol
