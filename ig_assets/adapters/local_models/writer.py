"""A writer that uses the shared local server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import Timeout

from ig_assets.adapters.local_models.serving.log_probability import answer_likelihood
from ig_assets.adapters.local_models.serving.prompt_states import (
    Served,
    restore_beginning,
)
from ig_assets.adapters.local_models.serving.server import ServerAddress, ensure_server
from ig_assets.adapters.local_models.serving.server_record import turn_lock
from ig_assets.adapters.openai.writer import Endpoint, OpenAIWriter
from ig_assets.core.ports import AnswerLikelihood, WriteAnswer, WriteRequest
from ig_assets.errors import TransientVendorError

WRITE_TIMEOUT_S = 900.0  # several callers may queue for the one slot


class LocalWriter:
    """Writes through the folder's server, which it finds or starts for each request.

    `model_file` returns the verified file of the model. It is called before each
    request, and the server must have loaded that file. Answers name `served` as their
    model, since the server (xllamacpp 2026.10.11549) answers with its own alias
    whatever model was requested. Creating a writer neither downloads nor loads
    anything.

    `adapter_file` returns the file of the model's LoRA adapter, which the server must
    have loaded too. Each request sets the scale of every adapter in the server: 1 for
    this model's, 0 for those of other models.
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
        self._has_adapter = adapter_file is not None
        self._scales: dict[str, Any] = {}

        def locate() -> tuple[ServerAddress, Served]:
            file = model_file()
            adapter = None if adapter_file is None else adapter_file()
            address = ensure_server(
                state_dir,
                file,
                threads,
                idle_s,
                prompt_threads=prompt_threads,
                adapters=() if adapter is None else (adapter,),
            )
            self._scales.clear()
            self._scales.update(address.scales(adapter))
            return address, Served(file, (threads, prompt_threads))

        self._state_dir, self._locate = state_dir, locate
        self._endpoint: Endpoint | None = None
        self.model = model
        self._served = served
        self._api = OpenAIWriter(
            model,
            api_key="set by the server",
            base_url="http://127.0.0.1",
            provider="local",
            timeout_s=WRITE_TIMEOUT_S,
            before_call=lambda: self._endpoint,
            local=True,
            extra_body=self._scales,
        )
        self.reasoning_tokens = self._api.reasoning_tokens

    def count_tokens(self, text: str) -> int:
        """Return an estimate of the number of tokens, by OpenAI's tokenizer."""
        return self._api.count_tokens(text)

    def write(self, request: WriteRequest) -> WriteAnswer:
        """Send one request; raises what `OpenAIWriter.write` and `model_file` raise.

        The calls of all processes take turns, so that the state restored for a call is
        still there when the server reads its prompt (see `prompt_states.py`).
        """
        with self._turn():
            return replace(self._in_turn(request), model=self._served)

    def answer_likelihood(
        self, instructions: str, prompt: str, answer: str
    ) -> AnswerLikelihood:
        """Return the log-probability of an answer, its end-of-answer token left out.

        Raises what the module's function `answer_likelihood` and `model_file` raise.
        """
        with self._turn():
            address, _ = self._locate()
            return answer_likelihood(
                address, dict(self._scales), instructions, prompt, answer
            )

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the other calls of this server, in whatever process they are."""
        if not self._state_dir.is_dir():
            self._locate()  # which makes it
        if not self._state_dir.is_dir():
            yield
            return
        lock = turn_lock(self._state_dir, WRITE_TIMEOUT_S)
        try:
            lock.acquire()
        except Timeout:
            raise TransientVendorError(
                "The local model's server did not answer in time."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _in_turn(self, request: WriteRequest) -> WriteAnswer:
        address, served = self._locate()
        self._endpoint = Endpoint(address.base_url, address.api_key)
        noted = self._state_dir.parent / "prompt_states.json"
        if self._has_adapter:  # states are saved without one
            return self._api.write(request)
        begun = restore_beginning(address, noted, served, request)
        if begun:
            answer = self._api.write(request, {"cache_prompt": True})
            if answer.usage.cached_tokens == begun:
                return answer
        # Another began the same server anew, or writes without taking turns.
        return self._api.write(request)
