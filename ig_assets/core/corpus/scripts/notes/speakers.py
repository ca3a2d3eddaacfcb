"""Finds the names of speakers before their words: `Mara: hello`, `JONAS  0:07`.

A name counts where the lines as a whole are a dialogue; one line with a colon is a
sentence. Words that scripts repeat before a colon ("Myth: … Fact: …") are no names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from ig_assets.core.corpus.scripts.notes.section_words import section_of

TURNS = 3
"""So many lines must begin with a name, before a name is one."""

_NAME = re.compile(r"([^\W\d_][^:\n(]{0,31}?)(?:\s*\([^()]*\))?\s*:(?:\s+|$)")
_TIMED = re.compile(
    r"([^\W\d_][^:\n(\d]{0,31}?)\s+[(\[]?\d{1,2}:\d{2}(?::\d{2})?[)\]]?"
)
_NO_NAMES = frozenset("""
    myth fact tip step question answer problem solution before after day rule hack
    mistake pro con pros cons reason level part week option warning example remember
    bonus result secret lesson truth lie wrong right good bad better best worst yes no
    mythos fakt tipp schritt frage antwort losung lösung vorher nachher tag regel fehler
    vorteil nachteil grund beispiel achtung merke falsch richtig mito realidad verdad
    consejo paso pregunta respuesta problema solución antes después error truco mythe
    réalité astuce étape réponse avant après erreur vrai faux realtà consiglio passo
    domanda risposta soluzione prima dopo errore trucco verdade dica pergunta resposta
    solução depois erro truque
""".split())


def speakers_of(lines: Iterable[str]) -> frozenset[str]:
    """The names before a colon, where at least three lines have one and one repeats."""
    names = Counter(
        found[1] for line in lines if (found := _NAME.match(line)) and _may_be(found[1])
    )
    if sum(names.values()) < TURNS or max(names.values()) < 2:
        return frozenset()
    return frozenset(names)


def timed_names_of(lines: Iterable[str]) -> frozenset[str]:
    """Whole lines that are a name with a time, where there are several."""
    found = [
        line
        for line in lines
        if (match := _TIMED.fullmatch(line)) and _may_be(match[1])
    ]
    return frozenset(found) if len(found) > 1 else frozenset()


def named_start(line: str) -> tuple[str, int] | None:
    """The words before a line's colon, and where those after it begin."""
    found = _NAME.match(line)
    return (found[1], found.end()) if found else None


def _may_be(name: str) -> bool:
    words = name.split()
    return (
        len(words) <= 3
        and all(word[0].isupper() for word in words)
        and section_of(name) is None
        and words[0].casefold().strip(".") not in _NO_NAMES
    )
