"""Rows that are taken many at once are those that are found one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings, strategies as st

from ig_assets.core.tabular import Cell, open_table
from ig_assets.core.tabular.files import decoding
from ig_assets.core.tabular.files.bulk_rows import BulkReader, BulkRows
from ig_assets.core.tabular.files.dialect import find_header
from ig_assets.core.tabular.files.row_shape import RowShape

HEADER = "id,caption,views"
SPOILERS = (
    *('7,"The pan is cold,5', '8,The pan" is cold,5', "9,The pan, then,wait,5"),
    *("10,The pan", "The pan is\ncold", HEADER, "", " , , ", '"","",""', "Total,,5"),
    *('11,"A ""salt""\nand onion",5', '12,"The 5"" pan",5', '13,5" pan,5'),
    *(r'14,"She said \"salt\"",5', "a,The pan,many", "15,Pan,", '16,"Pan" is,5'),
)
LINES = st.lists(
    st.one_of(
        st.integers(1000, 9999).map(lambda n: f"{n},Pan {n % 7},{n % 9}"),
        st.integers(1000, 9999).map(lambda n: f'{n},"Salt, ok\nWait.",{n % 9}'),
        st.sampled_from(SPOILERS),
    ),
    max_size=60,
)

Found = tuple[list[tuple[int, tuple[Cell, ...]]], list[tuple[int, str]], Counter[str]]


def found(content: bytes) -> Found:
    """Rows and problems by their lines, and what was skipped."""
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    problems: list[tuple[int, str]] = []
    skipped: Counter[str] = Counter()
    for batch in open_table(content, "t.csv").batches():
        rows += zip(batch.lines, map(tuple, batch.rows), strict=True)
        problems += [(line, detail) for line, detail in batch.problems]
        skipped += batch.skipped
    return sorted(rows), sorted(problems), skipped


@given(lines=LINES)
@settings(max_examples=settings.default.max_examples // 2, deadline=None)
def test_neither_runs_nor_blocks_change_what_is_read(lines: list[str]) -> None:
    content = "\n".join([HEADER, "1,One,1", "2,Two,2", "3,Three,3", *lines]).encode()
    quick = found(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "CHARACTERS", 40)
        assert found(content) == quick
        patch.setattr(decoding, "CHARACTERS", 1 << 20)
        patch.setattr(BulkReader, "read", lambda *_: None)
        assert found(content) == quick


def test_an_escaped_cell_of_several_lines_may_cross_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = ["caption", *(f"Pan {n}" for n in range(9)), r'"She \"said\"', 'salt"', "x"]
    content = "\n".join(lines).encode()
    whole = found(content)
    assert (11, ('She "said"\nsalt',)) in whole[0]
    for size in range(1, 99, 7):
        monkeypatch.setattr(decoding, "CHARACTERS", size)
        assert found(content) == whole


def test_one_spoilt_row_leaves_nearly_all_lines_to_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_runs = 0
    read = BulkReader.read

    def counted(
        self: BulkReader, lines: Sequence[str], begin: int, end: int
    ) -> BulkRows | None:
        nonlocal in_runs
        bulk = read(self, lines, begin, end)
        in_runs += len(bulk.rows) if bulk else 0
        return bulk

    monkeypatch.setattr(BulkReader, "read", counted)
    lines = [f'{n},"Pan, {n}",{n}' for n in range(5_000)]
    lines[2_500] = '2500,"The pan is too cold,1'
    rows, problems, _ = found("\n".join([HEADER, *lines]).encode())
    assert (len(rows), [line for line, _ in problems]) == (4_999, [2_502])
    assert in_runs > 4_980


@pytest.mark.parametrize(
    "line",
    [
        *('4,"Pan" is,4', "4,Pan", "4,Pan,4,4", "a,Pan,many", '4,"Pan,4'),
        '4,"Pan\n5,Salt"" x,5\n6,"x",6',
    ],
)
def test_a_run_with_a_doubtful_row_is_not_taken(line: str) -> None:
    lines = [HEADER, *(f"{n},Pan,{n}" for n in range(1, 9)), *line.split("\n")]
    header = find_header("\n".join(lines).encode(), lambda _: False)
    reader = BulkReader(header, RowShape(header))
    assert reader.read(lines, 1, 9) is not None
    bulk = reader.read(lines, 1, len(lines))
    assert bulk is None or bulk.end == 9
