"""Where work is done: in this process, in several, or on the nodes of a Ray cluster.

Who has work says what is to be done for which items, in a `Work`, and not where; an `Executor` does it and hands results out as
they come. Nothing is pickled between our own processes: items and results are JSON, functions are told by name.
"""

from headstart.executors.cluster import RayCluster
from headstart.executors.local import Cores, Here
from headstart.executors.work import Executor, Work, peak_memory
