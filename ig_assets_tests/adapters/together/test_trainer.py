"""Together's trainer by its real SDK against a stand-in; skipped without the extra."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ig_assets.adapters.together.trainer import TogetherTrainer
from ig_assets.errors import AccessError, RefusedError, TransientVendorError
from ig_assets_tests.adapters.training_requests import request

pytest.importorskip("together")
httpx = pytest.importorskip("httpx")

MODEL = "Qwen/Qwen2.5-7B-Instruct"
TIME = "2026-04-01T00:00:00Z"
URL = "https://stand-in.test"


class StandIn:
    """A STAND-IN for Together's files and jobs, as a transport; not Together."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.created: list[dict[str, Any]] = []
        self.estimated: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.status: dict[str, int] = {}
        self.estimate: dict[str, Any] = {
            "estimation_available": True,
            "allowed_to_proceed": True,
            "estimated_total_price": 1.25,
            "estimated_train_token_count": 2400,
        }

    def trainer(self, method: str = "sft") -> TogetherTrainer:
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        return TogetherTrainer(
            "key-test", MODEL, base_url=URL, http_client=client, method=method
        )

    def end(self, status: str) -> None:
        for job in self.jobs.values():
            job["status"] = status

    def _answer(self, asked: Any) -> Any:
        path, method = asked.url.path.removeprefix("/v1"), asked.method
        what = f"{method} {path}"
        self.asked.append(what)
        if code := self.status.get(what):
            return httpx.Response(code, json={"error": {"message": "quotes a line"}})
        if what == "POST /files":
            headers = {"Location": f"{URL}/up", "X-Together-File-Id": "file-1"}
            return httpx.Response(302, headers=headers)
        if method == "PUT":
            self.files["file-1"] = asked.read()
            return httpx.Response(200)
        if path == "/files/file-1/preprocess":
            return httpx.Response(200, json=_file())
        if what == "DELETE /files/file-1":
            self.files.clear()
            return httpx.Response(200, json={"id": "file-1", "deleted": True})
        if path == "/fine-tunes/estimate-price":
            self.estimated.append(json.loads(asked.read()))
            return httpx.Response(200, json=self.estimate)
        if path.startswith("/fine-tunes/models/limits"):
            return httpx.Response(200, json=_limits())
        if what == "POST /fine-tunes":
            body = json.loads(asked.read())
            self.created.append(body)
            self.jobs["ft-1"] = _job(body)
            return httpx.Response(200, json=self.jobs["ft-1"])
        if what == "GET /fine-tunes":
            return httpx.Response(200, json={"data": list(self.jobs.values())})
        found = self.jobs.get(path.removeprefix("/fine-tunes/"))
        return httpx.Response(200 if found else 404, json=found or {})


def _file() -> dict[str, Any]:
    return {
        "id": "file-1",
        "bytes": 10,
        "created_at": 0,
        "filename": "sft_train.jsonl",
        "FileType": "jsonl",
        "object": "file",
        "Processed": True,
        "purpose": "fine-tune",
        "LineCount": 12,
    }


def _limits() -> dict[str, Any]:
    training = {"max_batch_size": 8, "min_batch_size": 8, "max_batch_size_dpo": 8}
    lora = {**training, "max_rank": 64, "default_rank": 8, "target_modules": ["q"]}
    return {
        "model_name": MODEL,
        "lora_training": lora,
        "full_training": training,
        "max_num_epochs": 20,
        "max_num_checkpoints": 10,
        "default_gradient_accumulation_steps": 1,
        "max_num_evals": 100,
        "max_learning_rate": 1.0,
        "min_learning_rate": 1e-9,
        "max_seq_length_sft": 4096,
        "max_seq_length_dpo": 4096,
        "supports_vision": False,
        "supports_tools": False,
        "supports_reasoning": False,
        "supports_full_training": True,
        "merge_output_lora": False,
    }


def _job(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "ft-1",
        "status": "pending",
        "created_at": TIME,
        "updated_at": TIME,
        "training_file": body["training_file"],
        "model": body["model"],
        "suffix": body["suffix"],
        "model_output_name": f"acme/qwen-{body['suffix']}",
        "adapter_output_name": None,
        "token_count": 0,
    }


