"""Proposes a post's caption and hashtags from its words; a person may change them.

They depend only on hook, call to action and topic. The caption of an edited post is
therefore made from the edited words.
"""

from __future__ import annotations

from ig_assets.core.generation.gates.content_words import is_empty_word, words_of

MOST_HASHTAGS = 5  # Instagram's @creators account advises three to five
_SHORTEST = 3
_COUNTS = frozenset(
    "one two three four five six seven eight nine ten zwei drei vier fünf sechs sieben "
    "acht neun zehn dos tres cuatro cinco seis siete ocho nueve diez".split()
)


def hashtags_for(topic: str) -> list[str]:
    """Return at most five hashtags for a topic, with letters and digits only.

    Only content words are used. If there are two or three of them, the first hashtag
    joins them all; the other hashtags are single words.
    """
    words = [
        word.replace("'", "")
        for word in words_of(topic)
        if len(word) >= _SHORTEST and word not in _COUNTS and not is_empty_word(word)
    ]
    whole = "".join(words)
    tags = [whole] if 1 < len(words) <= 3 else []
    tags += [word for word in words if not word.isdigit()]
    return [f"#{tag}" for tag in dict.fromkeys(tags)][:MOST_HASHTAGS]


def caption_for(hook: str, call_to_action: str, hashtags: list[str]) -> str:
    """Return hook, call to action and hashtags, separated by blank lines."""
    parts = (hook.strip(), call_to_action.strip(), " ".join(hashtags))
    return "\n\n".join(part for part in parts if part)
