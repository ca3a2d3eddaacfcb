"""Restore requests to forget from their working files, if the tables lack them.

A working file lies beside the receipts from the beginning of a request to its end. The
tables lack a request if an older backup was restored. A working file is left over if a
process was killed between the request's last row and the removal of the file.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path

from ig_assets.warehouse.backends import Connection
from ig_assets.warehouse.forgetting.erasure import Erasure
from ig_assets.warehouse.forgetting.receipts import read_receipts
from ig_assets.warehouse.forgetting.unfinished import UNFINISHED

FOLDER = "begun"
"""The folder of working files, within the folder of receipts."""

_INSERT = """
    INSERT INTO forget_requests
        (request_id, script_ids, reason, requested_by, requested_at, status)
    VALUES (?, ?, ?, ?, ?, 'begun')
"""

_log = logging.getLogger("ig_script_writer.forgetting")


def adopt_requests(con: Connection, receipts: Path) -> int:
    """Add to the tables the requests that only a working file has; return their number.

    Runs in the caller's transaction. `receipts` is the folder of receipts. A request
    with a receipt is left to `replay_receipts`. Each added request is logged as a
    warning; so is a file that cannot be read, which stays where it is. Raises OSError,
    and WarehouseError for broken receipts.
    """
    working = sorted((receipts / FOLDER).glob("*.json"))
    if not working:
        return 0
    rows = con.execute("SELECT request_id FROM forget_requests").fetchall()
    known = {str(request_id) for (request_id,) in rows}
    known |= {receipt.request_id for receipt in read_receipts(receipts)}
    return sum(_adopt(con, path) for path in working if path.stem not in known)


def remove_finished(con: Connection, receipts: Path) -> list[str]:
    """Remove the working files of finished requests; return the requests' ids.

    If a process was killed after a request's last row, the working file is left over
    with all words. Each removal is logged as a warning. Raises OSError.
    """
    working = sorted((receipts / FOLDER).glob("*.json"))
    if not working:
        return []
    rows = con.execute(
        f"SELECT request_id FROM forget_requests WHERE NOT {UNFINISHED}"
    ).fetchall()
    finished = {str(request_id) for (request_id,) in rows}
    left = [path for path in working if path.stem in finished]
    for path in left:
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()  # if it was the last one
        _log.warning(
            "The request to forget %s is finished, and its working file with the "
            "words was still there; it is removed.",
            path.stem,
        )
    return [path.stem for path in left]


def _adopt(con: Connection, path: Path) -> int:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        erasure = Erasure.from_json(fields["erasure"])
    except (ValueError, KeyError, TypeError):
        _log.warning(
            "The working file %s of a request to forget cannot be read; forget the "
            "script again, then delete the file.",
            path.name,
        )
        return 0
    con.execute(
        _INSERT,
        [
            erasure.request_id,
            json.dumps(list(erasure.scripts)),
            erasure.reason,
            erasure.requested_by,
            erasure.forgotten_at,
        ],
    )
    _log.warning(
        "The warehouse does not have the request to forget %s, which was begun before "
        "it was restored; finish it with `ig-assets forget --resume`.",
        erasure.request_id,
    )
    return 1
