"""Lets only one of the processes that share a home submit a job, by a lease.

The intent's row names the folder that submits the job, and when the lease ends. The
lease is written with the intent and checked again right before the job is created, so
that a process that was suspended does not create it a second time. After a crash, a
process of the same folder continues at once (its lock file proves that no other process
of the folder is submitting); another machine has to wait until `LEASE` has passed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from platform import node

from ig_assets.core.identity import stable_id
from ig_assets.errors import TransientVendorError
from ig_assets.warehouse.warehouse import Connection

LEASE = timedelta(minutes=15)
"""Length of a lease; it exceeds an upload and a vendor's answer, a minute each."""

_TAKE = """
UPDATE fine_tune_jobs
SET submitter = $1, submitter_until = $2
WHERE job_id = $3
  AND status = 'submitting'
  AND (submitter = $1 OR submitter_until IS NULL OR submitter_until <= $4)
"""


def submitter_of(folder: Path) -> str:
    """Return a name that identifies a machine's folder without containing its path."""
    return stable_id("submitter", node(), str(folder.resolve()))


def take(con: Connection, job_id: str, submitter: str, now: datetime) -> None:
    """Take the lease of a job that is being submitted, or renew it.

    `now` is real time. Raises TransientVendorError if another submitter holds the
    lease, or if the job has been submitted.
    """
    con.execute(_TAKE, [submitter, now + LEASE, job_id, now])
    found = con.execute(
        "SELECT status, submitter, submitter_until FROM fine_tune_jobs "
        "WHERE job_id = ?",
        [job_id],
    ).fetchall()
    [(status, holder, until)] = found
    if status == "submitting" and holder == submitter:
        return
    raise TransientVendorError(
        (
            f"Another machine is submitting the job {job_id}, or broke off; "
            f"look at it again after {until:%Y-%m-%d %H:%M} UTC."
            if status == "submitting"
            else f"Another machine has submitted the job {job_id} meanwhile."
        ),
        outcome_unknown=False,
    )
