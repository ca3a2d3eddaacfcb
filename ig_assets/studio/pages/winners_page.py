"""The page Winners: the winners with their evidence and their words."""

from __future__ import annotations

import math

import streamlit as st

from ig_assets.core.experiments.decisions.winners import WinnerRow
from ig_assets.studio.parts import begin_page, friendly, open_services, shown
from ig_assets.studio.plain_words import as_day, plain, simulated, style_words
from ig_assets.studio.reads import Winner, read_winners

_AUDIENCES = {"All": None, "Real viewers": False, "Simulated": True}
MOST = 200


def page() -> None:
    """Draw the page."""
    begin_page("Winners")
    with friendly():
        services = open_services()
        winners = shown(services, "winners", read_winners)
        if not winners:
            st.caption(
                "There is no winner yet. A test needs posts that are out, and their "
                "figures; most tests end without a winner."
            )
            return
        found = _filtered(winners)
        if not found:
            st.caption(f"None of the {len(winners)} winners fits.")
            return
        if len(found) > MOST:
            st.caption(f"The latest {MOST} of {len(found)}; filter for others.")
        for winner in found[:MOST]:
            _winner(winner)


def _filtered(winners: list[Winner]) -> list[Winner]:
    left, middle, right = st.columns([3, 2, 2])
    words = left.text_input("Find", placeholder="topic or words", live="300ms")
    months = sorted({winner.row["month"] for winner in winners}, reverse=True)
    month = middle.selectbox("Month", ["All", *months])
    audience = right.selectbox("Audience", list(_AUDIENCES))
    wanted = (words or "").casefold()
    is_simulated = _AUDIENCES[audience or "All"]
    return [
        winner
        for winner in winners
        if wanted in _searched(winner.row)
        and month in ("All", winner.row["month"])
        and is_simulated in (None, bool(winner.row["simulated"]))
    ]


def _searched(row: WinnerRow) -> str:
    parts = (row["topic"], row["text"], row["hook_style"], row["arm"])
    return " ".join(part or "" for part in parts).casefold()


def _winner(winner: Winner) -> None:
    row = winner.row
    with st.container(border=True):
        topic = simulated(row["topic"] or "no topic", bool(row["simulated"]))
        held = " · :orange[held]" if row["held_by"] else ""
        st.markdown(f"**{plain(topic)}** · {plain(row['month'])}{held}")
        st.markdown(plain(winner.verdict))
        st.caption(plain(_figures(row)))
        with st.expander(plain(row["hook"] or "The words")):
            if row["text"]:
                st.text(row["body"] or row["text"])
                st.text(row["call_to_action"] or "")
            else:
                st.caption("Its words are not stored, or were forgotten.")
            known = row["script_id"] or row["variant_id"]
            if known:
                st.caption(plain(f"For the page Lineage: {known}"))


def _figures(row: WinnerRow) -> str:
    facts = [f"decided {as_day(row['decided_at'])}"]
    if row["shrunken_lift"] is not None:
        expected = math.expm1(row["shrunken_lift"])
        facts.insert(0, f"expected again: {expected:+.0%}")
    if row["shrunken_low"] is not None and row["shrunken_high"] is not None:
        low, high = math.expm1(row["shrunken_low"]), math.expm1(row["shrunken_high"])
        facts.insert(1, f"95 % from {low:+.0%} to {high:+.0%}")
    if row["hook_style"]:
        facts.append(style_words(row["hook_style"]))
    return " · ".join(facts)
