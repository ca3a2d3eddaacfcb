"""Removes words of forgotten scripts from Dagster's storage on a Postgres server.

`dagster.yaml` names the server. Those of Dagster's tables are searched that hold
events, runs and ticks as JSON. A table with a changed row is rewritten (VACUUM FULL),
as its file would keep the old row otherwise; Dagster's runs wait meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CONFIG = "dagster.yaml"
_COLUMNS = {
    "event_logs": ("event",),
    "asset_keys": ("last_materialization", "asset_details"),
    "asset_event_tags": ("value",),
    "asset_check_executions": ("evaluation_event",),
    "runs": ("run_body",),
    "run_tags": ("value",),
    "bulk_actions": ("body",),
    "job_ticks": ("tick_body",),
    "jobs": ("job_body",),
    "instigators": ("instigator_body",),
    "asset_daemon_asset_evaluations": ("asset_evaluation_body",),
    "kvs": ("value",),
}
_LEFT = (
    "Dagster's storage on a server, which {home} names, was not searched ({why}): "
    "events of earlier versions may quote the script; delete old runs there with "
    "`ig-assets db retain`."
)


def forget_on_server(
    home: Path, sought: list[str], cleaned: Callable[[str], str]
) -> dict[str, Any]:
    """Replace each cell on Dagster's server that contains one of the `sought` texts.

    `home` is Dagster's folder, whose `dagster.yaml` names the server. `cleaned` returns
    a cell's text without the words. Returns {"server_cells": number of changed cells};
    {"left": a sentence that says what was not searched, and why}; or {} if the home
    names no server.
    """
    storage = _storage(home / CONFIG)
    if storage is None:
        return {}
    if not isinstance(postgres := storage.get("postgres"), Mapping):
        return {"left": _LEFT.format(home=CONFIG, why="it is no Postgres")}
    if not sought:
        return {"server_cells": 0}
    try:
        return {"server_cells": _clean(_url(postgres), sought, cleaned)}
    except Exception as error:  # of a driver or of the server, whatever its release
        why = f"{type(error).__name__} at the server"
        return {"left": _LEFT.format(home=CONFIG, why=why)}


def _storage(config: Path) -> Mapping[str, Any] | None:
    """Return the section `storage` of the file.

    Returns None if there is none or it names Dagster's SQLite files.
    """
    import yaml

    try:
        found = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError):
        return None
    storage = found.get("storage") if isinstance(found, Mapping) else None
    return storage if isinstance(storage, Mapping) and "sqlite" not in storage else None


def _url(postgres: Mapping[str, Any]) -> Any:
    """Return the server's address for SQLAlchemy.

    Raises KeyError if it names an environment variable that is not set.
    """
    from sqlalchemy import make_url
    from sqlalchemy.engine import URL

    if "postgres_url" in postgres:
        return make_url(_value(postgres["postgres_url"]))
    parts = {name: _value(value) for name, value in postgres["postgres_db"].items()}
    return URL.create(
        parts.get("scheme") or "postgresql+psycopg2",
        username=parts.get("username"),
        password=parts.get("password"),
        host=parts.get("hostname") or None,
        port=int(parts["port"]) if parts.get("port") else None,
        database=parts.get("db_name"),
        query=parts.get("params") or {},
    )


def _value(value: Any) -> Any:
    """Return a value of the file; `{env: NAME}` stands for an environment variable."""
    is_variable = isinstance(value, Mapping) and set(value) == {"env"}
    return os.environ[value["env"]] if is_variable else value


def _clean(url: Any, sought: list[str], cleaned: Callable[[str], str]) -> int:
    import sqlalchemy as sa

    changed: dict[str, int] = {}
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as con:
        known = set(sa.inspect(con).get_table_names())
        for table in sorted(known & _COLUMNS.keys()):
            for column in _COLUMNS[table]:
                rows = con.execute(
                    sa.text(
                        f'SELECT ctid::text, "{column}" FROM "{table}" WHERE EXISTS ('
                        "SELECT 1 FROM unnest(CAST(:sought AS text[])) AS s(words) "
                        f'WHERE strpos("{column}", s.words) > 0)'
                    ),
                    {"sought": sought},
                ).fetchall()
                for place, cell in rows:
                    if (new := cleaned(cell)) != cell:
                        con.execute(
                            sa.text(
                                f'UPDATE "{table}" SET "{column}" = :new '
                                "WHERE ctid = CAST(:place AS tid)"
                            ),
                            {"new": new, "place": place},
                        )
                        changed[table] = changed.get(table, 0) + 1
    with engine.connect() as con:
        alone = con.execution_options(isolation_level="AUTOCOMMIT")
        for table in changed:
            alone.execute(sa.text(f'VACUUM FULL "{table}"'))
    return sum(changed.values())
