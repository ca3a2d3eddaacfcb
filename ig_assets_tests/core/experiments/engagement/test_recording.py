from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest

from ig_assets.core.experiments.engagement.columns import parse_columns
from ig_assets.core.experiments.engagement.recording import Recording, read_recording
from ig_assets.errors import InputError

NO_COUNT = "is not a whole number of 0 or more"
PLAIN = """video_id,publish_time,date,plays,like_count,note
b,2026-01-01T10:00:00Z,2026-01-03,900,30,x
a,2026-01-01T12:00:00+02:00,2026-01-02,100,7,x
a,2026-01-01T12:00:00+02:00,2026-01-03,90,,x
"""


def recording(tmp_path: Path, text: str, **columns: str) -> Recording:
    file = tmp_path / "recorded.csv"
    file.write_text(text, encoding="utf-8")
    return read_recording(file, columns)


def test_columns_are_guessed_and_snapshots_lie_by_post_in_times_order(
    tmp_path: Path,
) -> None:
    found = recording(tmp_path, PLAIN)
    assert (found.post_ids, found.rows_read) == (["a", "b"], 3)
    assert dict(found.mapping) == {
        "post_id": "video_id",
        "published_at": "publish_time",
        "observed_on": "date",
        "views": "plays",
        "likes": "like_count",
    }
    first = found.snapshots(0)
    assert found.counters["views"][first].tolist() == [100.0, 90.0]
    assert found.published_at[0] == np.datetime64("2026-01-01T10:00")


def test_a_day_is_known_by_its_end_and_a_time_of_day_is_kept(tmp_path: Path) -> None:
    text = "post_id,observed_at,views\na,2026-01-02,1\na,2026-01-03T07:00:00+01:00,2\n"
    found = recording(tmp_path, text)
    assert found.observed_at.tolist() == [
        np.datetime64("2026-01-03").astype("datetime64[us]").item(),
        np.datetime64("2026-01-03T06:00").astype("datetime64[us]").item(),
    ]


def test_what_was_not_recorded_is_missing_and_never_zero(tmp_path: Path) -> None:
    found = recording(tmp_path, PLAIN)
    assert np.isnan(found.counters["likes"][1])


def test_without_a_name_title_author_and_birth_are_the_post(tmp_path: Path) -> None:
    text = (
        "title,channel_title,publish_time,observed_on,views\n"
        "Eggs,Mara,2026-01-01,2026-01-02,1\n"
        "Eggs,Rita,2026-01-01,2026-01-02,2\n"
        "Eggs,Mara,2026-01-01,2026-01-03,3\n"
        ",Mara,2026-01-01,2026-01-03,4\n"
    )
    found = recording(tmp_path, text)
    assert sorted(np.diff(found.starts)) == [1, 2]
    assert found.rejects == ((5, "names no post"),)


def test_lost_characters_in_a_title_cost_no_reading_and_in_an_id_they_do(
    tmp_path: Path,
) -> None:
    row = "won\ufffdt,me,2026-01-01T00:00:00Z,2026-01-02,5\n"
    found = recording(tmp_path, f"title,author,publish_time,observed_on,views\n{row}")
    assert (len(found.post_ids), found.rejects) == (1, ())
    ids = "post_id,observed_on,views\nwon\ufffdt,2026-01-02,5\nb,2026-01-02,5\n"
    found = recording(tmp_path, ids)
    assert found.rejects == ((2, "`post_id` is no readable text"),)


def test_without_a_birth_a_post_was_born_on_the_day_of_its_first_snapshot(
    tmp_path: Path,
) -> None:
    found = recording(tmp_path, "post_id,observed_on,views\na,2026-01-02,1\n")
    assert found.published_at[0] == np.datetime64("2026-01-02")


def test_of_two_rows_of_one_instant_the_last_stands(tmp_path: Path) -> None:
    text = "post_id,observed_on,views\na,2026-01-02,1\na,2026-01-02,5\n"
    assert recording(tmp_path, text).counters["views"].tolist() == [5.0]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("a,2026-01-01,yesterday,1", "not a day such as 2026-01-31"),
        ("a,2026-01-01,2026-01,1", "not a day such as 2026-01-31"),
        ("a,2026-01-01,2027,1", "not a day such as 2026-01-31"),
        ("a,2026,2026-01-02,1", "not a time of publication"),
        ("a,then,2026-01-02,1", "not a time of publication"),
        ("a,2026-01-01,2026-01-02,many", f"`views` {NO_COUNT}"),
        ("a,2026-01-01,2026-01-02,inf", f"`views` {NO_COUNT}"),
        ("a,2026-01-01,2026-01-02,-2", "`views` is below 0"),
        ("a,2026-01-05,2026-01-02,1", "read before it was published"),
        (",2026-01-01,2026-01-02,1", "names no post"),
    ],
)
def test_a_row_that_is_no_snapshot_is_left_out_with_its_reason(
    tmp_path: Path, row: str, why: str
) -> None:
    good = "b,2026-01-01,2026-01-02,1"
    text = f"post_id,published_at,observed_on,views\n{good}\n{row}\n"
    found = recording(tmp_path, text)
    assert (found.post_ids, found.rejects) == (["b"], ((3, why),))


@pytest.mark.parametrize("day", ["2026/01/02", "20260102", "2026-1-2", "02.01.2026"])
def test_a_day_is_read_as_people_write_it(tmp_path: Path, day: str) -> None:
    found = recording(tmp_path, f"post_id,observed_on,views\na,{day},1\n")
    assert found.observed_at.tolist() == [
        np.datetime64("2026-01-03").astype("datetime64[us]").item()
    ]


