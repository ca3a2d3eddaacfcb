"""Finds the names of speakers before their words: `Mara: hello`, `JONAS  0:07`.

A name counts if the lines as a whole are a dialogue; one line with a colon is a
sentence. Words that scripts repeat before a colon ("Myth: … Fact: …", days) are no
names. In doubt (many such words, or lines that go on in small letters: "Iron: heavy but
loyal.") no word is taken for a name, and all stays spoken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ig_assets.core.corpus.scripts.sections.section_words import section_of

TURNS = 3
"""Least number of lines that must begin with a name in a dialogue."""

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
    solução depois erro truque fix
    monday tuesday wednesday thursday friday saturday sunday morning noon evening night
    breakfast lunch dinner today tomorrow yesterday week month year
    montag dienstag mittwoch donnerstag freitag samstag sonntag morgens mittags abends
    lunes martes miércoles jueves viernes sábado domingo lundi mardi mercredi jeudi
    vendredi samedi dimanche lunedì martedì mercoledì giovedì venerdì sabato domenica
    segunda terça quarta quinta sexta maandag dinsdag woensdag donderdag vrijdag
    zaterdag zondag
""".split())


def speakers_of(lines: Iterable[str]) -> frozenset[str]:
    """Return the speakers' names before a colon in the lines of a dialogue.

    At least three lines must have a name, and some name must repeat. Returns an empty
    set if half of the lines begin with a word such as `Myth` or a day, or if most lines
    go on in small letters after the colon.
    """
    turns = [(found[1], line[found.end() :]) for line, found in _named(lines)]
    names = Counter(name for name, _ in turns if _may_be(name))
    small = sum(said[:1].islower() for name, said in turns if name in names)
    others = sum(_is_no_name(name) for name, _ in turns)
    if others and others >= sum(names.values()):
        return frozenset()
    if 2 * small > sum(names.values()):
        return frozenset()
    if sum(names.values()) < TURNS or max(names.values()) < 2:
        return frozenset()
    return frozenset(names)


def _named(lines: Iterable[str]) -> Iterator[tuple[str, re.Match[str]]]:
    for line in lines:
        if found := _NAME.match(line):
            yield line, found


def timed_names_of(lines: Iterable[str]) -> frozenset[str]:
    """Return the lines that are a name with a time, if there are at least two."""
    found = [
        line
        for line in lines
        if (match := _TIMED.fullmatch(line)) and _may_be(match[1])
    ]
    return frozenset(found) if len(found) > 1 else frozenset()


def lone_names_of(lines: Sequence[str]) -> frozenset[str]:
    """Return the lines that are a speaker's name in capitals above the spoken words.

    Returns an empty set if there are fewer than three such lines, or if no two names
    take turns. "" ends a block in `lines`.
    """
    found = Counter(
        line
        for line, below in zip(lines, lines[1:], strict=False)
        if below and not below.isupper() and line.isupper() and _may_be_alone(line)
    )
    if sum(found.values()) < TURNS or len(found) < 2 or max(found.values()) < 2:
        return frozenset()
    return frozenset(found)


def _may_be_alone(line: str) -> bool:
    return all(word.isalpha() for word in line.split()) and _may_be(line)


def named_start(line: str) -> tuple[str, int] | None:
    """Return (words before a line's colon, index of the words after it), or None."""
    found = _NAME.match(line)
    return (found[1], found.end()) if found else None


def _may_be(name: str) -> bool:
    words = name.split()
    return (
        len(words) <= 3
        and all(word[0].isupper() for word in words)
        and section_of(name) is None
        and not _is_no_name(name)
    )


def _is_no_name(name: str) -> bool:
    return name.split()[0].casefold().strip(".") in _NO_NAMES
