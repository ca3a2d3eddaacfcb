"""Starts what runs beside the runner: the endpoint, and one child a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parent.parent
PATIENCE_S = 120.0
SETTLE_S = 1.0

# Nobody phones home, and nobody downloads at run time.
QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "COCOINDEX_DISABLE_USAGE_TRACKING": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_PROXY": "127.0.0.1,localhost",
    "PYTHONWARNINGS": "ignore",
}
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def quiet_environment(checkout: Path = BENCHMARKS.parent) -> dict[str, str]:
    """This environment without proxies, and a checkout that can be imported."""
    kept = {k: v for k, v in os.environ.items() if k.lower() not in _PROXIES}
    paths = [str(checkout / "benchmarks"), str(checkout), kept.get("PYTHONPATH", "")]
    return {**kept, **QUIET, "PYTHONPATH": os.pathsep.join(p for p in paths if p)}


class Endpoint:
    """The fake embedding endpoint; a context manager."""

    def __init__(self, delay_ms: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "contest.endpoint", str(delay_ms)],
            stdout=subprocess.PIPE,
            text=True,
            env=quiet_environment(),
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self._root = f"http://127.0.0.1:{port}"
        self.base_url = f"{self._root}/v1"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *reason: object) -> None:
        self._process.terminate()
        self._process.wait()

    def plan(
        self, answers: int | None = None, then: str = "", forget: bool = False
    ) -> None:
        """After `answers` answers `refuse` or `stall`; counting starts anew."""
        plan = {"answers": answers, "then": then, "forget": forget}
        url = f"{self._root}/control/plan"
        with self._opener.open(url, json.dumps(plan).encode()) as answer:
            answer.read()

    def counts(self) -> dict[str, int]:
        """What came in since the last plan."""
        with self._opener.open(f"{self._root}/control/counts") as answer:
            counts: dict[str, int] = json.loads(answer.read())
        return counts


@dataclass(frozen=True)
class Stand:
    """Where one contestant is run: its interpreter, folders and the endpoint."""

    name: str
    python: str
    library: Path
    scratch: Path
    endpoint: Endpoint
    dimensions: int
    timeout_s: float
    checkout: Path = BENCHMARKS.parent

    def run(self, action: str, state: str = "state", **order: Any) -> dict[str, Any]:
        """One child to its end; a child that dies or hangs is told as `error`."""
        result = self.scratch / "result.json"
        result.unlink(missing_ok=True)
        child = self._start(action, state, result, order)
        try:
            child.wait(self.timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            return {"error": f"ended after {self.timeout_s:.0f} s"}
        if not result.exists():
            lines = self._log.read_text(errors="replace").strip().splitlines()
            return {"error": f"exit {child.returncode}: {(lines or ['?'])[-1][:200]}"}
        told: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return told

    def kill_after(self, answers: int, state: str) -> str | None:
        """A first run, SIGKILLed when that many requests are answered and settled.

        Further requests get no answer, so that they are in flight at the kill.
        Returns why it could not be killed so, if it could not.
        """
        self.endpoint.plan(answers, "stall")
        result = self.scratch / "result.json"
        child = self._start("sync", state, result, {})
        give_up = time.monotonic() + PATIENCE_S
        try:
            while time.monotonic() < give_up and child.poll() is None:
                counts = self.endpoint.counts()
                if counts["answered"] >= answers and counts["stalled"]:
                    time.sleep(SETTLE_S)
                    return None
                time.sleep(0.01)
            return f"ended before {answers} requests were answered"
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    @property
    def _log(self) -> Path:
        return self.scratch / f"{self.name}.log"

    def _start(
        self, action: str, state: str, result: Path, order: dict[str, Any]
    ) -> subprocess.Popen[bytes]:
        order |= {
            "name": "ours" if self.name == "before" else self.name,
            "action": action,
            "library": str(self.library),
            "state": str(self.scratch / state),
            "base_url": self.endpoint.base_url,
            "dimensions": self.dimensions,
            "result": str(result),
        }
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [self.python, "-m", "contest.child", json.dumps(order)],
                stdout=log,
                stderr=log,
                env=quiet_environment(self.checkout),
                start_new_session=True,
            )
