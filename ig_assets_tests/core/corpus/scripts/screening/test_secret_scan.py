"""A password with its value is a secret; a sentence about passwords is none."""

from __future__ import annotations

import pytest

from ig_assets.core.corpus.scripts.screening.secret_scan import secret_kind


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter",
        "PASSWORD=correcthorse",
        "Log in with password=tr0ub4dor&3 and look.",
        "DB_PASSWORD=letmein",
        "db-password=letmein",
        "https://host/?user=me&password=letmein&x=1",
        "passwd: hunter",
        "passwd = letmein",
        "pwd=letmein",
        "PWD: s3cret",
        "password: hunter2",
        "Password = P@ssw0rd",
        "our passphrase: blue4horses",
        '{"user": "me", "password": "letmein"}',
        "password: 'letmein'",
        "It is password: hunter2.",
        "api:\n  password: x9y8z7w6",
    ],
)
def test_a_password_that_is_assigned_is_a_secret(text: str) -> None:
    assert secret_kind(text) == "a password"


@pytest.mark.parametrize(
    "text",
    [
        "Your password is the weakest link.",
        "Password: the weakest link in your home.",
        "One password: never reuse it. Two passwords: write them down.",
        "A weak password = an open door.",
        "Forgot your password? Tap the link.",
        "Passwords: long beats clever.",
        "The password:\n\nNobody remembers 20characters2.",
        "Password: 12-character minimum, says everybody.",
        "The worst password: 123456.",
        'Password: "the weakest link"',
        "password=<your password>",
        "password: ********",
        "Set PASSWORD=${SECRET} first.",
        "password=your_password_here",
        "password=…",
        "passwd: ",
        "the compassword=letmein of a crossword",
        "Her mother tongue: passwords",
    ],
)
def test_prose_and_placeholders_are_no_secrets(text: str) -> None:
    assert secret_kind(text) is None
