"""Port: a vendor divides one audience among several ads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class AdAccount:
    """Whose money it is: `minor_units` make one unit of the currency.

    `least_a_day` (an arm) and `least_cap` are the vendor's minimums in minor units.
    """

    currency: str
    minor_units: int
    least_a_day: int
    least_cap: int


@dataclass(frozen=True)
class AdStudyTerms:
    """What all arms of a split test share; money in the currency's minor unit.

    `custom_audiences` are the vendor's numbers of the team's own audiences, lookalikes
    too: who is in one of them and in the countries is shown the ads. Empty: everyone.
    """

    spend_cap: int
    arm_budget: int
    starts_at: datetime
    ends_at: datetime
    countries: Sequence[str]
    min_age: int
    max_age: int
    payer: str | None = None
    custom_audiences: Sequence[str] = ()


@dataclass(frozen=True)
class AdStudyObject:
    """One object of a split test: a campaign, ad_set, creative, ad or study.

    `name` holds the intent key that it is found by. `parents` are the ids of what it
    hangs on by their kind; a study's are the arms' ad sets by arm.
    """

    kind: str
    name: str
    terms: AdStudyTerms
    parents: Mapping[str, str] = field(default_factory=dict)
    media_id: str | None = None


class AdStudies(Protocol):
    """Divides one audience at random among posts that run as ads. It costs money."""

    platform: str

    def account(self) -> AdAccount:
        """Who pays. Raises AccessError where the account may not advertise."""
        ...

    def check_audiences(self, numbers: Sequence[str]) -> None:
        """Raise InputError for an audience that this account may not show ads to."""
        ...

    def find(self, kind: str, intent_key: str) -> str | None:
        """The id of what an earlier, perhaps crashed, `make` with this key made."""
        ...

    def make(self, part: AdStudyObject) -> str:
        """Make it once, paused; its id. Raises TransientVendorError, RefusedError."""
        ...

    def switch(self, object_id: str, on: bool) -> None:
        """Let a campaign, ad set or ad run, or pause it; harmless if repeated."""
        ...
