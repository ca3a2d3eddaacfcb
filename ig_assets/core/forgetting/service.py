"""Forget scripts: write an intent row, run the steps in order, write a receipt.

    intent row → working file → tables → models → index → vendors → datasets → Dagster's
    events → warehouse's file → search → receipt → last row → working file removed

After an interruption `resume` goes on from the first step that is not recorded. If the
search found words, each `resume` deletes and searches again (`_look_again`), until one
finds none. Files of the library are left alone: a sync refuses a forgotten file and
says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ig_assets.core.forgetting.begun import read_begun, remove_begun, write_begun
from ig_assets.core.forgetting.finding import Found, find
from ig_assets.core.forgetting.named import AUTHOR, author_hash
from ig_assets.core.forgetting.steps import STEPS, Forgetting, settle_replayed
from ig_assets.core.identity import stable_id
from ig_assets.errors import InputError
from ig_assets.warehouse.forgetting.erasure import Erasure, rows_to_erase
from ig_assets.warehouse.forgetting.receipts import Receipt, write_receipt
from ig_assets.warehouse.forgetting.replay import REPLAYED, replay_receipts
from ig_assets.warehouse.forgetting.unfinished import UNFINISHED
from ig_assets.warehouse.rows import fetch_dicts, insert_row, merge_rows
from ig_assets.warehouse.warehouse import Connection

BEGUN, DONE = "begun", "done"
_IMPORTED = "history"  # in place of the platform of an imported post
FILE_STEPS = ("index", "datasets", "events", "warehouse")
STEPS_AGAIN = ("tables", "datasets", "events", "warehouse", "search")
"""The steps that are repeated if words were left.

The receipt stays as it was written.
"""

Watch = Callable[[str], None]

_OPEN = f"""
    SELECT *
    FROM forget_requests
    WHERE {UNFINISHED}
    ORDER BY requested_at, request_id
"""

_STEPS = "SELECT step, detail FROM forget_steps WHERE request_id = ?"

_FORGOTTEN = """
    SELECT script_id
    FROM forgotten
    WHERE script_id IN (SELECT unnest(?::TEXT[]))
