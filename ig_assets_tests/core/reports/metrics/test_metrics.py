"""The figures are those of the rows, in the formats of Prometheus and DogStatsD."""

from __future__ import annotations

import re
import socket
import threading
import urllib.request
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import duckdb
import pytest
import yaml

from ig_assets.adapters.metrics_server import metrics_server, send_to_datadog
from ig_assets.core.costs.budget import parse_budgets
from ig_assets.core.reports.metrics.collector import MetricsCollector
from ig_assets.core.reports.metrics.metrics import Family, Sample, read_metrics
from ig_assets.core.reports.metrics.text_formats import (
    DATAGRAM_BYTES,
    dogstatsd_datagrams,
    prometheus_text,
)
from ig_assets.errors import InputError, WarehouseBusyError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.warehouses import migrated_warehouse

NOW = datetime(2026, 3, 4, 12)
DEPLOY = Path(__file__).parents[4] / "deploy"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return migrated_warehouse(tmp_path / "w.duckdb", lambda: NOW)


def write(warehouse: Warehouse, table: str, *rows: dict[str, Any]) -> None:
    with warehouse.transaction() as con:
        merge_rows(con, table, list(rows))


def call(call_id: str, status: str = "done", **more: Any) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "run_id": "r",
        "request_hash": call_id,
        "operation": "generate",
        "provider": "openai",
        "model": "gpt-5-mini",
        "status": status,
        "input_tokens": 100,
        "output_tokens": 10,
        "reserved_usd": 0.5,
        "cost_usd": None if status in ("reserved", "unknown") else 0.25,
        "latency_ms": 2000.0,
        "called_at": NOW,
    } | more


def figures(warehouse: Warehouse, budgets: str = "") -> dict[str, float]:
    """Every sample by its name and labels, as Prometheus would show it."""
    with warehouse.transaction() as con:
        found = read_metrics(con, NOW, NOW, parse_budgets(budgets))
    lines = prometheus_text(found).splitlines()
    samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}


def test_calls_tokens_dollars_errors_and_retries_are_those_of_the_ledger(
    warehouse: Warehouse,
) -> None:
    write(
        warehouse,
        "api_calls",
        call("a"),
        call("b", "failed", request_hash="a", cost_usd=0.0),
        call("c", "unknown"),
        call("d", "reserved", latency_ms=None),
    )
    found = figures(warehouse)
    of, by = "ig_assets_", 'operation="generate"'
    model = f'{{{by},provider="openai",model="gpt-5-mini"'
    assert found[f'{of}calls_total{{{by},status="done"}}'] == 1
    assert found[f"{of}calls_in_flight{{{by}}}"] == 1
    assert found[f"{of}call_errors_total{{{by}}}"] == 2
    assert found[f"{of}call_retries_total{{{by}}}"] == 1
    assert found[f'{of}tokens_total{model},direction="input"}}'] == 400
    assert found[f"{of}cost_usd_total{model}}}"] == 0.25 + 0.5
    latency = f"{of}call_latency_seconds"
    assert found[f'{latency}_bucket{{{by},le="1.0"}}'] == 0
    assert found[f'{latency}_bucket{{{by},le="2.5"}}'] == 3
    assert found[f'{latency}_bucket{{{by},le="+Inf"}}'] == 3
    assert (found[f"{latency}_sum{{{by}}}"], found[f"{latency}_count{{{by}}}"]) == (
        6,
        3,
    )


def test_no_total_becomes_smaller_when_a_call_is_settled(warehouse: Warehouse) -> None:
    write(warehouse, "api_calls", call("a"), call("b", "reserved"))
    before = figures(warehouse)
    write(warehouse, "api_calls", call("b", cost_usd=0.01))
    after = figures(warehouse)
    totals = [name for name in before if "_total" in name]
    assert len(totals) > 10
    assert [name for name in totals if after[name] < before[name]] == []
    assert after != before


def test_a_total_of_an_alert_is_there_before_the_first_event(
    warehouse: Warehouse,
) -> None:
    found = figures(warehouse)
    assert found["ig_assets_run_failures_total"] == 0
    assert found['ig_assets_call_errors_total{operation="polish"}'] == 0
    assert found['ig_assets_calls_total{operation="polish",status="done"}'] == 0


