"""Tracks for how long each key has been in use, storing only its fingerprint.

A fingerprint is `salt:mark`: 8 random hex digits, and the first 12 hex digits of the
HMAC-SHA-256 of the secret under this salt. A person who has a key can recognise it by
the fingerprint. The fingerprint does not help to find the key, and does not show
whether two folders or names have the same key. Earlier versions stored the first 12
digits of the plain SHA-256; these are still recognised.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ig_assets.core.operations.diagnosis import State
from ig_assets.core.operations.present import CLOCK_SLACK
from ig_assets.core.ports import Clock
from ig_assets.warehouse.rows import insert_row
from ig_assets.warehouse.warehouse import Warehouse

ROTATE_EVERY_DAYS = 90
WARN_AFTER_DAYS = 75
_MARK = 12
_HOW = "make a new key at the vendor, set it as …_NEXT, revoke the old one, rename."


@dataclass(frozen=True)
class KeyAge:
    """The age of one configured key.

    `days` is the time since its fingerprint was first recorded here. `ahead` is the
    date of a record that is later than the machine's time, and is ignored; None if
    there is none.
    """

    name: str
    fingerprint: str
    first_seen_at: datetime
    days: int
    ahead: datetime | None = None

    @property
    def sentence(self) -> str:
        """A sentence on how long the key has been in use, and on an ignored record."""
        said = f"It is in use for {self.days} days, of {ROTATE_EVERY_DAYS} at most"
        if self.ahead is None:
            return f"{said}."
        return (
            f"{said}, counted from {self.first_seen_at:%Y-%m-%d}: an earlier sighting "
            f"is dated {self.ahead:%Y-%m-%d}, so the machine's clock was wrong."
        )

    @property
    def state(self) -> State:
        """WARNING from 75 days on, FAILED from 90 days on, else GOOD."""
        if self.days >= ROTATE_EVERY_DAYS:
            return State.FAILED
        return State.WARNING if self.days >= WARN_AFTER_DAYS else State.GOOD

    @property
    def days_left(self) -> int:
        """The days until the key has to be replaced; negative if it is overdue."""
        return ROTATE_EVERY_DAYS - self.days


def key_ages(
    warehouse: Warehouse, clock: Clock, keys: Mapping[str, str]
) -> list[KeyAge]:
    """Record the fingerprints of `keys` ({name: secret}); return the age of each key.

    The secret itself is not stored. A key keeps its age when it moves to another name:
    for example, `OPENAI_API_KEY_NEXT` takes the place of the removed old key. A record
    that is dated later than `clock` was written by a wrong clock; the key's age then
    counts from now on.
    """
    now = clock.now()
    with warehouse.transaction() as con:
        seen = con.execute(
            "SELECT fingerprint, first_seen_at, name FROM key_sightings "
            "ORDER BY first_seen_at, fingerprint"
        ).fetchall()
        ages = []
        for name, secret in sorted(keys.items()):
            of_key = [row for row in seen if _is_of(row[0], secret)]
            known = [(mark, at) for mark, at, _ in of_key if at <= now + CLOCK_SLACK]
            ahead = [at for _, at, _ in of_key if at > now + CLOCK_SLACK]
            if not any(of == name and at not in ahead for _, at, of in of_key):
                first = known[0][1] if known else now
                row = {
                    "name": name,
                    "fingerprint": _fingerprint(secret),
                    "first_seen_at": first,
                }
                insert_row(con, "key_sightings", row)
                known.append((row["fingerprint"], first))
            mark, first = known[0]
            days = max(0, (now - first).days)
            ages.append(KeyAge(name, mark, first, days, max(ahead, default=None)))
    return ages


def _fingerprint(secret: str) -> str:
    salt = secrets.token_hex(4)
    return f"{salt}:{_mark(salt, secret)}"


def _mark(salt: str, secret: str) -> str:
    return hmac.new(salt.encode(), secret.encode(), hashlib.sha256).hexdigest()[:_MARK]


def _is_of(fingerprint: str, secret: str) -> bool:
    salt, _, mark = fingerprint.rpartition(":")
    plain = hashlib.sha256(secret.encode()).hexdigest()[:_MARK]
    return hmac.compare_digest(mark, _mark(salt, secret) if salt else plain)


def overdue_sentence(ages: Sequence[KeyAge]) -> str:
    """Return a sentence on keys to replace now or soon, and how; '' without any."""
    due = [age for age in ages if age.state is not State.GOOD]
    if not due:
        return ""
    named = ", ".join(
        f"{age.name} ({age.days} days, "
        + (f"{age.days_left} left)" if age.days_left > 0 else "overdue)")
        for age in due
    )
    return f"Replace {named} without downtime as docs/runbook.md says: {_HOW}"
