"""A STAND-IN for OpenAI's Batch API on a loopback socket; not OpenAI.

It takes /v1/files and /v1/batches and works on nothing until a test moves a batch on.
Vectors are those of `openai_server.vector_for`; output lines come shuffled.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ig_assets_tests.stand_ins.openai_server import embeddings_answer
from ig_assets_tests.stand_ins.served import Served

FILES, BATCHES = "/v1/files", "/v1/batches"
RUNNING = ("validating", "in_progress", "finalizing")
Fate = Callable[[Mapping[str, Any]], str]


class BatchStandIn(Served):
    """The stand-in as a context manager; `base_url` is what OPENAI_BASE_URL gets.

    `asked` keeps (method, path) in order, `keys` the keys that were sent. While
    `is_down` every request is answered 503, what `lacks` names is 404, and with
    `refuses` no batch is created: 400 with that code.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.names: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.batches: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.keys: set[str] = set()
        self.is_down = False
        self.lacks: set[str] = set()
        self.refuses = ""
        self._lock = threading.Lock()
        server = _Server(("127.0.0.1", 0), _Handler)
        server.stand_in = self
        self.base_url = f"{self.listen(server)}/v1"

    def texts(self) -> Counter[str]:
        """How often each text was submitted, in all batches."""
        counted: Counter[str] = Counter()
        for batch in self.batches.values():
            for request in self.requests(batch["id"]):
                counted.update(request["body"]["input"])
        return counted

    def requests(self, batch_id: str) -> list[dict[str, Any]]:
        """The lines of a batch's input file."""
        content = self.files[self.batches[batch_id]["input_file_id"]]
        return [json.loads(line) for line in content.decode().split("\n") if line]

    def running(self) -> list[str]:
        """The batches that have not ended, oldest first."""
        return [b["id"] for b in self.batches.values() if b["status"] in RUNNING]

    def work(self, batch_id: str) -> None:
        """OpenAI has validated the batch and begun."""
        self.batches[batch_id]["status"] = "in_progress"

    def end(
        self,
        status: str = "completed",
        fate: Fate = lambda request: "done",
        code: str = "invalid_json_line",
        worked: bool = False,
    ) -> None:
        """End every batch that has not ended, with a fate for each line.

        A fate is done, twice, lost, refused, broken (a 500), expired, denied (the
        account has no credit), lies (it names another model), or what is wrong with
        the vectors: short, nan, none, garbage. One that failed has results only where
        it `worked` before.
        """
        for batch_id in self.running():
            self._end(batch_id, status, fate, code, worked)

    def _end(
        self, batch_id: str, status: str, fate: Fate, code: str, worked: bool
    ) -> None:
        batch = self.batches[batch_id]
        batch["status"] = status
        if status == "failed":
            quoted = self.requests(batch_id)[0]["body"]["input"]
            told = {"code": code, "message": f"it quotes {quoted}", "line": 1}
            batch["errors"] = {"object": "list", "data": [told]}
            if not worked:
                return
        requests = self.requests(batch_id)
        output: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for request in requests:
            what = fate(request)
            if what in ("refused", "broken", "expired", "denied"):
                errors.append(_error_line(request, what, status))
            elif what != "lost":
                line = _output_line(request, what)
                output += [line] * (2 if what == "twice" else 1)
        for kind, lines in (("output", output), ("error", errors)):
            random.Random(batch_id).shuffle(lines)
            if lines:
                batch[f"{kind}_file_id"] = self._store(
                    "".join(json.dumps(line) + "\n" for line in lines).encode()
                )
        batch["request_counts"] = {
            "total": len(requests),
            "completed": len(output),
            "failed": len(errors),
        }

    def _store(self, content: bytes, name: str = "") -> str:
        with self._lock:
            file_id = f"file-{len(self.files):04d}"
            self.files[file_id], self.names[file_id] = content, name
        return file_id

    def upload(self, fields: Mapping[str, tuple[str, bytes]]) -> tuple[int, Any]:
        if fields.get("purpose", ("", b""))[1] != b"batch" or "file" not in fields:
            return 400, _told("purpose must be batch", "invalid_purpose")
        name, content = fields["file"]
        file_id = self._store(content, name)
        return 200, {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": 0,
            "filename": name,
            "purpose": "batch",
            "status": "processed",
        }

    def create(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        wrong = (
            body.get("endpoint") != "/v1/embeddings"
            or body.get("completion_window") != "24h"
            or body.get("input_file_id") not in self.files
        )
        if wrong or self.refuses:
            code = self.refuses or "invalid_batch"
            return 400, _told("the batch cannot be created", code)
        with self._lock:
            batch_id = f"batch_{len(self.batches):04d}"
            self.batches[batch_id] = {
                "id": batch_id,
                "object": "batch",
                "endpoint": body["endpoint"],
                "errors": None,
                "input_file_id": body["input_file_id"],
                "completion_window": "24h",
                "status": "validating",
                "output_file_id": None,
                "error_file_id": None,
                "created_at": len(self.batches),
                "metadata": body.get("metadata"),
            }
        return 200, self.batches[batch_id]

    def page(self, query: Mapping[str, list[str]]) -> tuple[int, Any]:
        """Newest first, two a page, so that a search must turn pages."""
        newest = list(reversed(self.batches.values()))
        after = query.get("after", [""])[0]
        places = [n + 1 for n, batch in enumerate(newest) if batch["id"] == after]
        start = places[0] if places else 0
        shown = newest[start : start + 2]
        return 200, {
            "object": "list",
            "data": shown,
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
            "has_more": start + 2 < len(newest),
        }


def _output_line(request: Mapping[str, Any], fate: str) -> dict[str, Any]:
    body = embeddings_answer(request["body"])
    data = body["data"]
    random.Random(request["custom_id"]).shuffle(data)
    if fate in ("short", "nan"):
        numbers = [0.6, 0.8] if fate == "short" else [float("nan")] * 48
        for item in data:
            item["embedding"] = numbers
    elif fate == "none":
        del data[0]
    elif fate == "lies":
        body["model"] = "a model that was not asked for"
    elif fate == "garbage":
        body = {"object": "list", "data": "no list"}
    response = {"status_code": 200, "request_id": "req_1", "body": body}
    return _line(request, response, None)


def _error_line(request: Mapping[str, Any], fate: str, status: str) -> dict[str, Any]:
    if fate == "expired":
        # As OpenAI's Batch guide shows the lines that a batch did not get to.
        told = {"code": f"batch_{status}", "message": "it was not executed in time"}
        return _line(request, None, told)
    if fate == "denied":
        body = _told("You exceeded your current quota", "insufficient_quota")
        response = {"status_code": 429, "request_id": "req_1", "body": body}
        return _line(request, response, None)
    code = 400 if fate == "refused" else 500
    body = _told(f"quotes {request['body']['input']}", "invalid_value")
    response = {"status_code": code, "request_id": "req_1", "body": body}
    return _line(request, response, None)


def _line(request: Mapping[str, Any], response: Any, error: Any) -> dict[str, Any]:
    custom_id = request["custom_id"]
    return {
        "id": f"batch_req_{custom_id}",
        "custom_id": custom_id,
        "response": response,
        "error": error,
    }


def _told(message: str, code: str) -> dict[str, Any]:
    kind = "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    stand_in: BatchStandIn


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two packets: the second waited 40 ms to be asked for.
    disable_nagle_algorithm = True
    server_version = "OpenAIBatchStandIn"
    server: _Server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self._arrived()
        if path is None:
            return
        if path == FILES:
            self._send(*self.server.stand_in.upload(self._fields(content)))
        elif path == BATCHES:
            self._send(*self.server.stand_in.create(json.loads(content)))
        else:
            self._send(404, _told("the stand-in has no such address", "unknown_url"))

    def do_GET(self) -> None:
        path = self._arrived()
        if path is None:
            return
        stand_in = self.server.stand_in
        if path == BATCHES:
            self._send(*stand_in.page(parse_qs(urlsplit(self.path).query)))
        elif path.removeprefix(BATCHES + "/") in stand_in.batches:
            self._send(200, stand_in.batches[path.removeprefix(BATCHES + "/")])
        elif found := re.fullmatch(FILES + "/([^/]+)/content", path):
            content = stand_in.files.get(found[1])
            if content is None or found[1] in stand_in.deleted:
                self._send(404, _told("no such file", "not_found"))
            else:
                self._bytes(200, content)
        else:
            self._send(404, _told("the stand-in has no such address", "unknown_url"))

    def do_DELETE(self) -> None:
        path = self._arrived()
        if path is None:
            return
        stand_in, file_id = self.server.stand_in, path.removeprefix(FILES + "/")
        if file_id not in stand_in.files or file_id in stand_in.deleted:
            self._send(404, _told("no such file", "not_found"))
            return
        stand_in.deleted.add(file_id)
        self._send(200, {"id": file_id, "object": "file", "deleted": True})

    def _arrived(self) -> str | None:
        """The path, noted; None where it has been answered with a fault."""
        stand_in, path = self.server.stand_in, urlsplit(self.path).path
        stand_in.asked.append((self.command, path))
        stand_in.keys.add(self.headers.get("authorization", "").removeprefix("Bearer "))
        if stand_in.is_down:
            self._send(503, _told("a fault was asked for", "overloaded"))
            return None
        if any(path.startswith(lacking) for lacking in stand_in.lacks):
            self._send(404, _told("no such address", "unknown_url"))
            return None
        return path

    def _fields(self, content: bytes) -> dict[str, tuple[str, bytes]]:
        """The parts of a form, by name: (file name, content)."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        form = BytesParser(policy=HTTP).parsebytes(head + content)
        fields = {}
        for part in form.iter_parts():
            name = part.get_param("name", header="content-disposition")
            payload = part.get_payload(decode=True)
            fields[str(name)] = (part.get_filename() or "", bytes(payload or b""))
        return fields

    def _send(self, status: int, answer: Any) -> None:
        self._bytes(status, json.dumps(answer).encode())

    def _bytes(self, status: int, payload: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""
