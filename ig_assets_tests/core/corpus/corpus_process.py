"""A process that syncs a corpus, to be killed at any moment or at a boundary.

A *boundary* is the moment after or before something outside the process changes: a
transaction is about to commit, or has; a request was answered; a file of the index
was half written, flushed or replaced. A kill between two boundaries leaves what a kill
at the first of them leaves.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import faiss  # noqa: F401
import openai  # noqa: F401
import pandas  # noqa: F401

from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.adapters.openai.client import count_tokens
from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.core.corpus.embedding.embed import embed_missing
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.index.sync import sync_index
from ig_assets.core.corpus.library.sync import sync_corpus
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.ports import EmbeddingAnswer, TokenUsage
from ig_assets.warehouse.warehouse import Connection, Warehouse
from ig_assets_tests.factories.processes import started

MODEL = "text-embedding-3-small"
DIMENSIONS = 16
SPACE = Space(MODEL, DIMENSIONS)
BATCH = 2
IN_FLIGHT = 2
NOW = datetime(2026, 5, 1, 9)

# Loaded once, by the server that the processes are forked from.
_WARM = (
    call_cost_usd("openai", MODEL, TokenUsage(1, 1)),
    count_tokens("cl100k_base", "warm"),
)


class Clock:
    def now(self) -> datetime:
        return NOW


class Boundaries:
    """Lists the boundaries passed, and ends the process at the one asked for."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.passed: list[str] = []
        self._kill_at = kill_at
        self._lock = threading.Lock()

    def pass_one(self, kind: str) -> None:
        with self._lock:
            self.passed.append(kind)
            if len(self.passed) == self._kill_at:
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
            self._boundaries.pass_one("about to commit")
        self._boundaries.pass_one("committed")


class WatchedEmbedder(OpenAIEmbedder):
    """An embedder whose answers are boundaries."""

    boundaries: Boundaries

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        answer = super().embed(texts)
        self.boundaries.pass_one("answered")
        return answer


class WatchedFile:
    """An open file that is written in two halves, a boundary between them."""

    def __init__(self, file: Any, boundaries: Boundaries) -> None:
        self._file = file
        self._boundaries = boundaries

    def write(self, content: bytes) -> int:
        half = len(content) // 2
        self._file.write(content[:half])
        self._file.flush()
        self._boundaries.pass_one("written by half")
        self._file.write(content[half:])
        return len(content)

    def __enter__(self) -> WatchedFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def sync_all(
    folder: Path, base_url: str, run_id: str, boundaries: Boundaries | None = None
) -> None:
    """Sync, embed and index `folder/scripts` once: all assets of the corpus stage."""
    boundaries = boundaries or Boundaries()
    warehouse = WatchedWarehouse(f"duckdb:///{folder / 'w.duckdb'}", boundaries)
    embedder = WatchedEmbedder("sk-none", MODEL, DIMENSIONS, base_url)
    embedder.boundaries = boundaries
    ledger, clock = Ledger(warehouse, Clock()), Clock()
    run = RunRef(run_id, "script_embeddings")
    sync_corpus(warehouse, FolderLibrary(str(folder / "scripts")), clock, run_id)
    embed_missing(warehouse, ledger, embedder, clock, run, BATCH, IN_FLIGHT)
    sync_index(warehouse, index_of(folder), clock, SPACE)


def index_of(folder: Path) -> FaissIndex:
    """The index that `sync_all` fills."""
    return FaissIndex(folder / "faiss", "scripts")


def start_sync(folder: Path, base_url: str, kill_at: int | None = None) -> BaseProcess:
    """`sync_all` in a process of its own, killed at a boundary.

    One that lives to the end writes `folder/undisturbed`: the kinds of the boundaries
    in their order, and the seconds it took.
    """
    return started(_sync_watched, folder, base_url, kill_at)


def _sync_watched(folder: Path, base_url: str, kill_at: int | None) -> None:
    boundaries = Boundaries(kill_at)
    for name, kind in (("fsync", "flushed"), ("replace", "replaced")):
        setattr(os, name, _watched(getattr(os, name), boundaries, kind))
    _watch_writing(boundaries)
    began_s = time.monotonic()
    sync_all(folder, base_url, "run-1", boundaries)
    took_s = time.monotonic() - began_s
    (folder / "undisturbed").write_text(json.dumps([boundaries.passed, took_s]))


def _watched(
    call: Callable[..., Any], boundaries: Boundaries, kind: str
) -> Callable[..., Any]:
    def watched(*arguments: Any, **named: Any) -> Any:
        result = call(*arguments, **named)
        boundaries.pass_one(kind)
        return result

    return watched


def _watch_writing(boundaries: Boundaries) -> None:
    """Make every atomic write of a file a boundary at its half."""
    real = os.fdopen

    def fdopen(*arguments: Any, **named: Any) -> Any:
        return WatchedFile(real(*arguments, **named), boundaries)

    os.fdopen = fdopen
