"""Forgets scripts: writes an intent row, runs the steps in order, writes a receipt.

    working file and intent row → tables → models → index → vendors → datasets →
    Dagster's events → warehouse's file → search → receipt → last row → working file
    removed

After an interruption `resume` continues with the first step that is not recorded. Other
work may have written rows with the words since then, so traces are searched for again:
until the tables are erased, and once more before the last search. If that search finds
words, each `resume` deletes and searches again (`_look_again`) until none are found.
Rows that were written after the receipt are a new request. Files of the library are not
changed: a sync refuses a forgotten file and says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ig_assets.core.forgetting.begun import (
    read_all_begun,
    read_begun,
    remove_begun,
    write_begun,
)
from ig_assets.core.forgetting.details import both_details, content_of
from ig_assets.core.forgetting.requests import (
    DONE,
    begin_request,
    found_before,
    names_any,
    record_step,
    recorded_details,
)
from ig_assets.core.forgetting.steps import (
    STEPS,
    Forgetting,
    came_later,
    erase_tables,
    rows_left,
    settle_replayed,
)
from ig_assets.core.forgetting.traces.anew import find_anew
from ig_assets.core.forgetting.traces.finding import find
from ig_assets.core.forgetting.traces.found import Found
from ig_assets.errors import InputError
from ig_assets.warehouse.forgetting.adoption import adopt_requests
from ig_assets.warehouse.forgetting.erasure import Erasure, rows_to_erase
from ig_assets.warehouse.forgetting.receipts import Receipt, write_receipt
from ig_assets.warehouse.forgetting.replay import REPLAYED, replay_receipts
from ig_assets.warehouse.forgetting.unfinished import UNFINISHED
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

FILE_STEPS = ("index", "datasets", "events", "warehouse")
TABLES_AND_STEPS = ("tables", *(step.name for step in STEPS))
BEFORE_SEARCH = TABLES_AND_STEPS[:-1]
STEPS_AGAIN = ("tables", "datasets", "events", "warehouse", "search")
"""The steps that are repeated if words were left; the receipt is not changed."""

Watch = Callable[[str], None]

_OPEN = f"""
    SELECT *
    FROM forget_requests
    WHERE {UNFINISHED}
    ORDER BY requested_at, request_id
"""

_FORGOTTEN = """
    SELECT script_id
    FROM forgotten
    WHERE script_id IN (SELECT unnest(?::TEXT[]))
