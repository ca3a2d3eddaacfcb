"""The phases of the contest, in the order in which every contestant goes through."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contest.entrant import BATCH
from contest.processes import Stand
from contest.scripts import Library

CHANGED_SHARE = 0.01
DELETED = 10
LOST = 50
UPDATED = 300  # of the update that fails in the middle
QUIET_RUNS = 3  # a run without change is short, so its seconds are a median


@dataclass
class Outcome:
    """What one phase of one contestant came to; None is 'not measured'."""

    contestant: str
    phase: str
    scripts: int
    counts: dict[str, int]
    seconds: float | None = None
    cpu_s: float | None = None
    peak_mb: float | None = None
    rows: dict[str, int] = field(default_factory=dict)
    error: str | None = None

    @property
    def is_right(self) -> bool:
        """Every script has exactly its row, and there is no other row."""
        return self.rows.get("right") == self.scripts and not self.rows["orphans"]


@dataclass(frozen=True)
class Course:
    """One contestant on its own copy of the workload."""

    stand: Stand
    library: Library

    def run(self) -> Iterator[Outcome]:
        """Every phase; each is told as soon as it is over."""
        self.stand.endpoint.plan(forget=True)
        yield self._phase("first run")
        yield self._no_change()
        share = max(1, round(CHANGED_SHARE * len(self.library.scripts)))
        self.library.change_words(self.library.pick(share))
        yield self._phase("1 % changed")
        self.library.delete(self.library.pick(DELETED))
        yield self._phase(f"{DELETED} deleted")
        self.library.change_metrics()
        yield self._phase("metrics only")
        yield self._lost_vectors()
        yield from self._failing_update()
        self.library.delete(self.library.twins)
        yield self._phase("5 identical deleted")
        yield self._crash()

    def _phase(self, name: str, state: str = "state") -> Outcome:
        self.stand.endpoint.plan()
        told = self.stand.run("sync", state)
        return self._outcome(name, told, self._truth(), state)

    def _no_change(self) -> Outcome:
        self.stand.endpoint.plan()
        told = [self.stand.run("sync") for _ in range(QUIET_RUNS)]
        outcome = self._outcome("no change", told[0], self._truth())
        outcome.seconds = _median(told, "seconds")
        outcome.cpu_s = _median(told, "cpu_s")
        return outcome

    def _lost_vectors(self) -> Outcome:
        state = self._copy("robbed")
        self.stand.run("lose", state, names=self.library.pick(LOST))
        return self._phase(f"{LOST} vectors lost", state)

    def _failing_update(self) -> Iterator[Outcome]:
        """One request is answered, then every one gets 400; then all is well again."""
        state = self._copy("updated")
        scripts, before = dict(self.library.scripts), self._truth()
        self.library.change_words(self.library.pick(UPDATED))
        both = {name: [*row, before[name][1]] for name, row in self._truth().items()}
        self.stand.endpoint.plan(1, "refuse")
        told = self.stand.run("sync", state)
        yield self._outcome("update fails", told, both, state)
        yield self._phase("… and is repeated", state)
        self.library.restore(scripts)

    def _crash(self) -> Outcome:
        """The counts are those of both runs: the one that was killed and the rerun."""
        self.stand.endpoint.plan(forget=True)
        answers = max(1, len(self.library.scripts) // BATCH // 2)
        problem = self.stand.kill_after(answers, "crashed")
        killed = self.stand.endpoint.counts()
        outcome = self._phase("killed, rerun", "crashed")
        outcome.counts = {
            key: outcome.counts[key] + killed[key] for key in outcome.counts
        }
        outcome.error = problem or outcome.error
        return outcome

    def _outcome(
        self,
        phase: str,
        told: dict[str, Any],
        truth: dict[str, list[Any]],
        state: str = "state",
    ) -> Outcome:
        counts = self.stand.endpoint.counts()
        path = self.stand.scratch / "truth.json"
        path.write_text(json.dumps(truth), encoding="utf-8")
        judged = self.stand.run("judge", state, truth=str(path))
        outcome = Outcome(
            contestant=self.stand.name,
            phase=phase,
            scripts=len(truth),
            counts=counts,
            seconds=told.get("seconds"),
            cpu_s=told.get("cpu_s"),
            peak_mb=told.get("peak_mb"),
            error=told.get("error") or judged.get("error"),
        )
        if "right" in judged:
            keys = ("right", "missing", "stale", "old_metrics", "doubled", "orphans")
            outcome.rows = {key: judged[key] for key in keys}
        return outcome

    def _copy(self, name: str) -> str:
        """What a phase spoils must not spoil the next: it works on a copy."""
        scratch = self.stand.scratch
        shutil.copytree(scratch / "state", scratch / name)
        return name

    def _truth(self) -> dict[str, list[Any]]:
        return {s.name: [s.rate, s.text] for s in self.library.scripts.values()}


def _median(told: list[dict[str, Any]], name: str) -> float | None:
    values = [t[name] for t in told if t.get(name) is not None]
    return statistics.median(values) if values else None


def floor_seconds(folder: Path, runs: int = QUIET_RUNS) -> float:
    """The median time to list, read and hash every file of the folder."""
    return statistics.median(_timed(lambda: _hash_all(folder)) for _ in range(runs))


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _hash_all(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "rb") as file:
                hashlib.sha256(file.read()).hexdigest()
