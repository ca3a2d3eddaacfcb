"""Reports on embedding batches, and lets a person lift the stops on sending.

After the vendor has refused the account, no sensor sends anything until a person has
fixed the account and run the asset. A text that got no vector in three tries is
reported, and is sent again when a person asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ig_assets.core.corpus.embedding.batch_store import (
    OPEN,
    batches_in,
    in_flight_inputs,
)
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

RUN_AGAIN = "run `ig-assets sync`, or materialise script_embeddings"
TRY_AGAIN = (
    "`ig-assets sync --retry-failed` sends them again in a batch; without IG_BATCH "
    "`ig-assets sync` embeds them one request at a time, at the full price"
)

_DENIED = """
    SELECT b.intent_key, b.provider, b.batch_id, b.reason,
        count(i.content_hash) AS texts
    FROM embedding_batches AS b
    LEFT JOIN embedding_batch_lines AS l
        ON l.intent_key = b.intent_key
        AND l.status = 'unsent'
    LEFT JOIN embedding_batch_inputs AS i
        ON i.custom_id = l.custom_id
    WHERE b.status = 'denied'
    GROUP BY b.intent_key, b.provider, b.batch_id, b.reason, b.settled_at
    ORDER BY b.settled_at DESC, b.intent_key
"""

_IN_FLIGHT = """
    SELECT count(*)
    FROM embedding_batch_inputs AS i
    JOIN embedding_batch_lines AS l
        ON l.custom_id = i.custom_id
    WHERE l.status = 'submitted'
"""

_ENDED_BADLY = """
    SELECT b.batch_id, b.status, b.reason, sum(l.inputs) AS texts,
        sum(CASE WHEN l.status = 'done' THEN l.inputs ELSE 0 END) AS with_vector,
        b.submitted_at, b.settled_at
    FROM embedding_batches AS b
    JOIN embedding_batch_lines AS l
        ON l.intent_key = b.intent_key
    WHERE b.status IN ('failed', 'expired', 'cancelled', 'denied')
    GROUP BY b.intent_key, b.batch_id, b.status, b.reason, b.submitted_at, b.settled_at
    ORDER BY b.settled_at DESC, b.intent_key
"""

_NAMES = """
    SELECT revision_hash, min(script_id) AS script_id, min(source_uri) AS source_uri
    FROM scripts
    WHERE revision_hash IN (SELECT unnest(?::TEXT[]))
    GROUP BY revision_hash
"""

_FAILED_LINES = """
    SELECT DISTINCT l.custom_id
    FROM embedding_batch_lines AS l
    JOIN embedding_batch_inputs AS i
        ON i.custom_id = l.custom_id
    JOIN embedding_batches AS b
        ON b.intent_key = l.intent_key
    WHERE l.status IN ('failed', 'expired', 'malformed', 'refused')
        AND b.model = ?
        AND b.dimensions = ?
        AND i.content_hash IN (SELECT unnest(?::TEXT[]))
"""


@dataclass(frozen=True)
class BatchReport:
    """The state of the embedding batches of one embedding space.

    `in_flight` is the number of batches under way, `texts_in_flight` the number of
    their texts and chunks. `ended_badly` lists the batches that did not bring all of
    their vectors, newest first, with the vendor's code. `given_up` lists the texts of
    this space that are no longer sent, with the reason. `stopped` is a sentence if a
    person has to act, else None.
    """

    in_flight: int
    texts_in_flight: int
    ended_badly: tuple[dict[str, Any], ...]
    given_up: tuple[dict[str, Any], ...]
    stopped: str | None

    @property
    def what_to_do(self) -> str | None:
        """One sentence that says what a person has to do, or None."""
        if self.stopped is not None:
            return self.stopped
        if not self.given_up:
            return None
        count = len(self.given_up)
        texts = "1 text was" if count == 1 else f"{count} texts were"
        return f"{texts} given up by the Batch API; {TRY_AGAIN}."


def batch_report(con: Connection, space: Space) -> BatchReport:
    """Return the state of the batches from the warehouse, without asking the vendor."""
    reasons = in_flight_inputs(con, space).given_up
    named = {
        row["revision_hash"]: row for row in fetch_dicts(con, _NAMES, [list(reasons)])
    }
    [(texts,)] = con.execute(_IN_FLIGHT).fetchall()
    return BatchReport(
        in_flight=len(batches_in(con, *OPEN)),
        texts_in_flight=int(texts),
        ended_badly=tuple(fetch_dicts(con, _ENDED_BADLY)),
        given_up=tuple(
            {
                "content_hash": content_hash,
                "script_id": named.get(content_hash, {}).get("script_id"),
                "source_uri": named.get(content_hash, {}).get("source_uri"),
                "reason": reason,
            }
            for content_hash, reason in sorted(reasons.items())
        ),
        stopped=stop_reason(con),
    )


def stop_reason(con: Connection) -> str | None:
    """Return why nothing is sent until a person runs the asset, or None."""
    rows = fetch_dicts(con, _DENIED)
    if not rows:
        return None
    last, texts = rows[0], sum(row["texts"] for row in rows)
    why = str(last["reason"]).rstrip(".")
    if last["batch_id"] is not None:
        why = f"{last['provider']} refused batch {last['batch_id']} ({why})"
    return (
        f"{why}. {texts} texts wait, and no sensor sends them again; once that is put "
        f"right, {RUN_AGAIN}."
    )


def lift_stop(con: Connection) -> None:
    """Allow sending again: set the status of denied batches to `failed`."""
    rows = [
        {"intent_key": row["intent_key"], "status": "failed"}
        for row in fetch_dicts(con, _DENIED)
    ]
    merge_rows(con, "embedding_batches", rows)


def forgive_failed(con: Connection, space: Space) -> int:
    """Allow given-up texts to be sent again, one per request; return their number.

    The earlier lines of these texts keep the reason, so that the history stays
    complete.
    """
    given_up = in_flight_inputs(con, space).given_up
    lines = con.execute(
        _FAILED_LINES, [space.model, space.dimensions, list(given_up)]
    ).fetchall()
    rows = [{"custom_id": name, "status": "forgiven"} for (name,) in lines]
    merge_rows(con, "embedding_batch_lines", rows)
    return len(given_up)
