"""Split tests by Meta's ad studies: one audience, divided at random among reels.

Each arm is an ad of a published reel, in an ad set of its own; the study assigns a
share of the people to each ad set. Everything is created paused, in a campaign with a
spend cap. Sources are Meta's references "Ad Study" (Marketing API) and "Use Posts as
Instagram Ads" (Instagram Ads API). The API has no idempotency key, so objects are found
by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ig_assets.adapters.instagram.client import Answer, GraphClient
from ig_assets.adapters.vendor_numbers import finite_in
from ig_assets.core.experiments.constants import ADS
from ig_assets.core.ports import AdAccount, AdStudyObject, AdStudyTerms
from ig_assets.errors import (
    AccessError,
    InputError,
    MalformedAnswerError,
    RefusedError,
)

ACTIVE_ACCOUNT = 1
WITHOUT_CENTS = frozenset("CLP COP CRC HUF ISK IDR JPY KRW PYG TWD VND".split())
"""Currencies whose minor unit is the unit itself (Meta, "Currency codes")."""

_PAGE = "100"
_READY = 200
_AUDIENCE_FIELDS = "id,account_id,delivery_status"
_ACCOUNT_FIELDS = (
    "currency,account_status,min_daily_budget,min_campaign_group_spend_cap"
)


@dataclass(frozen=True)
class Advertiser:
    """Meta's ids of the ad account, business, page and Instagram account."""

    ad_account: str
    business: str
    page: str
    instagram_account: str


class InstagramAdStudies:
    """`AdStudies` for one advertiser."""

    platform = ADS

    def __init__(self, client: GraphClient, advertiser: Advertiser) -> None:
        self._client = client
        self._advertiser = advertiser
        account = f"act_{advertiser.ad_account}"
        self._account = account
        self._edges = {
            "campaign": f"{account}/campaigns",
            "ad_set": f"{account}/adsets",
            "creative": f"{account}/adcreatives",
            "ad": f"{account}/ads",
            "study": f"{advertiser.business}/ad_studies",
        }
        self._fields_of: dict[str, Callable[[AdStudyObject], Mapping[str, Any]]] = {
            "campaign": _campaign,
            "ad_set": self._ad_set,
            "creative": self._creative,
            "ad": _ad,
            "study": _study,
        }

    def account(self) -> AdAccount:
        """Return the ad account. Raises AccessError if Meta forbids it to show ads."""
        answer = self._client.get(self._account, fields=_ACCOUNT_FIELDS)
        status = answer.get("account_status")
        if status != ACTIVE_ACCOUNT:
            raise AccessError(
                f"the ad account may show no ads (its status is {status}); settle "
                "that with Meta first."
            )
        currency = str(answer.get("currency") or "")
        if not currency:
            raise MalformedAnswerError(
                "instagram does not report the account's currency."
            )
        return AdAccount(
            currency=currency,
            minor_units=1 if currency in WITHOUT_CENTS else 100,
            least_a_day=_integer(answer.get("min_daily_budget")),
            least_cap=_integer(answer.get("min_campaign_group_spend_cap")),
        )

    def check_audiences(self, numbers: Sequence[str]) -> None:
        """Raise InputError for an audience that is missing, not ours, or not ready.

        `numbers` are Meta's ids of custom audiences, which include lookalikes. An
        audience is ready if its `delivery_status` has the code 200 (Marketing API,
        "Custom Audience").
        """
        for number in numbers:
            try:
                answer = self._client.get(number, fields=_AUDIENCE_FIELDS)
            except RefusedError:
                answer = {}
            if answer.get("id") != number:
                raise InputError(
                    f"There is no audience {number} that this token may use; look up "
                    "its number in Meta's Ads Manager."
                )
            if str(answer.get("account_id")) != self._advertiser.ad_account:
                raise InputError(
                    f"The audience {number} is of another ad account; share it with "
                    "yours in Meta's Ads Manager."
                )
            code = (answer.get("delivery_status") or {}).get("code")
            if code not in (None, _READY):
                raise InputError(
                    f"The audience {number} cannot be shown ads yet (Meta's status "
                    f"{_integer(code)}); it may be too small, or still be filled."
                )

    def find(self, kind: str, intent_key: str) -> str | None:
        """Return the id of the object whose name contains the key, or None.

        Lists are read to their end, as filters by name differ between kinds of objects.
        """
        pages = self._client.pages(self._edges[kind], fields="id,name", limit=_PAGE)
        for page in pages:
            for row in page:
                if intent_key in str(row.get("name")):
                    return str(row["id"])
        return None

    def make(self, part: AdStudyObject) -> str:
        """Create one object, paused, and return its id."""
        fields = _written(self._fields_of[part.kind](part))
        answer = self._client.post(self._edges[part.kind], name=part.name, **fields)
        return _id_in(answer)

    def switch(self, object_id: str, on: bool) -> None:
        """Activate a campaign, ad set or ad, or pause it."""
        answer = self._client.set(object_id, status="ACTIVE" if on else "PAUSED")
        if answer.get("success") is not True:
            raise MalformedAnswerError(
                "instagram does not say that it switched an ad; run it again."
            )

    def _ad_set(self, part: AdStudyObject) -> Mapping[str, Any]:
        terms = part.terms
        payer = {"dsa_payor": terms.payer, "dsa_beneficiary": terms.payer}
        return {
            "campaign_id": part.parents["campaign"],
            "lifetime_budget": terms.arm_budget,
            "start_time": _unix(terms.starts_at),
            "end_time": _unix(terms.ends_at),
            "billing_event": "IMPRESSIONS",
            "optimization_goal": "REACH",
            "promoted_object": {"page_id": self._advertiser.page},
            "targeting": _targeting(terms),
            "status": "PAUSED",
            **(payer if terms.payer else {}),
        }

    def _creative(self, part: AdStudyObject) -> Mapping[str, Any]:
        return {
            "object_id": self._advertiser.page,
            "instagram_user_id": self._advertiser.instagram_account,
            "source_instagram_media_id": part.media_id,
        }


