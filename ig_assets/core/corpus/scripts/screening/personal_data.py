"""Finds contact data in a text: e-mail addresses, telephone numbers, IBANs."""

from __future__ import annotations

import re

FEWEST_DIGITS = 9
_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w+])(?<!\d )(?:\+|00)[1-9][\d ()./-]{6,}\d")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_IBAN_LENGTHS = range(15, 35)


def personal_data_kind(text: str) -> str | None:
    """Return the kind of personal data in a text, or None if none was found.

    A telephone number counts if it has a country code (`+49 …`, `0049 …`) and at least
    nine digits, an IBAN if its check digits are valid.
    """
    if _EMAIL.search(text):
        return "an e-mail address"
    for found in _PHONE.finditer(text):
        if sum(character.isdigit() for character in found[0]) >= FEWEST_DIGITS:
            return "a telephone number"
    if any(_is_iban(found[0]) for found in _IBAN.finditer(text)):
        return "an IBAN"
    return None


def _is_iban(text: str) -> bool:
    """Return whether the check digits fit.

    ISO 13616: the rearranged number is 1 modulo 97.
    """
    code = text.replace(" ", "")
    if len(code) not in _IBAN_LENGTHS:
        return False
    return int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1
