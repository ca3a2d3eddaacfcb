"""Local writers side by side: each request to whichever is free, never two to one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import BaseModel

from ig_assets.adapters.local_models.pool import WriterPool, default_servers
from ig_assets.core.ports import TokenUsage, WriteAnswer, WriteRequest
from ig_assets.errors import TransientVendorError


class Text(BaseModel):
    text: str


REQUEST = WriteRequest("Write.", "Something.", Text, 10, 0.0, 1)


class OneAtATime:
    """A writer that notes who comes while it writes, and may wait or fail."""

    provider, model, reasoning_tokens = "local", "small", 0

    def __init__(self, together: threading.Barrier | None = None) -> None:
        self.written = 0
        self.crowded = False
        self.fails = False
        self._together = together
        self._busy = threading.Lock()

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def write(self, request: WriteRequest) -> WriteAnswer:
        self.crowded |= not self._busy.acquire(blocking=False)
        try:
            if self._together is not None:
                self._together.wait(timeout=30)
            if self.fails:
                raise TransientVendorError("The local model went away.")
            self.written += 1
            return WriteAnswer(Text(text="words"), TokenUsage(1, 1), self.model)
        finally:
            self._busy.release()


def test_requests_go_to_whichever_writer_is_free() -> None:
    together = threading.Barrier(2)  # which only two writers at work at once can pass
    writers = [OneAtATime(together), OneAtATime(together)]
    pool = WriterPool(writers)
    with ThreadPoolExecutor(4) as callers:
        list(callers.map(lambda _: pool.write(REQUEST), range(8)))
    assert [writer.written for writer in writers] == [4, 4]
    assert not any(writer.crowded for writer in writers)


def test_a_writer_that_failed_is_asked_again() -> None:
    writer = OneAtATime()
    pool = WriterPool([writer])
    writer.fails = True
    with pytest.raises(TransientVendorError):
        pool.write(REQUEST)
    writer.fails = False
    assert pool.write(REQUEST).model == "small"
    assert pool.count_tokens("two words") == 2


def test_there_is_at_least_one_server_and_no_more_than_two_unasked() -> None:
    assert default_servers() in (1, 2)
