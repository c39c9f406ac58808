"""A process that does items: they come in as lines of JSON, results go out as lines of JSON.

`headstart.executors.local` starts it. It imports nothing of the caller's, so a script needs no
``if __name__ == "__main__"``, and nothing is pickled.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from headstart.executors.work import answer, opened_by_name


def serve(spec: str) -> None:
    """Answer every line of the standard input with one line of the standard output, until there are no more.

    Args:
        spec: the fields ``target``, ``reads``, ``writes`` and ``arguments`` of a `headstart.executors.Work`, as a list in JSON.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes where messages go
    target, reads, writes, arguments = json.loads(spec)
    do = opened_by_name(target, Path(reads), None if writes is None else Path(writes), arguments)
    for line in sys.stdin.buffer:
        answers.write(json.dumps(answer(do, json.loads(line))) + "\n")
        answers.flush()