def test_budgets_keys_posts_index_and_fine_tunes_are_those_of_their_tables(
    warehouse: Warehouse,
) -> None:
    write(warehouse, "api_calls", call("a", cost_usd=4.0))
    seen = {"name": "OPENAI_API_KEY", "fingerprint": "x"}
    write(
        warehouse,
        "key_sightings",
        seen | {"first_seen_at": NOW - timedelta(days=200)},
        seen | {"fingerprint": "y", "first_seen_at": NOW - timedelta(days=91)},
    )
    post = {"status": "published", "variant_id": "v"}
    write(
        warehouse,
        "posts",
        post | {"post_id": "no figure", "published_at": NOW - timedelta(days=4)},
        post | {"post_id": "too new", "published_at": NOW - timedelta(days=2)},
        post | {"post_id": "too old", "published_at": NOW - timedelta(days=29)},
        post | {"post_id": "read", "published_at": NOW - timedelta(days=9)},
    )
    write(
        warehouse,
        "engagement",
        {
            "post_id": "read",
            "metric": "likes",
            "as_of": NOW - timedelta(days=1),
            "observed_at": NOW,
            "value": 3.0,
        },
    )
    write(warehouse, "topics", {"month": "2026-02", "topic_id": "t"})
    draft = {"variant_id": "v", "created_at": NOW - timedelta(days=2)}
    write(warehouse, "drafts", draft)
    found = figures(warehouse, "day:usd=5, run:usd=1")
    budget = '{budget="day:usd=5",unit="usd"}'
    assert found[f"ig_assets_budget_spent_ratio{budget}"] == 0.8
    assert found[f"ig_assets_budget_left{budget}"] == 1.0
    assert not [name for name in found if "run:usd" in name]
    assert found['ig_assets_key_age_seconds{key="OPENAI_API_KEY"}'] == 91 * 86400
    assert found["ig_assets_posts_with_stale_insights"] == 1
    assert found["ig_assets_fine_tune_of_last_month"] == 0
    assert found['ig_assets_generations{period="day"}'] == 0
    assert found['ig_assets_generations{period="week"}'] == 1
    job = {"job_id": "j", "month": "2026-02", "status": "succeeded"}
    write(warehouse, "fine_tune_jobs", job)
    after = figures(warehouse)
    assert after["ig_assets_fine_tune_of_last_month"] == 1
    assert after['ig_assets_fine_tune_jobs{status="succeeded"}'] == 1


def test_an_index_is_out_of_step_by_what_it_lacks_and_by_what_it_has_too_much(
    warehouse: Warehouse,
) -> None:
    for name in ("both", "missing", "changed"):
        script = {"script_id": name, "revision_hash": "1", "origin": "library"}
        write(warehouse, "scripts", script | {"first_seen_at": NOW, "text": "words"})
        status = {"script_id": name, "revision_hash": "1", "changed_at": NOW}
        write(warehouse, "script_status", status | {"status": "active"})
    space = {"index_name": "scripts", "model": "m", "dimensions": 3}
    write(
        warehouse,
        "index_spaces",
        space | {"namespace": "old", "activated_at": NOW - timedelta(days=9)},
        space | {"namespace": "new", "activated_at": NOW},
    )
    entry = {"index_name": "scripts", "namespace": "new", "revision_hash": "1"}
    write(
        warehouse,
        "index_entries",
        entry | {"script_id": "both"},
        entry | {"script_id": "changed", "revision_hash": "0"},
        entry | {"script_id": "orphan"},
        entry | {"script_id": "missing", "namespace": "old"},
    )
    found = figures(warehouse)
    assert found['ig_assets_corpus_scripts{origin="library"}'] == 3
    assert found["ig_assets_index_out_of_step"] == 3


def test_keys_age_by_the_machines_clock_and_drafts_by_the_loops(
    warehouse: Warehouse,
) -> None:
    real = NOW - timedelta(days=200)
    seen = {"name": "OPENAI_API_KEY", "fingerprint": "x"}
    write(
        warehouse,
        "key_sightings",
        seen | {"first_seen_at": real - timedelta(days=100)},
        seen | {"fingerprint": "y", "first_seen_at": real + timedelta(days=183)},
        {"name": "B", "fingerprint": "z", "first_seen_at": real + timedelta(days=183)},
    )
    drafts = [
        {"variant_id": f"{days}", "created_at": NOW + timedelta(days=days)}
        for days in (-3, 30)
    ]
    write(warehouse, "drafts", *drafts)
    with warehouse.transaction() as con:
        text = prometheus_text(read_metrics(con, NOW, real, ()))
    assert 'ig_assets_key_age_seconds{key="OPENAI_API_KEY"} 8640000' in text
    assert re.search(r'ig_assets_key_age_seconds\{key="B"\} 0(\.0)?$', text, re.M)
    assert re.search(r'ig_assets_generations\{period="week"\} 1(\.0)?$', text, re.M)


# ── the collector ─────────────────────────────────────────────────────────────


def test_a_locked_warehouse_leaves_the_last_good_figures_and_their_age() -> None:
    seconds = [0.0]
    answers: list[Any] = [
        [Family("x", "gauge", "X.", [Sample(7)])],
        WarehouseBusyError("held"),
        duckdb.IOException("gone"),
        [Family("x", "gauge", "X.", [Sample(8)])],
    ]

    def read() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def shown() -> dict[str, float]:
        return {f.name: f.samples[0].value for f in collector.collect()}

    readable, age = "ig_assets_warehouse_readable", "ig_assets_metrics_age_seconds"
    collector = MetricsCollector(read, lambda: seconds[0])
    assert shown() == {"x": 7, readable: 1, age: 0}
    seconds[0] = 4.0
    assert shown() == {"x": 7, readable: 1, age: 4}, "two scrapes, one reading"
    seconds[0] = 30.0
    assert shown() == {"x": 7, readable: 0, age: 30}
    seconds[0] = 60.0
    assert shown() == {"x": 7, readable: 0, age: 60}
    seconds[0] = 90.0
    assert shown() == {"x": 8, readable: 1, age: 0}


