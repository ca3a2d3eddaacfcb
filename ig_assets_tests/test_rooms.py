"""No folder and no module grows beyond what can be looked over."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import ig_assets

PACKAGE = Path(ig_assets.__file__).parent
MOST_MODULES = 12
MOST_LINES = 400
FULLER: dict[str, int] = {}
"""Folders with more modules, each with the number it must not pass."""
LONGER = {"settings.py": 500}  # the one list of all settings, each in a line or two
"""Modules with more lines, each with the number it must not pass."""
TESTS = Path(__file__).parent
MOST_LINES_OF_TESTS = 500


def modules_of_folders() -> dict[str, int]:
    found: dict[str, int] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        folder = path.parent.relative_to(PACKAGE).as_posix()
        found[folder] = found.get(folder, 0) + (path.name != "__init__.py")
    return found


def test_no_folder_has_more_modules_than_can_be_looked_over() -> None:
    found = modules_of_folders()
    assert len(found) > 60
    too_full = {
        folder: number
        for folder, number in found.items()
        if number > FULLER.get(folder, MOST_MODULES)
    }
    assert too_full == {}
    assert [f for f in FULLER if found[f] <= MOST_MODULES] == []  # no longer needed


def test_no_module_is_longer_than_can_be_looked_over() -> None:
    lines = {
        path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8").count("\n")
        for path in PACKAGE.rglob("*.py")
    }
    assert len(lines) > 400
    too_long = {
        name: number
        for name, number in lines.items()
        if number > LONGER.get(name, MOST_LINES)
    }
    assert too_long == {}
    assert [name for name in LONGER if lines[name] <= MOST_LINES] == []


def test_no_folder_and_no_module_of_tests_is_too_full() -> None:
    paths = [p for p in TESTS.rglob("*.py") if p.name != "__init__.py"]
    folders = Counter(p.parent for p in paths if p.name.startswith("test_"))
    assert len(paths) > 400 and len(folders) > 60
    full = {
        folder.relative_to(TESTS).as_posix(): number
        for folder, number in folders.items()
        if number > MOST_MODULES
    }
    lines = {path: path.read_text("utf-8").count("\n") for path in paths}
    long = {
        path.relative_to(TESTS).as_posix(): number
        for path, number in lines.items()
        if number > MOST_LINES_OF_TESTS
    }
    assert (full, long) == ({}, {})


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    paths = [p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py"]
    silent = [
        path.relative_to(PACKAGE).as_posix()
        for path in paths
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert len(paths) > 400 and silent == []
