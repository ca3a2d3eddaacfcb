"""What a contestant is, and who takes part. Standard library and numpy only."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contest.stores import Store

MODEL = "text-embedding-3-small"
COLLECTION = "scripts"
BATCH = 100
IN_FLIGHT = 4


@dataclass(frozen=True)
class Place:
    """Where a contestant works; `state` is its own folder, empty at the first run."""

    library: Path
    state: Path
    base_url: str
    dimensions: int


class Contestant(Protocol):
    """Made anew, in a process of its own, for every run; imports when it is made."""

    def sync(self) -> None:
        """Make the store say what the folder says; raise when something failed."""
        ...


@dataclass(frozen=True)
class Entry:
    """A contestant and its store by `module:class`, and what the report tells of it."""

    contestant: str
    store: str
    about: str
    packages: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    store_options: Mapping[str, Any] = field(default_factory=dict)
    peer: bool = True

    def make_contestant(self, place: Place) -> Contestant:
        """Import and make it; raises ImportError where its packages are missing."""
        made: Contestant = _named(self.contestant)(place, **self.options)
        return made

    def make_store(self, place: Place) -> Store:
        """The reader of its vector store."""
        made: Store = _named(self.store)(place, **self.store_options)
        return made


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _langchain(about: str, **options: Any) -> Entry:
    return Entry(
        "contest.langchain_index:LangChain",
        "contest.stores:ChromaStore",
        f"Chroma (persistent), SQLRecordManager on SQLite, cleanup {about}",
        ("langchain-core", "langchain-classic", "langchain-openai", "chromadb"),
        options,
        {"name_field": "source"},
    )


def _llama_index(about: str, **options: Any) -> Entry:
    return Entry(
        "contest.llama_index_pipeline:LlamaIndex",
        "contest.stores:ChromaStore",
        f"Chroma (persistent), SimpleDocumentStore, upserts_and_delete, {about}",
        ("llama-index-core", "llama-index-embeddings-openai", "chromadb"),
        options,
        {"name_field": "document_id"},
    )


ENTRIES: dict[str, Entry] = {
    "ours": Entry(
        "contest.ours:Ours",
        "contest.stores:FaissStore",
        "FAISS, DuckDB warehouse",
        ("openai", "faiss-cpu", "duckdb"),
        peer=False,
    ),
    "before": Entry(
        "contest.ours:Ours",
        "contest.stores:FaissStore",
        "ours, of another checkout (--before)",
        ("openai", "faiss-cpu", "duckdb"),
        peer=False,
    ),
    "langchain": _langchain("full"),
    "langchain-incremental": _langchain("incremental", cleanup="incremental"),
    "langchain-cached": _langchain("full, CacheBackedEmbeddings", cached=True),
    "llama_index": _llama_index("the path is metadata"),
    "llama_index-no-path": _llama_index(
        "the path is the id only", path_in_metadata=False
    ),
    "cocoindex": Entry(
        "contest.cocoindex_app:CocoIndex",
        "contest.stores:SqliteStore",
        "SQLite with sqlite-vec, its own state in LMDB",
        ("cocoindex", "litellm", "sqlite-vec"),
    ),
}
