"""`ig-assets lineage` on two closed months."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ig_assets_tests.cli.shell import DONE, WRONG_USE, Shell

# ── answers ───────────────────────────────────────────────────────────────────


def test_lineage_of_a_month_names_its_model_and_its_scripts(shell: Shell) -> None:
    answer = shell.answer("lineage", "2026-02")
    assert answer["kind"] == "model"
    assert sum(script["in_model"] for script in answer["scripts"]) == 2
    assert answer["edges"]


def test_lineage_of_a_script_goes_down_to_the_model(shell: Shell) -> None:
    model = shell.answer("lineage", "2026-02")
    script, *_ = [s["script_id"] for s in model["scripts"] if s["script_id"]]
    down = shell.answer("lineage", script, "--down", "--depth", "8")
    assert ("model", model["id"]) in {(e["kind"], e["id"]) for e in down["edges"]}


def test_lineage_is_a_page_that_needs_no_other_file(
    shell: Shell, tmp_path: Path
) -> None:
    page = tmp_path / "lineage.html"
    said = shell.run("lineage", "2026-02", "--html", str(page))
    assert said.exit_code == DONE and "holds words of scripts" in said.stdout
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and "<svg" in text
    assert not re.search(r"""(src|href)=["'](?!http://127\.0\.0\.1:3000/runs/)""", text)
    assert "simulated audience" in text and "What it came from" in text
    assert page.stat().st_mode & 0o077 == 0, "it is for its owner"


def test_lineage_takes_a_kind_and_says_what_is_the_matter(shell: Shell) -> None:
    model = shell.answer("lineage", "model", "2026-02")
    assert model["kind"] == "model" and model["id"]
    assert "not both" in shell.complaint(WRONG_USE, "lineage", "x", "--author", "y")
    assert "no script whose author" in shell.complaint(
        WRONG_USE, "lineage", "--author", "Nobody Here"
    )
    assert "after the day that you ask for" in shell.complaint(
        WRONG_USE, "lineage", model["id"], "--as-of", "2026-01-15"
    )
    [topic, *_] = shell.answer("topics", "list")
    about = shell.answer("lineage", "topic", topic["topic"])
    assert {(e["relation"], e["via_kind"]) for e in about["edges"]} >= {
        ("about", "topic"),
        ("publishes", "variant"),
    }
    assert "no topic" in shell.complaint(WRONG_USE, "lineage", "topic", "no such thing")
    files = shell.answer("lineage", "datasets/2026-02/manifest.json")
    assert files["kind"] == "dataset"


def test_the_help_says_that_copies_after_the_model_count(shell: Shell) -> None:
    said = re.sub(r"[│\s]+", " ", shell.run("lineage", "--help").stdout)
    assert "also those that came after the model" in said


def test_lineage_is_whole_after_the_loop(shell: Shell) -> None:
    found = shell.answer("lineage", "--check")
    assert found["count"] == 0 and found["edges"] > found["facts"]


# ── wrong use ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("what", ["no-such-thing", "2031-01", "ab"])
def test_lineage_of_nothing_is_wrong_use(shell: Shell, what: str) -> None:
    assert what in shell.complaint(WRONG_USE, "lineage", what)
