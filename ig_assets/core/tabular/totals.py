"""Leaves out rows that are no rows of data: totals, averages, and notes below them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ig_assets.core.tabular.dialect import is_typed
from ig_assets.core.tabular.missing import is_missing
from ig_assets.core.tabular.table import TOTALS, Batch, Cell
from ig_assets.core.tabular.vocabulary import NAMES, plain_name

_TOTALS = frozenset(
    ("total", "totals", "total general", "grand total", "sum", "gesamt", "summe")
    + ("gesamtsumme", "gesamtergebnis", "insgesamt", "total g\u00e9n\u00e9ral", "somme")
    + ("ensemble", "total geral", "totale", "totali", "totale complessivo", "somma")
    + ("totales", "suma", "suma total", "total general", "totais", "soma")
    + ("average", "averages", "avg", "mean", "median", "durchschnitt", "mittelwert")
    + ("moyenne", "m\u00e9diane", "mediana", "promedio", "m\u00e9dia", "media")
    + ("\u00f8", "\u2300", "\u2211", "\u03c3", "subtotal", "subtotals", "subtotale")
    + ("subtotales", "sous-total", "zwischensumme", "teilsumme", "monatssumme")
    + ("wochensumme", "quartalssumme", "jahressumme", "gesamtzahl")
)
_TOTAL_WORDS = _TOTALS - {"ensemble", "mean", "media", "m\u00e9dia", "\u03c3"}
"""Those that mean a total beside other words too."""

_OF_WHAT = re.compile(r"\s*\(.*\)$|\s+(?:per|of|pro|par|por|je|di)\s.*$")
"""What a total or an average is of: `Total (3 posts)`, `Average per post`."""

_PERIODS = frozenset(
    "january february march april may june july august september october november "
    "december januar februar m\u00e4rz mai juni juli oktober dezember janvier "
    "f\u00e9vrier mars avril juin juillet ao\u00fbt septembre octobre novembre "
    "d\u00e9cembre enero febrero marzo abril mayo junio julio agosto septiembre "
    "octubre noviembre diciembre janeiro fevereiro mar\u00e7o maio junho julho "
    "setembro outubro novembro dezembro gennaio febbraio aprile maggio giugno "
    "luglio settembre ottobre dicembre jan feb mar apr jun jul aug sep sept oct okt "
    "nov dec dez daily weekly monthly quarterly yearly annual day week month "
    "quarter year tag woche monat quartal jahr semaine mois trimestre ann\u00e9e "
    "semana mes a\u00f1o m\u00eas ano settimana mese anno kw q".split()
)
_THINGS = frozenset(
    "all alle grand overall general g\u00e9n\u00e9ral reel reels post posts video "
    "videos beitr\u00e4ge beitrag publications publicaciones "
    "publica\u00e7\u00f5es".split()
)
_BESIDE = re.compile(r"(?:q|kw|w)?[0-9]{1,4}")
"""Years, quarters and weeks."""

_ID_NAMES = frozenset((*NAMES["post_id"], *NAMES["permalink"]))

_LONGEST = 60
"""So many characters at most say that a row is a total."""

_STARTS = frozenset(
    "-#\\\u2013\u2014\u2300\u2211\u00d8\u00f8\u03a3\u03c3 "
) | frozenset(
    {
        sign
        for word in _TOTALS | _PERIODS | _THINGS
        for sign in (word[0], word[0].upper())
    }
)
"""The first signs of words for totals, and of marks for no value."""


def without_totals(batches: Iterator[Batch], names: Sequence[str]) -> Iterator[Batch]:
    """The batches without rows of totals, which are counted as skipped.

    A single text directly below such a row is a note on it, and counted with it.
    """
    ids = [n for n, name in enumerate(names) if plain_name(name) in _ID_NAMES]
    is_below = False
    for batch in batches:
        firsts = [row[0] for row in batch.rows if row]
        starts = {cell[:1] for cell in firsts if isinstance(cell, str)}
        if not is_below and all(firsts) and starts.isdisjoint(_STARTS):
            yield batch
            continue
        totals = set()
        for n, row in enumerate(batch.rows):
            is_below = (is_below and _is_note(row)) or (
                (not row[0] or (type(row[0]) is str and row[0][0] in _STARTS))
                and _is_totals(row, ids)
            )
            if is_below:
                totals.add(n)
        if totals:
            kept = [n for n in range(len(batch.rows)) if n not in totals]
            batch.skipped[TOTALS] += len(totals)
            batch.lines = [batch.lines[n] for n in kept]
            batch.rows = [batch.rows[n] for n in kept]
        yield batch


def _is_totals(row: Sequence[Cell], ids: Sequence[int]) -> bool:
    """Whether its words say that it is a total, perhaps of a period, beside numbers.

    A row whose id or link is given besides is a post's.
    """
    if isinstance(row[0], str) and len(row[0]) > _LONGEST:
        return False
    at = [n for n, cell in enumerate(row) if not is_missing(cell)]
    if len(at) < 2 or not isinstance(row[at[0]], str):
        return False
    if any(n in ids for n in at[1:]):
        return False
    cells = [str(row[n]) for n in at if isinstance(row[n], str)]
    words = [cell for cell in cells if not is_typed(cell)]
    says = [_says_total(cell) for cell in words]
    return any(says) and all(
        said or _is_period(cell) for cell, said in zip(words, says, strict=True)
    )


def _says_total(text: str) -> bool:
    text = _OF_WHAT.sub("", text.strip().rstrip(":").casefold())
    words = [word.strip(".:,") for word in text.split()]
    return text in _TOTALS or (
        not _TOTAL_WORDS.isdisjoint(words)
        and all(
            word in _TOTAL_WORDS
            or word in _PERIODS
            or word in _THINGS
            or _BESIDE.fullmatch(word)
            for word in words
        )
    )


def _is_period(text: str) -> bool:
    """Whether a cell holds nothing but a period: `March 2026`, `KW 12`."""
    words = [word.strip(".:,") for word in text.casefold().split()]
    return len(text) <= _LONGEST and all(
        word in _PERIODS or _BESIDE.fullmatch(word) for word in words
    )


def _is_note(row: Sequence[Cell]) -> bool:
    filled = [cell for cell in row if not is_missing(cell)]
    return len(row) > 1 and len(filled) == 1 and isinstance(filled[0], str)
