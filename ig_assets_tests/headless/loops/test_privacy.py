"""No word of a script and no key is in what a run leaves outside its own stores."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ig_assets_tests.headless.loop_fixtures import KEY, TurnedLoop

# The stores whose purpose is to hold text.
STORES = ("warehouse.duckdb", "datasets/")


def secrets(loop: TurnedLoop) -> dict[str, bytes]:
    """Hooks and bodies of twenty scripts, written and given, and the key."""
    written = loop.rows(
        "SELECT hook, body FROM variants WHERE rejection IS NULL ORDER BY variant_id "
        "LIMIT 10"
    )
    given = loop.rows(
        "SELECT hook, body FROM scripts WHERE origin <> 'winner' "
        "ORDER BY script_id LIMIT 10"
    )
    sought = {"the key": KEY.encode(), "half of the key": KEY[:24].encode()}
    for number, row in enumerate([*written, *given]):
        sought[f"hook {number}"] = plain_part(row["hook"])
        sought[f"body {number}"] = plain_part(row["body"])
    return sought


def plain_part(text: str) -> bytes:
    """The longest part of a text that no encoding would write in another way."""
    part = max(re.findall(r"[A-Za-z0-9 ]+", text), key=len).strip()
    assert len(part) >= 10
    return part.encode()


def left_behind(loop: TurnedLoop) -> list[Path]:
    """Every file of the data folder outside its stores of text."""
    return [
        path
        for path in sorted(loop.data_dir.rglob("*"))
        if path.is_file()
        and not path.relative_to(loop.data_dir).as_posix().startswith(STORES)
    ]


KILLED = pytest.param("killed_loop", marks=pytest.mark.soak)


@pytest.fixture(scope="module", params=["turned_loop", KILLED])
def loop(request: pytest.FixtureRequest) -> TurnedLoop:
    found: TurnedLoop = request.getfixturevalue(request.param)
    return found


def test_no_text_and_no_key_is_in_any_other_file(loop: TurnedLoop) -> None:
    sought = secrets(loop)
    assert len(sought) > 20
    found = [
        (path.relative_to(loop.data_dir).as_posix(), name)
        for path in left_behind(loop)
        for name, word in sought.items()
        if word in path.read_bytes()
    ]
    assert found == []


def test_the_search_looked_at_the_event_log_and_the_platforms_store(
    loop: TurnedLoop,
) -> None:
    looked_at = {path.name for path in left_behind(loop)}
    assert {"runs.db", "simulated_audience.sqlite", "clock.json"} <= looked_at
    events = loop.dagster_home / "history" / "event_log.db"
    with closing(sqlite3.connect(events)) as con:
        (count,) = con.execute("SELECT count(*) FROM event_logs").fetchone()
    assert count > 100


def test_the_search_finds_the_texts_where_texts_belong(loop: TurnedLoop) -> None:
    files = list((loop.data_dir / "datasets").rglob("*.jsonl"))
    written = b"".join(path.read_bytes() for path in files)
    winners = loop.rows(
        "SELECT s.hook FROM scripts AS s JOIN training_examples AS t "
        "ON t.revision_hash = s.revision_hash WHERE t.kind = 'sft' LIMIT 5"
    )
    assert winners
    assert all(plain_part(row["hook"]) in written for row in winners)


def test_the_key_is_in_no_store_at_all(loop: TurnedLoop) -> None:
    with_key = [
        path.name
        for path in loop.data_dir.rglob("*")
        if path.is_file() and KEY.encode() in path.read_bytes()
    ]
    assert with_key == []


def test_what_the_command_said_holds_no_key(loop: TurnedLoop) -> None:
    assert KEY not in loop.said
