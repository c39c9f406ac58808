"""A process that fits candidates: tasks come in as lines of JSON, rows go out as lines of JSON.

`headstart.comparison.running` starts it. It imports nothing of the caller's, so a script needs no
``if __name__ == "__main__"``, and nothing is pickled.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def serve(context_folder: str, out: str) -> None:
    """Answer every line of the standard input with one line of the standard output, until there are no more.

    Args:
        context_folder: what `headstart.comparison.context.prepare` filled.
        out: the comparison's folder.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes where messages go
    import torch

    from headstart.comparison.candidates import every_candidate
    from headstart.comparison.context import Context
    from headstart.comparison.fits import Fit, perform
    from headstart.outputs import failed_writes

    torch.set_num_threads(1)
    context = Context(Path(context_folder))
    candidates = every_candidate()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        task = Fit(**asked["task"])
        answer: dict[str, Any]
        try:
            with failed_writes(out, "the comparison"):
                answer = {"row": perform(context, candidates[task.strategy], task, Path(out), keep=asked["keep"])}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}", "kind": type(error).__name__}
            answer["traceback"] = traceback.format_exc()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
