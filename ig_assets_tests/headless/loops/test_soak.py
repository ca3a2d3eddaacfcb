"""Hours of all sensors and schedules on a fast clock, with vendors that fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ig_assets.workspace import WORKSPACE
from ig_assets_tests.headless.loop_fixtures import without_settings

pytestmark = pytest.mark.soak


def test_over_a_months_end_nothing_is_lost_and_nothing_double(tmp_path: Path) -> None:
    """Two hours around midnight and two without faults; `make soak` is a whole day."""
    file = tmp_path / "soak.json"
    hours = ["--from", "2026-03-31T23:00", "--hours", "2", "--recovery", "2"]
    done = subprocess.run(
        [sys.executable, "benchmarks/soak.py", *hours, "--json", str(file)],
        cwd=WORKSPACE,
        env=without_settings(os.environ) | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    found = json.loads(file.read_text()) if file.exists() else {}
    assert found, done.stderr
    assert (found["lost"], found["double"]) == ([], [])
    assert sum(failed for _, failed in found["requests"].values()) > 20
    assert found["published"] >= 2 and found["ticks"]["SUCCESS"] > 10
