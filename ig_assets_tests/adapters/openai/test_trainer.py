"""The whole life of a job at OpenAI, by the real SDK against a stand-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ig_assets.adapters.openai.trainer import OpenAITrainer
from ig_assets.adapters.training_file import EPOCHS
from ig_assets.core.ports import TrainingFile, TrainingRequest
from ig_assets.errors import AccessError, RefusedError, TransientVendorError
from ig_assets_tests.adapters.training_requests import request as request_of_pairs
from ig_assets_tests.stand_ins.openai_fine_tuning import (
    BASE_URL,
    FILES,
    JOBS,
    FineTuningStandIn,
)

KEY = "sk-test-only"
MODEL = "gpt-4.1-mini-2025-04-14"


def trainer(vendor: FineTuningStandIn, **prices: float) -> OpenAITrainer:
    return OpenAITrainer(
        KEY, MODEL, prices, base_url=BASE_URL, http_client=vendor.client()
    )


def request(folder: Path, key: str = "intent-1", lines: int = 12) -> TrainingRequest:
    files = {}
    for name, count in (("sft_train", lines), ("sft_validation", 2)):
        path = folder / f"{name}.jsonl"
        path.write_text(f'{{"{name}": 1}}\n' * count)
        files[name] = TrainingFile(str(path), f"hash-of-{name}", count, count * 90)
    return TrainingRequest(key, "2026-03", MODEL, "dataset", files, ["x"], 7)


def test_a_job_is_queued_runs_and_becomes_a_model_with_its_curve(
    tmp_path: Path,
) -> None:
    vendor = FineTuningStandIn()
    ours, asked = trainer(vendor), request(tmp_path)
    state = ours.submit(asked)
    assert (state.status, state.provider_job_id) == ("queued", "ftjob-0000")
    (body,) = vendor.bodies
    assert body["seed"] == 7 and body["suffix"] == "ig-assets-2026-03"
    assert body["metadata"] == {"ig_assets_intent": "intent-1", "month": "2026-03"}
    assert body["method"]["supervised"]["hyperparameters"] == {"n_epochs": EPOCHS}
    assert vendor.contents["file-0000"].startswith(b'{"sft_train"')
    vendor.jobs["ftjob-0000"]["status"] = "running"
    for step, loss, valid in ((1, 2.5, None), (2, 2.0, 2.2)):
        vendor.report("ftjob-0000", step, loss, valid)
    running = ours.poll("ftjob-0000")
    assert running.status == "running" and running.model_name is None
    assert running.losses == [(1, 2.5, None), (2, 2.0, 2.2)]
    vendor.end()
    done = ours.poll("ftjob-0000")
    assert (done.status, done.trained_tokens) == ("succeeded", 4_000)
    assert done.model_name == f"ft:{MODEL}:acme::ftjob-0000"


def test_a_file_is_uploaded_once_and_deleted_after_its_last_job(
    tmp_path: Path,
) -> None:
    vendor = FineTuningStandIn()
    ours = trainer(vendor)
    ours.submit(request(tmp_path, "intent-1"))
    ours.submit(request(tmp_path, "intent-2"))
    assert vendor.count("POST", FILES) == 2  # training and validation
    vendor.jobs["ftjob-0000"] |= {"status": "failed", "error": None}
    assert ours.poll("ftjob-0000").status == "failed"
    assert len(vendor.files) == 2, "the other job needs them"
    vendor.end()
    ours.poll("ftjob-0001")
    assert vendor.files == {}
    assert ours.poll("ftjob-0001").status == "succeeded", "gone already is no fault"


@pytest.mark.parametrize("loses_filter", [False, True])
def test_a_job_whose_answer_was_lost_is_found_by_its_key(
    tmp_path: Path, loses_filter: bool
) -> None:
    vendor = FineTuningStandIn()
    vendor.loses_filter = loses_filter
    ours = trainer(vendor)
    ours.submit(request(tmp_path, "another"))
    vendor.loses_answers = True
    with pytest.raises(TransientVendorError) as lost:
        ours.submit(request(tmp_path, "intent-1"))
    assert lost.value.outcome_unknown
    found = trainer(vendor).find("intent-1")
    assert found is not None and found.provider_job_id == "ftjob-0001"
    assert ours.find("never sent") is None
    assert vendor.count("POST", JOBS) == 2, "the SDK does not send a job again"


@pytest.mark.parametrize(
    "refusal, says",
    [
        ((403, "training_not_available", None), "closes self-serve fine-tuning"),
        ((403, "permission_denied", None), "may not start fine-tuning"),
        ((404, "model_not_found", None), "IG_OPENAI_TRAIN_MODEL"),
        ((400, "invalid_value", "model"), "IG_OPENAI_TRAIN_MODEL"),
        ((429, "insufficient_quota", None), "no credit left"),
        ((429, "billing_hard_limit_reached", None), "spend limit"),
        ((400, "invalid_training_file", None), "not valid"),
    ],
)
def test_a_final_no_is_a_refusal_in_words_without_the_vendors_text(
    tmp_path: Path, refusal: tuple[int, str, str | None], says: str
) -> None:
    vendor = FineTuningStandIn()
    vendor.refuses = refusal
    with pytest.raises(RefusedError, match=says) as caught:
        trainer(vendor).submit(request(tmp_path))
    assert "quotes" not in str(caught.value) and KEY not in str(caught.value)


@pytest.mark.parametrize(
    "refusal, error",
    [
        ((401, "invalid_api_key", None), AccessError),
        ((404, "unknown_url", None), AccessError),
        ((429, "rate_limit_exceeded", None), TransientVendorError),
        ((500, "server_error", None), TransientVendorError),
    ],
)
def test_what_a_person_or_time_can_mend_is_no_refusal(
    tmp_path: Path,
    refusal: tuple[int, str, str | None],
    error: type[Exception],
) -> None:
    vendor = FineTuningStandIn()
    vendor.refuses = refusal
    with pytest.raises(error):
        trainer(vendor).submit(request(tmp_path))


def test_a_failure_has_the_vendors_code_and_not_its_words(tmp_path: Path) -> None:
    vendor = FineTuningStandIn()
    ours = trainer(vendor)
    ours.submit(request(tmp_path))
    told = {"code": "invalid_training_file", "message": "line 3 says: secret"}
    vendor.end("failed", error={**told, "param": "training_file"})
    state = ours.poll("ftjob-0000")
    assert (state.status, state.refusal) == (
        "failed",
        "openai gave the job up (invalid_training_file, training_file).",
    )


def test_a_cancelled_job_says_so_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    vendor = FineTuningStandIn()
    ours = trainer(vendor)
    ours.submit(request(tmp_path))
    vendor.end("cancelled", trained_tokens=100)
    state = ours.poll("ftjob-0000")
    assert (state.status, state.trained_tokens) == ("cancelled", 100)
    with pytest.raises(RefusedError, match="does not know the job ftjob-9"):
        ours.poll("ftjob-9")


def test_too_few_examples_are_counted_before_anything_is_sent(tmp_path: Path) -> None:
    vendor = FineTuningStandIn()
    with pytest.raises(RefusedError, match="has 7, 3 are missing"):
        trainer(vendor).estimate(request(tmp_path, lines=7))
    assert vendor.asked == []


def test_the_estimate_counts_every_epoch_at_the_teams_price_first(
    tmp_path: Path,
) -> None:
    vendor = FineTuningStandIn()
    listed = trainer(vendor).estimate(request(tmp_path))
    assert listed.tokens == 2 * 12 * (90 + 10)
    assert listed.cost_usd == pytest.approx(listed.tokens * 5e-6)
    own = trainer(vendor, **{"gpt-4.1-mini": 1.0}).estimate(request(tmp_path))
    assert own.cost_usd == pytest.approx(own.tokens * 1e-6)
    unknown = OpenAITrainer(KEY, "somebodys", {}).estimate(request(tmp_path))
    assert unknown.cost_usd is None


def test_training_lines_are_what_was_written(tmp_path: Path) -> None:
    vendor = FineTuningStandIn()
    trainer(vendor).submit(request(tmp_path))
    sent = vendor.contents["file-0000"].decode().splitlines()
    assert [json.loads(line) for line in sent] == [{"sft_train": 1}] * 12


def test_preference_pairs_train_a_job_by_dpo(tmp_path: Path) -> None:
    vendor = FineTuningStandIn()
    files = request_of_pairs(tmp_path, MODEL, method="dpo")
    ours = OpenAITrainer(
        KEY,
        MODEL,
        {},
        base_url=BASE_URL,
        http_client=vendor.client(),
        method="dpo",
    )
    assert ours.submit(files).status == "queued"
    (body,) = vendor.bodies
    assert body["method"] == {
        "type": "dpo",
        "dpo": {"hyperparameters": {"n_epochs": EPOCHS}},
    }
    assert b"non_preferred_output" in vendor.contents[body["training_file"]]
    with pytest.raises(RefusedError, match="10 preference pairs or more"):
        ours.submit(request(tmp_path))
