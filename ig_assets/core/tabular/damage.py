"""Rejects text that lost characters, with the same reasons for all input."""

from __future__ import annotations

from typing import Literal

from ig_assets.core.tabular.texts import SpoiltTextError, repaired

Damage = Literal["binary", "invalid UTF-8", "damaged text"]


class DamagedTextError(ValueError):
    """Raised if a text is damaged; `reason` is a short name, the message a sentence."""

    def __init__(self, reason: Damage, sentence: str) -> None:
        super().__init__(sentence)
        self.reason: Damage = reason


def undamaged(text: str) -> tuple[str, bool]:
    """Return (text without double encoding, whether it had any).

    Raises DamagedTextError for NUL characters, surrogates, and damage that `repaired`
    cannot undo.
    """
    if "\x00" in text:
        raise DamagedTextError("binary", "The text has NUL characters.")
    try:
        text.encode("utf-8")
        return repaired(text)
    except UnicodeEncodeError:
        raise DamagedTextError(
            "invalid UTF-8", "The text has surrogates, which no UTF-8 text has."
        ) from None
    except SpoiltTextError as error:
        raise DamagedTextError("damaged text", str(error)) from None


def refuse_damage(text: str) -> None:
    """Raise DamagedTextError if a text is damaged, even if it could be repaired.

    It is used for files that people edit, and should correct themselves.
    """
    if undamaged(text)[1]:
        raise DamagedTextError(
            "damaged text", "The text was encoded twice; export it again as UTF-8."
        )
