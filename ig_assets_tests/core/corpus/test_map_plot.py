"""The map is a small picture of the corpus, the same for the same corpus."""

from __future__ import annotations

import hashlib

import numpy as np

from ig_assets.core.corpus.map_plot import corpus_map, principal_components
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory

PNG = b"\x89PNG\r\n\x1a\n"


def draw(corpus: CorpusFactory) -> bytes:
    return corpus_map(
        corpus.warehouse, corpus.embedder.model, corpus.embedder.dimensions
    )


def test_an_empty_corpus_is_a_picture_too(corpus: CorpusFactory) -> None:
    assert draw(corpus).startswith(PNG)


def test_the_same_corpus_is_the_same_picture_and_a_winner_changes_it(
    corpus: CorpusFactory,
) -> None:
    for n in range(5):
        corpus.write(f"{n}.md", id=n, hook=f"Hook number {n}.")
    corpus.materialise()
    first = draw(corpus)
    assert first.startswith(PNG) and draw(corpus) == first
    corpus.decide("e1", winner_script_id="library/3")
    assert draw(corpus) != first


def test_a_large_corpus_stays_a_small_picture(corpus: CorpusFactory) -> None:
    rng = np.random.default_rng(7)
    hashes = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(3500)]
    corpus.insert(
        "scripts",
        *(
            {"script_id": h, "revision_hash": h, "origin": o}
            for n, h in enumerate(hashes)
            for o in [("library", "history", "winner")[n % 3]]
        ),
    )
    corpus.insert(
        "script_status",
        *(
            {
                "script_id": h,
                "changed_at": corpus.clock.now(),
                "status": "active",
                "revision_hash": h,
            }
            for h in hashes
        ),
    )
    corpus.insert(
        "embeddings",
        *(
            {
                "content_hash": h,
                "model": corpus.embedder.model,
                "dimensions": corpus.embedder.dimensions,
                "vector": rng.normal(size=corpus.embedder.dimensions).tolist(),
            }
            for h in hashes
        ),
    )
    assert len(draw(corpus)) < 60_000


def test_two_groups_are_apart_on_the_map() -> None:
    rng = np.random.default_rng(7)
    groups = np.repeat([[0.0] * 8, [5.0] * 8], 20, axis=0)
    points = principal_components(groups + rng.normal(scale=0.1, size=(40, 8)))
    assert points.shape == (40, 2)
    assert (points[:20, 0] < 0).all() and (points[20:, 0] > 0).all()
    assert principal_components(np.zeros((1, 8))).tolist() == [[0.0, 0.0]]