def test_a_hidden_count_and_a_mark_for_no_value_are_missing(tmp_path: Path) -> None:
    text = "post_id,observed_on,views\na,2026-01-02,-1\na,2026-01-03,N/A\n"
    found = recording(tmp_path, text)
    assert np.isnan(found.counters["views"]).all() and found.rejects == ()


def test_an_ambiguous_day_is_asked_about_and_decided_by_the_setting(
    tmp_path: Path,
) -> None:
    text = "post_id,observed_on,views\na,03/04/2026,1\n"
    with pytest.raises(InputError, match="'03/04/2026' .line 2.*dates=… .mdy or dmy"):
        recording(tmp_path, text)
    found = recording(tmp_path, text, dates="mdy", timezone="Europe/Berlin")
    assert found.observed_at[0] == np.datetime64("2026-03-04T23:00")


def test_a_mapping_is_put_over_the_guess(tmp_path: Path) -> None:
    found = recording(tmp_path, PLAIN, likes="plays", views="")
    assert found.counters["likes"].max() == 900.0 and "views" not in found.counters


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("observed_on,views\n2026-01-02,1\n", "to be a post"),
        ("post_id,views\na,1\n", "to be a day"),
        ("post_id,observed_on\na,2026-01-02\n", "to be a counter"),
        ("post_id,observed_on,views\na,never,1\n", "line 2: not a day"),
        ("post_id,observed_on,views\n", "No row"),
    ],
)
def test_a_file_that_is_no_recording_says_what_it_lacks(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        recording(tmp_path, text)


def test_a_mapped_column_that_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'watched'"):
        recording(tmp_path, PLAIN, views="watched")


def test_the_rows_add_up_in_a_sentence_that_names_the_first_rejected_line(
    tmp_path: Path,
) -> None:
    found = recording(tmp_path, PLAIN + "c,2026-01-01,2026-01-02,many,1,x\n\n")
    assert found.row_sum() == (
        "5 rows: 3 taken, 1 rejected, 1 skipped (blank 1); the first rejected is line "
        f"5: {found.rejects[0][1]}. {found.falling}"
    )
    assert NO_COUNT in found.rejects[0][1]


def test_a_parquet_file_says_the_same_as_its_csv(tmp_path: Path) -> None:
    from_csv = recording(tmp_path, PLAIN)
    with duckdb.connect() as con:
        con.execute(
            f"COPY (FROM read_csv('{tmp_path / 'recorded.csv'}')) "
            f"TO '{tmp_path / 'recorded.parquet'}' (FORMAT parquet)"
        )
    found = read_recording(tmp_path / "recorded.parquet")
    assert found.post_ids == from_csv.post_ids
    assert found.observed_at.tolist() == from_csv.observed_at.tolist()
    np.testing.assert_array_equal(found.counters["likes"], from_csv.counters["likes"])


def test_columns_are_said_as_pairs() -> None:
    assert parse_columns(" views = plays, likes=,") == {"views": "plays", "likes": ""}
    with pytest.raises(ValueError, match="'dislikes=x' is not OURS=COLUMN"):
        parse_columns("dislikes=x")


@pytest.mark.parametrize("views", [(1000, 800, 650, 520), (300, 100)])
def test_a_recording_of_single_days_is_refused(
    tmp_path: Path, views: tuple[int, ...]
) -> None:
    rows = "".join(f"a,2026-01-0{n},{v}\n" for n, v in enumerate(views, 1))
    with pytest.raises(InputError, match="as those of single days do"):
        recording(tmp_path, "post_id,observed_on,views\n" + rows)


def test_a_counter_that_goes_back_a_little_is_said(tmp_path: Path) -> None:
    found = recording(tmp_path, PLAIN)
    assert "Counts fall from one reading to the next for 1 of the 1" in found.row_sum()


def test_a_reading_with_more_likes_than_views_is_rejected(tmp_path: Path) -> None:
    rows = "a,2026-01-01,100,200\na,2026-01-02,300,200\na,2026-01-03,,250\n"
    found = recording(tmp_path, "post_id,observed_on,views,likes\n" + rows)
    assert found.rejects == ((2, "more likes than views are given"),)


def test_drafts_and_deleted_posts_of_a_recording_are_skipped(tmp_path: Path) -> None:
    rows = (
        "a,2026-01-01,9,,live\nb,2026-01-01,9,2026-01-05,live\nc,2026-01-01,0,,Draft\n"
    )
    header = "post_id,observed_on,views,_sdc_deleted_at,status\n"
    found = recording(tmp_path, header + rows)
    assert found.post_ids == ["a"]
    assert "(deleted 1) (not posted 1)" in found.row_sum()


def test_a_row_that_was_read_after_today_is_rejected_with_its_line(
    tmp_path: Path,
) -> None:
    file = tmp_path / "r.csv"
    days = ("2026-03-01", "2026-03-03", "2026-03-04", "2027-03-02")
    rows = [f"ABC12x,{day},{n}" for n, day in enumerate(days, 1)]
    file.write_text("\n".join(["post_id,date,views", *rows]), encoding="utf-8")
    found = read_recording(file, today=datetime(2026, 3, 2))
    assert [line for line, _ in found.rejects] == [4, 5]
    said = "read on 2027-03-02, after today, 2026-03-02 by the machine's clock"
    assert found.rejects[1][1] == said
    assert len(read_recording(file).observed_at) == 4
