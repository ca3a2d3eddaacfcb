"""Defines the forms of vendors' keys."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class SecretForm:
    """A kind of secret, recognised by a pattern.

    The pattern is tried only if a text contains one of the marks. Nearly every text
    contains none, and a substring search is cheap.
    """

    kind: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]

    def may_be_in(self, text: str) -> bool:
        """Return whether the text contains one of the marks."""
        return any(mark in text for mark in self.marks)


SECRET_FORMS = tuple(
    SecretForm(kind, marks, re.compile(pattern))
    for kind, marks, pattern in (
        ("an OpenAI key", ("sk-",), r"\bsk-[A-Za-z0-9_-]{16,}"),
        ("a Pinecone key", ("pcsk_",), r"\bpcsk_[A-Za-z0-9_-]{16,}"),
        (
            "a Meta access token",  # of Facebook Login; of Instagram Login, old and new
            ("EAA", "IGQ", "IGA"),
            r"\b(?:EAA|IGQ|IGAA)[A-Za-z0-9_-]{20,}",
        ),
        ("a Fireworks key", ("fw_",), r"\bfw_[A-Za-z0-9]{20,}"),
        ("an AWS key", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        (
            "a GitHub token",
            ("gh", "github_pat_"),
            r"\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}",
        ),
        ("a Slack token", ("xox",), r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
        (
            "a Slack webhook",
            ("hooks.slack.com",),
            r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{8,}",
        ),
        ("a Google key", ("AIza",), r"\bAIza[A-Za-z0-9_-]{30,}"),
        ("a private key", ("PRIVATE KEY",), r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    )
)
