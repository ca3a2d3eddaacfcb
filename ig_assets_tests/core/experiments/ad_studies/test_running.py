"""A split test spends from its start to its stop, and not before or after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ig_assets.errors import (
    InputError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
)
from ig_assets_tests.adapters.instagram.graph_factory import START
from ig_assets_tests.core.experiments.ad_studies.ad_study_factory import (
    PATHS,
    SWITCHES,
    REQUEST,
    Died,
    Dying,
    AdStudyEnv,
    add_reels,
    ad_study_env,
)
from ig_assets_tests.stand_ins.graph_server import error


@pytest.fixture
def one(tmp_path: Path) -> Iterator[AdStudyEnv]:
    with ad_study_env(tmp_path) as made:
        add_reels(made.world)
        yield made


def test_a_start_makes_it_spend_and_its_ads_posts_that_are_out(
    one: AdStudyEnv,
) -> None:
    study = one.service().plan("e1", REQUEST)
    order = len(one.world.server.asked)
    started = one.service().start(study.split_id)
    assert started.status == "running" and one.vendor.would_spend() == 6000
    kinds = [one.vendor.objects[p].kind for _, p, _ in one.world.server.asked[order:]]
    assert kinds == ["ad", "ad", "ad_set", "ad_set", "campaign"]
    posts = one.rows(
        "SELECT status, published_at FROM posts WHERE platform = 'instagram_ads'"
    )
    assert {post["status"] for post in posts} == {"published"}
    assert {post["published_at"] for post in posts} == {study.starts_at}


def test_a_test_that_is_started_late_begins_when_it_is(one: AdStudyEnv) -> None:
    study = one.service().plan("e1", REQUEST)
    one.pass_time(days=2)
    one.service().start(study.split_id)
    late = START + timedelta(days=2)
    [row] = one.rows(f"""
        SELECT DISTINCT e.started_at, e.ends_at, p.published_at
        FROM experiments AS e
        JOIN posts AS p ON p.experiment_id = e.experiment_id
        WHERE e.experiment_id = '{study.experiment_id}'
        """)
    assert row["started_at"] == row["published_at"] == late
    assert row["ends_at"] == late + timedelta(days=28)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, SWITCHES + 1))
def test_whenever_a_start_dies_it_goes_on_or_is_stopped(
    one: AdStudyEnv, call: int, before: bool
) -> None:
    split_id = one.service().plan("e1", REQUEST).split_id
    with pytest.raises(Died):
        one.service(ads=Dying(one, call, before)).start(split_id)
    spends = call == SWITCHES and not before
    assert (one.vendor.would_spend() > 0) is spends, "the campaign is the last"
    one.pass_time(hours=3)
    assert one.service().start(split_id).status == "running"
    assert one.vendor.would_spend() == 6000
    assert one.service().stop(split_id).status == "stopped"
    assert one.vendor.would_spend() == 0


def test_a_start_that_died_and_was_stopped_counts_what_may_have_been_shown(
    one: AdStudyEnv,
) -> None:
    split_id = one.service().plan("e1", REQUEST).split_id
    with pytest.raises(Died):
        one.service(ads=Dying(one, SWITCHES, before=False)).start(split_id)
    one.service().stop(split_id)
    posts = one.rows("SELECT status FROM posts WHERE platform = 'instagram_ads'")
    assert {post["status"] for post in posts} == {"published"}


def test_a_stop_before_any_start_leaves_nothing_to_read(one: AdStudyEnv) -> None:
    split_id = one.service().plan("e1", REQUEST).split_id
    assert one.service().stop(split_id).status == "stopped"
    posts = one.rows("SELECT status FROM posts WHERE platform = 'instagram_ads'")
    assert {post["status"] for post in posts} == {"declined"}
    with pytest.raises(InputError, match="stopped.*plan another"):
        one.service().start(split_id)
    assert one.service().stop(split_id).status == "stopped"


def test_a_stop_without_an_answer_says_that_it_may_still_spend(
    one: AdStudyEnv,
) -> None:
    split_id = one.running()
    [campaign] = one.vendor.of("campaign")
    one.world.server.fail(campaign.object_id, *[error(2)] * 4)
    with pytest.raises(TransientVendorError):
        one.service().stop(split_id)
    [row] = one.rows("SELECT status FROM split_tests")
    assert row["status"] == "stopping" and one.vendor.would_spend() == 6000
    one.service().stop(split_id)
    assert one.vendor.would_spend() == 0


def test_a_stop_in_the_middle_of_a_start_wins(
    one: AdStudyEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    split_id = one.service().plan("e1", REQUEST).split_id
    starting = one.service()
    [campaign] = one.vendor.of("campaign")
    switch = starting.ads.switch

    def overtaken(object_id: str, on: bool) -> None:
        if object_id == campaign.object_id and on:
            one.service().stop(split_id)
        switch(object_id, on)

    monkeypatch.setattr(starting.ads, "switch", overtaken)
    with pytest.raises(InputError, match="is stopped"):
        starting.start(split_id)
    assert one.vendor.would_spend() == 0
    [row] = one.rows("SELECT status FROM split_tests")
    assert row["status"] == "stopped"


def test_what_is_half_made_or_over_is_not_started(one: AdStudyEnv) -> None:
    one.world.server.fail(PATHS["study"], error(100))
    with pytest.raises(RefusedError):
        one.service().plan("e1", REQUEST)
    [row] = one.rows("SELECT split_id FROM split_tests")
    with pytest.raises(InputError, match="planned.*plan it again"):
        one.service().start(row["split_id"])
    study = one.service().plan("e1", REQUEST)
    one.pass_time(days=8)
    with pytest.raises(InputError, match="would have ended"):
        one.service().start(study.split_id)
    with pytest.raises(InputError, match="no split test nonsense"):
        one.service().start("nonsense")
    assert one.vendor.would_spend() == 0


def test_an_unconfirmed_switch_is_no_start(one: AdStudyEnv) -> None:
    split_id = one.service().plan("e1", REQUEST).split_id
    one.world.server.fail(one.ad_of("A").object_id, (200, {}))
    with pytest.raises(MalformedAnswerError):
        one.service().start(split_id)
    assert one.vendor.would_spend() == 0
    assert one.service().start(split_id).status == "running"


def test_a_start_that_goes_on_later_began_when_the_vendor_was_told(
    one: AdStudyEnv,
) -> None:
    split_id = one.service().plan("e1", REQUEST).split_id
    one.pass_time(days=1)
    with pytest.raises(Died):
        one.service(ads=Dying(one, SWITCHES, before=False)).start(split_id)
    one.pass_time(hours=3)
    one.service().start(split_id)
    posts = one.rows("SELECT published_at FROM posts WHERE platform = 'instagram_ads'")
    assert {post["published_at"] for post in posts} == {START + timedelta(days=1)}
