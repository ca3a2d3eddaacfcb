"""What two months published, read and decided."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from ig_assets_tests.headless.loop_fixtures import TurnedLoop


def test_every_variant_is_published_exactly_once(turned_loop: TurnedLoop) -> None:
    posts = turned_loop.rows("""
        SELECT v.variant_id, count(p.post_id) AS posts,
            count(*) FILTER (WHERE p.status = 'published') AS published
        FROM variants AS v
        LEFT JOIN posts AS p ON p.variant_id = v.variant_id
        WHERE v.rejection IS NULL
        GROUP BY v.variant_id
        """)
    assert posts
    assert {(row["posts"], row["published"]) for row in posts} == {(1, 1)}


def test_the_platform_holds_each_post_once(turned_loop: TurnedLoop) -> None:
    store = turned_loop.data_dir / "simulated_audience.sqlite"
    with closing(sqlite3.connect(store)) as con:
        sent = con.execute(
            "SELECT platform_post_id FROM published ORDER BY platform_post_id"
        ).fetchall()
    ours = turned_loop.rows("""
        SELECT platform_post_id
        FROM posts
        WHERE variant_id IS NOT NULL
        ORDER BY platform_post_id
        """)
    assert [row["platform_post_id"] for row in ours] == [name for (name,) in sent]


def test_engagement_that_has_not_arrived_is_missing_and_never_zero(
    turned_loop: TurnedLoop,
) -> None:
    (seen,) = turned_loop.rows("""
        SELECT count(*) FILTER (WHERE g.value IS NULL) AS missing,
            count(*) FILTER (WHERE g.value = 0 AND g.metric = 'reach') AS zero,
            count(*) FILTER (WHERE g.value > 0) AS counted
        FROM engagement AS g
        JOIN posts AS p ON p.post_id = g.post_id
        WHERE p.variant_id IS NOT NULL
        """)
    assert seen["missing"] > 0 and seen["counted"] > 0
    assert seen["zero"] == 0


def test_a_restated_reading_is_a_new_row(turned_loop: TurnedLoop) -> None:
    doubled = turned_loop.rows("""
        SELECT post_id
        FROM engagement
        GROUP BY post_id, metric, as_of, observed_at
        HAVING count(*) > 1
        """)
    assert doubled == []


def test_an_experiment_is_decided_once(turned_loop: TurnedLoop) -> None:
    rows = turned_loop.rows("""
        SELECT experiment_id, count(*) FILTER (WHERE decision <> 'running') AS final
        FROM decisions
        GROUP BY experiment_id
        """)
    assert {row["final"] for row in rows} <= {0, 1}
    decided = turned_loop.summary["months"][0]["decisions"]
    assert sum(decided.values()) == 2
    assert "running" not in decided


def test_a_winner_has_evidence_from_before_its_decision(
    turned_loop: TurnedLoop,
) -> None:
    unsupported = turned_loop.rows("""
        SELECT d.experiment_id
        FROM decisions AS d
        WHERE d.decision IN ('winner', 'provisional')
          AND NOT EXISTS (
            SELECT 1
            FROM evidence AS v
            WHERE v.experiment_id = d.experiment_id
              AND v.data_through = d.data_through
          )
        """)
    assert unsupported == []
