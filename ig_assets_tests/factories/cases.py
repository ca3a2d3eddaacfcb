"""Cases of one claim: the first is tried in `make test`, all in `make test-all`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def with_further(cases: Iterable[object], tried: int = 1) -> list[Any]:
    """The cases as parameters; those after the first `tried` are marked `further`."""
    return [
        case if n < tried else pytest.param(case, marks=pytest.mark.further)
        for n, case in enumerate(cases)
    ]
