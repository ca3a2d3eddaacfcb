#!/usr/bin/env bash
# Guessed: AppTest runs what the browser would run: a click inside `st.fragment` reruns
#   that fragment alone.
# So: it reruns the whole script. What a page draws around the fragment is new in a
#   test and old in the browser.
# With: streamlit 1.67.0.
# Matters: a test passes where a person sees, or confirms, what was there before the
#   click, and arguments of the fragment are new ones in a test. Call `st.rerun()` after
#   what changes the rest of the page, and let the key of a button name what it is about.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv streamlit==1.67.0 Jinja2==3.1.6 MarkupSafe==3.0.4 altair==6.3.0 \
  anyio==4.16.0 attrs==26.1.0 certifi==2026.10.18 charset-normalizer==3.5.2 \
  click==8.5.1 h11==0.16.0 idna==3.20 itsdangerous==2.2.0 \
  jsonschema-specifications==2025.9.1 jsonschema==4.26.0 narwhals==2.29.0 \
  numpy==2.4.6 packaging==26.3 pandas==3.1.1 pillow==13.0.0 protobuf==6.33.6 \
  pyarrow==26.0.1 pydeck==0.9.3 python-dateutil==2.9.0.post0 \
  python-multipart==0.0.34 referencing==0.37.0 requests==2.34.2 rpds-py==2026.9.1 \
  six==1.17.0 starlette==1.10.0 typing_extensions==4.16.0 urllib3==2.8.0 \
  uvicorn==0.54.0 watchdog==6.0.0 websockets==17.4
python -W ignore - 2> noise <<'PY'
import sys

import streamlit
from streamlit.testing.v1 import AppTest

print("streamlit", streamlit.__version__)
print("Guess: after a click in the fragment the page ran once, the fragment twice.")


def page():
    import streamlit as st

    state = st.session_state
    state["page"] = state.get("page", 0) + 1

    @st.fragment
    def part():
        state["fragment"] = state.get("fragment", 0) + 1
        st.button("go", key="go")

    part()


test = AppTest.from_function(page, default_timeout=120).run()
test.button(key="go").click().run()
seen = test.session_state["page"], test.session_state["fragment"]
print(f"Seen: the page ran {seen[0]} times, the fragment {seen[1]} times.")
sys.exit(seen != (2, 2))
PY
