"""Detects the style of a hook from its words, so that its label is correct.

`experiments --across` compares styles by their labels. Without detection, a hook that
makes a claim would be labelled as a question if a question was requested.
"""

from __future__ import annotations

import re

from ig_assets.core.generation.gates.content_words import words_of

_LANGUAGES = ("en", "de", "es")

_HOW_TO = re.compile(
    r"^(here('s| is) )?how (to|you)\b|^so (\w+ ){1,6}du\b|\bso kommst du\b|"
    r"^wie (du|man)\b|^cómo\b|"
    r"^as[ií] (se|puedes|\w+as)\b|^\w+ in \w+ (easy )?(steps|schritten|pasos)\b"
)
_NUMBERS = frozenset(
    "two three four five six seven eight nine ten eleven twelve dozen half twice "
    "zwei drei vier fünf sechs sieben acht neun zehn zwölf halb doppelt "
    "dos tres cuatro cinco seis siete ocho nueve diez doce mitad doble".split()
)
_MISTAKES = frozenset(
    "mistake mistakes wrong never stop don't won't can't ruin ruins ruining spoils "
    "fehler falsch nie niemals hör ruiniert vermeide vermeiden "
    "error errores mal nunca jamás deja evita evitar arruina arruinas".split()
)
_FIRST_PERSON = frozenset(
    "i my me mine we our us i'm i've i'd "
    "ich mein meine meinem meinen meiner mir mich wir unser unsere "
    "yo mi mis me mí nosotros nuestra nuestro".split()
)
_FIRST_WORDS = 4


def styles_by_words(hook: str, language: str) -> list[str]:
    """Return the styles that the hook's words indicate, the most certain first.

    Words that indicate no other style mean `bold_claim`. If the words of the language
    are not known here, the result is empty, or `question` for a question.
    """
    words = words_of(hook)
    if hook.rstrip("\"'”’») ").endswith("?"):
        return ["question"]
    if language.lower().split("-")[0] not in _LANGUAGES or not words:
        return []
    first = words[:_FIRST_WORDS]
    marks = {
        "how_to": bool(_HOW_TO.search(" ".join(words))),
        "number": any(w[0].isdigit() or w in _NUMBERS for w in first),
        "mistake": bool(_MISTAKES & set(words)),
        "story": bool(_FIRST_PERSON & set(words)),
    }
    return [style for style, has in marks.items() if has] or ["bold_claim"]


def label_for(hook: str, asked: str, language: str) -> str:
    """Return a hook's style label: the requested one if the words allow it.

    A hook that was requested as a bold claim keeps that label unless it is a question
    or a how-to. It may have a number, the first person or a mistake.
    """
    found = styles_by_words(hook, language)
    is_claim = asked == "bold_claim" and found[:1] not in (["question"], ["how_to"])
    return asked if not found or asked in found or is_claim else found[0]
