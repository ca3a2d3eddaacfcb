"""Runs several local writers in parallel, each with a server and one core of its own.

The threads of one server wait for each other at every token, so a busy core slows them
all. Servers with one thread each are independent. The same seed gives the same words on
each of them.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ig_assets.core.ports import (
    AnswerLikelihood,
    GivesLikelihoods,
    WriteAnswer,
    Writer,
    WriteRequest,
)

MOST_SERVERS = 2
BYTES_PER_SERVER = 4 << 30  # of the larger model, with room for everything else


class WriterPool:
    """A `Writer` that uses the first free one of several writers."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        self.provider = writers[0].provider
        self.model = writers[0].model
        self.reasoning_tokens = writers[0].reasoning_tokens
        self._count_tokens = writers[0].count_tokens
        self._free: queue.LifoQueue[Writer] = queue.LifoQueue()
        for writer in reversed(writers):
            self._free.put(writer)

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens as the pool's writers count them."""
        return self._count_tokens(text)

    def write(self, request: WriteRequest) -> WriteAnswer:
        """Wait for a free writer and let it write; raises what that writer raises."""
        with self._free_writer() as writer:
            return writer.write(request)

    def answer_likelihood(
        self, instructions: str, prompt: str, answer: str
    ) -> AnswerLikelihood:
        """Let a free writer find it; raises what that writer raises."""
        with self._free_writer() as writer:
            assert isinstance(writer, GivesLikelihoods)
            return writer.answer_likelihood(instructions, prompt, answer)

    @contextmanager
    def _free_writer(self) -> Iterator[Writer]:
        writer = self._free.get()
        try:
            yield writer
        finally:
            self._free.put(writer)


def default_servers() -> int:
    """Return how many servers the cores and the memory allow, from 1 to 2."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    room = psutil.virtual_memory().total // BYTES_PER_SERVER
    return max(1, min(MOST_SERVERS, cores or os.cpu_count() or 1, int(room)))
