"""A month's candidate that runs on this machine, compared by log-probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from ig_assets.adapters.local_models import writer as local_writer
from ig_assets.adapters.local_models.pool import WriterPool
from ig_assets.adapters.local_models.serving.server import ServerAddress
from ig_assets.adapters.local_models.writer import LocalWriter
from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.adapters.openai.writer import OpenAIWriter
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.fine_tuning.evaluation.evaluation import EvaluationSummary
from ig_assets.core.fine_tuning.pipeline import FineTuning, evaluate_month
from ig_assets.core.fine_tuning.training_set.examples import training_prompt
from ig_assets.core.generation.pipeline import GenerationContext, GenerationOptions
from ig_assets.core.models.registry import ModelName
from ig_assets.core.ports import Writer
from ig_assets.defs import partitions
from ig_assets.defs.fine_tuning.assets import model_evaluation
from ig_assets.defs.fine_tuning.checks import candidate_passes_the_gate
from ig_assets.errors import MalformedAnswerError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.stand_ins.llama_server import LlamaStandIn

PAIRS = 36
EMBEDS = "text-embedding-3-small"
TUNED = "lora/base+0123"
WON = "Stop, {0} is easier.\n\nTake one. Wait a day. Look again.\n\nSave this for {0}."
LOST = "Some words about {0}.\n\nIt is good. It is old. It is here.\n\nThat is all."
RUN = RunRef("run-1", "model_evaluation", MONTH)


def likes(text: str, scale: float) -> float:
    """Winners are the likelier with the adapter, losers without, but for some topics.

    Both are as likely of 1 and 10 to 19, and winners likelier of 2 and 20 to 29.
    """
    is_likely = ("Save this for" in text) is (scale == 1.0 or "topic 2" in text)
    return -0.5 if is_likely or "topic 1" in text else -1.0


@dataclass
class Local:
    """The base model, and an adapter of it that a job trained, behind one server."""

    env: FineTuningFactory
    server: LlamaStandIn
    folder: Path
    hosted: str = ""

    def writer(self, name: str) -> Writer:
        if name == self.hosted:
            return OpenAIWriter(name, "key", base_url=self.server.base_url)
        adapter = self.folder / "adapter.gguf" if name == TUNED else None
        one = LocalWriter(
            self.folder,
            lambda: self.folder / "base.gguf",
            name,
            name,
            adapter_file=None if adapter is None else lambda: adapter,
        )
        return WriterPool([one])

    def contexts(self) -> tuple[FineTuning, GenerationContext]:
        env, base = self.env, ModelName("local", "base")
        ledger = Ledger(env.warehouse, env.clock, (), sleep=lambda _: None)
        embedder = OpenAIEmbedder("key", EMBEDS, 48, base_url=self.server.base_url)
        tuning = FineTuning(
            clock=env.clock,
            warehouse=env.warehouse,
            ledger=ledger,
            trainers=(),
            base=base,
            space=Space(EMBEDS, 48),
            folder=env.folder,
            seed=7,
            with_ads=False,
            evaluation_topics=PAIRS,
        )
        generation = GenerationContext(
            clock=env.clock,
            warehouse=env.warehouse,
            ledger=ledger,
            embedder=embedder,
            index=None,  # type: ignore[arg-type]
            writers=self.writer,
            embedder_of=lambda space: embedder,
            base=base,
            polisher=base,
            options=GenerationOptions(7, 2, 0.7, 0, 0.0, 0.0, Path("none"), 0, 1),
        )
        return tuning, generation

    def evaluate(self) -> EvaluationSummary:
        return evaluate_month(*self.contexts(), MONTH, RUN).summary


@pytest.fixture
def local(
    env: FineTuningFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Local]:
    env.write(
        "fine_tune_jobs",
        {
            "job_id": "j1",
            "intent_key": "k1",
            "month": MONTH,
            "provider": "lora",
            "base_model": "base",
            "status": "succeeded",
            "model_name": TUNED,
            "submitted_at": datetime(2026, 4, 1),
        },
    )
    for number in range(PAIRS):
        topic = f"topic {number}"
        env.write(
            "training_examples",
            {
                "month": MONTH,
                "example_id": f"x{number:02}",
                "kind": "dpo",
                "split": "validation",
                "group_id": f"g{number}",
                "prompt": training_prompt(topic, "question", "en"),
                "completion": WON.format(topic),
                "rejected": LOST.format(topic) if number else "No script.",
            },
        )
    with LlamaStandIn(likes) as server:

        def found(*_: object, **__: object) -> ServerAddress:
            adapter = str((tmp_path / "adapter.gguf").resolve())
            return ServerAddress(server.base_url, "key", (adapter,))

        monkeypatch.setattr(local_writer, "ensure_server", found)
        yield Local(env, server, tmp_path)


def test_a_local_candidate_is_compared_by_log_probabilities_and_not_by_a_judge(
    local: Local,
) -> None:
    found = local.evaluate()
    assert found.accuracy is not None
    # Of 36 pairs one is no script; the ties count for neither model.
    assert found.accuracy.likelihood_pairs == 35
    assert found.accuracy.accuracy == pytest.approx(24 / 35)
    assert found.accuracy.accuracy_of_active == pytest.approx(11 / 35)
    assert (found.preference, found.passed) == ("better", True)
    asked = [body.get("lora") for body in local.server.bodies("/completion")]
    scales = [one[0]["scale"] for one in asked if one]
    assert len(scales) == 4 * 35 and scales.count(1.0) == 70
    schemas = {str(b.get("response_format")) for b in local.server.bodies()}
    assert not any("Judgement" in schema for schema in schemas)
    [row] = local.env.read(
        "SELECT count(*) AS calls, min(input_tokens) AS asked, sum(cost_usd) AS cost "
        "FROM api_calls WHERE operation = 'judge' AND model = ? AND output_tokens > 0",
        TUNED,
    )
    assert row["calls"] >= 70 and row["asked"] > 0


def test_a_server_that_writes_other_tokens_gives_no_figure_and_the_gate_stays_closed(
    local: Local,
) -> None:
    local.server.writes_others = True
    with pytest.raises(MalformedAnswerError, match="other tokens"):
        local.evaluate()
    assert local.env.read("SELECT * FROM evaluations") == []


def test_beside_a_hosted_model_a_judge_is_asked(local: Local) -> None:
    local = replace(local, hosted=TUNED)
    found = local.evaluate()
    assert found.accuracy is None and local.server.bodies("/completion") == []


def test_the_asset_and_its_check_show_the_accuracy_with_its_interval(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "make_clock", lambda settings: local.env.clock)
    tuning, generation = local.contexts()
    result = dg.materialize(
        [model_evaluation, candidate_passes_the_gate],
        partition_key=MONTH,
        resources={
            "fine_tuning": tuning,
            "generation": generation,
            "warehouse": local.env.warehouse,
            "clock": local.env.clock,
        },
    )
    [made] = result.asset_materializations_for_node("model_evaluation")
    [check] = result.get_asset_check_evaluations()
    assert check.passed
    for metadata in (made.metadata, check.metadata):
        found = {name: value.value for name, value in metadata.items()}
        assert found["likelihood_pairs"] == 35
        assert found["accuracy_of_active"] == pytest.approx(11 / 35)
        assert found["accuracy_low"] < found["accuracy"] < found["accuracy_high"]
        assert 0 < found["difference_low"] < found["accuracy_difference"]
