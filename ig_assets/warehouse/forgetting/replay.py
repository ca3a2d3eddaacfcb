"""Forget again what a restored copy of the warehouse still holds.

Receipts beside the file say what was forgotten after the copy was made. Working files
there say which requests were begun and not finished.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from ig_assets.warehouse.backends import Connection
from ig_assets.warehouse.forgetting.adoption import adopt_requests, remove_finished
from ig_assets.warehouse.forgetting.erasure import Erasure, erase
from ig_assets.warehouse.forgetting.receipts import (
    check_hashes,
    put_back,
    read_receipts,
)

REPLAYED = "replayed"
"""Status of a request that the tables know only from its receipt."""

_INSERT = """
    INSERT INTO forget_requests
        (request_id, script_ids, reason, requested_by, requested_at, status, number,
        receipt, receipt_hash, finished_at)
    VALUES (?, '[]', ?, ?, ?, ?, ?, ?, ?, ?)
"""

_log = logging.getLogger("ig_script_writer.forgetting")


def replay_receipts(con: Connection, folder: Path, now: datetime) -> int:
    """Erase what receipts name and the tables still hold; return how many receipts.

    Only receipts by which something was erased or recorded are counted. Runs in the
    caller's transaction, on migrated tables. If the result is not 0, the caller has to
    rewrite the file. A receipt that the tables have and the folder lacks is written
    again, with a warning. Raises WarehouseError if the chain of receipts is broken or
    if a receipt differs from the tables' copy.

    Requests that only a working file has are added as interrupted ones, and working
    files of finished requests are removed.
    """
    replayed = _replay(con, folder, now)
    adopt_requests(con, folder)
    remove_finished(con, folder)
    return replayed


def _replay(con: Connection, folder: Path, now: datetime) -> int:
    rows = con.execute(
        "SELECT request_id, number, receipt, receipt_hash FROM forget_requests"
    ).fetchall()
    restored = put_back(
        folder,
        {
            request_id: (number, content, digest)
            for request_id, number, content, digest in rows
            if content is not None and digest is not None
        },
    )
    if restored:
        _log.warning(
            "Receipts of what was forgotten were missing in %s and are written again "
            "from the tables: %s.",
            folder.name,
            ", ".join(restored),
        )
    receipts = read_receipts(folder)
    if not receipts:
        return 0
    known = {request_id: number for request_id, number, _, _ in rows}
    check_hashes(receipts, {request_id: digest for request_id, *_, digest in rows})
    missing = [r for r in receipts if known.get(r.request_id) is None]
    replayed = 0
    for receipt in missing:
        erasure = Erasure.from_json(receipt.fields["erasure"])
        erased = erase(con, erasure)
        if receipt.request_id in known:
            # Interrupted before its last row, or copied at that moment: its rerun
            # finishes it.
            replayed += bool(erased)
            continue
        replayed += 1
        con.execute(
            _INSERT,
            [
                receipt.request_id,
                erasure.reason,
                erasure.requested_by,
                erasure.forgotten_at,
                REPLAYED,
                receipt.number,
                receipt.content,
                receipt.sha256,
                now,
            ],
        )
    if replayed:
        _log.warning(
            "The warehouse is older than %d forgotten requests; their scripts were "
            "erased again. Run `ig-assets forget --resume` for files and index.",
            replayed,
        )
    return replayed
