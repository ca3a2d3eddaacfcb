"""An error of a spreadsheet stands for no value, and that is said at every door."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.core.corpus.scripts.parse import parse_file
from ig_assets.core.experiments.engagement.recording import read_recording
from ig_assets_tests.core.corpus.history_import.reading.exports import history


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#DIV/0!", "#VALUE!", "#NV"])
def test_an_error_in_a_count_or_a_date_is_null_with_a_counted_note(
    tmp_path: Path, error: str
) -> None:
    text = (
        f"Caption,Date,Views,Likes\nLids,2026-03-01,{error},4\n"
        f"Pans,{error},100,9\nOil,2026-03-02,{error},3\n"
    )
    found = history(tmp_path, "t.csv", text)
    assert [row.counts.get("views") for row in found.rows] == [None, 100, None]
    said = [note for note in found.notes if f"{error}, an error of the sp" in note]
    assert [note.partition(" ")[0] for note in said] == ["`views`:", "`posted_on`:"]
    assert "2 values were left out" in said[0]


def test_a_hash_tag_is_no_error_of_a_spreadsheet(tmp_path: Path) -> None:
    text = "Caption,Views\n#salt!,100\n#REF!,90\n"
    found = history(tmp_path, "t.csv", text)
    assert [row.hook for row in found.rows] == ["#salt!"]
    assert [reject.reason for reject in found.rejects] == ["no hook"]


def test_a_recording_says_how_many_counts_are_errors(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text(
        "post_id,date,views\nABC12x,2026-03-01,9\nABC12x,2026-03-02,#REF!\n"
    )
    assert (
        "1 of views left out as errors of the spread" in read_recording(file).row_sum()
    )


def test_an_error_in_a_librarys_count_costs_the_count_and_is_said() -> None:
    text = b"hook,body,as_of,views,reach,likes\nLids,Put it,2026-03-01,#REF!,90,9\n"
    [script] = parse_file("t.csv", text).scripts
    assert script.performance is not None
    assert (script.performance.views, script.performance.rate) == (None, 0.1)
    assert "`views` of the performance is #REF!" in script.left_out[0].detail


def test_a_reading_of_errors_alone_is_none() -> None:
    text = b"hook,body,as_of,views,likes\nLids,Put it on,2026-03-01,#REF!,#N/A\n"
    [script] = parse_file("t.csv", text).scripts
    assert (script.hook, script.performance) == ("Lids", None)
    assert "`likes` of the performance is #N/A" in script.left_out[0].detail
