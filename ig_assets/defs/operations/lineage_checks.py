"""The asset check of lineage."""

import dagster as dg

from ig_assets.core.lineage.completeness import check_completeness
from ig_assets.defs.metadata import sample_table
from ig_assets.defs.operations.assets import lineage_report
from ig_assets.warehouse.warehouse import Warehouse


@dg.asset_check(
    asset=lineage_report,
    description=(
        "Every fact of the tables has its edge, and both ends of every edge exist: no "
        "variant without model and prompt, no training example without script and "
        "decision, no model without its training set."
    ),
)
def lineage_is_complete(
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Fail with the first gaps, by kind and id; `ig-assets lineage --check` has all."""
    with warehouse.transaction() as con:
        found = check_completeness(con)
    return dg.AssetCheckResult(
        passed=not found.count,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{found.count:,} gaps." if found.count else None,
        metadata={
            "edges": found.edges,
            "facts": found.facts,
            "gaps": sample_table([vars(gap) for gap in found.gaps]),
        },
    )
