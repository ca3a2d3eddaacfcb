"""Each page of the studio as a person uses it, by Streamlit's own test runner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ig_assets.adapters.simulated.clocks import SystemClock
from ig_assets.core.experiments.posts.review import edit_post, posts_for_review
from ig_assets.studio import launch
from ig_assets.studio.shown import studio_services
from ig_assets.studio.topic_jobs import JOBS, TopicJobs
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.processes import run_command
from ig_assets_tests.headless.loop_fixtures import KEY, new_loop
from ig_assets_tests.stand_ins.openai_server import Fault, OpenAIStandIn
from ig_assets_tests.studio.conftest import MONTH, PATIENCE_S

testing = pytest.importorskip("streamlit.testing.v1", reason="needs the extra `studio`")
pytestmark = pytest.mark.ship
APP = str(launch.APP)


def visit(page: str) -> Any:
    """A page as it is first opened."""
    script = f"from ig_assets.studio.pages.{page}_page import page\npage()"
    at = testing.AppTest.from_string(script, default_timeout=PATIENCE_S)
    at.session_state["who"] = "ana"
    return drawn(at.run())


def drawn(at: Any) -> Any:
    """The page; no exception of Streamlit's may be on it."""
    assert [one.value for one in at.exception] == []
    return at


def said(at: Any) -> str:
    """All that a person reads on it, without the backslashes of Markdown."""
    kinds = "title info warning success error markdown caption text".split()
    texts = [str(one.value) for kind in kinds for one in getattr(at, kind)]
    return "\n".join(texts).replace("\\", "")


def press(at: Any, label: str) -> Any:
    """Click the button that says this."""
    [button] = [one for one in at.button if one.label == label]
    return drawn(button.click().run())


def rows(home: Warehouse, sql: str) -> list[dict[str, Any]]:
    with home.transaction() as con:
        found = fetch_dicts(con, sql)
    home.close()
    return found


# ── review ────────────────────────────────────────────────────────────────────


def test_a_post_is_approved_by_the_person_who_is_named(home: Warehouse) -> None:
    page = visit("review")
    assert "Waiting (2)" in str(page.get("button_group")[0])
    assert "simulated" in said(page) and "Gates" in said(page)
    page = press(page, "Approve")
    assert "Approved; it goes out when its time comes." in said(page)
    [review] = rows(home, "SELECT * FROM post_reviews")
    assert (review["decision"], review["reviewed_by"]) == ("approved", "ana")


def test_a_post_is_declined_with_a_reason_alone(home: Warehouse) -> None:
    page = press(visit("review"), "Decline")
    assert "Say why not" in said(page)
    assert rows(home, "SELECT * FROM post_reviews") == []
    [why] = [one for one in page.text_input if one.label.startswith("Why not?")]
    page = press(drawn(why.set_value("off our brand").run()), "Decline")
    [review] = rows(home, "SELECT * FROM post_reviews")
    assert (review["decision"], review["reason"]) == ("declined", "off our brand")


def test_a_post_is_compared_with_its_brief_as_one_types(home: Warehouse) -> None:
    page = said(visit("review"))
    assert "of the brief's words occur" in page or "of its topic and brief" in page
    assert "in order." not in page and "could not be measured" not in page


def test_typed_words_are_measured_at_once_and_saved_as_a_revision_of_the_variant(
    home: Warehouse,
) -> None:
    page = visit("review")
    [hook] = [one for one in page.text_input if one.label == "Hook"]
    page = drawn(hook.set_value("word " * 31).run())
    assert "The hook has 31 words; 25 at most." in said(page)
    assert rows(home, "SELECT * FROM post_edits") == [], "nothing is saved by typing"
    [hook] = [one for one in page.text_input if one.label == "Hook"]
    page = press(drawn(hook.set_value("A sharper hook").run()), "Save and approve")
    [edit] = rows(home, "SELECT * FROM post_edits")
    assert (edit["hook"], edit["edited_by"]) == ("A sharper hook", "ana")
    [review] = rows(home, "SELECT * FROM post_reviews")
    assert review["revision_hash"] == edit["revision_hash"]
    [edge] = rows(home, "SELECT * FROM edges WHERE relation = 'edits'")
    assert edge["parent_id"] == edit["variant_id"]


def test_what_somebody_else_changed_meanwhile_is_not_approved_unseen(
    home: Warehouse,
) -> None:
    page = visit("review")
    for row in posts_for_review(home, MONTH):
        words = b"# Ben's hook\n\nBen's body.\n\nCTA: Go.\n"
        edit_post(home, SystemClock(), row["post_id"], words, "ben")
    home.close()
    page = press(page, "Approve")
    assert "ben has changed the words; read them again." in said(page)
    assert rows(home, "SELECT * FROM post_reviews") == []


def test_nothing_is_decided_without_a_name(home: Warehouse) -> None:
    page = visit("review")
    page.session_state["who"] = ""
    page = press(page, "Approve")
    assert "Type your name" in said(page)
    assert rows(home, "SELECT * FROM post_reviews") == []


def test_the_posts_that_are_shown_are_offered_as_three_files(home: Warehouse) -> None:
    page = visit("review")
    assert page.get("download_button") == []
    [toggle] = [one for one in page.toggle if one.label == "Make the files"]
    page = drawn(toggle.set_value(True).run())
    labels = [one.label for one in page.get("download_button")]
    assert labels == ["As Markdown", "As CSV", "As HTML"]


