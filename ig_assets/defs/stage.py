"""The decorator of this project's assets: what all of them have in common.

An asset's page shows what its table holds: the name, the columns with their words from
the data dictionary, and after each run the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import dagster as dg

from ig_assets.defs.failures import OWNERS, RETRY_WHEN_BUSY
from ig_assets.defs.metadata import column_schema, without_empty
from ig_assets.defs.pod_resources import pod_tags
from ig_assets.warehouse.warehouse import Warehouse

Compute = Callable[..., dg.MaterializeResult]


def stage_asset(
    *,
    group: str,
    pool: str,
    description: str,
    kinds: set[str] | None = None,
    table: str | None = None,
    **own: Any,
) -> Callable[[Compute], dg.AssetsDefinition]:
    """`dg.asset` with owners, code version, retry policy and the pod of every stage.

    `pool` bounds how many steps write the same tables, or call the same vendor, at a
    time. `kinds` are tags beside "python"; `table` is where its rows are; `own` are
    further arguments of `dg.asset`.
    """
    described = {} if table is None else _described(table)
    decorated: Callable[[Compute], dg.AssetsDefinition] = dg.asset(
        group_name=group,
        pool=pool,
        description=description,
        kinds={"python", *(kinds or ())},
        owners=OWNERS,
        code_version="1",
        retry_policy=RETRY_WHEN_BUSY,
        op_tags=pod_tags(pool),
        metadata=described,
        **own,
    )
    return lambda compute: decorated(_with_rows(compute, table))


def _described(table: str) -> dict[str, Any]:
    return {
        "dagster/table_name": f"ig.{table}",
        "dagster/column_schema": column_schema(table),
    }


def _with_rows(compute: Compute, table: str | None) -> Compute:
    """The compute function; its result has no empty metadata, and the table's rows."""

    @wraps(compute)
    def run(*arguments: Any, **resources: Any) -> dg.MaterializeResult:
        result = compute(*arguments, **resources)
        found: dict[str, Any] = without_empty(result.metadata or {})
        if table is not None:
            with _warehouse_of(resources).transaction() as con:
                rows = con.execute(f"SELECT count(*) FROM {table}").fetchall()
            found["dagster/row_count"] = int(rows[0][0])
        return result._replace(metadata=found)

    return run


def _warehouse_of(resources: Mapping[str, Any]) -> Warehouse:
    """The warehouse, a resource of its own or a part of another."""
    found = [getattr(one, "warehouse", one) for one in resources.values()]
    return next(one for one in found if isinstance(one, Warehouse))
