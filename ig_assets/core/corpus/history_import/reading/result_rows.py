"""Finds rows that state the result of a test, and are not arms.

Examples are `Winner`, `Winner: B`, `Lift %`, and `Rollout`: the counts of the winner
among the rest of the audience after the test. An arm that a person named `Winner`, with
its own words and counts, stays an arm.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ig_assets.core.tabular.files.dialect import is_typed

if TYPE_CHECKING:
    from ig_assets.core.corpus.history_import.reading.rows import HistoryRow

RESULT = "a result, not an arm"

_WORDS = (
    r"winners?|winning|results?|outcome|(?:relative |absolute )?(?:up)?lift|delta"
    r"|(?:stat(?:istical|\.)? )?sig(?:nificance|\.)?|p[- ]?values?|difference"
    r"|confidence(?: level| interval)?|conclusion|verdict"
    r"|gewinner|sieger|ergebnis(?:se)?|unterschied|differenz|signifikanz|p[- ]?wert"
    r"|steigerung|ganador[ae]?|resultados?|diferencia|significancia|significaci\u00f3n"
    r"|gagnante?|r\u00e9sultats?|\u00e9cart|diff\u00e9rence|significativit\u00e9"
    r"|vincitore|risultat[oi]|differenza|significativit\u00e0"
    r"|vencedora?|diferen\u00e7a|signific\u00e2ncia|valor[- ]p|\u0394|\u2206"
)
_LABEL = re.compile(
    rf"\W*(?:the |overall |test )?(?:{_WORDS})(?![\w])(?: (?:arm|variante?|version))?"
    r"(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_WINS = re.compile(
    r"(?P<rest>.+?) (?:wins|won|has won|is the winner|gewinnt|gewann|gana|gan\u00f3|"
    r"gagne|vince|vence|venceu)\W*",
    re.IGNORECASE,
)
_ROLLOUT = re.compile(
    r"(?:(?:winner|winning|final|full|rest|remainder|gewinner|restliche[rn]?)[ _:-]*)?"
    r"(?:roll[ -]?out|rest|remainder|remaining(?: audience)?|winner sent|"
    r"sent to (?:the )?(?:rest|remainder)|ausspielung|ausrollung|d\u00e9ploiement|"
    r"despliegue|implanta\u00e7\u00e3o)(?: .{0,30})?",
    re.IGNORECASE,
)
"""Matches a label for the text shown to the rest of the audience after a test."""

_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_KIND = re.compile(r"(?:the )?(?:variante?|variation|version|arm|hook|test) (?=\w)")


def without_results(
    rows: Sequence[HistoryRow],
) -> tuple[list[HistoryRow], list[tuple[HistoryRow, str]]]:
    """Return (rows that are arms, [(row that states a result, sentence why)]).

    A row may state a result if its arm, or without an arm its test, is named by a word
    for a result, alone or with the name of an arm. It states one if, in addition, it
    has no counts, repeats the counts or the words of an arm, or has an arm's name in
    place of words.
    """
    doubtful = [row for row in rows if is_result(row.arm or row.experiment)]
    if not doubtful:
        return list(rows), []
    arms: dict[str, list[HistoryRow]] = defaultdict(list)
    apart = {id(row) for row in doubtful}
    for row in rows:
        if id(row) not in apart:
            arms[row.experiment].append(row)
    everywhere = [row for of_test in arms.values() for row in of_test]
    found = []
    for row in doubtful:
        is_test = not row.arm
        others = everywhere if is_test else arms[row.experiment]
        if sentence := _says_result(row, others):
            found.append((row, sentence))
    gone = {id(row) for row, _ in found}
    return [row for row in rows if id(row) not in gone], found


@lru_cache(maxsize=10_000)
def _rest(label: str) -> str | None:
    """Return the text of a label after a word for a result, such as `B` of `Winner: B`.

    Returns None if the label does not begin with such a word.
    """
    label = label.strip()
    found = _LABEL.fullmatch(label) or _WINS.fullmatch(label)
    return None if found is None else _EDGES.sub("", found["rest"])


def _says_result(row: HistoryRow, others: Iterable[HistoryRow]) -> str:
    """Return a sentence on why a row is a test's result, or "" if it may be an arm.

    `others` are the rows of arms with which the row is compared.
    """
    label = row.arm or row.experiment
    if _ROLLOUT.fullmatch(label.strip()):
        others = list(others)
        same = any(other.revision_hash == row.revision_hash for other in others)
        if not (same or not row.counts) or len({o.arm for o in others}) < 2:
            return ""
        return (
            f"The row {label!r} counts what went to the rest of the audience after the "
            "test, with the words of an arm."
        )
    rest = _bare(_rest(label) or "")
    others = list(others)
    names = {_bare(o.arm) for o in others} | {_bare(o.experiment) for o in others}
    names.discard("")
    if rest and rest not in names and not is_typed(rest):
        return ""
    says = f"The row says the {label!r} of a test"
    if not row.counts:
        return f"{says}, and has no counts of its own."
    ids = {o.post_id for o in others} | {o.permalink for o in others}
    if not {row.post_id, row.permalink} <= {*ids, ""}:
        return ""  # a post of its own, such as the winner's post after the test
    if rest in names or _bare(row.text) in names or is_typed(row.hook):
        return f"{says}, and names an arm or a number in place of words."
    if any(o.revision_hash == row.revision_hash for o in others):
        return f"{says}, and repeats the words of an arm."
    if any(row.counts.values()) and any(o.counts == row.counts for o in others):
        return f"{says}, and repeats the counts of an arm."
    return ""


def _bare(label: str) -> str:
    """Return a label in lower case without signs around it and without `Variant`."""
    return _KIND.sub("", " ".join(_EDGES.sub("", label.casefold()).split()), count=1)


def is_result(label: str) -> bool:
    """Return whether a label begins with a word for a result: `Lift %`, `Rollout`."""
    return _rest(label) is not None or _ROLLOUT.fullmatch(label.strip()) is not None
