"""Fine-tuning a `blend` base for other labels: everything of the base stands still, and a new head is learnt behind it.

The head is one convex problem over three kinds of inputs: the words and pairs of the target's rows, the base's pooled states
(and the vectors of its encoder, where it has one), and its answers. Three things of the base are worth something for labels
that it has never seen: how common each word is in its many texts, which a few rows cannot tell (the inverse document frequencies
are the base's and the target's together); what its states say of words that the rows do not hold; and its answers, where the
labels are alike. A label of the same name begins with the base's own logit, and is pulled back to it (docs/log.md has what each
is worth).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.arrays import Array, Doubles, Floats
from headstart.corpus import Corpus
from headstart.fitting.folds import Fold, best_choice, out_of_fold
from headstart.fitting.logistic import LinearModel, logistic_path
from headstart.inference import network_outputs
from headstart.kernels.ngrams import ID_BITS
from headstart.nets import build
from headstart.plain import Json
from headstart.predictor import NetworkScorer, Predictor, words_of
from headstart.strategies.blend.fit_branches import branch_of, ngram_features
from headstart.strategies.blend.linear_branch import blend_of
from headstart.strategies.blend.ridge_fine_tuning import target_list
from headstart.strategies.blend.vocabulary import Extended, extend_vocabulary
from headstart.strategies.finishing import folds_of, rule_of
from headstart.strategies.inputs import examples_of
from headstart.strategies.settings import Settings
from headstart.tasks import PLAIN, Task

_COSTS = (3.0, 10.0, 30.0)
_COST = 10.0
_LENGTH = 0.5
"""Length of the states, and of the answers, where the n-grams of a text have length 1."""
_OF_WORDS = 1.5
"""A single word counts for so much where a pair counts for 1: its frequency is known from the base."""
_FEW = 300


class _Inputs:
    """Sparse and dense columns side by side, as far as `logistic_path` needs them: the dense ones stay fast."""

    def __init__(self, sparse: Any, dense: Floats, *, turned: bool = False) -> None:
        self.sparse, self.dense, self.turned = sparse, dense, turned
        self.dtype = dense.dtype
        self.shape = (len(dense), sparse.shape[1] + dense.shape[1])

    def __getitem__(self, rows: Array) -> _Inputs:
        return _Inputs(self.sparse[rows], self.dense[rows])

    @property
    def T(self) -> _Inputs:
        return _Inputs(self.sparse.T.tocsr(), self.dense.T, turned=True)

    def __matmul__(self, other: Array) -> Array:
        if self.turned:
            return np.concatenate([self.sparse @ other, self.dense @ other])
        n_sparse = self.sparse.shape[1]
        return np.asarray(self.sparse @ other[:n_sparse] + self.dense @ other[n_sparse:])


def carry_over(base: Predictor, train: Corpus, task: Task, settings: Settings) -> tuple[Predictor, Extended, Json]:
    """Return the base with a new head for other labels, what became of its vocabulary, and what was chosen.

    Args:
        base: a predictor over a `blend` network; left as it is.
        train: the target's rows, with labels.
        task: theirs.
        settings: may name C; else folds inside the rows choose it.
    """
    extended = extend_vocabulary(base, train, min_count=1 if len(train) < _FEW else 2)
    known, goals = extended.predictor, task.goals(np.asarray(train.labels))
    net, spec = blend_of(known)
    examples = examples_of(known, train, task=task)
    outputs = network_outputs(net, examples, ("pooled", *(("vector",) if spec.options.get("vector_size") else ()), ""))
    listed, scale = target_list(examples, least_rows=1 if len(train) < _FEW else 2)
    scale = _with_frequencies_of_base(base, listed, scale, examples.ids)
    kinds = list(outputs.values())
    centre, factor = _standardised(kinds)
    dense = (np.concatenate(kinds, axis=1) - centre) * factor
    inputs = _Inputs(ngram_features(listed, scale, examples.ids, 2), dense)
    prior = _prior(base, task, len(listed), factor, goals)
    folds = folds_of(train, settings)

    def solve(rows: Any, costs: tuple[float, ...]) -> list[LinearModel]:
        weights = None if train.weights is None else train.weights[rows]
        how: Json = {"link": task.link, "weights": weights, "prior": prior, "max_iter": 80, "tolerance": 1e-7}
        return list(logistic_path(inputs[rows], goals[rows], costs, **how))

    def of_fold(fold: Fold) -> Doubles:
        return np.stack([model.logits(inputs[fold.valid]) for model in solve(fold.train, costs)])

    costs = _COSTS if settings.C is None else (settings.C,)
    cost, head = settings.C or _COST, replace(known, task=task, rule=PLAIN)
    if folds:
        logits = out_of_fold(folds, goals.shape, of_fold, len(costs))
        best, _ = best_choice(goals, logits, train.weights, task.link)
        cost, there = costs[best], np.isfinite(logits[best].reshape(len(train), -1)).all(1)
        head = replace(head, rule=rule_of(head, logits[best][there], train.take(there), settings))
    (model,) = solve(np.arange(len(train)), (cost,))
    scorer = _with_head(known.scorer, task, (listed, scale), (centre, factor), model)
    return replace(head, scorer=scorer), extended, {"C": cost}


def _with_frequencies_of_base(base: Predictor, listed: NDArray[np.int64], scale: Floats, ids: Any) -> Floats:
    """Return the scales of n-grams [listed], words counted in the base's texts and the target's together."""
    words, n_texts = words_of(base), int(base.info.get("n_train", 0))
    if words is None or not n_texts:
        return scale
    counts = np.asarray(words.counts, np.float64)
    single = np.flatnonzero(listed < 1 << ID_BITS)
    of_base = np.array([min(counts[i], n_texts) if i < len(counts) else 0.0 for i in listed[single]])
    own = (1 + len(ids)) / np.exp(scale[single].astype(np.float64) - 1)  # one more than the rows that hold the word
    found = scale.copy()
    found[single] = _OF_WORDS * (np.log((1 + n_texts + len(ids)) / (own + of_base)) + 1)
    return found


def _standardised(kinds: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return the centre of states, vectors and answers, and the factor that brings each kind to its length [all their columns]."""
    centres, factors = [], []
    for values in kinds:
        spread = values.std(0)
        centres.append(values.mean(0))
        factors.append(np.where(spread > 1e-6, _LENGTH / np.sqrt(values.shape[1]) / np.maximum(spread, 1e-6), 0.0))
    return np.concatenate(centres), np.concatenate(factors).astype(np.float32)


