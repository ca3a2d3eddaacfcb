"""The content calendar: usable rows are read, others are rejected with a reason."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ig_assets.core.generation.topics.content_calendar import (
    CalendarTopic,
    calendar_months,
    read_calendar,
    problems_of,
)
from ig_assets.errors import InputError
from ig_assets_tests.factories.workbook import workbook

MONTH = "2026-05"


def calendar(folder: Path, text: str, name: str = "may.yaml") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder


def month_of(*rows: dict[str, Any], month: str = MONTH) -> str:
    return yaml.safe_dump({"month": month, "topics": list(rows)}, allow_unicode=True)


def row(topic: str, **columns: Any) -> dict[str, Any]:
    return {"topic": topic, "due_on": date(2026, 5, 4), **columns}


def test_a_full_row_is_read_with_all_its_columns(tmp_path: Path) -> None:
    full = row(
        "  Brot ",
        brief="short",
        audience="cooks",
        language="de",
        brand_voice="warm",
    )
    reading = read_calendar(calendar(tmp_path, month_of(full)), MONTH)
    [(topic, source)] = reading.topics
    assert topic.model_dump() == full | {"topic": "Brot"}
    assert source == "may.yaml#1" and reading.rejects == ()


def test_a_row_with_topic_and_date_alone_is_enough(tmp_path: Path) -> None:
    reading = read_calendar(calendar(tmp_path, month_of(row("Kites"))), MONTH)
    assert [t.language for t, _ in reading.topics] == ["en"]


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        ({"due_on": date(2026, 5, 4)}, "topic"),
        (row("   "), "topic"),
        ({"topic": "no date"}, "due_on"),
        (row("words for a date", due_on="next week"), "due_on"),
        (row("no language", language="Klingonish"), "language"),
        (row("a misspelt column", breif="x"), "breif"),
        (row("a list for a text", brief=["x"]), "brief"),
        ("only a text", "row"),
        (None, "row"),
    ],
)
def test_a_bad_row_is_quarantined_by_its_column_and_the_rest_goes_on(
    tmp_path: Path, bad: Any, column: str
) -> None:
    text = month_of(row("good"), bad, row("also good"))
    reading = read_calendar(calendar(tmp_path, text), MONTH)
    assert [t.topic for t, _ in reading.topics] == ["good", "also good"]
    [reject] = reading.rejects
    assert (reject.source_uri, reject.reason) == ("may.yaml#2", "not a valid topic")
    assert reject.detail.startswith(f"{column}: ")


def test_a_topic_due_in_another_month_is_quarantined(tmp_path: Path) -> None:
    text = month_of(row("late", due_on=date(2026, 6, 1)))
    reading = read_calendar(calendar(tmp_path, text), MONTH)
    [reject] = reading.rejects
    assert reading.topics == () and reject.reason == "due in another month"
    assert "2026-06-01" in reject.detail


def test_of_two_topics_that_differ_in_case_only_the_first_is_used(
    tmp_path: Path,
) -> None:
    calendar(tmp_path, month_of(row("Kites", brief="first")), "a.yaml")
    calendar(tmp_path, month_of(row("KITES", brief="second")), "b.yml")
    reading = read_calendar(tmp_path, MONTH)
    assert [t.brief for t, _ in reading.topics] == ["first"]
    assert [(r.source_uri, r.reason) for r in reading.rejects] == [
        ("b.yml#1", "duplicate topic")
    ]


def test_a_month_reads_only_its_own_rows(tmp_path: Path) -> None:
    june = month_of(row("June", due_on=date(2026, 6, 2)), month="2026-06")
    calendar(tmp_path, month_of(row("May")) + "---\n" + june)
    assert [t.topic for t, _ in read_calendar(tmp_path, MONTH).topics] == ["May"]
    assert [t.topic for t, _ in read_calendar(tmp_path, "2026-06").topics] == ["June"]
    assert calendar_months(tmp_path) == {"2026-05": 1, "2026-06": 1}


@pytest.mark.parametrize(
    "broken",
    [
        "month: [2026",
        "\t- x",
        "just words",
        "topics: []",
        "- 5",
        "due: 2026-13-45",
        "month: 2026-05\ntopics: 7",
        "month: 2026-05\ntopics: {a: 1}",
        "month: May 2026\ntopics: []",
        "month: 2026-05-01\ntopics: []",
    ],
)
def test_a_broken_file_is_one_reject_and_the_others_are_read(
    tmp_path: Path, broken: str
) -> None:
    calendar(tmp_path, broken, "broken.yaml")
    calendar(tmp_path, month_of(row("good")), "good.yaml")
    reading = read_calendar(tmp_path, MONTH)
    assert [t.topic for t, _ in reading.topics] == ["good"]
    assert [(r.source_uri, r.reason) for r in reading.rejects] == [
        ("broken.yaml", "not a readable calendar")
    ]
    assert calendar_months(tmp_path) == {MONTH: 1}


def test_a_file_that_is_no_text_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "image.yaml").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    [reject] = read_calendar(tmp_path, MONTH).rejects
    assert reject.reason == "not a readable calendar"


def test_a_single_file_is_a_calendar_too(tmp_path: Path) -> None:
    calendar(tmp_path, month_of(row("good")))
    assert len(read_calendar(tmp_path / "may.yaml", MONTH).topics) == 1


def test_the_error_of_a_missing_calendar_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="IG_CALENDAR"):
        read_calendar(tmp_path / "nowhere", MONTH)


CSV = """Topic;Due on;Language;Brief
Brot;2026-05-04;de;"kurz; und gut"
;2026-05-05;;
Kites;2026-05-06;;
Later;2026-06-01;;
No date;soon;;

