"""Selects decided experiments for a training set: no repeated texts, within caps.

The caps keep one author, topic or hook style from dominating what a model learns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ig_assets.core.fine_tuning.similarity.near_copies import near_copies
from ig_assets.core.fine_tuning.training_set.decided_experiments import (
    DecidedExperiment,
)
from ig_assets.core.fine_tuning.training_set.train_validation_split import normalise_key

MOST_OF_A_TOPIC = 20
MOST_OF_AN_AUTHOR = 100
MOST_SHARE_OF_A_STYLE = 0.6
FEWEST_FOR_A_SHARE = 50
"""Size of a set from which a hook style is capped; smaller sets need every example."""


def within_caps(
    experiments: Sequence[DecidedExperiment],
) -> tuple[list[DecidedExperiment], Counter[str]]:
    """Return (experiments within the caps, {reason: number of others}).

    The experiments keep their order. Winners are taken before provisional ones, and the
    greatest shrunken lifts first.
    """
    excluded: Counter[str] = Counter()
    taken: set[str] = set()
    alike = _near_copies(experiments)
    texts: set[str] = set()
    seen: dict[str, Counter[str]] = {"topic": Counter(), "author": Counter()}
    styles: Counter[str] = Counter()
    style_cap = (
        len(experiments) * MOST_SHARE_OF_A_STYLE
        if len(experiments) >= FEWEST_FOR_A_SHARE
        else float("inf")
    )
    for experiment in sorted(experiments, key=_best_first):
        winner = experiment.winner
        topic, author = normalise_key(experiment.topic), winner.author or ""
        style = winner.hook_style or ""
        if winner.revision_hash in texts:
            excluded["the same words as another winner"] += 1
        elif not taken.isdisjoint(alike.get(experiment.experiment_id, ())):
            excluded["nearly the words of another winner"] += 1
        elif seen["topic"][topic] >= MOST_OF_A_TOPIC:
            excluded[f"more than {MOST_OF_A_TOPIC} of a topic"] += 1
        elif author and seen["author"][author] >= MOST_OF_AN_AUTHOR:
            excluded[f"more than {MOST_OF_AN_AUTHOR} of an author"] += 1
        elif style and styles[style] >= style_cap:
            excluded[f"more than {MOST_SHARE_OF_A_STYLE:.0%} of a hook style"] += 1
        else:
            taken.add(experiment.experiment_id)
            texts.add(winner.revision_hash)
            seen["topic"][topic] += 1
            seen["author"][author] += 1
            styles[style] += 1
    return [e for e in experiments if e.experiment_id in taken], excluded


def _near_copies(experiments: Sequence[DecidedExperiment]) -> dict[str, list[str]]:
    """Return {experiment id: ids of experiments with nearly the same winning words}."""
    found: dict[str, list[str]] = {}
    for a, b, _ in near_copies([e.winner.text for e in experiments]):
        one, other = experiments[a].experiment_id, experiments[b].experiment_id
        found.setdefault(one, []).append(other)
        found.setdefault(other, []).append(one)
    return found


def _best_first(experiment: DecidedExperiment) -> tuple[bool, float, str]:
    provisional = experiment.decision != "winner"
    return provisional, -experiment.shrunken_lift, experiment.experiment_id
