"""A corpus whose texts go to the Batch API's stand-in, and processes that die there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from ig_assets.adapters.openai.batch import OpenAIBatches
from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.core.corpus.embedding.batch_api.run import BatchRun, embed_by_batches
from ig_assets.core.costs.budget import Budget
from ig_assets.core.costs.ledger.ledger import Ledger
from ig_assets_tests.core.corpus.corpus_factory import RUN, CorpusFactory
from ig_assets_tests.stand_ins.openai_batches import BatchStandIn

KEY = "sk-test-batches-never-shown"
MODEL, DIMENSIONS = "text-embedding-3-small", 48


class Killed(BaseException):
    """The process is gone: nothing catches this."""


class Dying(httpx2.HTTPTransport):
    """The network of a process that dies at one request, before or after it."""

    def __init__(self, method: str, path: str, when: str) -> None:
        super().__init__()
        self._at = (method, path)
        self._when = when

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        here = (request.method, request.url.path) == self._at
        if here and self._when == "before":
            raise Killed
        response = super().handle_request(request)
        if here:
            response.read()
            raise Killed
        return response


class Broken(httpx2.HTTPTransport):
    """A network that loses the answers to some requests, after they arrived."""

    def __init__(self, method: str, path: str, times: int) -> None:
        super().__init__()
        self._at = (method, path)
        self._times = times

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        if (request.method, request.url.path) == self._at and self._times:
            self._times -= 1
            response.read()
            raise httpx2.ReadError("the line was cut", request=request)
        return response


class Cut(httpx2.HTTPTransport):
    """A network that breaks off in the middle of one answer."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        if request.url.path != self._path:
            return response
        return httpx2.Response(200, stream=_Half(response.read()), request=request)


class _Half(httpx2.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content[: len(self._content) // 2]
        raise httpx2.ReadError("the line was cut")


class BatchFactory(CorpusFactory):
    """A corpus with OpenAI's models, which only batches are asked for."""

    def __init__(self, folder: Path, vendor: BatchStandIn) -> None:
        super().__init__(folder)
        self.vendor = vendor
        self.embedder: Any = OpenAIEmbedder(
            KEY, MODEL, DIMENSIONS, base_url=vendor.base_url
        )

    def batcher(self, transport: httpx2.BaseTransport | None = None) -> OpenAIBatches:
        client = None if transport is None else httpx2.Client(transport=transport)
        return OpenAIBatches(
            KEY,
            self.embedder.model,
            self.embedder.dimensions,
            base_url=self.vendor.base_url,
            http_client=client,
        )

    def fill(self, count: int) -> None:
        for n in range(count):
            self.write(f"{n}.md", hook=f"Hook number {n}.")
        self.sync()

    def batch(
        self,
        batch_size: int = 2,
        transport: httpx2.BaseTransport | None = None,
        batcher: OpenAIBatches | None = None,
    ) -> BatchRun:
        """One run of the step."""
        return embed_by_batches(
            self.warehouse,
            self.ledger,
            self.embedder,
            batcher or self.batcher(transport),
            self.clock,
            RUN,
            batch_size,
            sleep=lambda seconds: None,
        )

    def with_budget(self, usd: float) -> None:
        self.ledger = Ledger(self.warehouse, self.clock, [Budget("ever", "usd", usd)])

    def vectors(self) -> dict[str, Any]:
        return dict(self.rows("SELECT content_hash, vector FROM embeddings ORDER BY 1"))

    def calls(self) -> list[tuple[Any, ...]]:
        """The ledger's rows but for ids and times."""
        return self.rows("""
            SELECT status, operation, asset, model, input_tokens, cost_usd, request_hash
            FROM api_calls
            WHERE status <> 'failed'
            ORDER BY ALL
            """)

    def statuses(self, table: str) -> dict[str, int]:
        return dict(
            self.rows(f"SELECT status, count(*) FROM {table} GROUP BY 1 ORDER BY 1")
        )
