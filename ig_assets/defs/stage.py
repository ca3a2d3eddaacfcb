"""The decorator of this project's assets, with everything that they share.

An asset's page shows what its table contains: the name, the columns with their
descriptions from the data dictionary, and after each run a sentence and row counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import dagster as dg

from ig_assets.defs.failures import RETRY_WHEN_BUSY, plain_failures
from ig_assets.defs.metadata import without_empty, zeros_together
from ig_assets.defs.page.about import (
    OWNERS,
    Service,
    asset_tags,
    code_metadata,
    table_metadata,
)
from ig_assets.defs.page.column_lineage import column_lineage
from ig_assets.defs.page.summaries import figures_said, summary
from ig_assets.defs.pod_resources import pod_tags
from ig_assets.settings import load_settings
from ig_assets.warehouse.forgetting.unfinished import unfinished_warning
from ig_assets.warehouse.warehouse import Warehouse

Compute = Callable[..., dg.MaterializeResult]
_SETTINGS = load_settings()


def stage_asset(
    *,
    group: str,
    pool: str,
    description: str,
    table: str,
    kinds: set[str] | None = None,
    rows_of_partition: str | None = None,
    pays_for: Service | None = None,
    has_personal_data: bool = False,
    is_of_the_audience: bool = False,
    **own: Any,
) -> Callable[[Compute], dg.AssetsDefinition]:
    """Return a `dg.asset` decorator with the options that all stages share.

    `pool` limits how many steps write the same tables, or call the same vendor, at a
    time. `kinds` are tags in addition to "python". `table` contains the asset's rows,
    and `rows_of_partition` is the SQL condition for those of a partition, with its key
    as `$1`. `pays_for`, `has_personal_data` and `is_of_the_audience` determine tags
    (`page.about.asset_tags`); `own` are further arguments of `dg.asset`.
    """

    def decorate(compute: Compute) -> dg.AssetsDefinition:
        decorated: Callable[[Compute], dg.AssetsDefinition] = dg.asset(
            group_name=group,
            pool=pool,
            description=description,
            kinds={"python", *(kinds or ())},
            tags=asset_tags(_SETTINGS, pays_for, has_personal_data, is_of_the_audience),
            owners=OWNERS,
            code_version="1",
            retry_policy=RETRY_WHEN_BUSY,
            op_tags=pod_tags(pool),
            metadata=table_metadata(table) | code_metadata(compute, _SETTINGS.code_url),
            **own,
        )
        return decorated(_with_rows(compute, table, rows_of_partition))

    return decorate


def _with_rows(compute: Compute, table: str, of_partition: str | None) -> Compute:
    """Wrap a compute function: add a summary, row counts and column lineage."""

    # Around all of it: a stop before or after the asset's own work is not retried.
    @wraps(compute)
    @plain_failures()
    def run(*arguments: Any, **resources: Any) -> dg.MaterializeResult:
        context: Any = arguments[0] if arguments else resources.get("context")
        warehouse = _warehouse_of(resources)
        with warehouse.transaction() as con:
            unfinished = unfinished_warning(con)
        if unfinished:
            context.log.warning(unfinished)
        result = compute(*arguments, **resources)
        found: dict[str, Any] = without_empty(result.metadata or {})
        if said := summary(compute.__name__, found):
            kept = figures_said(compute.__name__, found)
            found = {"summary": said, **zeros_together(found, kept)}
        if unfinished:
            found["unfinished_forgetting"] = unfinished
        keys = context.partition_keys if of_partition is not None else []
        rows, of_keys = _count(warehouse, table, of_partition, keys)
        found["dagster/row_count"] = rows
        if (sources := column_lineage(compute.__name__)) is not None:
            found["dagster/column_lineage"] = sources
        for key, count in of_keys.items():
            if len(keys) == 1:
                found["dagster/partition_row_count"] = count
            else:  # what the result says is said of each of them
                context.add_asset_metadata(
                    {"dagster/partition_row_count": count}, partition_key=key
                )
        return result._replace(metadata=found)

    return run


def _count(
    warehouse: Warehouse, table: str, of_partition: str | None, keys: Sequence[str]
) -> tuple[int, dict[str, int]]:
    """Return (rows of a table, {partition key: rows of that partition})."""
    with warehouse.transaction() as con:
        ((rows,),) = con.execute(f"SELECT count(*) FROM {table}").fetchall()
        of_keys = {
            key: int(
                con.execute(
                    f"SELECT count(*) FROM {table} WHERE {of_partition}", [key]
                ).fetchall()[0][0]
            )
            for key in keys
        }
    return int(rows), of_keys


def _warehouse_of(resources: Mapping[str, Any]) -> Warehouse:
    """Return the warehouse, which is a resource or an attribute of one."""
    found = [getattr(one, "warehouse", one) for one in resources.values()]
    return next(one for one in found if isinstance(one, Warehouse))
