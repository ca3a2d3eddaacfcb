"""Plans topics that a person requests in addition to the calendar's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from ig_assets.core.generation.topics.calendar_file import MONTH
from ig_assets.core.generation.topics.content_calendar import (
    CalendarTopic,
    problems_of,
)
from ig_assets.core.generation.topics.sync import ON_DEMAND, topic_id_of, topic_row
from ig_assets.core.operations.clock import clock_in_words
from ig_assets.core.ports import Clock
from ig_assets.errors import ConflictError, InputError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

_KNOWN = """
SELECT *
FROM topics
WHERE month = ?
  AND topic_id = ?
"""

_WITHDRAWN = """
SELECT changed_by, reason
FROM withdrawn_topics
WHERE month = ?
  AND topic_id = ?
"""

# The fields of a topic that a person may give, with their names in messages.
_STATED = {
    "brief": "brief",
    "audience": "audience",
    "language": "language",
    "brand_voice": "voice",
}

_PLAN_AGAIN = """
UPDATE topics
SET status = 'planned',
    arms = CASE WHEN ? > coalesce(arms, 2) THEN ? ELSE arms END
WHERE month = ?
  AND topic_id = ?
"""


def add_topic(
    warehouse: Warehouse, clock: Clock, month: str, values: Mapping[str, Any], arms: int
) -> str:
    """Plan a topic that a person requests, with 2 or 3 arms; return its id.

    `values` are the fields of a calendar row except the date, which is today or the
    month's first day; an empty value counts as missing. If the month already has the
    topic, its row and draw stay, and it gets more arms if more are requested. Raises as
    `check_topic` does.
    """
    topic_id, row = planned_row(clock, month, values, arms)
    with warehouse.transaction() as con:
        _check_same(con, row, values)
        merge_rows(con, "topics", [row], replace=False)
        con.execute(_PLAN_AGAIN, [arms, arms, month, topic_id])
    return topic_id


def check_topic(
    warehouse: Warehouse, clock: Clock, month: str, values: Mapping[str, Any], arms: int
) -> str:
    """Return the id of the topic that `add_topic` would plan; write nothing.

    Raises InputError for a bad value or a month that is over. Raises ConflictError if
    the month has the topic with another brief, audience, language or voice, or if a
    person withdrew it.
    """
    topic_id, row = planned_row(clock, month, values, arms)
    with warehouse.transaction() as con:
        _check_same(con, row, values)
    return topic_id


def open_month(clock: Clock, month: str) -> str:
    """Return the month. Raises InputError if it is malformed or over."""
    present = clock.now().strftime("%Y-%m")
    if not MONTH.fullmatch(month) or month < present:
        raise InputError(
            f"{month!r} is not an open month, since {clock_in_words(clock)}; use the "
            f"current month, {present}, or a later one."
        )
    return month


def known_topic(
    warehouse: Warehouse, clock: Clock, month: str, topic: str
) -> str | None:
    """Return the id of a topic of an open month; None if `topic` is empty.

    Raises InputError for a month that is over or does not have the topic, and
    ConflictError if a person withdrew it.
    """
    open_month(clock, month)
    if not topic.strip():
        return None
    topic_id = topic_id_of(month, topic)
    with warehouse.transaction() as con:
        known = fetch_dicts(con, _KNOWN, [month, topic_id])
        if known:
            _check_not_withdrawn(con, known[0])
    if not known:
        raise InputError(f"{month} has no topic {topic!r}; look at its calendar.")
    return topic_id


def planned_row(
    clock: Clock, month: str, values: Mapping[str, Any], arms: int
) -> tuple[str, dict[str, Any]]:
    """Return the id and the row of a topic that a person requests; write nothing.

    Raises InputError for a bad value or a month that is over.
    """
    if not 2 <= arms <= 3:
        raise InputError(f"{arms} variants cannot be tested; ask for 2 or 3.")
    first_day = date.fromisoformat(f"{open_month(clock, month)}-01")
    due_on = max(clock.now().date(), first_day)
    given = {name: value for name, value in values.items() if value or name == "topic"}
    try:
        topic = CalendarTopic.model_validate({**given, "due_on": due_on})
    except ValidationError as error:
        raise InputError(f"The topic cannot be used: {problems_of(error)}.") from None
    topic_id = topic_id_of(month, topic.topic)
    own = {"is_control": False, "is_canary": False, "arms": arms}
    return topic_id, topic_row(topic, ON_DEMAND, month, topic_id) | own


def _check_same(
    con: Connection, row: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Raise ConflictError if the month has the topic with other values.

    Only values that are not empty are compared. Also raises ConflictError if a person
    withdrew the topic.
    """
    known = fetch_dicts(con, _KNOWN, [row["month"], row["topic_id"]])
    if not known:
        return
    _check_not_withdrawn(con, known[0])
    other = [
        label
        for name, label in _STATED.items()
        if values.get(name) and (known[0][name] or "") != row[name]
    ]
    if not other:
        return
    source = known[0]["source_uri"]
    where = "" if source == ON_DEMAND else f" in the calendar ({source})"
    raise ConflictError(
        f"{row['month']} already has the topic {known[0]['topic']!r}{where}, with "
        f"another {' and another '.join(other)}; leave that out to use the topic as it "
        "is, or name this one differently. Nothing was written or paid for."
    )


def _check_not_withdrawn(con: Connection, topic: Mapping[str, Any]) -> None:
    """Raise ConflictError if a person withdrew the topic."""
    words = fetch_dicts(con, _WITHDRAWN, [topic["month"], topic["topic_id"]])
    for word in words:
        raise ConflictError(
            f"{word['changed_by']} withdrew the topic {topic['topic']!r} of "
            f"{topic['month']} ({word['reason']}). To plan it again: `ig-assets topics "
            f"withdraw {topic['topic_id'][:8]} --undo --reason …`. Nothing was written "
            "or paid for."
        )
