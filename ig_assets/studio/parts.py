"""Parts that all pages share: errors as sentences, answers marked as old, the name."""

from __future__ import annotations

import getpass
import logging
import sys
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import TypeVar

import streamlit as st

from ig_assets.core.operations.log_lines import FAILURES
from ig_assets.core.operations.redaction import redact
from ig_assets.core.operations.runbook import UNEXPECTED, runbook_link, section_of
from ig_assets.errors import IgAssetsError, SettingsError, WarehouseBusyError
from ig_assets.settings import load_settings
from ig_assets.studio.launch import ASK_NAME
from ig_assets.studio.plain_words import plain, sentence_of
from ig_assets.studio.shown import StudioServices, studio_services
from ig_assets.warehouse.warehouse import Connection

T = TypeVar("T")
WHO = "who"
"""Key of the person's name in Streamlit's session state."""
_RETRY_S = 5
_log = logging.getLogger(FAILURES)


@contextmanager
def friendly() -> Iterator[None]:
    """Show an error in the block as a sentence with the runbook's section, and go on.

    The traceback is written only to the log of the data folder.
    """
    try:
        yield
    except IgAssetsError as error:
        _log.error("%s", redact(str(error)), exc_info=error)
        say_failure(sentence_of(error), section_of(error))
        if isinstance(error, WarehouseBusyError):
            _ask_again()
    except Exception as error:
        _log.error("Unexpected %s", type(error).__name__, exc_info=error)
        say_failure(sentence_of(error), UNEXPECTED)


def say_failure(sentence: str, section: str | None) -> None:
    """Show the sentence, and a link to the section of the runbook if there is one."""
    st.error(plain(sentence))
    if section is not None:
        link = runbook_link(section, _code_url())
        web = link.startswith(("http://", "https://"))
        st.caption(f"[What to do]({link})" if web else f"What to do: `{link}`")


def _code_url() -> str | None:
    try:
        return load_settings().code_url
    except SettingsError:
        return None


def shown(
    services: StudioServices, key: Hashable, query: Callable[[Connection], T]
) -> T:
    """Return the result of a query of the warehouse, for this page.

    If the warehouse is busy, it is the last result for `key`, and the page says how
    old.
    """
    answer = services.reader.read(key, query)
    if answer.is_old:
        at = answer.read_at.replace(tzinfo=UTC).astimezone()
        st.warning(f"The warehouse is busy; this is as of {at:%H:%M}.")
        _ask_again()
    return answer.value


def _ask_again() -> None:
    """Redraw the page every few seconds; further calls for the same page do nothing."""

    @st.fragment(run_every=_RETRY_S)
    def retry() -> None:
        if st.session_state.get("_retry_drawn"):
            st.session_state["_retry_drawn"] = False
            st.rerun()
        st.session_state["_retry_drawn"] = True
        st.caption(f"Trying again every {_RETRY_S} seconds.")

    if not st.session_state.get("_retrying"):
        st.session_state["_retrying"] = True
        st.session_state["_retry_drawn"] = False
        retry()


def begin_page(title: str) -> None:
    """Draw the title of a page."""
    st.session_state["_retrying"] = False
    st.title(title)


def open_services() -> StudioServices:
    """Return the services, and say on the page if the audience is simulated.

    Raises SettingsError.
    """
    services = studio_services()
    if services.settings.social == "simulated":
        st.info(
            "The audience is **simulated**: its figures say nothing of real viewers.",
            icon=":material/science:",
        )
    return services


def ask_who() -> None:
    """Draw the field for the person's name, with which each decision is recorded."""
    assumed = "" if ASK_NAME in sys.argv else _user_name()
    st.text_input(
        "Your name",
        value=assumed,
        key=WHO,
        max_chars=80,
        persist_state="session",
        help="Recorded with what you approve, edit or decline.",
    )


def who() -> str:
    """Return the person's name; '' if none was given."""
    return str(st.session_state.get(WHO) or "").strip()


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return ""
