"""Embeddings through OpenAI's Batch API, within 24 hours.

Requests are uploaded and results downloaded as files. Limits, from OpenAI's description
of POST /batches (its OpenAPI document, also in the SDK's docstring of
`batches.create`): an input file has up to 50,000 requests and 200 MB, and a batch for
/v1/embeddings up to 50,000 inputs in all its requests. Keys of metadata have up to 64
characters, values up to 512. Nothing is retried here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ig_assets.adapters.openai.client import (
    Endpoint,
    LazyClient,
    UnknownRouteError,
    no_access,
    sent,
)
from ig_assets.adapters.openai.embedder import embedding_request
from ig_assets.adapters.vendor_numbers import count
from ig_assets.core.ports import (
    BatchLine,
    BatchResult,
    BatchState,
    EmbeddingAnswer,
    TokenUsage,
)
from ig_assets.errors import (
    AccessError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
)

ENDPOINT = "/v1/embeddings"
INTENT = "ig_assets_intent"
_STATES = {
    "completed": "completed",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "cancelled",
}
# Lines that the batch did not get to; they cost nothing.
_NOT_REACHED = ("batch_expired", "batch_cancelled")


class OpenAIBatches:
    """A `BatchEmbedder` with OpenAI's SDK."""

    max_lines = 50_000
    max_inputs = 50_000
    max_bytes = 200_000_000

    def __init__(
        self,
        api_key: str,
        model: str = "text-embedding-3-small",
        dimensions: int = 1536,
        base_url: str | None = None,
        provider: str = "openai",
        timeout_s: float = 600.0,
        http_client: Any | None = None,
        next_key: str | None = None,
        before_call: Callable[[], Endpoint | None] | None = None,
    ) -> None:
        self.provider = provider
        self.model = model
        self.dimensions = dimensions
        self._client = LazyClient(
            Endpoint(base_url, api_key, next_key), timeout_s, http_client, before_call
        )

    def line_bytes(self, line: BatchLine) -> int:
        """Return the size of a line as JSON, with its line break."""
        return len(self._encoded(line))

    def submit(self, lines: Sequence[BatchLine], intent_key: str) -> str:
        """Upload the lines and create the batch; return its id."""
        content = b"".join(map(self._encoded, lines))
        files, batches = self._client.get().files, self._client.get().batches
        uploaded = self._ask(
            lambda: files.create(file=(f"{intent_key}.jsonl", content), purpose="batch")
        )
        created = self._ask(
            lambda: batches.create(
                input_file_id=uploaded.id,
                endpoint=ENDPOINT,
                completion_window="24h",
                metadata={INTENT: intent_key},
            )
        )
        return str(created.id)

    def find(self, intent_key: str) -> str | None:
        """Return the id of the account's batch with this key, or None."""
        batches = self._client.get().batches

        def look() -> str | None:
            for batch in batches.list(limit=100):
                if (batch.metadata or {}).get(INTENT) == intent_key:
                    return str(batch.id)
            return None

        found = self._ask(lambda: [look()])
        return found[0] if found else None

    def state(self, batch_id: str) -> BatchState:
        """Return the state of a batch.

        It is running until OpenAI says completed, failed, expired or cancelled. It is
        denied if `errors.data` refuses the account rather than the batch. OpenAI's
        messages are omitted, as they may quote what was sent.
        """
        batch = self._retrieve(batch_id)
        errors = getattr(batch.errors, "data", None) or []
        codes = sorted({code for e in errors if (code := _code(e.code)) is not None})
        status = _STATES.get(str(batch.status), "running")
        denial = _denial(codes) if status not in ("running", "completed") else None
        if denial is not None:
            return BatchState("denied", denial)
        return BatchState(status, ", ".join(codes) or None)

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Yield the results in the output file, then those in the error file."""
        batch = self._retrieve(batch_id)
        with tempfile.TemporaryDirectory(prefix="ig_assets_batch_") as folder:
            files = [
                self._download(file_id, Path(folder) / f"{place}.jsonl")
                for place, file_id in enumerate(
                    (batch.output_file_id, batch.error_file_id)
                )
                if file_id
            ]
            for path in files:
                with path.open("rb") as lines:
                    for line in lines:
                        result = _result(line)
                        if result is not None:
                            yield result

    def delete_files(self, batch_id: str) -> int:
        """Delete a batch's input, output and error file.

        Return how many were deleted.
        """
        batch, files = self._retrieve(batch_id), self._client.get().files
        ids = (batch.input_file_id, batch.output_file_id, batch.error_file_id)

        def delete(file_id: str) -> bool:
            try:
                return bool(
                    sent(
                        lambda: files.delete(file_id).deleted,
                        self.provider,
                        may_lack_route=True,
                    )
                )
            except UnknownRouteError:  # what a file that is gone looks like
                return False

        return sum(delete(file_id) for file_id in ids if file_id)

    def _encoded(self, line: BatchLine) -> bytes:
        body = embedding_request(self.model, self.dimensions, line.texts)
        # A vector as base64 takes 5.3 bytes a number, as decimals about 20.
        body["encoding_format"] = "base64"
        request = {
            "custom_id": line.custom_id,
            "method": "POST",
            "url": ENDPOINT,
            "body": body,
        }
        # ASCII, so that no character of a script can look like the end of a line.
        return json.dumps(request).encode() + b"\n"

    def _retrieve(self, batch_id: str) -> Any:
        batches = self._client.get().batches
        return self._ask(lambda: batches.retrieve(batch_id))

    def _download(self, file_id: str, path: Path) -> Path:
        import httpx2

        streaming = self._client.get().files.with_streaming_response

        def download() -> Path:
            with streaming.content(file_id) as response:
                response.stream_to_file(path)
            return path

        try:
            return sent(download, self.provider, may_lack_route=True)
        except UnknownRouteError:
            raise RefusedError(
                f"{self.provider} no longer has the results of a batch."
            ) from None
        except httpx2.HTTPError:
            raise TransientVendorError(
                f"{self.provider} broke off while a batch's results were downloaded.",
                outcome_unknown=False,
            ) from None

    def _ask(self, send: Callable[[], Any]) -> Any:
        try:
            return sent(send, self.provider, may_lack_route=True)
        except UnknownRouteError:
            raise AccessError(
                f"{self.provider} has no Batch API at this address, or not this batch; "
                "remove IG_BATCH, or check OPENAI_BASE_URL and the key's project."
            ) from None


def _result(line: bytes) -> BatchResult | None:
    """Parse a line of an output or error file; None if it names no request."""
    try:
        answer = json.loads(line)
        custom_id = answer["custom_id"]
        error, response = answer.get("error"), answer.get("response")
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if not isinstance(custom_id, str):
        return None
    if not isinstance(response, Mapping):
        code = _code(error.get("code")) if isinstance(error, Mapping) else None
        if code is not None and (denial := _denial([code])) is not None:
            return BatchResult(custom_id, "denied", problem=denial)
        status = "expired" if code in _NOT_REACHED else "failed"
        return BatchResult(custom_id, status, problem=code or "no_response")
    status_code, body = response.get("status_code"), response.get("body")
    if status_code != 200:
        return _refusal(custom_id, status_code, body)
    try:
        answer = _answer(body)
    except MalformedAnswerError as error:
        tokens = error.input_tokens
        usage = None if tokens is None else TokenUsage(tokens)
        return BatchResult(custom_id, "malformed", problem=str(error), usage=usage)
    return BatchResult(custom_id, "done", answer, usage=answer.usage)


def _refusal(custom_id: str, status_code: Any, body: Any) -> BatchResult:
    error = body.get("error") if isinstance(body, Mapping) else None
    reported = error if isinstance(error, Mapping) else {}
    found = [_code(reported.get(name)) for name in ("code", "type")]
    code = found[0]
    if (denial := _denial([c for c in found if c], status_code)) is not None:
        return BatchResult(custom_id, "denied", problem=denial)
    again = not isinstance(status_code, int) or (
        status_code in (408, 409, 429) or status_code >= 500
    )
    answered = (
        f"answered {status_code}" if isinstance(status_code, int) else "no answer"
    )
    return BatchResult(
        custom_id,
        "failed" if again else "refused",
        problem=answered + (f" ({code})" if code else ""),
    )


def _denial(codes: Sequence[str], status_code: Any = None) -> str | None:
    """Return why OpenAI refuses the account; None if it refuses only the request."""
    if "model_not_found" in codes:
        return (
            "model_not_found: there is no such model for this key; check "
            "IG_OPENAI_EMBEDDING_MODEL"
        )
    return no_access(codes, status_code)


def _answer(body: Any) -> EmbeddingAnswer:
    """Return the L2-normalised vectors in the order of the request's texts."""
    tokens = None
    try:
        tokens = count(body["usage"]["prompt_tokens"])
        if tokens is None:
            raise ValueError("its tokens are no count")
        items = {
            int(item["index"]): _vector(item["embedding"]) for item in body["data"]
        }
        rows = np.stack([items[place] for place in range(len(body["data"]))])
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        problem = "an answer that is no list of numbered vectors of one length"
        raise MalformedAnswerError(problem, tokens, 0) from None
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return EmbeddingAnswer(rows.astype(np.float32), TokenUsage(tokens))


def _vector(value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value), "<f4").astype(np.float64)
    return np.asarray(value, np.float64).reshape(-1)


def _code(code: Any) -> str | None:
    """Return the vendor's error code; None for free text, which may quote a request."""
    return (
        code if isinstance(code, str) and re.fullmatch(r"[\w.]{1,64}", code) else None
    )
