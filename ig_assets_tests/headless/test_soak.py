"""A day of sensors and schedules at once, while the vendor fails one call in five."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from ig_assets.errors import IgAssetsError
from ig_assets.headless.runner import Headless, open_headless
from ig_assets.settings import load_settings
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.wiring import Services
from ig_assets_tests.defs.ticking import SCRIPT
from ig_assets_tests.stand_ins.openai_server import EMBEDDINGS, Fault, OpenAIStandIn

START = datetime(2026, 3, 1)
HOURS = int(os.environ.get("SOAK_HOURS", "24"))
SENSORS = ("script_library_sensor", "feedback_sensor", "overdue_runs_sensor")
FAULTS = (Fault(status=429), Fault(status=500), Fault(cut=True), Fault(status=503))
MOST_GROWTH_BYTES = 150_000_000


@pytest.fixture
def vendor() -> Iterator[OpenAIStandIn]:
    """Fails one request in five, in one of four ways, always the same ones."""
    draw = random.Random(7)
    with OpenAIStandIn() as server:
        server.fail(
            *(
                draw.choice(FAULTS) if draw.random() < 0.2 else Fault()
                for _ in range(HOURS * 100)
            ),
            path=EMBEDDINGS,
        )
        yield server


@pytest.fixture
def library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: OpenAIStandIn
) -> Path:
    """An empty library of a data folder whose clock stands at the start."""
    for name, value in {
        "IG_DATA_DIR": str(tmp_path / "data"),
        "IG_LIBRARY": str(tmp_path / "library"),
        "IG_CALENDAR": str(tmp_path / "calendar"),
        "IG_FIRST_MONTH": f"{START:%Y-%m}",
        "IG_EMBEDDER": "openai",
        "OPENAI_API_KEY": "sk-test-soak",
        "OPENAI_BASE_URL": vendor.base_url,
        "IG_OPENAI_EMBEDDING_DIMENSIONS": "64",
        "IG_EMBED_BATCH": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "library").mkdir()
    return tmp_path / "library"


def an_hour(headless: Headless, now: datetime) -> int:
    """Every sensor and schedule of an hour; how many of them ended in a sentence."""
    failures = 0
    steps = [lambda name=name: headless.tick_sensor(name) for name in SENSORS]
    steps.append(lambda: headless.tick_schedule("usage_schedule", now))
    steps.append(headless.automate)
    for step in steps:
        try:
            step()
        except IgAssetsError as error:
            assert "Traceback" not in str(error) and "sk-test" not in str(error)
            failures += 1
    return failures


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.soak
def test_a_day_of_failing_calls_loses_nothing_and_doubles_nothing(
    library: Path, vendor: OpenAIStandIn
) -> None:
    settings = load_settings()
    services, memory = Services(settings), psutil.Process()
    clock = services.clock
    rss: list[int] = []
    with open_headless(settings) as headless:
        events = Path(os.environ["DAGSTER_HOME"])
        sizes = [folder_bytes(events)]
        for hour in range(HOURS):
            now = START + timedelta(hours=hour)
            clock.move_to(now)  # type: ignore[attr-defined]
            for place in range(3):
                name = f"topic-{hour}-{place}"
                (library / f"{name}.md").write_text(SCRIPT.format(name=name))
            an_hour(headless, now)
            gc.collect()
            rss.append(memory.memory_info().rss)
            sizes.append(folder_bytes(events))
        for _ in range(10):  # what the last hour's failures left
            if not an_hour(headless, START + timedelta(hours=HOURS)):
                break
    with services.warehouse.transaction() as con:
        [counts] = fetch_dicts(
            con,
            """
            SELECT
                (SELECT count(*) FROM current_scripts) AS scripts,
                (SELECT count(*) FROM embeddings) AS vectors,
                (SELECT count(*) FROM index_entries) AS entries,
                (SELECT count(DISTINCT content_hash) FROM embeddings) AS contents,
                (SELECT count(*) FROM api_calls WHERE status = 'reserved') AS held,
                (SELECT count(*) FROM api_calls WHERE status = 'done') AS paid,
                (SELECT count(*) FROM api_calls WHERE status <> 'done') AS failed
            """,
        )
    scripts = HOURS * 3
    print(counts, f"event log {(sizes[-1] - sizes[0]) / HOURS * 24 / 1e6:.1f} MB a day")
    print(f"memory {rss[0] / 1e6:.0f} MB, then {rss[-1] / 1e6:.0f} MB")
    assert counts["scripts"] == counts["vectors"] == counts["entries"] == scripts
    assert counts["contents"] == counts["paid"] == scripts and counts["held"] == 0
    assert counts["failed"] > scripts // 20
    assert vendor.requests[EMBEDDINGS] == counts["paid"] + counts["failed"]
    half = len(rss) // 2
    assert rss[-1] - rss[half] < MOST_GROWTH_BYTES
