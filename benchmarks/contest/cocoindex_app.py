"""CocoIndex 1.x: an app that mounts every file, into SQLite with sqlite-vec.

Its engine keeps its state in LMDB, so it needs no server. Requests go through its
LiteLLM embedder, at most 64 inputs each (fixed there), in parallel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cocoindex as coco
import numpy as np
import numpy.typing as npt
from cocoindex.connectors import localfs, sqlite
from cocoindex.ops.litellm import LiteLLMEmbedder
from cocoindex.resources.file import FileLike, PatternFilePathMatcher
from cocoindex.resources.schema import VectorSchema
from contest.entrant import COLLECTION, IN_FLIGHT, MODEL, Place
from contest.reading import parse

LIBRARY = coco.ContextKey[Path]("library")
DATABASE = coco.ContextKey[sqlite.ManagedConnection]("scripts_database")
EMBEDDER = coco.ContextKey[LiteLLMEmbedder]("embedder", detect_change=True)


@dataclass
class ScriptRow:
    """A row of the table."""

    name: str
    topic: str
    hook_style: str
    author: str
    language: str
    views: float
    likes: float
    rate: float
    embedding: npt.NDArray[np.float32]


@coco.fn(memo=True)
async def index_file(file: FileLike[Any], table: sqlite.TableTarget[Any]) -> None:
    """One file becomes one row."""
    script = parse(file.file_path.path.as_posix(), await file.read_text())
    vector = await coco.use_context(EMBEDDER).embed(script.text)
    table.declare_row(
        row=ScriptRow(name=script.name, embedding=vector, **script.metadata)
    )


@coco.fn
async def index_folder(dimensions: int) -> None:
    """Every file of the folder is a component of its own."""
    schema = VectorSchema(dtype=np.dtype(np.float32), size=dimensions)
    table = await sqlite.mount_table_target(
        DATABASE,
        COLLECTION,
        await sqlite.TableSchema.from_class(
            ScriptRow, primary_key=["name"], column_overrides={"embedding": schema}
        ),
    )
    files = localfs.walk_dir(
        LIBRARY,
        recursive=True,
        path_matcher=PatternFilePathMatcher(included_patterns=["**/*.md"]),
    )
    await coco.mount_each(index_file, files.items(), table)


class CocoIndex:
    """One app on one SQLite file."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._database = place.state / "scripts.sqlite"

    def sync(self) -> None:
        """Update the app once; a file that failed is told by its statistics."""
        place, database = self._place, self._database

        @coco.lifespan
        def lifespan(builder: coco.EnvironmentBuilder) -> Iterator[None]:
            builder.settings.db_path = place.state / "lmdb"
            with sqlite.managed_connection(str(database), load_vec=True) as connection:
                builder.provide(LIBRARY, place.library)
                builder.provide(DATABASE, connection)
                builder.provide(
                    EMBEDDER,
                    LiteLLMEmbedder(
                        f"openai/{MODEL}",
                        max_inflight_requests=IN_FLIGHT,
                        api_base=place.base_url,
                        api_key="not-a-key",
                        dimensions=place.dimensions,
                    ),
                )
                yield

        app = coco.App(
            "CorpusSync",
            index_folder,
            dimensions=place.dimensions,
        )
        errors = asyncio.run(self._update(app))
        if errors:
            raise RuntimeError(f"{errors} components failed")

    @staticmethod
    async def _update(app: Any) -> int:
        async with coco.runtime():
            handle = app.update()
            await handle
            stats = handle.stats()
            return 0 if stats is None else int(stats.total.num_errors)
