"""Holds the words in dates, in six languages: months, weekdays, words in ranges.

Texts are in lower case and without accents, as `folded` returns them.
"""

from __future__ import annotations

import re

# Names of months by their first letters, in English, German, French, Spanish,
# Portuguese and Italian.
_MONTHS = {
    1: "jan janv ene gen",
    2: "feb fev fevr febr",
    3: "mar marz mrz mars",
    4: "apr avr abr",
    5: "may mai mayo maio mag",
    6: "jun juin giu",
    7: "jul juil lug",
    8: "aug aout ago",
    9: "sep sept set",
    10: "oct okt out ott",
    11: "nov",
    12: "dec dez dic",
}
_MONTH_OF = {name: n for n, names in _MONTHS.items() for name in names.split()}

# A short name may be two days: `di` is Dienstag and dimanche.
_WEEKDAYS = {
    0: "mon mo monday montag lun lu lundi lunes lunedi seg segunda",
    1: "tue tu tues tuesday di die dienstag mar ma mardi martes martedi ter terca",
    2: "wed we weds wednesday mi mit mittwoch mer me mercredi mie miercoles mercoledi "
    "qua quarta",
    3: "thu th thur thurs thursday do don donnerstag jeu je jeudi jue ju jueves gio gi "
    "giovedi qui quinta",
    4: "fri friday fr fre freitag ven ve vendredi vie vi viernes venerdi sex sexta",
    5: "sat saturday sa sam samstag sonnabend samedi sab sabado sabato",
    6: "sun sunday so son sonntag dim di dimanche dom do domingo domenica",
}
_DAYS_OF: dict[str, frozenset[int]] = {
    name: frozenset(n for n, names in _WEEKDAYS.items() if name in names.split())
    for name in " ".join(_WEEKDAYS.values()).split()
}

_ACCENTS = str.maketrans(
    "\u00e4\u00e0\u00e1\u00e3\u00e9\u00e8\u00ea\u00ed\u00ec\u00fb\u00e7", "aaaaeeeiiuc"
)
_BEFORE = re.compile(r"(?P<name>[a-z]{2,})(?:-feira)?\.?,?\s+(?P<date>.+)")
_BEHIND = re.compile(
    r"(?P<date>.*[0-9]{2}),?\s*(?:\((?P<enclosed>[a-z]{2,})\.?\)|\s(?P<name>[a-z]{2,}))"
)
_JOINED = re.compile(
    r"\u2192|->|\u2013|\u2014|\.\.|\s(?:-|to|until|bis|au|al)\s|/[0-9]{4}-"
)
_RANGE = re.compile(
    r"(?P<begin>.*?(?:[0-9]{4}|[-/.][0-9]{2}).*?)"
    r"(?:\s*(?:\u2192|->|\u2013|\u2014|\.\.)\s*|\s+(?:-|to|until|bis|au|al)\s+"
    r"|(?<=[0-9z])/(?=[0-9]{4}-))(?P<end>.+)"
)


def folded(text: str) -> str:
    """Return the text in lower case, without the accents that names of days have."""
    return text.casefold().translate(_ACCENTS)


def month_of(name: str) -> int | None:
    """Return a month's number (1 to 12) by its name or abbreviation, or None."""
    for length in range(len(name), 2, -1):
        if name[:length] in _MONTH_OF:
            return _MONTH_OF[name[:length]]
    return None


def split_weekday(text: str) -> tuple[frozenset[int], str]:
    """Split a date with a weekday into (weekdays, date); Monday is 0.

    An abbreviation may mean several weekdays; the set is empty if there is none.
    """
    for pattern in (_BEFORE, _BEHIND):
        if found := pattern.fullmatch(text):
            name = found["name"] or found.groupdict().get("enclosed") or ""
            if name in _DAYS_OF:
                return _DAYS_OF[name], found["date"]
    return frozenset(), text


def split_range(text: str) -> tuple[str, str]:
    """Split a range such as `2026-03-02 → 2026-03-04` into (begin, end).

    For a single date the end is "".
    """
    found = _RANGE.fullmatch(text) if _JOINED.search(text) else None
    return (found["begin"].strip(), found["end"].strip()) if found else (text, "")
