"""A base for other labels than it was trained for: its stages stay, and its last one is made anew."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch

from headstart.errors import OptionError
from headstart.nets import ENCODERS, build, is_buildable
from headstart.predictor import EncoderScorer, NetworkScorer, Predictor
from headstart.tasks import PLAIN, Task


def answers_alike(base: Predictor, task: Task) -> bool:
    """Tell whether a base's own output can learn a task: both have one logit, or the same labels in the same order."""
    own = base.task
    if own is None:
        return False
    if own.n_outputs == 1 or task.n_outputs == 1:
        return own.n_outputs == task.n_outputs
    return own.kind == task.kind and own.names == task.names


def shared_labels(base: Predictor, task: Task) -> tuple[str, ...]:
    """Return the labels that a base and a task have in common by name; none where either has one logit."""
    if base.task is None or base.task.n_outputs == 1 or task.n_outputs == 1:
        return ()
    return tuple(name for name in task.names if name in base.task.names)


def with_new_head(base: Predictor, task: Task, random_state: int = 0, **further: float) -> Predictor:
    """Return a copy of a base whose last stage gives a task's logits; a label of a name that it knows keeps its weights.

    Args:
        base: with a network of ours, or an encoder, which gets its first head.
        task: what the logits are for.
        random_state: seed of the head's weights.
        further: other options of the network, which change none of its weights.

    Raises:
        OptionError: its network is none of ours, whose last stage could be made anew.
    """
    scorer: Any = base.scorer
    spec = scorer.spec
    known_how = is_buildable(spec.name) or spec.name in ENCODERS
    if not isinstance(scorer, NetworkScorer | EncoderScorer) or not known_how or spec.until is not None:
        raise OptionError(
            f"this base answers {_described(base)}, and its network cannot be given a new head for other labels; use strategy "
            "'features', which learns one on its layers, or a base made by `headstart train`."
        )
    options = {**spec.options, **further, "n_outputs": task.n_outputs}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_state)
        make = ENCODERS.get(spec.name) or partial(build, spec.name)
        net = make(spec.n_words, options)
    fresh, known = net.state_dict(), scorer.net.state_dict()
    last = f"{net.stages[-1]}."
    shared = shared_labels(base, task)
    for name, value in known.items():
        if not name.startswith(last):
            fresh[name] = value.clone()
        elif shared and base.task is not None:
            places = [(task.names.index(label), base.task.names.index(label)) for label in shared]
            to, of = (torch.tensor(side) for side in zip(*places, strict=True))
            fresh[name][to] = value[of]
    net.load_state_dict(fresh)
    net.eval()
    return replace(base, scorer=NetworkScorer(net, spec.replace(options=options)), task=task, rule=PLAIN)


def _described(base: Predictor) -> str:
    return "nothing" if base.task is None else base.task.said()
