"""Which language a text is in: the share of belief in the one that was asked for.

By `py3langid` (BSD, a pure wheel with its model inside, no network): 0.7 s to load,
half a millisecond a script, and right with all scripts of the library. It is loaded
once, where the first text is measured.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def belief_in(language: str, text: str) -> float | None:
    """How sure it is that the text is in this language, 0 to 1.

    None for a language that the model was not trained on: it cannot be told.
    """
    code = language.lower().split("-")[0]
    ranked: list[tuple[str, float]] = _identifier().rank(text)
    return dict(ranked).get(code)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
