"""Rows name the model that was proven to be served, whatever an answer claims.

llama.cpp's server answers with its own alias whatever was asked for (xllamacpp
2026.10.11549), so that a name in an answer proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ig_assets.adapters.local_models import writer as local_writer
from ig_assets.adapters.local_models.serving.server import ServerAddress
from ig_assets.adapters.local_models.writer import LocalWriter
from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.core.corpus.embedding.query_cache import embed_queries
from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.core.generation.writing.arms import WritingModel
from ig_assets.core.generation.writing.held_out import write_held_out
from ig_assets.core.generation.writing.write import Sampling
from ig_assets_tests.core.corpus.embedding.batch_api.batch_factory import (
    MODEL,
    BatchFactory,
)
from ig_assets_tests.core.generation.generation_factory import (
    MONTH,
    GenerationFactory,
)
from ig_assets_tests.factories.warehouses import cells
from ig_assets_tests.stand_ins.openai_batches import BatchStandIn
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn

LIE = "gpt-9-lies"
SERVED = "qwen.gguf@sha256:0123456789ab"


class LocalFactory(GenerationFactory):
    """Writes with the local writer, whose server is a stand-in that lies."""

    def writer(self, model: WritingModel) -> LocalWriter:  # type: ignore[override]
        folder = Path("never made")
        return LocalWriter(folder, lambda: Path("never read"), "qwen", SERVED)


@pytest.fixture
def server() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn() as server:
        server.claims = LIE
        yield server


@pytest.fixture
def env(
    tmp_path: Path, server: OpenAIStandIn, monkeypatch: pytest.MonkeyPatch
) -> LocalFactory:
    def found(*_: object, **__: object) -> ServerAddress:
        return ServerAddress(server.base_url, "key")

    monkeypatch.setattr(local_writer, "ensure_server", found)
    return LocalFactory(tmp_path, server.base_url)


def test_no_row_of_the_local_writer_has_the_name_that_its_answers_claim(
    env: LocalFactory, server: OpenAIStandIn
) -> None:
    """Drafts, polishes and the judge's texts: no cell of any table has the lie."""
    env.topics("bread", "salt")
    drafted = env.draft(env.arms())
    env.polish()
    run = RunRef("run-1", "model_evaluation", MONTH)
    writer = env.writer(WritingModel("m", "local", "qwen", "qwen"))
    judged = write_held_out(
        env.ledger, writer, "Topic: bread", [], Sampling(0.7, 3), run
    )
    assert drafted.written and judged, "the stand-in was asked and its texts were used"
    for table in ("drafts", "polish_attempts"):
        named = env.read(f"SELECT DISTINCT model FROM {table}")
        assert named == [{"model": SERVED}], table
    called = env.read("SELECT DISTINCT provider, model FROM api_calls")
    assert called == [{"provider": "local", "model": "qwen"}]
    assert LIE not in cells(env.warehouse)


def test_a_vector_is_stored_under_the_model_that_was_asked_for(
    env: LocalFactory, server: OpenAIStandIn
) -> None:
    """Vectors of a space are compared with each other: a claim cannot open another."""
    embedder = OpenAIEmbedder("key", MODEL, 48, base_url=server.base_url)
    run = RunRef("run-1", "search", None)
    embed_queries(env.warehouse, env.ledger, embedder, run, ["sharp knives"])
    assert env.read("SELECT DISTINCT model FROM api_calls") == [{"model": MODEL}]
    assert env.read("SELECT model FROM embeddings") == [{"model": MODEL}]
    assert LIE not in cells(env.warehouse)


def test_a_batch_s_vectors_are_stored_under_the_model_that_was_asked_for(
    tmp_path: Path,
) -> None:
    with BatchStandIn() as vendor:
        env = BatchFactory(tmp_path, vendor)
        env.fill(3)
        env.batch()
        vendor.end(fate=lambda request: "lies")
        env.batch()
        stored = env.rows("SELECT DISTINCT model FROM embeddings")
        assert (stored, len(env.vectors())) == ([(MODEL,)], 3)
        assert "a model that was not asked for" not in cells(env.warehouse)
