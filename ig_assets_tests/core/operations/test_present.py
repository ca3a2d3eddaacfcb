"""What is after the present is said with the clock that says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from ig_assets.core.operations.present import Present

NOW = datetime(2026, 5, 1, 12)


def test_the_later_of_two_clocks_bounds_the_present_and_is_named() -> None:
    behind = Present(NOW - timedelta(days=90), NOW)
    ahead = Present(NOW + timedelta(days=90), NOW)
    assert behind.latest == NOW + timedelta(days=1)
    assert behind.day_in_words == "today, 2026-05-01 by the machine's clock"
    assert ahead.latest == NOW + timedelta(days=91)
    assert ahead.day_in_words == "today, 2026-07-30 by the simulated clock"
    assert (behind.is_simulated, Present(NOW, NOW).is_simulated) == (True, False)
