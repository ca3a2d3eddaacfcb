"""What is erased from a warehouse is in its bytes no more, and stays erased."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ig_assets.errors import WarehouseError
from ig_assets.warehouse.forgetting.erasure import RULES, Erasure, erase
from ig_assets.warehouse.forgetting.receipts import (
    read_receipts,
    receipts_folder,
    write_receipt,
)
from ig_assets.warehouse.forgetting.registry import COLUMNS
from ig_assets.warehouse.migrations import KEYS
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.cases import with_further
from ig_assets_tests.factories.warehouses import cells, migrated_warehouse
from ig_assets_tests.warehouse.conftest import MakeHome, PsqlServer

NOW = datetime(2026, 5, 1, 9)
PHRASE = "a lavender kettle hums under the stairwell"
OTHER = "an untouched sentence about radishes"
ERASURE = Erasure(
    "r1",
    "a letter",
    "rita",
    NOW,
    scripts=("library/x",),
    revisions=(("library/x", "h0"), ("library/x", "h1")),
    variants=("v1",),
    drafts=("v1",),
    attempts=("v1 0",),
    edits=(f"p1 {(NOW - datetime(1970, 1, 1)) // timedelta(microseconds=1)}",),
    contents=("h1",),
    examples=("e1",),
    models=("m1",),
)


@pytest.fixture
def homes_keep_their_log() -> None:
    """Nothing: these tests detach homes as users' processes do."""


def fill(home: Warehouse) -> None:
    """Words of one script in each table that can hold some, and another script."""
    parts = {"hook": PHRASE, "body": PHRASE, "call_to_action": PHRASE, "text": PHRASE}
    lists = {"beats": json.dumps([PHRASE]), "shots": json.dumps([PHRASE])}
    written = {**parts, **lists, "on_screen_text": PHRASE}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("drafts", {"variant_id": "v1", **written}),
        ("variants", {"variant_id": "v1", **written}),
        ("polish_attempts", {"variant_id": "v1", "attempt": 0, **written}),
        ("post_edits", {"post_id": "p1", "edited_at": NOW, **parts}),
        ("posts", {"post_id": "p1", "variant_id": "v1", "status": "approved"}),
        (
            "training_examples",
            {"month": "2026-04", "example_id": "e1", "prompt": PHRASE}
            | {"completion": PHRASE, "rejected": PHRASE},
        ),
        ("embeddings", {"content_hash": "h1", "model": "m", "dimensions": 1}),
        ("hook_vectors", {"hook_hash": "h1", "model": "m"}),
        ("index_entries", {"index_name": "i", "namespace": "n"} | script("library/x")),
        ("models", {"model_id": "m1"}),
        ("model_events", {"model_id": "m1", "changed_at": NOW, "status": "active"}),
    ]
    for name, words in (("library/x", PHRASE), ("library/y", OTHER)):
        labels = {"author": f"author of {words}", "topic": words}
        rows.append(
            ("scripts", {**script(name), **labels, **dict.fromkeys(parts, words)})
        )
        status = {**script(name), "changed_at": NOW, "status": "active"}
        rows.append(("script_status", status))
    with home.transaction() as con:
        for table, row in rows:
            merge_rows(con, table, [row])


def script(name: str) -> dict[str, Any]:
    return {"script_id": name, "revision_hash": "h1" if name == "library/x" else "h2"}


@pytest.fixture(params=with_further(("duckdb", "postgres", "ducklake")))
def new_home(
    request: pytest.FixtureRequest, make_new_home: MakeHome, tmp_path: Path
) -> Warehouse:
    if request.param == "duckdb":
        return migrated_warehouse(tmp_path / "w.duckdb", lambda: NOW)
    return make_new_home(request.param)


