"""Provides the access token, and renews it before it expires.

The token is stored in a file that only its owner may read. A long-lived token of
Instagram Login lasts 60 days and can be renewed from its second day on
(`ig_refresh_token`). A token of Facebook Login cannot be renewed, but its expiry can be
queried.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ig_assets.adapters.instagram.client import GraphClient, home_of
from ig_assets.adapters.vendor_numbers import finite
from ig_assets.core.operations.redaction import know_secrets
from ig_assets.core.ports import Clock
from ig_assets.errors import VendorError
from ig_assets.files import OWNER_ONLY, write_atomic

LIFETIME = timedelta(days=60)
RENEW_BEFORE = timedelta(days=30)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class TokenState:
    """A token in use, and its expiry.

    `given` is a hash of the token in the settings, from which `token` was obtained.
    `expires_at` (naive UTC) is None if the token never expires. `is_reported` says
    whether the vendor reported the expiry; otherwise it is assumed. `tried_at` is the
    time of the last attempt to renew.
    """

    given: str
    token: str
    expires_at: datetime | None
    is_reported: bool = False
    tried_at: datetime | None = None


Renew = Callable[[str], tuple[str, datetime | None]]


class TokenProvider:
    """Provides the token, and tries to renew it at most once a day."""

    def __init__(self, store: Path, given: str, clock: Clock, renew: Renew) -> None:
        self._store = store
        self._given = given
        self._clock = clock
        self._renew = renew
        self._mutex = threading.Lock()
        self._state: TokenState | None = None

    def current(self) -> str:
        """Return the token to send; if a renewal fails, the old token stays in use."""
        with self._mutex:
            state = self._state or stored_token(self._store, self._given, self._clock)
            if _is_due(state, self._clock.now()):
                state = self._renewed(state)
            self._state = state
            know_secrets([state.token])  # a renewed one is in no setting
            return state.token

    def _renewed(self, state: TokenState) -> TokenState:
        state = replace(state, tried_at=self._clock.now())
        try:
            token, expires_at = self._renew(state.token)
        except VendorError:
            pass
        else:
            state = replace(state, token=token, expires_at=expires_at, is_reported=True)
        _write(self._store, state)
        return state


def stored_token(store: Path, given: str, clock: Clock) -> TokenState:
    """Return the stored state of `given`, the token in the settings.

    If no state of this token is stored, the token is assumed to be new and to last 60
    days.
    """
    name = hashlib.sha256(given.encode()).hexdigest()[:16]
    try:
        kept: dict[str, Any] = json.loads(store.read_text("utf-8"))
    except (OSError, ValueError):
        kept = {}
    if kept.get("given") != name:
        return TokenState(name, given, clock.now() + LIFETIME)
    for field in ("expires_at", "tried_at"):
        kept[field] = kept[field] and datetime.fromisoformat(kept[field])
    kept["is_reported"] = kept.pop("is_told", kept.get("is_reported", False))
    return TokenState(**kept)


def renewal(
    base_url: str | None, app_secret: str, clock: Clock, **options: Any
) -> Renew:
    """Return a function from a token to (token to use, expiry in naive UTC or None).

    The function renews a token of Instagram Login. Of a token of Facebook Login it only
    queries the expiry. Without `base_url`, requests go to the host of the token's kind.
    """

    def renew(token: str) -> tuple[str, datetime | None]:
        url = base_url or home_of(token)
        client = GraphClient(lambda: token, app_secret, url, **options)
        if token.startswith("IG"):
            answer = client.get("refresh_access_token", grant_type="ig_refresh_token")
            seconds = finite(answer.get("expires_in")) or LIFETIME.total_seconds()
            seconds = min(max(seconds, 0.0), 10 * LIFETIME.total_seconds())
            fresh = str(answer.get("access_token") or token)
            return fresh, clock.now() + timedelta(seconds=seconds)
        answer = client.get("debug_token", input_token=token)
        data = answer.get("data")
        moment = finite(data.get("expires_at")) if isinstance(data, dict) else None
        if not moment:
            return token, None
        try:
            expires_at = datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
        except (ValueError, OverflowError, OSError):  # of the year 31,690,000
            expires_at = None
        return token, expires_at

    return renew


def _is_due(state: TokenState, now: datetime) -> bool:
    if state.tried_at is not None and now - state.tried_at < DAY:
        return False
    if not state.is_reported:
        return True
    return state.expires_at is not None and state.expires_at - now < RENEW_BEFORE


def _write(store: Path, state: TokenState) -> None:
    content = json.dumps(asdict(state), default=datetime.isoformat)
    write_atomic(store, content, mode=OWNER_ONLY)
