"""A misbehaving STAND-IN for Pinecone on a loopback socket; not Pinecone.

It keeps namespaces in memory, lists, updates and deletes, and answers queries with
everything it has. It has what NeedleDB lacks: log positions that lag, a control plane
and, most of all, faults: scripted statuses, cut and malformed bodies, silence, and
ids that it refuses.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ig_assets_tests.stand_ins.served import Served


@dataclass(frozen=True)
class Fault:
    """What one request meets; `body` stands in for a good answer, `cut` ends it."""

    status: int = 200
    code: str = "FAULT"
    body: str | None = None
    cut: bool = False
    delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


class PineconeServer(Served):
    """The stand-in; use it as a context manager.

    `faults[path]` are used up one a request; `poison` ids get their whole batch
    refused, `troubled` ids a 503 each time; `lag` is how many queries pass before a
    write can be read.
    """

    def __init__(self, dimensions: int = 8) -> None:
        self.dimensions = dimensions
        self.namespaces: dict[str, dict[str, Any]] = defaultdict(dict)
        self.indexes: dict[str, dict[str, Any]] = {}
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.poison: set[str] = set()
        self.troubled: set[str] = set()
        self.lag = 0
        self.lsn = 0
        self.asked: list[tuple[str, Any]] = []
        self.keys: set[str | None] = set()
        self._mutex = threading.Lock()

    def __enter__(self) -> PineconeServer:
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self.url = self.listen(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        return super().__enter__()

    def fail(self, path: str, fault: Fault, times: int = 1) -> None:
        """Let the next requests to a path meet a fault."""
        self.faults[path].extend([fault] * times)

    def bodies(self, path: str) -> list[Any]:
        """What was asked of a path, in order."""
        return [body for asked, body in self.asked if asked == path]

    def answer(
        self, method: str, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        with self._mutex:
            self.asked.append((path, body or query))
            if path.startswith("/indexes"):
                return self._control(method, path, body)
            return self._data(path, query, body)

    def _data(
        self, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        space = (body or {}).get("namespace") or query.get("namespace", [""])[0]
        held = self.namespaces[space]
        written = {"x-pinecone-lsn-committed": str(self.lsn + 1)}
        if path == "/describe_index_stats":
            counts = {
                name: {"vectorCount": len(entries)}
                for name, entries in self.namespaces.items()
            }
            return 200, {"namespaces": counts, "dimension": self.dimensions}, {}
        if path == "/vectors/upsert":
            ids = {v["id"] for v in body["vectors"]}
            if self.poison & ids or self.troubled & ids:
                status = 400 if self.poison & ids else 503
                return status, {"error": {"code": "INVALID_ARGUMENT"}}, {}
            held.update({v["id"]: v for v in body["vectors"]})
            self.lsn += 1
            return 200, {"upsertedCount": len(body["vectors"])}, written
        if path == "/vectors/update":
            if body["id"] in self.poison:
                return 400, {"error": {"code": "INVALID_ARGUMENT"}}, {}
            if body["id"] in held:
                held[body["id"]].setdefault("metadata", {}).update(body["setMetadata"])
            self.lsn += 1
            return 200, {}, written
        if path == "/vectors/delete":
            for entry_id in body["ids"]:
                held.pop(entry_id, None)
            self.lsn += 1
            return 200, {}, {}
        if path == "/vectors/fetch":
            found = {i: held[i] for i in query["ids"] if i in held}
            return 200, {"vectors": found, "namespace": space}, {}
        if path == "/vectors/list":
            return 200, self._page(held, query), {}
        return 200, self._matches(held, body), self._reconciled()

    def _page(self, held: dict[str, Any], query: dict[str, list[str]]) -> Any:
        start = int(query.get("paginationToken", ["0"])[0])
        end = start + int(query["limit"][0])
        ids = sorted(held)
        page: dict[str, Any] = {"vectors": [{"id": i} for i in ids[start:end]]}
        if end < len(ids):
            page["pagination"] = {"next": str(end)}
        return page

    def _matches(self, held: dict[str, Any], body: Any) -> Any:
        ids = list(held)[: body["topK"]]
        return {"matches": [{"id": i, "score": 0.5} for i in ids], "namespace": ""}

    def _reconciled(self) -> dict[str, str]:
        behind, self.lag = self.lag, max(0, self.lag - 1)
        return {"x-pinecone-lsn-reconciled": str(self.lsn - bool(behind))}

    def _control(
        self, method: str, path: str, body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        name = path.removeprefix("/indexes").strip("/")
        if method == "POST":
            [vectors] = body["schema"]["fields"].values()
            self.dimensions = vectors["dimension"]
            self.indexes[body["name"]] = {
                "name": body["name"],
                "host": self.url,
                "schema": body["schema"],
                "deployment": body["deployment"],
                "status": {"ready": True, "state": "Ready"},
                "deletion_protection": "disabled",
            }
            return 201, self.indexes[body["name"]], {}
        if not name:
            return 200, {"indexes": list(self.indexes.values())}, {}
        if name not in self.indexes:
            return 404, {"error": {"code": "NOT_FOUND", "message": "no index"}}, {}
        return 200, self.indexes[name], {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two packets: the second waited 40 ms to be asked for.
    disable_nagle_algorithm = True
    stand_in: PineconeServer

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("content-length") or 0)
        content = self.rfile.read(length)
        url = urlsplit(self.path)
        self.stand_in.keys.add(self.headers.get("api-key"))
        faults = self.stand_in.faults[url.path]
        fault = faults.popleft() if faults else None
        if fault is not None and fault.delay_s:
            time.sleep(fault.delay_s)
        if fault is not None and fault.status != 200:
            told = {"error": {"code": fault.code, "message": "key pc-secret refused"}}
            self._send(fault.status, json.dumps(told), fault.headers)
            return
        status, answer, headers = self.stand_in.answer(
            method, url.path, parse_qs(url.query), json.loads(content or b"null")
        )
        text = json.dumps(answer)
        if fault is not None and fault.body is not None:
            text = fault.body
        self._send(status, text, headers, cut=fault is not None and fault.cut)

    def _send(
        self, status: int, text: str, headers: dict[str, str], cut: bool = False
    ) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        try:
            self.wfile.write(content[: len(content) // 2] if cut else content)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = self.close_connection or cut

    def log_message(self, format: str, *args: Any) -> None:
        pass
