"""Notices what looks like a key or a token, before it is stored and embedded."""

from __future__ import annotations

import re

# The mark is looked for first: nearly every text has none, and that is cheap to see.
_SECRETS = (
    ("an OpenAI key", ("sk-",), r"\bsk-[A-Za-z0-9_-]{16,}"),
    ("a Pinecone key", ("pcsk_",), r"\bpcsk_[A-Za-z0-9_-]{16,}"),
    ("a Meta access token", ("EAA", "IGQ"), r"\b(?:EAA|IGQ)[A-Za-z0-9]{20,}"),
    ("an AWS key", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    (
        "a GitHub token",
        ("gh", "github_pat_"),
        r"\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}",
    ),
    ("a Slack token", ("xox",), r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    ("a Google key", ("AIza",), r"\bAIza[A-Za-z0-9_-]{30,}"),
    ("a private key", ("PRIVATE KEY",), r"-----BEGIN [A-Z ]*PRIVATE KEY"),
)
_PATTERNS = tuple((kind, marks, re.compile(p)) for kind, marks, p in _SECRETS)


def secret_kind(text: str) -> str | None:
    """What kind of secret the text seems to contain, if any."""
    for kind, marks, pattern in _PATTERNS:
        if any(mark in text for mark in marks) and pattern.search(text):
            return kind
    return None