def test_a_job_is_estimated_created_followed_and_its_file_deleted(
    tmp_path: Path,
) -> None:
    vendor = StandIn()
    ours, asked = vendor.trainer(), request(tmp_path, MODEL)
    estimate = ours.estimate(asked)
    assert (estimate.tokens, estimate.cost_usd, estimate.allowed) == (2400, 1.25, True)
    assert vendor.created == [], "an estimate starts nothing"
    state = ours.submit(asked)
    assert (state.status, state.provider_job_id) == ("queued", "ft-1")
    (body,) = vendor.created
    assert body["suffix"] == "ig-intent1" and body["n_epochs"] == 2
    assert body["training_method"]["train_on_inputs"] is False
    assert body["training_type"]["type"] == "Lora" and body["random_seed"] == 7
    vendor.end("running")
    assert ours.poll("ft-1").status == "running"
    vendor.end("completed")
    done = ours.poll("ft-1")
    assert done.status == "succeeded"
    assert done.model_name == "together/acme/qwen-ig-intent1"
    assert vendor.files == {}


def test_a_job_whose_answer_was_lost_is_found_by_its_suffix(tmp_path: Path) -> None:
    vendor = StandIn()
    assert vendor.trainer().find("intent1") is None
    vendor.trainer().submit(request(tmp_path, MODEL))
    found = vendor.trainer().find("intent1")
    assert found is not None and found.provider_job_id == "ft-1"
    assert vendor.trainer().find("another") is None


def test_what_the_estimate_forbids_is_said_before_a_job(tmp_path: Path) -> None:
    vendor = StandIn()
    vendor.estimate["allowed_to_proceed"] = False
    assert not vendor.trainer().estimate(request(tmp_path, MODEL)).allowed
    vendor.estimate = {
        "estimation_available": False,
        "unavailable_reason": "train_file_not_validated",
    }
    with pytest.raises(TransientVendorError, match="still checking"):
        vendor.trainer().estimate(request(tmp_path, MODEL))
    vendor.estimate["unavailable_reason"] = "train_file_invalid"
    with pytest.raises(RefusedError, match="train_file_invalid"):
        vendor.trainer().estimate(request(tmp_path, MODEL))


def test_a_line_that_the_sdk_would_pass_is_refused_before_the_upload(
    tmp_path: Path,
) -> None:
    vendor = StandIn()
    with pytest.raises(RefusedError, match="Line 12 .* is not of the format"):
        vendor.trainer().estimate(request(tmp_path, MODEL, broken='{"foo": 1}'))
    with pytest.raises(RefusedError, match="has 4, 6 are missing"):
        vendor.trainer().estimate(request(tmp_path, MODEL, lines=4))
    assert vendor.asked == []


@pytest.mark.parametrize(
    "status, error",
    [
        (401, AccessError),
        (402, RefusedError),
        (403, RefusedError),
        (404, RefusedError),
        (429, TransientVendorError),
        (500, TransientVendorError),
    ],
)
def test_an_error_is_one_of_ours_without_the_vendors_text_and_sent_once(
    tmp_path: Path, status: int, error: type[Exception]
) -> None:
    vendor = StandIn()
    vendor.status["POST /fine-tunes"] = status
    with pytest.raises(error) as caught:
        vendor.trainer().submit(request(tmp_path, MODEL))
    assert "quotes" not in str(caught.value) and "key-test" not in str(caught.value)
    assert vendor.asked.count("POST /fine-tunes") == 1


@pytest.mark.parametrize(
    "vendors, ours",
    [("error", "failed"), ("user_error", "failed"), ("cancelled", "cancelled")],
)
def test_the_other_ends_of_a_job(tmp_path: Path, vendors: str, ours: str) -> None:
    vendor = StandIn()
    vendor.trainer().submit(request(tmp_path, MODEL))
    vendor.end(vendors)
    assert vendor.trainer().poll("ft-1").status == ours
    with pytest.raises(RefusedError, match="does not know the job ft-9"):
        vendor.trainer().poll("ft-9")


def test_preference_pairs_are_checked_sent_and_trained_by_dpo(tmp_path: Path) -> None:
    vendor = StandIn()
    ours, asked = vendor.trainer("dpo"), request(tmp_path, MODEL, method="dpo")
    assert ours.estimate(asked).cost_usd == 1.25
    assert ours.submit(asked).status == "queued"
    assert {e["training_method"]["method"] for e in vendor.estimated} == {"dpo"}
    (body,) = vendor.created
    assert body["training_method"]["method"] == "dpo"
    assert vendor.files["file-1"] == (tmp_path / "dpo_train.jsonl").read_bytes()
    supervised = request(tmp_path, MODEL)
    with pytest.raises(
        RefusedError, match="10 preference pairs or more; the set has 0"
    ):
        ours.estimate(supervised)
    line = '{"input": {"messages": []}, "preferred_output": []}'
    with pytest.raises(RefusedError, match="Line 12 .* is not of the format"):
        ours.estimate(request(tmp_path, MODEL, broken=line, method="dpo"))
