"""Uses two keys while one is replaced: the second one once the first is refused.

A refused request costs nothing, and is repeated once with the other key. This process
remembers which key was accepted last, so that a revoked one is not tried each time.
"""

from __future__ import annotations

import threading
from collections.abc import Generator

import httpx2

UNAUTHORIZED = 401


class KeyOverlap(httpx2.Auth):
    """Authenticates the requests of one client with the key that the server accepts."""

    def __init__(self, key: str, next_key: str) -> None:
        self._keys = (key, next_key)
        self._taken = 0
        self._mutex = threading.Lock()

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Send with the key that was accepted last; if refused, with the other one."""
        with self._mutex:
            first = self._taken
        request.headers["Authorization"] = f"Bearer {self._keys[first]}"
        response = yield request
        if response.status_code != UNAUTHORIZED:
            return
        other = 1 - first
        request.headers["Authorization"] = f"Bearer {self._keys[other]}"
        response = yield request
        if response.status_code != UNAUTHORIZED:
            with self._mutex:
                self._taken = other
