"""Reads the arms of past experiments, with counts and hooks, as training rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ig_assets.core.corpus.queries import forgotten_scripts, forgotten_variants
from ig_assets.core.models.ranker.outcomes import Outcomes, outcomes_of
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

# The hook that each arm of `source` was published with: as a script's revision, as a
# person's edit, or as the variant. $1 is the parameter of the source.
ARMS_WITH_HOOKS = """
WITH source AS ({source}),
of_scripts AS (
    SELECT script_id, revision_hash, any_value(hook) AS hook
    FROM scripts
    GROUP BY script_id, revision_hash
),
of_variants AS (
    SELECT variant_id, revision_hash, any_value(hook) AS hook
    FROM (
        SELECT variant_id, revision_hash, hook FROM post_edits
        UNION ALL
        SELECT variant_id, revision_hash, hook FROM variants
    )
    GROUP BY variant_id, revision_hash
)
SELECT a.*, coalesce(nullif(s.hook, ''), nullif(v.hook, '')) AS hook
FROM source AS a
LEFT JOIN of_scripts AS s
    ON s.script_id = a.script_id
    AND s.revision_hash = a.revision_hash
LEFT JOIN of_variants AS v
    ON v.variant_id = a.variant_id
    AND v.revision_hash = a.revision_hash
ORDER BY a.started_at NULLS FIRST, a.experiment_id, a.arm, a.post_id
"""

_OF_RANKER = """
SELECT post_id, experiment_id, arm, script_id, variant_id, revision_hash, events,
    trials, sigma, randomised, image, started_at
FROM ranker_arms
WHERE model_id = $1
"""


@dataclass(frozen=True)
class PastArm:
    """One post of an experiment: `events` out of `trials`, and its hook.

    `sigma` is the standard deviation on the log scale between posts of the same words;
    0 if the audience was divided at random. `image` names the image beside the hook, or
    is None if it is not known.
    """

    post_id: str
    experiment_id: str
    arm: str
    script_id: str | None
    variant_id: str | None
    revision_hash: str | None
    events: float
    trials: float
    sigma: float
    randomised: bool
    image: str | None
    started_at: datetime | None
    hook: str


@dataclass(frozen=True)
class PastHook:
    """A hook in an experiment, and the arms that used it."""

    hook: str
    arms: tuple[PastArm, ...]


@dataclass(frozen=True)
class PastHooks:
    """The training rows, one per entry of `hooks`, oldest experiment first.

    `groups` lists (experiment id, image) of the groups that `outcomes` numbers; an
    unknown image is ''.
    """

    hooks: tuple[PastHook, ...]
    outcomes: Outcomes
    groups: tuple[tuple[str, str], ...]

    @property
    def texts(self) -> list[str]:
        """The words of each hook."""
        return [row.hook for row in self.hooks]

    @property
    def events(self) -> list[float]:
        """The events of each hook, summed over its arms."""
        return [sum(arm.events for arm in row.arms) for row in self.hooks]

    @property
    def trials(self) -> list[float]:
        """The trials of each hook, summed over its arms."""
        return [sum(arm.trials for arm in row.arms) for row in self.hooks]

    @property
    def arms(self) -> list[PastArm]:
        """The arms of all hooks."""
        return [arm for row in self.hooks for arm in row.arms]


def remembered(con: Connection, arms: Iterable[PastArm]) -> list[PastArm]:
    """Return the arms whose script or variant has not been forgotten."""
    scripts, variants = forgotten_scripts(con), forgotten_variants(con)
    return [
        arm
        for arm in arms
        if arm.script_id not in scripts and arm.variant_id not in variants
    ]


def arms_of_ranker(con: Connection, model_id: str) -> list[PastArm]:
    """Return the arms on which a ranker was fitted and whose words are still stored."""
    found = fetch_dicts(con, ARMS_WITH_HOOKS.format(source=_OF_RANKER), [model_id])
    return [PastArm(**row) for row in found if row["hook"] is not None]


def past_hooks(arms: Sequence[PastArm]) -> PastHooks:
    """Turn arms into training rows, in the order of their experiments' first arms.

    Arms with equal hooks in one group are one row with summed counts if their audience
    was divided at random. A group with fewer than two different hooks is left out.
    """
    groups: dict[tuple[str, str], list[PastHook]] = {}
    for arm in arms:
        rows = groups.setdefault((arm.experiment_id, arm.image or ""), [])
        same = [n for n, row in enumerate(rows) if row.hook == arm.hook]
        if same and arm.randomised:
            known = rows[same[0]]
            rows[same[0]] = PastHook(known.hook, (*known.arms, arm))
        else:
            rows.append(PastHook(arm.hook, (arm,)))
    compared = {
        name: rows
        for name, rows in groups.items()
        if len({row.hook for row in rows}) > 1
    }
    hooks = [row for rows in compared.values() for row in rows]
    return PastHooks(
        hooks=tuple(hooks),
        outcomes=outcomes_of(
            np.repeat(np.arange(len(compared)), [len(r) for r in compared.values()]),
            [sum(arm.events for arm in row.arms) for row in hooks],
            [sum(arm.trials for arm in row.arms) for row in hooks],
            [row.arms[0].sigma for row in hooks],
        ),
        groups=tuple(compared),
    )
