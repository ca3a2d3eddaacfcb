"""A cell of signs is no count, however many there are."""

from __future__ import annotations

import pytest

from ig_assets.core.tabular import NotACountError, parse_count


@pytest.mark.parametrize("cell", ["-\u2212", "\u2212-", "-" * 3000, "- -5", "--5"])
def test_signs_without_a_number_or_several_are_no_count(cell: str) -> None:
    """`make fuzz` found that such a cell was parsed without end."""
    try:
        found = parse_count(cell)
    except NotACountError:
        return
    assert found is None, "a dash alone means that there is no figure"


def test_minus_one_is_hidden_and_other_negatives_are_refused() -> None:
    assert (parse_count("-1"), parse_count("\u2212 1")) == (None, None)
    with pytest.raises(NotACountError):
        parse_count("-5")
