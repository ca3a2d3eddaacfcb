"""Static facts about an asset for its page: owners, tags, table, code, freshness."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import dagster as dg

from ig_assets.defs.metadata import column_schema
from ig_assets.settings import Settings, load_settings
from ig_assets.warehouse.data_dictionary import described_tables
from ig_assets.workspace import WORKSPACE

_SETTINGS = load_settings()
_PACKAGE = Path(__file__).parents[2]

OWNERS = list(_SETTINGS.asset_owners)

Service = Literal["writer", "embedder", "index"]


def asset_tags(
    settings: Settings,
    pays_for: Service | None,
    has_personal_data: bool,
    is_of_the_audience: bool,
) -> dict[str, str]:
    """Return tags for selecting and filtering assets.

    `pays_for` names the port whose vendor may cost money, `is_of_the_audience` is true
    for assets that depend on posts and their figures.
    """
    tags = {}
    vendor = None if pays_for is None else getattr(settings, pays_for)
    if vendor in ("openai", "pinecone"):
        tags["costs_money"] = vendor
    if has_personal_data:
        tags["personal_data"] = "authors"
    if is_of_the_audience and settings.social != "instagram":
        tags["simulated"] = "audience" if settings.social == "simulated" else "replay"
    return tags


def table_metadata(table: str) -> dict[str, Any]:
    """Return the name, the described columns and the location of a table or view.

    The named views are created in each process, and are in no schema of the warehouse.
    """
    name = f"ig.{table}" if table in described_tables() else table
    return {
        "dagster/table_name": name,
        "dagster/column_schema": column_schema(table),
        "dagster/uri": warehouse_uri(_SETTINGS.warehouse_location),
    }


def warehouse_uri(location: str) -> str:
    """Return the warehouse's location without secrets.

    A file is given by its path within the workspace. A server is given by its kind
    only, since its URL may contain a password. A text that is not a URL is not shown,
    since it may contain one too.
    """
    kind, colon, _ = location.partition(":")
    if not colon or not kind.isalpha():
        return "no URL, not shown"
    if kind != "duckdb":
        return kind
    file = Path(location.removeprefix("duckdb:///")).absolute()
    return f"{kind}:{in_workspace(file)}"


def in_workspace(path: Path) -> str:
    """Return a path relative to the workspace; outside of it, only the last part."""
    try:
        return path.relative_to(WORKSPACE).as_posix()
    except ValueError:
        return path.name


def code_metadata(compute: Callable[..., Any], code_url: str | None) -> dict[str, Any]:
    """Return metadata with the file and line of the asset's function.

    It is a text, and with `code_url` also a link. Returns {} if the file is outside
    this package. Dagster's own file reference would contain this machine's path.
    """
    source = Path(inspect.getfile(compute)).resolve()
    if not source.is_relative_to(_PACKAGE):
        return {}
    file = f"{_PACKAGE.name}/{source.relative_to(_PACKAGE).as_posix()}"
    line = inspect.getsourcelines(compute)[1]
    found: dict[str, Any] = {"code": f"{file}:{line}"}
    if code_url is not None:
        link = dg.UrlCodeReference(
            url=f"{code_url.rstrip('/')}/{file}#L{line}", label=file
        )
        found["dagster/code_references"] = dg.CodeReferencesMetadataValue(
            code_references=[link]
        )
    return found


def on_the_systems_clock(
    settings: Settings, policy: dg.FreshnessPolicy
) -> dg.FreshnessPolicy | None:
    """Return the policy, or None on a simulated clock."""
    return None if settings.uses_simulated_clock else policy


# Each schedule has run by then: at 00:30, and at midnight on the first.
BY_SIX_EACH_DAY = on_the_systems_clock(
    _SETTINGS, dg.FreshnessPolicy.cron("0 6 * * *", timedelta(hours=6))
)
BY_THE_SECOND_OF_A_MONTH = on_the_systems_clock(
    _SETTINGS, dg.FreshnessPolicy.cron("0 6 2 * *", timedelta(hours=30))
)
WITHIN_A_MONTH = on_the_systems_clock(
    _SETTINGS, dg.FreshnessPolicy.time_window(timedelta(days=35), timedelta(days=32))
)
