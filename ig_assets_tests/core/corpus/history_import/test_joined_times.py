"""A day and a time in columns of their own are one instant, at every door."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from ig_assets.core.corpus.scripts.parse import parse_file
from ig_assets.core.experiments.engagement.recording import read_recording
from ig_assets_tests.core.corpus.history_import.reading.exports import history
from ig_assets_tests.factories.workbook import workbook


@pytest.mark.parametrize(
    ("header", "day", "time"),
    [
        *(
            ("Date,Time", "2026-03-02", "18:05"),
            ("Datum,Uhrzeit", "02.03.2026", "18:05"),
        ),
        *(
            ("Post date,Post time", "3/2/2026", "6:05 PM"),
            ("Fecha,Hora", "2/3/2026", "18:05"),
        ),
        *(
            ("Jour,Heure", "2 mars 2026", "18h05"),
            ("Date,Post time", "20260302", "18:05"),
        ),
        *(("Date,Post time (UTC+1)", "2026-03-02", "19:05"),),
    ],
)
def test_a_day_and_a_time_are_one_instant(
    tmp_path: Path, header: str, day: str, time: str
) -> None:
    other = day.replace("2/3/", "22/3/").replace("3/2/", "3/22/")
    text = f"Caption,{header},Views\nLids,{day},{time},9\nPans,{other},,9\n"
    found = history(tmp_path, "t.csv", text)
    first, second = (row.posted_on for row in found.rows)
    assert first == datetime(2026, 3, 2, 18, 5)
    assert second is not None and (second.hour, second.minute) in ((0, 0), (23, 0))
    assert "joined to" in found.read_as


def test_a_time_that_cannot_be_read_is_no_midnight(tmp_path: Path) -> None:
    rows = [f"Lid {n},2026-03-0{n},18:0{n},9" for n in range(1, 9)]
    text = "\n".join(["Caption,Date,Time,Views", *rows, "Pans,2026-03-09,evening,9"])
    found = history(tmp_path, "t.csv", text)
    assert [row.posted_on is None for row in found.rows] == [False] * 8 + [True]
    assert "`posted_on`: 1 value was left out" in " ".join(found.notes)


def test_a_time_that_no_clock_has_is_no_midnight(tmp_path: Path) -> None:
    rows = ["Lids,2026-03-02,24:00,9", "Pans,2026-03-03,6 pm,9"]
    found = history(tmp_path, "t.csv", "\n".join(["Caption,Date,Time,Views", *rows]))
    days = [row.posted_on for row in found.rows]
    assert days == [None, datetime(2026, 3, 3, 18)]
    assert "a time that no clock has" in " ".join(found.notes)


@pytest.mark.parametrize("name", ["Duration", "Watch time", "Length"])
def test_a_duration_is_no_time_of_day(tmp_path: Path, name: str) -> None:
    text = f"Caption,Date,{name},Views\nLids,2026-03-02,0:35,9\n"
    [row] = history(tmp_path, "t.csv", text).rows
    assert row.posted_on == datetime(2026, 3, 2)


def test_a_column_that_a_person_has_mapped_is_not_joined(tmp_path: Path) -> None:
    text = "Caption,Date,Time,Views\nLids,2026-03-02,18:05,9\n"
    [row] = history(tmp_path, "t.csv", text, mapping={"topic": "Time"}).rows
    assert (row.topic, row.posted_on) == ("18:05", datetime(2026, 3, 2))


def test_a_time_with_its_day_is_a_time_of_publication(tmp_path: Path) -> None:
    text = "Video title,Time,Total views\nLids,2026-03-02 18:05,9\n"
    [row] = history(tmp_path, "t.csv", text).rows
    assert row.posted_on == datetime(2026, 3, 2, 18, 5)


def test_a_recording_and_a_library_join_them_too(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("post_id,date,time,views\nABC12x,2026-03-02,18:05,9\n")
    [at] = read_recording(file).observed_at
    assert at == np.datetime64("2026-03-02T18:05")
    header = "hook,body,as_of,snapshot time,views,likes"
    rows = [header.split(","), ["Lids", "On", "2026-03-02", "18:05", "90", "9"]]
    [script] = parse_file("t.xlsx", workbook({"Posts": rows})).scripts
    assert script.performance is not None
    assert script.performance.as_of == datetime(2026, 3, 2, 18, 5)
