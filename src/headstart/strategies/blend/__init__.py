"""Learning of the default network, `blend`: its branches, its fine-tuning, and what it teaches itself.

`fit` trains a fresh one, `ridge_fine_tune` carries one over with labels like its own, `carry_over` with others, `self_train`
without; `extend_vocabulary` gives it a target's words. Everything else in this folder is theirs.
"""

from __future__ import annotations

from torch import nn

from headstart.layers import StageGraph
from headstart.nets.blend import MOST_NGRAMS
from headstart.strategies.blend.carry_over import carry_over
from headstart.strategies.blend.fit_branches import fit_all_ngrams, list_sizes, set_intercepts
from headstart.strategies.blend.linear_branch import blend_of, is_any_blend, is_blend
from headstart.strategies.blend.ridge_fine_tuning import ridge_fine_tune
from headstart.strategies.blend.self_training import (
    LEAST_TEXTS,
    NOTHING_LEARNT,
    OF_SELF_TRAINING,
    adapt_to_texts,
    self_train,
    with_own_texts,
)
from headstart.strategies.blend.train_branches import texts_to_label, train_branch
from headstart.strategies.blend.vocabulary import Extended, extend_vocabulary
from headstart.strategies.epochs import Material, Trained, train_in_epochs


def fit(net: nn.Module, material: Material) -> Trained:
    """Train a fresh `blend`: n-grams in closed form, the recurrent branch in epochs, then the weight of each branch."""
    if not isinstance(net, StageGraph):
        return train_in_epochs(net, material)
    most = int(material.settings.net_options.get("max_ngrams", MOST_NGRAMS))
    intercepts = fit_all_ngrams(net, material.examples, material.goals, material.vectors, material.counts, most)
    trainer, n_guessed = train_branch(net, net.until("deep"), material, texts_to_label(material))
    set_intercepts(net, intercepts)
    return Trained(trainer, list_sizes(net), n_guessed)
