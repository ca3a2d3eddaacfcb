"""Reads the rows of fine-tune jobs, and finds jobs that need attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ig_assets.core.operations.present import CLOCK_SLACK
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

PASSED_ON = ("refused", "failed")
"""Final states after which the dataset goes to the next trainer of `IG_TRAINER`.

A cancelled job is not among them, since a person wanted it to end.
"""

LONGEST = timedelta(days=3)
"""Age from which an unfinished job is reported; a vendor's job takes hours."""

FINAL = ("succeeded", "failed", "cancelled", "refused")
JOB_STATUSES = ("submitting", "queued", "running", *FINAL)

_COLUMNS = """
SELECT job_id, month, provider, provider_job_id, dataset_hash, base_model,
    intent_key, status, refusal, model_name, artifact, submitted_at, finished_at
FROM fine_tune_jobs
"""


@dataclass(frozen=True)
class JobRow:
    """One job; `status` is one of JOB_STATUSES. Those in FINAL never change.

    `artifact` is the trainer's output as JSON.
    """

    job_id: str
    month: str
    provider: str
    provider_job_id: str | None
    dataset_hash: str
    base_model: str
    intent_key: str
    status: str
    refusal: str | None
    model_name: str | None
    artifact: str | None
    submitted_at: datetime
    finished_at: datetime | None


def unfinished_jobs(con: Connection) -> list[JobRow]:
    """Return jobs that are submitting, queued or running, oldest first."""
    return select_jobs(con, "WHERE status NOT IN (SELECT unnest(?::TEXT[]))", [FINAL])


def unevaluated_jobs(con: Connection) -> list[JobRow]:
    """Return succeeded jobs whose model is not registered or not evaluated.

    The oldest come first. A registered model of a month without held-out pairs is not
    listed.
    """
    return select_jobs(
        con,
        """
        WHERE status = 'succeeded'
          AND NOT EXISTS (
            SELECT 1
            FROM models AS m
            WHERE m.job_id = fine_tune_jobs.job_id
              AND (
                EXISTS (SELECT 1 FROM evaluations AS v WHERE v.model_id = m.model_id)
                OR NOT EXISTS (
                    SELECT 1
                    FROM training_examples AS x
                    WHERE x.month = fine_tune_jobs.month
                      AND x.kind = 'dpo'
                      AND x.split = 'validation'
                )
              )
          )
        """,
    )


def latest_job(con: Connection, month: str) -> JobRow | None:
    """Return the month's newest job, whatever its status, or None."""
    jobs = select_jobs(con, "WHERE month = ?", [month])
    return jobs[-1] if jobs else None


def overdue_notes(jobs: Sequence[JobRow], now: datetime) -> list[str]:
    """Return a sentence for each unfinished job that is older than `LONGEST`.

    A job with a date in the future, from a wrong clock, counts as older.
    """
    return [
        f"Job {job.job_id} is {job.status} at {job.provider} since "
        f"{job.submitted_at:%Y-%m-%d}; look there, and cancel it if it hangs."
        for job in jobs
        if not -CLOCK_SLACK <= now - job.submitted_at <= LONGEST
    ]


def job_of(con: Connection, job_id: str) -> JobRow | None:
    """Return the job with this id, or None."""
    jobs = select_jobs(con, "WHERE job_id = ?", [job_id])
    return jobs[0] if jobs else None


def select_jobs(
    con: Connection, where: str = "", parameters: Sequence[Any] = ()
) -> list[JobRow]:
    """Return the jobs that a WHERE clause selects, oldest first."""
    sql = f"{_COLUMNS} {where} ORDER BY submitted_at, job_id"
    return [JobRow(**row) for row in fetch_dicts(con, sql, list(parameters))]
