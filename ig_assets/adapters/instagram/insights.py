"""Reads the counters of media, 50 per request; missing counters are left out.

A single metric that a media lacks makes its whole request fail (#100). Then the media's
kind is looked up and, if necessary, each metric is requested alone. The metrics that a
media lacks are remembered.

A metric is doubtful for a kind of media (REELS, FEED, STORY) if one media of the kind
lacked it and none was seen to have it. Each doubtful metric is requested alone, so that
its failure neither repeats a round of requests nor loses the media's other figures.

Counters are organic: what ads add is in the `total_*` metrics, which are not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ig_assets.adapters.instagram.client import Answer, GraphClient
from ig_assets.adapters.instagram.errors import GraphError
from ig_assets.adapters.vendor_numbers import finite
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
_Request = tuple[str, tuple[str, ...]]  # a media, and the metrics to ask it for
_OfKind = tuple[str, str]  # a kind of media, and a metric


class InsightsReader:
    """Reads insights; remembers the kind of each media and the metrics it lacks."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._kinds: dict[str, str] = {}
        self._lacking: dict[str, frozenset[str]] = {}  # by media
        self._lacked: set[_OfKind] = set()
        self._had: set[_OfKind] = set()
        self._never: set[str] = set()

    def read(self, media_ids: Sequence[str], as_of: datetime) -> list[Reading]:
        """Return the present counters; media or metrics without figures are left out.

        Raises AccessError, and TransientVendorError if nothing could be read.
        """
        asked = [media for media in media_ids if media not in self._never]
        return [
            Reading(media, metric, as_of, value)
            for media, values in self._read(asked).items()
            for metric, value in values.items()
        ]

    def _read(self, media_ids: Sequence[str]) -> dict[str, Values]:
        answers = self._ask(self._requests(media_ids))
        odd = _faulty(answers)
        if odd:
            asked = {media: self._requests([media]) for media in odd}
            self._learn_kinds(odd)
            known = [media for media in odd if media in self._kinds]
            changed = [m for m in known if self._requests([m]) != asked[m]]
            answers |= self._ask(self._requests(changed))
            answers |= self._one_by_one([m for m in _faulty(answers) if m in known])
        self._judge(answers)
        return {
            media: figures_in(answer)
            for media, answer in answers.items()
            if not isinstance(answer, GraphError)
        }

    def _requests(self, media_ids: Sequence[str]) -> list[_Request]:
        """Return (media, metrics) requests; each doubtful metric gets one of its own.

        The module's docstring says which metrics are doubtful.
        """
        requests: list[_Request] = []
        for media in media_ids:
            kind = self._kinds.get(media, REELS)
            lacking = self._lacking.get(media, frozenset())
            metrics = [
                metric
                for metric in _METRICS.get(kind, _METRICS["FEED"])
                if metric not in lacking
            ]
            doubtful = self._lacked - self._had
            apart = [metric for metric in metrics if (kind, metric) in doubtful]
            sure = tuple(metric for metric in metrics if metric not in apart)
            requests += [(media, sure)] if sure else []
            requests += [(media, (metric,)) for metric in apart]
        return requests

    def _ask(self, requests: Sequence[_Request]) -> dict[str, Answer | GraphError]:
        """Return {media: figures of all its requests, or the error of its first one}.

        An error of a later request is ignored, except that a lacking metric is
        remembered.
        """
        paths = [f"{m}/insights?metric={','.join(wanted)}" for m, wanted in requests]
        merged: dict[str, Answer | GraphError] = {}
        for (media, wanted), answer in zip(
            requests, self._client.batch(paths), strict=True
        ):
            kind = self._kinds.get(media, REELS)
            before = merged.get(media)
            if not isinstance(answer, GraphError):
                self._had.update((kind, metric) for metric in wanted)
            if before is None:
                merged[media] = answer
            elif isinstance(before, GraphError):
                pass  # the media is at fault, or its metrics are asked one by one
            elif isinstance(answer, GraphError):
                self._note_lacking(media, wanted, answer)
            else:
                rows = [*_rows_of(before), *_rows_of(answer)]
                merged[media] = {"data": rows}
        return merged

    def _note_lacking(
        self, media: str, metrics: Sequence[str], answer: Answer | GraphError
    ) -> None:
        """Remember that a media lacks a metric, if a request for it alone failed.

        `answer` is the answer to one request for `metrics`. With several metrics
        nothing is remembered, as it is unknown which of them is lacking.
        """
        if len(metrics) == 1 and _is_about_a_metric(answer):
            known = self._lacking.get(media, frozenset())
            self._lacking[media] = known | set(metrics)
            self._lacked.add((self._kinds.get(media, REELS), metrics[0]))

    def _learn_kinds(self, media_ids: Sequence[str]) -> None:
        unknown = [media for media in media_ids if media not in self._kinds]
        paths = [f"{media}?fields=media_product_type" for media in unknown]
        for media, answer in zip(unknown, self._client.batch(paths), strict=True):
            if not isinstance(answer, GraphError):
                self._kinds[media] = str(answer.get("media_product_type"))

    def _one_by_one(self, media_ids: Sequence[str]) -> dict[str, Answer | GraphError]:
        """Request each metric of the media alone; return {media: merged figures}.

        Metrics that a media lacks are remembered. A media without any figure is left
        out.
        """
        pairs = [
            (media, metric)
            for media, wanted in self._requests(media_ids)
            for metric in wanted
        ]
        paths = [f"{media}/insights?metric={metric}" for media, metric in pairs]
        answers = self._client.batch(paths)
        merged: dict[str, Answer | GraphError] = {}
        for media in media_ids:
            own = {
                metric: answer
                for (of, metric), answer in zip(pairs, answers, strict=True)
                if of == media
            }
            good = {m: a for m, a in own.items() if not isinstance(a, GraphError)}
            if not good:  # the media is at fault, not its metrics
                continue
            kind = self._kinds[media]
            self._had.update((kind, metric) for metric in good)
            for metric, answer in own.items():
                self._note_lacking(media, [metric], answer)
            rows = [row for answer in good.values() for row in _rows_of(answer)]
            merged[media] = {"data": rows}
        return merged

    def _judge(self, answers: Mapping[str, Answer | GraphError]) -> None:
        """Raise an error that concerns the token or all media.

        The error of a single media is ignored. A media that is too old is not requested
        again.
        """
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


def figures_in(answer: Answer) -> Values:
    """Return the numbers in an answer by metric, without values that are not numbers.

    An empty data set gives no figure.
    """
    found: Values = {}
    for row in _rows_of(answer):
        value = finite(_value_of(row))
        if value is not None:
            found[str(row.get("name"))] = value
    return found


def _rows_of(answer: Answer) -> list[dict[str, Any]]:
    rows = answer.get("data")
    if not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, dict)]


def _value_of(row: dict[str, Any]) -> Any:
    total, values = row.get("total_value"), row.get("values")
    if isinstance(total, dict) and total:
        return total.get("value")
    last = values[-1] if isinstance(values, list) and values else None
    return last.get("value") if isinstance(last, dict) else None
