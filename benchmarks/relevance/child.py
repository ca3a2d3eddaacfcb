"""Answers the judged queries with the product on PYTHONPATH; prints JSON.

    python benchmarks/relevance/child.py DATA QUERIES [--parts]

DATA is a data folder that this build filled. With `--parts` also cosine alone and
BM25 alone, which only a build that has the module `lexical` knows.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml

K = 5


def main(data: str, queries_file: str, parts: bool) -> None:
    """Print, by system and query id, the scripts that were found: id and topic."""
    os.environ["IG_DATA_DIR"] = data
    from ig_assets.core.corpus.search.retrieve import Retriever
    from ig_assets.core.costs.ledger.ledger import RunRef
    from ig_assets.core.ports import Filters
    from ig_assets.settings import load_settings
    from ig_assets.wiring import Services

    services = Services(load_settings())
    retriever = Retriever(
        services.warehouse,
        services.index,
        services.embedder,
        services.ledger,
        services.embedder_of,
    )
    judged = yaml.safe_load(Path(queries_file).read_text(encoding="utf-8"))
    run = RunRef("benchmark", "search")
    answers: dict[str, dict[str, Any]] = {}
    for asked in judged["queries"] + judged["off_topic"]:
        own = Filters(language=asked["language"])
        for system, nearest, filters in (
            ("search", True, own),
            ("grounding", False, own),
            ("search, any language", True, Filters()),
        ):
            found = retriever.retrieve(
                run, asked["query"], K, nearest=nearest, filters=filters
            )
            answers.setdefault(system, {})[asked["id"]] = [
                [script.script_id, script.topic] for script in found
            ]
        if parts:
            for system, found in _parts(services, asked, run).items():
                answers.setdefault(system, {})[asked["id"]] = found
    print(json.dumps(answers))


def _parts(services: Any, asked: dict[str, Any], run: Any) -> dict[str, Any]:
    """The first five in the query's language by cosine alone and by BM25 alone."""
    import numpy as np

    from ig_assets.core.corpus.embedding.query_cache import embed_queries
    from ig_assets.core.corpus.embedding.spaces import Space
    from ig_assets.core.corpus.search.lexical import lexical_shares

    space = Space.of(services.embedder)
    [vector] = embed_queries(
        services.warehouse, services.ledger, services.embedder, run, [asked["query"]]
    )
    with services.warehouse.transaction() as con:
        rows = con.execute(
            "SELECT s.script_id, s.topic, e.vector FROM current_scripts AS s "
            "JOIN embeddings AS e ON e.content_hash = s.revision_hash "
            "AND e.model = ? AND e.dimensions = ? WHERE s.language = ? ORDER BY 1",
            [space.model, space.dimensions, asked["language"]],
        ).fetchall()
        shares = lexical_shares(
            con, services.index.name, space.namespace, [asked["query"]]
        )
    cosines = np.array([row[2] for row in rows], np.float32) @ vector
    words = np.array([shares.get(row[0], 0.0) for row in rows])
    return {
        name: [
            list(rows[place][:2])
            for place in np.argsort(-score, kind="stable")[:K]
            if score[place] > 0
        ]
        for name, score in (("cosine alone", cosines), ("BM25 alone", words))
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "--parts" in sys.argv)