def test_an_erasure_reaches_every_column_of_words_once_and_nothing_else(
    new_home: Warehouse,
) -> None:
    fill(new_home)
    assert any(PHRASE in cell for cell in cells(new_home))
    with new_home.transaction() as con:
        counts = erase(con, ERASURE)
    assert set(counts) == {rule.table for rule in RULES}
    assert not any(PHRASE in cell for cell in cells(new_home))
    assert any(OTHER in cell for cell in cells(new_home))
    with new_home.transaction() as con:
        status = con.execute("SELECT status FROM posts").fetchall()
        model = con.execute("SELECT status FROM latest_model_status").fetchall()
        current = con.execute("SELECT script_id FROM current_scripts").fetchall()
        refused = con.execute(
            "SELECT revision_hash FROM script_status WHERE status = 'forgotten' "
            "ORDER BY changed_at"
        ).fetchall()
        gone = con.execute("SELECT script_id FROM forgotten ORDER BY ALL").fetchall()
    assert (status, model) == ([("declined",)], [("tainted",)])
    assert current == [("library/y",)] and refused == [("h0",), ("h1",)]
    assert gone == [("library/x",), ("winner/v1",)]
    before = everything(new_home)
    with new_home.transaction() as con:
        assert erase(con, ERASURE) == {}
    assert everything(new_home) == before


def everything(home: Warehouse) -> dict[str, list[Any]]:
    with home.transaction() as con:
        return {
            table: sorted(con.execute(f"SELECT * FROM {table}").fetchall(), key=str)
            for table in KEYS
        }


def test_every_table_with_words_or_vectors_has_a_rule() -> None:
    holding = {name for name, of in COLUMNS.items() if of.words or of.vectors}
    assert holding and holding <= {rule.table for rule in RULES}


def test_an_erasure_is_read_back_from_json_as_it_was() -> None:
    text = json.dumps(ERASURE.as_json())
    assert Erasure.from_json(json.loads(text)) == ERASURE


# ── the file ──────────────────────────────────────────────────────────────────


def erased_file(folder: Path) -> Warehouse:
    home = migrated_warehouse(folder / "w.duckdb", lambda: NOW)
    fill(home)
    home.close()
    with home.transaction() as con:
        erase(con, ERASURE)
    home.close()
    return home


def test_deleted_words_are_in_the_files_bytes_until_it_is_rewritten(
    tmp_path: Path,
) -> None:
    home = erased_file(tmp_path)
    assert home.path is not None
    with duckdb.connect(home.path) as con:
        con.execute("CHECKPOINT")
    assert PHRASE.encode() in home.path.read_bytes()
    before = everything(home)
    assert home.rewrite() == ""
    left = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert set(left) == {
        "w.duckdb",
        "w.duckdb.lock",
        "w.duckdb.made",
        "w.duckdb.queue",
    }
    assert PHRASE.encode() not in left["w.duckdb"]
    assert OTHER.encode() in left["w.duckdb"]
    assert everything(home) == before


def test_a_log_beside_the_file_is_written_into_it_and_not_read_into_the_copy(
    tmp_path: Path,
) -> None:
    home = erased_file(tmp_path)
    assert home.path is not None
    with duckdb.connect(":memory:") as con:
        con.execute("PRAGMA disable_checkpoint_on_shutdown")
        con.execute(f"ATTACH '{home.path}' AS home")
        con.execute("UPDATE home.ig.scripts SET topic = 'from the log'")
    log = Path(f"{home.path}.wal")
    assert b"from the log" in log.read_bytes()
    home.rewrite()
    assert not log.exists() and "from the log" in cells(home)


def test_a_rewriting_that_was_killed_leaves_the_old_file_and_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = erased_file(tmp_path)
    before = everything(home)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("os.replace", killed)
        home.rewrite()
    assert everything(home) == before
    assert home.rewrite() == "" and everything(home) == before
    assert not (tmp_path / "w.duckdb.rewritten").exists()


# ── a server ──────────────────────────────────────────────────────────────────


def server_files_with(words: str, postgres: PsqlServer, data: Path) -> set[str]:
    """The files of the server and the lake with the words; its log is not looked at."""
    folder, psql = postgres
    psql("CHECKPOINT;")
    paths = [p for root in (Path(folder), data) for p in root.rglob("*")]
    assert len(paths) > 100
    return {
        path.name
        for path in paths
        if path.is_file()
        and "pg_wal" not in path.parts
        and words.encode() in path.read_bytes()
    }


