"""One term per thing: words that were retired stay out of the code.

`docs/glossary.md` has the terms to use. A word counts wherever it stands: in a name,
a comment, a docstring, a message or a line of SQL.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = sorted((ROOT / "ig_assets").rglob("*.py"))
TESTS = sorted((ROOT / "ig_assets_tests").rglob("*.py"))

# The retired word and the term to use.
RETIRED = {
    "in vain": "failed, retries exhausted",
    "flights": "calls in flight",
    "desk": "generation context",
    "house": "services, warehouse",
    "twins?": "A/A duplicate",
    "strangers?": "orphans",
    "crooked": "sample-ratio mismatch",
    "one row an?": "one row per",
}
# These are plain English in a test's data, and private words in the product.
RETIRED_IN_PRODUCT = {"nobody": "no process, no person", "told": "reported, message"}

ALLOWED = {
    # What a planted instruction says, and what older files hold.
    ("ig_assets/core/generation/gates/prompt_injection.py", "told"),
    ("ig_assets/adapters/instagram/access_token.py", "told"),  # a stored key
    # English words that are counted in a hook.
    ("ig_assets/core/models/ranker/hand_features.py", "told"),
    ("ig_assets/core/models/ranker/hand_features.py", "nobody"),
}
LISTS = {"ig_assets_tests/test_words.py", "ig_assets_tests/test_docs.py"}


def words_of(path: Path) -> str:
    """The text of a file with its names in single words."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return text.replace("_", " ")


@pytest.mark.parametrize("word", [*RETIRED, *RETIRED_IN_PRODUCT])
def test_a_retired_word_is_not_used(word: str) -> None:
    files = PRODUCT if word in RETIRED_IN_PRODUCT else PRODUCT + TESTS
    assert len(files) > 100
    pattern = re.compile(rf"\b{word}\b", re.IGNORECASE)
    names = {path: path.relative_to(ROOT).as_posix() for path in files}
    used = [
        name
        for path, name in names.items()
        if name not in LISTS and (name, word) not in ALLOWED
        if pattern.search(words_of(path))
    ]
    term = (RETIRED | RETIRED_IN_PRODUCT)[word]
    assert used == [], f"{word!r} was retired; say: {term}"
