"""The receipts of what was forgotten go along with a warehouse that is moved.

A home that lacks a receipt does not know what it has to forget again, so folders of
receipts are only ever added to: the longer chain wins, and two that differ are none.
"""

from __future__ import annotations

import re
from pathlib import Path

from ig_assets.errors import WarehouseError
from ig_assets.files import write_atomic
from ig_assets.warehouse.forgetting.receipts import read_receipts

_REQUEST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def bring_receipts(source: Path, target: Path) -> int:
    """Add to `target` the receipts that `source` has after its last; how many.

    Raises WarehouseError where a chain is broken, or where the two differ: then each
    home forgot what the other does not know of.
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
