"""The page Write: writes variants of a topic; shows their grounding and their cost."""

from __future__ import annotations

import streamlit as st

from ig_assets.core.generation.overview import TopicVariant
from ig_assets.core.generation.topics.on_demand import check_topic
from ig_assets.core.models.registry import choosing_ranker
from ig_assets.errors import InputError
from ig_assets.studio.parts import (
    begin_page,
    friendly,
    open_services,
    say_failure,
    shown,
)
from ig_assets.studio.plain_words import (
    plain,
    simulated,
    style_words,
    usd,
    without_paths,
)
from ig_assets.studio.reads import Written, read_outlook, read_topics, read_written
from ig_assets.studio.shown import StudioServices
from ig_assets.studio.topic_jobs import JOBS, TopicJob
from ig_assets.wiring import base_model, make_money_clock
from ig_assets.wiring.planning import plan_month

_FIELDS = ("topic", "brief", "audience", "language", "brand_voice")
_OPEN = "topic_shown"
"""Session key of the topic whose variants are shown, as (month, id)."""


def page() -> None:
    """Draw the page."""
    begin_page("Write")
    with friendly():
        services = open_services()
        _form(services)
        job = JOBS.last
        if job is not None and not job.is_over.is_set():
            _under_way()
        elif job is not None and job.error is not None:
            say_failure(without_paths(job.error), job.section)
        _results(services)


def _form(services: StudioServices) -> None:
    st.text_input(
        "What is the script about?",
        key="topic",
        max_chars=200,
        placeholder="sharp knives",
        persist_state="session",
    )
    st.text_area(
        "What must be said? (optional)",
        key="brief",
        max_chars=2_000,
        height=80,
        persist_state="session",
    )
    left, middle, right, last = st.columns(4)
    with left:
        st.text_input("Who watches?", key="audience", persist_state="session")
    with middle:
        st.text_input(
            "How should it sound?", key="brand_voice", persist_state="session"
        )
    with right:
        st.text_input(
            "Language code",
            key="language",
            placeholder="en",
            max_chars=12,
            persist_state="session",
        )
    with last:
        st.segmented_control(
            "Variants", [2, 3], default=3, key="variants", persist_state="session"
        )
    variants = int(st.session_state.get("variants") or 3)
    with friendly():
        _say_outlook(services, variants)
    if st.button("Write", type="primary", icon=":material/edit:", key="write"):
        with friendly():
            _start(services, variants)


def _say_outlook(services: StudioServices, variants: int) -> None:
    settings, now = services.settings, make_money_clock().now()
    outlook = shown(
        services,
        "outlook",
        lambda con: read_outlook(con, base_model(settings), settings.all_budgets, now),
    )
    said = [plain(outlook.forecast.sentence(variants))]
    for usage in outlook.budgets[:2]:
        budget = usage.budget
        left = budget.amount(max(0.0, budget.limit - usage.spent))
        per = "in all" if budget.period == "ever" else f"this {budget.period}"
        said.append(plain(f"{left} of {budget.amount(budget.limit)} are left {per}."))
    st.caption(" ".join(said))


def _start(services: StudioServices, variants: int) -> None:
    values = {name: str(st.session_state.get(name) or "") for name in _FIELDS}
    if not values["topic"].strip():
        raise InputError("Say first what the script is about.")
    now = services.clock.now()
    month = now.strftime("%Y-%m")
    topic_id = check_topic(services.warehouse, services.clock, month, values, variants)
    form = {**values, "variants": variants, "month": month}
    JOBS.start(form, topic_id)
    st.session_state[_OPEN] = (month, topic_id)
    st.rerun()


@st.fragment(run_every=1.0)
def _under_way() -> None:
    """Show the running job's progress, redrawn each second, until it is over."""
    job = JOBS.last
    if job is None or job.is_over.is_set():
        if job is not None:
            st.session_state[_OPEN] = (str(job.form["month"]), job.topic_id)
        st.rerun()
        return
    with st.container(border=True):
        st.markdown(f"**Writing “{plain(job.topic)}”**: {job.seconds:.0f} s so far")
        st.caption(plain(without_paths(job.progress)))
        if job.is_stopping:
            st.caption("Stopping; an answer that is under way may still be billed.")
        elif st.button("Stop", icon=":material/stop:", key="stop"):
            job.stop()


def _results(services: StudioServices) -> None:
    topics = shown(services, "topics", read_topics)
    names = {
        (row["month"], row["topic_id"]): f"{row['month']}  {row['topic']}"
        for row in topics
    }
    if not names:
        st.caption("Nothing was written yet. Name a topic above.")
        return
    wanted = st.session_state.get(_OPEN)
    options = list(names)
    st.divider()
    chosen = st.selectbox(
        "Show what was written for",
        options,
        index=options.index(wanted) if wanted in names else 0,
        format_func=lambda key: names.get(key, "?"),
    )
    if chosen is None:
        return
    st.session_state[_OPEN] = chosen
    month, topic_id = chosen
    written = shown(
        services,
        ("written", month, topic_id),
        lambda con: read_written(con, month, topic_id),
    )
    _show(services, month, written, JOBS.last)


