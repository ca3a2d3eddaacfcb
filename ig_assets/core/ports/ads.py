"""Port to a vendor that divides one audience among several ads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class AdAccount:
    """The account that pays, and the vendor's minimums.

    `minor_units` is the number of minor units in one unit of its currency.
    `least_a_day` (per arm) and `least_cap` are minimums in minor units.
    """

    currency: str
    minor_units: int
    least_a_day: int
    least_cap: int


@dataclass(frozen=True)
class AdStudyTerms:
    """The terms that all arms of a split test share; money is in minor units.

    `spend_cap` is the cap of the test's campaign, `arm_budget` the budget of one arm.
    The ads are shown to people in the `countries` who are in one of the
    `custom_audiences` (ids at the vendor of the team's audiences and lookalikes), or to
    everyone there if there are none.
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

    `name` contains the intent key by which the object can be found. `parents` is {kind:
    id} of the objects to which this one belongs; for a study it is {arm: id of its ad
    set}.
    """

    kind: str
    name: str
    terms: AdStudyTerms
    parents: Mapping[str, str] = field(default_factory=dict)
    media_id: str | None = None


class AdStudies(Protocol):
    """A vendor that divides one audience at random among posts that run as ads.

    Running ads costs money.
    """

    platform: str

    def account(self) -> AdAccount:
        """Return the account that pays. Raises AccessError if it may not advertise."""
        ...

    def check_audiences(self, numbers: Sequence[str]) -> None:
        """Raise InputError for audience ids to which this account may not show ads."""
        ...

    def find(self, kind: str, intent_key: str) -> str | None:
        """Return the id of the object that an earlier `make` with this key made.

        None if there is none. The process of the earlier call may have crashed.
        """
        ...

    def make(self, part: AdStudyObject) -> str:
        """Make the object once, paused, and return its id.

        Raises TransientVendorError, RefusedError.
        """
        ...

    def switch(self, object_id: str, on: bool) -> None:
        """Run a campaign, ad set or ad if `on`, else pause it; may be repeated."""
        ...
