"""Finds the line numbers of passages, so that a message need not quote their words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_NAMED = 5
_FEWEST_LETTERS = 3

_Test = Callable[[str, str], bool]


def named_lines(passages: Sequence[str], text: str) -> str:
    """Return the lines in which passages begin: `Line 3: `, `Lines 3, 9 and 4 more: `.

    Only the first five passages are looked up; returns "" if none of them is found.
    Only letters and digits are compared, since passages have no marks. A passage that
    is listed twice is found in two lines.
    """
    lines = text.split("\n") if text else []
    taken: dict[tuple[str, int], int] = {}
    for passage in passages[:_NAMED]:
        free = [n for n in range(len(lines)) if (passage, n) not in taken]
        found = (n for test in _TESTS for n in free if test(lines[n], passage))
        if (number := next(found, None)) is not None:
            taken[passage, number] = number + 1
    shown = [str(number) for number in sorted(set(taken.values()))]
    if not shown:
        return ""
    if more := len(passages[_NAMED:]):
        shown.append(f"{more} more")
    *first, last = shown
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"Line{'s' if first else ''} {listed}: "


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _is_all(line: str, passage: str) -> bool:
    return bool(_letters(passage)) and _letters(line) == _letters(passage)


def _is_within(line: str, passage: str) -> bool:
    return passage in " ".join(line.split())


def _letters_are_within(line: str, passage: str) -> bool:
    return bool(_letters(passage)) and _letters(passage) in _letters(line)


def _goes_on(line: str, passage: str) -> bool:
    """Return whether the line ends with the beginning of the passage."""
    first = _letters(passage[:1] + line.rpartition(passage[:1])[2])
    return len(first) >= _FEWEST_LETTERS and _letters(passage).startswith(first)


_TESTS: tuple[_Test, ...] = (_is_all, _is_within, _letters_are_within, _goes_on)
