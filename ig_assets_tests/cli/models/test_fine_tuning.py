"""`ig-assets fine-tune` on two closed months."""

from __future__ import annotations

import pytest

from ig_assets_tests.cli.shell import FAILED, WRONG_USE, Shell
from ig_assets_tests.headless.loop_fixtures import TurnedLoop

# ── answers ───────────────────────────────────────────────────────────────────


def test_preparing_a_month_again_gives_the_same_files(
    shell: Shell, turned_loop: TurnedLoop
) -> None:
    (before,) = turned_loop.rows(
        "SELECT dataset_hash FROM fine_tune_jobs WHERE month = '2026-01'"
    )
    prepared = shell.answer("fine-tune", "prepare", "--month", "2026-01")
    assert prepared["dataset_hash"] == before["dataset_hash"]


def test_submitting_a_month_again_is_the_same_job(
    shell: Shell, turned_loop: TurnedLoop
) -> None:
    sql = "SELECT job_id FROM fine_tune_jobs WHERE month = '2026-01'"
    (before,) = turned_loop.rows(sql)
    answer = shell.answer("fine-tune", "submit", "--month", "2026-01")
    assert answer["job"]["job_id"] == before["job_id"]
    assert turned_loop.rows(sql) == [before]


# ── wrong use ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("month", ["2026-13", "january", "2026-1"])
def test_a_month_that_is_none_is_wrong_use(shell: Shell, month: str) -> None:
    assert month in shell.complaint(WRONG_USE, "fine-tune", "prepare", "--month", month)


def test_a_month_that_is_not_over_is_wrong_use(shell: Shell) -> None:
    assert "2026-07" in shell.complaint(
        WRONG_USE, "fine-tune", "prepare", "--month", "2026-07"
    )


def test_a_month_without_a_training_set_is_not_submitted(
    shell: Shell, turned_loop: TurnedLoop
) -> None:
    before = turned_loop.counts()
    said = shell.complaint(FAILED, "fine-tune", "submit", "--month", "2025-12")
    assert "Nothing was decided before the end of 2025-12" in said
    assert turned_loop.counts()["fine_tune_jobs"] == before["fine_tune_jobs"]