def _campaign(part: AdStudyObject) -> Mapping[str, Any]:
    return {
        "objective": "OUTCOME_AWARENESS",
        "special_ad_categories": [],
        "spend_cap": part.terms.spend_cap,
        "is_adset_budget_sharing_enabled": False,
        "status": "PAUSED",
    }


def _ad(part: AdStudyObject) -> Mapping[str, Any]:
    return {
        "adset_id": part.parents["ad_set"],
        "creative": {"creative_id": part.parents["creative"]},
        "status": "PAUSED",
    }


def _study(part: AdStudyObject) -> Mapping[str, Any]:
    # At most two digits after the point, and no more than 100 in all.
    share = int(10000 / len(part.parents)) / 100
    return {
        "type": "SPLIT_TEST",
        "start_time": _unix(part.terms.starts_at),
        "end_time": _unix(part.terms.ends_at),
        "cells": [
            {"name": arm, "treatment_percentage": share, "adsets": [ad_set]}
            for arm, ad_set in part.parents.items()
        ],
    }


def _targeting(terms: AdStudyTerms) -> dict[str, Any]:
    """Return Meta's parameter `targeting`, which is the same for all arms.

    `advantage_audience` is 0, as Meta would widen the audience otherwise.
    """
    return {
        "geo_locations": {"countries": list(terms.countries)},
        "age_min": terms.min_age,
        "age_max": terms.max_age,
        "publisher_platforms": ["instagram"],
        "instagram_positions": ["reels"],
        "targeting_automation": {"advantage_audience": 0},
        **(
            {"custom_audiences": [{"id": one} for one in terms.custom_audiences]}
            if terms.custom_audiences
            else {}
        ),
    }


def _written(fields: Mapping[str, Any]) -> dict[str, str]:
    """Encode the fields: texts as they are, other values as JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in fields.items()
    }


def _unix(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


def _integer(value: Any) -> int:
    return int(finite_in(value) or 0)


def _id_in(answer: Answer) -> str:
    if not answer.get("id"):
        raise MalformedAnswerError("instagram did not say what it made.")
    return str(answer["id"])
