"""The life of a job of the trainer `lora`, with a stand-in for what trains.

What trains is exercised by `make verify-training`, which needs the extra `train`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from ig_assets.adapters.lora import limits
from ig_assets.adapters.lora.fit.recipe import Recipe
from ig_assets.adapters.lora.gguf_header import BaseFacts
from ig_assets.adapters.lora.job_folder import JobFolder, JobState
from ig_assets.adapters.lora.job_process import work
from ig_assets.adapters.lora.limits import choose_machine, require_disk
from ig_assets.adapters.lora.trainer import MOST_STARTS, LoraTrainer
from ig_assets.errors import RefusedError, SettingsError, TransientVendorError
from ig_assets_tests.adapters.lora.lora_jobs import StandInProcess, dataset, request

QWEN = BaseFacts("qwen2", 24, 630_167_424, 549_888, 896, 151_936)
SHA = "0123456789abcdef" * 4


def test_a_job_runs_with_its_losses_and_becomes_a_named_model(
    trainer: LoraTrainer, process: StandInProcess, tmp_path: Path
) -> None:
    asked = request(dataset(tmp_path / "set"))
    assert trainer.find("intent1") is None
    submitted = trainer.submit(asked)
    assert submitted.status == "running"
    assert trainer.submit(asked) == submitted, "the same key gives the same job"
    assert len(process.started) == 1
    process.end(adapter=SHA, file="x.gguf", trained_tokens=900)
    done = trainer.poll(submitted.provider_job_id)
    assert (done.status, done.model_name) == ("succeeded", "lora/base+0123456789ab")
    assert done.losses == [(1, 2.5, None), (2, 1.5, 2.0)]
    assert done.artifact is not None and done.artifact["rows"] == {
        "sft_train": 12,
        "dpo_train": 2,
    }
    assert done.trained_tokens == 900
    left = {path.name for path in (tmp_path / "lora/jobs/intent1").iterdir()}
    assert "rows.jsonl" not in left, "the words go when the job has ended"


def test_a_job_whose_process_vanished_is_started_again_and_in_the_end_given_up(
    trainer: LoraTrainer, process: StandInProcess, tmp_path: Path
) -> None:
    job = trainer.submit(request(dataset(tmp_path / "set"))).provider_job_id
    with FileLock(tmp_path / "lora/jobs/intent1/.lock", timeout=0):
        assert trainer.poll(job).status == "running"
    assert len(process.started) == 1, "it holds its lock, so that it lives"
    for number in range(2, MOST_STARTS + 1):
        assert trainer.poll(job).status == "running"
        assert len(process.started) == number
    given_up = trainer.poll(job)
    assert given_up.status == "failed"
    assert f"ended {MOST_STARTS} times" in str(given_up.refusal)
    assert not process.started[0].rows.exists()


def test_a_process_that_does_not_hold_its_lock_yet_is_not_started_twice(
    trainer: LoraTrainer, process: StandInProcess, tmp_path: Path
) -> None:
    """It takes seconds to get there, and a command may poll several times a second."""
    path = tmp_path / "lora/jobs/intent1"
    beginning = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", str(path)]
    )
    process.pid = beginning.pid
    job = trainer.submit(request(dataset(tmp_path / "set"))).provider_job_id
    for _ in range(3):
        assert trainer.poll(job).status == "running"
    assert len(process.started) == 1
    beginning.kill()
    beginning.wait()
    trainer.poll(job)
    assert len(process.started) == 2


def test_a_job_is_cancelled_also_where_its_process_is_gone(
    trainer: LoraTrainer, process: StandInProcess, tmp_path: Path
) -> None:
    job = trainer.submit(request(dataset(tmp_path / "set"))).provider_job_id
    with FileLock(tmp_path / "lora/jobs/intent1/.lock", timeout=0):
        assert trainer.cancel(job).status == "running", "its process will see it"
    cancelled = trainer.poll(job)
    assert (cancelled.status, cancelled.model_name) == ("cancelled", None)
    assert trainer.cancel(job) == cancelled, "what has ended stays as it is"
    assert len(process.started) == 1


def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    trainer: LoraTrainer, tmp_path: Path
) -> None:
    few = request(dataset(tmp_path / "few", examples=4), lines=4)
    with pytest.raises(RefusedError, match="6 are missing"):
        trainer.submit(few)
    folder = dataset(tmp_path / "changed")
    with (folder / "dpo_train.jsonl").open("a") as more:
        more.write("{}\n")
    with pytest.raises(RefusedError, match="not the file that its manifest names"):
        trainer.submit(request(folder))
    assert not list((tmp_path / "lora").glob("jobs/*"))
    with pytest.raises(RefusedError, match="is gone; submit the month again"):
        trainer.poll("lora-unknown")


def test_a_process_that_finds_other_rows_than_those_of_its_job_fails_it(
    trainer: LoraTrainer, process: StandInProcess, tmp_path: Path
) -> None:
    """The process's own code, up to where it would need torch."""
    trainer.submit(request(dataset(tmp_path / "set")))
    folder = process.started[0]
    folder.rows.write_bytes(b"")
    work(folder, tmp_path / "adapters")
    assert folder.state().status == "failed"
    assert "does not have the rows of the job" in str(folder.state().reason)
    work(folder, tmp_path / "adapters")
    assert folder.state().starts == 2, "a job that has ended is not done again"


def test_losses_after_the_last_checkpoint_are_dropped_and_half_lines_ignored(
    tmp_path: Path,
) -> None:
    folder = JobFolder(tmp_path)
    folder.write_state(JobState("running"))
    for step in (1, 2, 3):
        folder.add_loss(step, step / 2, None)
    with folder.losses.open("a") as lines:
        lines.write("[4, 1.")
    assert [point[0] for point in folder.loss_curve()] == [1, 2, 3]
    folder.keep_losses(2)
    assert folder.loss_curve() == [(1, 0.5, None), (2, 1.0, None)]


def test_memory_and_disk_that_do_not_suffice_are_said_with_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(limits, "_device", lambda: "cpu")
    assert choose_machine(QWEN, Recipe(), 16 << 30).dtype == "float32"
    assert choose_machine(QWEN, Recipe(), 7_000_000_000).dtype == "bfloat16"
    with pytest.raises(TransientVendorError, match="needs .* GB of free memory"):
        choose_machine(QWEN, Recipe(), 2 << 30)
    full = shutil._ntuple_diskusage(100, 99, 1)  # type: ignore[attr-defined]
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda folder: full)
    with pytest.raises(TransientVendorError, match="GB of free disk"):
        require_disk(QWEN, Recipe(), tmp_path)


def test_a_missing_extra_is_named_with_its_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "PACKAGES", ("json", "surely_not_installed"))
    with pytest.raises(SettingsError, match=r"not installed \(missing: surely"):
        limits.require_packages()
