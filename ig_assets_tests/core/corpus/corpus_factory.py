"""Makes a corpus for tests: a library folder, a warehouse, FAISS, an embedder."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.core.corpus.embedding.embed import (
    EmbeddingPlan,
    EmbeddingRun,
    embed_missing,
    plan_embedding,
)
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.index.sync import IndexChange, sync_index
from ig_assets.core.corpus.library.sync import CorpusChange, sync_corpus
from ig_assets.core.corpus.search.limits import LEAST_RELEVANCE
from ig_assets.core.corpus.search.retrieve import (
    EmbedderOf,
    RetrievedScript,
    Retriever,
)
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.identity import text_hash
from ig_assets.core.ports import EmbeddingAnswer, TokenUsage
from ig_assets.warehouse.migrations import KEYS
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets_tests.factories.warehouses import migrated_warehouse

RUN = RunRef("run-1", "script_embeddings")
START = datetime(2026, 1, 5, 9, 0)


class SteppingClock:
    """Stops at an instant until a test moves it."""

    def __init__(self, start: datetime = START) -> None:
        self.present = start

    def now(self) -> datetime:
        return self.present

    def step(self, **delta: float) -> None:
        self.present += timedelta(**delta)


class HashedWordsEmbedder:
    """Not a model: the sum of one pseudo-random vector a word, seeded by its hash.

    Texts that share words are near. `embedded` keeps every text it was given.
    """

    provider = "local"
    max_batch = 64
    max_request_tokens = 1_000_000
    max_input_tokens = 8192

    def __init__(self, model: str = "hashed-words", dimensions: int = 48) -> None:
        self.model = model
        self.dimensions = dimensions
        self.embedded: list[str] = []
        self.calls = 0

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        self.calls += 1
        self.embedded += texts
        rows = np.stack([self._vector(text) for text in texts])
        return EmbeddingAnswer(rows, TokenUsage(sum(map(self.count_tokens, texts))))

    def _vector(self, text: str) -> np.ndarray:
        total = np.zeros(self.dimensions)
        for word in re.findall(r"\w+", text.lower()) or [text]:
            digest = hashlib.sha256(word.encode()).digest()
            seed = int.from_bytes(digest[:8], "big")
            total += np.random.default_rng(seed).normal(size=self.dimensions)
        return (total / np.linalg.norm(total)).astype(np.float32)


class CorpusFactory:
    """Everything of the corpus stage on one temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = folder / "library"
        self.library.mkdir(exist_ok=True)
        self.clock = SteppingClock()
        self.warehouse = migrated_warehouse(folder / "w.duckdb", self.clock.now)
        self.ledger = Ledger(self.warehouse, self.clock, sleep=lambda seconds: None)
        self.embedder = HashedWordsEmbedder()
        self.index = FaissIndex(folder / "index", "scripts")

    def copied(self, folder: Path) -> CorpusFactory:
        """The same corpus, at the same instant, in a folder that does not exist yet.

        Its embedder has been given the same texts. Close the warehouse before.
        """
        shutil.copytree(self.folder, folder)
        copy = CorpusFactory(folder)
        copy.clock.present = self.clock.present
        copy.embedder.embedded = list(self.embedder.embedded)
        copy.embedder.calls = self.embedder.calls
        return copy

    def lent(self, folder: Path) -> Iterator[CorpusFactory]:
        """A copy in a new folder to be changed, closed in the end: for a fixture."""
        copy = self.copied(folder / "copy")
        yield copy
        copy.warehouse.close()

    @property
    def namespace(self) -> str:
        return self.space.namespace

    @property
    def space(self) -> Space:
        return Space.of(self.embedder)

    def write(self, name: str, hook: str = "A hook.", **front: Any) -> Path:
        """A library file; `body`, `cta` and front matter by name."""
        body = front.pop("body", "Some words about it.")
        cta = front.pop("cta", "Save this.")
        lines = [f"{key}: {value}" for key, value in front.items()]
        head = "---\n" + "\n".join(lines) + "\n---\n" if lines else ""
        path = self.library / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{head}# {hook}\n\n{body}\n\nCTA: {cta}\n", encoding="utf-8")
        return path

    def sync(self) -> CorpusChange:
        """Every file is read: whether one has settled would depend on the machine."""
        library = FolderLibrary(str(self.library), now_ns=lambda: 0)
        return sync_corpus(self.warehouse, library, self.clock)

    def embed(self, batch_size: int = 100, max_in_flight: int = 1) -> EmbeddingRun:
        return embed_missing(
            self.warehouse,
            self.ledger,
            self.embedder,
            self.clock,
            RUN,
            batch_size,
            max_in_flight,
        )

    def plan(self, **options: Any) -> EmbeddingPlan:
        with self.warehouse.transaction() as con:
            return plan_embedding(con, self.embedder, **options)

    def sync_index(self, index: Any = None) -> IndexChange:
        return sync_index(self.warehouse, index or self.index, self.clock, self.space)

    def materialise(self) -> tuple[CorpusChange, EmbeddingRun, IndexChange]:
        """Materialise the three assets of the stage once."""
        return self.sync(), self.embed(), self.sync_index()

    def retriever(
        self,
        embedder_of: EmbedderOf | None = None,
        least_relevance: float = LEAST_RELEVANCE,
    ) -> Retriever:
        return Retriever(
            self.warehouse,
            self.index,
            self.embedder,
            self.ledger,
            embedder_of,
            least_relevance,
        )

    def retrieve(
        self,
        query: str,
        k: int = 3,
        embedder_of: EmbedderOf | None = None,
        least_relevance: float = LEAST_RELEVANCE,
        **options: Any,
    ) -> list[RetrievedScript]:
        retriever = self.retriever(embedder_of, least_relevance)
        return retriever.retrieve(RUN, query, k, **options)

    def active(self) -> dict[str, dict[str, Any]]:
        with self.warehouse.transaction() as con:
            rows = fetch_dicts(con, "SELECT * FROM current_scripts ORDER BY 1")
        return {row["script_id"]: row for row in rows}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.transaction() as con:
            return con.execute(sql).fetchall()

    def insert(self, table: str, *rows: dict[str, Any]) -> None:
        with self.warehouse.transaction() as con:
            merge_rows(con, table, rows)

    def indexed(self) -> list[str]:
        return list(self.index.list_ids(self.namespace))

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table, to compare before and after."""
        with self.warehouse.transaction() as con:
            return {
                table: fetch_dicts(con, f"SELECT * FROM {table} ORDER BY ALL")
                for table in KEYS
            }

    def decide(
        self,
        experiment_id: str,
        decision: str = "winner",
        shrunken_lift: float = 0.2,
        **winner: str,
    ) -> None:
        """A decision as the results stage writes it; `winner_*` columns by name."""
        self.insert(
            "decisions",
            {
                "experiment_id": experiment_id,
                "decided_at": self.clock.now(),
                "decision": decision,
                "winner_variant_id": winner.get("winner_variant_id"),
                "winner_script_id": winner.get("winner_script_id"),
                "winner_revision_hash": winner.get("winner_revision_hash"),
                "shrunken_lift": shrunken_lift,
            },
        )

    def add_variant(self, variant_id: str, text: str) -> None:
        """A variant that a month of generation made, with its topic."""
        hook, _, body = text.partition("\n\n")
        self.insert(
            "variants",
            {
                "variant_id": variant_id,
                "month": "2026-01",
                "topic_id": "topic-1",
                "hook_style": "story",
                "hook": hook,
                "body": body,
                "call_to_action": "",
                "text": text,
                "revision_hash": text_hash(text),
            },
        )
        self.insert(
            "topics",
            {
                "month": "2026-01",
                "topic_id": "topic-1",
                "topic": "herbs",
                "language": "en",
            },
        )
