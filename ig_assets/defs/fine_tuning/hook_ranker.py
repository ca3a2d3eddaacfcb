"""The asset of the ranker: which hooks do well, learnt from all experiments so far."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from ig_assets.core.fine_tuning.ranker.calibration import (
    RECENT_MONTHS,
    calibration,
    series_of,
    series_of_model,
)
from ig_assets.core.fine_tuning.ranker.lift import choice_lift, lift_row
from ig_assets.core.models.ranker.states import E_PROVEN, counted
from ig_assets.core.models.registry import current_ranker
from ig_assets.core.ports import Clock, HookEncoder
from ig_assets.defs.experiments.assets import experiment_results
from ig_assets.defs.failures import plain_failures
from ig_assets.defs.metadata import sample_table
from ig_assets.defs.page.about import WITHIN_A_MONTH
from ig_assets.defs.stage import stage_asset
from ig_assets.settings import Settings
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse

if TYPE_CHECKING:
    from ig_assets.core.fine_tuning.ranker.fit import RankerFit


@stage_asset(
    deps=[experiment_results],
    group="fine_tuning",
    table="ranker_arms",
    is_of_the_audience=True,
    freshness_policy=WITHIN_A_MONTH,
    kinds={"duckdb"},
    pool="fine_tuning",
    description=(
        "One row per ranker and post it learnt from. A ranker expects which hook will "
        "do best, from all experiments so far, decided or not. It orders hooks, with "
        "IG_RANKER=choose it chooses which are posted, and it never decides an "
        "experiment. Runs on this machine and costs nothing; a schedule does it each "
        "month."
    ),
)
def hook_ranker(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    hook_encoder: dg.ResourceParam[HookEncoder],
) -> dg.MaterializeResult:
    """Fit the ranker to all evaluated experiments, and test its forecasts."""
    # SciPy is heavy, and not needed to open the code location.
    from ig_assets.core.fine_tuning.ranker.fit import fit_ranker

    with plain_failures():
        fitted = fit_ranker(
            warehouse,
            clock,
            hook_encoder,
            # What was looked at in this very second counts too.
            cutoff=clock.now() + timedelta(seconds=1),
            with_ads=settings.train_on_ads,
            run_id=context.run.run_id,
        )
        with warehouse.transaction() as con:
            shown = _of_the_record(con, series_of(hook_encoder.model, fitted.simulated))
            lift = lift_row(choice_lift(con, simulated=fitted.simulated))
    model = fitted.model
    left_out = {f"left out: {why}": n for why, n in fitted.left_out.items() if n}
    return dg.MaterializeResult(
        metadata={
            "state": fitted.state,
            "comparisons": fitted.groups,
            "arms": fitted.arms,
            "so": _so(fitted),
            "audience": "simulated" if fitted.simulated else "real",
            "e_value": math.exp(min(fitted.log_e, 700.0)),
            "e_value_needed": E_PROVEN,
            "model_id": "none" if model is None else model.model_id,
            "chosen_over_random": _lift_in_words(lift),
            **shown,
            **left_out,
        },
        data_version=dg.DataVersion("none" if model is None else model.model_id),
    )


def _of_the_record(con: Connection, series: str) -> dict[str, Any]:
    """Return metadata on how the recorded forecasts came true, by month and in all."""
    months = fetch_dicts(
        con,
        "SELECT month, pairs, slope, slope_se, cover, log_e FROM ranker_calibration "
        "WHERE series = ? ORDER BY month DESC LIMIT 20",
        [series],
    )
    found = calibration(con, series)
    figures = {"calibration_slope": found.slope, "interval_cover": found.cover}
    return {
        "calibration": str(found),
        "calibration_by_month": sample_table(months),
        **{name: value for name, value in figures.items() if value is not None},
    }


def _lift_in_words(lift: Mapping[str, Any]) -> str:
    if lift["lift"] is None:
        return "no month has ended in which it chose"
    return (
        f"{lift['lift']:+.0%} in {counted(lift['topics'], 'topic')} of "
        f"{counted(lift['months'], 'month')}, e = {lift['evidence']:g} of "
        f"{lift['needed']:.0f}: {lift['claim']}"
    )


@dg.asset_check(
    asset=hook_ranker,
    description=(
        "The ranker's recorded forecasts come true: the slope of outcome on forecast "
        "and the cover of its intervals, in all and in the last six months of bets."
    ),
)
def ranker_is_calibrated(
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Warn if forecasts do not come true, in all or in the last six months."""
    with warehouse.transaction() as con:
        model = current_ranker(con)
        series = "" if model is None else series_of_model(model)
        spans = {
            "in all": calibration(con, series),
            "lately": calibration(con, series, RECENT_MONTHS),
        }
    problems = [f"{span}: {c.problem}" for span, c in spans.items() if c.problem]
    said = [f"{span}: {found}" for span, found in spans.items()]
    return dg.AssetCheckResult(
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(problems or said) + ".",
    )


def _so(fitted: "RankerFit") -> str:
    found = f"{counted(fitted.groups, 'comparison')} of "
    found += f"{counted(fitted.arms, 'arm')}; "
    if fitted.model is None:
        return found + (
            f"{fitted.missing} more are needed (two hooks or more of one experiment "
            "beside one image), and nothing was registered"
        )
    if fitted.proven_after is not None:
        return found + f"e reached {E_PROVEN:.0f} after {fitted.proven_after} of them"
    e = math.exp(min(fitted.log_e, 700.0))
    if fitted.lost_after is not None:
        found += f"the proof was taken back after {fitted.lost_after} of them; now "
    return found + f"e is {e:.3g}, and {E_PROVEN:.0f} is needed"
