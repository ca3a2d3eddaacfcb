"""A stand-in for Slack's incoming webhooks: an HTTP server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Inbox:
    """What was posted; `status` is what the next posts are answered with."""

    url: str = ""
    status: int = 200
    texts: list[str] = field(default_factory=list)


@contextmanager
def webhook_server(path: str = "/services/T0/B0/planted-path-1234") -> Iterator[Inbox]:
    """A server for the time of a test, whose address holds a secret path."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == path
            if inbox.status == 200:
                inbox.texts.append(json.loads(body)["text"])
            self.send_response(inbox.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    inbox.url = f"http://127.0.0.1:{server.server_port}{path}"
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
