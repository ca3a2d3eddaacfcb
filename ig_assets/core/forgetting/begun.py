"""Keep the working file of a request: what it found, words included, until it is done.

An interrupted request goes on from this file, and so does one whose search found words:
the file still has words that are no longer in the tables. Only the owner may read it.
It is removed when the request is finished. It also makes the request known again to a
warehouse that does not have it, such as one restored from an older backup
(`warehouse/forgetting/adoption.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from ig_assets.core.forgetting.anew import joined
from ig_assets.core.forgetting.finding import Found
from ig_assets.files import OWNER_ONLY, write_atomic
from ig_assets.warehouse.forgetting.adoption import FOLDER
from ig_assets.warehouse.forgetting.erasure import Erasure


def write_begun(receipts: Path, found: Found) -> None:
    """Write the working file beside the receipts. Raises OSError."""
    fields = {
        "erasure": found.erasure.as_json(),
        "texts": found.texts,
        "own": found.own,
        "quoted": found.quoted,
        "listing": found.listing(),
    }
    path = _path(receipts, found.erasure.request_id)
    write_atomic(path, json.dumps(fields, ensure_ascii=False), mode=OWNER_ONLY)


def read_begun(receipts: Path, request_id: str) -> Found | None:
    """Return what the request found; None if there is no working file."""
    try:
        text = _path(receipts, request_id).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    fields = json.loads(text)
    listing: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in fields["listing"].items()
    }
    erasure = Erasure.from_json(fields["erasure"])
    texts, quoted = tuple(fields["texts"]), tuple(fields.get("quoted", ()))
    own = tuple(fields.get("own", texts))  # an earlier version did not write it
    return Found(erasure=erasure, texts=texts, own=own, quoted=quoted, **listing)


def read_all_begun(
    receipts: Path, request_ids: Collection[str], now: datetime
) -> Found:
    """Return what any of the requests found, without an id, as a request of `now`."""
    known = Found(Erasure("", "", "", now))
    for request_id in request_ids:
        if (found := read_begun(receipts, request_id)) is not None:
            known = joined(known, found)
    return known


def remove_begun(receipts: Path, unfinished: Collection[str]) -> None:
    """Remove the working files of all requests but the `unfinished` ones (ids)."""
    folder = receipts / FOLDER
    kept = {_path(receipts, request_id) for request_id in unfinished}
    if folder.is_dir():
        left = [path for path in folder.iterdir() if path not in kept]
        for path in left:
            path.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()


def _path(receipts: Path, request_id: str) -> Path:
    return receipts / FOLDER / f"{request_id}.json"
