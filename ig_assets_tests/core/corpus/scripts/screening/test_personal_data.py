"""What reaches a person is found; counts and prices are not taken for it."""

from __future__ import annotations

import pytest

from ig_assets.core.corpus.scripts.screening.personal_data import personal_data_kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to Rita.M+reels@mail.example.co.uk now", "an e-mail address"),
        ("Call +49 (30) 1234-5678", "a telephone number"),
        ("0049 30 12345678", "a telephone number"),
        ("Pay to DE89 3704 0044 0532 0130 00 today", "an IBAN"),
        ("GB82WEST12345698765432", "an IBAN"),
    ],
)
def test_what_reaches_a_person_is_found(text: str, kind: str) -> None:
    assert personal_data_kind(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "Follow @rita.cooks for more",
        "+32 % in 14 days, 1 200 000 views",
        "Version 1.2.3-456 of 2026-04-01 10:00",
        "Order 123456789012 is in",
        "DE89 3704 0044 0532 0130 01 has wrong check digits",
        "5+5 = 10, 00 700",
    ],
)
def test_other_numbers_are_none(text: str) -> None:
    assert personal_data_kind(text) is None