"""


@dataclass(frozen=True)
class Plan:
    """What a forgetting would touch: {table: rows}, and everything that was found."""

    rows: dict[str, int]
    found: Found

    def as_json(self) -> dict[str, Any]:
        """Return ids and counts as JSON types, no words."""
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
    """Return what forgetting these scripts would touch; write nothing."""
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
    """Forget scripts by their ids, and return the receipt.

    The result is None if all are forgotten already and no words of them are left. If an
    earlier request left words of them, these are deleted and searched for again.
    `after` is called with the name of each recorded step. `author` is the author whose
    scripts were asked for; only its hash is kept, by which a repeated request is
    recognised. Raises InputError without a reason or while an earlier request is
    interrupted. Also raises what a step raises; `resume` then goes on.
    """
    if not reason.strip():
        raise InputError("Forgetting cannot be undone; say why with a reason.")
    with work.warehouse.transaction() as con:
        unfinished = fetch_dicts(con, _OPEN)
        if any(row["status"] != DONE for row in unfinished):
            raise InputError(
                "An earlier request to forget is not finished; run "
                "`ig-assets forget --resume` first."
            )
        known = {i for (i,) in con.execute(_FORGOTTEN, [list(named)]).fetchall()}
        wanted = sorted(set(named) - known)
        rows = [row for row in unfinished if _names(row, known)]
        if wanted:
            rows = [_begin(work, con, wanted, reason, requested_by, author)]
    if wanted:
        after("intent")
    receipts = [_go_on(work, row, after) for row in rows]
    _remove_begun(work)
    return receipts[-1] if receipts else None


def _begin(
    work: Forgetting,
    con: Connection,
    wanted: Sequence[str],
    reason: str,
    requested_by: str,
    author: str,
) -> dict[str, Any]:
    """Write the intent row of a request and return it."""
    now = work.clock.now()
    row: dict[str, Any] = {
        "request_id": stable_id("forget", now.isoformat(), *wanted),
        "script_ids": json.dumps(wanted),
        "reason": reason.strip(),
        "requested_by": requested_by,
        "requested_at": now,
        "status": BEGUN,
    }
    insert_row(con, "forget_requests", row)
    if author.strip():
        detail = {"sha256": author_hash(row["request_id"], author)}
        step = _step_row(work, row["request_id"], AUTHOR, detail)
        merge_rows(con, "forget_steps", [step])
    return row


def _names(row: Mapping[str, Any], scripts: Collection[str]) -> bool:
    erased = json.loads(row["receipt"])["erasure"]["scripts"] if row["receipt"] else []
    return not set(scripts).isdisjoint(erased)


def _remove_begun(work: Forgetting) -> None:
    with work.warehouse.transaction() as con:
        unfinished = [row["request_id"] for row in fetch_dicts(con, _OPEN)]
    remove_begun(work.receipts, unfinished)


def resume(work: Forgetting, after: Watch = lambda step: None) -> list[Receipt]:
    """Finish interrupted requests, and the file steps of a restored warehouse.

    If words were left, they are deleted and searched for again. Returns the receipts of
    the requests, oldest first. Raises what a step raises.
    """
    now = work.clock.now()
    with work.warehouse.transaction() as con:
        if work.warehouse.path is None:  # a file does this when it is opened
            replay_receipts(con, work.receipts, now)
        rows = fetch_dicts(con, _OPEN)
    receipts = [_go_on(work, row, after) for row in rows]
    _remove_begun(work)
    return receipts


def _go_on(work: Forgetting, row: dict[str, Any], after: Watch) -> Receipt:
    if row["status"] == REPLAYED:
        return _finish_replayed(work, row, after)
    if row["status"] == DONE:
        return _look_again(work, row, after)
    request_id = row["request_id"]
    details = _details(work, request_id)
    found = _found(work, row, details)
    after("found")
    for step in STEPS:
        if step.name in details:
            continue
        detail = step.run(work, found)
        if step.name == "tables":
            detail["erasure"] = found.erasure.as_json()
        details[step.name] = detail
        _record(work, request_id, step.name, detail)
        after(step.name)
    receipt = write_receipt(
        work.receipts, request_id, _receipt(work, row, found, details)
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


def _look_again(work: Forgetting, row: dict[str, Any], after: Watch) -> Receipt:
    """Repeat the steps that may be repeated, the search included.

    Returns the request's receipt, with what was done in `again`.
    """
    receipt = Receipt(row["number"], row["request_id"], row["receipt"], "")
    found = read_begun(work.receipts, row["request_id"])
    if found is None:  # by an earlier version, which kept no words
        found = Found(Erasure.from_json(receipt.fields["erasure"]))
    return replace(receipt, again=_repeat(work, found, STEPS_AGAIN, after))


def _repeat(
    work: Forgetting, found: Found, names: Collection[str], after: Watch
) -> dict[str, Any]:
    """Run these steps again; return {step: what it did}.

    Each result is recorded in place of the step's first one.
    """
    again: dict[str, Any] = {}
    for step in STEPS:
        if step.name in names:
            detail = step.run(work, found)
            if step.name == "tables":
                detail["erasure"] = found.erasure.as_json()
            _record(work, found.erasure.request_id, step.name, detail)
            again[step.name] = detail
            after(step.name)
    return again


def _finish_replayed(work: Forgetting, row: dict[str, Any], after: Watch) -> Receipt:
    """Do what the replay of tables left open: the active model, index and files."""
    receipt = Receipt(row["number"], row["request_id"], row["receipt"], "")
    found = Found(Erasure.from_json(receipt.fields["erasure"]))
    settled = settle_replayed(work.warehouse, work.clock, work.rolls_back)
    again = {"models": settled} | _repeat(work, found, FILE_STEPS, after)
    with work.warehouse.transaction() as con:
        key = {"request_id": row["request_id"]}
        merge_rows(con, "forget_requests", [key | {"status": DONE}])
    return replace(receipt, again=again)


def _details(work: Forgetting, request_id: str) -> dict[str, Any]:
    with work.warehouse.transaction() as con:
        rows = con.execute(_STEPS, [request_id]).fetchall()
    return {step: json.loads(detail) for step, detail in rows}


def _found(work: Forgetting, row: dict[str, Any], details: dict[str, Any]) -> Found:
    """Return what was found: from the working file, else by a search of the tables.

    A lost working file cannot be made again once the tables are erased: then the words
    are unknown.
    """
    request_id = row["request_id"]
    if (found := read_begun(work.receipts, request_id)) is not None:
        return found
    if "tables" in details:  # the working file was lost, so that the words are unknown
        return Found(Erasure.from_json(details["tables"]["erasure"]))
    erasure = Erasure(
        request_id, row["reason"], row["requested_by"], row["requested_at"]
    )
    with work.warehouse.transaction() as con:
        found = find(con, erasure, json.loads(row["script_ids"]), work.bounds)
    write_begun(work.receipts, found)
    return found


def _record(work: Forgetting, request_id: str, step: str, detail: Any) -> None:
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


def _receipt(
    work: Forgetting, row: dict[str, Any], found: Found, details: dict[str, Any]
) -> dict[str, Any]:
    """Return the content of the receipt: ids, hashes and counts."""
    steps = {
        name: {k: v for k, v in detail.items() if k != "erasure"}
        for name, detail in details.items()
    }
    return {
        "scripts_named": json.loads(row["script_ids"]),
        "reason": row["reason"],
        "requested_by": row["requested_by"],
        "requested_at": row["requested_at"].isoformat(),
        "written_at_by_the_machine": work.machine_clock.now().isoformat(),
        "steps": steps,
        "found": found.listing(),
        "not_undone": _not_undone(found, steps),
        "erasure": found.erasure.as_json(),
    }


def _platform(post: Mapping[str, Any]) -> str:
    """Return where a post is published, with all names that are known of it."""
    names = [post["platform_post_id"], post.get("permalink")]
    known = ", ".join(str(name) for name in names if name)
    platform = post["platform"]
    if platform in (None, "", _IMPORTED):
        platform = "a platform that its import does not name"
    return f"{platform} ({known})" if known else str(platform)


def _not_undone(found: Found, steps: dict[str, Any]) -> list[str]:
    """Return sentences about what this program cannot delete."""
    said = [
        (
            f"The post {post['post_id']} had a simulated audience; it was never out."
            if post.get("simulated")
            else f"The post {post['post_id']} is out on {_platform(post)}; "
            "it was not taken down."
        )
        for post in found.published
    ]
    answers = steps["vendors"]["batches"]
    said += [
        f"{one['vendor']} has {one['holds']}: {answer['not_deleted']}"
        for one in found.vendors
        if "not_deleted" in (answer := answers.get(one.get("batch"), {}))
    ]
    said += [
        f"{one['vendor']} was sent {one['holds']}; it has no call to delete them."
        for one in found.vendors
        if "batch" not in one
    ]
    for name in ("warehouse", "events"):
        said += [steps[name]["left"]] if "left" in steps[name] else []
    said.append("The library's own file, exports and backups were not touched.")
    return said
