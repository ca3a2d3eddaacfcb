"""The trainer against what others made: OpenAI's description, and aimock's jobs."""

from __future__ import annotations

from pathlib import Path

from ig_assets.adapters.openai.trainer import OpenAITrainer
from ig_assets_tests.adapters.training_requests import request
from ig_assets_tests.stand_ins.node.aimock import Aimock
from ig_assets_tests.stand_ins.node.openai_contract import Contract

KEY = "sk-test-only"
MODEL = "gpt-4.1-mini-2025-04-14"
JOB = {
    "id": "ftjob-1",
    "object": "fine_tuning.job",
    "created_at": 0,
    "model": MODEL,
    "status": "queued",
    "training_file": "file-1",
    "hyperparameters": {},
    "organization_id": "org-1",
    "result_files": [],
    "seed": 7,
}
ANSWER = JOB | {"filename": "", "data": [], "has_more": False}


def test_a_file_and_a_job_are_sent_as_openai_describes(
    prism: Contract, tmp_path: Path
) -> None:
    before = len(prism.verdicts)
    with prism.client(answer=ANSWER) as client:
        ours = OpenAITrainer(KEY, MODEL, {}, prism.base_url, http_client=client)
        ours.submit(request(tmp_path, MODEL))
    said = prism.verdicts[before:]
    assert [(v.path, v.status) for v in said] == [
        ("/files", 200),
        ("/files", 200),
        ("/fine_tuning/jobs", 200),
    ]


def test_a_job_lives_its_whole_life_in_aimock(vendor: Aimock, tmp_path: Path) -> None:
    ours = OpenAITrainer(KEY, MODEL, {}, vendor.base_url)
    submitted = ours.submit(request(tmp_path, MODEL))
    assert submitted.status == "queued"
    found = OpenAITrainer(KEY, MODEL, {}, vendor.base_url).find("intent1")
    assert found is not None
    assert found.provider_job_id == submitted.provider_job_id
    assert ours.find("never sent") is None
    states = [ours.poll(submitted.provider_job_id) for _ in range(3)]
    assert [state.status for state in states] == ["queued", "running", "succeeded"]
    model = states[-1].model_name
    assert model is not None and model.startswith(f"ft:{MODEL}:")
