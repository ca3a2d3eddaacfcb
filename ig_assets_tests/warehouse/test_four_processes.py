"""Four processes with folders of their own materialise at once on one server's home.

Each has its own data folder and Dagster instance, as four hosts have. All sync the same
library first, then each writes another month. `make test-all` runs it for each server.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ig_assets_tests.stand_ins.openai_server import (
    EMBEDDINGS,
    RESPONSES,
    OpenAIStandIn,
)
from ig_assets_tests.warehouse.conftest import MakeHome

PROCESSES, SCRIPTS, TOPICS, ARMS = 4, 6, 1, 2
MONTHS = [f"2026-0{n}" for n in range(1, PROCESSES + 1)]
SCRIPT = """---
id: {name}-{n}
topic: {name}
language: en
---
# Have you tried {name} number {n} like this?

First look at {name} for a while. Then change one thing about it, and only one.
Wait for a day and look at all {n} of them again.

CTA: Save this for later.
"""
WORKER = """
import sys
import dagster as dg
from ig_assets.definitions import defs

month = sys.argv[1]
definitions = defs()
print("ready", flush=True)
sys.stdin.readline()
with dg.DagsterInstance.ephemeral() as instance:
    for job, partition in (("sync_corpus", None), ("generate_month", month)):
        for attempt in range(3):
            done = definitions.resolve_job_def(job).execute_in_process(
                instance=instance, partition_key=partition, raise_on_error=False
            )
            if done.success:
                break
        assert done.success, job
"""
NAMES = ("kettle", "ladder", "mirror", "pillow", "saddle", "teapot")


def make_sources(folder: Path) -> None:
    """A library, and a calendar of four months."""
    (folder / "library").mkdir()
    for n in range(SCRIPTS):
        name = f"{NAMES[n % len(NAMES)]}"
        text = SCRIPT.format(name=name, n=n)
        (folder / "library" / f"{name}-{n}.md").write_text(text)
    (folder / "calendar").mkdir()
    for month in MONTHS:
        lines = [f"month: {month}", "topics:"]
        for n in range(TOPICS):
            lines += [f"  - topic: {NAMES[n]} in {month}", f"    due_on: {month}-10"]
        (folder / "calendar" / f"{month}.yaml").write_text("\n".join(lines) + "\n")


def environment(folder: Path, number: int, url: str, api: str) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("IG_")},
        "IG_DATA_DIR": str(folder / f"host{number}"),
        "IG_WAREHOUSE_URL": url,
        "IG_LIBRARY": str(folder / "library"),
        "IG_CALENDAR": str(folder / "calendar"),
        "IG_CLOCK": "system",
        "IG_WRITER": "openai",
        "IG_EMBEDDER": "openai",
        "IG_OPENAI_EMBEDDING_DIMENSIONS": "64",
        "IG_CONTROL_SHARE": "0",
        "IG_NOVELTY_FLOOR": "0",
        "OPENAI_API_KEY": "sk-never-a-real-one",
        "OPENAI_BASE_URL": api,
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["postgres", "ducklake"])
def test_four_hosts_on_one_home_lose_nothing_and_pay_for_nothing_twice(
    kind: str, make_new_home: MakeHome, tmp_path: Path
) -> None:
    home = make_new_home(kind)
    make_sources(tmp_path)
    with OpenAIStandIn() as api:
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, month],
                env=environment(tmp_path, number, home.url, api.base_url),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=(tmp_path / f"{number}.log").open("w"),
                text=True,
            )
            for number, month in enumerate(MONTHS)
        ]
        for worker in workers:
            assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        codes = [worker.wait(1800) for worker in workers]
        sent = dict(api.requests)
    logs = "\n".join((tmp_path / f"{n}.log").read_text()[-2000:] for n in range(4))
    assert codes == [0] * PROCESSES, logs
    with home.transaction() as con:

        def one(sql: str) -> tuple[int, ...]:
            [row] = con.execute(sql).fetchall()
            return tuple(int(value) for value in row)

        scripts = "SELECT count(*), count(DISTINCT script_id) FROM scripts"
        assert one(scripts) == (SCRIPTS, SCRIPTS)
        embedded = "SELECT count(*), count(DISTINCT content_hash) FROM embeddings"
        rows, distinct = one(embedded)
        assert rows == distinct
        drafts = "SELECT count(*), count(DISTINCT variant_id) FROM drafts"
        texts = PROCESSES * TOPICS * ARMS
        assert one(drafts) == (texts, texts)
        by_month = con.execute("SELECT month, count(*) FROM drafts GROUP BY ALL")
        assert dict(by_month.fetchall()) == {m: TOPICS * ARMS for m in MONTHS}
        ledger = (
            "SELECT count(*) FILTER (WHERE operation IN ('generate', 'polish')), "
            "count(*) FILTER (WHERE operation IN ('ingest', 'query')), "
            "count(*) FILTER (WHERE status <> 'done') FROM api_calls"
        )
        assert one(ledger) == (sent[RESPONSES], sent[EMBEDDINGS], 0)
        twice = (
            "SELECT count(*) FROM (SELECT request_hash FROM api_calls "
            "WHERE operation IN ('generate', 'polish') "
            "GROUP BY request_hash, subject HAVING count(*) > 1)"
        )
        assert one(twice) == (0,)
    home.close()
