"""A fake Responses API: a fixed delay, one script, and OpenAI's limit of requests.

It runs as a process of its own, so that it takes no contestant's time:

    python -m writing.endpoint 200 1200      (ms a request; requests a minute, 0: any)

It prints its port. The limit fills up evenly and holds a second's worth at the start;
above it the answer is 429 with `retry-after: 1`. `GET /counts` tells what came in since
the last time that it was asked.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SCRIPT = {
    "hook": "Why does your bread stay flat?",
    "beats": ["Look at the oven first.", "Then wait an hour.", "Look again."],
    "call_to_action": "Save this for later.",
}


class Limit:
    """The bucket, and what came in."""

    def __init__(self, a_minute: int) -> None:
        self.a_minute = a_minute
        self._lock = threading.Lock()
        self._restart()

    def _restart(self) -> None:
        self._level = self.a_minute / 60.0
        self._at = 0.0
        self._first = self._last = 0.0
        self._answered = self._refused = 0

    def take(self) -> tuple[bool, dict[str, str]]:
        """Whether a request may be answered, and the headers of its answer."""
        with self._lock:
            now = time.monotonic()
            self._first = self._first or now
            self._at = self._at or now
            per_s = self.a_minute / 60.0
            level = self._level + (now - self._at) * per_s
            self._level, self._at = min(level, float(self.a_minute)), now
            may = self._level >= 1.0 or not self.a_minute
            if may:
                self._level -= 1.0
                self._answered += 1
                self._last = now
            else:
                self._refused += 1
            if not self.a_minute:
                return may, {}
            full_ms = (self.a_minute - self._level) / per_s * 1000.0
            return may, {
                "x-ratelimit-limit-requests": str(self.a_minute),
                "x-ratelimit-remaining-requests": str(int(self._level)),
                "x-ratelimit-reset-requests": _written(full_ms),
            }

    def counts(self) -> dict[str, float]:
        """`allowed` is what the limit gave from the first to the last answer."""
        with self._lock:
            per_s = self.a_minute / 60.0
            told = {
                "answered": self._answered,
                "refused": self._refused,
                "allowed": per_s + (self._last - self._first) * per_s,
            }
            self._restart()
            return told


def _written(milliseconds: float) -> str:
    """As OpenAI writes it: `6m0s`, `1.5s`, `120ms`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    minutes, rest = divmod(milliseconds / 1000.0, 60.0)
    return (f"{minutes:.0f}m" if minutes else "") + f"{rest:.3f}s"


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    delay_s: float
    limit: Limit

    def do_GET(self) -> None:
        """The counts."""
        self._send(200, self.limit.counts(), {})

    def do_POST(self) -> None:
        """A request for a script."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        may, headers = self.limit.take()
        if not may:
            error = {"message": "slow down", "code": "rate_limit_exceeded"}
            self._send(429, {"error": error}, headers | {"retry-after": "1"})
            return
        time.sleep(self.delay_s)
        self._send(200, _answer(body), headers)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _send(self, status: int, content: Any, headers: dict[str, str]) -> None:
        payload = json.dumps(content).encode()
        head = [f"HTTP/1.1 {status} Told", "Content-Type: application/json"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        head.append(f"Content-Length: {len(payload)}")
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + payload)


def _answer(body: dict[str, Any]) -> dict[str, Any]:
    part = {"type": "output_text", "text": json.dumps(SCRIPT), "annotations": []}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 0,
        "model": body["model"],
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "output": [message],
        "usage": {
            "input_tokens": 400,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 60,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 460,
        },
    }


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    """Serve on loopback until the runner ends it."""
    Handler.delay_s = float(sys.argv[1]) / 1000.0
    Handler.limit = Limit(int(sys.argv[2]))
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
