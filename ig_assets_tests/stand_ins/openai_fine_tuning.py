"""A STAND-IN for OpenAI's files and fine-tuning, as a transport; not OpenAI.

It trains nothing: a job stays queued until a test moves it on.
"""

from __future__ import annotations

import json
import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qs

import httpx2

FILES, JOBS = "/v1/files", "/v1/fine_tuning/jobs"
BASE_URL = "https://stand-in.test/v1"


class FineTuningStandIn:
    """Files and jobs by id; `asked` keeps (method, path) in order.

    With `refuses` (status, code, param) no job is created. While `loses_answers` a job
    is created and the line breaks before the answer. `loses_filter` ignores a filter of
    the list, as a compatible server does.
    """

    def __init__(self) -> None:
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.bodies: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.refuses: tuple[int, str, str | None] | None = None
        self.loses_answers = False
        self.loses_filter = False

    def client(self) -> httpx2.Client:
        """A client of the SDK that speaks to this stand-in only."""
        return httpx2.Client(transport=httpx2.MockTransport(self._answer))

    def end(self, status: str = "succeeded", **facts: Any) -> None:
        """End every job that has not ended."""
        for job in self.jobs.values():
            if job["status"] in ("queued", "running"):
                job["status"] = status
                if status == "succeeded":
                    job["fine_tuned_model"] = f"ft:{job['model']}:acme::{job['id']}"
                    job["trained_tokens"] = 4_000
                job |= facts

    def report(self, job_id: str, step: int, loss: float, valid: float | None) -> None:
        """An event with the losses of a step."""
        data = {"step": step, "train_loss": loss, "valid_loss": valid}
        event = {
            "id": f"e{step}",
            "object": "fine_tuning.job.event",
            "created_at": step,
        }
        said = {"level": "info", "message": f"Step {step}", "type": "metrics"}
        self.events.setdefault(job_id, []).insert(0, {**event, **said, "data": data})

    def count(self, method: str, path: str) -> int:
        """How often this was asked."""
        return self.asked.count((method, path))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        path, method = request.url.path, request.method
        self.asked.append((method, path))
        if method == "POST" and path == FILES:
            return self._upload(request)
        if method == "GET" and path == FILES:
            return _list(list(self.files.values()))
        if method == "DELETE" and path.removeprefix(f"{FILES}/") in self.files:
            file_id = path.removeprefix(f"{FILES}/")
            del self.files[file_id]
            return httpx2.Response(
                200, json={"id": file_id, "object": "file", "deleted": True}
            )
        if method == "POST" and path == JOBS:
            return self._create(request)
        if method == "GET" and path == JOBS:
            return self._jobs(request)
        if found := re.fullmatch(rf"{JOBS}/([^/]+)(/events)?", path):
            if found[1] in self.jobs and method == "GET":
                if found[2]:
                    return _list(self.events.get(found[1], []))
                return httpx2.Response(200, json=self.jobs[found[1]])
        return _error(404, "not_found", None)

    def _upload(self, request: httpx2.Request) -> httpx2.Response:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        form = BytesParser(policy=HTTP).parsebytes(head + request.read())
        parts = {
            str(part.get_param("name", header="content-disposition")): part
            for part in form.iter_parts()
        }
        file_id = f"file-{len(self.contents):04d}"
        content = parts["file"].get_payload(decode=True)
        self.contents[file_id] = bytes(content or b"")
        self.files[file_id] = {
            "id": file_id,
            "object": "file",
            "bytes": len(self.contents[file_id]),
            "created_at": 0,
            "filename": parts["file"].get_filename(),
            "purpose": "fine-tune",
            "status": "processed",
        }
        return httpx2.Response(200, json=self.files[file_id])

    def _create(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.read())
        if self.refuses is not None:
            return _error(*self.refuses)
        if body["training_file"] not in self.files:
            return _error(400, "invalid_file", "training_file")
        self.bodies.append(body)
        job_id = f"ftjob-{len(self.jobs):04d}"
        self.jobs[job_id] = {
            "id": job_id,
            "object": "fine_tuning.job",
            "created_at": len(self.jobs),
            "model": body["model"],
            "status": "queued",
            "training_file": body["training_file"],
            "validation_file": body.get("validation_file"),
            "metadata": body.get("metadata"),
            "seed": body.get("seed", 0),
            "method": body.get("method"),
            "hyperparameters": {"n_epochs": 2},
            "organization_id": "org-1",
            "result_files": [],
            "error": None,
            "fine_tuned_model": None,
            "trained_tokens": None,
        }
        if self.loses_answers:
            raise httpx2.ReadError("the line broke", request=request)
        return httpx2.Response(200, json=self.jobs[job_id])

    def _jobs(self, request: httpx2.Request) -> httpx2.Response:
        query = parse_qs(request.url.query.decode())
        wanted = {
            key[len("metadata[") : -1]: values[0]
            for key, values in query.items()
            if key.startswith("metadata[") and not self.loses_filter
        }
        return _list(
            [
                job
                for job in reversed(self.jobs.values())
                if all(job["metadata"].get(k) == v for k, v in wanted.items())
            ]
        )


def _list(data: list[dict[str, Any]]) -> httpx2.Response:
    return httpx2.Response(
        200, json={"object": "list", "data": data, "has_more": False}
    )


def _error(status: int, code: str, param: str | None) -> httpx2.Response:
    kind = "invalid_request_error"
    told = {"message": "quotes the line", "type": kind, "param": param, "code": code}
    return httpx2.Response(status, json={"error": told})
