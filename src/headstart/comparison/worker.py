"""A process that fits strategies: tasks come in as lines of JSON, rows go out as lines of JSON.

`headstart.comparison.running` starts it. It imports nothing of the caller's, so a script needs no
``if __name__ == "__main__"``, and nothing is pickled.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

from headstart.plain import Json


def serve(folder: str, out: str) -> None:
    """Answer every line of the standard input with one line of the standard output, until there are no more.

    Args:
        folder: what `headstart.comparison.workspace.prepare` filled.
        out: the comparison's folder.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes where messages go
    import torch

    from headstart.comparison.fits import Fit, perform
    from headstart.comparison.planning import every_strategy
    from headstart.comparison.workspace import Workspace
    from headstart.outputs import failed_writes

    torch.set_num_threads(1)
    workspace = Workspace(Path(folder))
    strategies = every_strategy()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        task = Fit(**asked["task"])
        answer: Json
        try:
            with failed_writes(out, "the comparison"):
                answer = {"row": perform(workspace, strategies[task.strategy], task, Path(out), keep=asked["keep"])}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}", "kind": type(error).__name__}
            answer["traceback"] = traceback.format_exc()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
