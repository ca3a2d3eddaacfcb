"""Turns a split test into an experiment whose posts are the test's ads.

Evidence, the sample-ratio check and verdicts then work as for all experiments.
"""

from __future__ import annotations

from typing import Any

from ig_assets.core.experiments.ad_studies.store import AdStudy, move
from ig_assets.core.experiments.constants import ADS, EXPERIMENT_LENGTH, SEGMENT
from ig_assets.core.identity import stable_id
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

EVENTS = ("likes", "comments", "shares", "saved", "views")
TRIALS = ("reach", "impressions", "views")

_ARMS = """
SELECT o.arm, o.intent_key, o.of_post_id, o.object_id, p.variant_id, p.script_id,
       p.hook_style, p.published_revision_hash
FROM split_objects AS o
JOIN posts AS p
  ON p.post_id = o.of_post_id
WHERE o.split_id = ?
  AND o.kind = 'ad'
ORDER BY o.arm
"""

_EXPERIMENT = """
SELECT month, topic_id, numerator, denominator
FROM experiments
WHERE experiment_id = ?
"""

_PUBLISHED = """
UPDATE posts
SET status = 'published', published_at = ?
WHERE experiment_id = ?
  AND status = 'placed'
"""

_BEGUN = """
UPDATE experiments
SET started_at = ?, ends_at = ?
WHERE experiment_id = ?
"""

_DECLINED = """
UPDATE posts
SET status = 'declined'
WHERE experiment_id = ?
  AND status = 'placed'
"""


def add_experiment(con: Connection, study: AdStudy) -> AdStudy:
    """Create the experiment of a fully provisioned split test, with its ads as posts.

    The test's status changes from `planned` to `paused`; returns the changed test.
    Raises InputError for a test in another status.
    """
    study = move(con, study.split_id, ("planned",), status="paused")
    [source] = fetch_dicts(con, _EXPERIMENT, [study.of_experiment_id])
    arms = fetch_dicts(con, _ARMS, [study.split_id])
    merge_rows(con, "experiments", [_experiment(study, source)], replace=False)
    merge_rows(con, "posts", [_post(study, arm) for arm in arms], replace=False)
    return study


def _experiment(study: AdStudy, source: dict[str, Any]) -> dict[str, Any]:
    """Return the experiment's row; sigma is 0, since the audience was randomised."""
    events, trials = source["numerator"], source["denominator"]
    return {
        "experiment_id": study.experiment_id,
        "month": source["month"],
        "topic_id": source["topic_id"],
        "segment": SEGMENT,
        "numerator": events if events in EVENTS else "likes",
        "denominator": trials if trials in TRIALS else "reach",
        "randomised": True,
        "sigma": 0.0,
        "simulated": False,
        "started_at": study.starts_at,
        "ends_at": study.starts_at + EXPERIMENT_LENGTH,
        "status": "running",
        "intent_key": study.split_id,
    }


def _post(study: AdStudy, arm: dict[str, Any]) -> dict[str, Any]:
    """Return an ad's post row; `placed` means neither approved nor published yet."""
    names = ("variant_id", "script_id", "hook_style", "published_revision_hash")
    return {
        **{name: arm[name] for name in names},
        "post_id": stable_id("post", study.split_id, arm["arm"]),
        "experiment_id": study.experiment_id,
        "arm": arm["arm"],
        "slot": study.starts_at,
        "platform": ADS,
        "platform_post_id": arm["object_id"],
        "intent_key": arm["intent_key"],
        "status": "placed",
        "detail": f"ad of post {arm['of_post_id']}, split test {study.split_id}",
    }


def mark_published(con: Connection, study: AdStudy, run_id: str) -> None:
    """Mark the ads as published, and set the experiment's start and end.

    Ads and experiment begin when the test was started, or at its planned start if that
    is later.
    """
    assert study.started_at is not None, "it is written before the campaign runs"
    begun = max(study.started_at, study.starts_at)
    con.execute(_PUBLISHED, [begun, study.experiment_id])
    con.execute(_BEGUN, [begun, begun + EXPERIMENT_LENGTH, study.experiment_id])
    edges = []
    for arm in fetch_dicts(con, _ARMS, [study.split_id]):
        post_id = stable_id("post", study.split_id, arm["arm"])
        edges.append(Edge("post", post_id, "post", arm["of_post_id"], "advertises"))
        if arm["variant_id"] is not None:
            variant = ("variant", arm["variant_id"], "publishes")
            edges.append(Edge("post", post_id, *variant))
    record_edges(con, edges, run_id, study.started_at)


def mark_declined(con: Connection, study: AdStudy) -> None:
    """Set the posts of the ads to declined, for a test stopped before it began."""
    con.execute(_DECLINED, [study.experiment_id])
