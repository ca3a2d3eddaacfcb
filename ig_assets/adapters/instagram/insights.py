"""Reads the counters of media, 50 per request; a missing one is absent.

One metric that a media does not have fails its request (#100); then the media's kind is
looked up, if need be metric by metric, and what a kind lacks is remembered.
Counters are organic: what an ad adds is in the `total_*` metrics, which are not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ig_assets.adapters.instagram.client import Answer, GraphClient
from ig_assets.adapters.instagram.errors import GraphError
from ig_assets.core.ports import Reading
from ig_assets.errors import TransientVendorError

REELS = "REELS"
REEL_METRICS = (
    "views",
    "reach",
    "likes",
    "comments",
    "shares",
    "saved",
    "total_interactions",
    "ig_reels_avg_watch_time",
    "ig_reels_video_view_total_time",
)
_METRICS = {
    REELS: REEL_METRICS,
    "FEED": REEL_METRICS[:7],
    "STORY": ("views", "reach", "shares", "total_interactions"),
}

Values = dict[str, float]


class InsightsReader:
    """Reads a client's insights; remembers what media are and what they lack."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._kinds: dict[str, str] = {}
        self._lacking: dict[str, frozenset[str]] = {}
        self._never: set[str] = set()

    def read(self, media_ids: Sequence[str], as_of: datetime) -> list[Reading]:
        """What is reported now; a media or metric without figures is left out.

        Raises AccessError, and TransientVendorError where nothing could be read.
        """
        asked = [media for media in media_ids if media not in self._never]
        return [
            Reading(media, metric, as_of, value)
            for media, values in self._read(asked).items()
            for metric, value in values.items()
        ]

    def _read(self, media_ids: Sequence[str]) -> dict[str, Values]:
        wishes = {media: self._metrics_of(media) for media in media_ids}
        answers = self._ask(wishes)
        odd = _faulty(answers)
        if odd:
            self._learn_kinds(odd)
            retried = {m: self._metrics_of(m) for m in odd if m in self._kinds}
            changed = {m: w for m, w in retried.items() if w != wishes[m]}
            answers |= self._ask(changed)
            single = {m: retried[m] for m in _faulty(answers) if m in retried}
            answers |= self._one_by_one(single)
        self._judge(answers)
        return {
            media: _values(answer)
            for media, answer in answers.items()
            if not isinstance(answer, GraphError)
        }

    def _ask(
        self, wishes: Mapping[str, Sequence[str]]
    ) -> dict[str, Answer | GraphError]:
        paths = [f"{m}/insights?metric={','.join(w)}" for m, w in wishes.items()]
        return dict(zip(wishes, self._client.batch(paths), strict=True))

    def _learn_kinds(self, media_ids: Sequence[str]) -> None:
        unknown = [media for media in media_ids if media not in self._kinds]
        paths = [f"{media}?fields=media_product_type" for media in unknown]
        for media, answer in zip(unknown, self._client.batch(paths), strict=True):
            if not isinstance(answer, GraphError):
                self._kinds[media] = str(answer.get("media_product_type"))

    def _one_by_one(
        self, wishes: Mapping[str, Sequence[str]]
    ) -> dict[str, Answer | GraphError]:
        """Read each metric separately; what a kind lacks is not requested any more."""
        pairs = [(media, metric) for media, w in wishes.items() for metric in w]
        paths = [f"{media}/insights?metric={metric}" for media, metric in pairs]
        answers = self._client.batch(paths)
        merged: dict[str, Answer | GraphError] = {}
        for media in wishes:
            own = {
                metric: answer
                for (of, metric), answer in zip(pairs, answers, strict=True)
                if of == media
            }
            good = [a for a in own.values() if not isinstance(a, GraphError)]
            if not good:  # the media is at fault, not its metrics
                continue
            lacking = {m for m, a in own.items() if _is_about_a_metric(a)}
            kind = self._kinds[media]
            self._lacking[kind] = self._lacking.get(kind, frozenset()) | lacking
            merged[media] = {"data": [row for a in good for row in a.get("data") or ()]}
        return merged

    def _metrics_of(self, media: str) -> tuple[str, ...]:
        kind = self._kinds.get(media, REELS)
        lacking = self._lacking.get(kind, frozenset())
        metrics = _METRICS.get(kind, _METRICS["FEED"])
        return tuple(metric for metric in metrics if metric not in lacking)

    def _judge(self, answers: Mapping[str, Answer | GraphError]) -> None:
        """Raise what concerns the account; one media's own fault is just no figure."""
        faults = {m: a for m, a in answers.items() if isinstance(a, GraphError)}
        for media, fault in faults.items():
            if fault.is_about_the_token:
                raise fault.as_error()
            if fault.is_too_old:
                self._never.add(media)
        if len(faults) < len(answers) or not faults:
            return
        if all(fault.is_about_permission for fault in faults.values()):
            raise next(iter(faults.values())).as_error()
        if all(fault.may_pass for fault in faults.values()):
            raise TransientVendorError(
                "instagram reports nothing for now; run again later, what was read "
                "is kept."
            )


def _faulty(answers: Mapping[str, Answer | GraphError]) -> list[str]:
    return [media for media, answer in answers.items() if _is_about_a_metric(answer)]


def _is_about_a_metric(answer: Answer | GraphError) -> bool:
    return isinstance(answer, GraphError) and answer.may_be_a_metric


def _values(answer: Answer) -> Values:
    """The figures in an answer; an empty set is no figure at all."""
    found: Values = {}
    for row in answer.get("data") or ():
        given = row.get("total_value") or (row.get("values") or [{}])[-1]
        value = given.get("value")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found[str(row.get("name"))] = float(value)
    return found
