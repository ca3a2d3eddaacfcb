"""A step says how far it has come and about how long it still takes."""

from __future__ import annotations

import pytest

from ig_assets.core.operations.progress import LOGGER, Progress, duration


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_the_time_left_is_that_of_what_is_done_for_what_is_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", LOGGER)
    now = [0.0]
    progress = Progress("drafts", 11, lambda: now[0])
    for _ in range(3):
        now[0] += 45
        progress.add()
    for _ in range(8):
        now[0] += 1
        progress.add()
    assert said(caplog) == [
        "11 drafts to do.",
        "1 of 11 drafts, about 8 min left.",
        "2 of 11 drafts, about 7 min left.",
        "3 of 11 drafts, about 6 min left.",
        "8 of 11 drafts, about 60 s left.",
        "11 of 11 drafts, in 3 min.",
    ]


def test_where_nothing_is_to_do_nothing_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", LOGGER)
    Progress("drafts", 0).add(0)
    assert said(caplog) == []


def test_a_single_batch_is_said_when_it_is_done_and_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", LOGGER)
    progress = Progress("texts", 40, lambda: 7.0)
    progress.add(40)
    progress.add(0)
    assert said(caplog) == ["40 texts to do.", "40 of 40 texts, in 0 s."]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "10 s"), (11, "20 s"), (90, "90 s"), (91, "2 min"), (5400, "90 min")]
    + [(5401, "1.5 h"), (36_000, "10.0 h")],
)
def test_a_duration_is_rounded_up_to_what_a_person_would_say(
    seconds: float, words: str
) -> None:
    assert duration(seconds) == words
