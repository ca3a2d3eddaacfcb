"""Tags of runs: who executes one, and what a person asks it to do besides."""

from __future__ import annotations

HEADLESS_RUN = {"ig/started_by": "command"}
"""The tag of runs that a command executes in its own process."""
HEADLESS_RUNS = (HEADLESS_RUN, {"ig/turned_by": "headless"})
"""`HEADLESS_RUN`, and the tag that earlier versions wrote in its place."""

REHASH = "ig/rehash"
"""Read every file of the library, even if its times show no change."""

VERIFY = "ig/verify"
"""Compare every entry of the vector index, even if nothing has changed."""
