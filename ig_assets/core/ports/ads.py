"""Port to a vendor that divides one audience among several ads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class AdAccount:
    """The account that pays; `minor_units` make one unit of its currency.

    `least_a_day` (per arm) and `least_cap` are the vendor's minimums in minor units.
    """

    currency: str
    minor_units: int
    least_a_day: int
    least_cap: int


@dataclass(frozen=True)
class AdStudyTerms:
    """What all arms of a split test share; money is in the currency's minor unit.

    `spend_cap` is the cap of the test's campaign, `arm_budget` the budget of one arm.
    `custom_audiences` are the vendor's ids of the team's own audiences and lookalikes:
    the ads are shown to people who are in one of them and in the `countries`. If empty,
    they are shown to everyone there.
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

    `name` holds the intent key by which the object can be found. `parents` maps the
    kind of each object that this one belongs to, to its id; for a study it maps each
    arm to the arm's ad set.
    """

    kind: str
    name: str
    terms: AdStudyTerms
    parents: Mapping[str, str] = field(default_factory=dict)
    media_id: str | None = None


class AdStudies(Protocol):
    """Divides one audience at random among posts that run as ads, which costs money."""

    platform: str

    def account(self) -> AdAccount:
        """Return the account that pays. Raises AccessError if it may not advertise."""
        ...

    def check_audiences(self, numbers: Sequence[str]) -> None:
        """Raise InputError for an audience to which this account may not show ads."""
        ...

    def find(self, kind: str, intent_key: str) -> str | None:
        """Return the id of the object that `make` made before with this key, or None.

        The process of the earlier call may have crashed.
        """
        ...

    def make(self, part: AdStudyObject) -> str:
        """Make the object once, paused, and return its id.

        Raises TransientVendorError, RefusedError.
        """
        ...

    def switch(self, object_id: str, on: bool) -> None:
        """Run a campaign, ad set or ad, or pause it; harmless if repeated."""
        ...
