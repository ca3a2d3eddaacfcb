"""Banned words are found as words, in any case and script, and the list is checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ig_assets.core.generation.gates.banned_words import (
    parse_banned,
    read_banned,
    phrases_in,
)
from ig_assets.errors import InputError
from ig_assets.settings import Settings
from ig_assets.workspace import WORKSPACE

OURS = read_banned(Settings().banned_words)


def lines(listed: str, text: str) -> list[int]:
    return [phrase.line for phrase in phrases_in(parse_banned(listed, "list"), text)]


@pytest.mark.parametrize(
    ("phrase", "text", "is_said"),
    [
        ("cure", "It is a CURE.", True),
        ("cure", "a secure, curated lid", False),
        ("get rich quick", "Get  rich\nquick!", True),
        ("100 %", "it is 100 % sure", True),
        ("straße", "Die STRASSE", True),
        ("número uno", "el NÚMERO UNO", True),
        ("café", "cafe\u0301", True),
        ("fake", "ｆａｋｅ", True),
        ("/guarant(y|ee)/", "we GUARANTEE it", True),
        ("/^never$/", "never ever", False),
    ],
)
def test_a_phrase_is_found_on_the_boundaries_of_words(
    phrase: str, text: str, is_said: bool
) -> None:
    assert bool(lines(phrase, text)) is is_said


def test_comments_and_empty_lines_ban_nothing_and_lines_are_counted() -> None:
    assert lines("# cure\n\n  \ncure\n", "# a cure") == [4]
    assert parse_banned("", "list") == ()


def test_an_expression_that_cannot_be_read_names_its_line() -> None:
    with pytest.raises(InputError, match="Line 2 of list"):
        parse_banned("fine\n/(unclosed/", "list")


def test_a_list_that_is_not_there_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="IG_BANNED_WORDS"):
        read_banned(tmp_path / "none.txt")


@given(text=st.text(max_size=80), phrase=st.text(max_size=20))
def test_any_plain_line_can_be_listed_and_sought(text: str, phrase: str) -> None:
    line = phrase.strip().splitlines()[0] if phrase.strip().splitlines() else ""
    if len(line) > 2 and line.startswith("/") and line.endswith("/"):
        return
    listed = parse_banned(line, "list")
    assert len(listed) == (line != "" and not line.startswith("#"))
    assert phrases_in(listed, f"{text} {line} {text}") == list(listed)


@pytest.mark.parametrize(
    "text",
    [
        "Results guaranteed in a week.",
        "This tea cures your acne.",
        "Garantizado: funciona.",
        "Klinisch erwiesen und ohne Nebenwirkungen.",
        "Make $500 a day from home.",
    ],
)
def test_our_list_finds_promises_that_cannot_be_kept(text: str) -> None:
    assert phrases_in(OURS, text)


def test_our_list_finds_nothing_in_our_own_library() -> None:
    scripts = list((WORKSPACE / "library" / "scripts").glob("*.md"))
    assert len(scripts) > 50
    assert [
        p.name for p in scripts if phrases_in(OURS, p.read_text(encoding="utf-8"))
    ] == []
