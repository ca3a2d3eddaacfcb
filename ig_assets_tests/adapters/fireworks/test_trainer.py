"""Fireworks' trainer by its real SDK against a stand-in; skipped without the extra."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ig_assets.adapters.fireworks.trainer import FireworksTrainer
from ig_assets.errors import AccessError, RefusedError, TransientVendorError
from ig_assets_tests.adapters.training_requests import request

pytest.importorskip("fireworks")
httpx = pytest.importorskip("httpx")

MODEL = "accounts/fireworks/models/qwen2p5-7b-instruct"
ACCOUNT = "/v1/accounts/acme"
JOBS = f"{ACCOUNT}/supervisedFineTuningJobs"
JOB = "ig-intent1"


class StandIn:
    """A STAND-IN for Fireworks' datasets and jobs, as a transport; not Fireworks."""

    def __init__(self) -> None:
        self.datasets: dict[str, str] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.status: dict[str, int] = {}
        self.breaks_upload = False

    def trainer(self, **prices: float) -> FireworksTrainer:
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        return FireworksTrainer(
            "key-test",
            "acme",
            MODEL,
            prices,
            base_url="https://stand-in.test",
            http_client=client,
        )

    def _answer(self, asked: Any) -> Any:
        path, method = asked.url.path, asked.method
        what = f"{method} {path}"
        self.asked.append(what)
        if code := self.status.get(what):
            return httpx.Response(code, json={"message": "quotes a line"})
        if what == f"POST {ACCOUNT}/datasets":
            name = json.loads(asked.read())["datasetId"]
            if name in self.datasets:
                return httpx.Response(409, json={})
            self.datasets[name] = "UPLOADING"
            return httpx.Response(200, json={"name": name})
        if path.endswith(":upload"):
            if self.breaks_upload:
                raise httpx.ReadError("the line broke", request=asked)
            name = path.removeprefix(f"{ACCOUNT}/datasets/").removesuffix(":upload")
            self.datasets[name] = "READY"
            return httpx.Response(200, json={})
        if path.startswith(f"{ACCOUNT}/datasets/"):
            name = path.removeprefix(f"{ACCOUNT}/datasets/")
            return httpx.Response(200, json={"state": self.datasets[name]})
        if what == f"POST {JOBS}":
            name = asked.url.params["supervisedFineTuningJobId"]
            if name in self.jobs:
                return httpx.Response(409, json={})
            self.jobs[name] = {
                **json.loads(asked.read()),
                "name": name,
                "state": "JOB_STATE_CREATING",
            }
            return httpx.Response(200, json=self.jobs[name])
        found = self.jobs.get(path.removeprefix(f"{JOBS}/"))
        return httpx.Response(200 if found else 404, json=found or {})


def test_a_job_under_our_own_id_is_created_once_and_followed(tmp_path: Path) -> None:
    vendor = StandIn()
    ours, asked = vendor.trainer(), request(tmp_path, MODEL)
    assert ours.find("intent1") is None
    state = ours.submit(asked)
    assert (state.status, state.provider_job_id) == ("queued", JOB)
    job = vendor.jobs[JOB]
    assert job["baseModel"] == MODEL and job["epochs"] == 2
    (dataset,) = vendor.datasets
    assert job["dataset"] == f"accounts/acme/datasets/{dataset}"
    assert ours.submit(asked) == state, "the same id makes no second job"
    assert len(vendor.jobs) == 1
    uploads = [what for what in vendor.asked if what.endswith(":upload")]
    assert len(uploads) == 1, "the same content is uploaded once"
    job |= {"state": "JOB_STATE_RUNNING"}
    assert ours.poll(JOB).status == "running"
    job |= {
        "state": "JOB_STATE_COMPLETED",
        "estimatedCost": {"currencyCode": "USD", "units": "1", "nanos": 750000000},
    }
    done = ours.poll(JOB)
    assert (done.status, done.cost_usd) == ("succeeded", 1.75)
    assert done.model_name == f"fireworks/accounts/acme/models/{JOB}"


def test_an_upload_that_broke_is_done_again(tmp_path: Path) -> None:
    vendor = StandIn()
    vendor.breaks_upload = True
    with pytest.raises(TransientVendorError):
        vendor.trainer().submit(request(tmp_path, MODEL))
    assert vendor.jobs == {}
    vendor.breaks_upload = False
    vendor.trainer().submit(request(tmp_path, MODEL))
    assert list(vendor.datasets.values()) == ["READY"] and len(vendor.jobs) == 1


def test_the_estimate_needs_the_teams_own_price(tmp_path: Path) -> None:
    vendor = StandIn()
    asked = request(tmp_path, MODEL)
    assert vendor.trainer().estimate(asked).cost_usd is None
    estimate = vendor.trainer(**{MODEL: 0.5}).estimate(asked)
    assert estimate.cost_usd == pytest.approx(estimate.tokens * 0.5e-6)
    assert vendor.asked == []


@pytest.mark.parametrize(
    "state, ours",
    [
        ("JOB_STATE_FAILED", "failed"),
        ("JOB_STATE_EXPIRED", "failed"),
        ("JOB_STATE_CANCELLED", "cancelled"),
        ("JOB_STATE_PAUSED", "running"),
        ("JOB_STATE_EARLY_STOPPED", "succeeded"),
    ],
)
def test_the_states_of_a_job(tmp_path: Path, state: str, ours: str) -> None:
    vendor = StandIn()
    vendor.trainer().submit(request(tmp_path, MODEL))
    told = {"code": "INVALID_ARGUMENT", "message": "quotes a line"}
    vendor.jobs[JOB] |= {"state": state, "status": told}
    found = vendor.trainer().poll(JOB)
    assert found.status == ours and "quotes" not in (found.refusal or "")


@pytest.mark.parametrize(
    "status, error",
    [
        (401, AccessError),
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
    vendor.status[f"POST {JOBS}"] = status
    with pytest.raises(error) as caught:
        vendor.trainer().submit(request(tmp_path, MODEL))
    assert "quotes" not in str(caught.value)
    assert vendor.asked.count(f"POST {JOBS}") == 1
    with pytest.raises(RefusedError, match="does not know the job ig-9"):
        vendor.trainer().poll("ig-9")
