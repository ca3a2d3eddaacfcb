"""Who may submit a job: one process of all that share a home, for a limited time.

The intent's row names the folder that submits it and until when. The name is written
in the transaction that writes the intent, and asked for again right before the job is
made, so that a process that was asleep does not make what another made meanwhile. A
folder whose process died takes its own job up again at once (its lock file proves that
no other of its processes is at it), another machine after `LEASE`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from platform import node

from ig_assets.core.identity import stable_id
from ig_assets.errors import TransientVendorError
from ig_assets.warehouse.warehouse import Connection

LEASE = timedelta(minutes=15)
"""Longer than an upload and a vendor's answer, which may take a minute each."""

_TAKE = """
UPDATE fine_tune_jobs
SET submitter = $1, submitter_until = $2
WHERE job_id = $3
  AND status = 'submitting'
  AND (submitter = $1 OR submitter_until IS NULL OR submitter_until <= $4)
"""


def submitter_of(folder: Path) -> str:
    """A name for this machine's folder of a month's files, without its words."""
    return stable_id("submitter", node(), str(folder.resolve()))


def take(con: Connection, job_id: str, submitter: str, now: datetime) -> None:
    """Take a job that is submitting, or keep it; the time is that of real clocks.

    Raises TransientVendorError while another submits it, and where it is submitted.
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
