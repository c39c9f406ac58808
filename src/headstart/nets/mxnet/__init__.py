"""Networks that Apache MXNet saved, as graphs that run on torch.

    symbol.py (a checked table of nodes) -> nodes.py, operators/ (what each computes) -> graph.py (a network)

A graph is read and never believed: see each module for what is checked. No code in it is ever run.
"""

from headstart.nets.mxnet.feeding import Feeding
from headstart.nets.mxnet.graph import MXNetGraph
from headstart.nets.mxnet.symbol import Symbol
