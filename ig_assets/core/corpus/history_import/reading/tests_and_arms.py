"""Decides by its values whether a column such as `Test` or `A/B` holds tests or arms.

It holds arms if its values are labels such as `A`, `Variant 2` or `Control`, and tests
if they are other names. A column of yes and no holds neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ig_assets.core.corpus.history_import.reading.result_rows import is_result
from ig_assets.core.tabular import NAMES, ColumnGuess, ColumnProfile, plain_name

_TEST, _ARM = "experiment_id", "arm"
_AMBIGUOUS = frozenset(
    "test experiment ab_test a_b_test split_test a_b ab versuch experimento prueba "
    "prueba_a_b experience essai test_a_b esperimento teste teste_a_b".split()
)
"""Names of columns that hold tests in some files and arms in others."""

_FLAGS = frozenset(
    "yes no true false 0 1 ja nein oui non si s\u00ed n\u00e3o sim x".split()
)
_ARM_LABEL = re.compile(
    r"(?:(?:variante?|variation|version|variaci\u00f3n|varia\u00e7\u00e3o|variazione|"
    r"arm|bras|group|gruppe|groupe|grupo|gruppo|cell|zelle|hook|test)[ _#-]*)?"
    r"[a-z]|v[0-9]|"
    r"(?:variante?|variation|version|arm|group|gruppe|groupe|grupo|gruppo|cell)"
    r"[ _#-]*[0-9]{1,2}|"
    r"(?:control|kontrolle|kontrollgruppe|contr\u00f4le|t\u00e9moin|controle|controllo"
    r"|original|baseline|champion|challenger|treatment|behandlung|tratamiento"
    r"|traitement|tratamento|trattamento)(?: ?[0-9a-z])?"
)


def with_tests(
    guesses: Sequence[ColumnGuess],
    profiles: Sequence[ColumnProfile],
    given: Mapping[str, str],
    is_guessed: bool,
) -> list[ColumnGuess]:
    """Return the guesses, with ambiguous columns decided by their values.

    A column with an ambiguous name holds tests or arms. `given` is {our column: the
    file's column}; these columns stay as given. Without `is_guessed` no guess is
    changed.
    """
    found = list(guesses)
    if not is_guessed:
        return found
    doubtful = [
        n
        for n, profile in enumerate(profiles)
        if found[n].ours in (None, _TEST, _ARM)
        and plain_name(profile.name) in _AMBIGUOUS
        and profile.name not in given.values()
    ]
    taken = {guess.ours for n, guess in enumerate(found) if n not in doubtful}
    taken |= given.keys()
    for n in sorted(doubtful, key=lambda n: not _are_arms(profiles[n])):
        ours, why = _role(profiles[n], taken)
        taken.add(ours)
        found[n] = ColumnGuess(found[n].column, found[n].samples, ours, why)
    return found


def _role(profile: ColumnProfile, taken: set[str | None]) -> tuple[str | None, str]:
    """Return (our column that fits the values, or None; the reason).

    `profile` describes a column of the file. `taken` are our columns that are in use.
    """
    values = {value.casefold() for value in profile.values}
    if values and values <= _FLAGS and values != {"1"}:
        return None, "its values say yes or no"
    if _are_arms(profile) and _ARM not in taken:
        return _ARM, "its name, and its values are names of arms"
    if _TEST not in taken:
        return _TEST, "its name, and its values are names of tests"
    if plain_name(profile.name) in NAMES["arm"] and _ARM not in taken:
        return _ARM, "its name"
    return None, "not experiment_id: another column is"


def _are_arms(profile: ColumnProfile) -> bool:
    labels = {v.casefold() for v in profile.values if not is_result(v)}
    return bool(labels) and all(map(_ARM_LABEL.fullmatch, labels))
