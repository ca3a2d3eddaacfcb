"""Reads the data that a ranker learns from: all arms of all evaluated experiments."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.history_import.identity.known_posts import IMAGE
from ig_assets.core.corpus.queries import forgotten_scripts, forgotten_variants
from ig_assets.core.experiments.constants import ADS, UNKNOWN_SIGMA
from ig_assets.core.models.ranker.arms import ARMS_WITH_HOOKS, PastArm
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

# The counts of each arm at the latest look at its experiment, decided or not: all arms
# of a look have the same age.
_EVIDENCE = f"""
WITH looks AS (
    SELECT experiment_id, max(data_through) AS data_through
    FROM evidence
    WHERE data_through < $1
    GROUP BY experiment_id
),
counts AS (
    SELECT v.experiment_id, v.arm_a AS arm, v.events_a AS events, v.trials_a AS trials
    FROM evidence AS v
    JOIN looks USING (experiment_id, data_through)
    UNION
    SELECT v.experiment_id, v.arm_b, v.events_b, v.trials_b
    FROM evidence AS v
    JOIN looks USING (experiment_id, data_through)
),
published AS (
    SELECT post_id, experiment_id, arm, variant_id, script_id,
        published_revision_hash, platform,
        CASE WHEN starts_with(detail, '{IMAGE}') THEN detail END AS image
    FROM posts
    WHERE status = 'published' AND duplicate_of IS NULL
    QUALIFY row_number() OVER (
        PARTITION BY experiment_id, arm
        ORDER BY post_id
    ) = 1
),
promoted AS (
    SELECT variant_id, min(script_id) AS script_id
    FROM scripts
    WHERE variant_id IS NOT NULL
    GROUP BY variant_id
)
SELECT p.post_id, c.experiment_id, c.arm,
    coalesce(p.script_id, w.script_id) AS script_id, p.variant_id,
    coalesce(p.published_revision_hash, v.revision_hash) AS revision_hash,
    c.events, c.trials,
    coalesce(e.sigma, CASE WHEN e.randomised THEN 0 ELSE {UNKNOWN_SIGMA} END) AS sigma,
    coalesce(e.randomised, FALSE) AS randomised, p.image, e.started_at,
    coalesce(e.simulated, FALSE) AS simulated,
    coalesce(p.platform = '{ADS}', FALSE) AS by_ads,
    coalesce(u.cause = 'split', FALSE) AND a.experiment_id IS NULL AS is_unsound,
    c.experiment_id IN (
        SELECT experiment_id
        FROM decisions
        WHERE decision <> 'running' AND decided_at < $1
    ) AS is_settled
FROM counts AS c
JOIN experiments AS e ON e.experiment_id = c.experiment_id
JOIN published AS p ON p.experiment_id = c.experiment_id AND p.arm = c.arm
LEFT JOIN variants AS v ON v.variant_id = p.variant_id
LEFT JOIN promoted AS w ON w.variant_id = p.variant_id
LEFT JOIN unsound_experiments AS u ON u.experiment_id = c.experiment_id
LEFT JOIN valid_acceptances AS a ON a.experiment_id = c.experiment_id
"""


@dataclass(frozen=True)
class Evidence:
    """The arms to learn from; `left_out` is {reason: number of other arms}.

    `simulated` is true if all arms are of simulated audiences; otherwise none is.
    `settled` has the ids of experiments that are over, so that their counts hardly
    change any more.
    """

    arms: tuple[PastArm, ...]
    left_out: Counter[str]
    simulated: bool
    settled: frozenset[str]


def evidence_before(
    con: Connection, cutoff: datetime, *, with_ads: bool = False
) -> Evidence:
    """Return all arms of experiments with a look before `cutoff`, decided or not.

    Left out are forgotten scripts, arms without counts or a stored hook, experiments
    whose audience was not divided as planned unless a person accepted them, experiments
    of ads unless `with_ads`, and simulated ones if there is a real one.
    """
    left_out: Counter[str] = Counter()
    arms: list[tuple[PastArm, bool]] = []
    settled: set[str] = set()
    scripts, variants = forgotten_scripts(con), forgotten_variants(con)
    rows = fetch_dicts(con, ARMS_WITH_HOOKS.format(source=_EVIDENCE), [cutoff])
    for row in rows:
        simulated = row.pop("simulated")
        if row.pop("is_settled"):
            settled.add(row["experiment_id"])
        reason = _reason(row, with_ads)
        if row["script_id"] in scripts or row["variant_id"] in variants:
            reason = "forgotten"  # its hook is gone too
        if reason is not None:
            left_out[reason] += 1
        else:
            arms.append((PastArm(**row), simulated))
    real = [arm for arm, simulated in arms if not simulated]
    if real and len(real) < len(arms):
        left_out["simulated, and there are real ones"] += len(arms) - len(real)
    kept = tuple(real or [arm for arm, _ in arms])
    return Evidence(tuple(kept), left_out, bool(arms) and not real, frozenset(settled))


def _reason(row: dict[str, Any], with_ads: bool) -> str | None:
    by_ads, is_unsound = row.pop("by_ads"), row.pop("is_unsound")
    if by_ads and not with_ads:
        return "decided by ads"
    if is_unsound:
        return "audience not divided as planned"
    if not row["trials"] or row["events"] is None:
        return "no counts"
    return None if row["hook"] else "no stored hook"
