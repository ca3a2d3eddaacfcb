"""Posts in a file to review: whole, escaped, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ig_assets.core.experiments.posts.review import edit_post
from ig_assets.core.reports.captions import caption_for, hashtags_for
from ig_assets.core.reports.posts_file import (
    ReviewedPost,
    as_csv,
    as_html,
    as_markdown,
    posts_to_review,
)
from ig_assets_tests.core.experiments.experiment_factory import (
    MovedClock,
    add_topic,
    new_warehouse,
    plan_scripted,
)

EVIL = "<script>alert(1)</script> & *bold* [link](x) `code`"


@pytest.fixture
def posts(tmp_path: Path) -> list[ReviewedPost]:
    clock = MovedClock()
    warehouse = new_warehouse(tmp_path, clock)
    add_topic(warehouse)
    plan_scripted(warehouse, clock, "manual")
    with warehouse.transaction() as con:
        con.execute(
            "UPDATE variants SET hook = '=1+1', beats = ?, shots = ?, "
            "on_screen_text = 'Two words'",
            [json.dumps([EVIL, "Then wait."]), json.dumps(["A mug", "A clock"])],
        )
    first, _ = posts_to_review(warehouse)
    edit_post(
        warehouse, clock, first.post_id, b"# Mine\n\nFirst.\n\nCTA: Save it.\n", "ana"
    )
    return posts_to_review(warehouse, "2026-01", "proposed")


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.said = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)

    def handle_data(self, data: str) -> None:
        self.said += data


def test_a_post_has_a_shot_per_beat_and_an_edited_one_has_the_persons_words(
    posts: list[ReviewedPost],
) -> None:
    edited, other = posts
    assert (edited.hook, edited.edited_by) == ("Mine", "ana")
    assert edited.beats == (("First.", ""),) and not edited.on_screen_text
    assert other.beats == ((EVIL, "A mug"), ("Then wait.", "A clock"))
    assert edited.caption.startswith("Mine\n\nSave it.")


def test_words_of_a_page_are_escaped_and_it_loads_nothing(
    posts: list[ReviewedPost],
) -> None:
    page = as_html(posts)
    tags = Tags(page)
    assert "script" not in tags.seen and EVIL in tags.said
    assert not {"img", "link", "iframe"} & set(tags.seen)
    assert "src=" not in page and "A clock" in tags.said


def test_a_spreadsheet_gets_one_row_per_post_and_no_formula(
    posts: list[ReviewedPost],
) -> None:
    mark, table = as_csv(posts)[:1], as_csv(posts)[1:]
    assert mark == "\ufeff", "a spreadsheet reads the file as UTF-8"
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["post_id"] for row in rows] == [post.post_id for post in posts]
    assert rows[1]["hook"] == "'=1+1"
    assert rows[1]["beats"].split("\n") == [EVIL, "Then wait."]
    assert rows[1]["caption"].startswith("'=1+1")


def test_markdown_shows_words_as_they_are(posts: list[ReviewedPost]) -> None:
    numbered = replace(posts[1], hook="1. First #tag", topic="two\nlines")
    text = as_markdown([numbered])
    assert r"\<script\>" in text and r"\*bold\*" in text
    assert r"**1\. First \#tag**" in text and "## two lines:" in text
    assert "*(shot: A mug)*" in text


def test_hashtags_are_the_topics_words_and_few() -> None:
    assert hashtags_for("storing fresh basil") == [
        "#storingfreshbasil",
        "#storing",
        "#fresh",
        "#basil",
    ]
    assert hashtags_for("how to fix the chain of your bike's wheel today, now") == [
        "#fix",
        "#chain",
        "#bikes",
        "#wheel",
        "#today",
    ]
    assert "#two" not in hashtags_for("keeping herbs fresh for two weeks")
    assert caption_for("Hook.", "Save it.", []) == "Hook.\n\nSave it."
