"""A plan makes all that a split test takes, paused, for one experiment at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ig_assets.core.experiments.ad_studies.store import study_of
from ig_assets.core.experiments.posts.publish import due_posts, publish_due
from ig_assets.core.experiments.posts.review import approve_posts
from ig_assets.errors import InputError
from ig_assets_tests.adapters.instagram.graph_factory import START
from ig_assets_tests.core.experiments.ad_studies.ad_study_factory import (
    ALL,
    REQUEST,
    AdStudyEnv,
    add_reels,
    ad_study_env,
)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[AdStudyEnv]:
    with ad_study_env(tmp_path) as made:
        add_reels(made.world)
        yield made


def test_a_plan_makes_everything_paused_within_the_budget(one: AdStudyEnv) -> None:
    study = one.service().plan("e1", REQUEST)
    assert study.status == "paused" and one.made() == ALL
    assert one.vendor.would_spend() == 0
    [campaign] = one.vendor.of("campaign")
    assert campaign.status == "PAUSED" and campaign.fields["spend_cap"] == 6000
    budgets = [s.fields["lifetime_budget"] for s in one.vendor.of("ad_set")]
    assert budgets == [3000, 3000]
    begins = [s.fields["start_time"] for s in one.vendor.of("ad_set")]
    assert len(set(begins)) == 1 and study.starts_at == START.replace(hour=10)
    assert study.ends_at - study.starts_at == timedelta(days=7)


def test_a_test_is_a_randomised_experiment_whose_posts_wait(one: AdStudyEnv) -> None:
    study = one.service().plan("e1", REQUEST)
    [row] = one.rows(f"""
        SELECT month, topic_id, segment, numerator, denominator, randomised, sigma,
               simulated
        FROM experiments
        WHERE experiment_id = '{study.experiment_id}'
        """)
    assert row == {
        "month": "2026-01",
        "topic_id": "t1",
        "segment": "split test",
        "numerator": "likes",
        "denominator": "reach",
        "randomised": True,
        "sigma": 0.0,
        "simulated": False,
    }
    posts = one.rows(f"""
        SELECT a.arm, a.variant_id = o.variant_id AS of_variant,
               a.published_revision_hash = o.published_revision_hash AS of_words,
               a.platform, a.platform_post_id, a.status, a.published_at
        FROM posts AS a
        JOIN posts AS o ON o.experiment_id = 'e1' AND o.arm = a.arm
        WHERE a.experiment_id = '{study.experiment_id}'
        ORDER BY a.arm
        """)
    assert [post["platform_post_id"] for post in posts] == [
        one.ad_of(arm).object_id for arm in "AB"
    ]
    for post in posts:
        assert post["of_variant"] and post["of_words"]
        assert (post["platform"], post["status"]) == ("instagram_ads", "placed")
        assert post["published_at"] is None


def test_an_ad_shows_its_arms_own_reel(one: AdStudyEnv) -> None:
    one.service().plan("e1", REQUEST)
    for arm, media in (("A", "701"), ("B", "702")):
        creative = one.ad_of(arm).fields["creative"]["creative_id"]
        fields = one.vendor.objects[creative].fields
        assert fields["source_instagram_media_id"] == media
    [study] = one.vendor.of("study")
    assert [cell["name"] for cell in study.fields["cells"]] == ["A", "B"]
    for cell in study.fields["cells"]:
        assert cell["adsets"] == [one.ad_of(cell["name"]).fields["adset_id"]]


def test_an_ad_is_neither_approved_nor_published_as_a_post(one: AdStudyEnv) -> None:
    study = one.service().plan("e1", REQUEST)
    posts = one.rows("SELECT post_id FROM posts WHERE status = 'placed'")
    one.pass_time(days=2)
    assert approve_posts(one.warehouse, [post["post_id"] for post in posts]).count == 0
    with one.warehouse.transaction() as con:
        assert due_posts(con, one.world.time.now()) == {}
    platform = one.world.instagram()
    publish_due(one.warehouse, one.world.time, platform, "2026-01")
    states = one.rows("SELECT status FROM posts WHERE platform = 'instagram_ads'")
    assert {row["status"] for row in states} == {"placed"} and study.status == "paused"


def test_an_aa_duplicate_is_no_arm_and_one_reel_is_no_test(tmp_path: Path) -> None:
    with ad_study_env(tmp_path) as one:
        add_reels(one.world, arms="A", aa_duplicate=True)
        with pytest.raises(InputError, match="has 1 reels"):
            one.service().plan("e1", REQUEST)
        with pytest.raises(InputError, match="has 0 reels"):
            one.service().plan("e9", REQUEST)
        assert one.made() == {}
        add_reels(one.world, arms="AB", aa_duplicate=True)
        one.service().plan("e1", REQUEST)
        assert one.made() == ALL


def test_a_counter_that_ads_do_not_have_is_replaced(tmp_path: Path) -> None:
    with ad_study_env(tmp_path) as one:
        add_reels(one.world, numerator="total_interactions", denominator="views")
        study = one.service().plan("e1", REQUEST)
        [row] = one.rows(
            "SELECT numerator, denominator FROM experiments "
            f"WHERE experiment_id = '{study.experiment_id}'"
        )
        assert row == {"numerator": "likes", "denominator": "views"}


def test_a_plan_that_is_repeated_is_the_same_plan(one: AdStudyEnv) -> None:
    study = one.service().plan("e1", REQUEST)
    one.pass_time(hours=5)
    assert one.service().plan("e1", REQUEST) == study and one.made() == ALL
    for other in (
        replace(REQUEST, budget=61.0),
        replace(REQUEST, days=8),
        replace(REQUEST, countries=("US",)),
        replace(REQUEST, max_age=45),
    ):
        with pytest.raises(InputError, match=f"split test {study.split_id}.*paused"):
            one.service().plan("e1", other)
    assert one.made() == ALL


def test_after_a_test_has_ended_another_may_be_made(one: AdStudyEnv) -> None:
    first = one.service().plan("e1", REQUEST)
    one.service().stop(first.split_id)
    second = one.service().plan("e1", replace(REQUEST, budget=80.0))
    assert second.split_id != first.split_id
    one.pass_time(days=8)
    third = one.service().plan("e1", REQUEST)
    assert len({s.experiment_id for s in (first, second, third)}) == 3
    assert one.made() == {kind: 3 * count for kind, count in ALL.items()}


def test_ads_are_no_reels_to_make_ads_of(one: AdStudyEnv) -> None:
    split_id = one.running()
    with one.warehouse.transaction() as con:
        own = study_of(con, split_id).experiment_id
    with pytest.raises(InputError, match="has 0 reels on Instagram"):
        one.service().plan(own, REQUEST)
