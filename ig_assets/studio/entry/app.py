"""The studio's Streamlit app: five pages, and a field for the person's name.

`ig-assets studio` starts it and decides the address that it listens on.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ig_assets.core.operations.log_lines import prepare_records
from ig_assets.studio.pages import (
    lineage_page,
    review_page,
    status_page,
    winners_page,
    write_page,
)
from ig_assets.studio.parts import ask_who

PAGES: tuple[tuple[str, str, Callable[[], None]], ...] = (
    ("Write", ":material/edit_note:", write_page.page),
    ("Review", ":material/rate_review:", review_page.page),
    ("Winners", ":material/trophy:", winners_page.page),
    ("Lineage", ":material/account_tree:", lineage_page.page),
    ("Status", ":material/monitoring:", status_page.page),
)


def main() -> None:
    """Draw the page that was asked for."""
    prepare_records()  # what Streamlit itself logs is redacted too
    st.set_page_config(
        page_title="Studio",
        page_icon=":material/edit_note:",
        layout="wide",
        menu_items={"Get help": None, "Report a bug": None, "About": None},
    )
    pages = [
        st.Page(draw, title=name, icon=icon, url_path=name.lower())
        for name, icon, draw in PAGES
    ]
    # Streamlit serves the default page at `/` alone: were it one of these, its own
    # address, such as /write, would be "Page not found".
    start = st.Page(
        lambda: st.switch_page(pages[0]),
        title="Start",
        url_path="start",
        default=True,
        visibility="hidden",
    )
    chosen = st.navigation([start, *pages], position="sidebar")
    with st.sidebar:
        ask_who()
    chosen.run()


main()
