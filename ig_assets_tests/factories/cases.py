"""Cases of one claim: the first is tried in `make test`, all in `make test-all`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Not for the conftest of all tests: the profile is chosen after that is imported.
FEW_CASES = settings(
    max_examples=settings.default.max_examples // 10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""For a claim whose every case needs a corpus: a tenth of the usual number."""


def with_further(cases: Iterable[object], tried: int = 1) -> list[Any]:
    """The cases as parameters; those after the first `tried` are marked `further`."""
    return [
        case if n < tried else pytest.param(case, marks=pytest.mark.further)
        for n, case in enumerate(cases)
    ]
