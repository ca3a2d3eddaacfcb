"""The ads of the Graph API's STAND-IN: an ad account with money that is not spent.

It keeps campaigns, ad sets, creatives, ads and studies, refuses what Meta refuses
(a parameter that is missing, a budget under the minimum, an ad in the EU without a
payer, shares over 100 %), and tells what would have been spent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

AD_ACCOUNT, BUSINESS, FACEBOOK_PAGE = "10152000000000001", "20300400500", "30400500600"
EU = {"AT", "BE", "DE", "ES", "FR", "IE", "IT", "NL", "PL", "SE"}
EDGES = {
    f"act_{AD_ACCOUNT}/campaigns": "campaign",
    f"act_{AD_ACCOUNT}/adsets": "ad_set",
    f"act_{AD_ACCOUNT}/adcreatives": "creative",
    f"act_{AD_ACCOUNT}/ads": "ad",
    f"{BUSINESS}/ad_studies": "study",
}
EPOCH = datetime(1970, 1, 1)

Reply = tuple[int, Any]


@dataclass
class AdObject:
    """One object with the fields that it was made with, JSON read."""

    object_id: str
    kind: str
    fields: dict[str, Any]
    status: str = "ACTIVE"


class Refused(Exception):
    """The parameters will not do; `subcode` as Meta has it."""

    def __init__(self, subcode: int = 0) -> None:
        self.subcode = subcode


@dataclass
class AdsStandIn:
    """The ad account; `figures[ad id]` is the row of insights, absent before any.

    `audiences` are its custom audiences by number.
    """

    error: Callable[..., Reply]
    now: Callable[[], datetime]
    name: Callable[[], str]
    owner: str
    media: Mapping[str, Any]
    objects: dict[str, AdObject] = field(default_factory=dict)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: bool = False
    currency: str = "USD"
    account_status: int = 1
    audiences: dict[str, dict[str, Any]] = field(default_factory=dict)
    least_a_day: int = 100
    least_cap: int = 0

    def of(self, kind: str) -> list[AdObject]:
        """What there is of a kind, oldest first."""
        return [item for item in self.objects.values() if item.kind == kind]

    def would_spend(self) -> int:
        """What the account would be charged by now, at most, in minor units."""
        total = 0
        for campaign in self.of("campaign"):
            ad_sets = {
                ad.fields["adset_id"] for ad in self.of("ad") if ad.status == "ACTIVE"
            }
            budgets = sum(
                ad_set.fields["lifetime_budget"]
                for ad_set in self.of("ad_set")
                if ad_set.object_id in ad_sets
                and ad_set.status == "ACTIVE"
                and ad_set.fields["campaign_id"] == campaign.object_id
            )
            if campaign.status == "ACTIVE":
                total += min(budgets, campaign.fields["spend_cap"])
        return total

    def show(self, ad_id: str, reach: int, spend: float, **actions: int) -> None:
        """An ad was seen; actions are of Meta's names, `.` written as `__`."""
        self.figures[ad_id] = {
            "reach": str(reach),
            "impressions": str(reach + reach // 5),
            "spend": f"{spend:.2f}",
            "actions": [
                {"action_type": name.replace("__", "."), "value": str(count)}
                for name, count in actions.items()
            ],
        }

    def answer(self, method: str, path: str, given: dict[str, str]) -> Reply | None:
        """What a request gets; None for one that is not about ads."""
        try:
            if path == f"act_{AD_ACCOUNT}":
                return 200, self._account(given)
            if path in self.audiences and method == "GET":
                return 200, {"id": path} | self.audiences[path]
            if path in EDGES and method == "POST":
                return 200, {"id": self._make(EDGES[path], given)}
            if path in self.objects and method == "POST":
                return 200, self._switch(self.objects[path], given)
        except Refused as refused:
            return self.error(100, refused.subcode)
        return None

    def rows(self, path: str) -> list[dict[str, Any]] | None:
        """The list at an edge, newest first; None for another edge."""
        if path not in EDGES:
            return None
        found = [] if self.hidden else self.of(EDGES[path])
        return [
            {"id": item.object_id, "name": item.fields["name"]}
            for item in reversed(found)
        ]

    def insights(self, ad_id: str, query: Mapping[str, list[str]]) -> Reply:
        """One item of a batch: an ad's figures, none before it was shown."""
        fields = query.get("fields", [""])[0].split(",")
        known = {"reach", "impressions", "spend", "actions"}
        if not set(fields) <= known or query.get("date_preset") != ["maximum"]:
            return self.error(100)
        row = self.figures.get(ad_id)
        if row is None:
            return 200, {"data": []}
        return 200, {"data": [{name: row[name] for name in fields if name in row}]}

    def _account(self, given: Mapping[str, str]) -> dict[str, Any]:
        told = {
            "id": f"act_{AD_ACCOUNT}",
            "currency": self.currency,
            "account_status": self.account_status,
            "min_daily_budget": self.least_a_day,
            "min_campaign_group_spend_cap": str(self.least_cap),
        }
        return {"id": told["id"]} | {
            name: told[name] for name in given["fields"].split(",")
        }

    def _make(self, kind: str, given: dict[str, str]) -> str:
        fields = {
            k: v if k.endswith("_id") or k == "name" else _read(v)
            for k, v in given.items()
            if k != "appsecret_proof"
        }
        if not fields.get("name"):
            raise Refused
        try:
            getattr(self, f"_check_{kind}")(fields)
        except (KeyError, TypeError):  # a parameter is missing, or is something else
            raise Refused from None
        name = self.name()
        status = fields.pop("status", "ACTIVE")
        if status not in ("PAUSED", "ACTIVE"):
            raise Refused
        self.objects[name] = AdObject(name, kind, fields, status)
        return name

    def _switch(self, item: AdObject, given: Mapping[str, str]) -> dict[str, Any]:
        if item.kind not in ("campaign", "ad_set", "ad"):
            raise Refused
        if given.get("status") not in ("PAUSED", "ACTIVE"):
            raise Refused
        item.status = given["status"]
        return {"success": True}

    def _check_campaign(self, fields: dict[str, Any]) -> None:
        _need(fields["objective"] == "OUTCOME_AWARENESS")
        _need(fields.get("special_ad_categories") == [])
        _need(fields.get("is_adset_budget_sharing_enabled") in (True, False))
        _need(isinstance(fields["spend_cap"], int))
        _need(fields["spend_cap"] >= self.least_cap)

    def _check_ad_set(self, fields: dict[str, Any]) -> None:
        _need(self._is(fields["campaign_id"], "campaign"))
        _need(fields.get("billing_event") == "IMPRESSIONS")
        _need(fields.get("optimization_goal") == "REACH")
        _need(str(fields["promoted_object"]["page_id"]) == FACEBOOK_PAGE)
        start, end = fields["start_time"], fields["end_time"]
        _need(start < end and EPOCH + timedelta(seconds=end) > self.now())
        days = (end - start) / 86400
        _need(fields["lifetime_budget"] >= self.least_a_day * days)
        targeting = fields["targeting"]
        countries = set(targeting["geo_locations"]["countries"])
        _need(bool(countries) and targeting["age_min"] <= targeting["age_max"])
        _need("instagram" in targeting["publisher_platforms"])
        _need(set(targeting["instagram_positions"]) <= {"reels", "stream", "story"})
        _need(targeting["targeting_automation"]["advantage_audience"] in (0, 1))
        for audience in targeting.get("custom_audiences", []):
            _need(audience["id"] in self.audiences)
        if countries & EU:
            _need(bool(fields.get("dsa_payor")), 3858079)
            _need(bool(fields.get("dsa_beneficiary")), 3858081)

    def _check_creative(self, fields: dict[str, Any]) -> None:
        _need(str(fields["object_id"]) == FACEBOOK_PAGE)
        _need(str(fields["instagram_user_id"]) == self.owner, 1815199)
        _need(str(fields["source_instagram_media_id"]) in self.media)

    def _check_ad(self, fields: dict[str, Any]) -> None:
        _need(self._is(fields["adset_id"], "ad_set"))
        _need(self._is(fields["creative"]["creative_id"], "creative"))

    def _check_study(self, fields: dict[str, Any]) -> None:
        _need(fields["type"] == "SPLIT_TEST" and len(fields["cells"]) > 1)
        _need(fields["start_time"] < fields["end_time"])
        _need(EPOCH + timedelta(seconds=fields["start_time"]) > self.now())
        shares = [cell["treatment_percentage"] for cell in fields["cells"]]
        _need(min(shares) >= 10 and sum(shares) <= 100)
        _need(all(round(share, 2) == share for share in shares))
        ad_sets = [ad_set for cell in fields["cells"] for ad_set in cell["adsets"]]
        _need(all(self._is(ad_set, "ad_set") for ad_set in ad_sets))
        taken = {
            s for t in self.of("study") for c in t.fields["cells"] for s in c["adsets"]
        }
        _need(not taken & set(ad_sets) and len(set(ad_sets)) == len(ad_sets))

    def _is(self, object_id: Any, kind: str) -> bool:
        item = self.objects.get(str(object_id))
        return item is not None and item.kind == kind


def _need(holds: bool, subcode: int = 0) -> None:
    if not holds:
        raise Refused(subcode)


def _read(text: str) -> Any:
    """JSON where it is, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
