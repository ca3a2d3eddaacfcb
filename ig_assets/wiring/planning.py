"""Plan a month's posts by the settings: which hooks and slots, and whose approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ig_assets.core.experiments.posts.plan import PlanSummary, plan_posts
from ig_assets.core.ports import Clock, HookEncoder, SocialPlatform
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from ig_assets.core.fine_tuning.ranker.hook_choice import ChoiceSummary


def plan_month(
    settings: Settings,
    clock: Clock,
    warehouse: Warehouse,
    social: SocialPlatform,
    hook_encoder: HookEncoder,
    month: str,
    run_id: str,
) -> tuple[ChoiceSummary | None, PlanSummary]:
    """Let the ranker choose hooks (`IG_RANKER=choose`), then plan the missing posts.

    Nothing is sent. The first result is None for another value of `IG_RANKER`.
    """
    chosen = None
    if settings.ranker == "choose":
        # SciPy is heavy, and not needed to open the code location.
        from ig_assets.core.fine_tuning.ranker.hook_choice import choose_hooks

        chosen = choose_hooks(
            warehouse, clock, hook_encoder, month, seed=settings.seed, run_id=run_id
        )
    plan = plan_posts(
        warehouse,
        clock,
        month,
        sigma=settings.sigma,
        seed=settings.seed,
        platform=social.platform,
        # A recording is no audience that we wrote for: its tests are none of ours.
        simulated=settings.social in ("simulated", "replay"),
        aa_share=settings.aa_share,
        denominator="reach" if "reach" in social.metrics else "views",
        approval="auto" if settings.approves_automatically else "manual",
    )
    return chosen, plan
