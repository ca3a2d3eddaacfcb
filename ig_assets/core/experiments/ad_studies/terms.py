"""Defines the budget, time and audience of a split test, and checks a request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from ig_assets.core.experiments.ad_studies.store import AdStudy
from ig_assets.core.ports import AdAccount, AdStudyTerms
from ig_assets.errors import InputError

YOUNGEST, OLDEST = 13, 65
MAX_DAYS = 30
MAX_ARMS = 10
LEAD = timedelta(minutes=30)
"""Least time from planning a study to its start, which is at a full hour."""
HOUR = timedelta(hours=1)

_COUNTRY = re.compile(r"[A-Z]{2}")
_NUMBER = re.compile(r"[0-9]{5,25}")


@dataclass(frozen=True)
class AdStudyRequest:
    """A person's request for a split test.

    `budget` is for all arms, in whole units of the account's currency. A `max_age` of
    65 includes all older people. `custom_audiences` are ids of the team's audiences at
    the vendor, lookalikes included; empty for everyone.
    """

    budget: float
    days: int
    countries: tuple[str, ...]
    min_age: int = 18
    max_age: int = OLDEST
    custom_audiences: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise InputError for a request that is invalid for every ad account."""
        if not self.budget > 0:
            raise InputError("The budget of a split test must be above 0.")
        if not 1 <= self.days <= MAX_DAYS:
            raise InputError(f"A split test lasts from 1 to {MAX_DAYS} days.")
        wrong = [code for code in self.countries if not _COUNTRY.fullmatch(code)]
        if wrong or not self.countries:
            raise InputError(
                f"{','.join(self.countries) or 'Nothing'!r} is no list of countries "
                "such as US,GB (two capital letters each)."
            )
        if not YOUNGEST <= self.min_age <= self.max_age <= OLDEST:
            raise InputError(
                f"{self.min_age}-{self.max_age} is not a range of ages within "
                f"{YOUNGEST}-{OLDEST}."
            )

        wrong = [one for one in self.custom_audiences if not _NUMBER.fullmatch(one)]
        if wrong:
            raise InputError(
                f"{wrong[0]!r} is no number of an audience; Meta's Ads Manager shows "
                "it in the list of audiences."
            )

    def is_of(self, study: AdStudy) -> bool:
        """Return whether a test was planned with this budget, days and audience."""
        return (
            (self.budget, self.days) == (study.budget, study.days)
            and set(self.countries) == set(study.countries.split(","))
            and (self.min_age, self.max_age) == (study.min_age, study.max_age)
            and set(self.custom_audiences) == set(study.audiences)
        )


def check_limit(budget: float, limit: float) -> None:
    """Raise InputError if the budget exceeds the limit; 0 forbids all split tests."""
    if limit <= 0:
        raise InputError(
            "Split tests are off, since they spend real money; set IG_SPLIT_MAX_BUDGET "
            "to the most that one may cost, in the ad account's currency."
        )
    if budget > limit:
        raise InputError(
            f"A split test for {budget:,.2f} is over IG_SPLIT_MAX_BUDGET "
            f"({limit:,.2f}); ask for less, or raise the setting."
        )


def terms_of(
    request: AdStudyRequest,
    arms: int,
    account: AdAccount,
    now: datetime,
    payer: str | None,
) -> AdStudyTerms:
    """Convert a request to terms in the account's minor units, with a start time.

    Every arm gets the same part of the budget, rounded down; the sum of these parts is
    the most that is spent. The campaign's cap is the budget, or the account's lowest
    possible cap if that is higher. The start is the first full hour that is far enough
    in the future (`LEAD`). Raises InputError for too many arms, and for a budget below
    the account's minimum.
    """
    if arms > MAX_ARMS:
        raise InputError(f"A split test takes at most {MAX_ARMS} reels, not {arms}.")
    budget = int(round(request.budget * account.minor_units, 6))
    arm_budget = budget // arms
    least = max(account.least_a_day, 1) * request.days
    if arm_budget < least:
        needed = least * arms / account.minor_units
        raise InputError(
            f"The ad account takes no less than {needed:,.2f} {account.currency} for "
            f"{arms} reels and {request.days} days; raise --budget or take fewer days."
        )
    earliest = now + LEAD
    starts_at = earliest.replace(minute=0, second=0, microsecond=0) + HOUR
    return AdStudyTerms(
        spend_cap=max(budget, account.least_cap),
        arm_budget=arm_budget,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(days=request.days),
        countries=tuple(dict.fromkeys(request.countries)),
        min_age=request.min_age,
        max_age=request.max_age,
        payer=payer,
        custom_audiences=tuple(dict.fromkeys(request.custom_audiences)),
    )
