"""Refuses text that lost characters: the same reasons and sentences at every door."""

from __future__ import annotations

from typing import Literal

from ig_assets.core.tabular.texts import SpoiltTextError, repaired

Damage = Literal["binary", "invalid UTF-8", "damaged text"]


class DamagedTextError(ValueError):
    """A text is no whole text; `reason` is a short name, the message a sentence."""

    def __init__(self, reason: Damage, sentence: str) -> None:
        super().__init__(sentence)
        self.reason: Damage = reason


def undamaged(text: str) -> tuple[str, bool]:
    """The text without double encoding, and whether it had any.

    Raises DamagedTextError for NUL characters, surrogates, and what `repaired` cannot
    repair.
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
    """Raise DamagedTextError where a text is damaged, also where it could be repaired.

    For words that people edit in place: they correct their file.
    """
    if undamaged(text)[1]:
        raise DamagedTextError(
            "damaged text", "The text was encoded twice; export it again as UTF-8."
        )