Short;2026-05-07
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_spreadsheet_export_is_a_calendar(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "plan.CSV").write_bytes(CSV.replace("\n", "\r\n").encode(encoding))
    reading = read_calendar(tmp_path, MONTH)
    [(brot, source), (kites, _)] = reading.topics
    assert (brot.topic, brot.language, brot.brief) == ("Brot", "de", "kurz; und gut")
    assert source == "plan.CSV#1"
    assert (kites.language, kites.brief) == ("en", "")
    assert [(r.source_uri, r.detail.split(":")[0]) for r in reading.rejects] == [
        ("plan.CSV#2", "topic"),
        ("plan.CSV#5", "due_on"),
        ("plan.CSV#6", "it has 2 values and the header 4 (line 8)"),
    ]
    assert calendar_months(tmp_path) == {"2026-05": 3, "2026-06": 1}


def test_an_extra_column_is_no_fault(tmp_path: Path) -> None:
    calendar(tmp_path, "topic,due_on,assignee\nBrot,2026-05-04,Ana\n", "plan.csv")
    reading = read_calendar(tmp_path, MONTH)
    assert [t.topic for t, _ in reading.topics] == ["Brot"]
    assert reading.rejects == ()


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Task ID,Task Name,Due Date", "86a,Brot,1777852800000"),
        ("Name,Status,Due", "Brot,Planned,5/4/2026"),
        ("Thema;Zielgruppe;Sprache;Fällig am", "Brot;Hobbyköche;Deutsch;04.05.2026"),
        ("Sujet;Échéance", "Brot;4 mai 2026"),
        ("topic,due_on", "Brot,2026-05-04T09:00:00"),
        ("topic,due_on", 'Brot,"May 4, 2026"'),
    ],
)
def test_a_planners_export_is_read_by_its_own_names_and_dates(
    tmp_path: Path, header: str, cells: str
) -> None:
    other = cells.replace("Brot", "Other").replace("5/4/2026", "5/13/2026")
    calendar(tmp_path, f"{header}\n{cells}\n{other}\n", "plan.csv")
    reading = read_calendar(tmp_path, MONTH)
    assert reading.rejects == ()
    assert (reading.topics[0][0].topic, str(reading.topics[0][0].due_on)) == (
        "Brot",
        "2026-05-04",
    )


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        ("46146", "due_on: '46146' looks like a day number of Excel"),
        ("2026-05", "due_on: '2026-05' has no day; write it as 2026-01-31"),
        ("05/04/2026", "may begin with the day or with the month; write it as"),
        ("soon", "due_on: 'soon' is not a date such as 2026-01-31"),
        ("", "due_on: it is missing; write it as 2026-01-31"),
    ],
)
def test_a_date_that_cannot_be_read_says_how_to_write_it(
    tmp_path: Path, day: str, sentence: str
) -> None:
    calendar(tmp_path, f"topic,due_on\nBrot,{day}\nKites,2026-05-06\n", "plan.csv")
    reading = read_calendar(tmp_path, MONTH)
    [reject] = reading.rejects
    assert reject.reason == "not a readable row"
    assert sentence in reject.detail and "(line 2)" in reject.detail
    assert [t.topic for t, _ in reading.topics] == ["Kites"]


