"""The asset of the ranker: which hooks do well, learnt from all experiments so far."""

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from ig_assets.core.models.ranker.states import E_PROVEN, counted
from ig_assets.core.ports import Clock, HookEncoder
from ig_assets.defs.experiments.assets import experiment_results
from ig_assets.defs.failures import plain_failures
from ig_assets.defs.page.about import WITHIN_A_MONTH
from ig_assets.defs.stage import stage_asset
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse

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
        "do best, from all experiments so far, decided or not; it is used in the order "
        "of `ig-assets generate` and never decides an experiment. Runs on this machine "
        "and costs nothing; materialise it when there are new results."
    ),
)
def hook_ranker(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    hook_encoder: dg.ResourceParam[HookEncoder],
) -> dg.MaterializeResult:
    """Fit to every experiment that was looked at, and prove it by bets."""
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
            **left_out,
        },
        data_version=dg.DataVersion("none" if model is None else model.model_id),
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
    return found + f"e is {e:.3g}, and {E_PROVEN:.0f} is needed"
