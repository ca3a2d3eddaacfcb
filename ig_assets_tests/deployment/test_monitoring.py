"""Rules and dashboard in the hands of a real Prometheus, where there is one."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ig_assets.adapters.metrics_server import metrics_server
from ig_assets.core.costs.budget import parse_budgets
from ig_assets.core.reports.metrics.collector import MetricsCollector
from ig_assets.core.reports.metrics.metrics import Family, Sample, read_metrics
from ig_assets.core.reports.metrics.text_formats import prometheus_text
from ig_assets.headless.metrics import backup_figures
from ig_assets.settings import load_settings
from ig_assets.warehouse.moving.backups import back_up, owner_of
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.factories.warehouses import migrated_warehouse

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus"
NOW = datetime(2026, 2, 3, 12)
PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")

pytestmark = [
    pytest.mark.further,
    pytest.mark.skipif(
        PROMTOOL is None or PROMETHEUS is None,
        reason="promtool and prometheus are not on the path",
    ),
]


def expressions() -> list[str]:
    rules = yaml.safe_load((RULES / "alerts.yml").read_text("utf-8"))
    board = json.loads((DEPLOY / "grafana" / "ig_assets.json").read_text("utf-8"))
    return [rule["expr"] for rule in rules["groups"][0]["rules"]] + [
        target["expr"] for panel in board["panels"] for target in panel["targets"]
    ]


@pytest.fixture
def collector(tmp_path: Path) -> MetricsCollector:
    """Rows of every table that has figures; calls and failures come with each read."""
    warehouse = migrated_warehouse(tmp_path / "w.duckdb", lambda: NOW)
    reads = [0]

    def calls() -> list[dict[str, Any]]:
        return [
            {
                "call_id": f"{reads[0]}-{place}",
                "operation": "generate",
                "provider": "openai",
                "model": "gpt-5-mini",
                "status": ("done", "failed")[place % 2],
                "input_tokens": 10,
                "output_tokens": 5,
                "cost_usd": 0.01,
                "latency_ms": 100.0 * place**2,
                "called_at": NOW,
            }
            for place in range(12)
        ]

    key = {"name": "OPENAI_API_KEY", "fingerprint": "x"}
    script = {"script_id": "s", "revision_hash": "1"}
    rows: dict[str, dict[str, Any]] = {
        "topics": {"month": "2026-01", "topic_id": "t"},
        "key_sightings": key | {"first_seen_at": NOW - timedelta(days=100)},
        "fine_tune_jobs": {"job_id": "j", "month": "2025-12", "status": "failed"},
        "drafts": {"variant_id": "v", "created_at": NOW},
        "variants": {"variant_id": "v"},
        "scripts": script | {"origin": "library", "first_seen_at": NOW},
        "script_status": script | {"changed_at": NOW, "status": "active"},
        "index_entries": script | {"index_name": "scripts", "namespace": "n"},
    }

    settings = load_settings(data_dir=tmp_path, backups=tmp_path / "backups")
    url = f"duckdb:///{tmp_path / 'w.duckdb'}"
    back_up(url, tmp_path / "none", tmp_path / "backups", NOW, owner_of(tmp_path))

    def read() -> list[Family]:
        reads[0] += 1
        with warehouse.transaction() as con:
            merge_rows(con, "api_calls", calls())
            merge_rows(con, "run_failures", [{"run_id": f"{reads[0]}", "job": "j"}])
            for table, row in rows.items():
                merge_rows(con, table, [row])
            found = read_metrics(con, NOW, NOW, parse_budgets("ever:usd=0.1"))
        done = [Sample(time.time(), {"asset": "topics"})]
        name = "ig_assets_last_success_timestamp_seconds"
        backups = backup_figures(settings, datetime.now(UTC).replace(tzinfo=None))
        return [*found, Family(name, "gauge", "x", done), *backups]

    return MetricsCollector(read, time.monotonic, 0.5)


@pytest.fixture
def prometheus(collector: MetricsCollector, tmp_path: Path) -> Iterator[str]:
    """A live Prometheus that scrapes the exporter each second: its address."""
    assert PROMETHEUS is not None
    exporter = metrics_server("127.0.0.1", 0, collector.collect)
    thread = threading.Thread(target=exporter.serve_forever, args=(0.05,))
    thread.start()
    config = yaml.safe_load((RULES / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "3s", "evaluation_interval": "3s"}
    config["rule_files"] = [str(RULES / "alerts.yml")]
    target = f"127.0.0.1:{exporter.server_port}"
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen(
        [
            PROMETHEUS,
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address={address}",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()
        exporter.shutdown()
        exporter.server_close()
        thread.join()


def asked(address: str, expression: str) -> list[Any]:
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{address}/api/v1/query?{query}") as answer:
        found = json.load(answer)
    assert found["status"] == "success", expression
    return list(found["data"]["result"])


def test_every_alert_fires_and_not_before_its_time() -> None:
    assert PROMTOOL is not None
    for arguments in (["check", "rules", "alerts.yml"], ["check", "config"]):
        files = [] if len(arguments) == 3 else ["prometheus.yml"]
        subprocess.run([PROMTOOL, *arguments, *files], cwd=RULES, check=True)
    done = subprocess.run([PROMTOOL, "test", "rules", "alerts_test.yml"], cwd=RULES)
    assert done.returncode == 0


def test_promtool_finds_no_fault_in_the_text(collector: MetricsCollector) -> None:
    assert PROMTOOL is not None
    text = prometheus_text(collector.collect())
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text, text=True, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, "")


QUIET = {
    "ig_assets_budget_spent_ratio >= 0.8 < 1",
    "ig_assets_posts_with_stale_insights > 0",
    "ig_assets_backups == 0",
    "ig_assets_warehouse_readable == 0",
    "absent(ig_assets_warehouse_readable)",
}
"""What has no answer while nothing is wrong."""


def test_every_expression_runs_on_a_live_prometheus(prometheus: str) -> None:
    """Until all have answered in one round: a busy machine misses some scrapes."""
    assert len(expressions()) > 30
    give_up = time.monotonic() + 300
    quiet: set[str] | None = None
    while quiet != QUIET and time.monotonic() < give_up:
        time.sleep(0.5)
        try:
            quiet = {one for one in expressions() if not asked(prometheus, one)}
        except urllib.error.URLError:  # it is not up yet
            continue
    assert quiet == QUIET
