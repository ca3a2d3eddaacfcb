"""Splits examples into train and validation without leaks between related ones.

Examples are related if they share a topic, an experiment or nearly the same text.
Related examples form a group, which is kept in one split. A shared retrieved script
does not relate examples, since it would join all of them into one group.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ig_assets.core.fine_tuning.similarity.near_duplicates import (
    Rows,
    Vector,
    as_table,
    joined,
    near_rows,
)
from ig_assets.core.identity import seeded_unit, stable_id

VALIDATION_SHARE = 0.15


@dataclass(frozen=True)
class GroupingText:
    """One text of an example: its revision and its hook."""

    revision_hash: str
    hook: str


@dataclass(frozen=True)
class GroupingItem:
    """One example with the values that relate it to others.

    `texts` are its chosen and rejected texts.
    """

    example_id: str
    topic: str
    experiment_id: str
    texts: tuple[GroupingText, ...]


def normalise_key(text: str) -> str:
    """Return the letters and digits of a text, case-folded: 'Oat Milk!' is 'oat milk'.

    Words are separated by single spaces.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(c if c.isalnum() else " " for c in folded)
    return " ".join(kept.split())


def group_examples(
    items: Sequence[GroupingItem], vectors: Mapping[str, Vector] | None = None
) -> dict[str, str]:
    """Return {example id: group id}.

    `vectors` is {revision hash: unit vector}. Texts at a cosine of at least 0.92 are
    related, as are texts without a vector whose normalised hooks are equal. A group is
    named after its first item's experiment. Items must be in the order of experiment
    start, so that a group keeps its name in later months.
    """
    experiments = _Numbers()
    topics, texts = _Numbers(experiments), _Numbers(experiments)
    hooks: dict[str, str] = {}
    links: list[tuple[int, int]] = []
    for item in items:
        member = experiments[item.experiment_id]
        if topic := normalise_key(item.topic):
            links.append((member, topics[topic]))
        for text in item.texts:
            links.append((member, texts[text.revision_hash]))
            hooks[text.revision_hash] = normalise_key(text.hook)
    known = vectors or {}
    links += ((texts[a], texts[b]) for a, b in _same_hook_pairs(hooks, known))
    pairs = [np.array(links, dtype=np.int64).reshape(-1, 2)]
    pairs.append(_near_texts(hooks, known, texts))
    label = joined(np.concatenate(pairs), experiments.count).tolist()
    names: dict[int, str] = {}
    groups: dict[str, str] = {}
    for item in items:
        root = label[experiments[item.experiment_id]]
        if root not in names:
            names[root] = stable_id("group", item.experiment_id)
        groups[item.example_id] = names[root]
    return groups


class _Numbers(dict[str, int]):
    """Gives each name a number on first access; kinds of names may share a counter."""

    def __init__(self, shared: _Numbers | None = None) -> None:
        super().__init__()
        self._counter: list[int] = [0] if shared is None else shared._counter

    def __missing__(self, name: str) -> int:
        number = self[name] = self._counter[0]
        self._counter[0] += 1
        return number

    @property
    def count(self) -> int:
        """The number of names that have a number."""
        return self._counter[0]


def _near_texts(
    hooks: Mapping[str, str], known: Mapping[str, Vector], texts: _Numbers
) -> Rows:
    """Return pairs (pairs, 2) of the numbers of texts that are near-duplicates."""
    if hooks.keys() != known.keys():
        known = {text: known[text] for text in hooks if text in known}
    table = as_table(known)
    if len(table) < 2:
        return np.empty((0, 2), dtype=np.int64)
    numbers = np.array([texts[text] for text in table], dtype=np.int64)
    return numbers[near_rows(table.matrix)]


def _same_hook_pairs(
    hooks: Mapping[str, str], known: Mapping[str, object]
) -> Iterable[tuple[str, str]]:
    buckets: dict[str, list[str]] = {}
    for revision_hash, hook in hooks.items():
        if hook:
            buckets.setdefault(hook, []).append(revision_hash)
    for members in buckets.values():
        if any(m not in known for m in members):
            yield from zip(members, members[1:], strict=False)


def assign_split(
    group_id: str, seed: int, validation_share: float = VALIDATION_SHARE
) -> str:
    """Return 'train' or 'validation' for one group, by a seeded hash of its id."""
    drawn = seeded_unit(seed, "split", group_id)
    return "validation" if drawn < validation_share else "train"


def assign_splits(
    group_ids: Iterable[str],
    seed: int,
    validation_share: float = VALIDATION_SHARE,
    kept: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return {group id: split}; with two or more groups neither split is empty.

    Groups in `kept` have the split stated there; the others are drawn. If a split would
    be empty, the drawn group whose random number is nearest to the border changes
    sides; if no group was drawn, the split stays empty. A single group that is not in
    `kept` is for training.
    """
    fixed = kept or {}
    draws = {g: seeded_unit(seed, "split", g) for g in group_ids}
    if len(draws) == 1:
        return {g: fixed.get(g, "train") for g in draws}
    splits = {g: fixed.get(g) or assign_split(g, seed, validation_share) for g in draws}
    free = [g for g in draws if g not in fixed]
    if free and "validation" not in splits.values():
        splits[min(free, key=lambda g: (draws[g], g))] = "validation"
    elif free and "train" not in splits.values():
        splits[max(free, key=lambda g: (draws[g], g))] = "train"
    return splits


def kept_splits(
    items: Sequence[GroupingItem],
    groups: Mapping[str, str],
    earlier: Mapping[str, set[str]],
) -> dict[str, str]:
    """Return {group id: split} of the groups that keep a split from earlier months.

    `earlier` is {experiment id: its earlier splits}. A group with a member that was
    ever in validation is for validation, even if another member was in training: a
    later model must not learn texts that earlier models were evaluated on.
    """
    before: dict[str, set[str]] = {}
    for item in items:
        found = earlier.get(item.experiment_id, set())
        before.setdefault(groups[item.example_id], set()).update(found)
    return {
        group: "validation" if "validation" in found else "train"
        for group, found in before.items()
        if found
    }
