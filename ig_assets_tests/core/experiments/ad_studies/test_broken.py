"""Whatever breaks off, nothing of a split test is made twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.ports import AdStudyObject
from ig_assets.errors import InputError, RefusedError, TransientVendorError, VendorError
from ig_assets_tests.core.experiments.ad_studies.ad_study_factory import (
    ALL,
    CALLS,
    PATHS,
    REQUEST,
    Died,
    Dying,
    AdStudyEnv,
    add_reels,
    ad_study_env,
)
from ig_assets_tests.stand_ins.graph_ads import AD_ACCOUNT
from ig_assets_tests.stand_ins.graph_server import HANG_UP, error


@pytest.fixture
def one(tmp_path: Path) -> Iterator[AdStudyEnv]:
    with ad_study_env(tmp_path) as made:
        add_reels(made.world)
        yield made


@pytest.mark.parametrize("kind", ALL)
def test_an_answer_that_fails_to_come_is_looked_up_at_once(
    one: AdStudyEnv, kind: str
) -> None:
    one.world.server.fail(PATHS[kind], HANG_UP)
    assert one.service().plan("e1", REQUEST).status == "paused"
    assert one.made() == ALL


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_whenever_a_plan_dies_nothing_is_made_twice(
    one: AdStudyEnv, call: int, before: bool
) -> None:
    with pytest.raises(Died):
        one.service(ads=Dying(one, call, before)).plan("e1", REQUEST)
    assert sum(one.made().values()) == call - before
    if before:
        with pytest.raises(TransientVendorError, match="in the making"):
            one.service().plan("e1", REQUEST)
        one.pass_time(minutes=11)
    study = one.service().plan("e1", REQUEST)
    assert study.status == "paused" and one.made() == ALL
    assert one.service().start(study.split_id).status == "running"
    assert one.vendor.would_spend() == 6000


def test_what_is_made_but_not_listed_yet_is_not_made_again(one: AdStudyEnv) -> None:
    one.world.server.fail(PATHS["campaign"], HANG_UP)
    one.vendor.hidden = True
    with pytest.raises(TransientVendorError, match="again in ten minutes"):
        one.service().plan("e1", REQUEST)
    with pytest.raises(TransientVendorError, match="in the making"):
        one.service().plan("e1", REQUEST)
    one.vendor.hidden = False
    one.service().plan("e1", REQUEST)
    assert one.made() == ALL


@pytest.mark.parametrize("reply", [error(100), error(200), error(17), error(190)])
def test_after_a_clear_no_the_next_run_goes_on_at_once(
    one: AdStudyEnv, reply: Any
) -> None:
    one.world.server.fail(PATHS["creative"], reply)
    with pytest.raises(VendorError):
        one.service().plan("e1", REQUEST)
    looked = len(one.world.server.asked)
    assert one.service().plan("e1", REQUEST).status == "paused"
    lists = [m for m, p, _ in one.world.server.asked[looked:] if m == "GET"]
    assert one.made() == ALL and lists == []


def test_an_answer_without_an_id_is_looked_up(one: AdStudyEnv) -> None:
    one.world.server.fail(PATHS["ad"], (200, {}))
    with pytest.raises(TransientVendorError, match="ten minutes"):
        one.service().plan("e1", REQUEST)
    one.pass_time(minutes=11)
    one.service().plan("e1", REQUEST)
    assert one.made() == ALL


def test_a_plan_that_was_not_finished_in_time_is_ended_and_made_anew(
    one: AdStudyEnv,
) -> None:
    one.world.server.fail(PATHS["study"], error(100))
    with pytest.raises(RefusedError):
        one.service().plan("e1", REQUEST)
    one.pass_time(hours=3)
    with pytest.raises(InputError, match="not all made before.*split stop") as caught:
        one.service().plan("e1", REQUEST)
    one.service().stop(str(caught.value).split()[3])
    assert one.service().plan("e1", REQUEST).status == "paused"
    assert len(one.vendor.of("study")) == 1


def test_two_plans_side_by_side_make_one_test(
    one: AdStudyEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = one.service(), one.service()
    make = first.ads.make

    def slowly(part: AdStudyObject) -> str:
        monkeypatch.undo()
        with pytest.raises(TransientVendorError, match="in the making"):
            second.plan("e1", REQUEST)
        return make(part)

    monkeypatch.setattr(first.ads, "make", slowly)
    assert first.plan("e1", REQUEST).status == "paused" and one.made() == ALL


def test_what_is_asked_for_is_a_row_before_it_is_asked(
    one: AdStudyEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = one.service()
    make, seen = service.ads.make, []

    def watched(part: AdStudyObject) -> str:
        asked = one.rows(
            "SELECT intent_key FROM split_objects "
            f"WHERE kind = '{part.kind}' AND asked_at IS NOT NULL"
        )
        seen.append(any(row["intent_key"] in part.name for row in asked))
        return make(part)

    monkeypatch.setattr(service.ads, "make", watched)
    service.plan("e1", REQUEST)
    assert seen == [True] * CALLS


def test_the_account_is_the_only_thing_read_for_a_plan(one: AdStudyEnv) -> None:
    one.service().plan("e1", REQUEST)
    read = [path for method, path, _ in one.world.server.asked if method == "GET"]
    assert read == [f"act_{AD_ACCOUNT}"]