def _prior(base: Predictor, task: Task, n_listed: int, factor: Floats, goals: Floats) -> Doubles | None:
    """Return the weights to begin from and to be pulled to [size, outputs]: 1 on the base's logit of the same name."""
    own = None if base.task is None or base.task.n_outputs == 1 else base.task
    shared = [] if own is None or goals.ndim == 1 else [name for name in task.names if name in own.names]
    if own is None or not shared:
        return None
    prior = np.zeros((n_listed + len(factor), task.n_outputs))
    first = len(prior) - own.n_outputs
    for name in shared:
        at = first + own.names.index(name)
        if factor[at - n_listed] > 0:
            prior[at, task.names.index(name)] = 1 / factor[at - n_listed]
    return prior


def _with_head(
    scorer: Any,
    task: Task,
    ngrams: tuple[NDArray[np.int64], Floats],
    scaling: tuple[Floats, Floats],
    model: LinearModel,
) -> NetworkScorer:
    """Return a scorer with a copy of the network, the head put behind what was its output."""
    (listed, scale), (centre, factor) = ngrams, scaling
    before = [list(one) for one in scorer.spec.options.get("new_heads", ())]
    options = {**scorer.spec.options, "new_heads": [*before, [task.n_outputs, len(listed)]]}
    with torch.random.fork_rng(devices=[]):
        longer: Any = build("blend", scorer.spec.n_words, options)
    former = f"answers{len(before) or ''}."
    state = {name: value.clone() for name, value in scorer.net.state_dict().items()}
    renamed = {former + name[7:] if name.startswith("output.") else name: value for name, value in state.items()}
    longer.load_state_dict(renamed, strict=False)
    weights = np.asarray(model.coefficients, np.float64)
    dense = weights[:, len(listed) :] * factor
    own = weights[:, : len(listed)].T.astype(np.float32)
    branch_of(longer, f"own{len(before) or ''}").set_list(listed, scale, own[:, 0] if task.n_outputs == 1 else own)
    with torch.no_grad():
        longer.output.linear.weight.copy_(torch.from_numpy(dense.astype(np.float32)))
        bias = np.asarray(model.intercepts, np.float64) - dense @ centre
        longer.output.linear.bias.copy_(torch.from_numpy(bias.astype(np.float32)))
    return NetworkScorer(longer.eval(), scorer.spec.replace(options=options))
