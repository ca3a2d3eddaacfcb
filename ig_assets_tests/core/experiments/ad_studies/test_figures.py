"""An ad's figures decide its experiment, and are kept apart from what models learn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.decisions.winners import record_winners
from ig_assets.core.experiments.reports.ad_study_listing import ad_study_rows
from ig_assets.core.experiments.reports.meta_analysis import across_topics
from ig_assets.core.experiments.stats.sample_ratio import audience_shares
from ig_assets.core.fine_tuning.training_set.decided_experiments import decided_before
from ig_assets.errors import TransientVendorError
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.core.experiments.ad_studies.ad_study_factory import (
    REQUEST,
    AdStudyEnv,
    ad_study_env,
    add_reels,
)
from ig_assets_tests.stand_ins.graph_server import error

LATER = datetime(2027, 1, 1)
ORGANIC = {"likes": 5.0, "reach": 100.0}


@pytest.fixture
def one(tmp_path: Path) -> Iterator[AdStudyEnv]:
    with ad_study_env(tmp_path) as made:
        add_reels(made.world)
        for media in made.world.server.media.values():
            media.values = ORGANIC
        yield made


def show(one: AdStudyEnv, a: int = 400, b: int = 200) -> None:
    """Each ad reached ten thousand; the likes are given, A's and B's."""
    for arm, likes in (("A", a), ("B", b)):
        one.vendor.show(one.ad_of(arm).object_id, 10_000, 24.5, post_reaction=likes)


def decide(one: AdStudyEnv) -> dict[str, str]:
    update_results(one.warehouse, one.world.time)
    rows = one.rows("""
        SELECT e.segment, d.decision
        FROM decisions AS d
        JOIN experiments AS e ON e.experiment_id = d.experiment_id
        ORDER BY d.decided_at
        """)
    return {row["segment"]: row["decision"] for row in rows}


def decided(one: AdStudyEnv) -> AdStudyEnv:
    """A test that A won, after four days."""
    one.running()
    show(one)
    one.read_daily(4)
    assert decide(one) == {"all": "running", "split test": "winner"}
    return one


# ── figures ───────────────────────────────────────────────────────────────────


def test_ads_are_read_beside_the_reels_that_they_show(one: AdStudyEnv) -> None:
    one.running()
    show(one)
    one.pass_time(hours=3)
    summary = one.read()
    assert summary.posts == 4
    rows = one.rows("""
        SELECT p.platform, p.arm, g.metric, g.value
        FROM engagement AS g
        JOIN posts AS p ON p.post_id = g.post_id
        WHERE g.metric IN ('likes', 'spend')
        """)
    found = {(r["platform"], r["arm"], r["metric"]): r["value"] for r in rows}
    assert found == {
        ("instagram", "A", "likes"): 5.0,
        ("instagram", "B", "likes"): 5.0,
        ("instagram_ads", "A", "likes"): 400.0,
        ("instagram_ads", "B", "likes"): 200.0,
        ("instagram_ads", "A", "spend"): 24.5,
        ("instagram_ads", "B", "spend"): 24.5,
    }
    missing = one.rows("SELECT value FROM engagement WHERE metric = 'comments'")
    assert [row["value"] for row in missing] == [None] * 4


def test_an_ad_is_read_from_its_start_and_not_before(one: AdStudyEnv) -> None:
    study = one.service().plan("e1", REQUEST)
    show(one)
    one.pass_time(hours=3)
    assert one.read().posts == 2
    one.service().start(study.split_id)
    one.pass_time(hours=1)
    assert one.read().posts == 4
    one.service().stop(study.split_id)
    one.read_daily(1)
    published = one.rows(
        "SELECT DISTINCT post_id FROM engagement WHERE metric = 'spend' "
        "AND age_hours > 12"
    )
    assert len(published) == 2, "published ads are still read"


def test_reels_are_read_though_their_ads_cannot_be(one: AdStudyEnv) -> None:
    one.running()
    one.pass_time(hours=3)
    for arm in "AB":
        ad = one.ad_of(arm).object_id
        one.world.server.media_faults[ad].extend([error(2)] * 9)
    with pytest.raises(TransientVendorError):
        one.read()
    [row] = one.rows("SELECT count(DISTINCT post_id) AS posts FROM engagement")
    assert row["posts"] == 2


# ── evidence ──────────────────────────────────────────────────────────────────


def test_a_better_ad_wins_its_experiment_and_leaves_the_organic_one(
    one: AdStudyEnv,
) -> None:
    decided(one)
    [row] = one.rows(
        "SELECT winner_variant_id FROM decisions WHERE decision = 'winner'"
    )
    assert row["winner_variant_id"] == "t1-A"


def test_the_same_ad_twice_wins_nothing(one: AdStudyEnv) -> None:
    one.running()
    show(one, a=300, b=300)
    one.read_daily(16)
    assert decide(one)["split test"] == "inconclusive"


def test_an_audience_that_was_not_divided_as_planned_alarms(one: AdStudyEnv) -> None:
    one.running()
    show(one)
    one.vendor.show(one.ad_of("B").object_id, 5_000, 24.5, post_reaction=100)
    one.read_daily(4)
    decide(one)
    with one.warehouse.transaction() as con:
        [shares] = audience_shares(con)
    assert shares.alarms and set(shares.trials) == {"A", "B"}


def test_the_list_says_what_a_test_costs_and_what_it_says(one: AdStudyEnv) -> None:
    def listed() -> dict[str, object]:
        with one.warehouse.transaction() as con:
            [row] = ad_study_rows(con, one.world.time.now())
        return row

    study = one.service().plan("e1", REQUEST)
    assert listed()["verdict"] == "Nothing was shown yet."
    assert "paused" in str(listed()["state"]) and listed()["spent"] is None
    one.service().start(study.split_id)
    show(one)
    one.read_daily(3)
    decide(one)
    row = listed()
    assert (row["budget"], row["spent"], row["currency"]) == (60.0, 49.0, "USD")
    assert row["topic"] == "topic t1" and row["state"] == "running"
    assert str(row["verdict"]).startswith("A wins: it leads B by 100 %")
    one.pass_time(days=9)
    assert "over" in str(listed()["state"])


# ── what models may learn from ────────────────────────────────────────────────


def test_what_ads_decided_is_no_training_example_unless_it_is_allowed(
    one: AdStudyEnv,
) -> None:
    with decided(one).warehouse.transaction() as con:
        without = decided_before(con, LATER)
        with_ads = decided_before(con, LATER, with_ads=True)
    assert without.experiments == () and without.excluded["decided by ads"] == 1
    # The published words of these reels are not stored, but the ads are no reason now.
    assert with_ads.excluded["decided by ads"] == 0


def test_allowed_decisions_of_ads_teach_the_published_words(one: AdStudyEnv) -> None:
    with one.warehouse.transaction() as con:
        con.execute("""
            UPDATE posts
            SET published_revision_hash = v.revision_hash
            FROM variants AS v
            WHERE v.variant_id = posts.variant_id
            """)
    with decided(one).warehouse.transaction() as con:
        assert decided_before(con, LATER).experiments == ()
        [found] = decided_before(con, LATER, with_ads=True).experiments
    assert found.winner.variant_id == "t1-A" and not found.simulated
    assert [lead.rival.variant_id for lead in found.leads] == ["t1-B"]


def test_an_ads_figures_are_none_of_its_scripts(one: AdStudyEnv) -> None:
    decided(one)
    script = {
        "script_id": "winner/t1-A",
        "revision_hash": "r",
        "origin": "winner",
        "variant_id": "t1-A",
    }
    with one.warehouse.transaction() as con:
        merge_rows(con, "scripts", [script])
    record_winners(one.warehouse, one.world.time)
    rows = one.rows("SELECT source, likes FROM script_performance")
    assert rows == [{"source": "instagram/post-A", "likes": 5.0}]


def test_a_topic_enters_claims_across_topics_once(one: AdStudyEnv) -> None:
    decided(one)
    with one.warehouse.transaction() as con:
        con.execute("UPDATE posts SET hook_style = arm")
        assert across_topics(con, simulated=False).styles == ()
        con.execute("DELETE FROM split_tests")
        assert len(across_topics(con, simulated=False).styles) == 2


def test_an_ad_names_its_reel_and_its_variant(one: AdStudyEnv) -> None:
    one.running()
    edges = one.rows("""
        SELECT parent_kind, parent_id, relation
        FROM edges
        WHERE child_kind = 'post'
        ORDER BY parent_id
        """)
    assert {(e["parent_kind"], e["parent_id"], e["relation"]) for e in edges} == {
        ("post", "post-A", "advertises"),
        ("post", "post-B", "advertises"),
        ("variant", "t1-A", "publishes"),
        ("variant", "t1-B", "publishes"),
    }