def test_whatever_fails_leaves_the_last_good_figures() -> None:
    answers = iter([[ODD]])
    times = iter(range(0, 100, 10))

    def read() -> Sequence[Family]:
        return next(answers)  # then StopIteration, as a locked event log's own error

    collector = MetricsCollector(read, lambda: float(next(times)))
    assert ODD in collector.collect()
    families = collector.collect()
    assert ODD in families
    [readable] = [f for f in families if f.name == "ig_assets_warehouse_readable"]
    assert readable.samples == [Sample(0.0)]


def test_figures_that_were_never_read_have_no_age() -> None:
    def read() -> list[Family]:
        raise WarehouseBusyError("held")

    names = [family.name for family in MetricsCollector(read, lambda: 0.0).collect()]
    assert names == ["ig_assets_warehouse_readable"]


# ── formats ───────────────────────────────────────────────────────────────────

ODD = Family("odd", "gauge", "Back\\slash.", [Sample(0.5, {"name": 'a "b"\\\n|,#'})])


def test_a_label_with_quotes_and_line_breaks_stays_one_line() -> None:
    assert prometheus_text([ODD]) == (
        "# HELP odd Back\\\\slash.\n# TYPE odd gauge\n"
        'odd{name="a \\"b\\"\\\\\\n|,#"} 0.5\n'
    )
    assert b"".join(dogstatsd_datagrams([ODD])) == b'odd:0.5|g|#name:a_"b"\\____'


def test_datagrams_fit_a_frame_and_lose_no_sample() -> None:
    many = Family(
        "ig_assets_x", "gauge", "X.", [Sample(i, {"n": "ü" * 40}) for i in range(99)]
    )
    datagrams = list(dogstatsd_datagrams([many]))
    assert max(map(len, datagrams)) <= DATAGRAM_BYTES and len(datagrams) > 1
    lines = b"\n".join(datagrams).decode().splitlines()
    assert [line.partition("|")[0] for line in lines] == [
        f"ig_assets.x:{i}" for i in range(99)
    ]


def test_a_datadog_agent_receives_the_figures_and_may_be_away() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))
        agent.settimeout(10)
        address = f"127.0.0.1:{agent.getsockname()[1]}"
        assert send_to_datadog(address, [ODD]) == 1
        assert agent.recv(2000).startswith(b"odd:0.5|g|#name:")
    assert send_to_datadog(address, [ODD]) == 1  # UDP: nothing says that it is lost


def test_the_server_answers_metrics_alone() -> None:
    server = metrics_server("127.0.0.1", 0, lambda: [ODD])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            assert answer.read().decode() == prometheus_text([ODD])
            assert answer.headers["Content-Type"].startswith(
                "text/plain; version=0.0.4"
            )
        with pytest.raises(HTTPError, match="404"):
            urllib.request.urlopen(f"{url}/../.env")
        with pytest.raises(InputError, match="choose another"):
            metrics_server("127.0.0.1", server.server_port, lambda: [])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# ── what is shipped ───────────────────────────────────────────────────────────


def test_every_rule_and_panel_uses_figures_that_there_are(warehouse: Warehouse) -> None:
    write(warehouse, "api_calls", call("a"))
    exported = {re.split(r"[{ ]", name)[0] for name in figures(warehouse, "day:usd=5")}
    source = Path(__file__).parents[4] / "ig_assets"
    paths = [p for p in source.rglob("*.py") if "metrics" in str(p.relative_to(source))]
    code = "".join(path.read_text("utf-8") for path in paths)
    exported |= set(re.findall(r'"(ig_assets_\w+)"', code))
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))
    alerts = rules["groups"][0]["rules"]
    texts = [rule["expr"] for rule in alerts]
    texts.append((DEPLOY / "grafana" / "ig_assets.json").read_text("utf-8"))
    used = set(re.findall(r"\big_assets_[a-z_]+", " ".join(texts)))
    assert len(alerts) == 12 and len(used) > 12
    assert used - exported - {"ig_assets_logs"} == set()


def test_every_alert_has_a_test_and_a_section_of_the_runbook() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))
    tests = (DEPLOY / "prometheus" / "alerts_test.yml").read_text("utf-8")
    runbook = (DEPLOY.parent / "docs" / "runbook.md").read_text("utf-8")
    headings = {
        re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip())
        for title in re.findall(r"^#+ (.+)$", runbook, re.MULTILINE)
    }
    alerts = rules["groups"][0]["rules"]
    assert len(alerts) == 12
    assert [a["alert"] for a in alerts if f"alertname: {a['alert']}" not in tests] == []
    sections = {a["annotations"]["runbook"].partition("#")[2] for a in alerts}
    assert sections - headings == set()
