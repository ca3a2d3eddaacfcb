"""A fake OpenAI-compatible embedding endpoint: a fixed delay, honest counts.

It runs as a process of its own, so that it takes no contestant's time:

    python -m contest.endpoint 50        (the delay in ms; prints its port)

`POST /v1/embeddings` answers; `POST /control/plan` says what happens after a number
of answers and `GET /control/counts` tells what came in.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from contest.vectors import text_vector, words_of

STALL_S = 600.0


@dataclass
class Counts:
    """`inputs` are those of requests that were taken, answered or not.

    `repeated` are inputs that were taken before; `refused` and `stalled` are
    requests, `answered` those whose answer was sent.
    """

    requests: int = 0
    inputs: int = 0
    repeated: int = 0
    answered: int = 0
    refused: int = 0
    stalled: int = 0


@dataclass
class Desk:
    """What all handlers share."""

    delay_s: float
    counts: Counts = field(default_factory=Counts)
    seen: set[str] = field(default_factory=set)
    answers_left: int | None = None
    then: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, answers: int | None, then: str, forget: bool) -> None:
        """After that many answers `refuse` with 400 or `stall`; counts start at 0."""
        with self.lock:
            self.counts = Counts()
            self.answers_left, self.then = answers, then
            if forget:
                self.seen.clear()

    def take(self, texts: list[str]) -> str:
        """Count one request; say whether to `answer`, `refuse` or `stall`."""
        with self.lock:
            self.counts.requests += 1
            verdict = "answer"
            if self.answers_left is not None:
                self.answers_left -= 1
                verdict = "answer" if self.answers_left >= 0 else self.then
            if verdict == "refuse":
                self.counts.refused += 1
                return verdict
            self.counts.stalled += verdict == "stall"
            self.counts.inputs += len(texts)
            for text in map(words_of, texts):
                self.counts.repeated += text in self.seen
                self.seen.add(text)
            return verdict


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    protocol_version = "HTTP/1.1"
    desk: Desk

    def do_GET(self) -> None:
        """The counts."""
        with self.desk.lock:
            self._send(200, asdict(self.desk.counts))

    def do_POST(self) -> None:
        """An embedding request, or a plan."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/control/plan":
            self.desk.plan(body["answers"], body["then"], body["forget"])
            self._send(200, {})
            return
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        verdict = self.desk.take(texts)
        time.sleep(self.desk.delay_s)
        if verdict == "refuse":
            self._send(
                400, {"error": {"message": "refused", "type": "invalid_request"}}
            )
        elif verdict == "stall":
            time.sleep(STALL_S)
        else:
            self._send(200, _answer(body, texts))
            with self.desk.lock:
                self.desk.counts.answered += 1

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _send(self, status: int, content: Any) -> None:
        payload = json.dumps(content).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)
        except OSError:
            self.close_connection = True  # the contestant was killed


def _answer(body: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    packed = body.get("encoding_format") == "base64"
    dimensions = int(body.get("dimensions") or 1536)
    rows = []
    for index, text in enumerate(texts):
        vector = text_vector(text, dimensions)
        embedding: Any = vector.tolist()
        if packed:
            embedding = base64.b64encode(vector.tobytes()).decode()
        rows.append({"object": "embedding", "index": index, "embedding": embedding})
    tokens = sum(len(text) // 4 + 1 for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": body["model"], "data": rows, "usage": usage}


def main() -> None:
    """Serve on loopback until the runner ends it."""
    Handler.desk = Desk(delay_s=float(sys.argv[1]) / 1000.0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
