"""The page Lineage: what a script, variant or model came from, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ig_assets.core.reports.lineage.answer import (
    LineageAnswer,
    answer_lineage,
    page_of,
    plain_sentence,
    subject_of,
)
from ig_assets.core.reports.lineage.page import DEV_UI, KINDS_IN_WORDS
from ig_assets.core.reports.lineage.trace import TraceRow
from ig_assets.core.reports.lineage.words import ModelScript
from ig_assets.studio.parts import begin_page, friendly, open_services, shown
from ig_assets.studio.plain_words import plain, simulated
from ig_assets.warehouse.warehouse import Connection

MOST_ROWS = 300
_HEIGHT_PX = 900


def page() -> None:
    """Draw the page."""
    begin_page("Lineage")
    with friendly():
        services = open_services()
        asked = st.text_input(
            "What do you want to trace?",
            key="lineage",
            placeholder="a file, a month such as 2026-01, an id; topic sharp knives",
            persist_state="session",
        )
        reference = (asked or "").strip()
        if not reference:
            st.caption(
                "Name a script, a variant, a model or a month. You see which texts "
                "fed it, and what was made of it."
            )
            return
        answer = shown(
            services, ("lineage", reference), lambda con: _answer(con, reference)
        )
        _show(answer)
        html = page_of(
            answer, services.clock.now(), ui_url=services.settings.ui_url or DEV_UI
        )
        st.subheader("Picture")
        st.iframe(html, height=_HEIGHT_PX)
        st.download_button(
            "Save this page (it holds words of scripts)",
            html,
            "lineage.html",
            "text/html",
        )


def _answer(con: Connection, reference: str) -> LineageAnswer:
    return answer_lineage(con, subject_of(con, reference.split()), ("up", "down"))


def _show(answer: LineageAnswer) -> None:
    kind = KINDS_IN_WORDS.get(answer.subject.kind, answer.subject.kind)
    st.markdown(f"**{plain(kind.capitalize())} {plain(answer.label)}**")
    st.markdown(plain(plain_sentence(answer)))
    if answer.texts:
        st.subheader("The texts behind it")
        _texts(answer.texts)
        return
    for title, rows in (("Came from", answer.before), ("Became", answer.after)):
        if rows:
            st.subheader(title)
            _edges(answer, rows)


def _texts(texts: Sequence[ModelScript]) -> None:
    st.dataframe(
        [
            {
                "first words": text.first_words or "(forgotten)",
                "topic": text.topic,
                "by": text.author,
                "origin": simulated(text.origin or "", bool(text.simulated)),
                "lines": text.lines,
                "why": text.why,
            }
            for text in texts[:MOST_ROWS]
        ],
        hide_index=True,
    )
    _say_rest(len(texts))


def _edges(answer: LineageAnswer, rows: Sequence[TraceRow]) -> None:
    st.dataframe(
        [
            {
                "what": KINDS_IN_WORDS.get(row.kind, row.kind),
                "name": answer.names.get((row.kind, row.id), row.id),
                "how": row.relation.replace("_", " "),
                "through": answer.names.get((row.via_kind, row.via_id), row.via_id),
            }
            for row in rows[:MOST_ROWS]
        ],
        hide_index=True,
    )
    _say_rest(len(rows))


def _say_rest(count: int) -> None:
    if count > MOST_ROWS:
        st.caption(f"{count - MOST_ROWS} more rows; the saved page has them.")
