"""Bring receipts of forgotten scripts along with a warehouse that is moved.

A home without a receipt does not know what it has to forget again. So receipts are only
ever added to a folder: the longer chain is kept, and two different chains are refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from ig_assets.errors import WarehouseError
from ig_assets.files import OWNER_ONLY, write_atomic
from ig_assets.warehouse.forgetting.adoption import FOLDER
from ig_assets.warehouse.forgetting.receipts import read_receipts

_REQUEST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def bring_receipts(source: Path, target: Path) -> int:
    """Add to `target` the receipts that only `source` has; return how many were added.

    Raises WarehouseError if a chain is broken or if the two chains differ: each home
    then forgot something that the other does not know of.
    """
    known, theirs = read_receipts(target), read_receipts(source)
    for ours, other in zip(known, theirs, strict=False):
        if ours.sha256 != other.sha256:
            raise WarehouseError(
                f"The receipts in {source} and in {target} differ from number "
                f"{ours.number} on, so they belong to two warehouses; keep the two "
                "apart."
            )
    missing = theirs[len(known) :]
    for receipt in missing:
        if not _REQUEST.fullmatch(receipt.request_id):  # a file's name is made of it
            raise WarehouseError(
                f"The receipt number {receipt.number} in {source} has an id that is "
                "none of ours; take another backup."
            )
        name = f"{receipt.number:06d}-{receipt.request_id}.json"
        write_atomic(target / name, receipt.content)
    return len(missing)


def bring_working_files(source: Path, target: Path) -> int:
    """Add to `target` the working files that only `source` has; return their number.

    `source` and `target` are folders of receipts. A working file has the words that an
    unfinished request still looks for; only the owner may read the copy. A backup gets
    none, since nothing would remove the words from it. Raises OSError.
    """
    brought = 0
    for path in sorted((source / FOLDER).glob("*.json")):
        goal = target / FOLDER / path.name
        if not goal.exists():
            write_atomic(goal, path.read_bytes(), mode=OWNER_ONLY)
            brought += 1
    return brought
