"""Simulated time is one file: the new one or the old one; damage is reported."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from ig_assets.adapters.simulated.clocks import SimulatedClock
from ig_assets.errors import InputError

START, LATER = datetime(2026, 1, 1), datetime(2026, 2, 3, 4, 5)


def test_time_begins_at_the_start_and_never_goes_back(tmp_path: Path) -> None:
    file = tmp_path / "data" / "clock.json"
    assert SimulatedClock(file, START).now() == START
    SimulatedClock(file, START).move_to(LATER)
    SimulatedClock(file, START).move_to(START)
    assert SimulatedClock(file, START).now() == LATER
    assert [path.name for path in file.parent.iterdir()] == ["clock.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"now": "2026-02',
        b"{}",
        b"[]",
        b"\xff",
        b'{"now": 7}',
        b'{"now": "soon"}',
        b'{"now": "2026-02-03T00:00:00+02:00"}',
    ],
)
def test_a_damaged_clock_is_one_sentence_that_says_what_to_do(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "clock.json"
    file.write_bytes(content)
    clock = SimulatedClock(file, START)
    with pytest.raises(InputError, match="is damaged; write .* or restore it"):
        clock.now()
    with pytest.raises(InputError, match="is damaged"):
        clock.move_to(LATER)
    assert file.read_bytes() == content


def test_a_move_that_is_cut_short_leaves_the_time_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clock.json"
    clock = SimulatedClock(file, START)
    clock.move_to(START)

    def full(number: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        clock.move_to(LATER)
    assert clock.now() == START
