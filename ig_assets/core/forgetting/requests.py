"""The rows of a request to forget: its intent, its steps, and what it had found."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ig_assets.core.forgetting.begun import read_begun, write_begun
from ig_assets.core.forgetting.steps import Forgetting
from ig_assets.core.forgetting.traces.anew import joined
from ig_assets.core.forgetting.traces.found import Found
from ig_assets.core.forgetting.traces.named import AUTHOR, author_hash
from ig_assets.core.identity import stable_id
from ig_assets.warehouse.forgetting.erasure import Erasure
from ig_assets.warehouse.rows import insert_row, merge_rows
from ig_assets.warehouse.warehouse import Connection

BEGUN, DONE = "begun", "done"

_STEPS = "SELECT step, detail FROM forget_steps WHERE request_id = ?"


def begin_request(
    work: Forgetting,
    con: Connection,
    wanted: Sequence[str],
    reason: str,
    requested_by: str,
    author: str,
    earlier: Found,
) -> dict[str, Any]:
    """Write the intent row of a request and its working file; return the row.

    `earlier` are the findings of earlier requests for some of the scripts.
    """
    now = work.clock.now()
    row: dict[str, Any] = {
        "request_id": _free_id(con, now.isoformat(), *wanted),
        "script_ids": json.dumps(wanted),
        "reason": reason.strip(),
        "requested_by": requested_by,
        "requested_at": now,
        "status": BEGUN,
    }
    erasure = Erasure(
        row["request_id"], row["reason"], requested_by, now, scripts=tuple(wanted)
    )
    write_begun(work.receipts, joined(Found(erasure), earlier))
    insert_row(con, "forget_requests", row)
    if author.strip():
        detail = {"sha256": author_hash(row["request_id"], author)}
        step = _step_row(work, row["request_id"], AUTHOR, detail)
        merge_rows(con, "forget_steps", [step])
    return row


def _free_id(con: Connection, *parts: str) -> str:
    """Return an id that no other request has, even one for the same scripts."""
    rows = con.execute("SELECT request_id FROM forget_requests").fetchall()
    taken = {str(request_id) for (request_id,) in rows}
    request_id, number = stable_id("forget", *parts), 1
    while request_id in taken:
        number += 1
        request_id = stable_id("forget", *parts, str(number))
    return request_id


def names_any(row: Mapping[str, Any], scripts: Collection[str]) -> bool:
    """Return whether a request with a receipt forgot any of these scripts."""
    erased = json.loads(row["receipt"])["erasure"]["scripts"] if row["receipt"] else []
    return not set(scripts).isdisjoint(erased)


def found_before(work: Forgetting, row: Mapping[str, Any]) -> Found:
    """Return the findings of a request with a receipt, with words if they are known."""
    if (found := read_begun(work.receipts, row["request_id"])) is not None:
        return found
    fields = json.loads(row["receipt"])
    listed = fields.get("found", {})
    return Found(
        Erasure.from_json(fields["erasure"]),
        copied=tuple(listed.get("copied", ())),
        sibling_arms=tuple(listed.get("sibling_arms", ())),
    )


def recorded_details(work: Forgetting, request_id: str) -> dict[str, Any]:
    """Return {name of each recorded step: its detail}."""
    with work.warehouse.transaction() as con:
        rows = con.execute(_STEPS, [request_id]).fetchall()
    return {step: json.loads(detail) for step, detail in rows}


def record_step(work: Forgetting, request_id: str, step: str, detail: Any) -> None:
    """Write a step as done, with its detail as JSON; replace an earlier row of it."""
    with work.warehouse.transaction() as con:
        merge_rows(con, "forget_steps", [_step_row(work, request_id, step, detail)])


def _step_row(
    work: Forgetting, request_id: str, step: str, detail: Any
) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "step": step,
        "detail": json.dumps(detail),
        "done_at": work.clock.now(),
    }
