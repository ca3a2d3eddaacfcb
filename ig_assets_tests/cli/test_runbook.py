"""Failures of the runbook, each produced for real, and what a person sees of it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ig_assets.cli.app import app
from ig_assets.core.costs.ledger import ledger
from ig_assets.core.operations import runbook
from ig_assets.warehouse import warehouse
from ig_assets_tests.stand_ins.openai_server import EMBEDDINGS, Fault, OpenAIStandIn

ROOT = Path(__file__).parents[2]
FAILED, WRONG_USE = 1, 2
KEY = "sk-test-runbook-planted-0123456789"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of a test's own, and a library of one script."""
    monkeypatch.setenv("IG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("IG_LIBRARY", str(tmp_path / "library"))
    (tmp_path / "library").mkdir()
    script = "# Why do knives never work?\n\nLook at them first.\n\nCTA: Save this.\n"
    (tmp_path / "library" / "knives.md").write_text(script)
    return tmp_path / "data"


def seen(code: int, *arguments: str) -> tuple[str, str]:
    """The sentence and the section that a person sees of a command that fails."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code and "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    text, _, link = " ".join(result.stderr.split()).partition(" Runbook: ")
    assert text.startswith("ig-assets: ") and KEY not in result.output
    return text.removeprefix("ig-assets: "), link.removeprefix("docs/runbook.md#")


def test_a_wrong_setting(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IG_ARMS", "9")
    sentence, _ = seen(WRONG_USE, "status")
    assert sentence == (
        "IG_ARMS is '9', but must be a whole number from 2 to 3; correct it in the "
        "environment or .env, or remove it (unset, it is 2)."
    )


def test_a_file_that_is_not_there(data_dir: Path) -> None:
    sentence, _ = seen(WRONG_USE, "costs", "--reconcile", "none.csv")
    assert sentence == "none.csv cannot be read (No such file or directory)."


def test_a_file_of_which_nothing_can_be_taken(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "euros.csv"
    file.write_text("date,amount,currency\n2026-05-01,1,eur\n")
    assert seen(FAILED, "costs", "--reconcile", str(file)) == (
        f"No line of {file} can be taken; row 2: its currency is 'eur', not USD. "
        "Nothing was compared.",
        "nothing-of-a-file-was-taken",
    )


def test_a_warehouse_that_another_program_holds(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse.Warehouse.__init__, "__defaults__", (0.3,))
    monkeypatch.setattr("ig_assets.wiring.stores.make_warehouse.__defaults__", (0.3,))
    data_dir.mkdir()
    hold = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True)"
        "; sys.stdin.read()"
    )
    file = str(data_dir / "warehouse.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", hold, file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None and program.stdin is not None
        assert program.stdout.readline() == "held\n"
        sentence, section = seen(FAILED, "status")
        program.stdin.close()
    assert sentence.startswith(f"The warehouse file {file} is held by another process")
    assert sentence.endswith("close the program that has it open.")
    assert section == "the-warehouse-is-busy"


GONE = [
    ("status",),
    ("db", "backup", "BACKUPS", "--keep", "1"),
    ("db", "migrate", "--check"),
    ("db", "migrate"),
    ("costs",),
    ("models", "list"),
    ("lineage", "--check"),
    ("sync",),
]


@pytest.mark.parametrize("command", GONE, ids=" ".join)
def test_a_warehouse_file_that_is_gone(
    data_dir: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """No command makes an empty one in its place, nor touches a backup of it."""
    backups = tmp_path / "backups"
    invoke = CliRunner().invoke
    assert invoke(app, ["db", "migrate"]).exit_code == 0
    assert invoke(app, ["db", "backup", str(backups)]).exit_code == 0
    (data_dir / "warehouse.duckdb").rename(tmp_path / "moved")
    here = [str(backups) if word == "BACKUPS" else word for word in command]
    sentence, section = seen(FAILED, *here)
    assert sentence == (
        f"The warehouse file {data_dir / 'warehouse.duckdb'} was here and is gone; "
        "mount its disk or put it back, or restore a backup (`ig-assets db restore "
        "FOLDER --newest`); to begin anew, point IG_DATA_DIR at a new folder."
    )
    assert section == "the-warehouse-is-gone"
    assert not (data_dir / "warehouse.duckdb").exists()
    restored = invoke(app, ["db", "restore", str(backups), "--newest"])
    assert restored.exit_code == 0, restored.output
    assert invoke(app, ["status"]).exit_code == 0


def test_a_backup_of_a_new_folder_makes_nothing(data_dir: Path, tmp_path: Path) -> None:
    sentence, _ = seen(WRONG_USE, "db", "backup", str(tmp_path / "backups"))
    assert "There is no warehouse file" in sentence
    assert not data_dir.exists() and not (tmp_path / "backups").exists()


def test_figures_of_a_new_folder_make_nothing(data_dir: Path) -> None:
    result = CliRunner().invoke(app, ["metrics", "show"])
    assert result.exit_code == 0 and "ig_assets_warehouse_readable 0\n" in result.stdout
    assert "There is no warehouse file" in " ".join(result.stderr.split())
    assert not data_dir.exists()


def test_a_warehouse_of_newer_code(data_dir: Path) -> None:
    assert CliRunner().invoke(app, ["status"]).exit_code == 0
    newer = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute(\"INSERT INTO ig.migrations VALUES (9999, 'm9999', now())\")"
    )
    file = str(data_dir / "warehouse.duckdb")
    subprocess.run([sys.executable, "-c", newer, file], check=True)
    sentence, section = seen(FAILED, "status")
    assert "The warehouse has migration 9999, which this version" in sentence
    assert section == "the-warehouse-cannot-be-opened"


@pytest.fixture
def paid(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Embeddings are OpenAI's; retries do not wait."""
    monkeypatch.setenv("IG_EMBEDDER", "openai")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(ledger, "CALL_ATTEMPTS", 1)
    return monkeypatch


@pytest.mark.further  # a whole run of Dagster
def test_a_vendor_that_is_not_there(paid: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paid.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
    sentence, section = seen(FAILED, "sync")
    assert "openai" in sentence and "cannot be reached" in sentence
    assert section == "a-vendor-does-not-answer"


@pytest.mark.further
def test_a_vendor_that_refuses_the_key(paid: pytest.MonkeyPatch) -> None:
    with OpenAIStandIn() as server:
        server.fail(Fault(status=401), path=EMBEDDINGS)
        paid.setenv("OPENAI_BASE_URL", server.base_url)
        sentence, section = seen(FAILED, "sync")
    assert "key" in sentence and section == "a-vendor-refuses-the-account"


def test_every_section_that_a_link_points_to_is_there_and_names_its_test() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    found = re.findall(r"^### (.+)\n\n(?:.+\n)+?Test: `(.+)`\.$", text, re.MULTILINE)
    tests = {
        re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title.lower())): test
        for title, test in found
    }
    constants = [value for key, value in vars(runbook).items() if key.isupper()]
    named = {one for one in constants if isinstance(one, str)} - {runbook.PAGE}
    wanted = {*runbook.SECTIONS.values(), *named}
    assert len(wanted) > 15 and wanted - tests.keys() == set()
    for test in tests.values():
        file, _, name = test.partition("::")
        source = (ROOT / "ig_assets_tests" / file).read_text("utf-8")
        assert not name or f"def {name}(" in source, test
