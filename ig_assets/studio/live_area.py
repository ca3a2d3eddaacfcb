"""A text area that sends its text after each pause in typing.

Streamlit's own text area sends it only when the field loses the focus.
"""

from __future__ import annotations

import streamlit as st

PAUSE_MS = 350

_HTML = """
<label for="words"></label>
<textarea id="words" rows="9" spellcheck="true"></textarea>
"""

_CSS = """
label {
  display: block; font-size: 0.875rem; margin-bottom: 0.25rem;
  color: var(--st-text-color); font-family: var(--st-font);
}
textarea {
  box-sizing: border-box; width: 100%; resize: vertical; padding: 0.5rem 0.75rem;
  font: 1rem/1.5 var(--st-font); color: var(--st-text-color);
  background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color, transparent); border-radius: 0.5rem;
}
textarea:focus { outline: 2px solid var(--st-primary-color); outline-offset: -1px; }
"""

# What is typed is never overwritten by what the server has, but for a new `version`.
_JS = f"""
export default function (component) {{
  const {{ data, parentElement, setStateValue }} = component;
  const area = parentElement.querySelector("textarea");
  parentElement.querySelector("label").textContent = data.label;
  if (area.dataset.version !== data.version) {{
    area.dataset.version = data.version;
    area.value = data.text;
  }}
  const send = () => {{
    clearTimeout(area.timer);
    if (area.sent !== area.value) {{
      area.sent = area.value;
      setStateValue("text", area.value);
    }}
  }};
  area.oninput = () => {{
    clearTimeout(area.timer);
    area.timer = setTimeout(send, {PAUSE_MS});
  }};
  area.onblur = send;
}}
"""


def live_area(label: str, text: str, key: str, version: str) -> str:
    """Draw the area and return its current text.

    It starts with `text`; a new `version` replaces what was typed by `text`.
    """
    area = st.components.v2.component(
        "ig_assets_live_area", html=_HTML, css=_CSS, js=_JS
    )
    answer = area(
        data={"label": label, "text": text, "version": version},
        default={"text": text},
        key=f"{key}-{version}",
        on_text_change=_nothing,
    )
    return str(answer.text if answer.text is not None else text)


def _nothing() -> None:
    """Do nothing: Streamlit returns a component's state only if a callback is set."""
