"""Write topics in a process of its own, one at a time, visible to every page."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ig_assets.core.operations.runbook import UNEXPECTED
from ig_assets.errors import ConflictError

COMMAND = (sys.executable, "-m", "ig_assets.headless.workers.topic_process")
_SILENT = "The writing ended without a word; the log has more."


@dataclass
class TopicJob:
    """The writing of one topic.

    `run_id` is set once it is done, `error` if it failed. `section` is the runbook's
    section for the error, or None if a person stopped it.
    """

    form: Mapping[str, object]
    topic_id: str
    started_s: float
    progress: str = "Starting."
    run_id: str | None = None
    error: str | None = None
    section: str | None = None
    is_stopping: bool = False
    is_over: threading.Event = field(default_factory=threading.Event)
    process: subprocess.Popen[str] | None = None

    @property
    def topic(self) -> str:
        """Return the topic that is written about."""
        return str(self.form["topic"])

    @property
    def seconds(self) -> float:
        """Return the seconds since the job began."""
        return time.monotonic() - self.started_s

    def stop(self) -> None:
        """Ask the job to end, as Ctrl-C does; what is paid for is kept."""
        self.is_stopping = True
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)


class TopicJobs:
    """The jobs of this process: at most one is running, and the last one is kept.

    A job goes on when the page is closed, and is shown again when it is opened.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = list(command)
        self._lock = threading.Lock()
        self.last: TopicJob | None = None

    def start(self, form: Mapping[str, object], topic_id: str) -> TopicJob:
        """Start a job. Raises ConflictError while another topic is being written.

        If the running job has the same form, as after a double click, that job is
        returned.
        """
        with self._lock:
            last = self.last
            if last is not None and not last.is_over.is_set():
                if last.form == form:
                    return last
                raise ConflictError(
                    f"“{last.topic}” is being written; wait until it is done, or stop "
                    "it. Nothing was begun."
                )
            job = TopicJob(dict(form), topic_id, time.monotonic())
            job.process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C in the terminal is the studio's alone
            )
            self.last = job
        reader = threading.Thread(target=_follow, args=(job,), daemon=True)
        reader.start()
        return job


def _follow(job: TopicJob) -> None:
    """Send the form to the process, and record what it prints until it ends."""
    process = job.process
    assert process is not None and process.stdin is not None
    try:
        try:
            with process.stdin as form_file:
                json.dump(job.form, form_file)
        except OSError:  # it ended at once; what it said is read below
            pass
        for line in process.stdout or ():
            _hear(job, line)
        process.wait()
        if job.run_id is None and job.error is None:
            job.error, job.section = _SILENT, UNEXPECTED
    finally:
        job.is_over.set()


def _hear(job: TopicJob, line: str) -> None:
    try:
        said = json.loads(line)
    except ValueError:
        return
    if not isinstance(said, dict):
        return
    job.progress = str(said.get("progress", job.progress))
    if "done" in said:
        job.run_id = str(said["done"])
    if "error" in said:
        job.error, job.section = str(said["error"]), said.get("section")


JOBS = TopicJobs()
"""The jobs of this process."""
