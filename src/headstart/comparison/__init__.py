"""Does the transfer help, and how many labels did it save? Candidates on the same rows, and a verdict.

`compare` runs every entry of `CANDIDATES` that can run, over label budgets and draws, and says by stated rules what
to ship. docs/compare.md tells the rules and shows what they found.
"""

from headstart.comparison.candidates import CANDIDATES, Candidate
from headstart.comparison.comparing import Comparison, compare
from headstart.comparison.folder import check_place

__all__ = ["CANDIDATES", "Candidate", "Comparison", "check_place", "compare"]