@pytest.mark.further
@pytest.mark.parametrize("kind", ["postgres", "ducklake"])
def test_a_rewritten_server_has_the_words_in_its_log_alone(
    kind: str, make_new_home: MakeHome, postgres: PsqlServer
) -> None:
    home = make_new_home(kind)
    data = Path(home.url.partition("?data_path=")[2] or "/nonexistent")
    fill(home)
    with home.transaction() as con:
        con.execute("INSERT INTO training_examples SELECT * FROM training_examples")
    home.close()
    sought = f"{PHRASE} in the {kind}"
    with home.transaction() as con:
        con.execute(
            "UPDATE scripts SET body = ? WHERE script_id = 'library/x'", [sought]
        )
        con.execute("UPDATE training_examples SET prompt = ?", [sought])
    home.close()
    if kind == "postgres":
        name = home.url.partition("dbname=")[2]
        postgres[1](f"\\c {name}\nANALYZE;")
    assert server_files_with(sought, postgres, data)
    with home.transaction() as con:
        erase(con, ERASURE)
    before = everything(home)
    assert "write-ahead log" in home.rewrite()
    home.close()
    assert server_files_with(sought, postgres, data) == set()
    assert everything(home) == before
    assert not any(PHRASE in cell for cell in cells(home))


# ── a restored copy ───────────────────────────────────────────────────────────


def restored(folder: Path) -> Warehouse:
    """The file of before the forgetting, put back after it; receipts stayed."""
    home = migrated_warehouse(folder / "w.duckdb", lambda: NOW)
    fill(home)
    home.close()
    shutil.copy(folder / "w.duckdb", folder / "backup")
    body = {"erasure": ERASURE.as_json()}
    write_receipt(receipts_folder(folder / "w.duckdb"), "r1", body)
    shutil.move(folder / "backup", folder / "w.duckdb")
    return Warehouse(f"duckdb:///{folder / 'w.duckdb'}", lambda: NOW)


def test_a_restored_copy_forgets_before_it_can_be_read(tmp_path: Path) -> None:
    home = restored(tmp_path)
    assert not any(PHRASE in cell for cell in cells(home))
    home.close()
    assert PHRASE.encode() not in (tmp_path / "w.duckdb").read_bytes()
    with home.transaction() as con:
        rows = con.execute("SELECT request_id, status FROM forget_requests").fetchall()
    assert rows == [("r1", "replayed")]
    before = everything(home)
    again = Warehouse(home.url, lambda: NOW)
    assert everything(again) == before


def test_a_receipt_that_was_changed_keeps_the_warehouse_shut(tmp_path: Path) -> None:
    home = restored(tmp_path)
    folder = receipts_folder(tmp_path / "w.duckdb")
    write_receipt(folder, "r2", {"erasure": ERASURE.as_json()})
    first = min(folder.iterdir())
    first.write_text(first.read_text().replace("a letter", "another letter"))
    with pytest.raises(WarehouseError, match="does not follow"):
        with home.transaction():
            pass


def test_the_newest_receipt_is_compared_with_the_tables(tmp_path: Path) -> None:
    home = restored(tmp_path)
    with home.transaction():
        pass  # replays the receipt, and records its hash
    home.close()
    [newest] = receipts_folder(tmp_path / "w.duckdb").iterdir()
    newest.write_text(newest.read_text().replace("a letter", "another letter"))
    again = migrated_warehouse(tmp_path / "w.duckdb", lambda: NOW)
    with pytest.raises(WarehouseError, match="was changed"):
        with again.transaction():
            pass


def test_receipts_are_chained_and_a_request_has_one(tmp_path: Path) -> None:
    one = write_receipt(tmp_path, "r1", {"erasure": {}})
    two = write_receipt(tmp_path, "r2", {"erasure": {}})
    assert write_receipt(tmp_path, "r1", {"erasure": {"other": 1}}) == one
    assert (one.number, two.number) == (1, 2)
    assert two.fields["previous"] == one.sha256
    assert read_receipts(tmp_path) == [one, two]
    min(tmp_path.iterdir()).unlink()
    with pytest.raises(WarehouseError, match="does not follow"):
        read_receipts(tmp_path)
