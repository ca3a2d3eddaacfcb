"""How long each key has been in use, known by its fingerprint alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ig_assets.core.ports import Clock
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class KeyAge:
    """One configured key; `days` since its fingerprint was first seen here."""

    name: str
    fingerprint: str
    first_seen_at: datetime
    days: int


def key_ages(
    warehouse: Warehouse, clock: Clock, keys: Mapping[str, str]
) -> list[KeyAge]:
    """Record the fingerprints of `keys` (name to secret) and say how old each is.

    A fingerprint is the first 12 hex digits of the secret's SHA-256: enough to see
    a change, far too little to find a random key. The secret itself goes nowhere.
    """
    now = clock.now()
    prints = {
        name: hashlib.sha256(secret.encode()).hexdigest()[:12]
        for name, secret in keys.items()
    }
    with warehouse.transaction() as con:
        merge_rows(
            con,
            "key_sightings",
            [
                {"name": name, "fingerprint": fingerprint, "first_seen_at": now}
                for name, fingerprint in prints.items()
            ],
            replace=False,
        )
        seen = {
            (name, fingerprint): first
            for name, fingerprint, first in con.execute(
                "SELECT name, fingerprint, first_seen_at FROM key_sightings"
            ).fetchall()
        }
    return [
        KeyAge(name, mark, seen[name, mark], (now - seen[name, mark]).days)
        for name, mark in sorted(prints.items())
    ]
