"""Reads the counters of ads, 50 per request; missing counters are left out.

An ad's figures are separate from its post's, whose insights are organic only. Meta
omits an action both if its count is zero and if it is unknown, so an omitted action
gives no reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ig_assets.adapters.instagram.client import Answer, GraphClient
from ig_assets.adapters.instagram.errors import GraphError
from ig_assets.adapters.vendor_numbers import finite_in
from ig_assets.core.experiments.constants import ADS
from ig_assets.core.ports import Reading
from ig_assets.errors import TransientVendorError

FIELDS = ("reach", "impressions", "spend")
ACTIONS = {
    "post_reaction": "likes",
    "comment": "comments",
    "post": "shares",
    "onsite_conversion.post_save": "saved",
    "video_view": "views",
}
_QUERY = f"insights?fields={','.join(FIELDS)},actions&date_preset=maximum"

Values = dict[str, float]


class AdInsights:
    """An `InsightsSource` for ads; `spend` is in the ad account's currency."""

    platform = ADS
    can_read_the_past = False
    source_note = None
    metrics: Sequence[str] = (*FIELDS, *ACTIONS.values())

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    def insights(
        self, platform_post_ids: Sequence[str], as_of: datetime
    ) -> list[Reading]:
        """Return the present counters; an ad or metric without figures is left out.

        Raises AccessError, and TransientVendorError if nothing could be read.
        """
        return [
            Reading(ad, metric, as_of, value)
            for ad, values in self._read(platform_post_ids).items()
            for metric, value in values.items()
        ]

    def _read(self, ads: Sequence[str]) -> dict[str, Values]:
        answers = self._client.batch([f"{ad}/{_QUERY}" for ad in ads])
        faults = [answer for answer in answers if isinstance(answer, GraphError)]
        _judge(faults, len(answers))
        return {
            ad: _values(answer)
            for ad, answer in zip(ads, answers, strict=True)
            if not isinstance(answer, GraphError)
        }


def _judge(faults: Sequence[GraphError], asked: int) -> None:
    """Raise an error that concerns the token or all ads; ignore that of a single ad.

    `asked` is the number of ads that were requested.
    """
    for fault in faults:
        if fault.is_about_the_token:
            raise fault.as_error()
    if len(faults) < asked or not faults:
        return
    if all(fault.is_about_permission for fault in faults):
        raise faults[0].as_error()
    if all(fault.may_pass for fault in faults):
        raise TransientVendorError(
            "instagram reports nothing of the ads for now; run again later, what was "
            "read is kept."
        )


def _values(answer: Answer) -> Values:
    """Return the figures in an answer; empty for an ad without impressions."""
    found: Values = {}
    for row in answer.get("data") or ():
        for name in FIELDS:
            _note(found, name, row.get(name))
        for action in row.get("actions") or ():
            metric = ACTIONS.get(str(action.get("action_type")))
            if metric is not None:
                _note(found, metric, action.get("value"))
    return found


def _note(found: Values, metric: str, given: Any) -> None:
    """Store a figure, which Meta sends as text; ignore anything else."""
    value = finite_in(given)
    if value is not None:
        found[metric] = value
