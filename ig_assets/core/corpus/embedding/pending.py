"""Finds the texts of active scripts without a vector, as inputs that fit the model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from ig_assets.core.corpus.embedding.chunking import pool, split_text
from ig_assets.core.corpus.embedding.requests import Input
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.embedding.vector_store import (
    read_vectors,
    stored_hashes,
    write_vectors,
)
from ig_assets.core.identity import text_hash
from ig_assets.core.ports import Clock, Embedder
from ig_assets.warehouse.warehouse import Connection, Warehouse

PAGE = 20_000  # texts in memory at a time
POOLED_TOGETHER = 200

# Opens a short transaction for each read, or returns the one that is already open.
Transaction = Callable[[], AbstractContextManager[Connection]]

_MISSING = """
    SELECT DISTINCT s.revision_hash
    FROM current_scripts AS s
    LEFT JOIN embeddings AS e
        ON e.content_hash = s.revision_hash
        AND e.model = ?
        AND e.dimensions = ?
    WHERE e.content_hash IS NULL
    ORDER BY s.revision_hash
"""

# Three times as fast as `_MISSING`, since it does not look which scripts are active.
_ANY_WITHOUT = """
    SELECT 1
    FROM scripts AS s
    ANTI JOIN (
        SELECT content_hash
        FROM embeddings
        WHERE model = ?
            AND dimensions = ?
    ) AS e
        ON e.content_hash = s.revision_hash
    LIMIT 1
"""

_TEXTS = """
    SELECT revision_hash, min(text) AS text
    FROM scripts
    WHERE revision_hash IN (SELECT unnest(?::TEXT[]))
    GROUP BY revision_hash
    ORDER BY revision_hash
"""


class Inputs:
    """The inputs to embed for many texts, read page by page during the iteration.

    Inputs in `in_flight` are in a batch and are skipped; the texts that depend on them
    are collected in `waiting`. `chunks` maps the content hash of each text that was
    split to a list of (content hash, tokens) of its chunks. `waiting` and `chunks` are
    complete only after the iteration.
    """

    def __init__(
        self,
        transaction: Transaction,
        embedder: Embedder,
        pages: Iterable[Mapping[str, str]],
        hashes: Iterable[str],
        in_flight: Collection[str] = frozenset(),
    ) -> None:
        self.chunks: dict[str, list[tuple[str, int]]] = {}
        self.waiting: set[str] = set()
        self._transaction = transaction
        self._embedder = embedder
        self._pages = pages
        self._taken = set(hashes)
        self._in_flight = in_flight

    def __iter__(self) -> Iterator[Input]:
        for page in self._pages:
            unsplit, chunks = self._page(page)
            yield from unsplit
            yield from self._not_stored(chunks)

    def _page(self, page: Mapping[str, str]) -> tuple[list[Input], list[Input]]:
        """Return (texts that fit the model, chunks of those that do not)."""
        unsplit: list[Input] = []
        chunks: list[Input] = []
        count, limit = self._embedder.count_tokens, self._embedder.max_input_tokens
        for content_hash, text in page.items():
            if content_hash in self._in_flight:
                self.waiting.add(content_hash)
                continue
            tokens = count(text)
            if tokens <= limit:
                unsplit.append(Input(content_hash, text, tokens))
                continue
            parts = [
                Input(text_hash(part), part, count(part))
                for part in split_text(text, limit, count)
            ]
            self.chunks[content_hash] = [(p.content_hash, p.tokens) for p in parts]
            free = [part for part in parts if part.content_hash not in self._in_flight]
            if len(free) < len(parts):
                self.waiting.add(content_hash)
            chunks += free
        return unsplit, chunks

    def _not_stored(self, chunks: list[Input]) -> Iterator[Input]:
        """Yield the chunks without a vector; a chunk of several texts comes once."""
        if not chunks:
            return
        with self._transaction() as con:
            hashes = [chunk.content_hash for chunk in chunks]
            self._taken |= stored_hashes(con, Space.of(self._embedder), hashes)
        for chunk in chunks:
            if chunk.content_hash not in self._taken:
                self._taken.add(chunk.content_hash)
                yield chunk


def missing_revisions(con: Connection, space: Space) -> tuple[list[str], int]:
    """Return (hashes of the revisions without a vector, number of active scripts)."""
    in_space = [space.model, space.dimensions]
    rows = []
    if con.execute(_ANY_WITHOUT, in_space).fetchall():
        rows = con.execute(_MISSING, in_space).fetchall()
    counted = con.execute("SELECT count(*) FROM current_scripts").fetchall()
    return [revision_hash for (revision_hash,) in rows], int(counted[0][0])


def text_pages(
    transaction: Transaction, hashes: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Yield pages of {revision_hash: text}, in the order of the hashes."""
    for start in range(0, len(hashes), PAGE):
        with transaction() as con:
            wanted = list(hashes[start : start + PAGE])
            page = dict(con.execute(_TEXTS, [wanted]).fetchall())
        yield page


def pool_all(
    warehouse: Warehouse,
    space: Space,
    clock: Clock,
    chunks: Mapping[str, list[tuple[str, int]]],
) -> None:
    """Pool and store the vectors of split texts whose chunks all have a vector."""
    texts = list(chunks)
    for start in range(0, len(texts), POOLED_TOGETHER):
        group = texts[start : start + POOLED_TOGETHER]
        with warehouse.transaction() as con:
            hashes = {part for text in group for part, _ in chunks[text]}
            known = read_vectors(con, space, hashes)
            pooled = {
                text: pool(
                    [known[part] for part, _ in chunks[text]],
                    [tokens for _, tokens in chunks[text]],
                )
                for text in group
                if all(part in known for part, _ in chunks[text])
            }
            write_vectors(con, space, pooled, clock.now())
