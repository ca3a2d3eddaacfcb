"""Errors and merged cells of a workbook are what a person sees in Excel."""

from __future__ import annotations

import io
import re
import zipfile

from ig_assets_tests.core.tabular.test_reading import Read
from ig_assets_tests.factories.workbook import workbook

ROWS = [
    ["Test", "Variant", "Caption", "Views", "Clicks"],
    ["t1", "A", "Salt first", "5000", "60"],
    ["", "B", "Lids on", "", "130"],
    ["t2", "A", "Wash no rice", "400", "9"],
]


def rewritten(old: str, new: str) -> bytes:
    """A workbook of these rows in whose sheet a pattern is replaced."""
    source = zipfile.ZipFile(io.BytesIO(workbook({"Tests": ROWS})))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        for name in source.namelist():
            xml = source.read(name).decode()
            if name.endswith("sheet1.xml"):
                assert re.search(old, xml)
                xml = re.sub(old, new, xml, count=1)
            parts.writestr(name, xml)
    return file.getvalue()


def test_a_merged_cell_is_the_value_of_all_its_rows_unless_it_counts() -> None:
    merges = '<mergeCells><mergeCell ref="A2:A3"/><mergeCell ref="D2:D3"/></mergeCells>'
    read = Read(rewritten("</worksheet>", f"{merges}</worksheet>"), "t.xlsx")
    assert [row[0] for row in read.cells] == ["t1", "t1", "t2"]
    assert [row[3] for row in read.cells] == ["5000", None, "400"]
    assert "the value of 1 merged cell given to each row" in read.table.read_as


def test_empty_cells_that_are_not_merged_stay_empty() -> None:
    read = Read(workbook({"Tests": ROWS}), "t.xlsx")
    assert [row[0] for row in read.cells] == ["t1", None, "t2"]
    assert "merged" not in read.table.read_as


def test_an_error_of_a_formula_is_read_as_excel_shows_it() -> None:
    cell = '<c r="E3" s="1" t="e"><f>C3/0</f><v>#DIV/0!</v></c>'
    old = "<c [^>]*><is><t>130</t></is></c>"
    assert Read(rewritten(old, cell), "t.xlsx").cells[1][4] == "#DIV/0!"
