"""LlamaIndex: `IngestionPipeline` with a document store, into Chroma.

The document store deduplicates, so the pipeline's own cache of transformations is
off: it would only cost time and memory here. Four requests are in flight.
"""

from __future__ import annotations

import asyncio
from typing import Any

import chromadb
from chromadb.config import Settings
from contest.entrant import BATCH, COLLECTION, IN_FLIGHT, MODEL, Place
from contest.reading import read_files
from llama_index.core import Document, set_global_tokenizer
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.vector_stores.chroma import ChromaVectorStore, base

_MOST_ROWS = 5_000


class LlamaIndex:
    """One pipeline; its document store is a file that is written at the end."""

    def __init__(self, place: Place, path_in_metadata: bool = True) -> None:
        set_global_tokenizer(str.split)  # or it downloads a tokenizer
        # It sends 41,665 rows at once, which Chroma of today refuses.
        base.MAX_CHUNK_SIZE = _MOST_ROWS
        self._place = place
        self._path_in_metadata = path_in_metadata
        self._docstore = place.state / "docstore.json"

    def sync(self) -> None:
        """Run the pipeline over every document, then persist what it remembers."""
        docstore = SimpleDocumentStore()
        if self._docstore.exists():
            docstore = SimpleDocumentStore.from_persist_path(str(self._docstore))
        pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(tokenizer=str.split), self._embedding()],
            docstore=docstore,
            docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
            vector_store=ChromaVectorStore(chroma_collection=self._collection()),
            disable_cache=True,
        )
        asyncio.run(pipeline.arun(documents=self._documents()))
        docstore.persist(str(self._docstore))

    def _documents(self) -> list[Document]:
        documents = []
        for file in read_files(self._place.library):
            metadata = dict(file.metadata)
            if self._path_in_metadata:
                metadata["file_path"] = file.name
            documents.append(
                Document(
                    id_=file.name,
                    text=file.text,
                    metadata=metadata,
                    # By default metrics would be part of the embedded words.
                    excluded_embed_metadata_keys=list(metadata),
                    excluded_llm_metadata_keys=list(metadata),
                )
            )
        return documents

    def _embedding(self) -> OpenAIEmbedding:
        return OpenAIEmbedding(
            model=MODEL,
            dimensions=self._place.dimensions,
            api_base=self._place.base_url,
            api_key="not-a-key",
            embed_batch_size=BATCH,
            num_workers=IN_FLIGHT,
        )

    def _collection(self) -> Any:
        client = chromadb.PersistentClient(
            str(self._place.state / "chroma"),
            settings=Settings(anonymized_telemetry=False),
        )
        return client.get_or_create_collection(COLLECTION)
