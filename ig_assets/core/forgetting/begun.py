"""Stores the working file of a request to forget, until the request is finished.

It has what the search found, words included; only the owner may read it. A request that
was interrupted, or whose last search found words, continues from this file, since the
words are no longer in the tables. The file also makes the request known to a warehouse
that does not have it, such as one restored from an older backup
(`warehouse/forgetting/adoption.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from ig_assets.core.forgetting.traces.anew import joined
from ig_assets.core.forgetting.traces.found import Found
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
    """Return the findings of a request; None if it has no working file."""
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
    """Return the union of the findings of several requests.

    The result has no request id; its time of request is `now`.
    """
    known = Found(Erasure("", "", "", now))
    for request_id in request_ids:
        if (found := read_begun(receipts, request_id)) is not None:
            known = joined(known, found)
    return known


def remove_begun(receipts: Path, unfinished: Collection[str]) -> None:
    """Remove all working files except those of the `unfinished` requests (ids)."""
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
