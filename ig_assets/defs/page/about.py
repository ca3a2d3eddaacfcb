"""What is known of an asset before it runs: owners, tags, table, code, freshness."""

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
    """Tags to select and to filter by; the value says what the tag is about.

    `pays_for` names the port that can be a vendor's, `is_of_the_audience` what rests
    on posts and their figures.
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
    """The name, the columns with their meaning, and the place of a table or view.

    The named views are made in each process, and lie in no schema of the warehouse.
    """
    name = f"ig.{table}" if table in described_tables() else table
    return {
        "dagster/table_name": name,
        "dagster/column_schema": column_schema(table),
        "dagster/uri": warehouse_uri(_SETTINGS.warehouse_location),
    }


def warehouse_uri(location: str) -> str:
    """The warehouse as a reader may know it.

    A file by its path within the workspace, of which another machine has no use; a
    server by its kind alone, since its URL can hold a password. So can a text that is
    no URL, such as `host=db password=...`, which is refused only when it is opened.
    """
    kind, colon, _ = location.partition(":")
    if not colon or not kind.isalpha():
        return "no URL, not shown"
    if kind != "duckdb":
        return kind
    file = Path(location.removeprefix("duckdb:///")).absolute()
    return f"{kind}:{in_workspace(file)}"


def in_workspace(path: Path) -> str:
    """A path relative to the workspace; of one outside, its last part."""
    try:
        return path.relative_to(WORKSPACE).as_posix()
    except ValueError:
        return path.name


def code_metadata(compute: Callable[..., Any], code_url: str | None) -> dict[str, Any]:
    """Where the asset's function is: as text, and with `code_url` as a link.

    Dagster's own reference to a file holds this machine's path.
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
    """None on a simulated clock: the machine's days are none of the loop's."""
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
