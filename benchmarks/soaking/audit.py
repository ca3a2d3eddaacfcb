"""What must hold at the end: nothing lost, nothing double, and how much was stored."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import TickStatus

from ig_assets.warehouse.rows import fetch_dicts
from soaking.world import Daemons, World

# Each is a list of what is there twice.
DOUBLE = {
    "a request to write that was paid for twice": """
        SELECT request_hash AS what FROM api_calls
        WHERE status = 'done' AND operation IN ('generate', 'polish')
        GROUP BY request_hash, subject HAVING count(*) > 1""",
    "a text that was embedded twice": """
        SELECT request_hash AS what FROM api_calls
        WHERE status = 'done' AND operation = 'ingest'
        GROUP BY ALL HAVING count(*) > 1""",
    "a post with two media": """
        SELECT platform_post_id AS what FROM posts
        WHERE platform_post_id IS NOT NULL GROUP BY ALL HAVING count(*) > 1""",
    "an alert that was sent twice": """
        SELECT alert_key AS what FROM alerts WHERE status = 'sent'
        GROUP BY alert_key, reference HAVING count(*) > 1""",
}
# Each is a list of what should be there and is not.
LOST = {
    "a script without an index entry": """
        SELECT s.script_id AS what FROM current_scripts AS s
        ANTI JOIN index_entries AS i USING (script_id)""",
    "a topic without two variants": """
        SELECT t.topic AS what FROM topics AS t
        LEFT JOIN variants AS v ON v.month = t.month AND v.topic_id = t.topic_id
        GROUP BY t.month, t.topic_id, t.topic HAVING count(v.variant_id) < 2""",
    "a post whose slot is over and that is not out": """
        SELECT post_id AS what FROM posts
        WHERE status NOT IN ('published', 'declined') AND slot < $now - INTERVAL 1 HOUR
        """,
    "a call that is still reserved": """
        SELECT call_id AS what FROM api_calls WHERE status = 'reserved'""",
    "an alert that was not sent": """
        SELECT alert_key AS what FROM alerts WHERE status <> 'sent'""",
}


def audit(world: World, daemons: Daemons) -> tuple[list[str], list[str]]:
    """What is double, and what is lost; a line each."""
    double, lost = [], []
    now = f"TIMESTAMP '{world.time.now():%Y-%m-%d %H:%M:%S}'"
    with world.services.warehouse.transaction() as con:
        for found, queries in ((double, DOUBLE), (lost, LOST)):
            for name, sql in queries.items():
                rows = fetch_dicts(con, sql.replace("$now", now))
                found += [f"{name}: {row['what']}" for row in rows]
        calls = fetch_dicts(con, "SELECT count(*) AS n FROM api_calls")[0]["n"]
        published = fetch_dicts(
            con, "SELECT platform_post_id AS id FROM posts WHERE status = 'published'"
        )
        scripts = fetch_dicts(
            con, "SELECT script_id FROM current_scripts WHERE origin = 'library'"
        )
        failures = fetch_dicts(con, "SELECT run_id FROM run_failures")
    double += _vendors_double(world)
    lost += _vendors_lost(world, {str(row["id"]) for row in published}, calls)
    files = {path.stem for path in world.library.glob("*.md")}
    library = {row["script_id"].rpartition("/")[2] for row in scripts}
    lost += [f"a file that is no script: {name}" for name in sorted(files - library)]
    double += [f"a script without its file: {n}" for n in sorted(library - files)]
    lost += _runs(daemons.instance, {row["run_id"] for row in failures})
    lost += [f"a tick failed: {said[:300]}" for said in daemons.errors]
    return double, lost


def _vendors_double(world: World) -> list[str]:
    """The same words on the platform twice."""
    captions = Counter(media.caption for media in world.vendors.graph.media.values())
    return [f"posted twice: {c[:60]}" for c, times in captions.items() if times > 1]


def _vendors_lost(world: World, published: set[str], calls: int) -> list[str]:
    """Media, requests and vectors of the vendors that the tables do not know."""
    unknown = set(world.vendors.graph.media) - published
    lost = [f"a medium that no post knows: {name}" for name in sorted(unknown)]
    arrived = sum(world.vendors.openai.requests.values())
    if arrived != calls:
        lost.append(f"{arrived} requests arrived at OpenAI, and {calls} are rows")
    return lost


def _runs(instance: dg.DagsterInstance, known: set[str]) -> list[str]:
    """Runs that have not ended, and failures without a row."""
    lost = []
    for record in instance.get_run_records():
        run = record.dagster_run
        named = f"{run.job_name} of {record.create_timestamp:%d %H:%M} {run.run_id}"
        if not run.is_finished:
            lost.append(f"a run that has not ended: {named}")
        if run.status is dg.DagsterRunStatus.FAILURE and run.run_id not in known:
            lost.append(f"a failed run without a row: {named}")
    return lost


def ticks(daemons: Daemons) -> Counter[str]:
    """How many ticks ended how."""
    found: Counter[str] = Counter()
    instance, repository = daemons.instance, daemons.repository
    for one in [*repository.get_sensors(), *repository.get_schedules()]:
        for status in TickStatus:
            of_this = instance.get_ticks(
                one.get_remote_origin_id(), one.selector_id, statuses=[status]
            )
            found[status.value] += len(of_this)
    return found


def stored(home: Path) -> dict[str, int]:
    """Rows and bytes of Dagster's storage: events and ticks."""
    found = {
        "event_rows": 0,
        "event_bytes": sum(
            path.stat().st_size for path in home.rglob("runs/*") if path.is_file()
        ),
        "tick_rows": 0,
        "tick_bytes": 0,
    }
    for file in home.rglob("*.db"):
        rows = _rows(file)
        found["event_rows"] += rows.get("event_logs", 0)
        if "job_ticks" in rows:
            found["tick_rows"] += rows["job_ticks"]
            found["tick_bytes"] += file.stat().st_size
    return found


def _rows(file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as con:
        named = con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = {name for (name,) in named} & {"event_logs", "job_ticks"}
        counts: dict[str, int] = {}
        for name in names:
            [(counts[name],)] = con.execute(f"SELECT count(*) FROM {name}")
        return counts


def calls(world: World) -> dict[str, Any]:
    """Calls by how they ended, and how many were tried again."""
    with world.services.warehouse.transaction() as con:
        rows = fetch_dicts(
            con, "SELECT status, count(*) AS n FROM api_calls GROUP BY ALL ORDER BY ALL"
        )
    return {row["status"]: row["n"] for row in rows}
