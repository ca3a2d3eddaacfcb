"""A writer on the shared local server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ig_assets.adapters.local_models.server import ensure_server
from ig_assets.adapters.openai.writer import Endpoint, OpenAIWriter
from ig_assets.core.ports import WriteAnswer, WriteRequest

WRITE_TIMEOUT_S = 900.0  # several callers may queue for the one slot


class LocalWriter:
    """Writes through the folder's server, which it finds or starts for each request.

    The server (xllamacpp 2026.10.11549) answers with its own alias whatever model was
    requested, so that answers carry `served` instead: a name for the one file that
    `model_file` returns. Before each request `model_file` verifies that file, and the
    server is one that loaded it. Building a writer neither downloads nor loads.

    `adapter_file` returns the adapter that the model is with, which the server has to
    have loaded too. Every request names every adapter of the server with a scale: 1 for
    the writer's own, 0 for the others, which may be loaded for another model.
    """

    provider = "local"

    def __init__(
        self,
        state_dir: Path,
        model_file: Callable[[], Path],
        model: str,
        served: str,
        threads: int = 1,
        idle_s: int = 300,
        prompt_threads: int = 1,
        adapter_file: Callable[[], Path] | None = None,
    ) -> None:
        scales: dict[str, Any] = {}

        def locate() -> Endpoint:
            adapter = None if adapter_file is None else adapter_file()
            address = ensure_server(
                state_dir,
                model_file(),
                threads,
                idle_s,
                prompt_threads=prompt_threads,
                adapters=() if adapter is None else (adapter,),
            )
            scales.clear()
            scales.update(address.scales(adapter))
            return Endpoint(address.base_url, address.api_key)

        self.model = model
        self._served = served
        self._api = OpenAIWriter(
            model,
            api_key="set by the server",
            base_url="http://127.0.0.1",
            provider="local",
            timeout_s=WRITE_TIMEOUT_S,
            before_call=locate,
            local=True,
            extra_body=scales,
        )
        self.reasoning_tokens = self._api.reasoning_tokens

    def count_tokens(self, text: str) -> int:
        """Tokens as OpenAI's tokenizer counts them: an estimate."""
        return self._api.count_tokens(text)

    def write(self, request: WriteRequest) -> WriteAnswer:
        """Request once; raises what `OpenAIWriter.write` and `model_file` raise."""
        return replace(self._api.write(request), model=self._served)
