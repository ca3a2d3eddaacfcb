"""The documentation is up to date: no dead link, path or test, no stale page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from ig_assets.cli.app import app
from ig_assets.settings import Settings, variable_name
from tools import generate_data_dictionary
from tools.generate_configuration import PAGE, page
from tools.secret_scan import main as secret_scan

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "ig_assets_tests"
TOP = ("README", "APPENDIX", "CHANGELOG", "CONTRIBUTING", "SECURITY")
PAGES = [*(ROOT / f"{name}.md" for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]
COMPLIANCE = ROOT / "docs" / "compliance.md"

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://)(?P<file>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(
    r"(?<![\w/])(?:ig_assets|ig_assets_tests|benchmarks|docs|library|tools|requirements"
    r"|deploy|\.ci|\.github)/[\w./*-]*[\w*-]"
)
_ROOT_FILES = re.compile(r"[A-Z]+\.md|[\w.-]+\.(?:toml|yaml|yml|cfg)|\.env\.example")
_TEST = re.compile(r"(?P<file>(?:\w+/)*test_\w+\.py)(?:::(?P<name>\w+))?")
_SHELL = re.compile(r"ig-assets (?P<words>[a-z][^`\n|;&#]*)")
_MAKE = re.compile(r"(?:^|`|  )make (?P<target>[a-z]+(?:-[a-z]+)*)", re.MULTILINE)
_VARIABLE = re.compile(r"\bIG_[A-Z][A-Z_]*[A-Z]\b")
_AUTOMATION = re.compile(r"`(\w+_(?:sensor|schedule))`")
_SELECTED = re.compile(r"-k (\w+)")
# Words for which the glossary has a standard term.
_RETIRED = re.compile(
    r"\b(?:house|desk|in vain|flights|twins?|strangers?|crooked|nobody)\b",
    re.IGNORECASE,
)
_IDS = [str(found.relative_to(ROOT)) for found in PAGES]


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """The anchors that headings get, as mkdocs and GitHub name them here."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    words = (re.sub(r"[^\w\s-]", "", title.lower()).strip() for title in titles)
    return {re.sub(r"[\s-]+", "-", title) for title in words}


def named_paths(path: Path) -> Iterator[str]:
    """Paths of this repository that a page has as code."""
    for code in _CODE.findall(prose(path)):
        yield from _PATH.findall(code)
        if _ROOT_FILES.fullmatch(code):
            yield code


def test_the_readme_has_at_most_150_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_configuration_page_is_what_the_settings_generate() -> None:
    """Run `python -m tools.generate_configuration` (or `make docs`) and commit."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_of_the_tables_is_what_the_data_dictionary_generates() -> None:
    """Run `python -m tools.generate_data_dictionary` (or `make docs`) and commit."""
    assert generate_data_dictionary.PAGE.read_text() == generate_data_dictionary.page()


@pytest.mark.parametrize("path", PAGES, ids=_IDS)
def test_no_link_is_dead(path: Path) -> None:
    dead = []
    for link in _LINK.finditer(prose(path)):
        target = path.parent / link["file"] if link["file"] else path
        anchor = link["anchor"]
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link[0])
    assert dead == []


@pytest.mark.parametrize("path", PAGES, ids=_IDS)
def test_every_path_that_a_page_names_exists(path: Path) -> None:
    gone = [name for name in named_paths(path) if not any(ROOT.glob(name))]
    assert gone == []


@pytest.mark.parametrize("path", PAGES, ids=_IDS)
def test_every_command_and_option_that_a_page_names_exists(path: Path) -> None:
    group = typer.main.get_command(app)
    text = path.read_text(encoding="utf-8")
    wrong = [m[0] for m in _SHELL.finditer(text) if not is_known(group, m["words"])]
    assert wrong == []


def is_known(command: click.Command, line: str) -> bool:
    """Whether a command line has a known (sub)command and only known options."""
    words = [word.rstrip(".,)") for word in line.split()]
    while subcommands := getattr(command, "commands", {}):
        if not words or words[0] not in subcommands:
            return not words
        command, words = subcommands[words[0]], words[1:]
    known = {opt for p in command.params for opt in (*p.opts, *p.secondary_opts)}
    return {word for word in words if word.startswith("-")} <= known | {"--help"}


def test_a_wrong_command_or_option_would_be_noticed() -> None:
    group = typer.main.get_command(app)
    assert is_known(group, "posts list --text") and is_known(group, "search herbs -k 3")
    assert not is_known(group, "publish") and not is_known(group, "posts burn")
    assert not is_known(group, "posts list --texts")


@pytest.mark.parametrize("path", PAGES, ids=_IDS)
def test_every_setting_target_and_automation_that_a_page_names_exists(
    path: Path,
) -> None:
    text = path.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    settings = {variable_name(field) for field in Settings.model_fields}
    defs = "".join(
        module.read_text(encoding="utf-8")
        for module in (ROOT / "ig_assets" / "defs").rglob("*.py")
    )
    assert set(_VARIABLE.findall(text)) <= settings
    assert set(_MAKE.findall(text)) <= targets
    assert [name for name in _AUTOMATION.findall(text) if name not in defs] == []


@pytest.mark.parametrize("path", PAGES, ids=_IDS)
def test_a_page_uses_the_words_of_the_glossary(path: Path) -> None:
    assert _RETIRED.findall(_CODE.sub("", prose(path))) == []


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r": ([\w/.-]+\.md)$", site, re.MULTILINE))
    pages = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    assert pages == listed and len(pages) > 15


def test_every_test_of_the_compliance_matrix_exists() -> None:
    named = [
        (match["file"].removeprefix("ig_assets_tests/"), match["name"])
        for code in _CODE.findall(prose(COMPLIANCE))
        for match in _TEST.finditer(code)
    ]
    assert len(named) > 100
    gone = [f"{file}::{name}" for file, name in named if not is_a_test(file, name)]
    assert gone == []


def is_a_test(file: str, name: str | None) -> bool:
    """Whether a file of tests exists and defines the test."""
    path = TESTS / file
    if not path.is_file():
        return False
    return name is None or f"def {name}(" in path.read_text(encoding="utf-8")


def test_every_selection_of_the_compliance_matrix_selects_a_test() -> None:
    words = _SELECTED.findall(COMPLIANCE.read_text(encoding="utf-8"))
    selected = [w for w in words if not w.isdigit()]  # `search -k 3` selects none
    files = list(TESTS.rglob("test_*.py"))
    names = [path.stem for path in files]
    for path in files:
        names += re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    assert len(selected) > 10
    assert [w for w in selected if not any(w in name for name in names)] == []


def test_every_row_of_the_compliance_matrix_has_a_module_a_command_and_a_test() -> None:
    rows = re.findall(r"^\| (?!concern)(?!-)(.+) \|$", prose(COMPLIANCE), re.MULTILINE)
    assert len(rows) > 100
    cells = [re.split(r" (?<!\\)\| ", row) for row in rows]
    assert [row[0] for row in cells if len(row) != 4 or not all(row)] == []


def test_the_secrets_scan_reports_a_key_and_not_the_fake_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, fake = tmp_path / "found.txt", tmp_path / "fake.txt"
    found.write_text("first\nkey: sk-" + "a1" * 12 + "\n", encoding="utf-8")
    fake.write_text("key: sk-test-never-shown-0123456789\n", encoding="utf-8")
    assert secret_scan([str(fake)]) == 0
    assert secret_scan([str(fake), str(found)]) == 1
    assert capsys.readouterr().out == f"{found}:2: looks like an OpenAI key\n"
    assert secret_scan([str(path) for path in PAGES]) == 0
