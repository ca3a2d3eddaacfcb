"""Of machines that share a home, one makes a fine-tune job."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Event

import pytest

from ig_assets.core.fine_tuning.jobs.submit import submit_job
from ig_assets.core.fine_tuning.training_set.dataset_files import (
    DatasetFile,
    DatasetSummary,
)
from ig_assets.core.ports import TrainingEstimate, TrainingRequest, TrainingState
from ig_assets.errors import TransientVendorError
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.cases import with_further
from ig_assets_tests.warehouse.conftest import HOMES, NOW, MakeHome

MONTH = "2026-03"


class FixedClock:
    def now(self) -> datetime:
        return NOW


class SlowVendor:
    """Makes a job when the other machine has been refused; lists none meanwhile."""

    provider, base_model, notice = "vendor", "base", ""

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.other_refused = Event()

    def find(self, intent_key: str) -> TrainingState | None:
        return None

    def estimate(self, request: TrainingRequest) -> TrainingEstimate | None:
        return None

    def submit(self, request: TrainingRequest) -> TrainingState:
        self.submitted.append(request.intent_key)
        assert self.other_refused.wait(120), "the other machine was not refused"
        return TrainingState("running", "job")

    def poll(self, provider_job_id: str) -> TrainingState:
        raise AssertionError("nobody polls")


def dataset(folder: Path) -> DatasetSummary:
    """A set of one line in the data folder of a machine."""
    path = folder / MONTH / "sft_train.jsonl"
    path.parent.mkdir(parents=True)
    roles = ("user", "assistant")
    line = json.dumps({"messages": [{"role": r, "content": "x"} for r in roles]})
    path.write_text(line + "\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = DatasetFile("sft", "train", path, digest, 1, 2)
    return DatasetSummary(MONTH, (file,), digest, ("x",), 1, 2)


@pytest.mark.parametrize("kind", with_further(HOMES, tried=1))
def test_of_two_machines_at_once_one_makes_the_job(
    kind: str, make_new_home: MakeHome, tmp_path: Path
) -> None:
    home, vendor = make_new_home(kind), SlowVendor()
    with home.transaction() as con:  # so that it has its tables
        con.execute("SELECT 1")

    def machine(name: str) -> str:
        warehouse = Warehouse(home.url, lambda: NOW)
        found = dataset(tmp_path / name)
        try:
            job = submit_job(warehouse, FixedClock(), vendor, MONTH, found, 7)
        except TransientVendorError as error:
            vendor.other_refused.set()
            return str(error).split(" the job ")[0]
        return job.status

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(machine, ("one", "two")))
    assert said == ["Another machine is submitting", "running"]
    assert len(vendor.submitted) == 1
