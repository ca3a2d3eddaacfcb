"""Sends one request to the local server and returns its answer."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_S = 900.0


class UnexpectedStatusError(OSError):
    """The server answered with another status than 200."""

    def __init__(self, route: str, status: int) -> None:
        super().__init__(f"{route} answered {status}")
        self.route = route
        self.status = status


def post_json(base_url: str, key: str, route: str, body: object) -> Any:
    """Post a body to a route of the server's host and return the answer's JSON.

    Raises UnexpectedStatusError unless the status is 200, and OSError, HTTPException or
    ValueError without an answer that can be read.
    """
    connection = HTTPConnection(urlsplit(base_url).netloc, timeout=_TIMEOUT_S)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        connection.request("POST", route, json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise UnexpectedStatusError(route, answer.status)
        return json.loads(content)
    finally:
        connection.close()
