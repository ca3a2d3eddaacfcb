"""What one search costs over many scripts: time, CPU and memory, by part.

    python benchmarks/relevance.py --scale 100000

The texts are six sentences of the sample drawn at random (about 500 characters), their
vectors are random, the topics those of the sample; store FAISS, queries embedded by the
local model.
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[2]
QUERIES = Path(__file__).parent / "queries.yaml"
SEED = 7
AT_ONCE = 10_000
ASKED = 10


def sentences() -> tuple[list[str], list[str]]:
    """Sentences and topics of the sample library and its past."""
    texts, topics = [], []
    for path in sorted((ROOT / "library" / "scripts").glob("*.md")):
        _, front, body = path.read_text(encoding="utf-8").split("---", 2)
        texts.append(body)
        topics.append(yaml.safe_load(front)["topic"])
    past = (ROOT / "library" / "history" / "past_topics.yaml").read_text("utf-8")
    for topic in yaml.safe_load(past)["topics"]:
        texts += [topic["body"], *topic["hooks"].values()]
        topics.append(topic["topic"])
    parts = [p.strip() for t in texts for p in re.split(r"(?<=[.?!])\s", t)]
    return [part for part in parts if len(part) > 20], topics


def fill(services: Any, size: int) -> None:
    """Write `size` active scripts with random vectors, and sync the index."""
    from ig_assets.core.corpus.embedding.spaces import Space
    from ig_assets.core.corpus.embedding.vector_store import write_vectors
    from ig_assets.core.corpus.index.sync import sync_index
    from ig_assets.core.identity import text_hash

    draw = np.random.default_rng(SEED)
    space = Space.of(services.embedder)
    parts, topics = sentences()
    now = services.clock.now()
    for start in range(0, size, AT_ONCE):
        count = min(AT_ONCE, size - start)
        picked = draw.integers(len(parts), size=(count, 6))
        texts = [
            f"{' '.join(parts[i] for i in row)} {start + n}."
            for n, row in enumerate(picked)
        ]
        hashes = [text_hash(text) for text in texts]
        names = [f"library/{start + n}" for n in range(count)]
        about = [topics[i] for i in draw.integers(len(topics), size=count)]
        vectors = draw.normal(size=(count, space.dimensions)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        with services.warehouse.transaction() as con:
            con.execute(
                "INSERT INTO scripts (script_id, revision_hash, origin, topic, hook, "
                "body, call_to_action, text, language, simulated, first_seen_at) "
                "SELECT unnest(?::TEXT[]), unnest(?::TEXT[]), 'library', "
                "unnest(?::TEXT[]), '', '', '', unnest(?::TEXT[]), 'en', FALSE, ?",
                [names, hashes, about, texts, now],
            )
            con.execute(
                "INSERT INTO script_status (script_id, changed_at, status, "
                "revision_hash, reason) SELECT unnest(?::TEXT[]), ?, 'active', "
                "unnest(?::TEXT[]), 'new'",
                [names, now, hashes],
            )
            write_vectors(con, space, dict(zip(hashes, vectors, strict=True)), now)
    sync_index(services.warehouse, services.index, services.clock, space)


def measured(work: Callable[[str], object], queries: list[str]) -> str:
    """Median wall and CPU seconds of one call per query."""
    walls, cpus = [], []
    for query in queries:
        wall, cpu = time.perf_counter(), time.process_time()
        work(query)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return f"{statistics.median(walls):.2f} s | {statistics.median(cpus):.2f} s"


def peak_mb() -> float:
    """The greatest memory of this process so far, in MB."""
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def main(folder: str, size: int) -> None:
    """Fill a data folder in one process, search it in another, print a table."""
    os.environ["IG_DATA_DIR"] = folder
    from ig_assets.core.corpus.embedding.query_cache import embed_queries
    from ig_assets.core.corpus.embedding.spaces import Space
    from ig_assets.core.corpus.search.lexical import lexical_shares
    from ig_assets.core.corpus.search.relevance import views_of
    from ig_assets.core.corpus.search.retrieve import Retriever
    from ig_assets.core.costs.ledger.ledger import RunRef
    from ig_assets.settings import load_settings
    from ig_assets.wiring import Services

    services = Services(load_settings())
    if not Path(folder, "warehouse.duckdb").exists():
        if not (child := os.fork()):
            fill(services, size)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit("the scripts could not be written")
    run = RunRef("benchmark", "search")
    retriever = Retriever(
        services.warehouse,
        services.index,
        services.embedder,
        services.ledger,
        services.embedder_of,
    )
    judged = yaml.safe_load(QUERIES.read_text(encoding="utf-8"))["queries"]
    queries = [asked["query"] for asked in judged if asked["language"] == "en"][:ASKED]
    namespace = Space.of(services.embedder).namespace
    [vector, *_] = embed_queries(
        services.warehouse, services.ledger, services.embedder, run, queries
    )
    services.index.query(namespace, vector.tolist(), 40)  # loads the store
    loaded = peak_mb()

    def words(query: str) -> None:
        with services.warehouse.transaction() as con:
            lexical_shares(con, services.index.name, namespace, views_of(query))

    def store(query: str) -> None:
        services.index.query(namespace, vector.tolist(), 40)

    def search(query: str) -> None:
        retriever.retrieve(run, query, 5, nearest=True)

    print(f"| {size:,} scripts, median of {len(queries)} queries | wall | CPU |")
    print("|---|---|---|")
    print(f"| vector store alone | {measured(store, queries)} |")
    print(f"| words alone | {measured(words, queries)} |")
    print(
        f"| whole search, its topics new to the cache | {measured(search, queries)} |"
    )
    print(f"| whole search, again | {measured(search, queries)} |")
    print(f"| memory with the store loaded; greatest | {loaded:.0f} MB; ", end="")
    print(f"{peak_mb():.0f} MB | |")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
