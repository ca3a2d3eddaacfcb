"""Lists the texts and topics of the warehouse for people, with filters.

A filter is a part of a name, in any letter case: `knife` finds the topic "Sharpen a
kitchen knife". A forgotten script is in no list; a forgotten variant is listed without
its words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypedDict, cast

from ig_assets.core.corpus.queries import forgotten_variants
from ig_assets.core.lineage.first_words import first_words
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_SCRIPTS = """
SELECT s.script_id, coalesce(nullif(s.hook, ''), s.text) AS words, s.topic, s.author,
    s.origin, coalesce(s.simulated, FALSE) AS simulated, s.hook_style, s.language,
    r.rate, strftime(s.first_seen_at, '%Y-%m') AS month, s.source_uri AS source
FROM current_scripts AS s
LEFT JOIN latest_rates AS r
  ON r.script_id = s.script_id
 AND r.revision_hash = s.revision_hash
ORDER BY s.origin, s.script_id
"""

# What is posted of a variant, and the decision of its test, are NULL where nothing is.
_VARIANTS = """
WITH tested AS (
    SELECT p.variant_id, p.status AS post_status, p.arm AS post_arm,
        p.experiment_id, e.simulated
    FROM posts AS p
    JOIN experiments AS e
      ON e.experiment_id = p.experiment_id
    WHERE p.variant_id IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY p.variant_id ORDER BY p.slot DESC NULLS LAST, p.post_id
    ) = 1
)
SELECT v.variant_id, v.hook AS words, t.topic, v.month, v.arm, v.hook_style,
    v.model AS author, v.novelty, v.rejection, x.post_status, d.decision,
    x.post_arm = d.winner_arm AS is_ahead, h.cause AS held,
    coalesce(x.simulated, FALSE) AS simulated, c.role, c.model_id AS chosen_by,
    list_contains(?::TEXT[], v.variant_id) AS forgotten
FROM latest_variants AS v
LEFT JOIN topics AS t
  ON t.month = v.month
 AND t.topic_id = v.topic_id
LEFT JOIN tested AS x
  ON x.variant_id = v.variant_id
LEFT JOIN hook_choices AS c
  ON c.variant_id = v.variant_id
LEFT JOIN latest_decisions AS d
  ON d.experiment_id = x.experiment_id
LEFT JOIN held_winners AS h
  ON h.experiment_id = x.experiment_id
ORDER BY v.month, t.due_on, t.topic, v.arm
"""

_TOPICS = """
SELECT t.month, t.topic_id, t.topic, t.due_on, t.language, t.status,
    coalesce(t.is_control, FALSE) AS is_control,
    coalesce(t.is_canary, FALSE) AS is_canary, t.source_uri AS source,
    w.reason AS withdrawn_because, w.changed_by AS withdrawn_by,
    count(DISTINCT v.variant_id) FILTER (WHERE v.rejection IS NULL) AS variants,
    count(DISTINCT v.variant_id) FILTER (WHERE v.rejection IS NOT NULL) AS rejected,
    count(DISTINCT p.post_id) FILTER (WHERE p.status = 'published') AS published,
    coalesce(bool_or(e.simulated), FALSE) AS simulated
FROM topics AS t
LEFT JOIN withdrawn_topics AS w
  ON w.month = t.month
 AND w.topic_id = t.topic_id
LEFT JOIN latest_variants AS v
  ON v.month = t.month
 AND v.topic_id = t.topic_id
LEFT JOIN experiments AS e
  ON e.month = t.month
 AND e.topic_id = t.topic_id
LEFT JOIN posts AS p
  ON p.experiment_id = e.experiment_id
GROUP BY ALL
ORDER BY t.month, t.due_on, t.topic
"""


@dataclass(frozen=True)
class Filters:
    """Conditions on a row; None means no condition.

    `month` and `origin` must be equal to the row's; `topic` and `author` must be
    contained in the row's. The `author` of a variant is the name of the model that
    wrote it.
    """

    topic: str | None = None
    author: str | None = None
    month: str | None = None
    origin: str | None = None

    def admit(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row meets all conditions."""
        whole = all(
            wanted is None or row.get(name) == wanted
            for name, wanted in (("month", self.month), ("origin", self.origin))
        )
        return whole and all(
            wanted is None or wanted.casefold() in str(row[name] or "").casefold()
            for name, wanted in (("topic", self.topic), ("author", self.author))
        )

    def __str__(self) -> str:
        """Return the filters in words, or '' if there are none.

        An example is "topic “knife”, month 2026-01".
        """
        given = {name: value for name, value in vars(self).items() if value}
        return ", ".join(f"{name} “{value}”" for name, value in given.items())