@pytest.mark.parametrize(
    "broken", ["", "topic\nBrot\n", 'topic,due_on\n"Brot,2026-05-04\n']
)
def test_a_broken_spreadsheet_is_one_reject(tmp_path: Path, broken: str) -> None:
    calendar(tmp_path, broken, "plan.csv")
    [reject] = read_calendar(tmp_path, MONTH).rejects
    assert reject.source_uri.partition("#")[0] == "plan.csv"


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.binary(max_size=4)
)
_KEYS = st.sampled_from(["month", "topics", "topic", "due_on", "brief", "language"])
_VALUES = st.recursive(
    _SCALARS | st.sampled_from([MONTH, date(2026, 5, 4), "good"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(_KEYS | _SCALARS, inner, max_size=4),
    max_leaves=12,
)


@given(value=_VALUES, as_rows=st.booleans())
def test_no_yaml_value_crashes_the_calendar(
    tmp_path_factory: pytest.TempPathFactory, value: Any, as_rows: bool
) -> None:
    document = {"month": MONTH, "topics": [value]} if as_rows else value
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    reading = read_calendar(path, MONTH)
    assert len(reading.topics) + len(reading.rejects) >= int(as_rows)
    assert all(reject.reason and reject.detail for reject in reading.rejects)
    assert all(topic.due_on.month == 5 for topic, _ in reading.topics)
    calendar_months(path)


@given(text=st.text(alphabet=" \n-:[]{}&*!|>'\"%@`#,?0aé", max_size=40))
def test_no_text_crashes_the_calendar(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    path.write_text(text, "utf-8")
    assert read_calendar(path, MONTH).topics == ()
    calendar_months(path)


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("topic", "x" * 201, "at most 200 characters"),
        ("brief", "x" * 2001, "at most 2000 characters"),
        ("brand_voice", "x" * 301, "at most 300 characters"),
        ("brief", "Our key is sk-proj-abcdefghijklmnop1234.", "an OpenAI key"),
    ],
)
def test_what_no_vendor_should_be_sent_is_no_topic(
    column: str, text: str, message: str
) -> None:
    values = {"topic": "kites", "due_on": "2026-03-04", column: text}
    with pytest.raises(ValidationError) as caught:
        CalendarTopic.model_validate(values)
    assert message in problems_of(caught.value)
    assert text[:20] not in problems_of(caught.value)


def test_blanks_do_not_make_a_topic_another() -> None:
    values = {"topic": " Sharp \u00a0 Knives\tat home ", "due_on": "2026-03-04"}
    assert CalendarTopic.model_validate(values).topic == "Sharp Knives at home"


def test_one_date_that_cannot_be_is_one_bad_row(tmp_path: Path) -> None:
    rows = "".join(
        f"  - {{topic: t{n}, due_on: {day}}}\n"
        for n, day in enumerate(("2026-05-04", "2026-05-32", "2026-5-6"))
    )
    reading = read_calendar(
        calendar(tmp_path, f"month: 2026-05\ntopics:\n{rows}"), MONTH
    )
    assert [str(t.due_on) for t, _ in reading.topics] == ["2026-05-04", "2026-05-06"]
    assert [r.source_uri.partition("#")[2] for r in reading.rejects] == ["2"]
    assert not reading.unreadable


@pytest.mark.parametrize(
    ("stated", "language"), [("EN", "en"), ("English", "en"), ("pt-br", "pt")]
)
def test_a_language_is_known_by_tag_and_by_name(
    tmp_path: Path, stated: str, language: str
) -> None:
    text = month_of(row("a topic", language=stated))
    [(topic, _)] = read_calendar(calendar(tmp_path, text), MONTH).topics
    assert topic.language == language


def test_a_spreadsheet_file_is_reported_and_not_skipped_silently(
    tmp_path: Path,
) -> None:
    (tmp_path / "plan.xls").write_bytes(b"old")
    (tmp_path / "notes.txt").write_bytes(b"not a calendar")
    reading = read_calendar(tmp_path, MONTH)
    assert [r.source_uri for r in reading.rejects] == ["plan.xls"]
    assert "YAML or CSV" in reading.rejects[0].detail


def test_a_workbooks_other_sheets_are_named_with_their_rows(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="the extra `excel` is not installed")
    header = ["topic", "due_on"]
    (tmp_path / "plan.xlsx").write_bytes(
        workbook(
            {
                "May": [header, ["Kites", "2026-05-04"]],
                "June": [header, ["Sand", "2026-06-04"], ["Sea", "2026-06-05"]],
            }
        )
    )
    reading = read_calendar(tmp_path, MONTH)
    assert [topic.topic for topic, _ in reading.topics] == ["Kites"]
    assert (reading.rejects, reading.unreadable) == ((), frozenset())
    [note] = reading.notes
    assert note.source == "plan.xlsx"
    assert note.detail.startswith("Sheet 'June' (2 rows) is not read; ")


def test_a_range_of_days_is_its_first_day_and_says_so(tmp_path: Path) -> None:
    calendar(
        tmp_path,
        "Name,Date\nKites,2026-05-04 → 2026-05-06\nSand,Tue 5 May 2026\n"
        "Sea,2026-05-07 10:00 → 11:00\nWind,Mon 5 May 2026\n",
        "notion.csv",
    )
    reading = read_calendar(tmp_path, MONTH)
    days = {topic.topic: topic.due_on.day for topic, _ in reading.topics}
    assert days == {"Kites": 4, "Sand": 5, "Sea": 7}
    assert reading.notes == (
        (
            "notion.csv#1",
            "due_on is a range, taken for its first day 2026-05-04",
        ),
    )
    [reject] = reading.rejects
    assert "names another weekday" in reject.detail


def test_a_trello_board_is_a_calendar(tmp_path: Path) -> None:
    header = "Card ID,Card Name,Card Description,Due Date,List Name"
    text = f"{header}\na1,Kites,short,2026-05-04T17:00:00.000Z,Planned\n"
    [(topic, _)] = read_calendar(calendar(tmp_path, text, "b.csv"), MONTH).topics
    assert (topic.topic, topic.brief, topic.due_on.day) == ("Kites", "short", 4)


def test_a_topic_with_a_lost_half_of_a_sign_is_a_reject(tmp_path: Path) -> None:
    calendar(tmp_path, '{"topic": "A\\ud800", "due_on": "2026-05-04"}\n', "p.jsonl")
    [reject] = read_calendar(tmp_path, MONTH).rejects
    assert "the text has surrogates" in reject.detail
