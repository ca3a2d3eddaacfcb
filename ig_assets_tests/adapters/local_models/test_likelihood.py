"""The local writer finds how likely a given answer is; with the 0.5B model (marked)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.adapters.local_models import writer as local_writer
from ig_assets.adapters.local_models.files import fetch_model_file
from ig_assets.adapters.local_models.pool import WriterPool
from ig_assets.adapters.local_models.registry import WRITERS
from ig_assets.adapters.local_models.serving.server import ServerAddress
from ig_assets.adapters.local_models.writer import LocalWriter
from ig_assets.adapters.openai.writer import OpenAIWriter
from ig_assets.core.ports import GivesLikelihoods
from ig_assets.errors import MalformedAnswerError, TransientVendorError
from ig_assets_tests.adapters.local_models.test_server import CACHE, stop_server
from ig_assets_tests.stand_ins.llama_server import LlamaStandIn
from ig_assets_tests.stand_ins.openai_server import Fault

ASKED = ("You answer in one sentence.", "What is the capital of France?")


def test_a_local_writer_gives_likelihoods_and_a_hosted_one_does_not() -> None:
    local = LocalWriter(Path("never made"), lambda: Path("never read"), "a", "a")
    assert isinstance(WriterPool([local]), GivesLikelihoods)
    assert not isinstance(OpenAIWriter("a", "key"), GivesLikelihoods)


def test_an_answer_has_the_likelihood_of_its_own_tokens_with_the_writer_s_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = tmp_path / "adapter"
    with LlamaStandIn(lambda text, scale: -1.0 - scale) as server:
        monkeypatch.setattr(
            local_writer,
            "ensure_server",
            lambda *_, **__: ServerAddress(server.base_url, "key", (str(adapter),)),
        )
        base = LocalWriter(tmp_path, lambda: tmp_path, "base", "base")
        tuned = LocalWriter(
            tmp_path, lambda: tmp_path, "tuned", "t", adapter_file=lambda: adapter
        )
        found = [one.answer_likelihood(*ASKED, "Paris.") for one in (base, tuned)]
        assert [(f.log_probability, f.tokens) for f in found] == [(-6.0, 6), (-12.0, 6)]
        assert [f.nats_per_token for f in found] == [-1.0, -2.0]
        assert found[0].prompt_tokens > len("".join(ASKED))
        server.fail(Fault(status=500), path="/completion")
        with pytest.raises(TransientVendorError, match="/completion with 500"):
            base.answer_likelihood(*ASKED, "Paris.")
        server.writes_others = True
        with pytest.raises(MalformedAnswerError):
            base.answer_likelihood(*ASKED, "Paris.")


@pytest.mark.model
def test_the_real_model_finds_what_it_would_write_likelier(tmp_path: Path) -> None:
    model = fetch_model_file(WRITERS["0.5b"], CACHE)
    writer = WriterPool([LocalWriter(tmp_path, lambda: model, "qwen", "qwen")])
    try:
        right, wrong, again = (
            writer.answer_likelihood(*ASKED, f"The capital of France is {city}.")
            for city in ("Paris", "Rome", "Paris")
        )
    finally:
        stop_server(tmp_path)
    assert right == again
    assert 0 > right.nats_per_token > wrong.nats_per_token + 0.2
