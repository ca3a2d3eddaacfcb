"""`ig-assets search` on two closed months."""

from __future__ import annotations

import json

from ig_assets_tests.cli.shell import Shell, plain


def test_search_finds_scripts_near_in_meaning(shell: Shell) -> None:
    found = shell.answer("search", "sharp knives", "-k", "3")
    assert [script["rank"] for script in found] == [1, 2, 3]
    assert all(-1 <= script["similarity"] <= 1 for script in found)


def test_search_names_what_is_too_far_and_shows_it_when_asked(shell: Shell) -> None:
    question = ("search", "sharp knives", "-k", "3")
    bound = {"IG_LEAST_RELEVANCE": "1"}
    said = plain(shell.run(*question, **bound).stdout)
    assert said.startswith(
        "Nothing is near enough. The nearest are too far, below 1.00"
    )
    assert said.endswith("; --far shows them.")
    far = shell.run(*question, "--far", "--json", **bound)
    found = json.loads(far.stdout)
    assert [script["rank"] for script in found] == [0, 0, 0]
    assert all(script["relevance"] < 1 for script in found)
    assert "Nothing is near enough" in far.stderr


def test_search_says_that_filters_leave_nothing(shell: Shell) -> None:
    said = shell.run("search", "herbs", "--language", "fr").stdout
    assert "no script passes the filters" in plain(said)


def test_search_without_winners_finds_none(shell: Shell) -> None:
    found = shell.answer("search", "keeping herbs fresh", "-k", "20", "--no-winners")
    assert found and not any(script["is_winner"] for script in found)


def test_a_topic_of_several_words_needs_no_quotation_marks(shell: Shell) -> None:
    quoted = shell.answer("search", "sharp knives", "-k", "3")
    assert shell.answer("search", "sharp", "knives", "-k", "3") == quoted