class ScriptRow(TypedDict):
    """A script of the corpus; `rate` is its latest known rate, 0 to 1."""

    script_id: str
    words: str
    topic: str | None
    author: str | None
    origin: str
    simulated: bool
    hook_style: str | None
    language: str | None
    rate: float | None
    month: str | None
    source: str


class VariantRow(TypedDict):
    """A variant of a topic; `state` describes its progress in words.

    A forgotten variant has no words.
    """

    variant_id: str
    words: str | None
    topic: str | None
    month: str
    arm: str
    hook_style: str | None
    author: str
    novelty: float | None
    state: str
    simulated: bool


class TopicRow(TypedDict):
    """A topic of a month's calendar or of a person's request, with its state.

    `simulated` is true if its test was shown to the simulated audience.
    """

    month: str
    topic_id: str
    topic: str
    due_on: date | datetime | None
    language: str
    state: str
    variants: int
    rejected: int
    published: int
    simulated: bool
    source: str


def list_scripts(con: Connection, filters: Filters) -> tuple[list[ScriptRow], int]:
    """Return (active scripts that pass the filters, number of all active scripts)."""
    rows = fetch_dicts(con, _SCRIPTS)
    found = [row | {"words": first_words(row["words"])} for row in rows]
    return [cast(ScriptRow, r) for r in found if filters.admit(r)], len(rows)


def list_variants(con: Connection, filters: Filters) -> tuple[list[VariantRow], int]:
    """Return (latest variants of arms that pass the filters, number of all of them)."""
    rows = fetch_dicts(con, _VARIANTS, [sorted(forgotten_variants(con))])
    found = []
    for row in filter(filters.admit, rows):
        state = _variant_state(row)
        for name in _OF_STATE:
            del row[name]
        words = None if row.pop("forgotten") else first_words(row["words"])
        row |= {"words": words, "state": state}
        found.append(cast(VariantRow, row))
    return found, len(rows)


def list_topics(con: Connection, filters: Filters) -> tuple[list[TopicRow], int]:
    """Return (topics of all months that pass the filters, number of all topics)."""
    rows = fetch_dicts(con, _TOPICS)
    found = []
    for row in rows:
        row["author"] = None
        if not filters.admit(row):
            continue
        state = _topic_state(row)
        for name in ("status", "is_control", "is_canary", "author"):
            del row[name]
        del row["withdrawn_because"], row["withdrawn_by"]
        found.append(cast(TopicRow, row | {"state": state}))
    return found, len(rows)


_OF_STATE = "rejection post_status decision is_ahead held role chosen_by".split()


def _variant_state(row: Mapping[str, Any]) -> str:
    if row["forgotten"]:
        return f"forgotten, {_state_of_post(row)}"
    if row["rejection"]:
        return f"rejected: {row['rejection']}"
    state = _state_of_post(row)
    if row["role"] is None:
        return state
    if row["role"] == "best":
        return f"{state}, chosen by the ranker"
    if row["role"] == "random":
        return f"{state}, drawn at random"
    others = "chosen by the ranker" if row["chosen_by"] else "drawn at random"
    return f"{state}: others were {others}"


def _state_of_post(row: Mapping[str, Any]) -> str:
    if row["post_status"] is None:
        return "not posted"
    if row["post_status"] != "published":
        return f"post {row['post_status']}"
    decision = row["decision"]
    if decision not in ("winner", "provisional"):
        return f"published, {decision or 'not evaluated yet'}"
    if not row["is_ahead"]:
        return "published, lost" if decision == "winner" else "published, behind"
    return f"published, {decision}" + (f", held: {row['held']}" if row["held"] else "")


def _topic_state(row: Mapping[str, Any]) -> str:
    if row["withdrawn_by"]:
        return f"withdrawn by {row['withdrawn_by']}: {row['withdrawn_because']}"
    if row["status"] == "withdrawn":
        return "withdrawn: no longer in the calendar"
    arms = [name for name in ("control", "canary") if row[f"is_{name}"]]
    return str(row["status"]) + (f", with a {' and a '.join(arms)} arm" if arms else "")
