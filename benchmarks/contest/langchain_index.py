"""LangChain: `index()` with its record manager, into Chroma.

Batches of 100 in one request each; it offers no requests in parallel. `cached` puts
CacheBackedEmbeddings before the client, which LangChain has and does not ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contest.entrant import BATCH, COLLECTION, MODEL, Place
from contest.reading import read_files
from langchain_chroma import Chroma
from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_classic.indexes import SQLRecordManager
from langchain_classic.storage import LocalFileStore
from langchain_core.documents import Document
from langchain_core.indexing import index
from langchain_openai import OpenAIEmbeddings


class LangChain:
    """One collection and its record manager."""

    def __init__(
        self, place: Place, cleanup: str = "full", cached: bool = False
    ) -> None:
        self._place = place
        self._cleanup = cleanup
        self._cached = cached

    def sync(self) -> None:
        """Load every document and index it; a document's source is its file."""
        records = SQLRecordManager(
            "chroma/scripts", db_url=f"sqlite:///{self._place.state / 'records.sqlite'}"
        )
        records.create_schema()
        index(
            self._documents(),
            records,
            self._store(),
            batch_size=BATCH,
            cleanup=self._cleanup,
            source_id_key="source",
            key_encoder="sha256",
        )

    def _documents(self) -> Iterator[Document]:
        for file in read_files(self._place.library):
            metadata = {"source": file.name, **file.metadata}
            yield Document(page_content=file.text, metadata=metadata)

    def _store(self) -> Chroma:
        from chromadb.config import Settings

        return Chroma(
            collection_name=COLLECTION,
            embedding_function=self._embeddings(),
            persist_directory=str(self._place.state / "chroma"),
            client_settings=Settings(
                anonymized_telemetry=False,
                is_persistent=True,
                persist_directory=str(self._place.state / "chroma"),
            ),
        )

    def _embeddings(self) -> Any:
        client = OpenAIEmbeddings(
            model=MODEL,
            dimensions=self._place.dimensions,
            base_url=self._place.base_url,
            api_key="not-a-key",
            chunk_size=BATCH,
            check_embedding_ctx_length=False,  # or it downloads a tokenizer
        )
        if not self._cached:
            return client
        return CacheBackedEmbeddings.from_bytes_store(
            client,
            LocalFileStore(self._place.state / "embeddings"),
            namespace=f"{MODEL}-{self._place.dimensions}",
            key_encoder="sha256",
        )