"""


@dataclass(frozen=True)
class Plan:
    """The effect that a forgetting would have: {table: rows}, and all traces found."""

    rows: dict[str, int]
    found: Found

    def as_json(self) -> dict[str, Any]:
        """Return ids and counts as JSON types, without words."""
        erasure = self.found.erasure
        return {
            "scripts": list(erasure.scripts),
            "variants": list(erasure.variants),
            "rows": self.rows,
            "vectors": len(erasure.contents),
            "examples": list(erasure.examples),
            "models": list(erasure.models),
            **self.found.listing(),
        }


def plan_forgetting(work: Forgetting, named: Sequence[str]) -> Plan:
    """Return the effect that forgetting these scripts would have; write nothing."""
    erasure = Erasure("", "", "", work.clock.now())
    with work.warehouse.transaction() as con:
        found = find(con, erasure, named, work.bounds)
        return Plan(rows_to_erase(con, found.erasure), found)


def forget(
    work: Forgetting,
    named: Sequence[str],
    reason: str,
    requested_by: str,
    after: Watch = lambda step: None,
    author: str = "",
) -> Receipt | None:
    """Forget the scripts with these ids; return the receipt, or None if none is left.

    Scripts that were forgotten before, but have rows again, get a new request. If an
    earlier request left words, its last steps are repeated. `after` is called with the
    name of each recorded step. `author` is the author whose scripts were requested;
    only a hash is stored, to recognise a repeated request. Raises InputError without a
    reason, or while an earlier request is unfinished. If a step raises an error,
    `resume` continues.
    """
    if not reason.strip():
        raise InputError("Forgetting cannot be undone; say why with a reason.")
    with work.warehouse.transaction() as con:
        adopt_requests(con, work.receipts)
        unfinished = fetch_dicts(con, _OPEN)
        if any(row["status"] != DONE for row in unfinished):
            raise InputError(
                "An earlier request to forget is not finished; run "
                "`ig-assets forget --resume` first."
            )
        known = {i for (i,) in con.execute(_FORGOTTEN, [list(named)]).fetchall()}
        rows = [row for row in unfinished if names_any(row, known)]
        ids = [row["request_id"] for row in rows]
        earlier = read_all_begun(work.receipts, ids, work.clock.now())
        wanted = sorted(set(named) - known)
        if known and _is_left(work, con, known, earlier):
            wanted = sorted(set(named))
        if wanted:
            asked = wanted, reason, requested_by, author
            rows = [begin_request(work, con, *asked, earlier)]
    if wanted:
        after("intent")
    receipts = [_go_on(work, row, after) for row in rows]
    _remove_begun(work)
    return receipts[-1] if receipts else None


def _is_left(
    work: Forgetting, con: Connection, scripts: Collection[str], earlier: Found
) -> bool:
    """Return whether the tables still have rows of forgotten scripts to erase."""
    found = find(con, earlier.erasure, scripts, work.bounds, earlier)
    return bool(rows_left(con, found))


def _remove_begun(work: Forgetting) -> None:
    with work.warehouse.transaction() as con:
        adopt_requests(con, work.receipts)
        unfinished = [row["request_id"] for row in fetch_dicts(con, _OPEN)]
    remove_begun(work.receipts, unfinished)


def resume(work: Forgetting, after: Watch = lambda step: None) -> list[Receipt]:
    """Continue interrupted requests, and the file steps after a warehouse was restored.

    If words were left, they are deleted and searched for again. Returns the receipts of
    the requests, oldest first. Raises what a step raises.
    """
    now = work.clock.now()
    with work.warehouse.transaction() as con:
        if work.warehouse.path is None:  # a file does this when it is opened
            replay_receipts(con, work.receipts, now)
        adopt_requests(con, work.receipts)
        rows = fetch_dicts(con, _OPEN)
    receipts = []
    for row in rows:
        later = _later_request(work, row)
        receipts += [_go_on(work, each, after) for each in (later, row) if each]
    _remove_begun(work)
    return receipts


def _later_request(work: Forgetting, row: dict[str, Any]) -> dict[str, Any] | None:
    """Begin a request for rows that were written after a receipt; return its row.

    It gets a separate receipt, by which a restored copy forgets the rows again. None if
    `row` has no receipt or the tables have no such rows.
    """
    if not row["receipt"]:
        return None
    found = found_before(work, row)
    if not came_later(work, found):
        return None
    asked = sorted(found.erasure.scripts), row["reason"], row["requested_by"]
    with work.warehouse.transaction() as con:
        return begin_request(work, con, *asked, "", found)


def _go_on(work: Forgetting, row: dict[str, Any], after: Watch) -> Receipt:
    if row["status"] == REPLAYED:
        return _finish_replayed(work, row, after)
    if row["status"] == DONE:
        return _look_again(work, row, after)
    request_id = row["request_id"]
    details = recorded_details(work, request_id)
    found = _found(work, row, details)
    after("found")
    found = _run_steps(work, found, details, BEFORE_SEARCH, after)
    if "search" not in details and came_later(work, found):
        later: dict[str, Any] = {}
        found = _run_steps(work, found, later, BEFORE_SEARCH, after, details)
    found = _run_steps(work, found, details, ("search",), after)
    receipt = write_receipt(
        work.receipts, request_id, content_of(work, row, found, details)
    )
    after("receipt")
    with work.warehouse.transaction() as con:
        done = {
            "request_id": request_id,
            "status": DONE,
            "number": receipt.number,
            "receipt": receipt.content,
            "receipt_hash": receipt.sha256,
            "finished_at": work.clock.now(),
        }
        merge_rows(con, "forget_requests", [done])
    after("done")
    return receipt


def _run_steps(
    work: Forgetting,
    found: Found,
    details: dict[str, Any],
    names: Collection[str],
    after: Watch,
    earlier: dict[str, Any] | None = None,
) -> Found:
    """Run the steps `names` that are not in `details`; return the latest findings.

    Each step's detail is recorded and added to `details`. In a second run of steps,
    `earlier` has the details of the first run. The details of both runs are then
    joined, and replace those in `earlier`.
    """
    for name in TABLES_AND_STEPS:
        if name not in names or name in details:
            continue
        found, detail = _run(work, found, name)
        if earlier is not None:
            detail = earlier[name] = both_details(name, earlier[name], detail)
        details[name] = detail
        record_step(work, found.erasure.request_id, name, detail)
        after(name)
    return found


def _run(work: Forgetting, found: Found, name: str) -> tuple[Found, dict[str, Any]]:
    if name == "tables":
        return erase_tables(work, found)
    [step] = [step for step in STEPS if step.name == name]
    return found, step.run(work, found)


def _look_again(work: Forgetting, row: dict[str, Any], after: Watch) -> Receipt:
    """Repeat the steps `STEPS_AGAIN` of a finished request to forget.

    Returns the receipt with the details of the repeated steps.
    """
    receipt = Receipt(row["number"], row["request_id"], row["receipt"], "")
    found = found_before(work, row)
    again: dict[str, Any] = {}
    _run_steps(work, found, again, STEPS_AGAIN, after)
    return replace(receipt, again=again)


def _finish_replayed(work: Forgetting, row: dict[str, Any], after: Watch) -> Receipt:
    """Run the steps that a replay of receipts leaves open: model, index and files.

    A replay erases only the tables of a restored warehouse.
    """
    receipt = Receipt(row["number"], row["request_id"], row["receipt"], "")
    found = found_before(work, row)
    again: dict[str, Any] = {
        "models": settle_replayed(work.warehouse, work.clock, work.rolls_back)
    }
    # The words are known if some were left when the warehouse was restored.
    names = STEPS_AGAIN + FILE_STEPS if found.texts else FILE_STEPS
    _run_steps(work, found, again, names, after)
    with work.warehouse.transaction() as con:
        key = {"request_id": row["request_id"]}
        merge_rows(con, "forget_requests", [key | {"status": DONE}])
    return replace(receipt, again=again)


def _found(work: Forgetting, row: dict[str, Any], details: dict[str, Any]) -> Found:
    """Return the findings of a request, from its working file and a new search.

    The tables are searched only until they are erased (`erase_tables` searches once
    more itself). If the working file is lost after that, the words are unknown.
    """
    request_id = row["request_id"]
    found = read_begun(work.receipts, request_id)
    if "tables" in details:
        # Without the working file the words are unknown.
        return found or Found(Erasure.from_json(details["tables"]["erasure"]))
    if found is None:
        asked = row["reason"], row["requested_by"], row["requested_at"]
        named = tuple(json.loads(row["script_ids"]))
        found = Found(Erasure(request_id, *asked, scripts=named))
    with work.warehouse.transaction() as con:
        found = find_anew(con, found, work.bounds)
    write_begun(work.receipts, found)
    return found
