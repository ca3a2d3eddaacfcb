"""A process that syncs a whole corpus, to be killed at any moment or by itself.

A *boundary* is a moment after the outside world changed, or before it is about to: a
transaction is about to commit, or has; a request was answered; a file was flushed,
replaced, cut or removed. What is killed between two of them leaves what is killed at
the first of them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import faiss  # noqa: F401
import openai  # noqa: F401

from ig_assets.adapters.faiss_index import FaissIndex
from ig_assets.adapters.folder_library import FolderLibrary
from ig_assets.adapters.openai_client import count_tokens
from ig_assets.adapters.openai_embedder import OpenAIEmbedder
from ig_assets.core.corpus.embedding import embed_missing
from ig_assets.core.corpus.index_sync import sync_index
from ig_assets.core.corpus.sync import sync_corpus
from ig_assets.core.costs.ledger import Ledger, RunRef
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.ports import EmbeddingAnswer, Usage
from ig_assets.warehouse.connection import Connection, Warehouse

MODEL = "text-embedding-3-small"
DIMENSIONS = 16
BATCH = 2
IN_FLIGHT = 2
NOW = datetime(2026, 5, 1, 9)

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])
# Loaded once, by the server that the processes are forked from.
_WARM = (
    call_cost_usd("openai", MODEL, Usage(1, 1)),
    count_tokens("cl100k_base", "warm"),
)


class Clock:
    def now(self) -> datetime:
        return NOW


class Boundaries:
    """Counts boundaries and ends the process at the one that is asked for."""

    def __init__(self, kill_at: int | None) -> None:
        self.passed = 0
        self._kill_at = kill_at
        self._lock = threading.Lock()

    def pass_one(self) -> None:
        with self._lock:
            self.passed += 1
            if self.passed == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


class WatchedWarehouse(Warehouse):
    """A warehouse whose commits are boundaries, before and after."""

    def __init__(self, url: str, boundaries: Boundaries) -> None:
        super().__init__(url, Clock().now)
        self._boundaries = boundaries

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as con:
            yield con
            self._boundaries.pass_one()
        self._boundaries.pass_one()


class WatchedEmbedder(OpenAIEmbedder):
    """An embedder whose answers are boundaries."""

    boundaries: Boundaries

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        answer = super().embed(texts)
        self.boundaries.pass_one()
        return answer


def sync_all(
    folder: Path, base_url: str, run_id: str, kill_at: int | None = None
) -> None:
    """Read `folder/scripts`, embed and index; write how many boundaries there were."""
    boundaries = Boundaries(kill_at)
    _watch_files(boundaries)
    warehouse = WatchedWarehouse(f"duckdb:///{folder / 'w.duckdb'}", boundaries)
    embedder = WatchedEmbedder("sk-none", MODEL, DIMENSIONS, base_url)
    embedder.boundaries = boundaries
    ledger, clock = Ledger(warehouse, Clock()), Clock()
    run = RunRef(run_id, "script_embeddings")
    sync_corpus(warehouse, FolderLibrary(str(folder / "scripts")), clock, run_id)
    embed_missing(warehouse, ledger, embedder, clock, run, BATCH, IN_FLIGHT)
    sync_index(warehouse, index_of(folder), clock, MODEL, DIMENSIONS)
    (folder / "boundaries").write_text(str(boundaries.passed))


def index_of(folder: Path) -> FaissIndex:
    """The index that `sync_all` fills."""
    return FaissIndex(folder / "faiss", "scripts")


def start_sync(
    folder: Path, base_url: str, run_id: str, kill_at: int | None = None
) -> BaseProcess:
    """`sync_all` in a process of its own."""
    process = _CONTEXT.Process(
        target=sync_all, args=(folder, base_url, run_id, kill_at)
    )
    process.start()
    return process


def _watch_files(boundaries: Boundaries) -> None:
    """Make every file that was flushed, replaced, cut or removed a boundary."""
    for name in ("fsync", "replace", "unlink", "remove", "truncate", "ftruncate"):
        setattr(os, name, _watched(getattr(os, name), boundaries))


def _watched(call: Callable[..., Any], boundaries: Boundaries) -> Callable[..., Any]:
    def watched(*arguments: Any, **named: Any) -> Any:
        result = call(*arguments, **named)
        boundaries.pass_one()
        return result

    return watched