def _show(
    services: StudioServices, month: str, written: Written, job: TopicJob | None
) -> None:
    count, usable = len(written.variants), len(written.usable)
    calls = sum(row["calls"] or 0 for row in written.variants)
    rejected = f", {count - usable} rejected" if count > usable else ""
    st.markdown(
        f"**{count} variants{rejected}**, {usd(written.cost_usd)} for {calls} calls."
    )
    rows, order_said = _ordered(services, written)
    if order_said:
        st.caption(order_said)
    columns = st.columns(max(1, len(rows)))
    for column, row in zip(columns, rows, strict=False):
        with column, st.container(border=True):
            _variant(row, written.grounds[row["variant_id"]])
    _plan(services, month, written)


def _ordered(
    services: StudioServices, written: Written
) -> tuple[list[TopicVariant], str]:
    """Return the variants in the order of display, and a sentence on the order.

    A proven ranker puts the most promising hook first. Without one, the order is
    unchanged and the sentence is ''.
    """
    rows = list(written.variants)
    hooks = [row["hook"] for row in written.usable if row["hook"]]
    proven = shown(services, "ranker", lambda con: choosing_ranker(con) is not None)
    if not proven or len(set(hooks)) < 2:
        return rows, ""
    from ig_assets.core.models.ranker.scoring import order_hooks  # scipy: 0.3 s

    with friendly():
        order = order_hooks(
            services.warehouse, services.clock, services.hook_encoder, hooks
        )
        if order.state != "proven":
            return rows, ""
        place = {found.hook: n for n, found in enumerate(order.scores)}
        rows.sort(key=lambda row: place.get(" ".join((row["hook"] or "").split()), 99))
        learnt = simulated("by the ranker, which has proven itself", order.simulated)
        return rows, f"The most promising hook first, {learnt}."
    return rows, ""


def _variant(row: TopicVariant, grounds: list[dict[str, object]]) -> None:
    name = "Control" if row["arm"] == "control" else row["arm"].upper()
    st.markdown(f"**{plain(name)}** · {plain(style_words(row['hook_style']))}")
    if row["arm"] == "control":
        st.caption("Written without your winners, to see what they add.")
    if row["rejection"]:
        st.error(plain(f"Rejected: {row['rejection']}"))
    if row["hook"]:
        st.markdown(f"#### {plain(row['hook'])}")
    for text in (row["body"], row["call_to_action"]):
        if text:
            st.text(text)
    facts = []
    if row["estimated_seconds"] is not None:
        facts.append(f"about {row['estimated_seconds']:.0f} s")
    if row["novelty"] is not None:
        facts.append(f"{100 * row['novelty']:.0f} % new")
    if row["sibling_similarity"] is not None:
        facts.append(f"{100 * row['sibling_similarity']:.0f} % like its rivals")
    facts.append(usd(row["cost_usd"]))
    if row["on_screen_text"]:
        facts.insert(0, f"on screen: {row['on_screen_text']}")
    st.caption(plain(" · ".join(facts)))
    title = f"Grounded in {len(grounds)} scripts" if grounds else "Grounded in none"
    with st.expander(title):
        for one in grounds:
            words = plain(str(one["first words"]))
            by = f", by {one['by']}" if one["by"] else ""
            mark = simulated("", bool(one["simulated"]))
            st.markdown(f"- {words}{plain(by)}{mark}")
            st.caption(plain(f"{one['script']} · likeness {one['similarity']:.2f}"))
        if not grounds:
            st.caption("No script was near enough to the topic.")


def _plan(services: StudioServices, month: str, written: Written) -> None:
    """Offer to plan the variants as posts, or say where their posts are."""
    if written.posts:
        waiting = sum(row["status"] == "proposed" for row in written.posts)
        if waiting:
            st.success(f"{waiting} of them wait on the page Review.")
        else:
            st.caption("They are planned as posts; the page Review has their state.")
        return
    if len(written.usable) < 2:
        st.warning("A test needs two variants that pass; write the topic again.")
        return
    if st.button("Plan them as posts", icon=":material/event:", key="plan"):
        with friendly():
            _, plan = plan_month(
                services.settings,
                services.clock,
                services.warehouse,
                services.social,
                services.hook_encoder,
                month,
                "studio",
            )
            planned = plan.proposed + plan.approved
            how = (
                "they wait on the page Review"
                if plan.proposed
                else "they are approved already, as IG_APPROVAL says"
            )
            st.success(f"{planned} posts of {month} are planned; {how}.")
    st.caption(
        "A planned post has a day, and is published only once a person approved it."
        if not services.settings.approves_automatically
        else "The settings approve planned posts by themselves (IG_APPROVAL=auto)."
    )
