"""Files whose rows are no posts: parts of posts, metrics, columns, roll-outs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ig_assets.core.corpus.history_import.identity.file_posts import (
    SEGMENTS,
    GroupedRows,
    group_posts,
)
from ig_assets.core.operations.present import Present
from ig_assets.core.corpus.history_import.reading.rows import (
    ParsedHistory,
    read_history,
)
from ig_assets.core.experiments.engagement.recording import read_recording
from ig_assets.errors import InputError
from ig_assets_tests.core.corpus.history_import.imports import MACHINE

WORDS = ("Salt your onions first", "Never wash rice", "Lids on")


def read(tmp_path: Path, text: str, name: str = "posts.csv") -> ParsedHistory:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return read_history(file)


def grouped(tmp_path: Path, text: str) -> GroupedRows:
    found = read(tmp_path, text)
    return group_posts(found.rows, found.mapping, Present(MACHINE, MACHINE))


@pytest.mark.parametrize("column", ["Country", "Age", "Surface", "Follower type"])
@pytest.mark.parametrize("has_id", [True, False])
def test_rows_of_one_post_by_country_or_age_are_refused_and_no_post(
    tmp_path: Path, column: str, has_id: bool
) -> None:
    names = (["Post ID"] if has_id else []) + ["Caption", "Date", column]
    rows = [",".join([*names, "Views", "Likes"])]
    for number, words in enumerate(WORDS):
        for part, views in (("18-24", 900), ("25-34", 400)):
            at = [f"18{number}"] if has_id else []
            day = f"2026-03-0{number + 1}"
            rows.append(",".join([*at, words, day, part, str(views), "30"]))
    rows.append(
        ",".join([*(["189"] if has_id else []), "Alone", "2026-03-09,18-24,9,1"])
    )
    found = grouped(tmp_path, "\n".join(rows))
    assert {(reason, column in detail) for _, reason, detail in found.refused} == {
        (SEGMENTS, True)
    }
    assert (len(found.refused), len(found.posts), len(found.repeated)) == (6, 1, 0)


def test_the_same_counts_under_several_labels_are_one_post(tmp_path: Path) -> None:
    rows = "".join(
        f"18{n},{words},2026-03-01,{tag},900,30\n"
        for n, words in enumerate(WORDS)
        for tag in ("salt", "rice")
    )
    found = grouped(tmp_path, "Post ID,Caption,Date,Hashtag,Views,Likes\n" + rows)
    assert (len(found.posts), len(found.repeated), found.refused) == (3, 3, ())


@pytest.mark.parametrize(
    ("metric", "value"), [("Metric", "Value"), ("Kennzahl", "Wert"), ("KPI", "Total")]
)
def test_a_table_of_one_row_per_metric_is_refused_with_how_to_turn_it(
    tmp_path: Path, metric: str, value: str
) -> None:
    rows = "".join(
        f"18{n},{words},2026-03-01,{name},{count}\n"
        for n, words in enumerate(WORDS)
        for name, count in (("Views", 900), ("Likes", 30), ("Watch time", 5))
    )
    text = f"Post ID,Caption,Date,{metric},{value}\n{rows}"
    with pytest.raises(InputError, match=f"one row per metric .*{metric}.*pivot"):
        read(tmp_path, text)
    with pytest.raises(InputError, match="one row per metric"):
        read_recording(tmp_path / "posts.csv")


def test_a_column_called_metric_beside_counts_is_no_reason_to_refuse(
    tmp_path: Path,
) -> None:
    text = "Caption,Metric,Total,Views,Likes\nSalt first,reach goal,5,900,30\n"
    assert len(read(tmp_path, text).rows) == 1


@pytest.mark.parametrize("orient", ["columns", "split", "index"])
def test_json_of_pandas_is_read_by_row_and_refused_by_column(
    tmp_path: Path, orient: str
) -> None:
    names = ["caption", "views", "likes"]
    data = [[words, 900, 30] for words in WORDS]
    shapes = {
        "columns": {
            n: {str(i): row[at] for i, row in enumerate(data)}
            for at, n in enumerate(names)
        },
        "split": {"columns": names, "index": [0, 1, 2], "data": data},
        "index": {
            str(i): dict(zip(names, row, strict=True)) for i, row in enumerate(data)
        },
    }
    text = json.dumps(shapes[orient])
    if orient == "index":
        assert [row.text for row in read(tmp_path, text, "p.json").rows] == [*WORDS]
    else:
        with pytest.raises(InputError, match="one entry per column.*orient='records'"):
            read(tmp_path, text, "p.json")


@pytest.mark.parametrize("name", ["tweets.js", "tweets.json"])
def test_a_script_of_an_archive_is_named_as_such(tmp_path: Path, name: str) -> None:
    text = 'window.YTD.tweets.part0 = [\n  {"tweet": {"id": "1", "full_text": "x"}}\n]'
    with pytest.raises(InputError, match="script of an archive"):
        read(tmp_path, text, name)


@pytest.mark.parametrize(
    "label", ["Rollout", "Winner rollout", "Roll-out to the rest", "Remainder"]
)
def test_what_went_to_the_rest_of_the_audience_is_no_arm(
    tmp_path: Path, label: str
) -> None:
    head = "Test,Variant,Headline,Impressions,Clicks\n"
    arms = "t,A,Salt first,5000,60\nt,B,Lids on,5000,130\n"
    found = read(tmp_path, f"{head}{arms}t,{label},Lids on,50000,900\n")
    assert [row.arm for row in found.rows] == ["A", "B"]
    assert "rest of the audience" in found.rejects[0].detail
    own = read(tmp_path, f"{head}{arms}t,{label},Words of its own,5000,90\n")
    assert [row.arm for row in own.rows] == ["A", "B", label]


def test_columns_without_a_name_are_counted_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\(columns: x, y, 2 without a name\)"):
        read(tmp_path, "x,,y,\n1,2,3,4\n")


@pytest.mark.parametrize("hides", ["like_and_view_counts_disabled", "likes_hidden"])
def test_a_count_that_its_account_hides_is_no_count_at_any_door(
    tmp_path: Path, hides: str
) -> None:
    text = (
        f"post_id,caption,date,{hides},views,likes\n"
        "AB1,Salt your onions first,2026-03-01,true,900,3\n"
        "AB2,Never wash rice,2026-03-02,false,900,41\n"
    )
    found = read(tmp_path, text)
    left = {} if hides.startswith("like_and") else {"views": 900}
    assert [row.counts for row in found.rows] == [left, {"views": 900, "likes": 41}]
    assert any("`likes`: 1 hidden" in note for note in found.notes)
    recorded = read_recording(tmp_path / "posts.csv")
    assert "1 of likes left out, hidden" in recorded.row_sum()


TOOLS = {
    "later": (
        "Posted Time,Posted Time Zone,Caption,Likes,Plays,Media URL,Instagram URL\n"
        '"Mar 4, 2026 10:00 AM",America/New_York,Lids on,10,90,https://l/1.mp4,'
        "https://www.instagram.com/reel/Cabc1/\n",
        {"posted_on": "Posted Time", "permalink": "Instagram URL", "views": "Plays"},
        "2026-03-04 15:00",
    ),
    "power bi": (
        "Post[Caption],Calendar[Date],[Sum of views],[SumLikes]\n"
        "Lids on,2026-03-04T00:00:00.0000000,90,10\n",
        {"posted_on": "Calendar[Date]", "views": "[Sum of views]"},
        "2026-03-04 00:00",
    ),
    "dash hudson": (
        "Published Date,Caption,Likes (Owned),Video Views\n2026-03-04,Lids on,10,90\n",
        {"likes": "Likes (Owned)", "views": "Video Views"},
        "2026-03-04 00:00",
    ),
    "analytics": (
        "# ---------\n# Start date: 20260301\n#\nCaption,Date,Views,Likes\n"
        "Lids on,2026-03-04,90,10\n",
        {"text": "Caption", "views": "Views"},
        "2026-03-04 00:00",
    ),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_an_export_of_a_tool_that_nobody_named_is_read(
    tmp_path: Path, tool: str
) -> None:
    text, mapping, posted_on = TOOLS[tool]
    found = read(tmp_path, text)
    assert mapping.items() <= found.mapping.items()
    [row] = found.rows
    assert (row.counts["likes"], row.counts["views"]) == (10, 90)
    assert f"{row.posted_on:%Y-%m-%d %H:%M}" == posted_on


def test_a_column_of_several_zones_is_said_to_be_unused(tmp_path: Path) -> None:
    rows = "2026-03-04 10:00,Europe/Berlin,One,9\n2026-03-05 10:00,Asia/Tokyo,Two,9\n"
    found = read(tmp_path, "Published at,Time zone,Caption,Views\n" + rows)
    assert any("does not name one zone" in note for note in found.notes)
    assert [f"{row.posted_on:%H}" for row in found.rows] == ["10", "10"]


def test_a_card_of_a_planner_is_its_description_and_not_its_name(
    tmp_path: Path,
) -> None:
    card = {"id": "5f00000a", "name": "Reel 12", "desc": "Salt it first. Then wait."}
    text = json.dumps({"name": "Board", "cards": [card], "lists": []})
    assert read(tmp_path, text, "board.json").rows[0].text == card["desc"]


def test_the_missing_mark_of_r_is_no_count_and_a_label_stays(tmp_path: Path) -> None:
    rows = '"1","Lids on","2026-03-04",NA,9,"NA"\n"2","Salt first",NA,NA,8,"EU"\n'
    rows += '"3","Never wash rice","2026-03-05",90,7,"NA"\n'
    found = read(tmp_path, f'"","caption","date","views","likes","arm"\n{rows}')
    assert [row.counts.get("views") for row in found.rows] == [None, None, 90]
    assert [row.arm for row in found.rows] == ["NA", "EU", "NA"]
    assert found.rows[1].posted_on is None


def test_names_of_columns_apart_from_their_rows_are_no_scripts(tmp_path: Path) -> None:
    names = [{"name": "caption"}, {"name": "views"}, {"name": "likes"}]
    text = json.dumps({"columnHeaders": names, "rows": [["Lids on", "90", "9"]]})
    with pytest.raises(InputError, match="its columns apart from its rows"):
        read(tmp_path, text, "report.json")


@pytest.mark.parametrize("name", ["March 2026", "KW 12", "M\u00e4rz", "Q1 2026"])
def test_the_name_of_a_group_of_rows_is_no_script(tmp_path: Path, name: str) -> None:
    rows = f"{name},,,\nLids on,2026-03-04,90,9\n{name},2026-03-05,90,9\n"
    found = read(tmp_path, f"Caption,Date,Views,Likes\n{rows}")
    assert [row.text for row in found.rows] == ["Lids on", name]
    assert found.skipped == {"totals": 1}
