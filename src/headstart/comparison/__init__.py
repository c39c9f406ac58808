"""Does the transfer help, and how many labels did it save? Strategies on the same rows, and a verdict.

`compare` runs every strategy that can run, over label budgets and draws, and says by stated rules what to ship.
It has no learning of its own. docs/compare.md tells the rules and shows what they found.
"""

from headstart.comparison.comparing import compare
from headstart.comparison.folder import check_place
from headstart.comparison.result import Comparison
from headstart.strategies import STRATEGIES as CANDIDATES
from headstart.strategies import Strategy as Candidate
