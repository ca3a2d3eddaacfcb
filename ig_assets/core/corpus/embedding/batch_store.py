"""Reads and writes the tables of embedding batches and their lines.

A batch is `intended`, `submitted`, `ended` (at the vendor, not yet collected), and
finally `collected`, `failed`, `expired` or `cancelled`. It is `denied` if the vendor
refused the account, until a person runs the asset again. A line is `submitted`, and
then `done`, `expired`, `failed`, `malformed`, `refused`, `forgiven` (a person asked for
another try) or `unsent` (its batch ended before the vendor worked on the line, which
was not at fault).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

# The price of a call in a batch, as a share of its price elsewhere: OpenAI's Batch
# guide (developers.openai.com/api/docs/guides/batch), "50% cost discount compared to
# synchronous APIs". `genai-prices` knows no batch prices.
BATCH_PRICE_SHARE = 0.5
MOST_TRIES = 3  # then the text is given up
OPEN = ("intended", "submitted", "ended")
BATCH_STATUSES = (*OPEN, "collected", "failed", "expired", "cancelled", "denied")
LINE_STATUSES = ("submitted", "done", "expired", "failed", "malformed", "refused") + (
    "forgiven",
    "unsent",
)

_UNDER_WAY = """
    SELECT DISTINCT i.content_hash
    FROM embedding_batch_inputs AS i
    JOIN embedding_batch_lines AS l
        ON l.custom_id = i.custom_id
    JOIN embedding_batches AS b
        ON b.intent_key = l.intent_key
    WHERE l.status = 'submitted'
        AND b.model = ?
        AND b.dimensions = ?
"""

# One row per content hash whose batch line failed. An input that was refused alone is
# at fault. An input that was refused among others may not be at fault, so it is sent
# alone the next time.
_FAILED = f"""
    SELECT i.content_hash, arg_max(l.reason, b.intended_at) AS reason,
        count(*) FILTER (WHERE l.status NOT IN ('unsent', 'forgiven')) >= {MOST_TRIES}
            OR bool_or(l.status = 'refused' AND l.inputs = 1) AS is_given_up,
        bool_or(l.status IN ('refused', 'malformed', 'forgiven')) AS is_suspect,
        bool_or(l.status <> 'unsent') AS was_tried
    FROM embedding_batch_inputs AS i
    JOIN embedding_batch_lines AS l
        ON l.custom_id = i.custom_id
    JOIN embedding_batches AS b
        ON b.intent_key = l.intent_key
    LEFT JOIN embeddings AS e
        ON e.content_hash = i.content_hash
        AND e.model = b.model
        AND e.dimensions = b.dimensions
    WHERE l.status NOT IN ('submitted', 'done')
        AND e.content_hash IS NULL
        AND b.model = ?
        AND b.dimensions = ?
    GROUP BY i.content_hash
    ORDER BY i.content_hash
"""

_BATCHES = """
    SELECT intent_key, provider, model, dimensions, batch_id, status, outcome, reason
    FROM embedding_batches
    WHERE status IN (SELECT unnest(?::TEXT[]))
    ORDER BY intended_at, intent_key
"""

_OPEN_LINES = """
    SELECT l.custom_id, l.call_id, l.tokens, list(i.content_hash ORDER BY i.place)
    FROM embedding_batch_lines AS l
    JOIN embedding_batch_inputs AS i
        ON i.custom_id = l.custom_id
    WHERE l.intent_key = ?
        AND l.status = 'submitted'
    GROUP BY l.custom_id, l.call_id, l.tokens
"""


@dataclass(frozen=True)
class BatchRow:
    """One row of `embedding_batches`; the module's docstring lists the statuses.

    `batch_id` is None until the vendor has accepted the batch, `outcome` until the
    batch has ended; `reason` holds the vendor's codes.
    """

    intent_key: str
    provider: str
    model: str
    dimensions: int
    batch_id: str | None
    status: str
    outcome: str | None
    reason: str | None

    @property
    def space(self) -> Space:
        """The embedding space of the batch's vectors."""
        return Space(self.model, self.dimensions)


@dataclass(frozen=True)
class OpenLine:
    """A line of a batch without a result.

    `hashes` are the content hashes of its inputs in the order in which they were sent;
    `tokens` is their estimated number of tokens.
    """

    custom_id: str
    call_id: str
    tokens: int
    hashes: Sequence[str]


@dataclass(frozen=True)
class InFlightInputs:
    """Content hashes of one space that were sent in batches and have no vector.

    `under_way` inputs have no answer yet; `given_up` maps inputs that are not sent
    again to the reason; `suspect` inputs were in a failed line and are sent alone;
    `tried` inputs were sent before without success.
    """

    under_way: frozenset[str]
    given_up: dict[str, str]
    suspect: frozenset[str]
    tried: frozenset[str]


def in_flight_inputs(con: Connection, space: Space) -> InFlightInputs:
    """Return the inputs of a space that were sent in batches and have no vector."""
    wanted = [space.model, space.dimensions]
    under_way = {found for (found,) in con.execute(_UNDER_WAY, wanted).fetchall()}
    rows = [
        row
        for row in fetch_dicts(con, _FAILED, wanted)
        if row["content_hash"] not in under_way
    ]
    return InFlightInputs(
        under_way=frozenset(under_way),
        given_up={
            row["content_hash"]: str(row["reason"])
            for row in rows
            if row["is_given_up"]
        },
        suspect=frozenset(row["content_hash"] for row in rows if row["is_suspect"]),
        tried=frozenset(row["content_hash"] for row in rows if row["was_tried"]),
    )


def batches_in(con: Connection, *statuses: str) -> list[BatchRow]:
    """Return the batches with one of these statuses, oldest first."""
    return [BatchRow(**row) for row in fetch_dicts(con, _BATCHES, [list(statuses)])]


def open_lines(con: Connection, intent_key: str) -> dict[str, OpenLine]:
    """Return {custom_id: line} of the batch's lines without a result."""
    rows = con.execute(_OPEN_LINES, [intent_key]).fetchall()
    return {row[0]: OpenLine(row[0], row[1], int(row[2]), row[3]) for row in rows}


def note_submitted(
    con: Connection, intent_key: str, batch_id: str, now: datetime
) -> None:
    """Record the vendor's id of a batch, and that the vendor accepted it at `now`."""
    row = {
        "intent_key": intent_key,
        "batch_id": batch_id,
        "status": "submitted",
        "submitted_at": now,
    }
    merge_rows(con, "embedding_batches", [row])


def note_ended(
    con: Connection, intent_key: str, outcome: str, reason: str | None
) -> None:
    """Record that the vendor has stopped working on a batch, and how it ended."""
    row = {
        "intent_key": intent_key,
        "status": "ended",
        "outcome": outcome,
        "reason": reason,
    }
    merge_rows(con, "embedding_batches", [row])


def note_settled(
    con: Connection, intent_key: str, status: str, reason: str | None, now: datetime
) -> None:
    """Record the final status of a batch."""
    row = {
        "intent_key": intent_key,
        "status": status,
        "reason": reason,
        "settled_at": now,
    }
    merge_rows(con, "embedding_batches", [row])
