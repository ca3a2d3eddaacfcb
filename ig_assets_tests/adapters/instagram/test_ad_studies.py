"""One audience is divided among reels: paused, capped and found by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ig_assets.core.ports import AdStudyObject, AdStudyTerms
from ig_assets.errors import (
    AccessError,
    InputError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
)
from ig_assets_tests.adapters.instagram.graph_factory import START, GraphFactory
from ig_assets_tests.stand_ins.graph_ads import AD_ACCOUNT, FACEBOOK_PAGE, AdObject
from ig_assets_tests.stand_ins.graph_server import ACCOUNT, SECRET, TOKEN, error

CAMPAIGNS = f"act_{AD_ACCOUNT}/campaigns"
TERMS = AdStudyTerms(
    spend_cap=6000,
    arm_budget=3000,
    starts_at=START + timedelta(hours=2),
    ends_at=START + timedelta(hours=2, days=7),
    countries=("US", "GB"),
    min_age=18,
    max_age=44,
)


def part(kind: str, terms: AdStudyTerms = TERMS, **parents: str) -> AdStudyObject:
    media = "701" if kind == "creative" else None
    return AdStudyObject(kind, f"{kind} [key-{kind}]", terms, parents, media)


def made(
    world: GraphFactory, *arms: str, terms: AdStudyTerms = TERMS
) -> dict[str, AdObject]:
    """A campaign with an ad set, creative and ad, and a study of as many ad sets."""
    world.server.add("701")
    ads, ids = world.ad_studies(), {}
    ids["campaign"] = ads.make(part("campaign", terms))
    ad_sets = {
        arm: ads.make(part("ad_set", terms, campaign=ids["campaign"])) for arm in arms
    }
    ids["ad_set"] = ad_sets[arms[0]]
    ids["creative"] = ads.make(part("creative", terms))
    parents = {"ad_set": ids["ad_set"], "creative": ids["creative"]}
    ids["ad"] = ads.make(part("ad", terms, **parents))
    ids["study"] = ads.make(part("study", terms, **ad_sets))
    return {kind: world.server.ads.objects[one] for kind, one in ids.items()}


def test_all_is_made_paused_under_a_campaign_that_may_spend_so_much(
    world: GraphFactory,
) -> None:
    one = made(world, "A", "B")
    assert one["campaign"].fields["spend_cap"] == 6000
    assert one["campaign"].fields["special_ad_categories"] == []
    for kind in ("campaign", "ad_set", "ad"):
        assert one[kind].status == "PAUSED"
    assert world.server.ads.would_spend() == 0


def test_every_arm_is_shown_to_the_same_people_on_the_same_terms(
    world: GraphFactory,
) -> None:
    made(world, "A", "B")
    a, b = ({**s.fields, "name": ""} for s in world.server.ads.of("ad_set"))
    assert a == b
    assert a["lifetime_budget"] == 3000 and a["optimization_goal"] == "REACH"
    assert a["promoted_object"] == {"page_id": FACEBOOK_PAGE}
    assert (a["end_time"] - a["start_time"]) == 7 * 86400
    assert a["targeting"] == {
        "geo_locations": {"countries": ["US", "GB"]},
        "age_min": 18,
        "age_max": 44,
        "publisher_platforms": ["instagram"],
        "instagram_positions": ["reels"],
        "targeting_automation": {"advantage_audience": 0},
    }
    assert "dsa_payor" not in a


def test_the_ad_is_the_reel_that_is_out_already(world: GraphFactory) -> None:
    creative = made(world, "A", "B")["creative"].fields
    assert creative["source_instagram_media_id"] == "701"
    assert creative["instagram_user_id"] == ACCOUNT
    assert creative["object_id"] == FACEBOOK_PAGE


@pytest.mark.parametrize(("arms", "share"), [("AB", 50.0), ("ABC", 33.33)])
def test_the_study_gives_every_arm_the_same_part_of_the_people(
    world: GraphFactory, arms: str, share: float
) -> None:
    study = made(world, *arms)["study"].fields
    assert study["type"] == "SPLIT_TEST"
    assert [cell["name"] for cell in study["cells"]] == list(arms)
    assert {cell["treatment_percentage"] for cell in study["cells"]} == {share}
    ad_sets = [s.object_id for s in world.server.ads.of("ad_set")]
    assert [cell["adsets"] for cell in study["cells"]] == [[s] for s in ad_sets]


def test_who_pays_is_said_where_the_law_wants_it(world: GraphFactory) -> None:
    german = replace(TERMS, countries=("DE",))
    with pytest.raises(RefusedError, match="IG_AD_PAYER"):
        made(world, "A", "B", terms=german)
    made(world, "A", "B", terms=replace(german, payer="Rita's Kitchen"))
    ad_set = world.server.ads.of("ad_set")[0].fields
    assert ad_set["dsa_payor"] == ad_set["dsa_beneficiary"] == "Rita's Kitchen"


OURS = {"account_id": AD_ACCOUNT, "delivery_status": {"code": 200}}


def test_all_arms_are_kept_to_the_same_custom_audiences(world: GraphFactory) -> None:
    """Lookalikes are custom audiences of their own, with a number like any."""
    numbers = ("23850000000000001", "23850000000000002")
    world.server.ads.audiences = {number: OURS for number in numbers}
    world.ad_studies().check_audiences(numbers)
    made(world, "A", "B", terms=replace(TERMS, custom_audiences=numbers))
    for ad_set in world.server.ads.of("ad_set"):
        targeting = ad_set.fields["targeting"]
        assert targeting["custom_audiences"] == [{"id": number} for number in numbers]
        assert targeting["geo_locations"] == {"countries": ["US", "GB"]}
    made(world, "C", "D")
    assert (
        "custom_audiences" not in world.server.ads.of("ad_set")[-1].fields["targeting"]
    )


@pytest.mark.parametrize(
    ("audience", "sentence"),
    [
        (None, "There is no audience 23850000000000001"),
        (OURS | {"account_id": "999"}, "is of another ad account"),
        (OURS | {"delivery_status": {"code": 300}}, "cannot be shown ads yet .* 300"),
    ],
)
def test_an_audience_that_cannot_be_used_is_named_before_anything_is_made(
    world: GraphFactory, audience: dict[str, Any] | None, sentence: str
) -> None:
    if audience is not None:
        world.server.ads.audiences["23850000000000001"] = audience
    with pytest.raises(InputError, match=sentence):
        world.ad_studies().check_audiences(["23850000000000001"])
    assert world.server.ads.objects == {}


def test_an_object_is_found_by_the_key_in_its_name_on_whatever_page(
    world: GraphFactory,
) -> None:
    made(world, "A", "B", "C")
    world.server.empty_pages = 2
    ads = world.ad_studies()
    oldest = world.server.ads.of("ad_set")[0]
    oldest.fields["name"] = "a person renamed it [key-1]"
    assert ads.find("ad_set", "key-1") == oldest.object_id
    for kind in ("campaign", "creative", "ad", "study"):
        assert ads.find(kind, f"key-{kind}") is not None
        assert ads.find(kind, "another key") is None


def test_what_is_switched_on_would_spend_and_what_is_paused_does_not(
    world: GraphFactory,
) -> None:
    one = made(world, "A", "B")
    ads, vendor = world.ad_studies(), world.server.ads
    for kind in ("ad", "ad_set"):
        ads.switch(one[kind].object_id, True)
        assert vendor.would_spend() == 0
    ads.switch(one["campaign"].object_id, True)
    assert vendor.would_spend() == 3000
    ads.switch(one["campaign"].object_id, False)
    assert vendor.would_spend() == 0


def test_switching_is_repeated_and_making_is_not(world: GraphFactory) -> None:
    one, ads = made(world, "A", "B"), world.ad_studies()
    campaign = one["campaign"].object_id
    world.server.fail(campaign, error(2), error(2))
    ads.switch(campaign, False)
    assert len(world.server.asked_of(campaign)) == 3
    before = len(world.server.asked_of(CAMPAIGNS))
    world.server.fail(CAMPAIGNS, error(2))
    with pytest.raises(TransientVendorError) as caught:
        ads.make(part("campaign"))
    assert caught.value.outcome_unknown
    assert len(world.server.asked_of(CAMPAIGNS)) == before + 1


def test_a_switch_that_is_not_confirmed_is_no_success(world: GraphFactory) -> None:
    campaign = made(world, "A", "B")["campaign"].object_id
    world.server.fail(campaign, (200, {"success": False}))
    with pytest.raises(MalformedAnswerError):
        world.ad_studies().switch(campaign, False)


def test_the_account_tells_its_money_and_its_minimums(world: GraphFactory) -> None:
    world.server.ads.least_cap = 10000
    account = world.ad_studies().account()
    assert (account.currency, account.minor_units) == ("USD", 100)
    assert (account.least_a_day, account.least_cap) == (100, 10000)
    world.server.ads.currency = "JPY"
    assert world.ad_studies().account().minor_units == 1


def test_an_account_that_may_not_advertise_is_reported(world: GraphFactory) -> None:
    world.server.ads.account_status = 3
    with pytest.raises(AccessError, match="its status is 3"):
        world.ad_studies().account()


@pytest.mark.parametrize("code", [190, 200, 100, 2])
def test_no_refusal_tells_the_token_or_the_secret(
    world: GraphFactory, code: int
) -> None:
    world.server.fail(CAMPAIGNS, error(code))
    with pytest.raises(Exception) as caught:
        world.ad_studies().make(part("campaign"))
    assert TOKEN not in str(caught.value) and SECRET not in str(caught.value)
    assert world.server.tokens_in_urls == 0
