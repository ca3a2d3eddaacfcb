"""The decorator of this project's assets: what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg

from ig_assets.defs.failures import OWNERS, RETRY_WHEN_BUSY
from ig_assets.defs.pod_resources import pod_tags


def stage_asset(
    *,
    group: str,
    pool: str,
    description: str,
    kinds: set[str] | None = None,
    **own: Any,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dg.asset` with owners, code version, retry policy and the pod of every stage.

    `pool` bounds how many steps write the same tables, or call the same vendor, at a
    time. `kinds` are tags beside "python"; `own` are further arguments of `dg.asset`.
    """
    decorated: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
        group_name=group,
        pool=pool,
        description=description,
        kinds={"python", *(kinds or ())},
        owners=OWNERS,
        code_version="1",
        retry_policy=RETRY_WHEN_BUSY,
        op_tags=pod_tags(pool),
        **own,
    )
    return decorated
