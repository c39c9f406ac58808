"""Where results go: what may be written and what may be removed, and writing it whole or not at all.

Every command and every function that writes a file or a folder of the user's goes through here:

- `check_file` and `check_folder` look at a place before any work is done, and `check_apart` refuses an output that is
  an input, or part of one;
- `atomic_write` and `replaced` put a file or a folder in its place in one move;
- `outputs.spreadsheets.Spreadsheet`, imported from there since it needs Arrow, looks for cells that a spreadsheet would
  take for formulas;
- `own_folder`, `remove_own`, `locked` and `working_folder` make, remove and reserve folders for working, and touch no others;
- `failed_writes` turns what a writer of any library raises on a full disk into one sentence.
"""

from headstart.outputs.failures import failed_writes, reason_of, system_fault
from headstart.outputs.files import atomic_write
from headstart.outputs.folders import replaced
from headstart.outputs.own import RESUMES, check_own, locked, own_folder, remove_own, working_folder
from headstart.outputs.places import check_apart, check_file, check_folder
from headstart.outputs.staging import former_of