def test_the_studio_is_drawn_with_its_five_pages(home: Warehouse) -> None:
    page = drawn(testing.AppTest.from_file(APP, default_timeout=PATIENCE_S).run())
    assert "Write" in said(page) and page.sidebar.text_input


# ── the other pages ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("write", "Free:"),
        ("winners", "There is no winner yet."),
        ("lineage", "Name a script, a variant, a model or a month."),
        ("status", "2 posts wait for approval"),
    ],
)
def test_a_page_says_what_there_is_and_that_the_audience_is_simulated(
    home: Warehouse, name: str, words: str
) -> None:
    page = said(visit(name))
    assert words in page and "simulated" in page


def test_a_variant_is_traced_by_its_id(home: Warehouse) -> None:
    [first, *_] = rows(home, "SELECT variant_id FROM variants ORDER BY variant_id")
    page = visit("lineage")
    page = drawn(page.text_input[0].set_value(first["variant_id"]).run())
    assert "It came from" in said(page) and "Variant" in said(page)
    [topic] = rows(home, "SELECT topic FROM topics")
    page = drawn(page.text_input[0].set_value(f"topic {topic['topic']}").run())
    assert "variants written about it" in said(page)
    page = drawn(page.text_input[0].set_value("no such thing").run())
    assert "no such thing" in said(page) and "What to do" in said(page)


def test_an_error_is_a_sentence_with_the_runbook_and_no_path_or_traceback(
    home: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = tmp_path / "somewhere" / "banned.txt"
    monkeypatch.setenv("IG_BANNED_WORDS", str(missing))
    page = said(visit("review"))
    assert "…/banned.txt cannot be read" in page and "docs/runbook.md#" in page
    assert str(tmp_path) not in page and "Traceback" not in page
    assert "Traceback" in (tmp_path / "logs" / "ig-assets.log").read_text()


def test_a_warehouse_file_that_is_gone_is_a_sentence_and_none_is_made(
    home: Warehouse, tmp_path: Path
) -> None:
    """Also for the process that had it open: its first page was drawn before."""
    page = visit("status")
    studio_services().warehouse.close()  # it lingers for a moment
    file = tmp_path / "warehouse.duckdb"
    file.rename(tmp_path / "moved")
    for shown in (said(drawn(page.run())), said(visit("status"))):
        assert "warehouse.duckdb was here and is gone" in shown
        assert "docs/runbook.md#the-warehouse-is-gone" in shown
    assert not file.exists()


# ── write ─────────────────────────────────────────────────────────────────────


@pytest.fixture
def office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[OpenAIStandIn, Warehouse]]:
    """A corpus with its index, and OpenAI played by the stand-in."""
    with OpenAIStandIn() as stand_in:
        loop = new_loop(tmp_path, stand_in)
        synced = run_command(["sync"], loop.env, loop.data_dir)
        assert synced.returncode == 0, synced.stderr
        for name, value in loop.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("IG_APPROVAL", "manual")
        monkeypatch.setattr("ig_assets.studio.shown.BUSY_S", PATIENCE_S)
        monkeypatch.setattr(JOBS, "last", None)
        url = f"duckdb:///{loop.data_dir / 'warehouse.duckdb'}"
        yield stand_in, Warehouse(url, SystemClock().now)


def write(page: Any, topic: str) -> Any:
    """Type a topic and press Write; the page once the writing is over."""
    page = drawn(page.text_input[0].set_value(topic).run())
    [button] = [one for one in page.button if one.label == "Write"]
    button.click().run()
    job = JOBS.last
    assert job is not None and job.is_over.wait(PATIENCE_S)
    return drawn(page.run())


def test_a_topic_becomes_variants_with_their_grounds_and_cost_and_then_posts(
    office: tuple[OpenAIStandIn, Warehouse],
) -> None:
    stand_in, home = office
    page = visit("write")
    assert "a guess by list prices" in said(page)
    page = write(page, "sharp knives")
    # For each a draft, a polish, and its vector for the gate of the nearest script.
    assert "3 variants" in said(page) and "for 9 calls" in said(page)
    assert "% new" in said(page)
    assert [e.label for e in page.expander if e.label.startswith("Grounded in")]
    asked = dict(stand_in.requests)
    page = press(page, "Plan them as posts")
    waiting = rows(home, "SELECT status FROM posts")
    assert [row["status"] for row in waiting] == ["proposed"] * 3
    page = write(page, "sharp knives")
    assert dict(stand_in.requests) == asked, "what is written is not paid for again"
    assert KEY not in said(page)


def test_a_vendor_that_refuses_the_account_is_a_sentence_on_the_page(
    office: tuple[OpenAIStandIn, Warehouse],
) -> None:
    stand_in, _ = office
    stand_in.fail(*[Fault(401, "invalid_api_key")] * 3)
    page = write(visit("write"), "old tins")
    assert "runbook.md#" in said(page) and "Traceback" not in said(page)
    assert KEY not in said(page) and page.error


def test_a_writing_that_is_stopped_settles_its_call_as_unknown(
    office: tuple[OpenAIStandIn, Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in, home = office
    stand_in.delay_s = 20.0
    jobs = TopicJobs()
    form = {"topic": "slow bread", "variants": 2, "month": MONTH}
    job = jobs.start(form, "t")
    while not stand_in.requests["/v1/responses"]:
        assert not job.is_over.wait(0.1), job.error
    job.stop()
    assert job.is_over.wait(PATIENCE_S) and "Stopped" in str(job.error)
    calls = rows(home, "SELECT status FROM api_calls WHERE operation = 'generate'")
    assert calls and {row["status"] for row in calls} <= {"unknown", "done"}
