"""The hashes by which forgotten words are known again."""

from __future__ import annotations

import pytest

from ig_assets.core.identity import forgotten_hashes, letters_hash, words_hash

PLAIN = 'Don\'t boil the 2 eggs - wait!\n\nSay "when"...'


@pytest.mark.parametrize(
    "same",
    [
        "Don’t boil the 2 eggs – wait!\n\nSay “when”…",
        "Dont boil the 2 eggs—wait? Say when",
        'DON\'T BOIL THE 2 EGGS - WAIT! SAY "WHEN" 🍳🔥',
        f"{PLAIN}\n\n#soup #EggTips 🍳 #dinner.",
        f"{PLAIN} ＃soup ℹ️",
        "Ｄｏｎ＇ｔ boil the ２ eggs - wait! Say when",
    ],
)
def test_punctuation_emoji_and_hashtags_at_the_end_make_no_difference(
    same: str,
) -> None:
    assert letters_hash(same) == letters_hash(PLAIN)
    assert forgotten_hashes(same) & forgotten_hashes(PLAIN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("boil 2 eggs", "boil 3 eggs"),
        ("boil eggs", "boil no eggs"),
        ("#soup is easy", "#stew is easy"),
        ("🍳", "🔥"),
        ("...", "!!!"),
        ("#soup", "#stew"),
    ],
)
def test_other_letters_or_digits_are_another_text(one: str, other: str) -> None:
    assert not forgotten_hashes(one) & forgotten_hashes(other)


def test_a_receipt_of_an_earlier_version_still_knows_its_words() -> None:
    assert words_hash("hook  TWO") in forgotten_hashes("Hook two")
