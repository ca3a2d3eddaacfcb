"""The page Status: what waits for a person, the budgets, and what is in use."""

from __future__ import annotations

from dataclasses import asdict

import streamlit as st

from ig_assets.core.costs.budget import budget_usage
from ig_assets.core.reports.status import data_folder_state
from ig_assets.studio.parts import begin_page, friendly, open_services, shown
from ig_assets.studio.plain_words import as_day, plain, without_paths
from ig_assets.studio.shown import StudioServices
from ig_assets.wiring import make_money_clock


def page() -> None:
    """Draw the page."""
    begin_page("Status")
    with friendly():
        services = open_services()
        now = services.clock.now()
        state = shown(services, "status", lambda con: data_folder_state(con, now))
        st.subheader("Waits for a person")
        if not state.waiting:
            st.markdown("Nothing.")
        for waiting in state.waiting:
            st.markdown(f"- {plain(waiting.sentence)}")
            st.caption(f"`{waiting.command}`")
        for failure in state.failures:
            said = f"{failure.job} failed on {as_day(failure.failed_at)}: "
            st.warning(plain(said + without_paths(failure.sentence)))
        st.subheader("Money")
        _budgets(services)
        st.subheader("Now in use")
        _in_use(services, state.active_model, state.on_trial, state.ranker)
        if state.months:
            st.subheader("Months")
            st.dataframe([asdict(month) for month in state.months], hide_index=True)
        st.caption(plain(f"Scripts: {state.scripts_in_words or 'none yet'}"))


def _budgets(services: StudioServices) -> None:
    budgets, now = services.settings.all_budgets, make_money_clock().now()
    if not budgets:
        st.markdown("No budget is set (IG_BUDGETS): nothing stops a paid call.")
        return
    for usage in shown(
        services, "budgets", lambda con: budget_usage(con, budgets, now)
    ):
        budget = usage.budget
        what = f"{budget.operation}, " if budget.operation else ""
        of = f"{budget.amount(usage.spent)} of {budget.amount(budget.limit)}"
        st.progress(
            min(1.0, usage.share), plain(f"{what}per {budget.period}: {of} is spent")
        )


def _in_use(
    services: StudioServices,
    active: str | None,
    on_trial: str | None,
    ranker: str | None,
) -> None:
    settings = services.settings
    real = settings.social == "instagram"
    publishes = "published" if settings.publishes else "not published (IG_PUBLISH)"
    st.table(
        {
            "Writes": plain(active or "no model yet"),
            "On trial": plain(on_trial or "no model"),
            "Ranker": plain(ranker or "none"),
            "Audience": "real" if real else f"{settings.social}, no real viewers",
            "Approved posts": f"are {publishes}" if real else "go to that audience",
            "Approval": (
                "by the settings" if settings.approves_automatically else "by a person"
            ),
        }
    )
