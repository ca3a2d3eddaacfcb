"""The files of shared/real_files, and a spoilt table, through every door."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.corpus.history_import.reading.rows import read_history
from ig_assets.core.corpus.scripts.parse import parse_file
from ig_assets.core.experiments.engagement.recording import read_recording
from ig_assets.core.generation.topics.content_calendar import read_calendar
from ig_assets_tests.core.corpus.history_import.reading.exports import history

FILES = Path(__file__).parents[6] / "shared" / "real_files"
HERE = pytest.mark.skipif(
    not FILES.is_dir(), reason="the folder shared/real_files is not here"
)


# ── the files of shared/real_files ──────────────────────────────────────────
# Rows taken, lines rejected, and what the first row says.
HISTORY: dict[str, tuple[int, list[int], dict[str, Any]]] = {
    "01_meta_business_suite_us.csv": (
        *(2, [4]),
        {
            "post_id": "18000000000000001",
            "posted_on": datetime(2026, 3, 4, 6, 8),
            "views": 15200,
            "reach": 9800,
            "saves": 55,
        },
    ),
    "02_meta_business_suite_de.csv": (
        *(2, []),
        {
            "post_id": "18000000000000011",
            "posted_on": datetime(2026, 3, 4, 18),
            "likes": 410,
            "shares": 120,
        },
    ),
    "04a_instagram_download_mojibake.jsonl": (
        *(2, []),
        {"text": "Café ohne Filter – drei Griffe 🔪", "views": 900},
    ),
    "04b_double_encoded.csv": (1, [], {"text": "Café ohne Filter – drei Griffe"}),
    "05a_hidden_likes_minus_one.jsonl": (
        *(2, []),
        {"likes": None, "views": 15200, "post_id": "AAA1", "author": "studio.pan"},
    ),
    "05c_nan_caption.jsonl": (1, [1], {"text": "Lids.", "views": None, "likes": 20}),
    "05d_array_named.jsonl": (2, [], {"text": "Lids."}),
    "06a_unclosed_quote_first_row.csv": (12, [2], {"views": 101}),
    "06b_unclosed_quote_middle.csv": (12, [6], {"views": 101}),
    "06c_two_captions_begin_with_quote.csv": (5, [3, 7], {"views": 500}),
    "06f_backslash_quotes.csv": (
        *(3, []),
        {"text": 'She said "salt, then wait", and she was right'},
    ),
    "07a_caption_last_with_commas.csv": (1, [2, 3], {"text": "One pan"}),
    "07b_caption_with_bare_line_break.csv": (1, [2, 3], {"text": "Three cuts"}),
    "08_replay_german_thousands.csv": (4, [], {"views": 1234, "likes": 40}),
    "09a_scheduler_gaps_and_separators.csv": (6, [], {"impressions": 2000}),
    "11a_ytdlp_first.jsonl": (
        *(2, []),
        {
            "hook": "Your onions are steaming, not frying.",
            "posted_on": datetime(2026, 3, 4, 6, 8),
            "views": 15200,
        },
    ),
    "12_daily_snapshots.csv": (
        *(6, []),
        {
            "posted_on": datetime(2026, 3, 4, 6, 8),
            "read_at": datetime(2026, 3, 5),
            "views": 1000,
        },
    ),
    "15_zero_time.csv": (2, [], {"posted_on": datetime(2026, 3, 4)}),
    "21_numeric.parquet": (
        *(2, []),
        {"views": 15200, "likes": 410, "posted_on": datetime(2026, 3, 4, 4, 8)},
    ),
}


@HERE
@pytest.mark.parametrize("name", HISTORY)
def test_a_real_file_is_taken_as_it_is(name: str) -> None:
    taken, rejected, first = HISTORY[name]
    found = read_history(FILES / name)
    assert len(found.rows) == taken
    lines = [int(r.source_uri.rpartition("#")[2]) for r in found.rejects]
    assert sorted(lines) == rejected
    row = found.rows[0]
    values = {**vars(row), **{m: None for m in ("views", "likes")}, **row.counts}
    assert {name: values[name] for name in first} == first


@HERE
def test_a_schedulers_gaps_and_separators_cost_no_row() -> None:
    rows = read_history(FILES / "09a_scheduler_gaps_and_separators.csv").rows
    assert [row.counts.get("views") for row in rows] == [
        *(1800.0, None, None, 15000.0, 1100.0, 0.0)
    ]
    assert (rows[3].counts["impressions"], rows[4].counts["impressions"]) == (
        *(12400.0, 1200.0),
    )


@HERE
def test_a_boundary_date_is_no_date_and_is_noted() -> None:
    found = read_history(FILES / "15_zero_time.csv")
    assert found.rows[1].posted_on is None
    assert found.notes[0].startswith("`posted_on`: 1 value was left out")


@HERE
def test_a_recording_with_german_thousands_is_read_by_its_column() -> None:
    found = read_recording(FILES / "08_replay_german_thousands.csv")
    assert found.counters["views"].tolist() == [1234.0, 2480.0, 999.0, 512.0]
    assert "Counts fall from one reading to the next" in found.falling
    daily = read_recording(FILES / "12_daily_snapshots.csv")
    assert (daily.post_ids, daily.rows_read, daily.rejects) == (
        *(["180001", "180002"], 6, ()),
    )


@HERE
@pytest.mark.parametrize(
    ("name", "hooks"),
    [
        ("17b_library_excel_sep.csv", ["Pan hook"]),
        ("library/scripts.tsv", ["Tabbed hook"]),
        ("24_three_tests.csv", ["Your onions are steaming", "Stop stirring"]),
    ],
)
def test_a_library_reads_the_same_tables(name: str, hooks: list[str]) -> None:
    parsed = parse_file(name, (FILES / name).read_bytes())
    assert parsed.rejects == ()
    for script, hook in zip(parsed.scripts, hooks, strict=False):
        assert script.hook.startswith(hook)


@HERE
@pytest.mark.parametrize(
    ("name", "topics", "rejected"),
    [
        ("clickup.csv", ["Mushrooms dry pan"], 0),
        ("german.csv", ["Paprika schneiden"], 0),
        ("excel_sep.csv", ["Lids"], 0),
        ("extra_column.csv", ["Lids"], 0),
    ],
)
def test_a_real_calendar_is_read(name: str, topics: list[str], rejected: int) -> None:
    reading = read_calendar(FILES / "calendar" / name, "2026-03")
    assert [topic.topic for topic, _ in reading.topics] == topics
    assert [str(topic.due_on) for topic, _ in reading.topics] == ["2026-03-06"]
    assert len(reading.rejects) == rejected


@HERE
def test_each_date_of_a_calendar_is_read_or_says_how_to_write_it() -> None:
    reading = read_calendar(FILES / "calendar" / "dates.csv", "2026-03")
    assert {topic.due_on.day for topic, _ in reading.topics} == {6, 7}
    assert len(reading.topics) == 6
    assert ["format the column as a date" in reading.rejects[0].detail] == [True]
    assert "has no day; write it as 2026-01-31" in reading.rejects[1].detail


# ── the same spoilt table at each door ──────────────────────────────────────
SPOILT = {
    "an open quote": 'post_id,hook,as_of,views\na,A,2026-01-02,1\nb,"B,2026-01-02,1\n'
    "c,C,2026-01-02,1\n",
    "too wide": "post_id,hook,as_of,views\na,A,2026-01-02,1\nb,B,2026-01-02,1,9\n"
    "c,C,2026-01-02,1\n",
    "too short": "post_id,hook,as_of,views\na,A,2026-01-02,1\nb,B,2026-01-02\n"
    "c,C,2026-01-02,1\n",
}


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_spoilt_row_is_rejected_with_its_line_at_every_door(
    tmp_path: Path, how: str, encoding: str
) -> None:
    content = SPOILT[how].encode(encoding)
    found = history(tmp_path, "t.csv", content)
    assert [row.hook for row in found.rows] == ["A", "C"]
    assert [r.source_uri for r in found.rejects] == ["history:t.csv#3"]
    recorded = read_recording(tmp_path / "t.csv")
    assert recorded.post_ids == ["a", "c"] and recorded.rejects[0][0] == 3
    parsed = parse_file("t.csv", content)
    assert [script.hook for script in parsed.scripts] == ["A", "C"]
    assert "(line 3)" in parsed.rejects[0].detail
    plan = tmp_path / "plan.csv"
    text = SPOILT[how].replace("hook", "topic").replace("as_of", "due_on")
    plan.write_bytes(text.encode(encoding))
    reading = read_calendar(plan, "2026-01")
    assert [topic.topic for topic, _ in reading.topics] == ["A", "C"]
    assert "(line 3)" in reading.rejects[0].detail
