"""Checks of a training set, its files and a candidate."""

import dagster as dg

from ig_assets.core.fine_tuning.evaluation.evaluation import evaluation_of
from ig_assets.core.fine_tuning.training_set.dataset_files import FORMATS
from ig_assets.core.fine_tuning.training_set.training_lines import (
    check_line,
)
from ig_assets.defs.fine_tuning.assets import (
    accuracy_metadata,
    fine_tune_jsonl,
    model_evaluation,
    training_examples,
)
from ig_assets.defs.metadata import sample_table
from ig_assets.defs.partitions import closed_months, month_of
from ig_assets.settings import Settings
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse


@dg.asset_check(
    asset=training_examples,
    partitions_def=closed_months,
    blocking=True,
    description="No group of related examples is in both splits.",
)
def groups_never_straddle_splits(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Fail, which blocks the files, if related examples are in both splits."""
    with warehouse.transaction() as con:
        straddling = fetch_dicts(
            con,
            """
            SELECT group_id, count(DISTINCT split) AS splits
            FROM training_examples
            WHERE month = ?
            GROUP BY group_id
            HAVING count(DISTINCT split) > 1
            ORDER BY group_id
            """,
            [month_of(context)],
        )
    return dg.AssetCheckResult(
        passed=not straddling,
        description=(
            f"{len(straddling)} groups of related examples are in both splits, so "
            "that validation examples leak into training."
        ),
        metadata={"straddling": len(straddling), "sample": sample_table(straddling)},
    )


@dg.asset_check(
    asset=fine_tune_jsonl,
    partitions_def=closed_months,
    blocking=True,
    description="Every line of the month's files is valid for its trainer.",
)
def lines_are_valid(
    context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.AssetCheckResult:
    """Check every line of the month's files; an invalid one blocks the fine-tune."""
    folder = settings.data_dir / "datasets" / month_of(context)
    problems = []
    checked = 0
    for kind, split in FORMATS:
        path = folder / f"{kind}_{split}.jsonl"
        if not path.is_file():
            continue
        # Not `splitlines`: a text may hold U+2028 or U+0085, which end no JSON line.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        for number, line in enumerate(lines, start=1):
            checked += 1
            if problem := check_line(kind, line):
                problems.append({"file": path.name, "line": number, "problem": problem})
    return dg.AssetCheckResult(
        passed=not problems,
        description=f"{len(problems)} of {checked} lines are not valid.",
        metadata={"checked": checked, "sample": sample_table(problems)},
    )


@dg.asset_check(
    asset=model_evaluation,
    partitions_def=closed_months,
    blocking=True,
    description=(
        "The candidate is not worse than the model it was compared with; without a "
        "held-out pair the gate stays closed."
    ),
)
def candidate_passes_the_gate(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Fail unless the month's last evaluated candidate passed on the held-out pairs."""
    with warehouse.transaction() as con:
        rows = con.execute(
            """
            SELECT model_id, against_model_id
            FROM evaluations
            WHERE month = ?
            ORDER BY evaluated_at DESC, model_id
            LIMIT 1
            """,
            [month_of(context)],
        ).fetchall()
        if not rows:
            return dg.AssetCheckResult(
                passed=False,
                description="No held-out pair was written, so nothing was compared.",
            )
        summary = evaluation_of(con, *rows[0])
    return dg.AssetCheckResult(
        passed=summary.passed,
        description=summary.reason,
        metadata={
            "pairs": summary.n,
            "mean_score": summary.mean_score or 0.0,
            "mean_against": summary.mean_against or 0.0,
            **accuracy_metadata(summary),
        },
    )
